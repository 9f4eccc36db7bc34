"""What was learned does not depend on how the log came about."""

from __future__ import annotations

import random

import pytest

from desirepath.engine.deleting import erase_user
from desirepath.engine.engine import Engine
from desirepath.engine.learning.adding import DAILY_INFLUENCE
from desirepath.engine.learning.rebuilding import begin_rebuild, finish_rebuilds
from desirepath.methods.bandits.packing import unpack
from desirepath.methods.bandits.sums import n_lists
from tests.unit.engine.learning.logs import (
    RETRIEVER,
    a_search,
    an_act,
    arrival,
    clear,
    learned,
    recorded,
    recorded_and_deleted,
    steps_of,
    teach,
)


@pytest.fixture
def engine(engine: Engine) -> Engine:
    return teach(engine)


def learn_again(engine: Engine) -> None:
    """Learn from the log alone."""
    begin_rebuild(engine.storage, 1, RETRIEVER)
    finish_rebuilds(engine.storage, engine.shard)


def test_any_order_of_arrival_teaches_the_same(engine: Engine) -> None:
    for seed in range(3):
        steps = steps_of(random.Random(seed), 8, 30)
        states = []
        for order in range(6):
            shuffled = steps[:]
            if order:
                random.Random(order).shuffle(shuffled)
            for step in shuffled:
                step(engine)
            states.append(learned(engine.storage))
            learn_again(engine)
            states.append(learned(engine.storage))
            clear(engine)
        assert states[0][0], "nothing was learned"
        assert all(state == states[0] for state in states)


def test_what_is_deleted_was_never_learned(engine: Engine) -> None:
    rng = random.Random(4)
    searches = [a_search(rng, f"search-{n}") for n in range(6)]
    kept = [an_act(rng, rng.choice(searches), f"kept-{n}") for n in range(15)]
    gone = [an_act(rng, rng.choice(searches), f"gone-{n}") for n in range(15)]
    for step in [*map(arrival, searches), *map(recorded, kept)]:
        step(engine)
    without = learned(engine.storage)
    clear(engine)
    mixed = [*map(recorded, kept), *map(recorded_and_deleted, gone)]
    rng.shuffle(mixed)
    for step in [*map(arrival, searches), *mixed]:
        step(engine)
    assert learned(engine.storage) == without


def test_an_erased_user_was_never_here(engine: Engine) -> None:
    rng = random.Random(5)
    searches = [a_search(rng, f"search-{n}") for n in range(12)]
    assert {search.get("user_id") for search in searches} == {"kim", "ana", None}
    acts = [an_act(rng, rng.choice(searches), f"act-{n}") for n in range(60)]
    theirs = {search["execution_id"] for search in searches if search.get("user_id") == "kim"}
    for step in map(arrival, [s for s in searches if s["execution_id"] not in theirs]):
        step(engine)
    for step in map(recorded, [act for act in acts if act["execution_id"] not in theirs]):
        step(engine)
    without = learned(engine.storage)
    clear(engine)
    for step in [*map(arrival, searches), *map(recorded, acts)]:
        step(engine)
    assert learned(engine.storage) != without
    erase_user(engine, 1, "kim")
    assert learned(engine.storage) == without


def test_a_list_teaches_nothing_before_somebody_acts_on_it(engine: Engine) -> None:
    rng = random.Random(6)
    search = a_search(rng, "search")
    arrival(search)(engine)
    assert learned(engine.storage) == ({}, {})
    act = an_act(rng, search, "seen") | {"interaction_type": ["impression"]}
    recorded(act)(engine)
    assert list(learned(engine.storage)[1]) == ["search"]


def test_what_is_about_the_query_teaches_nothing(engine: Engine) -> None:
    search = a_search(random.Random(7), "search")
    arrival(search)(engine)
    about_the_query = {"feature_id": "_query", "interaction_type": ["query_refinement"]}
    recorded({**about_the_query, "position": 0, "execution_id": "search"})(engine)
    recorded({"feature_id": "not shown", "position": 0, "execution_id": "search"})(engine)
    assert learned(engine.storage) == ({}, {})


def test_one_person_counts_for_two_clicks_a_day_at_most(engine: Engine) -> None:
    rng = random.Random(8)
    template = a_search(rng, "x") | {"user_id": "kim"}
    for number in range(35):
        search = {**template, "execution_id": f"search-{number}"}
        arrival(search)(engine)
        recorded(an_act(rng, search, f"act-{number}") | {"interaction_type": ["click"]})(engine)
    sums = {key.context: unpack(packed) for key, packed in learned(engine.storage)[0].items()}
    assert (n_lists(sums["global"]), sums["global"][1]) == (2, DAILY_INFLUENCE)
    assert n_lists(sums["identity:8:user:kim:global"]) == 35


def test_nobody_in_particular_counts_for_two_clicks_a_list_at_most(engine: Engine) -> None:
    search = a_search(random.Random(9), "search")
    anonymous = {key: value for key, value in search.items() if not key.endswith("_id")}
    search = anonymous | {"execution_id": "search"}
    arrival(search)(engine)
    for number, document in enumerate(search["documents"]):
        bought = {"feature_id": document["document_id"], "interaction_type": ["purchase"]}
        recorded({**bought, "position": number, "execution_id": "search"})(engine)
    ((key, packed),) = learned(engine.storage)[0].items()
    assert key.context == "global"
    assert unpack(packed)[1] == DAILY_INFLUENCE
