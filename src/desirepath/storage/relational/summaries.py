"""Grouped counts for the first page, with few reads of the log and small sorts.

SQLite sorts to group, and plans without statistics: conditions that must not choose an index are
wrapped in ``coalesce``, and joins that must stay inside are outer joins or EXISTS.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Executable,
    Exists,
    Text,
    and_,
    case,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from desirepath.domain.ids import first_id_at
from desirepath.domain.warnings import CLAMPED
from desirepath.storage.base import ListChecks, QueryCount, Tally
from desirepath.storage.relational import tables

__all__ = ["RelationalSummaries"]

_I = tables.interactions
_E = tables.executions
_NAMES = tables.execution_ids
_HOUR: ColumnElement[int] = literal_column("3600000000")
_QUERY_KEYS = ("query", "q", "text")


class _TextAt(FunctionElement[str]):
    """The text under a key of a JSON object in a text column; NULL where it is no text."""

    type = Text()
    inherit_cache = True
    name = "text_at"


class _PositionIn(FunctionElement[int]):
    """Where a text begins in another one, from 1; 0 when it does not."""

    type = BigInteger()
    inherit_cache = True
    name = "position_in"


@compiles(_TextAt)
def _text_at(element: _TextAt, compiler: SQLCompiler, **options: Any) -> str:
    column, key = (compiler.process(part, **options) for part in element.clauses)
    path = f"'$.{key[1:]}"
    return f"CASE WHEN json_type({column}, {path}) = 'text' THEN json_extract({column}, {path}) END"


@compiles(_TextAt, "postgresql")
def _text_at_postgres(element: _TextAt, compiler: SQLCompiler, **options: Any) -> str:
    column, key = (compiler.process(part, **options) for part in element.clauses)
    value = f"CAST({column} AS json)"
    return f"CASE WHEN json_typeof({value} -> {key}) = 'string' THEN {value} ->> {key} END"


@compiles(_PositionIn)
def _position_in(element: _PositionIn, compiler: SQLCompiler, **options: Any) -> str:
    return f"instr({compiler.process(element.clauses, **options)})"


@compiles(_PositionIn, "postgresql")
def _position_in_postgres(element: _PositionIn, compiler: SQLCompiler, **options: Any) -> str:
    return f"strpos({compiler.process(element.clauses, **options)})"


class RelationalSummaries:
    """See :class:`~desirepath.storage.base.Summaries`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _rows(self, statement: Executable) -> list[Any]:
        return [tuple(row) for row in self._connection.execute(statement)]

    def _number(self, statement: Executable) -> int:
        return int(self._connection.scalar(statement) or 0)

    def tally(self, namespace: int) -> list[Tally]:
        statement = (
            select(
                _I.c.types,
                _I.c.retriever_id,
                func.count().label("n"),
                _count_if(_I.c.execution_id.is_(None)).label("no_execution"),
                _count_if(_I.c.session_id.is_(None)).label("no_session"),
                _count_if(_I.c.position == 0).label("first_position"),
                _count_if(_I.c.position == 1).label("second_position"),
                _count_if(_I.c.position >= _I.c.result_set_size).label("beyond_results"),
                _count_if(_I.c.warning.contains(CLAMPED, autoescape=True)).label("clamped"),
                func.min(_I.c.occurred_at).label("first_occurred_at"),
                func.max(_I.c.occurred_at).label("last_occurred_at"),
            )
            .where(_I.c.namespace == namespace)
            .group_by(_I.c.types, _I.c.retriever_id)
        )
        return [Tally(**row._mapping) for row in self._connection.execute(statement)]

    def by_hour(self, namespace: int, since: int) -> list[tuple[int, str, int]]:
        into_hour = (_I.c.occurred_at % _HOUR + _HOUR) % _HOUR  # also before 1970
        hour = _I.c.occurred_at - into_hour
        return self._rows(
            select(hour, _I.c.types, func.count())
            .where(_I.c.namespace == namespace, _I.c.occurred_at >= since)
            .group_by(hour, _I.c.types)
        )

    def lists(self, namespace: int) -> list[tuple[str, int, int, int]]:
        keys = (_E.c.retriever_id, _E.c.offset, _E.c.n_documents)
        return self._rows(
            select(*keys, func.count()).where(_E.c.namespace == namespace).group_by(*keys)
        )

    def zero_results(self, namespace: int) -> tuple[int, int]:
        n, n_nothing = self._connection.execute(
            select(func.count(), _count_if(_found_nothing())).where(
                _E.c.namespace == namespace, _E.c.inputs.is_not(None)
            )
        ).one()
        return n, int(n_nothing)

    def by_position(
        self,
        namespace: int,
        types: Sequence[str],
        wanted: Sequence[str],
        retrievers: Sequence[str | None],
        since: Mapping[str | None, int],
        below: int,
        *,
        known: bool,
    ) -> list[tuple[int, int, int]]:
        retriever = func.coalesce(_I.c.retriever_id, "")
        pairs = (
            select(
                _I.c.execution_id,
                func.min(_I.c.position).label("position"),
                func.max(case((_I.c.types.in_(wanted), 1), else_=0)).label("wanted"),
            )
            .where(
                _I.c.namespace == namespace,
                _names_execution(),
                _I.c.types.in_(types),
                retriever.in_([name or "" for name in retrievers]),
                *(
                    or_(retriever != (name or ""), _I.c.occurred_at >= moment)
                    for name, moment in since.items()
                ),
            )
            .group_by(_I.c.execution_id, _I.c.feature_id)
            .subquery()
        )
        position = pairs.c.position
        statement = (
            select(position, func.count(), func.sum(pairs.c.wanted))
            .where(position < below)
            .group_by(position)
        )
        if known:
            statement = statement.where(_is_known(namespace, pairs.c.execution_id))
        return [(at, n, int(m)) for at, n, m in self._rows(statement)]

    def list_checks(self, namespace: int, types: Sequence[str], limit: int) -> ListChecks:
        last = (
            select(_I.c.execution_id, _I.c.feature_id, _I.c.position, _I.c.result_set_size)
            .where(_I.c.namespace == namespace, _names_execution(), _I.c.types.in_(types))
            .order_by(_I.c.id.desc())
            .limit(limit)
            .subquery()
        )
        end = _E.c.offset + _E.c.n_documents
        outside = or_(last.c.position < _E.c.offset, last.c.position >= end)
        statement = select(
            func.count(_E.c.id),
            _count_if(_is_missing(last.c.feature_id)),
            _count_if(and_(last.c.result_set_size.is_(None), outside)),
        ).select_from(
            last.outerjoin(
                _NAMES,
                and_(
                    _NAMES.c.namespace == namespace,
                    _NAMES.c.execution_id == last.c.execution_id,
                ),
            ).outerjoin(_E, and_(_E.c.namespace == namespace, _E.c.id == _NAMES.c.id))
        )
        n, not_listed, beyond_list = self._connection.execute(statement).one()
        return ListChecks(n, int(not_listed or 0), int(beyond_list or 0))

    def unknown_executions(self, namespace: int) -> int:
        named = (
            select(_I.c.execution_id, func.count().label("n"))
            .where(_I.c.namespace == namespace, _I.c.execution_id.is_not(None))
            .group_by(_I.c.execution_id)
            .subquery()
        )
        return self._number(
            select(func.sum(named.c.n)).where(~_is_known(namespace, named.c.execution_id))
        )

    def sessions_of_executions(self, namespace: int) -> int:
        theirs = exists().where(
            _NAMES.c.namespace == namespace,
            _NAMES.c.execution_id == _I.c.execution_id,
            _E.c.namespace == namespace,
            _E.c.id == _NAMES.c.id,
            _E.c.session_id.is_not(None),
        )
        return self._number(
            select(func.count()).where(
                _I.c.namespace == namespace,
                _I.c.session_id.is_(None),
                _names_execution(),
                theirs,
            )
        )

    def searches(self, namespace: int, limit: int, *, empty_only: bool = False) -> list[QueryCount]:
        query = _query_of(_E.c.inputs)
        n = func.count()
        conditions = [_E.c.namespace == namespace, _E.c.inputs.is_not(None)]
        if empty_only:
            conditions.append(_found_nothing())
        statement = (
            select(query, n, _count_if(_found_nothing()))
            .where(*conditions)
            .group_by(query)
            .order_by(n.desc(), query)
            .limit(limit)
        )
        return [QueryCount(*row) for row in self._rows(statement)]

    def recent_searches(self, namespace: int, limit: int) -> list[tuple[str, str]]:
        identity = func.coalesce(_E.c.user_id, _E.c.session_id, _E.c.execution_id)
        return self._rows(
            select(_query_of(_E.c.inputs), identity)
            .where(_E.c.namespace == namespace, _E.c.inputs.is_not(None))
            .order_by(_E.c.id.desc())
            .limit(limit)
        )

    def interaction_counts(
        self,
        namespace: int,
        types: Sequence[str],
        since: int,
        limit: int,
        document_ids: Sequence[str] | None = None,
    ) -> dict[str, int]:
        last = (
            select(_I.c.feature_id, _I.c.types, _I.c.user_id, _I.c.session_id, _I.c.occurred_at)
            .where(_I.c.namespace == namespace, _I.c.id >= first_id_at(since))
            .order_by(_I.c.id.desc())
            .limit(limit)
            .subquery()
        )
        document_id, user_id = last.c.feature_id, last.c.user_id
        session_id = case((user_id.is_(None), last.c.session_id))
        n = (
            func.count(user_id.distinct())
            + func.count(session_id.distinct())
            + _count_if(and_(user_id.is_(None), last.c.session_id.is_(None)))
        )
        statement = (
            select(document_id, n)
            .where(
                last.c.occurred_at >= since,
                or_(*(_is_among(type, last.c.types) for type in types)),
            )
            .group_by(document_id)
        )
        if document_ids is not None:
            statement = statement.where(document_id.in_(document_ids))
        return {id: int(count) for id, count in self._rows(statement)}

    def reactions(
        self, namespace: int, types: Sequence[str], limit: int, queries: Sequence[str] | None
    ) -> list[QueryCount]:
        query = _query_of(_I.c.query_snapshot)
        conditions = [
            _I.c.namespace == namespace,
            _I.c.types.in_(types),
            _I.c.query_snapshot.is_not(None),
        ]
        if queries is not None:
            conditions.append(query.in_(queries))
        pairs = (
            select(query.label("query"), _I.c.execution_id, func.count().label("n"))
            .where(*conditions)
            .group_by(query, _I.c.execution_id, _I.c.feature_id)
            .subquery()
        )
        once = case((pairs.c.execution_id.is_(None), pairs.c.n), else_=1)
        n = func.sum(once)
        statement = (
            select(pairs.c.query, n, func.count(pairs.c.execution_id.distinct()))
            .group_by(pairs.c.query)
            .order_by(n.desc(), pairs.c.query)
            .limit(limit)
        )
        return [QueryCount(text, int(n), m) for text, n, m in self._rows(statement)]

    def misses(self, namespace: int, types: Sequence[str], limit: int) -> list[tuple[str, int]]:
        query = _query_of(_I.c.query_snapshot)
        empty = exists().where(
            _NAMES.c.namespace == namespace,
            _NAMES.c.execution_id == _I.c.execution_id,
            _E.c.namespace == namespace,
            _E.c.id == _NAMES.c.id,
            _found_nothing(),
        )
        n = func.count(_I.c.execution_id.distinct()) + _count_if(_I.c.execution_id.is_(None))
        return self._rows(
            select(query, n)
            .where(
                _I.c.namespace == namespace,
                _I.c.types.in_(types),
                _I.c.query_snapshot.is_not(None),
                ~empty,
            )
            .group_by(query)
            .order_by(n.desc(), query)
            .limit(limit)
        )

    def documents(self, namespace: int, types: Sequence[str], limit: int) -> list[tuple[str, int]]:
        mine = (_I.c.namespace == namespace, _I.c.types.in_(types))
        return self._most(_I.c.feature_id, limit, *mine)

    def identities(self, namespace: int, limit: int) -> list[tuple[str, int]]:
        mine = _I.c.namespace == namespace
        users = self._most(_I.c.user_id, limit, mine, _I.c.user_id.is_not(None))
        nameless = func.coalesce(_I.c.user_id, "") == ""
        named = func.coalesce(_I.c.session_id, "") != ""
        sessions = self._most(_I.c.session_id, limit, mine, nameless, named)
        return sorted([*users, *sessions], key=lambda pair: (-pair[1], pair[0]))[:limit]

    def _most(
        self, column: ColumnElement[Any], limit: int, *conditions: ColumnElement[bool]
    ) -> list[tuple[str, int]]:
        n = func.count()
        return self._rows(
            select(column, n)
            .where(*conditions)
            .group_by(column)
            .order_by(n.desc(), column)
            .limit(limit)
        )


