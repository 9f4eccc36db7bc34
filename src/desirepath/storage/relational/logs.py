"""The interaction log and the execution log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import lru_cache
from typing import Any

from msgspec.structs import replace
from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    func,
    or_,
    select,
)
from sqlalchemy import update as update_rows
from sqlalchemy.dialects import postgresql, sqlite

from desirepath.domain.checks import is_storable
from desirepath.domain.execution import Execution, ExecutionSummary, ShownList
from desirepath.domain.ids import NIL, time_of
from desirepath.domain.interaction import Interaction, dedup_key
from desirepath.domain.ranking import day_of
from desirepath.storage.base import Event, ExecutionQuery, InteractionQuery
from desirepath.storage.relational import tables
from desirepath.storage.relational.bulk import Bulk
from desirepath.storage.relational.narrowing import narrow, narrow_executions
from desirepath.storage.relational.rows import (
    execution_to_row,
    interaction_to_row,
    row_to_execution,
    row_to_interaction,
    row_to_shown_list,
    row_to_summary,
)

__all__ = ["RelationalExecutionLog", "RelationalInteractionLog", "has_type", "parts"]

_I = tables.interactions
_E = tables.executions
_LOOKED_AT = 4  # clicks for each that is wanted: what was recorded late may be older
_IN_LIST = 500  # ids in one IN (…): enough to amortise a round trip


class _Log:
    """What both logs share: rows keyed by (namespace, id)."""

    table: Table

    def __init__(self, connection: Connection, bulk: Bulk) -> None:
        self._connection = connection
        self._bulk = bulk

    def _rows_after(self, namespace: int, chunk: int) -> Iterator[Any]:
        columns = self.table.c
        last = NIL
        while True:
            statement = (
                select(self.table)
                .where(columns.namespace == namespace, columns.id > last)
                .order_by(columns.id)
                .limit(chunk)
            )
            rows = self._connection.execute(statement).all()
            yield from rows
            if len(rows) < chunk:
                return
            last = rows[-1].id

    def _ids(self, namespace: int, limit: int, *conditions: ColumnElement[bool]) -> list[bytes]:
        columns = self.table.c
        statement = (
            select(columns.id)
            .where(columns.namespace == namespace, *conditions)
            .order_by(columns.id)
            .limit(limit)
        )
        return list(self._connection.scalars(statement))

    def ids_of_retriever(self, namespace: int, retriever_id: str, limit: int) -> list[bytes]:
        return self._ids(namespace, limit, self.table.c.retriever_id == retriever_id)

    def ids_before(self, namespace: int, bound: bytes, limit: int) -> list[bytes]:
        return self._ids(namespace, limit, self.table.c.id < bound)

    def _delete_ids(self, namespace: int, ids: Sequence[bytes]) -> int:
        columns = self.table.c
        self._note_changes(namespace, ids)
        return sum(
            self._connection.execute(
                delete(self.table).where(columns.namespace == namespace, columns.id.in_(part))
            ).rowcount
            for part in parts(ids)
        )

    def _note_changes(self, namespace: int, ids: Sequence[bytes]) -> None:
        """Say which days of recording are not any more what copies of them hold."""
        days = sorted({day_of(time_of(id)) for id in ids})  # one order for all processes
        dialect = postgresql if self._connection.dialect.name == "postgresql" else sqlite
        changes = tables.log_changes
        insert = dialect.insert(changes)
        statement = insert.on_conflict_do_update(
            index_elements=["namespace", "day"], set_={"n_changes": changes.c.n_changes + 1}
        )
        for day in days:
            values = {"namespace": namespace, "day": day, "n_changes": 1}
            self._connection.execute(statement, values)


class RelationalInteractionLog(_Log):
    """See :class:`~desirepath.storage.base.InteractionLog`."""

    table = _I

    def append(self, interactions: Sequence[Interaction]) -> None:
        if interactions:
            self._bulk.insert(_I, [interaction_to_row(value) for value in interactions])

    def get(self, keys: Sequence[tuple[int, bytes]]) -> dict[tuple[int, bytes], Interaction]:
        return {(row[0], row[1]): row_to_interaction(row) for row in self._bulk.fetch(_I, keys)}

    def find(self, query: InteractionQuery, limit: int, offset: int = 0) -> list[Interaction]:
        if query.filter is None and query.interaction_type is None:
            rows = self._find_plainly(query, limit, offset)
        else:
            statement = _ordered(_matching(select(_I), query).where(*_after(query)), query)
            rows = self._connection.execute(statement.limit(limit).offset(offset)).all()
        return [row_to_interaction(row) for row in rows]

    def _find_plainly(self, query: InteractionQuery, limit: int, offset: int) -> Sequence[Any]:
        """Nearly all lists: the same few statements, compiled once each."""
        shape = replace(
            query,
            namespace=0,
            equals=_Names(dict.fromkeys(query.equals, "")),
            after=query.after and (0, NIL),
            ceiling=query.ceiling and NIL,
        )
        sql, order = _compiled(self._connection.dialect, shape)
        moment, id = query.after or (0, NIL)
        values = {
            **query.equals,
            "namespace": query.namespace,
            "ceiling": query.ceiling,
            "after_moment": moment,
            "after_id": id,
            "page_limit": limit,
            "page_offset": offset,
        }
        return self._bulk.query(sql, values if order is None else [values[name] for name in order])

    def count(self, query: InteractionQuery) -> int:
        statement = _matching(select(func.count()).select_from(_I), query)
        return int(self._connection.scalar(statement) or 0)

    def last_clicks(
        self, namespace: int, column: str, value: str, before: int, limit: int
    ) -> list[str]:
        sql, order, others = _clicks(self._connection.dialect, column)
        values = others | {"namespace": namespace, "value": value, "most": _LOOKED_AT * limit}
        rows = self._bulk.query(sql, values if order is None else [values[name] for name in order])
        clicks = [(time_of(id) if live else moment, id, name) for name, id, moment, live in rows]
        last = sorted((click for click in clicks if click[0] < before), reverse=True)[:limit]
        return [name for _, _, name in last]

    def is_exact(self, query: InteractionQuery) -> bool:
        return query.filter is None or narrow(query.filter).exact

    def is_narrowed(self, query: InteractionQuery) -> bool:
        if query.equals or query.interaction_type is not None:
            return True
        return query.filter is not None and narrow(query.filter).condition is not None

    def scan(self, namespace: int, chunk: int = 2000) -> Iterator[Interaction]:
        return map(row_to_interaction, self._rows_after(namespace, chunk))

    def ids_before_execution(self, namespace: int, bound: bytes, limit: int) -> list[bytes]:
        names = tables.execution_ids
        late = select(names.c.execution_id).where(
            names.c.namespace == namespace,
            names.c.execution_id == _I.c.execution_id,
            names.c.id >= bound,
        )
        return self._ids(namespace, limit, _I.c.id < bound, late.exists())

    def unlinked(self, namespace: int, execution_ids: Sequence[str]) -> set[str]:
        columns = _I.c
        found: set[str] = set()
        for names in parts(execution_ids):
            statement = select(columns.execution_id).where(
                columns.namespace == namespace,
                columns.execution_id.in_(names),
                or_(columns.retriever_id.is_(None), columns.query_snapshot.is_(None)),
            )
            found.update(self._connection.scalars(statement.distinct()))
        return found

    def link_execution(
        self, namespace: int, execution_id: str, retriever_id: str, query_snapshot: str | None
    ) -> None:
        columns = _I.c
        self._connection.execute(
            update_rows(_I)
            .where(
                columns.namespace == namespace,
                columns.execution_id == execution_id,
                or_(columns.retriever_id.is_(None), columns.query_snapshot.is_(None)),
            )
            .values(
                retriever_id=func.coalesce(columns.retriever_id, retriever_id),
                query_snapshot=func.coalesce(columns.query_snapshot, query_snapshot),
            )
        )

    def delete(self, namespace: int, ids: Sequence[bytes]) -> int:
        rows = self._bulk.fetch(_I, [(namespace, id) for id in ids])
        self._forget(namespace, [row_to_interaction(row) for row in rows])
        return self._delete_ids(namespace, ids)

    def _forget(self, namespace: int, interactions: Sequence[Interaction]) -> None:
        keys_and_ids = [
            (dedup_key(namespace, value.execution_id, value.feature_id, value.types), value.id)
            for value in interactions
        ]
        marks = [(key, id) for key, id in keys_and_ids if key is not None]
        for part in parts(marks):
            keys = [key for key, _ in part]
            self._connection.execute(
                delete(tables.marks).where(
                    tables.marks.c.key.in_(keys), tables.marks.c.id.in_([id for _, id in part])
                )
            )
        events = tables.event_ids
        named = [(value.event_id, value.id) for value in interactions if value.event_id is not None]
        for part in parts(named):
            self._connection.execute(
                delete(events).where(
                    events.c.namespace == namespace,
                    events.c.event_id.in_([name for name, _ in part]),
                    events.c.id.in_([id for _, id in part]),  # it may be another one's by now
                )
            )

    def ids_of_user(self, namespace: int, user_id: str, limit: int) -> list[bytes]:
        ids = self._ids(namespace, limit, _I.c.user_id == user_id)
        if len(ids) == limit:
            return ids
        theirs = select(_E.c.execution_id).where(
            _E.c.namespace == namespace, _E.c.user_id == user_id
        )
        others = self._ids(namespace, limit, _I.c.execution_id.in_(theirs))
        return list(dict.fromkeys(ids + others))[:limit]

    def latest_of_user(self, namespace: int, user_id: str, limit: int) -> list[Interaction]:
        own = self._latest_ids(namespace, limit, _I.c.user_id == user_id)
        searches = self._connection.scalars(
            select(_E.c.execution_id)
            .where(_E.c.namespace == namespace, _E.c.user_id == user_id)
            .order_by(_E.c.id.desc())
            .limit(limit)
        ).all()
        for names in parts(searches):
            own += self._latest_ids(
                namespace, limit, _I.c.execution_id.in_(names), _I.c.user_id.is_(None)
            )
        last = sorted(own, reverse=True)[:limit]
        found = self.get([(namespace, id) for id in last])
        return [found[namespace, id] for id in last]

    def _latest_ids(
        self, namespace: int, limit: int, *conditions: ColumnElement[bool]
    ) -> list[bytes]:
        statement = select(_I.c.id).where(_I.c.namespace == namespace, *conditions)
        return list(self._connection.scalars(statement.order_by(_I.c.id.desc()).limit(limit)))


class RelationalExecutionLog(_Log):
    """See :class:`~desirepath.storage.base.ExecutionLog`."""

    table = _E

    def claim(
        self, claims: Sequence[tuple[int, str, bytes, bytes]]
    ) -> dict[tuple[int, str], Event]:
        return claim_ids(self._bulk, tables.execution_ids, claims)

    def append(self, executions: Sequence[Execution]) -> None:
        if executions:
            self._bulk.insert(_E, [execution_to_row(value) for value in executions])

    def get(self, namespace: int, execution_id: str) -> Execution | None:
        if not is_storable(execution_id):
            return None
        rows = self._fetch([(namespace, execution_id)])
        return row_to_execution(rows[0]) if rows else None

    def find(self, query: ExecutionQuery, limit: int, offset: int = 0) -> list[ExecutionSummary]:
        columns = [_E.c[name] for name in tables.SUMMARY_COLUMNS]
        statement = _matching_executions(select(*columns), query)
        if query.after is not None:
            past = _E.c.id < query.after if query.descending else _E.c.id > query.after
            statement = statement.where(past)
        order = _E.c.id.desc() if query.descending else _E.c.id
        rows = self._connection.execute(statement.order_by(order).limit(limit).offset(offset))
        return [row_to_summary(tuple(row)) for row in rows]

    def count(self, query: ExecutionQuery) -> int:
        statement = _matching_executions(select(func.count()).select_from(_E), query)
        return int(self._connection.scalar(statement) or 0)

    def is_exact(self, query: ExecutionQuery) -> bool:
        return query.filter is None or narrow_executions(query.filter).exact

    def meet(self, arriving: Set[tuple[int, str]], awaited: Set[tuple[int, str]]) -> None:
        if arriving or awaited:
            self._bulk.meet(arriving, awaited)

    def shown_lists(self, keys: Iterable[tuple[int, str]]) -> dict[tuple[int, str], ShownList]:
        wanted = list(keys)
        rows = self._bulk.shown(wanted) if wanted else []
        return {(row[0], row[1]): row_to_shown_list(row) for row in rows}

    def _fetch(self, keys: Sequence[tuple[int, str]]) -> list[Any]:
        if not keys:
            return []
        known = self._bulk.fetch(tables.execution_ids, keys)
        return self._bulk.fetch(_E, [(row[0], row[3]) for row in known])

    def untrimmed(
        self, namespace: int, before: bytes, limit: int
    ) -> list[tuple[bytes, str, bytes]]:
        marks = tables.instance
        after = self._connection.scalar(
            select(marks.c.value).where(marks.c.name == _trimmed(namespace))
        )
        statement = (
            select(_E.c.id, _E.c.shown, _E.c.ranking)
            .where(
                _E.c.namespace == namespace,
                _E.c.id > (after or NIL),
                _E.c.id < before,
                _E.c.ranking.is_not(None),
            )
            .order_by(_E.c.id)
            .limit(limit)
        )
        return [(row.id, row.shown, row.ranking) for row in self._connection.execute(statement)]

    def trim(self, namespace: int, rankings: Mapping[bytes, bytes], upto: bytes) -> None:
        if rankings:
            self._connection.execute(
                update_rows(_E)
                .where(_E.c.namespace == namespace, _E.c.id == bindparam("trimmed_id"))
                .values(ranking=bindparam("trimmed")),
                [{"trimmed_id": id, "trimmed": packed} for id, packed in rankings.items()],
            )
        self._bulk.put(tables.instance, [(_trimmed(namespace), upto)])

    def names(self, namespace: int, ids: Sequence[bytes]) -> set[tuple[int, str]]:
        found: set[tuple[int, str]] = set()
        for part in parts(ids):
            statement = select(_E.c.execution_id).where(
                _E.c.namespace == namespace, _E.c.id.in_(part)
            )
            found |= {(namespace, name) for name in self._connection.scalars(statement)}
        return found

    def scan(self, namespace: int, chunk: int = 500) -> Iterator[Execution]:
        return map(row_to_execution, self._rows_after(namespace, chunk))

    def ids_of_user(self, namespace: int, user_id: str, limit: int) -> list[bytes]:
        return self._ids(namespace, limit, _E.c.user_id == user_id)

    def delete(self, namespace: int, ids: Sequence[bytes]) -> int:
        names = tables.execution_ids
        for part in parts(ids):
            theirs = select(_E.c.execution_id).where(_E.c.namespace == namespace, _E.c.id.in_(part))
            self._connection.execute(
                delete(names).where(
                    names.c.namespace == namespace, names.c.execution_id.in_(theirs)
                )
            )
        return self._delete_ids(namespace, ids)


def _trimmed(namespace: int) -> str:
    """Under which name the last trimmed execution of a namespace is remembered."""
    return f"trimmed:{namespace}"


def claim_ids(
    bulk: Bulk, table: Table, claims: Sequence[tuple[int, str, bytes, bytes]]
) -> dict[tuple[int, str], Event]:
    """Insert (namespace, name, digest, id) where the name is free; return those that were not.

    What is returned stays until the end of the transaction: whoever deletes it waits.
    """
    found: dict[tuple[int, str], Event] = {}
    while claims:
        won = bulk.insert_new(table, claims)
        taken = [claim for claim, mine in zip(claims, won, strict=True) if not mine]
        rows = bulk.fetch(table, sorted(claim[:2] for claim in taken), hold=True)
        found.update({(row[0], row[1]): Event(row[2], row[3]) for row in rows})
        claims = [claim for claim in taken if claim[:2] not in found]  # deleted in between
    return found


class _Names(dict[str, str]):
    """Names that are compared, hashable so that a statement is found by them."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self))


