"""Recommenders trained from a recorded log: what they learn, and when they are refused."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
from ibis import _

from desirepath.analysis.reactions import Weighting, reactions, weighted
from desirepath.domain.clock import format_time
from desirepath.domain.scope import Scope
from desirepath.engine.analysing.asking import open_log
from desirepath.engine.engine import Engine
from desirepath.engine.models import check_free_name, deploy_model
from desirepath.engine.recommendations import recommend_documents
from desirepath.engine.recommender_files import read_recommender, write_recommender
from desirepath.engine.recommending.answers import Choice
from desirepath.engine.recommending.history import Asker, history_of, last_done, reactions_of
from desirepath.engine.recording import SentExecution, SentInteraction, Submission
from desirepath.engine.tasks.running import run_task, start_task
from desirepath.engine.training.cut_reactions import LEAST_PEOPLE
from desirepath.engine.training.recommender import (
    RecommenderSettings,
    train_recommender,
)
from desirepath.errors import AlreadyExists, InvalidModel, InvalidSetting, NotEnoughData
from desirepath.storage.base import Namespace
from desirepath.testing.clock import TestingClock
from desirepath.testing.examples import sent_execution, sent_interaction
from desirepath.testing.tastes import Reactions, Tastes, simulate_tastes
from tests.recommenders import parts_of, store_recommender

Sent = SentInteraction | SentExecution
WORLD = Tastes(n_people=400, n_documents=150, n_kinds=8, reactions=8, own=0.85)
DAY = 86_400_000_000


@pytest.fixture
def default(engine: Engine) -> Namespace:
    with engine.storage.read() as session:
        return next(one for one in session.catalog.namespaces() if one.number == 1)


def record(engine: Engine, *sent: Sent) -> None:
    for start in range(0, len(sent), 500):
        part = sent[start : start + 500]
        engine.submit(
            Submission(
                namespace=1,
                interactions=[one for one in part if isinstance(one, SentInteraction)],
                executions=[one for one in part if isinstance(one, SentExecution)],
                deduplicate=False,
            )
        )


def live_through(engine: Engine, clock: TestingClock, found: Reactions) -> None:
    """Record simulated reactions, a minute after one another."""
    began = clock.now() - len(found.people) * 60_000_000
    record(
        engine,
        *(
            sent_interaction(
                feature_id=f"d{document}",
                user_id=f"u{person}",
                execution_id=f"x{number}",
                occurred_at=format_time(began + number * 60_000_000),
            )
            for number, (person, document) in enumerate(
                zip(found.people, found.documents, strict=True)
            )
        ),
    )


def test_planted_tastes_are_found_above_popularity(
    engine: Engine, default: Namespace, clock: TestingClock, figure: Callable[[str], None]
) -> None:
    """A simulation with seed 11: it says that the method works, not how well with real people."""
    found = simulate_tastes(WORLD, np.random.default_rng(11))
    live_through(engine, clock, found)
    trained = train_recommender(engine, default, "shop", RecommenderSettings(), Scope())
    report = trained.report
    compared, personal = report.compared, report.personal
    assert compared is not None
    assert personal is not None
    figure(
        f"NDCG@10 {compared.mean:.4f}, popularity {compared.other:.4f}, n {compared.n}, "
        f"difference {compared.difference:+.4f} [{compared.low:+.4f}, {compared.high:+.4f}]"
    )
    assert compared.low > 0.02
    assert personal.low > 0.02
    assert report.popularity_share < 1
    assert report.verdict == "It beats popularity."
    assert (report.n_people, report.n_documents) == (len(set(found.people)), 150)
    assert compared.n <= report.n_returned
    stored = trained.artifact
    assert stored is not None
    assert stored.manifest["report"]["verdict"] == report.verdict
    assert stored.manifest["holds_people"] is False
    deploy_model(engine, 1, "shop")
    kind = int(found.tastes[0][0])
    liked = [f"d{number}" for number in np.flatnonzero(found.kinds == kind)]
    for document in liked[:4]:
        record(engine, sent_interaction(feature_id=document, user_id="newcomer"))
    answer = recommend_documents(
        engine, 1, Asker(user_id="newcomer"), Choice(limit=10), model="shop", exclude_seen=True
    )
    top = [one.document_id for one in answer.documents]
    assert len(set(top) & set(liked)) >= 6  # of 150 documents, an eighth is of this kind


def test_without_tastes_it_does_not_claim_to_beat_popularity(
    engine: Engine, default: Namespace, clock: TestingClock
) -> None:
    world = Tastes(n_people=400, n_documents=150, reactions=8, own=0.0)
    live_through(engine, clock, simulate_tastes(world, np.random.default_rng(11)))
    report = train_recommender(
        engine, default, "shop", RecommenderSettings(), Scope(), is_stored=False
    ).report
    assert report.compared is not None
    assert report.compared.low <= 0
    assert report.verdict != "It beats popularity."
    alone = train_recommender(
        engine,
        default,
        "shop",
        RecommenderSettings(popularity_share=0.0, method="bm25"),
        Scope(),
        is_stored=False,
    ).report
    assert alone.verdict == "It is worse than popularity: do not deploy it."


@pytest.mark.parametrize("method", ["als", "bm25"])
def test_other_methods_find_them_too(
    engine: Engine, default: Namespace, clock: TestingClock, method: str
) -> None:
    live_through(engine, clock, simulate_tastes(WORLD, np.random.default_rng(11)))
    settings = RecommenderSettings(method=method, regularization=2.0)  # type: ignore[arg-type]
    trained = train_recommender(engine, default, "shop", settings, Scope())
    assert trained.report.compared is not None
    assert trained.report.compared.low > 0
    again = train_recommender(engine, default, "shop", settings, Scope(), is_stored=False)
    assert again.report == trained.report
    loaded = engine.recommenders.get(1, "shop", 1)
    history = history_of(reactions_of([]), {}, 30.0, 5.0)
    assert not loaded.parts.model.scores(history).any()


def test_training_and_serving_weigh_reactions_alike(
    engine: Engine, default: Namespace, clock: TestingClock
) -> None:
    """The expression over the log and the fold over one person's interactions are equal."""
    draw = random.Random(3)
    now = clock.now()
    kinds = ("click", "view", "purchase", "skip", "return_to_results", "impression", "add_to_cart")
    sent: list[Sent] = [
        sent_execution(
            execution_id=f"e{number}",
            user_id=f"u{number % 5}",
            documents=[{"document_id": f"d{place}"} for place in range(4)],
        )
        for number in range(30)
    ]
    for _number in range(600):
        execution = draw.choice((None, draw.randrange(35)))
        user = draw.choice((None, f"u{draw.randrange(5)}"))
        fields = {
            "feature_id": f"d{draw.randrange(12)}",
            "interaction_type": [draw.choice(kinds)],
            "user_id": user,
            "execution_id": None if execution is None else f"e{execution}",
            "occurred_at": draw.choice((None, format_time(now - draw.randrange(90 * DAY)))),
        }
        sent.append(sent_interaction(**{k: v for k, v in fields.items() if v is not None}))
    record(engine, *sent)
    numbers = {f"d{number}": number for number in range(12)}
    weighting = Weighting(half_life=30 * DAY, most=5.0)
    n_compared = 0
    with open_log(engine, default) as opened, engine.storage.read() as session:
        rows = reactions(opened.log)
        for user in (f"u{number}" for number in range(5)):
            done = reactions_of(last_done(session, 1, Asker(user_id=user)))
            history = history_of(done, numbers, 30.0, 5.0)
            as_of = max(one.moment for one in done)
            own = rows.filter(_.identity == user)
            table = opened.engine.arrow(weighted(own, as_of, weighting)).to_pylist()
            expected = {row["document_id"]: row["weight"] for row in table}
            online = zip(history.documents, history.weights, strict=True)
            assert {f"d{number}": weight for number, weight in online} == pytest.approx(expected)
            assert set(history.weights) != {5.0}
            n_compared += len(expected)
    assert n_compared > 40


