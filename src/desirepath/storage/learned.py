"""What the engine asks of a database about learning; the docstrings are the contract.

Sums are bytes here: storage adds nothing up. Rows that are held cannot be changed by another
session before this one ends, and are as they are at that moment.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

__all__ = [
    "SHARDS",
    "Activity",
    "LearnableList",
    "Learned",
    "LearnedList",
    "LearningState",
    "ListedInteraction",
    "LoneInteraction",
    "RollupKey",
    "UserControl",
]

SHARDS = 16
"""Rows of one context and day, so that processes need not wait for each other.

Those of a generation of sums are numbered from ``generation * SHARDS`` on."""


class LearnableList(Struct, frozen=True, kw_only=True):
    """An execution that something may be learned from; ``shown`` and ``ranking`` as stored."""

    namespace: int
    id: bytes
    execution_id: str
    retriever_id: str
    session_id: str | None
    shown: str
    offset: int
    occurred_at: int
    live: bool
    ranking: bytes
    experiment_id: str | None = None


ListedInteraction = tuple[str, str, float, str | None]
"""What learning needs of an interaction: feature_id, types as stored, reward, feature_uri."""


class LoneInteraction(Struct, frozen=True, kw_only=True):
    """An interaction that teaches although its list is not known.

    Parameters
    ----------
    id
        Of the interaction.
    execution_id
        What it names, which may still arrive; then the list teaches in its place.
    algorithm
        What learned from it.
    identity
        Whose daily share it is part of; None: nobody's.
    day
        On which it happened.
    feature
        Ordinal of the feature that it named.
    reward
        In millionths.
    """

    namespace: int
    id: bytes
    retriever_id: str
    execution_id: str | None
    algorithm: str
    identity: str | None
    day: int
    feature: int
    reward: int


class LearningState(Struct, frozen=True, kw_only=True):
    """Which generation of a retriever's sums serves, and how far the next one is.

    Parameters
    ----------
    serving
        The generation that is read.
    building
        The one that is being made from the log; None: no one is.
    upto
        Lists and lone interactions up to this id are in it.
    n_lists
        How many lists were looked at for it.
    """

    serving: int = 0
    building: int | None = None
    upto: bytes = b""
    n_lists: int = 0

    def generations(self, id: bytes) -> tuple[int, ...]:
        """The generations that a change of a list or lone interaction belongs to."""
        if self.building is None or id > self.upto:
            return (self.serving,)
        return (self.serving, self.building)


class LearnedList(Struct, frozen=True, kw_only=True):
    """What a list adds to the sums of its day; ``sums`` is empty when it adds nothing."""

    namespace: int
    id: bytes
    retriever_id: str
    session_id: str | None
    live: bool
    sums: bytes


class RollupKey(Struct, frozen=True, order=True, array_like=True):
    """Which sums: of a context's day, as one process adds to them; see :data:`SHARDS`."""

    namespace: int
    retriever_id: str
    algorithm: str
    context: str
    day: int
    shard: int


class UserControl(Struct, frozen=True):
    """What was decided about a user: ``generation`` counts resets."""

    opted_out: bool = False
    generation: int = 0


class Activity(Struct, frozen=True, kw_only=True):
    """Something that was done to a retriever's learning; ``detail`` is JSON."""

    id: bytes
    kind: str
    detail: str


