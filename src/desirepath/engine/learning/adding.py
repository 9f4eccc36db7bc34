"""Add what changed to the sums of days: first to what belongs to one identity, then to the rest."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from desirepath.domain.ranking import Contexts
from desirepath.methods.bandits.packing import pack, unpack
from desirepath.methods.bandits.sums import (
    INFLUENCE_UNIT,
    Sums,
    add,
    nothing,
    scaled_down,
    subtract,
)
from desirepath.storage.base import Session
from desirepath.storage.learned import SHARDS, RollupKey

__all__ = [
    "CLOSED",
    "DAILY_INFLUENCE",
    "GLOBAL",
    "Change",
    "add_up",
    "identity_context",
    "packed_or_empty",
    "shared_context",
    "unpacked",
]

GLOBAL = "global"
"""The context that everybody shares."""

CLOSED = "closed"
"""The context that counts changes of shared sums of days that are over."""

DAILY_INFLUENCE = 2 * INFLUENCE_UNIT
"""What one identity counts for in the shared sums of a day: as two clicks do, in two lists or one.

A constant and no setting: sums that were scaled by one number cannot be corrected by another.
"""

_IDENTITY = "identity:"


class Change(Struct, frozen=True, kw_only=True):
    """What a list or a lone interaction teaches from now on, and what it taught before.

    Parameters
    ----------
    generations
        Of sums that it belongs to; see :class:`~desirepath.storage.learned.LearningState`.
    day
        On which it happened.
    """

    namespace: int
    retriever_id: str
    algorithm: str
    contexts: Contexts
    day: int
    generations: tuple[int, ...]
    before: Sums
    after: Sums

    @property
    def shared(self) -> list[str]:
        """The contexts that many people add to."""
        segment = self.contexts.segment
        return [GLOBAL] if segment is None else [GLOBAL, segment]

    @property
    def own(self) -> set[str]:
        """Contexts that belong to one person or identity alone; they may be one and the same."""
        personal, identity = self.contexts.personal, self.contexts.identity
        contexts = set() if personal is None else {personal}
        if identity is not None:
            contexts |= {identity_context(identity, shared) for shared in self.shared}
        return contexts

    def key(self, context: str, shard: int) -> RollupKey:
        """The sums of its day in one context."""
        return RollupKey(
            self.namespace, self.retriever_id, self.algorithm, context, self.day, shard
        )


def add_up(session: Session, changes: Iterable[Change], shard: int, today: int) -> None:
    """Apply differences to the sums of days.

    What one identity did on a day is added up by itself; in the shared sums it counts for
    ``DAILY_INFLUENCE`` at most. Who has no identity is somebody else in every list.

    Parameters
    ----------
    shard
        Which part of shared sums this process adds to.
    """
    own: dict[RollupKey, Sums] = {}
    shared: dict[RollupKey, Sums] = {}
    for change in changes:
        difference = subtract(change.after, change.before)
        counted = None
        if change.contexts.identity is None:
            counted = _difference(change.before, change.after)
        for generation in change.generations:
            first = generation * SHARDS
            for context in change.own:
                _collect(own, change.key(context, first), difference)
            if counted is not None:
                for context in change.shared:
                    _collect(shared, change.key(context, first + shard), counted)
    written: dict[RollupKey, bytes] = {}
    held = session.learned.hold_sums(own) if own else {}
    for key, difference in own.items():
        before = unpacked(held[key])
        after = add(before, difference)
        written[key] = packed_or_empty(after)
        if key.context.startswith(_IDENTITY):
            target = replace(key, context=shared_context(key.context), shard=key.shard + shard)
            _collect(shared, target, _difference(before, after))
    _count_late(shared, today)
    held = session.learned.hold_sums(shared) if shared else {}
    for key, difference in shared.items():
        written[key] = packed_or_empty(add(unpacked(held[key]), difference))
    session.learned.put_sums(written)


def _difference(before: Sums, after: Sums) -> Sums:
    """What shared sums change by when an identity's day does."""
    return subtract(scaled_down(after, DAILY_INFLUENCE), scaled_down(before, DAILY_INFLUENCE))


def _count_late(shared: dict[RollupKey, Sums], today: int) -> None:
    """Let readers know that sums changed which they may have kept since their day was over."""
    for key in [key for key in shared if key.day < today]:
        shared[replace(key, context=CLOSED, day=0)] = np.ones(1, np.int64)


def _collect(sums: dict[RollupKey, Sums], key: RollupKey, difference: Sums) -> None:
    sums[key] = add(sums[key], difference) if key in sums else difference


def unpacked(packed: bytes) -> Sums:
    """Sums as they are stored; no bytes are nothing."""
    return unpack(packed) if packed else nothing()


def packed_or_empty(sums: Sums) -> bytes:
    """Sums as they are stored."""
    return pack(sums) if sums.any() else b""


def identity_context(identity: str, shared: str) -> str:
    """Where the lists of one identity in one shared context are added up.

    >>> identity_context("kim", "global")
    'identity:3:kim:global'
    """
    return f"{_IDENTITY}{len(identity)}:{identity}:{shared}"


def shared_context(context: str) -> str:
    """The shared context that an identity's day counts in.

    >>> shared_context("identity:3:kim:global")
    'global'
    """
    length, _, rest = context.removeprefix(_IDENTITY).partition(":")
    return rest[int(length) + 1 :]