def _count_if(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _is_among(type: str, types: ColumnElement[str]) -> ColumnElement[bool]:
    comma: ColumnElement[str] = literal_column("','")
    return _PositionIn(comma.concat(types).concat(comma), literal(f",{type},")) > 0


def _names_execution() -> ColumnElement[bool]:
    """Whether an interaction names an execution, said so that no index is walked for it.

    That would fetch the rows in an order that has nothing to do with where they lie.
    """
    return func.coalesce(_I.c.execution_id, "") != ""


def _found_nothing() -> ColumnElement[bool]:
    return and_(_E.c.n_documents == 0, _E.c.offset == 0, or_(_E.c.total.is_(None), _E.c.total == 0))


def _is_known(namespace: int, execution_id: ColumnElement[str]) -> Exists:
    return exists().where(_NAMES.c.namespace == namespace, _NAMES.c.execution_id == execution_id)


def _is_missing(document_id: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether a list does not have a document; ids that JSON would escape pass as present."""
    quoted = literal_column("'\"'").concat(document_id).concat(literal_column("'\"'"))
    return and_(
        _PositionIn(_E.c.shown, quoted) == 0,
        _PositionIn(document_id, literal_column("'\"'")) == 0,
        _PositionIn(document_id, literal_column("'\\'")) == 0,
    )


def _query_of(column: ColumnElement[Any]) -> ColumnElement[str]:
    texts = (_TextAt(column, literal_column(f"'{key}'")) for key in _QUERY_KEYS)
    return func.coalesce(*texts, column)
