"""The log, copied for analysis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Table, bindparam, func, select

from desirepath.storage.extracts import EXECUTION_COLUMNS, INTERACTION_COLUMNS
from desirepath.storage.relational import tables
from desirepath.storage.relational.bulk import Bulk, Row

__all__ = ["RelationalExtracts"]

_I = tables.interactions
_E = tables.executions
_CHANGES = tables.log_changes


class RelationalExtracts:
    """See :class:`~desirepath.storage.extracts.Extracts`."""

    def __init__(self, connection: Connection, bulk: Bulk) -> None:
        self._connection = connection
        self._bulk = bulk

    def interactions(
        self, namespace: int, after: bytes, before: bytes, chunk: int = 20_000
    ) -> Iterator[Sequence[Row]]:
        return self._rows(_I, INTERACTION_COLUMNS, (namespace, after, before, chunk))

    def executions(
        self, namespace: int, after: bytes, before: bytes, chunk: int = 2_000
    ) -> Iterator[Sequence[Row]]:
        return self._rows(_E, EXECUTION_COLUMNS, (namespace, after, before, chunk))

    def changes(self, namespace: int) -> dict[int, int]:
        statement = select(_CHANGES.c.day, _CHANGES.c.n_changes).where(
            _CHANGES.c.namespace == namespace
        )
        return {row.day: row.n_changes for row in self._connection.execute(statement)}

    def first_ids(self, namespace: int) -> tuple[bytes | None, bytes | None]:
        return self._end(_I, namespace, last=False), self._end(_E, namespace, last=False)

    def last_ids(self, namespace: int) -> tuple[bytes | None, bytes | None]:
        return self._end(_I, namespace, last=True), self._end(_E, namespace, last=True)

    def _end(self, table: Table, namespace: int, *, last: bool) -> bytes | None:
        id = func.max(table.c.id) if last else func.min(table.c.id)
        found: bytes | None = self._connection.scalar(
            select(id).where(table.c.namespace == namespace)
        )
        return found

    def _rows(
        self, table: Table, columns: tuple[str, ...], values: tuple[int, bytes, bytes, int]
    ) -> Iterator[Sequence[Row]]:
        namespace, after, before, chunk = values
        sql, order, others = _compiled(self._connection.dialect, table, columns)
        while True:
            named = others | {
                "namespace": namespace,
                "after": after,
                "before": before,
                "chunk": chunk,
            }
            given = named if order is None else [named[name] for name in order]
            rows = self._bulk.query(sql, given)
            if rows:
                yield rows
            if len(rows) < chunk:
                return
            after = rows[-1][0]


@lru_cache(maxsize=8)
def _compiled(
    dialect: Dialect, table: Table, columns: tuple[str, ...]
) -> tuple[str, Sequence[str] | None, dict[str, Any]]:
    """The statement, without what it costs to make a row's own object of each row."""
    statement = (
        select(*(table.c[name] for name in columns))
        .where(
            table.c.namespace == bindparam("namespace"),
            table.c.id > bindparam("after"),
            table.c.id < bindparam("before"),
        )
        .order_by(table.c.id)
        .limit(bindparam("chunk"))
    )
    compiled = statement.compile(dialect=dialect)
    return str(compiled), compiled.positiontup, dict(compiled.params)
