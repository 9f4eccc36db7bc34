"""List the executions of a retriever: narrowed by SQL, decided by one evaluator."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from desirepath.domain.clock import to_datetime
from desirepath.domain.execution import ExecutionSummary
from desirepath.domain.filters import FieldKind, Filter, compile_filter, parse_filter
from desirepath.domain.ids import NIL
from desirepath.domain.order import sorted_by
from desirepath.engine.cursors import list_digest, read_cursor, write_cursor
from desirepath.engine.engine import Engine
from desirepath.errors import InvalidCursor, InvalidFilter, QueryTooSlow
from desirepath.storage.base import ExecutionQuery, Session

__all__ = [
    "EXECUTION_ALIASES",
    "EXECUTION_FIELDS",
    "ExecutionPage",
    "ExecutionsRequest",
    "list_executions",
]

EXECUTION_FIELDS: Mapping[str, FieldKind] = {
    "execution_id": FieldKind.TEXT,
    "status": FieldKind.TEXT,
    "inputs": FieldKind.OBJECT,
    "user_id": FieldKind.TEXT,
    "session_id": FieldKind.TEXT,
    "configuration": FieldKind.TEXT,
    "metadata": FieldKind.OBJECT,
    "parent_execution_id": FieldKind.TEXT,
    "offset": FieldKind.INTEGER,
    "total": FieldKind.INTEGER,
    "total_returned": FieldKind.INTEGER,
    "duration_ms": FieldKind.NUMBER,
    "live": FieldKind.BOOLEAN,
    "occurred_at": FieldKind.TIME,
    "timestamp": FieldKind.TIME,
}
"""What executions can be filtered and sorted by."""

EXECUTION_ALIASES = {"created_at": "occurred_at", "completed_at": "occurred_at"}
_CHUNK = 1000


class ExecutionsRequest(Struct, frozen=True, kw_only=True):
    """A list as it is asked for.

    ``sorts`` are (field, descending), the first counts most; without any the last recorded comes
    first. ``start`` counts matches to leave out before the page; ``cursor`` replaces it.
    """

    retriever_id: str
    filters: Mapping[str, Any] | None = None
    case_sensitive: bool = False
    sorts: Sequence[tuple[str, bool]] = ()
    page_size: int = 50
    start: int = 0
    cursor: str | None = None


class ExecutionPage(Struct, frozen=True, kw_only=True):
    """A page of a list; ``total`` counts all matches, and ``start`` those before the page."""

    executions: list[ExecutionSummary]
    start: int
    total: int
    next_cursor: str | None


class _Cursor(Struct, frozen=True, array_like=True):
    """The next page leaves out so many of the matches that were recorded up to the ceiling."""

    of: str
    ceiling: str
    start: int


def list_executions(
    engine: Engine, namespace: int, request: ExecutionsRequest, seconds: float = 5.0
) -> ExecutionPage:
    """One page of the executions that match.

    Raises
    ------
    InvalidFilter
        The filter or a sort cannot be understood.
    InvalidCursor
        The cursor is not one that this list gave.
    QueryTooSlow
        No answer in time.
    """
    filter = None
    if request.filters:
        raw = {"case_sensitive": request.case_sensitive, **request.filters}
        filter = parse_filter(raw, EXECUTION_FIELDS, EXECUTION_ALIASES)
    paths = [(_path(field), descending) for field, descending in request.sorts]
    secret = engine.directory.secret("cursor")
    deadline = time.monotonic() + seconds
    try:
        with engine.storage.read(seconds) as session:
            return _Lister(session, namespace, request, filter, paths, secret, deadline).page()
    except QueryTooSlow as error:
        raise QueryTooSlow("timestamp", seconds) from error


def _path(field: str) -> list[str]:
    steps = field.split(".")
    steps[0] = EXECUTION_ALIASES.get(steps[0], steps[0])
    if steps[0] not in EXECUTION_FIELDS:
        raise InvalidFilter(f"Sort by one of {', '.join(EXECUTION_FIELDS)}.", ("sorts",))
    return steps


class _Lister:
    """One list in one session."""

    def __init__(
        self,
        session: Session,
        namespace: int,
        request: ExecutionsRequest,
        filter: Filter | None,
        sorts: Sequence[tuple[list[str], bool]],
        secret: bytes,
        deadline: float,
    ) -> None:
        self._log = session.executions
        self._request = request
        self._secret, self._deadline = secret, deadline
        self._holds = None if filter is None else compile_filter(filter)
        self._sorts = sorts
        by_time = not sorts or (len(sorts) == 1 and sorts[0][0] == ["timestamp"])
        self._is_by_time = by_time
        self._query = ExecutionQuery(
            namespace=namespace,
            retriever_id=request.retriever_id,
            filter=filter,
            descending=sorts[0][1] if by_time and sorts else True,
        )
        self._digest = list_digest(
            [
                namespace,
                "executions",
                request.retriever_id,
                dict(request.filters or {}),
                request.case_sensitive,
                list(request.sorts),
            ]
        )

    def page(self) -> ExecutionPage:
        start = self._begin()
        size = self._request.page_size
        if self._is_by_time and self._log.is_exact(self._query):
            total = self._log.count(self._query)
            rows = self._log.find(self._query, size, start)
        else:
            found = self._sorted(self._all())
            total, rows = len(found), found[start : start + size]
        following = None
        if start + len(rows) < total and rows:
            following = write_cursor(
                self._secret, _Cursor(self._digest, self._ceiling(), start + len(rows))
            )
        return ExecutionPage(executions=rows, start=start, total=total, next_cursor=following)

    def _begin(self) -> int:
        """How many matches to leave out; those recorded after the first page are none."""
        if self._request.cursor is None:
            return self._request.start
        cursor = read_cursor(self._secret, self._request.cursor, _Cursor)
        if cursor.of != self._digest:
            raise InvalidCursor()  # of another list, or another namespace: not for us to say
        self._query = replace(self._query, ceiling=bytes.fromhex(cursor.ceiling))
        return cursor.start

    def _ceiling(self) -> str:
        if self._query.ceiling is not None:
            return self._query.ceiling.hex()
        newest = self._log.find(replace(self._query, filter=None, descending=True), 1)
        return (newest[0].id if newest else NIL).hex()

    def _all(self) -> Iterator[ExecutionSummary]:
        query = self._query
        while True:
            chunk = self._log.find(query, _CHUNK)
            yield from (one for one in chunk if self._holds is None or self._holds(as_record(one)))
            if len(chunk) < _CHUNK:
                return
            if time.monotonic() > self._deadline:
                raise QueryTooSlow("", 0)
            query = replace(query, after=chunk[-1].id)

    def _sorted(self, found: Iterator[ExecutionSummary]) -> list[ExecutionSummary]:
        """In order; equal ones by the time they were recorded, and what is missing comes last."""
        rows = list(found)
        if not self._is_by_time:
            for path, descending in reversed(self._sorts):
                present, missing = sorted_by(rows, _value_at(path), descending=descending)
                rows = present + missing
        return rows


def _value_at(path: Sequence[str]) -> Callable[[ExecutionSummary], object]:
    def value_of(execution: ExecutionSummary) -> object:
        value: object = as_record(execution)
        for step in path:
            value = value.get(step) if isinstance(value, Mapping) else None
        return value

    return value_of


def as_record(execution: ExecutionSummary) -> dict[str, Any]:
    """An execution as filters see it."""
    profile = execution.profile
    return {
        "execution_id": execution.execution_id,
        "status": execution.status,
        "inputs": execution.inputs,
        "user_id": execution.user_id,
        "session_id": execution.session_id,
        "configuration": execution.configuration,
        "metadata": execution.metadata,
        "parent_execution_id": execution.parent_id,
        "offset": execution.offset,
        "total": execution.total,
        "total_returned": execution.n_documents,
        "duration_ms": None if profile is None else profile.milliseconds,
        "live": execution.live,
        "occurred_at": to_datetime(execution.occurred_at),
        "timestamp": to_datetime(execution.recorded_at),
    }