def test_robots_and_queries_teach_nothing(
    engine: Engine, default: Namespace, clock: TestingClock
) -> None:
    live_through(engine, clock, simulate_tastes(WORLD, np.random.default_rng(2)))
    before = train_recommender(
        engine, default, "shop", RecommenderSettings(), Scope(), is_stored=False
    )
    began = clock.now() - 5 * DAY
    record(
        engine,
        *(
            sent_interaction(
                feature_id="its own",
                user_id="robot",
                execution_id=f"r{number}",
                occurred_at=format_time(began + number * 2_000_000),
            )
            for number in range(400)
        ),
        sent_interaction(
            feature_id="_query", interaction_type=["query_refinement"], user_id="u1", position=0
        ),
    )
    after = train_recommender(
        engine, default, "shop", RecommenderSettings(), Scope(), is_stored=False
    )
    assert after.report.n_flagged == 1
    assert after.report.n_people == before.report.n_people
    assert after.parts.document_ids == before.parts.document_ids


def test_too_little_is_refused_with_the_amount(engine: Engine, default: Namespace) -> None:
    for n_people in (0, 3):
        record(
            engine,
            *(
                sent_interaction(feature_id=f"d{document}", user_id=f"u{number}")
                for number in range(n_people)
                for document in range(2)
            ),
            *(
                sent_interaction(feature_id="d0", user_id=f"once{number}")
                for number in range(40 * (n_people > 0))
            ),
            sent_interaction(feature_id="d7"),  # nobody's
        )
        with pytest.raises(NotEnoughData, match="reacted to two documents") as refused:
            train_recommender(engine, default, "shop", RecommenderSettings(), Scope())
        assert (refused.value.needed, refused.value.found) == (LEAST_PEOPLE, n_people)


