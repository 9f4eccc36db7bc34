"""Bulk statements on SQLite: one prepared statement, stepped once a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from functools import cache
from typing import Any

from sqlalchemy import Table

from desirepath.storage.learned import SHARDS
from desirepath.storage.relational.bulk import Row
from desirepath.storage.relational.tables import (
    ACTED_COLUMNS,
    DOCUMENT_COLUMNS,
    RANKED_COLUMNS,
    SHOWN_COLUMNS,
    named,
)

__all__ = ["SqliteBulk"]

_CLAIM_MARK = (
    "INSERT INTO marks (key, id, stored_at) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE "
    "SET id = excluded.id, stored_at = excluded.stored_at "
    "WHERE marks.stored_at <= excluded.stored_at - ? OR marks.stored_at > excluded.stored_at + ?"
)
_SHOWN = (
    f"SELECT {named('executions', SHOWN_COLUMNS)} "
    "FROM execution_ids JOIN executions USING (namespace, id) "
    "WHERE execution_ids.namespace = ? AND execution_ids.execution_id = ?"
)
_DOCUMENT = (
    f"SELECT {named('documents', DOCUMENT_COLUMNS)} FROM documents "
    "WHERE namespace = ? AND document_id = ?"
)
_TEXT_FIELDS = "SELECT name, number FROM text_fields WHERE namespace = ? ORDER BY name"
_RANKED = (
    f"SELECT {named('executions', RANKED_COLUMNS)} "
    "FROM execution_ids JOIN executions USING (namespace, id) "
    "WHERE execution_ids.namespace = ? AND execution_ids.execution_id = ? "
    "AND algorithm IS NOT NULL"
)
_ACTED = (
    f"SELECT {named('interactions', ACTED_COLUMNS)} FROM interactions "
    "WHERE namespace = ? AND execution_id = ?"
)
_SUMS = (
    "SELECT context, day, sums FROM rollups WHERE namespace = ?1 AND retriever_id = ?2 "
    "AND algorithm = ?3 AND context = ?4 AND day >= ?5 "
    f"AND shard / {SHARDS} = coalesce((SELECT serving FROM learning_states "
    "WHERE namespace = ?1 AND retriever_id = ?2), 0)"
)
_LONE_OF = "SELECT * FROM lone_interactions WHERE namespace = ? AND execution_id = ?"
_SESSION_SUMS = (
    "SELECT sums FROM learned_lists WHERE namespace = ? AND retriever_id = ? AND session_id = ? "
    "AND id >= ? AND live = 1 ORDER BY id DESC LIMIT ?"
)


class SqliteBulk:
    """See :class:`~desirepath.storage.relational.bulk.Bulk`."""

    def __init__(self, connection: Any) -> None:
        self._cursor = connection.cursor()

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        self._cursor.executemany(_insert(table), rows)

    def insert_new(self, table: Table, rows: Sequence[Row]) -> list[bool]:
        statement = _insert(table) + " ON CONFLICT DO NOTHING"
        return [self._cursor.execute(statement, row).rowcount == 1 for row in rows]

    def claim_marks(self, rows: Sequence[Row], window: int) -> list[bool]:
        return [
            self._cursor.execute(_CLAIM_MARK, (*row, window, window)).rowcount == 1 for row in rows
        ]

    def query(self, sql: str, values: Sequence[Any] | Mapping[str, Any]) -> list[Row]:
        rows: list[Row] = self._cursor.execute(sql, values).fetchall()
        return rows

    def shown(self, keys: Sequence[tuple[int, str]]) -> list[Row]:
        rows = (self._cursor.execute(_SHOWN, key).fetchone() for key in keys)
        return [row for row in rows if row is not None]

    def documents(self, namespace: int, document_ids: Sequence[str]) -> list[Row]:
        execute = self._cursor.execute
        rows = (execute(_DOCUMENT, (namespace, id)).fetchone() for id in document_ids)
        return [row for row in rows if row is not None]

    def text_fields(self, namespace: int) -> list[Row]:
        return self.query(_TEXT_FIELDS, (namespace,))

    def ranked(self, keys: Sequence[tuple[int, str]]) -> list[Row]:
        rows = (self._cursor.execute(_RANKED, key).fetchone() for key in keys)
        return [row for row in rows if row is not None]

    def acted(self, keys: Sequence[tuple[int, str]]) -> dict[tuple[int, str], list[Row]]:
        return {key: self._cursor.execute(_ACTED, key).fetchall() for key in keys}

    def lone_of(self, keys: Sequence[tuple[int, str]]) -> list[Row]:
        return [row for key in keys for row in self._cursor.execute(_LONE_OF, key).fetchall()]

    def sums(self, keys: Sequence[Row]) -> list[Row]:
        return [row for key in keys for row in self._cursor.execute(_SUMS, key).fetchall()]

    def session_sums(
        self, namespace: int, retriever_id: str, session_id: str, since: bytes, limit: int
    ) -> list[bytes]:
        values = (namespace, retriever_id, session_id, since, limit)
        return [row[0] for row in self._cursor.execute(_SESSION_SUMS, values).fetchall()]

    def hold(self, table: Table, rows: Sequence[Row]) -> list[Row]:
        """One writer at a time: what is read stays, and an empty row is not worth its writing."""
        n_keys, statement = len(table.primary_key.columns), _select(table)
        return [self._cursor.execute(statement, row[:n_keys]).fetchone() or row for row in rows]

    def lock(self, table: Table) -> None:
        """One writer at a time."""

    def put(self, table: Table, rows: Sequence[Row]) -> None:
        self._cursor.executemany(_insert(table).replace("INSERT", "INSERT OR REPLACE", 1), rows)

    def remove(self, table: Table, keys: Sequence[Row]) -> None:
        self._cursor.executemany(_delete(table), keys)

    def meet(self, arriving: Set[tuple[int, str]], awaited: Set[tuple[int, str]]) -> None:
        """One writer at a time: nobody is on the way."""

    def fetch(self, table: Table, keys: Sequence[Row], *, hold: bool = False) -> list[Row]:
        del hold  # nobody else writes meanwhile
        statement = _select(table)
        rows = (self._cursor.execute(statement, key).fetchone() for key in keys)
        return [row for row in rows if row is not None]


@cache
def _insert(table: Table) -> str:
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    return f"INSERT INTO {table.name} ({names}) VALUES ({', '.join('?' for _ in table.columns)})"


@cache
def _delete(table: Table) -> str:
    keys = " AND ".join(f"{column.name} = ?" for column in table.primary_key.columns)
    return f"DELETE FROM {table.name} WHERE {keys}"


@cache
def _select(table: Table) -> str:
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    keys = " AND ".join(f"{column.name} = ?" for column in table.primary_key.columns)
    return f"SELECT {names} FROM {table.name} WHERE {keys}"
