"""Bulk statements on PostgreSQL: arrays in one round trip, COPY for the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from functools import cache
from typing import Any
from zlib import crc32

from sqlalchemy import BigInteger, Column, Double, LargeBinary, Table

from desirepath.storage.learned import SHARDS
from desirepath.storage.relational.bulk import Row
from desirepath.storage.relational.tables import (
    ACTED_COLUMNS,
    DOCUMENT_COLUMNS,
    RANKED_COLUMNS,
    SHOWN_COLUMNS,
    lone_interactions,
    named,
)

__all__ = ["PostgresBulk"]

_CLAIM_MARKS = (
    "INSERT INTO marks (key, id, stored_at) "
    "SELECT * FROM unnest(%s::bytea[], %s::bytea[], %s::bigint[]) ON CONFLICT (key) DO UPDATE "
    "SET id = excluded.id, stored_at = excluded.stored_at "
    "WHERE marks.stored_at <= excluded.stored_at - %s OR marks.stored_at > excluded.stored_at + %s "
    "RETURNING key"
)


_MEETING_LOCK = 0x6465_7369  # any number that is ours, in the first of an advisory lock's two
_MEETING_PLACES = 256  # names share locks, of which a server has a few thousand
_MEET = (
    f"SELECT CASE WHEN mine THEN pg_advisory_xact_lock({_MEETING_LOCK}, bucket) IS NULL "
    f"ELSE pg_advisory_xact_lock_shared({_MEETING_LOCK}, bucket) IS NULL END "
    "FROM unnest(%s::int[], %s::bool[]) AS place (bucket, mine)"
)
_SHOWN = (
    f"SELECT {named('executions', SHOWN_COLUMNS)} "
    "FROM unnest(%s::int8[], %s::text[]) AS wanted (namespace, execution_id) "
    "JOIN execution_ids USING (namespace, execution_id) "
    "JOIN executions USING (namespace, id)"
)
_DOCUMENTS = (
    f"SELECT {named('documents', DOCUMENT_COLUMNS)} FROM documents "
    "WHERE namespace = %s AND document_id = ANY(%s::text[])"
)
_TEXT_FIELDS = "SELECT name, number FROM text_fields WHERE namespace = %s ORDER BY name"
_RANKED = (
    f"SELECT {named('executions', RANKED_COLUMNS)} "
    "FROM unnest(%s::int8[], %s::text[]) AS wanted (namespace, execution_id) "
    "JOIN execution_ids USING (namespace, execution_id) "
    "JOIN executions USING (namespace, id) WHERE algorithm IS NOT NULL"
)
_ACTED = (
    f"SELECT wanted.namespace, wanted.execution_id, {named('interactions', ACTED_COLUMNS)} "
    "FROM unnest(%s::int8[], %s::text[]) AS wanted (namespace, execution_id) "
    "JOIN interactions USING (namespace, execution_id)"
)
_SUMS = (
    "SELECT context, rollups.day, sums FROM unnest(%s::int8[], %s::text[], %s::text[], %s::text[], "
    "%s::int8[]) AS wanted (namespace, retriever_id, algorithm, context, since) "
    "JOIN rollups USING (namespace, retriever_id, algorithm, context) "
    "LEFT JOIN learning_states AS state USING (namespace, retriever_id) "
    f"WHERE rollups.day >= since AND rollups.shard / {SHARDS} = coalesce(state.serving, 0)"
)
_LONE_OF = (
    f"SELECT {named('lone_interactions', tuple(lone_interactions.c.keys()))} "
    "FROM unnest(%s::int8[], %s::text[]) AS wanted (namespace, execution_id) "
    "JOIN lone_interactions USING (namespace, execution_id)"
)
_SESSION_SUMS = (
    "SELECT sums FROM learned_lists WHERE namespace = %s AND retriever_id = %s AND session_id = %s "
    "AND id >= %s AND live = 1 ORDER BY id DESC LIMIT %s"
)


class PostgresBulk:
    """See :class:`~desirepath.storage.relational.bulk.Bulk`."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        with self._connection.cursor() as cursor, cursor.copy(_copy(table)) as copy:
            copy.set_types(_types(table))
            for row in rows:
                copy.write_row(row)

    def insert_new(self, table: Table, rows: Sequence[Row]) -> list[bool]:
        ordered = sorted(rows)  # one lock order for all processes
        arrays = [list(values) for values in zip(*ordered, strict=True)]
        with self._connection.cursor() as cursor:
            won = set(cursor.execute(_insert_new(table), arrays).fetchall())
        n_keys = len(table.primary_key.columns)
        return [row[:n_keys] in won for row in rows]

    def claim_marks(self, rows: Sequence[Row], window: int) -> list[bool]:
        arrays = [list(values) for values in zip(*sorted(rows), strict=True)]
        with self._connection.cursor() as cursor:
            cursor.execute(_CLAIM_MARKS, [*arrays, window, window])
            won = {key for (key,) in cursor.fetchall()}
        return [row[0] in won for row in rows]

    def query(self, sql: str, values: Sequence[Any] | Mapping[str, Any]) -> list[Row]:
        with self._connection.cursor() as cursor:
            rows: list[Row] = cursor.execute(sql, values, binary=True).fetchall()
        return rows

    def shown(self, keys: Sequence[tuple[int, str]]) -> list[Row]:
        arrays = [list(values) for values in zip(*keys, strict=True)]
        with self._connection.cursor() as cursor:
            rows: list[Row] = cursor.execute(_SHOWN, arrays, binary=True).fetchall()
        return rows

    def documents(self, namespace: int, document_ids: Sequence[str]) -> list[Row]:
        return self.query(_DOCUMENTS, [namespace, list(document_ids)])

    def text_fields(self, namespace: int) -> list[Row]:
        return self.query(_TEXT_FIELDS, [namespace])

    def ranked(self, keys: Sequence[tuple[int, str]]) -> list[Row]:
        return self._rows(_RANKED, keys)

    def acted(self, keys: Sequence[tuple[int, str]]) -> dict[tuple[int, str], list[Row]]:
        found: dict[tuple[int, str], list[Row]] = {key: [] for key in keys}
        for row in self._rows(_ACTED, keys):
            found[row[:2]].append(row[2:])
        return found

    def lone_of(self, keys: Sequence[tuple[int, str]]) -> list[Row]:
        return self._rows(_LONE_OF, keys)

    def sums(self, keys: Sequence[Row]) -> list[Row]:
        return self._rows(_SUMS, keys)

    def session_sums(
        self, namespace: int, retriever_id: str, session_id: str, since: bytes, limit: int
    ) -> list[bytes]:
        values = [namespace, retriever_id, session_id, since, limit]
        with self._connection.cursor() as cursor:
            return [row[0] for row in cursor.execute(_SESSION_SUMS, values, binary=True)]

    def hold(self, table: Table, rows: Sequence[Row]) -> list[Row]:
        """A write that changes nothing takes the lock, also of a row that was not there."""
        return self._rows(_hold(table), rows) if rows else []

    def lock(self, table: Table) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE")

    def put(self, table: Table, rows: Sequence[Row]) -> None:
        if rows:
            self._run(_put(table), rows)

    def remove(self, table: Table, keys: Sequence[Row]) -> None:
        if keys:
            self._run(_remove(table), keys)

    def _rows(self, statement: str, keys: Sequence[Row]) -> list[Row]:
        arrays = [list(values) for values in zip(*keys, strict=True)]
        with self._connection.cursor() as cursor:
            rows: list[Row] = cursor.execute(statement, arrays, binary=True).fetchall()
        return rows

    def _run(self, statement: str, rows: Sequence[Row]) -> None:
        arrays = [list(values) for values in zip(*rows, strict=True)]
        with self._connection.cursor() as cursor:
            cursor.execute(statement, arrays)

    def meet(self, arriving: Set[tuple[int, str]], awaited: Set[tuple[int, str]]) -> None:
        mine = {_bucket(name) for name in arriving}
        buckets = sorted(mine | {_bucket(name) for name in awaited})  # one order for all processes
        with self._connection.cursor() as cursor:
            cursor.execute(_MEET, [buckets, [bucket in mine for bucket in buckets]])

    def fetch(self, table: Table, keys: Sequence[Row], *, hold: bool = False) -> list[Row]:
        if not keys:
            return []
        arrays = [list(values) for values in zip(*keys, strict=True)]
        with self._connection.cursor() as cursor:
            rows: list[Row] = cursor.execute(
                _fetch(table) + (f" FOR SHARE OF {table.name}" if hold else ""), arrays, binary=True
            ).fetchall()
        return rows


