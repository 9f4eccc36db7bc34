"""A recommender as a feature of a ranker: what it is worth, and that it knows no answers."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest

from desirepath.domain.scope import Scope
from desirepath.engine.deleting import delete_interaction
from desirepath.engine.engine import Engine
from desirepath.engine.models import delete_model, deploy_model
from desirepath.engine.recording import Submission
from desirepath.engine.training.ranker import RankerSettings, train_ranker
from desirepath.engine.training.recommender import RecommenderSettings, train_recommender
from desirepath.errors import InvalidSetting, NotEnoughData
from desirepath.methods.ranking.trees import TreeSettings
from desirepath.storage.base import Namespace
from desirepath.testing.clock import TestingClock
from desirepath.testing.examples import sent_execution, sent_interaction

N_PEOPLE, N_KINDS = 50, 5
SETTINGS = RankerSettings(
    features=("rank", "ctr", "recommender:tastes"), trees=TreeSettings(trees=60, threads=1)
)


def namespace(engine: Engine) -> Namespace:
    with engine.storage.read() as session:
        return session.catalog.namespaces()[0]


def live_through(engine: Engine, clock: TestingClock, n: int, seed: int) -> None:
    """Lists by chance, of six from a hundred documents; each person likes those of one kind."""
    draw = random.Random(seed)
    for number in range(n):
        person = draw.randrange(N_PEOPLE)
        shown = draw.sample(range(100), 6)
        liked = [place for place, id in enumerate(shown) if id % N_KINDS == person % N_KINDS]
        name = f"search-{seed}-{number}"
        sent = sent_execution(
            execution_id=name,
            user_id=f"u{person}",
            documents=[{"document_id": f"d{id}"} for id in shown],
        )
        engine.submit(Submission(namespace=1, executions=(sent,)))
        place = draw.choice(liked) if liked and draw.random() < 0.9 else draw.randrange(6)
        click = sent_interaction(
            execution_id=name, user_id=f"u{person}", feature_id=f"d{shown[place]}", position=place
        )
        engine.submit(Submission(namespace=1, interactions=(click,)))
        clock.advance(seconds=20)


def train(engine: Engine, method: str = "cosine", *, before: int | None = None) -> None:
    settings = RecommenderSettings(method=method, popularity_share=0.0)  # type: ignore[arg-type]
    scope = Scope(before=before)
    train_recommender(engine, namespace(engine), "tastes", settings, scope)


def test_it_makes_a_ranker_better_and_is_no_answer_in_disguise(
    engine: Engine, clock: TestingClock, figure: Callable[[str], None]
) -> None:
    """A simulation of 600 lists that the recommender learns from, and 500 that it does not."""
    live_through(engine, clock, 600, seed=1)
    cut = clock.now()
    live_through(engine, clock, 500, seed=2)
    train(engine, before=cut)
    trained = train_ranker(engine, namespace(engine), "best", SETTINGS, Scope())
    ranker, *others = trained.report.measured
    behind = {one.order: one.behind for one in others if one.behind is not None}
    figure(
        f"nDCG@10 {ranker.ndcg.mean:.3f} on {trained.report.n_test_lists} lists, ahead "
        f"of the document's CTR by {behind['item_ctr'].mean:+.3f} "
        f"[{behind['item_ctr'].low:+.3f}, {behind['item_ctr'].high:+.3f}]"
    )
    assert all(one.low > 0 for one in behind.values())
    matrix = trained.matrix
    assert matrix.names[2] == "recommender:tastes@1"
    values = matrix.values[:, 2]
    is_later = np.repeat(matrix.times >= cut, matrix.groups)
    assert np.isnan(values[~is_later]).all()
    assert np.isfinite(values[is_later]).mean() > 0.9

    delete_model(engine, 1, "tastes")
    deploy_model(engine, 1, "best")
    assert engine.rankers.get(1, "best", None).layout.names == matrix.names


def test_what_cannot_be_a_feature_is_refused(engine: Engine, clock: TestingClock) -> None:
    live_through(engine, clock, 150, seed=3)

    def refused(name: str = "recommender:tastes") -> str:
        wanted = RankerSettings(features=("rank", name))
        with pytest.raises(InvalidSetting) as refusal:
            train_ranker(engine, namespace(engine), "best", wanted, Scope())
        return refusal.value.message

    assert "no recommender" in refused()
    train(engine)
    assert "no recommender" in refused("recommender:tastes@2")
    with pytest.raises(NotEnoughData, match="--before") as too_late:
        train_ranker(engine, namespace(engine), "best", SETTINGS, Scope())
    assert (too_late.value.needed, too_late.value.found) == (20, 0)
    train(engine, "als")
    assert "no neighbours" in refused("recommender:tastes@2")
    with engine.storage.read() as session:
        click = next(session.interactions.scan(1))
    delete_interaction(engine, 1, click.id)
    assert "was deleted" in refused("recommender:tastes@1")
