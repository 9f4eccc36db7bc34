"""The log, copied for analysis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Table, bindparam, func, select

from desirepath.storage.extracts import (
    CLICK_COLUMNS,
    EXECUTION_COLUMNS,
    INTERACTION_COLUMNS,
)
from desirepath.storage.relational import tables
from desirepath.storage.relational.bulk import Bulk, Row
from desirepath.storage.relational.logs import has_type, parts

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

    def executions_named(self, namespace: int, execution_ids: Sequence[str]) -> Sequence[Row]:
        keys = [(namespace, name) for name in execution_ids]
        known = self._bulk.fetch(tables.execution_ids, keys) if keys else []
        rows = self._bulk.fetch(_E, [(row[0], row[3]) for row in known]) if known else []
        places = [_E.columns.keys().index(name) for name in EXECUTION_COLUMNS]
        return [tuple(row[place] for place in places) for row in rows]

    def clicks_of(
        self, namespace: int, execution_ids: Sequence[str], before: bytes
    ) -> Sequence[Row]:
        found: list[Row] = []
        for names in parts(execution_ids):
            statement = select(*(_I.c[name] for name in CLICK_COLUMNS)).where(
                _I.c.namespace == namespace,
                _I.c.execution_id.in_(names),
                _I.c.id < before,
                has_type("click"),
            )
            found += map(tuple, self._connection.execute(statement))
        return found

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