def _bucket(name: tuple[int, str]) -> int:
    return crc32(f"{name[0]} {name[1]}".encode()) % _MEETING_PLACES


def _type(column: Column[Any]) -> str:
    if isinstance(column.type, LargeBinary):
        return "bytea"
    if isinstance(column.type, BigInteger):
        return "int8"
    return "float8" if isinstance(column.type, Double) else "text"


def _types(table: Table) -> list[str]:
    return [_type(column) for column in table.columns]


def _names(table: Table) -> str:
    return ", ".join(f'"{column.name}"' for column in table.columns)


def _keys(table: Table) -> str:
    return ", ".join(column.name for column in table.primary_key.columns)


@cache
def _copy(table: Table) -> str:
    return f"COPY {table.name} ({_names(table)}) FROM STDIN (FORMAT BINARY)"


@cache
def _insert_new(table: Table) -> str:
    arrays = ", ".join(f"%s::{_type(column)}[]" for column in table.columns)
    return (
        f"INSERT INTO {table.name} ({_names(table)}) SELECT * FROM unnest({arrays}) "
        f"ON CONFLICT DO NOTHING RETURNING {_keys(table)}"
    )


@cache
def _hold(table: Table) -> str:
    first = next(iter(table.primary_key.columns)).name
    return (
        f"INSERT INTO {table.name} ({_names(table)}) SELECT * FROM unnest({_arrays(table)}) "
        f"ON CONFLICT ({_keys(table)}) DO UPDATE SET {first} = excluded.{first} "
        f"RETURNING {_names(table)}"
    )


