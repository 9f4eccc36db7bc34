"""What the engine asks of a database about learning; the docstrings are the contract.

Sums are bytes here: storage adds nothing up. Rows that are held cannot be changed by another
session before this one ends, and are as they are at that moment.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

__all__ = [
    "Activity",
    "LearnableList",
    "Learned",
    "LearnedList",
    "ListedInteraction",
    "RollupKey",
    "UserControl",
]


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


class ListedInteraction(Struct, frozen=True):
    """What learning needs of an interaction."""

    feature_id: str
    types: str
    position: int
    reward: float
    feature_uri: str | None


class LearnedList(Struct, frozen=True, kw_only=True):
    """What a list adds to the sums of its day; ``sums`` is empty when it adds nothing."""

    namespace: int
    id: bytes
    retriever_id: str
    session_id: str | None
    live: bool
    sums: bytes


class RollupKey(Struct, frozen=True, order=True, array_like=True):
    """Which sums: of a context's day, as one process adds to them."""

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
        """(context, day, sums) of contexts, each from its day on; a row a shard."""
        ...

    def session_sums(
        self, namespace: int, retriever_id: str, session_id: str, since: bytes, limit: int
    ) -> list[bytes]:
        """Sums of the latest live lists of a session, served at the moment of an id or later."""
        ...

    def everything(self, namespace: int, retriever_id: str) -> list[tuple[RollupKey, bytes]]:
        """All rollups of a retriever, in the order of their keys."""
        ...

    def learned_lists(self, namespace: int, retriever_id: str) -> list[LearnedList]:
        """All learned lists of a retriever, in the order of their ids."""
        ...

    def clear(self, namespace: int, retriever_id: str, limit: int) -> int:
        """Remove learned lists and rollups of a retriever, some at a time; how many were."""
        ...

    def clear_decisions(self, namespace: int, retriever_id: str) -> None:
        """Remove features, controls, users and activity of a retriever."""
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

    def set_user(
        self, namespace: int, retriever_id: str, user_id: str, control: UserControl
    ) -> None: ...

    def n_opted_out(self, namespace: int, retriever_id: str) -> int: ...

    def controls(self, namespace: int, retriever_id: str) -> str | None:
        """What was decided about a retriever's learning, as JSON."""
        ...

    def set_controls(self, namespace: int, retriever_id: str, controls: str) -> None: ...

    def add_activity(self, namespace: int, retriever_id: str, activity: Activity) -> None: ...

    def activity(self, namespace: int, retriever_id: str, limit: int) -> list[Activity]:
        """Newest first."""
        ...