def test_when_nobody_comes_back_it_says_that_it_cannot_tell(
    engine: Engine, default: Namespace
) -> None:
    record(
        engine,
        *(
            sent_interaction(feature_id=f"d{document}", user_id=f"u{number}")
            for number in range(30)
            for document in (number % 4, number % 4 + 1)
        ),
    )
    report = train_recommender(engine, default, "shop", RecommenderSettings(), Scope()).report
    assert report.compared is None
    assert report.shares == ()
    assert report.popularity_share == 0.5
    assert report.verdict.startswith("Nobody can tell whether it beats popularity: 20 people")


@pytest.mark.parametrize(
    "change",
    [
        {"half_life_days": 0.0},
        {"neighbours": 0},
        {"popularity_share": 1.5},
        {"test_share": 1.0},
        {"factors": 10_000},
        {"shrinkage": float("nan")},
    ],
)
def test_settings_out_of_range_are_refused_by_name(
    engine: Engine, default: Namespace, change: dict[str, float]
) -> None:
    settings = RecommenderSettings(**change)  # type: ignore[arg-type]
    with pytest.raises(InvalidSetting, match=f"^{next(iter(change))} is out of range"):
        train_recommender(engine, default, "shop", settings, Scope())


def test_names_of_other_models_are_refused(engine: Engine, default: Namespace) -> None:
    with pytest.raises(InvalidModel):
        train_recommender(engine, default, "a/b", RecommenderSettings(), Scope())
    store_recommender(engine, default, parts_of({"a": ("x", "y")}), name="taken")
    with pytest.raises(AlreadyExists):
        check_free_name(engine, 1, "ranker", "taken")


def test_a_task_trains_and_keeps_people_where_it_is_asked_to(
    engine: Engine, default: Namespace, clock: TestingClock
) -> None:
    found = simulate_tastes(WORLD, np.random.default_rng(4))
    live_through(engine, clock, found)
    inputs = {"name": "people", "settings": {"similar_users": True}}
    task = start_task(engine, default, "train.recommender", inputs)
    run_task(engine)
    with engine.storage.read() as session:
        done = session.jobs.find(1, task.task_id)
    assert done is not None
    assert done.status.value == "COMPLETED", done.error
    loaded = engine.recommenders.get(1, "people", 1)
    assert loaded.artifact.manifest["holds_people"] is True
    people = loaded.parts.people
    assert people is not None
    number = people.ids.index("u3")
    theirs = {loaded.parts.document_ids[one] for one in people.preferences.of(number).documents}
    assert theirs == {f"d{one}" for one in found.documents[found.people == 3]}
    files = write_recommender(loaded.parts)
    assert write_recommender(read_recommender(files, files.__getitem__)).keys() == files.keys()
