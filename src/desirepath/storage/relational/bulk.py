"""The few statements that are too hot for a query builder, as each driver does them best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any, Protocol

from sqlalchemy import Table

__all__ = ["Bulk", "Row"]

Row = tuple[Any, ...]


class Bulk(Protocol):
    """Many rows in few steps, inside the session's transaction."""

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        """Insert whole rows, in the table's column order; none of the keys exists."""
        ...

    def insert_new(self, table: Table, rows: Sequence[Row]) -> list[bool]:
        """Insert rows whose primary key is free; which ones were. Keys of one call are distinct."""
        ...

    def claim_marks(self, rows: Sequence[Row], window: int) -> list[bool]:
        """Insert (key, id, stored_at), or renew a mark older than ``window``; which were won."""
        ...

    def query(self, sql: str, values: Sequence[Any] | Mapping[str, Any]) -> list[Row]:
        """All rows of a statement that was compiled for this dialect."""
        ...

    def shown(self, keys: Sequence[tuple[int, str]]) -> list[Row]:
        """The ``SHOWN_COLUMNS`` of executions by (namespace, execution_id)."""
        ...

    def documents(self, namespace: int, document_ids: Sequence[str]) -> list[Row]:
        """Whole rows of documents by their ids, which are distinct."""
        ...

    def text_fields(self, namespace: int) -> list[Row]:
        """(name, number) of a namespace's text fields, by name."""
        ...

    def ranked(self, keys: Sequence[tuple[int, str]]) -> list[Row]:
        """The ``RANKED_COLUMNS`` of executions by (namespace, execution_id), where one teaches."""
        ...

    def acted(self, keys: Sequence[tuple[int, str]]) -> dict[tuple[int, str], list[Row]]:
        """The ``ACTED_COLUMNS`` of interactions by (namespace, execution_id)."""
        ...

    def lone_of(self, keys: Sequence[tuple[int, str]]) -> list[Row]:
        """Whole rows of lone interactions by (namespace, execution_id)."""
        ...

    def sums(self, keys: Sequence[Row]) -> list[Row]:
        """(context, day, sums) by (namespace, retriever, algorithm, context, day on).

        Of rollups that serve.
        """
        ...

    def session_sums(
        self, namespace: int, retriever_id: str, session_id: str, since: bytes, limit: int
    ) -> list[bytes]:
        """See :meth:`~desirepath.storage.learned.Learned.session_sums`."""
        ...

    def hold(self, table: Table, rows: Sequence[Row]) -> list[Row]:
        """Insert rows whose key is free; return what stands under each key now.

        Nobody changes them before this transaction ends. ``rows`` are sorted by key.
        """
        ...

    def lock(self, table: Table) -> None:
        """Nobody else changes the table before this transaction ends."""
        ...

    def put(self, table: Table, rows: Sequence[Row]) -> None:
        """Insert whole rows, or write them over those that have their key."""
        ...

    def remove(self, table: Table, keys: Sequence[Row]) -> None:
        """Delete rows by primary key."""
        ...

    def meet(self, arriving: Set[tuple[int, str]], awaited: Set[tuple[int, str]]) -> None:
        """See :meth:`~desirepath.storage.base.ExecutionLog.meet`."""
        ...

    def fetch(self, table: Table, keys: Sequence[Row], *, hold: bool = False) -> list[Row]:
        """Whole rows by primary key; held ones cannot be deleted before this transaction ends."""
        ...