@lru_cache(maxsize=512)
def _compiled(dialect: Dialect, shape: InteractionQuery) -> tuple[str, Sequence[str] | None]:
    """The statement of a query without filter, and the order of its values (None: by name)."""
    statement = select(_I).where(
        _I.c.namespace == bindparam("namespace"),
        *(_I.c[name] == bindparam(name) for name in shape.equals),
    )
    if shape.ceiling is not None:
        statement = statement.where(_I.c.id <= bindparam("ceiling"))
    if shape.after is not None:
        statement = statement.where(_past(shape, bindparam("after_moment"), bindparam("after_id")))
    statement = _ordered(statement, shape)
    statement = statement.limit(bindparam("page_limit")).offset(bindparam("page_offset"))
    compiled = statement.compile(dialect=dialect)
    return str(compiled), compiled.positiontup


@lru_cache(maxsize=8)
def _clicks(dialect: Dialect, column: str) -> tuple[str, Sequence[str] | None, dict[str, Any]]:
    """The statement of :meth:`RelationalInteractionLog.last_clicks`, and all its values."""
    statement = (
        select(_I.c.feature_id, _I.c.id, _I.c.occurred_at, _I.c.live)
        .where(
            _I.c.namespace == bindparam("namespace"),
            _I.c[column] == bindparam("value"),
            has_type("click"),
        )
        .order_by(_I.c.id.desc())
        .limit(bindparam("most"))
    )
    compiled = statement.compile(dialect=dialect)
    return str(compiled), compiled.positiontup, dict(compiled.params)


