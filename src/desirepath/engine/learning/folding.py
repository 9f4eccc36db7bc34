"""Fold lists into the sums of their days, in the transaction that changed them.

There is one path: what a list teaches is worked out anew from the log, and the difference to what
it taught before is applied. So sums do not depend on the order of arrival, a deletion takes away
exactly what was added, and learning again from the log gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from desirepath.domain.ranking import day_of
from desirepath.engine.learning.adding import Change, add_up, packed_or_empty, unpacked
from desirepath.engine.learning.lists import contribution, read_list
from desirepath.methods.bandits.sums import nothing
from desirepath.storage.base import Session
from desirepath.storage.learned import LearnableList, LearnedList, ListedInteraction

__all__ = ["fold", "forget", "forget_before", "learned_anew"]

_Acted = Mapping[tuple[int, str], Sequence[ListedInteraction]]


def fold(session: Session, keys: Collection[tuple[int, str]], shard: int, now: int) -> None:
    """Learn from executions that are new, or whose interactions changed.

    Parameters
    ----------
    keys
        (namespace, execution_id); those without a ranking are passed over.
    shard
        Which part of shared sums this process adds to.
    now
        Microseconds since 1970.

    Raises
    ------
    LearningOverflow
        Sums no longer fit; nothing of the transaction may be kept.
    """
    lists = session.learned.lists(keys)
    if lists:
        _apply(session, lists, shard, now, is_leaving=False)


def forget(session: Session, keys: Collection[tuple[int, str]], shard: int, now: int) -> None:
    """Take away what executions taught, which are about to be deleted."""
    lists = session.learned.lists(keys)
    if lists:
        _apply(session, lists, shard, now, is_leaving=True)


def forget_before(
    session: Session, namespace: int, bound: bytes, limit: int, shard: int, now: int
) -> int:
    """Take away what executions from before an id taught, some at a time; how many were taken."""
    ids = session.learned.learned_before(namespace, bound, limit)
    forget(session, session.executions.names(namespace, ids), shard, now)
    left = [
        LearnedList(
            namespace=namespace, id=id, retriever_id="", session_id=None, live=False, sums=b""
        )
        for id in ids
    ]
    session.learned.put_lists(left)
    return len(ids)


def _apply(
    session: Session, lists: Sequence[LearnableList], shard: int, now: int, *, is_leaving: bool
) -> None:
    learned = session.learned
    states = learned.hold_states({(one.namespace, one.retriever_id) for one in lists})
    held = learned.hold_lists(lists)
    # After the lists are held: what another process added to them meanwhile is seen now.
    acted: _Acted = {} if is_leaving else learned.interactions(_names(lists))
    changes, rows = learned_anew(
        lists,
        held,
        acted,
        lambda one: states[one.namespace, one.retriever_id].generations(one.id),
    )
    learned.put_lists(rows)
    if changes:
        add_up(session, changes, shard, day_of(now))


def _names(lists: Sequence[LearnableList]) -> list[tuple[int, str]]:
    return [(one.namespace, one.execution_id) for one in lists]


def learned_anew(
    lists: Sequence[LearnableList],
    held: Mapping[bytes, bytes],
    acted: _Acted,
    generations: Callable[[LearnableList], tuple[int, ...]],
    *,
    from_nothing: bool = False,
) -> tuple[list[Change], list[LearnedList]]:
    """Work out what lists teach.

    Parameters
    ----------
    held
        What each taught before, by id; packed, empty where it taught nothing.
    acted
        The interactions there are.
    generations
        Of sums that a list belongs to.
    from_nothing
        Whether those sums hold nothing of these lists yet, whatever ``held`` says.

    Returns
    -------
    tuple
        Changes of sums, and the learned lists to write.
    """
    changes, rows = [], []
    for listed in lists:
        read = read_list(listed)
        interactions = acted.get((listed.namespace, listed.execution_id), ())
        after = contribution(read, listed.offset, interactions) if interactions else None
        packed, before = b"" if after is None else packed_or_empty(after), held[listed.id]
        is_changed = packed != before
        if is_changed or (from_nothing and packed):
            ranking = read.ranking
            change = Change(
                namespace=listed.namespace,
                retriever_id=listed.retriever_id,
                algorithm=ranking.algorithm or "",
                contexts=ranking.contexts,
                day=day_of(listed.occurred_at),
                generations=generations(listed),
                before=nothing() if from_nothing else unpacked(before),
                after=nothing() if after is None else after,
            )
            changes.append(change)
        if is_changed or not packed:  # what holds a place in vain goes
            row = LearnedList(
                namespace=listed.namespace,
                id=listed.id,
                retriever_id=listed.retriever_id,
                session_id=listed.session_id,
                live=listed.live,
                sums=packed,
            )
            rows.append(row)
    return changes, rows
