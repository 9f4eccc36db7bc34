"""What one person can do to everybody's rankings, through the engine; a simulation."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from desirepath.domain.ranking import Contexts
from desirepath.engine.deleting import delete_interaction
from desirepath.engine.engine import Engine
from desirepath.engine.learning.resolving import ClosedDays, believe
from desirepath.engine.recording import Submission
from desirepath.methods.bandits.base import Posterior
from desirepath.methods.levels import FloatArray
from desirepath.testing.examples import sent_execution, sent_interaction
from tests.unit.engine.learning.logs import FEATURES, RETRIEVER, learned, teach

N_PEOPLE, N_SHOWN, SEED = 2_000, 10, 1
N_SEARCHES, N_DRAWS = 300, 1_000
AGREEMENT = (0.7, 0.4, 0.1)
"""How far each feature's score is what people want, and not chance."""

List = tuple[list[dict[str, float]], list[float]]
"""Scores by feature of each document, and how much each is wanted."""


def some_lists(rng: np.random.Generator, n: int) -> list[List]:
    """Lists in the order of the sum of their scores."""
    made = []
    for _ in range(n):
        wanted = rng.random(N_SHOWN)
        agree = np.array(AGREEMENT)
        scores = wanted[:, None] * agree + rng.random((N_SHOWN, len(FEATURES))) * (1 - agree)
        order = np.argsort(-scores.sum(axis=1))
        rows = [dict(zip(FEATURES, row.tolist(), strict=True)) for row in scores[order]]
        made.append((rows, wanted[order].tolist()))
    return made


def submit(
    engine: Engine, searches: Sequence[tuple[str, str, List]], acts: Sequence[Any]
) -> list[bytes]:
    """Record searches (execution, person, list), and what was done."""
    executions = [
        sent_execution(
            RETRIEVER,
            execution_id=name,
            user_id=who,
            documents=[
                {"document_id": f"doc_{n}", "scores": row} for n, row in enumerate(shown[0])
            ],
        )
        for name, who, shown in searches
    ]
    sent = [sent_interaction(**act) for act in acts]
    outcomes = engine.submit(Submission(namespace=1, executions=executions, interactions=sent))
    assert isinstance(outcomes, list)
    return [one.interaction.id for one in outcomes if one.interaction is not None]


def an_act(search: str, place: int, kind: str) -> dict[str, Any]:
    return {
        "feature_id": f"doc_{place}",
        "interaction_type": [kind],
        "position": place,
        "execution_id": search,
        "event_id": f"{search}-{place}-{kind}",
    }


def honest(rng: np.random.Generator, search: str, shown: List) -> list[dict[str, Any]]:
    """Look at all; look closer with chance 1/√rank, and click what is wanted."""
    acts = [an_act(search, place, "impression") for place in range(N_SHOWN)]
    for place, wanted in enumerate(shown[1]):
        if rng.random() < (place + 1) ** -0.5 and rng.random() < 0.6 * wanted:
            acts.append(an_act(search, place, "click"))
    return acts


def hostile(search: str, shown: List, feature: str) -> list[dict[str, Any]]:
    """Buy what one feature finds better than the mean, and complain of all else."""
    scores = [row[feature] for row in shown[0]]
    mean = sum(scores) / len(scores)
    return [
        an_act(search, place, "purchase" if score > mean else "negative_feedback")
        for place, score in enumerate(scores)
    ]


def believed(engine: Engine) -> Posterior:
    plan = engine.plan(1, RETRIEVER)
    assert plan is not None
    assert plan.learning is not None
    with engine.storage.read() as session:
        known = session.learned.features(1, RETRIEVER)
        belief = believe(
            session,
            1,
            RETRIEVER,
            plan.learning,
            Contexts(),
            [known[uri] for uri in FEATURES],
            session_id=None,
            session_window=0,
            now=session.now(),
            closed_days=ClosedDays(),
        )
    assert belief.exploration == 0.1
    return belief.posterior


def first(posterior: Posterior, searches: Sequence[List]) -> FloatArray:
    """P(document first) by search, from the same draws each time."""
    rng = np.random.default_rng(SEED)
    weights = np.maximum([posterior.sample(0.1, rng) for _ in range(N_DRAWS)], 0.0)
    shares = []
    for rows, _ in searches:
        scores = np.array([[row[uri] for uri in FEATURES] for row in rows])
        scores = (scores - scores.min(axis=0)) / np.ptp(scores, axis=0)
        best = (weights @ scores.T).argmax(axis=1)
        shares.append(np.bincount(best, minlength=N_SHOWN) / N_DRAWS)
    return np.array(shares)


def moved(before: FloatArray, after: FloatArray) -> float:
    """In how many searches another document is first, as a share."""
    return float(np.abs(after - before).sum(axis=1).mean() / 2)


def attack(engine: Engine, rng: np.random.Generator, who: str, n: int, feature: str) -> list[bytes]:
    lists = some_lists(rng, n)
    searches = [(f"{who}-{number}", who, shown) for number, shown in enumerate(lists)]
    acts = [act for name, _, shown in searches for act in hostile(name, shown, feature)]
    return submit(engine, searches, acts)


def test_one_person_moves_no_ranking_and_leaves_nothing(engine: Engine) -> None:
    """At most one point of P(first), whatever one person does; then all of it is deleted."""
    teach(engine)
    rng = np.random.default_rng(SEED)
    lists = some_lists(rng, N_PEOPLE)
    for start in range(0, N_PEOPLE, 250):
        part = [(f"s{n}", f"user-{n}", lists[n]) for n in range(start, start + 250)]
        submit(engine, part, [act for name, _, one in part for act in honest(rng, name, one)])
    searches = some_lists(rng, N_SEARCHES)
    state = learned(engine.storage)[0]
    before = first(believed(engine), searches)
    worst = 0.0
    for feature in FEATURES:
        ids = attack(engine, rng, f"eve-{feature}", 40, feature)
        share = moved(before, first(believed(engine), searches))
        worst = max(worst, share)
        random.Random(SEED).shuffle(ids)
        for id in ids:
            assert delete_interaction(engine, 1, id)
        assert learned(engine.storage)[0] == state
    for number in range(100):
        attack(engine, rng, f"mallory-{number}", 4, FEATURES[2])
    crowd = moved(before, first(believed(engine), searches))
    print(
        f"\nsimulation, seed {SEED}: {N_PEOPLE:,} people, {N_PEOPLE * N_SHOWN:,} impressions; "
        f"another document is first in {N_SEARCHES} searches ({N_DRAWS:,} draws): by one person "
        f"with 400 purchases and complaints in {worst:.2%}, by a hundred such people in {crowd:.1%}"
    )
    assert worst <= 0.01
