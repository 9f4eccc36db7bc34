"""What was learned live and what is learned again from the log are the same to the bit."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from desirepath.domain.learning_config import BETA
from desirepath.domain.ranking import Contexts, day_of
from desirepath.engine.engine import Engine
from desirepath.engine.learning import rebuilding
from desirepath.engine.learning.rebuilding import (
    begin_rebuild,
    finish_rebuilds,
    rebuild_some,
    rebuild_state,
)
from desirepath.engine.learning.resolving import ClosedDays, believe
from desirepath.methods.bandits.packing import unpack
from desirepath.storage.base import Storage
from tests.unit.engine.learning.logs import (
    FEATURES,
    RETRIEVER,
    a_lone_act,
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
def engine(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Give an engine that learns, and learns again three lists at a time."""
    monkeypatch.setattr(rebuilding, "_PART", 3)
    return teach(engine)


def rebuild(engine: Engine) -> None:
    begin_rebuild(engine.storage, 1, RETRIEVER)
    finish_rebuilds(engine.storage, engine.shard)


def rows(storage: Storage) -> int:
    """How many sums there are, those that do not serve included."""
    with storage.write() as session:
        return session.learned.clear_generations(1, RETRIEVER, 1000)


@pytest.mark.parametrize("algorithm", ["thompson_sampling", BETA])
def test_learning_again_changes_nothing(engine: Engine, algorithm: str) -> None:
    teach(engine, algorithm=algorithm)
    steps = steps_of(random.Random(1), 10, 30)
    random.Random(2).shuffle(steps)
    for step in steps:
        step(engine)
    live = learned(engine.storage)
    assert live[0], "nothing was learned"
    for _ in range(2):
        rebuild(engine)
        assert learned(engine.storage) == live
    assert rows(engine.storage) == 0, "sums that do not serve were left"


