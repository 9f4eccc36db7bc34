"""Fold lists into the sums of their days, in the transaction that changed them.

There is one path: what a list teaches is worked out anew from the log, and the difference to what
it taught before is applied. So sums do not depend on the order of arrival, a deletion takes away
exactly what was added, and learning again from the log gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from desirepath.domain.ranking import Ranking, day_of
from desirepath.engine.learning.lists import contribution, read_list, shared_contexts
from desirepath.methods.bandits.packing import pack, unpack
from desirepath.methods.bandits.sums import Sums, add, nothing, scaled_down, subtract
from desirepath.storage.base import Session
from desirepath.storage.learned import (
    LearnableList,
    LearnedList,
    ListedInteraction,
    RollupKey,
)

__all__ = ["CLOSED", "DAILY_LISTS", "fold", "forget", "identity_context"]

CLOSED = "closed"
"""The context that counts changes of shared sums of days that are over."""

DAILY_LISTS = 20
"""Lists of a day that one identity counts for in shared sums. A constant and no setting: sums that
were scaled by one number cannot be corrected by another."""

_ALONE = 0  # the shard of contexts that belong to one identity: they are not split


class _Change(Struct, frozen=True):
    """What a list adds from now on, less what it added before."""

    listed: LearnableList
    ranking: Ranking
    difference: Sums

    def key(self, context: str, shard: int) -> RollupKey:
        """The sums of its day in one context."""
        return RollupKey(
            self.listed.namespace,
            self.listed.retriever_id,
            self.ranking.algorithm or "",
            context,
            day_of(self.listed.occurred_at),
            shard,
        )


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
    if not lists:
        return
    held = session.learned.hold_lists(lists)
    # After the lists are held: what another process added to them meanwhile is seen now.
    acted = session.learned.interactions([(one.namespace, one.execution_id) for one in lists])
    _apply(session, lists, held, acted, shard, now)


def forget(session: Session, keys: Collection[tuple[int, str]], shard: int, now: int) -> None:
    """Take away what executions taught, which are about to be deleted."""
    lists = session.learned.lists(keys)
    if lists:
        _apply(session, lists, session.learned.hold_lists(lists), {}, shard, now)


def _apply(
    session: Session,
    lists: Sequence[LearnableList],
    held: Mapping[bytes, bytes],
    acted: Mapping[tuple[int, str], Sequence[ListedInteraction]],
    shard: int,
    now: int,
) -> None:
    changes, rows = [], []
    for listed in lists:
        read = read_list(listed.id, listed.shown, listed.ranking)
        interactions = acted.get((listed.namespace, listed.execution_id), ())
        after = contribution(read, listed.offset, interactions) if interactions else None
        packed, before = b"" if after is None else pack(after), held[listed.id]
        if packed != before:
            difference = subtract(_unpacked(packed), _unpacked(before))
            changes.append(_Change(listed, read.ranking, difference))
        if packed != before or not packed:
            rows.append(
                LearnedList(
                    namespace=listed.namespace,
                    id=listed.id,
                    retriever_id=listed.retriever_id,
                    session_id=listed.session_id,
                    live=listed.live,
                    sums=packed,
                )
            )
    session.learned.put_lists(rows)
    if changes:
        _add_up(session, changes, shard, now)


def _unpacked(packed: bytes) -> Sums:
    return unpack(packed) if packed else nothing()


def _packed(sums: Sums) -> bytes:
    return pack(sums) if sums.any() else b""


def _add_up(session: Session, changes: Sequence[_Change], shard: int, now: int) -> None:
    """Apply differences: first to what belongs to one identity, then what follows to the rest."""
    own: dict[RollupKey, Sums] = {}
    shared: dict[RollupKey, Sums] = {}
    for change in changes:
        ranking = change.ranking
        for context in _own_contexts(ranking):
            _collect(own, change.key(context, _ALONE), change.difference)
        if ranking.contexts.identity is None:
            for context in shared_contexts(ranking):
                _collect(shared, change.key(context, shard), change.difference)
    written: dict[RollupKey, bytes] = {}
    held = session.learned.hold_sums(own) if own else {}
    for key, difference in own.items():
        before = _unpacked(held[key])
        after = add(before, difference)
        written[key] = _packed(after)
        if key.context.startswith(_IDENTITY):
            counted = subtract(scaled_down(after, DAILY_LISTS), scaled_down(before, DAILY_LISTS))
            target = replace(key, context=_shared_context(key.context), shard=shard)
            _collect(shared, target, counted)
    today = day_of(now)
    for key in list(shared):
        if key.day < today:
            shared[replace(key, context=CLOSED, day=0)] = np.ones(1, np.int64)
    held = session.learned.hold_sums(shared) if shared else {}
    for key, difference in shared.items():
        written[key] = _packed(add(_unpacked(held[key]), difference))
    session.learned.put_sums(written)


def _collect(sums: dict[RollupKey, Sums], key: RollupKey, difference: Sums) -> None:
    sums[key] = add(sums[key], difference) if key in sums else difference


_IDENTITY = "identity:"


def identity_context(identity: str, shared: str) -> str:
    """Where the lists of one identity in one shared context are added up.

    >>> identity_context("kim", "global")
    'identity:3:kim:global'
    """
    return f"{_IDENTITY}{len(identity)}:{identity}:{shared}"


def _shared_context(context: str) -> str:
    length, _, rest = context.removeprefix(_IDENTITY).partition(":")
    return rest[int(length) + 1 :]


def _own_contexts(ranking: Ranking) -> set[str]:
    """Contexts that belong to one person or identity alone; they may be one and the same."""
    contexts = set()
    if ranking.contexts.personal is not None:
        contexts.add(ranking.contexts.personal)
    identity = ranking.contexts.identity
    if identity is not None:
        contexts |= {identity_context(identity, shared) for shared in shared_contexts(ranking)}
    return contexts
