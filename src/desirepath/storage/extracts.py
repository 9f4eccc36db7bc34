"""What the engine asks of a database to copy the log for analysis; the docstrings are the contract.

Rows come as they are stored, for they are many.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

__all__ = ["CLICK_COLUMNS", "EXECUTION_COLUMNS", "INTERACTION_COLUMNS", "Extracts"]

INTERACTION_COLUMNS = (
    "id",
    "feature_id",
    "types",
    "position",
    "metadata",
    "user_id",
    "session_id",
    "execution_id",
    "retriever_id",
    "query_snapshot",
    "document_score",
    "result_set_size",
    "feature_uri",
    "occurred_at",
    "live",
    "reward",
    "warning",
)
EXECUTION_COLUMNS = (
    "id",
    "execution_id",
    "retriever_id",
    "user_id",
    "session_id",
    "inputs",
    "configuration",
    "metadata",
    "offset",
    "total",
    "n_documents",
    "shown",
    "detail",
    "occurred_at",
    "live",
    "parent_id",
    "ranking",
)
CLICK_COLUMNS = ("execution_id", "feature_id", "id", "occurred_at", "live")


class Extracts(Protocol):
    """The log of a namespace in order of id, in constant memory.

    Ranges are after one id and before another one, both excluded.
    """

    def interactions(
        self, namespace: int, after: bytes, before: bytes, chunk: int = 20_000
    ) -> Iterator[Sequence[tuple[Any, ...]]]:
        """``INTERACTION_COLUMNS``, in chunks."""
        ...

    def executions(
        self, namespace: int, after: bytes, before: bytes, chunk: int = 2_000
    ) -> Iterator[Sequence[tuple[Any, ...]]]:
        """``EXECUTION_COLUMNS``, in chunks."""
        ...

    def executions_named(
        self, namespace: int, execution_ids: Sequence[str]
    ) -> Sequence[tuple[Any, ...]]:
        """``EXECUTION_COLUMNS`` of those that there are, in any order; the ids are distinct."""
        ...

    def clicks_of(
        self, namespace: int, execution_ids: Sequence[str], before: bytes
    ) -> Sequence[tuple[Any, ...]]:
        """Clicks on what executions showed, recorded before an id: ``CLICK_COLUMNS``."""
        ...

    def changes(self, namespace: int) -> dict[int, int]:
        """By UTC day of recording: how often something was deleted of what was recorded on it.

        Days are counted from 1970. What goes because whole partitions of the log are dropped is
        not counted: it is older than all that :meth:`first_ids` says.
        """
        ...

    def first_ids(self, namespace: int) -> tuple[bytes | None, bytes | None]:
        """The first id of an interaction and of an execution."""
        ...

    def last_ids(self, namespace: int) -> tuple[bytes | None, bytes | None]:
        """The last id of an interaction and of an execution."""
        ...