@cache
def _put(table: Table) -> str:
    keys = {column.name for column in table.primary_key.columns}
    values = ", ".join(
        f'"{column.name}" = excluded."{column.name}"'
        for column in table.columns
        if column.name not in keys
    )
    return (
        f"INSERT INTO {table.name} ({_names(table)}) SELECT * FROM unnest({_arrays(table)}) "
        f"ON CONFLICT ({_keys(table)}) DO UPDATE SET {values}"
    )


@cache
def _remove(table: Table) -> str:
    keys = [column.name for column in table.primary_key.columns]
    arrays = ", ".join(f"%s::{_type(column)}[]" for column in table.primary_key.columns)
    same = " AND ".join(f"{table.name}.{key} = gone.{key}" for key in keys)
    return f"DELETE FROM {table.name} USING unnest({arrays}) AS gone ({_keys(table)}) WHERE {same}"


def _arrays(table: Table) -> str:
    return ", ".join(f"%s::{_type(column)}[]" for column in table.columns)


@cache
def _fetch(table: Table) -> str:
    arrays = ", ".join(f"%s::{_type(column)}[]" for column in table.primary_key.columns)
    keys = _keys(table)
    return (
        f"SELECT {_names(table)} FROM {table.name} "
        f"JOIN unnest({arrays}) AS wanted ({keys}) USING ({keys})"
    )
