"""Learn again from the log, beside what is served until all is done.

The log is walked once, in the order of ids, a part in each transaction. What a part teaches goes
into the next generation of sums; what changes meanwhile goes into both generations where the part
that it belongs to was walked already. The last transaction lets the next generation serve. Whoever
is killed in between, another goes on where it ended.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from desirepath.domain.ranking import day_of
from desirepath.engine.learning.adding import CLOSED, add_up, packed_or_empty, unpacked
from desirepath.engine.learning.folding import learned_anew
from desirepath.engine.learning.lone import lone_change
from desirepath.engine.learning.policies import ALGORITHMS
from desirepath.methods.bandits.sums import add
from desirepath.storage.base import Session, Storage
from desirepath.storage.learned import (
    SHARDS,
    LearnableList,
    LearnedList,
    LearningState,
    LoneInteraction,
    RollupKey,
)

__all__ = ["Progress", "begin_rebuild", "finish_rebuilds", "rebuild_some", "rebuild_state"]

_PART = 1_000  # lists a transaction: nobody learns meanwhile, so it is a quarter of a second
_FOREVER = b"\xff" * 16
_GENERATION = 2**40  # more changes of closed days than any generation sees


class Progress(Struct, frozen=True, kw_only=True):
    """How far it is.

    Parameters
    ----------
    is_running
        Whether a generation is being made.
    n_lists
        How many lists were looked at for it, or for the last one.
    """

    is_running: bool
    n_lists: int


def rebuild_state(session: Session, namespace: int, retriever_id: str) -> Progress:
    """How far a retriever's rebuild is."""
    state = session.learned.state(namespace, retriever_id)
    return Progress(is_running=state.building is not None, n_lists=state.n_lists)


def begin_rebuild(storage: Storage, namespace: int, retriever_id: str) -> Progress:
    """Begin a rebuild; one that was begun before goes on."""
    with storage.write() as session:
        state = session.learned.hold_state(namespace, retriever_id)
        if state.building is None:
            state = LearningState(serving=state.serving, building=state.serving + 1)
            session.learned.put_state(namespace, retriever_id, state)
    return Progress(is_running=True, n_lists=state.n_lists)


def rebuild_some(storage: Storage, namespace: int, retriever_id: str, shard: int) -> Progress:
    """Learn from the next part of the log; after the last one, let the result serve."""
    with storage.write() as session:
        learned = session.learned
        state = learned.hold_state(namespace, retriever_id)
        if state.building is None:
            return Progress(is_running=False, n_lists=state.n_lists)
        lists = learned.lists_after(namespace, retriever_id, state.upto, _PART)
        lone = learned.lone_after(namespace, retriever_id, state.upto, _PART)
        upto = _end_of(lists, lone)
        lists = [one for one in lists if one.id <= upto]
        _learn(session, namespace, retriever_id, state, upto, lists, lone, shard)
        state = replace(state, upto=upto, n_lists=state.n_lists + len(lists))
        if upto == _FOREVER:
            state = _served(session, namespace, retriever_id, state)
        learned.put_state(namespace, retriever_id, state)
    if state.building is None:
        _clear(storage, namespace, retriever_id)
    return Progress(is_running=state.building is not None, n_lists=state.n_lists)


def finish_rebuilds(
    storage: Storage, shard: int, is_stopped: Callable[[], bool] = lambda: False
) -> None:
    """Go on with rebuilds that somebody began, until they are done or one is told to stop."""
    with storage.read() as session:
        unfinished = session.learned.building()
    for namespace, retriever_id in unfinished:
        while not is_stopped() and rebuild_some(storage, namespace, retriever_id, shard).is_running:
            pass


def _end_of(lists: Sequence[LearnableList], lone: Sequence[LoneInteraction]) -> bytes:
    """Up to which id all is here: there may be more after a part that is full."""
    ends = [part[-1].id for part in (lists, lone) if len(part) == _PART]
    return min(ends, default=_FOREVER)


def _learn(
    session: Session,
    namespace: int,
    retriever_id: str,
    state: LearningState,
    upto: bytes,
    lists: Sequence[LearnableList],
    lone: Sequence[LoneInteraction],
    shard: int,
) -> None:
    assert state.building is not None
    building = (state.building,)
    learned = session.learned
    acted = learned.interactions([(one.namespace, one.execution_id) for one in lists])
    alive = [one for one in lists if acted.get((one.namespace, one.execution_id))]
    changes, rows = learned_anew(
        alive, learned.hold_lists(alive), acted, lambda _: building, from_nothing=True
    )
    known = {one.id for one in alive}
    gone = [
        LearnedList(
            namespace=namespace,
            id=id,
            retriever_id=retriever_id,
            session_id=None,
            live=False,
            sums=b"",
        )
        for id in learned.learned_ids(namespace, retriever_id, state.upto, upto)
        if id not in known
    ]
    learned.put_lists([*rows, *gone])
    changes += [lone_change(one, building) for one in lone if one.id <= upto]
    if changes:
        add_up(session, changes, shard, day_of(session.now()))


def _served(
    session: Session, namespace: int, retriever_id: str, state: LearningState
) -> LearningState:
    """Let what was made serve; whoever kept closed days of the last generation will see it."""
    assert state.building is not None
    keys = [
        RollupKey(namespace, retriever_id, algorithm, CLOSED, 0, state.building * SHARDS)
        for algorithm in ALGORITHMS
    ]
    held = session.learned.hold_sums(keys)
    step = np.array([state.building * _GENERATION])
    session.learned.put_sums({key: packed_or_empty(add(unpacked(held[key]), step)) for key in keys})
    return replace(state, serving=state.building, building=None)


def _clear(storage: Storage, namespace: int, retriever_id: str) -> None:
    """Remove the sums that served before."""
    n_removed = _PART
    while n_removed:
        with storage.write() as session:
            n_removed = session.learned.clear_generations(namespace, retriever_id, _PART)