def _ordered(statement: Select[Any], query: InteractionQuery) -> Select[Any]:
    keys = (_I.c.occurred_at, _I.c.id) if query.sort == "occurred_at" else (_I.c.id,)
    return statement.order_by(*(key.desc() if query.descending else key for key in keys))


def _matching(statement: Select[Any], query: InteractionQuery) -> Select[Any]:
    statement = statement.where(_I.c.namespace == query.namespace)
    for name, value in query.equals.items():
        statement = statement.where(_I.c[name] == value)
    if query.interaction_type is not None:
        statement = statement.where(has_type(query.interaction_type))
    if query.ceiling is not None:
        statement = statement.where(_I.c.id <= query.ceiling)
    if query.filter is not None:
        narrowed = narrow(query.filter).condition
        if narrowed is not None:
            statement = statement.where(narrowed)
    return statement


def _matching_executions(statement: Select[Any], query: ExecutionQuery) -> Select[Any]:
    statement = statement.where(
        _E.c.namespace == query.namespace, _E.c.retriever_id == query.retriever_id
    )
    if query.ceiling is not None:
        statement = statement.where(_E.c.id <= query.ceiling)
    narrowed = None if query.filter is None else narrow_executions(query.filter).condition
    return statement if narrowed is None else statement.where(narrowed)


def _after(query: InteractionQuery) -> list[ColumnElement[bool]]:
    return [] if query.after is None else [_past(query, *query.after)]


def _past(query: InteractionQuery, moment: Any, id: Any) -> ColumnElement[bool]:
    past_id: ColumnElement[bool] = _I.c.id < id if query.descending else _I.c.id > id
    if query.sort == "id":
        return past_id
    column = _I.c.occurred_at
    past = column < moment if query.descending else column > moment
    return or_(past, and_(column == moment, past_id))


def has_type(type: str) -> ColumnElement[bool]:
    """Whether one of an interaction's types is this one."""
    return ("," + _I.c.types + ",").contains(f",{type},", autoescape=True)


def parts(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Items by so many as one statement names."""
    for start in range(0, len(items), _IN_LIST):
        yield items[start : start + _IN_LIST]
