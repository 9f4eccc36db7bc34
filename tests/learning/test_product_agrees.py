"""What the study measures in memory is what the product does with its database.

Both draw by the same seeds, so as long as they believe the same they show the same lists; and the
lists that they learn from are the same only as long as they showed the same.
"""

from __future__ import annotations

from contextlib import closing
from functools import partial
from itertools import islice

import numpy as np
import pytest

from benchmarks.learning import CONTESTS, in_memory
from benchmarks.learning_engines import Context, Options, Resolve
from benchmarks.learning_product import ProductEngine, SdkEngine
from benchmarks.learning_study import CLICKS, EngineMaker, Scenario
from desirepath.methods.fusion.candidates import FoundList
from desirepath.testing.shoppers import Shoppers

FEATURES = ("text://title", "text://body", "vector://image", "noise://1")
DOCUMENTS = [f"doc_{number}" for number in range(30)]
N_SESSIONS, SESSIONS_A_DAY = 90, 25
USERS = ("kim", "ana", "lee")


def a_scenario() -> tuple[Scenario, dict[str, dict[str, int]]]:
    """Ten queries that four features answer by chance, the first one with some knowledge."""
    rng = np.random.default_rng(5)
    query_to_grades: dict[str, dict[str, int]] = {}
    lists: dict[str, dict[str, FoundList]] = {uri: {} for uri in FEATURES}
    for query in (f"query {number}" for number in range(10)):
        grades = dict(zip(DOCUMENTS, rng.integers(0, 4, len(DOCUMENTS)).tolist(), strict=True))
        query_to_grades[query] = grades
        for place, uri in enumerate(FEATURES):
            found = rng.choice(DOCUMENTS, 20, replace=False).tolist()
            knowledge = 1.0 if place == 0 else 0.2
            scores = {id: knowledge * grades[id] + rng.random() for id in found}
            best = sorted(found, key=scores.__getitem__, reverse=True)
            lists[uri][query] = FoundList(document_ids=best, scores=[scores[id] for id in best])
    return Scenario("by chance", lists), query_to_grades


def story(make: EngineMaker, with_people: bool) -> tuple[list[list[str]], list[list[float]]]:
    """The lists that were shown, and the mean weights after each, of everybody and of people."""
    scenario, query_to_grades = a_scenario()
    shoppers = Shoppers(query_to_grades, CLICKS["cascade"], seed=1, n_users=len(USERS))
    shown, weights = [], []
    with closing(make(FEATURES, np.random.default_rng(7))) as engine:
        for number, visit in enumerate(islice(shoppers.visits(), N_SESSIONS), 1):
            user_id = USERS[int(visit.user_id[-1])]
            segment = "far" if user_id == "lee" else "near"
            context = Context(user_id, segment) if with_people else Context()
            list_ = engine.search(scenario.query_to_lists[visit.query], context)
            clicked = shoppers.clicks(visit, list_.document_ids)
            if clicked:
                engine.click(list_.token, clicked)
            if number % SESSIONS_A_DAY == 0:
                engine.next_day()
            shown.append(list_.document_ids)
            weights.append(engine.mean_weights(context).tolist())
    return shown, weights


CASES: dict[str, tuple[EngineMaker, EngineMaker, bool]] = {
    "everybody": (in_memory(Options(resolve=Resolve.GLOBAL)), ProductEngine, False),
    "the SDK's clicks": (in_memory(Options(resolve=Resolve.GLOBAL)), SdkEngine, False),
    "people": (
        in_memory(Options(resolve=Resolve.POOLED)),
        CONTESTS["product"].rule_to_engine[Resolve.POOLED],
        True,
    ),
    "people without levels": (
        in_memory(Options(resolve=Resolve.GLOBAL)),
        CONTESTS["product"].rule_to_engine[Resolve.GLOBAL],
        True,
    ),
    "a short memory": (
        in_memory(Options(resolve=Resolve.GLOBAL, memory_lists=20, decay_factor=0.9)),
        partial(ProductEngine, learning_config={"memory_lists": 20, "decay_factor": 0.9}),
        False,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_policy_in_memory_and_the_product_show_and_learn_the_same(case: str) -> None:
    in_the_study, in_the_product, with_people = CASES[case]
    shown, weights = story(in_the_study, with_people)
    product_shown, product_weights = story(in_the_product, with_people)
    assert product_shown == shown
    for ours, theirs in zip(product_weights, weights, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-9)
    assert weights[-1] != pytest.approx(weights[0], abs=1e-3)  # something was learned


def test_other_draws_show_other_lists() -> None:
    """The agreement is not that of engines that show the same whatever they draw."""
    scenario, _ = a_scenario()
    shown = set()
    for seed in range(8):
        with closing(ProductEngine(FEATURES, np.random.default_rng(seed))) as engine:
            first = engine.search(scenario.query_to_lists["query 0"], Context())
            shown.add(tuple(first.document_ids))
    assert len(shown) > 1
