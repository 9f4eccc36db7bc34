"""What each feature by itself says of clicks: found wherever it is, and never from later."""

from __future__ import annotations

import random
from typing import Any

import pytest

from desirepath.domain.scope import Scope
from desirepath.engine.analysing.asking import open_log
from desirepath.engine.engine import Engine
from desirepath.engine.recording import Submission
from desirepath.engine.training.layouts import USUAL_FEATURES
from desirepath.engine.training.proposing import ProposedFeatures, propose_features
from desirepath.errors import NotEnoughData
from desirepath.testing.clock import TestingClock
from desirepath.testing.examples import a_document, sent_execution, sent_interaction
from tests.clicked_lists import shop

N_DOCUMENTS = 40
USER_TO_COLOUR = {"ann": "red", "bob": "blue"}


def proposed(engine: Engine, scope: Scope | None = None) -> ProposedFeatures:
    with engine.storage.read() as session:
        namespace = session.catalog.namespaces()[0]
    with open_log(engine, namespace) as opened:
        return propose_features(engine, namespace, opened, scope or Scope())


def coloured(number: int) -> dict[str, Any]:
    return {
        "title": f"document {number}",
        "style": {"colour": ["red", "blue"][number % 2], "made": {"year_at": "2020-01-01"}},
        "price": {"eur": number, "dotted.key": number},
        "shop": "the same",
    }


def search_by_colour(engine: Engine, clock: TestingClock, n: int) -> None:
    """People click the first document of their colour; sessions end after five searches."""
    draw = random.Random(7)
    with engine.storage.write() as session:
        session.documents.upsert(
            1, [a_document(document_id=f"d{k}", payload=coloured(k)) for k in range(N_DOCUMENTS)]
        )
    for number in range(n):
        user = ("ann", "bob")[number % 2]
        who = {"user_id": user, "session_id": f"{user}-{number // 10}"}
        shown = draw.sample(range(N_DOCUMENTS), 6)
        liked = [k for k in shown if coloured(k)["style"]["colour"] == USER_TO_COLOUR[user]]
        documents = [{"document_id": f"d{k}"} for k in shown]
        sent = sent_execution(execution_id=f"e{number}", documents=documents, **who)
        engine.submit(Submission(namespace=1, executions=(sent,)))
        if liked:
            click = sent_interaction(execution_id=f"e{number}", feature_id=f"d{liked[0]}", **who)
            engine.submit(Submission(namespace=1, interactions=(click,)))
        clock.advance(seconds=90)


def test_fields_within_fields_and_likings_are_measured(engine: Engine, clock: TestingClock) -> None:
    search_by_colour(engine, clock, 160)
    found = proposed(engine)
    signals = {one.feature: one for one in found.features}
    assert set(signals) == {
        *USUAL_FEATURES,
        "field:price.eur",
        "age:style.made.year_at",
        "user_affinity:style.colour",
        "session_affinity:style.colour",
    }
    liking, lately = signals["user_affinity:style.colour"], signals["session_affinity:style.colour"]
    assert liking.is_worth_it
    assert liking.is_falling
    assert liking.auc.low > 0.6
    assert liking.ndcg > found.ndcg_by_chance
    assert 0 < lately.coverage < liking.coverage < 1  # a session begins anew
    assert lately.is_worth_it
    assert found.features[0].feature in (liking.feature, lately.feature, "rank")
    assert not signals["age:style.made.year_at"].is_worth_it  # all of one day
    assert signals["rank"].auc.high < 0.5  # the first one is clicked: lower is better
    assert not signals["rank"].is_falling


def test_what_was_logged_tells_and_later_clicks_do_not(engine: Engine, clock: TestingClock) -> None:
    shop(engine, clock, 150)
    found = proposed(engine)
    signals = {one.feature: one for one in found.features}
    assert found.features[0].feature == "feature:worth"
    assert signals["feature:worth"].is_worth_it
    assert signals["feature:worth"].auc.low > 0.8
    assert found.n_lists == 120  # the last fifth is for the ranker's measure
    # Whoever sees a list's own click knows it: a rate would then be right nearly always.
    for name in ("ctr", "popularity", "days_since_click"):
        assert abs(signals[name].auc.mean - 0.5) < 0.05
    # Nothing was scored: that orders nothing, not even as it was shown.
    assert signals["document_score"].ndcg == found.ndcg_by_chance
    assert {name for name, one in signals.items() if not one.coverage} == {"document_score"}


def test_what_is_the_same_is_proposed_once(engine: Engine, clock: TestingClock) -> None:
    draw = random.Random(1)
    for number in range(80):
        documents, worths = [], []
        for place in range(4):
            worths.append(draw.random())
            features = {"worth": worths[-1], "again": worths[-1]}
            documents.append({"document_id": f"d{number}-{place}", "features": features})
        best = f"d{number}-{worths.index(max(worths))}"
        sent = sent_execution(execution_id=f"e{number}", documents=documents)
        engine.submit(Submission(namespace=1, executions=(sent,)))
        click = sent_interaction(execution_id=f"e{number}", feature_id=best)
        engine.submit(Submission(namespace=1, interactions=(click,)))
        clock.advance(seconds=90)
    signals = {one.feature: one for one in proposed(engine).features}
    again, worth = signals["feature:again"], signals["feature:worth"]
    assert (again.same_as, worth.same_as) == (None, "feature:again")
    assert (again.is_worth_it, worth.is_worth_it) == (True, False)
    assert again.auc.mean == 1.0


@pytest.mark.parametrize(("n", "clicks", "found"), [(0, True, 0), (60, False, 0), (30, True, 24)])
def test_too_few_lists_tell_nothing(
    engine: Engine, clock: TestingClock, n: int, clicks: bool, found: int
) -> None:
    shop(engine, clock, n, clicks=clicks)
    with pytest.raises(NotEnoughData, match="a click and a document left alone") as refusal:
        proposed(engine)
    assert (refusal.value.needed, refusal.value.found) == (50, found)


def test_only_the_part_that_is_asked_for_is_measured(engine: Engine, clock: TestingClock) -> None:
    shop(engine, clock, 120)
    half = clock.now() - 80 * 30_000_000
    assert proposed(engine, Scope(since=half)).n_lists == 64