def test_what_happens_meanwhile_is_in_the_result(engine: Engine) -> None:
    """Whenever it happens: before, between any two parts of a rebuild, or after it."""
    for seed in range(4):
        rng = random.Random(seed)
        steps = steps_of(rng, 12, 30)
        rng.shuffle(steps)
        begun = rng.randrange(len(steps) // 2)
        for number, step in enumerate(steps):
            if number == begun:
                begin_rebuild(engine.storage, 1, RETRIEVER)
            if rng.random() < 0.2:
                rebuild_some(engine.storage, 1, RETRIEVER, engine.shard)
            step(engine)
        finish_rebuilds(engine.storage, engine.shard)
        result = learned(engine.storage)
        rebuild(engine)
        assert learned(engine.storage) == result
        clear(engine)


def test_what_was_served_serves_until_all_is_learned_again(engine: Engine) -> None:
    for step in steps_of(random.Random(3), 12, 40):
        step(engine)
    live, _ = learned(engine.storage)
    begin_rebuild(engine.storage, 1, RETRIEVER)
    n_parts = 0
    while rebuild_some(engine.storage, 1, RETRIEVER, engine.shard).is_running:
        n_parts += 1
        assert learned(engine.storage)[0] == live
    assert n_parts >= 4
    assert learned(engine.storage)[0] == live


def test_what_was_damaged_is_mended(engine: Engine) -> None:
    """Sums that are lost or wrong, and what lists taught that are no longer there."""
    for step in steps_of(random.Random(4), 10, 30):
        step(engine)
    live = learned(engine.storage)
    with engine.storage.write() as session:
        rollups = session.learned.everything(1, RETRIEVER)
        held = session.learned.hold_sums([key for key, _ in rollups])
        values = list(held.values())
        session.learned.put_sums(dict(zip(held, [*values[3:], b"", b"", b""], strict=True)))
    assert learned(engine.storage)[0] != live[0]
    rebuild(engine)
    assert learned(engine.storage) == live


def test_another_process_goes_on_where_one_was_killed(
    engine: Engine, open_another: Callable[[], Storage]
) -> None:
    for step in steps_of(random.Random(5), 12, 30):
        step(engine)
    live = learned(engine.storage)
    begin_rebuild(engine.storage, 1, RETRIEVER)
    done = rebuild_some(engine.storage, 1, RETRIEVER, engine.shard)
    assert (done.is_running, done.n_lists) == (True, 3)
    another = open_another()
    begun = begin_rebuild(another, 1, RETRIEVER)
    assert begun.n_lists == 3
    finish_rebuilds(another, 5)
    with engine.storage.read() as session:
        state = rebuild_state(session, 1, RETRIEVER)
    assert (state.is_running, state.n_lists) == (False, 12)
    assert learned(engine.storage) == live


def test_kept_days_are_those_of_the_generation_that_serves(engine: Engine) -> None:
    """A process that keeps closed days in memory sees that others serve now."""
    rng = random.Random(6)
    search = a_search(rng, "search") | {"occurred_at": "2025-12-30T00:00:00Z"}
    arrival(search)(engine)
    recorded(an_act(rng, search, "act") | {"interaction_type": ["click"]})(engine)
    kept = ClosedDays()

    def lists() -> float:
        with engine.storage.read() as session:
            plan = engine.plan(1, RETRIEVER)
            assert plan is not None
            assert plan.learning is not None
            belief = believe(
                session,
                1,
                RETRIEVER,
                plan.learning,
                Contexts(),
                range(len(FEATURES)),
                session_id=None,
                session_window=0,
                now=session.now(),
                closed_days=kept,
            )
        return belief.lists.get("global", 0.0)

    assert lists() == pytest.approx(0.995**2, abs=1e-3)
    with engine.storage.write() as session:  # the log lost it, and nobody was told
        ids = session.executions.ids_before(1, b"\xff" * 16, 10)
        session.executions.delete(1, ids)
    assert lists() > 0
    rebuild(engine)
    assert lists() == 0.0


# Interactions whose list is not known


def test_a_lone_click_teaches_until_its_list_arrives(engine: Engine) -> None:
    rng = random.Random(7)
    search = a_search(rng, "search")
    named = {"feature_uri": FEATURES[0], "retriever_id": RETRIEVER}
    click = an_act(rng, search, "act") | named | {"interaction_type": ["click"]}
    recorded(click)(engine)
    ((key, packed),) = learned(engine.storage)[0].items()
    assert (key.context, key.day) == ("global", day_of(engine.clock.now()))
    assert unpack(packed)[0] == 0, "it is no list"
    arrival(search)(engine)
    after = learned(engine.storage)
    assert list(after[1]) == ["search"]
    rebuild(engine)
    assert learned(engine.storage) == after


def test_a_lone_click_that_is_deleted_was_never_learned(engine: Engine) -> None:
    recorded_and_deleted(a_lone_act(random.Random(8), "lone"))(engine)
    assert learned(engine.storage) == ({}, {})


def test_what_names_no_feature_of_the_retriever_teaches_nothing(engine: Engine) -> None:
    lone = a_lone_act(random.Random(9), "lone")
    recorded(lone | {"feature_uri": "text://else"})(engine)
    recorded({**lone, "event_id": "2", "interaction_type": ["zero_results"]})(engine)
    without = {key: value for key, value in lone.items() if key != "retriever_id"}
    recorded({**without, "event_id": "3"})(engine)
    assert learned(engine.storage) == ({}, {})


def test_lone_clicks_of_one_person_count_as_two_a_day(engine: Engine) -> None:
    lone = a_lone_act(random.Random(10), "lone") | {"interaction_type": ["click"]}
    for number in range(9):
        recorded(lone | {"event_id": f"lone-{number}"})(engine)
    sums = {key.context: unpack(packed) for key, packed in learned(engine.storage)[0].items()}
    assert sums["global"].sum() * 9 == pytest.approx(
        2 * next(value for name, value in sums.items() if name != "global").sum(), abs=20
    )