class Learned(Protocol):
    """Lists and what was learned from them."""

    def lists(self, keys: Collection[tuple[int, str]]) -> list[LearnableList]:
        """Executions by (namespace, execution_id), of those that something learns from."""
        ...

    def lists_after(
        self, namespace: int, retriever_id: str, after: bytes, limit: int
    ) -> list[LearnableList]:
        """The next such executions of a retriever, in the order of their ids."""
        ...

    def ranked_after(
        self, namespace: int, retriever_id: str, after: bytes, limit: int
    ) -> list[LearnableList]:
        """The next executions that say how they were ranked, whether anything learns from them."""
        ...

    def interactions(
        self, keys: Collection[tuple[int, str]]
    ) -> dict[tuple[int, str], list[ListedInteraction]]:
        """Interactions by (namespace, execution_id)."""
        ...

    def hold_lists(self, lists: Sequence[LearnableList]) -> dict[bytes, bytes]:
        """The sums of learned lists by id, held; empty bytes for those that added nothing yet."""
        ...

    def put_lists(self, lists: Sequence[LearnedList]) -> None:
        """Write lists that are held; those without sums are removed."""
        ...

    def hold_sums(self, keys: Collection[RollupKey]) -> dict[RollupKey, bytes]:
        """Rollups, held; empty bytes where there is none yet."""
        ...

    def put_sums(self, rows: Mapping[RollupKey, bytes]) -> None:
        """Write rollups that are held; those without sums are removed."""
        ...

    def sums(
        self,
        namespace: int,
        retriever_id: str,
        algorithm: str,
        since: Mapping[str, int],
    ) -> list[tuple[str, int, bytes]]:
        """(context, day, sums) of contexts, each from its day on; a row a shard that serves."""
        ...

    def session_sums(
        self, namespace: int, retriever_id: str, session_id: str, since: bytes, limit: int
    ) -> list[bytes]:
        """Sums of the latest live lists of a session, served at the moment of an id or later."""
        ...

    def everything(self, namespace: int, retriever_id: str) -> list[tuple[RollupKey, bytes]]:
        """All rollups of a retriever that serve, in the order of their keys."""
        ...

    def learned_lists(self, namespace: int, retriever_id: str) -> list[LearnedList]:
        """All learned lists of a retriever, in the order of their ids."""
        ...

    def learned_ids(
        self, namespace: int, retriever_id: str, after: bytes, upto: bytes
    ) -> list[bytes]:
        """Ids of the learned lists of a retriever after one id, and up to another."""
        ...

    def learned_before(self, namespace: int, bound: bytes, limit: int) -> list[bytes]:
        """Ids of learned lists of a namespace before an id, in their order."""
        ...

    def clear(self, namespace: int, retriever_id: str, limit: int) -> int:
        """Remove all that a retriever learned, some at a time; how many rows were removed."""
        ...

    def clear_decisions(self, namespace: int, retriever_id: str) -> None:
        """Remove features, controls, users, activity and state of a retriever."""
        ...

    # Lone interactions

    def lone_after(
        self, namespace: int, retriever_id: str, after: bytes, limit: int
    ) -> list[LoneInteraction]:
        """The next lone interactions of a retriever, in the order of their ids."""
        ...

    def lone_before(self, namespace: int, bound: bytes, limit: int) -> list[bytes]:
        """Ids of lone interactions of a namespace before an id, in their order."""
        ...

    def put_lone(self, rows: Sequence[LoneInteraction]) -> None:
        """Keep lone interactions that were not kept yet."""
        ...

    def take_lone(self, namespace: int, ids: Sequence[bytes]) -> list[LoneInteraction]:
        """Remove and return the lone ones among interactions."""
        ...

    def take_lone_of(self, keys: Collection[tuple[int, str]]) -> list[LoneInteraction]:
        """Remove and return the lone interactions that name executions."""
        ...

    # Generations

    def hold_states(
        self, keys: Collection[tuple[int, str]]
    ) -> dict[tuple[int, str], LearningState]:
        """The states of retrievers by (namespace, retriever_id); others may hold them too."""
        ...

    def hold_state(self, namespace: int, retriever_id: str) -> LearningState:
        """The state of a retriever, which nobody else holds: nobody learns meanwhile."""
        ...

    def put_state(self, namespace: int, retriever_id: str, state: LearningState) -> None:
        """Write a state that is held alone."""
        ...

    def state(self, namespace: int, retriever_id: str) -> LearningState:
        """The state of a retriever, to be looked at."""
        ...

    def building(self) -> list[tuple[int, str]]:
        """Retrievers, by (namespace, retriever_id), of which a generation is being made."""
        ...

    def clear_generations(self, namespace: int, retriever_id: str, limit: int) -> int:
        """Remove rollups that neither serve nor are being made, some at a time; how many were."""
        ...

    def count_lists(self, namespace: int, retriever_id: str) -> int:
        """How many executions something is or may be learned from."""
        ...

    def delete_user(self, namespace: int, user_id: str) -> None:
        """Remove what was decided about a user."""
        ...

    def features(self, namespace: int, retriever_id: str) -> dict[str, int]:
        """The ordinals of a retriever's features."""
        ...

    def has_features(self, namespace: int) -> bool:
        """Whether any retriever of a namespace has features: else nothing teaches anything."""
        ...

    def add_features(self, namespace: int, retriever_id: str, uris: Sequence[str]) -> None:
        """Give the next ordinals to features that have none."""
        ...

    def user(self, namespace: int, retriever_id: str, user_id: str) -> UserControl: ...

    def hold_user(self, namespace: int, retriever_id: str, user_id: str) -> UserControl:
        """:meth:`user`, which nobody else changes before the session ends."""
        ...

    def set_user(
        self, namespace: int, retriever_id: str, user_id: str, control: UserControl
    ) -> None: ...

    def n_opted_out(self, namespace: int, retriever_id: str) -> int: ...

    def controls(self, namespace: int, retriever_id: str) -> str | None:
        """What was decided about a retriever's learning, as JSON."""
        ...

    def hold_controls(self, namespace: int, retriever_id: str) -> str | None:
        """:meth:`controls` that nobody else changes before the session ends."""
        ...

    def set_controls(self, namespace: int, retriever_id: str, controls: str) -> None: ...

    def add_activity(self, namespace: int, retriever_id: str, activity: Activity) -> None: ...

    def activity(self, namespace: int, retriever_id: str, limit: int) -> list[Activity]:
        """Newest first."""
        ...
