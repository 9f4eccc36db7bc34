"""List interactions: narrowed by SQL, decided by one evaluator, paged by signed cursors."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from desirepath.domain.clock import to_datetime
from desirepath.domain.filters import (
    FieldKind,
    Filter,
    compile_filter,
    needs_narrowing,
    parse_filter,
    search_matches,
)
from desirepath.domain.ids import NIL, format_id
from desirepath.domain.interaction import Interaction, InteractionType
from desirepath.domain.order import order_key
from desirepath.domain.plain_json import at_path
from desirepath.engine.cursors import list_digest, read_cursor, write_cursor
from desirepath.engine.engine import Engine
from desirepath.errors import InvalidCursor, InvalidFilter, QueryTooSlow
from desirepath.storage.base import InteractionQuery, Session

__all__ = ["FIELDS", "ListRequest", "Page", "list_interactions"]

FIELDS: Mapping[str, FieldKind] = {
    "interaction_id": FieldKind.TEXT,
    "feature_id": FieldKind.TEXT,
    "interaction_type": FieldKind.TEXT_ARRAY,
    "position": FieldKind.INTEGER,
    "metadata": FieldKind.OBJECT,
    "user_id": FieldKind.TEXT,
    "session_id": FieldKind.TEXT,
    "execution_id": FieldKind.TEXT,
    "retriever_id": FieldKind.TEXT,
    "query_snapshot": FieldKind.OBJECT,
    "document_score": FieldKind.NUMBER,
    "result_set_size": FieldKind.INTEGER,
    "feature_uri": FieldKind.TEXT,
    "occurred_at": FieldKind.TIME,
    "timestamp": FieldKind.TIME,
    "warning": FieldKind.TEXT,
    "event_id": FieldKind.TEXT,
    "live": FieldKind.BOOLEAN,
    "deduplicated": FieldKind.BOOLEAN,
}
"""What interactions can be filtered and sorted by."""

ALIASES = {"document_id": "feature_id", "created_at": "timestamp"}
_BY_ID = frozenset({"timestamp", "interaction_id"})
_NARROWING = ("retriever_id", "session_id", "user_id", "execution_id", "timestamp")
_INDEXED = frozenset({"retriever_id", "session_id", "user_id", "execution_id"})
_LOOK_UP_ROWS = 100
_CHUNK = 1000


class ListRequest(Struct, frozen=True, kw_only=True):
    """A list as it is asked for.

    ``start`` counts matches to leave out before the page; ``cursor`` replaces it.
    """

    equals: Mapping[str, str] = {}
    interaction_type: str | None = None
    filters: Mapping[str, Any] | None = None
    case_sensitive: bool = False
    search: str | None = None
    sort_field: str = "timestamp"
    descending: bool = True
    page_size: int = 50
    start: int = 0
    cursor: str | None = None
    include_total: bool = False

    @property
    def is_one_look_up(self) -> bool:
        """Whether an index leads straight to a page of moderate size."""
        return (
            self.filters is None
            and self.search is None
            and self.interaction_type is None
            and self.sort_field == "timestamp"
            and not self.include_total
            and self.start + self.page_size <= _LOOK_UP_ROWS
            and len(self.equals) == 1
            and self.equals.keys() <= _INDEXED
        )


class Page(Struct, frozen=True, kw_only=True):
    """A page of a list."""

    interactions: list[Interaction]
    next_cursor: str | None
    total: int | None


class _Cursor(Struct, frozen=True, array_like=True):
    """Where the next page starts: after a row, or (other sorts) beneath a ceiling at an offset."""

    of: str  # digest of the list it belongs to
    ceiling: str
    offset: int = 0
    moment: int = 0
    id: str = ""


def list_interactions(
    engine: Engine, namespace: int, request: ListRequest, seconds: float = 5.0
) -> Page:
    """One page of the interactions that match.

    Raises
    ------
    InvalidFilter
        The filter or the sort cannot be understood, or would test every row against a regular
        expression or word stems.
    InvalidCursor
        The cursor is not one that this list gave.
    QueryTooSlow
        No answer in time; names a field that would narrow the list.
    """
    filter = _parse(request)
    secret = engine.directory.secret("cursor")
    try:
        with engine.storage.read(seconds) as session:
            deadline = time.monotonic() + seconds
            return _Lister(session, namespace, request, filter, deadline, secret).page()
    except QueryTooSlow as error:
        used = {*request.equals, *_fields_of(request.filters)}
        field = next((name for name in _NARROWING if name not in used), "timestamp")
        raise QueryTooSlow(field, seconds) from error


def _parse(request: ListRequest) -> Filter | None:
    if request.interaction_type is not None:
        known = [type.value for type in InteractionType]
        if request.interaction_type not in known:
            raise InvalidFilter(
                f"Unknown interaction type; the types are {', '.join(known)}.",
                ("interaction_type",),
            )
    if not request.filters:
        return None
    raw = {**request.filters}
    raw.setdefault("case_sensitive", request.case_sensitive)
    return parse_filter(raw, FIELDS, ALIASES)


def _fields_of(filters: object) -> Iterator[str]:
    if isinstance(filters, Mapping):
        for key, value in filters.items():
            yield str(value) if key == "field" else str(key)
            yield from _fields_of(value)
    elif isinstance(filters, list):
        for item in filters:
            yield from _fields_of(item)


class _Lister:
    """One list in one session."""

    def __init__(
        self,
        session: Session,
        namespace: int,
        request: ListRequest,
        filter: Filter | None,
        deadline: float,
        secret: bytes,
    ) -> None:
        self._log = session.interactions
        self._request = request
        self._deadline = deadline
        self._secret = secret
        head = ALIASES.get(request.sort_field, request.sort_field).partition(".")[0]
        if head not in FIELDS:
            raise InvalidFilter(f"Sort by one of {', '.join(FIELDS)}.", ("sort", "field"))
        self._sort = ALIASES.get(request.sort_field, request.sort_field)
        self._keyset = self._sort in _BY_ID or self._sort == "occurred_at"
        self._query = InteractionQuery(
            namespace=namespace,
            equals=request.equals,
            interaction_type=request.interaction_type,
            filter=filter,
            sort="occurred_at" if self._sort == "occurred_at" else "id",
            descending=request.descending or not self._keyset,
        )
        if (
            filter is not None
            and needs_narrowing(filter)
            and not self._log.is_narrowed(self._query)
        ):
            raise InvalidFilter(
                "regex and words need another condition that narrows the list, such as "
                "retriever_id or session_id.",
                ("filters",),
            )
        self._matches = _matcher(filter, request.search)
        self._exact = request.search is None and self._log.is_exact(self._query)

    def page(self) -> Page:
        cursor = self._read_cursor()
        total = self._total() if self._request.include_total else None
        rows = self._by_key(cursor) if self._keyset else self._by_value(cursor)
        page = rows[: self._request.page_size]
        following = None
        if len(rows) > len(page):
            following = self._write_cursor(cursor, page[-1])
        return Page(interactions=page, next_cursor=following, total=total)

    def _by_key(self, cursor: _Cursor | None) -> list[Interaction]:
        """The page and one more, in the order of an index."""
        query, skip = self._query, self._request.start
        if cursor is not None:
            query, skip = replace(query, after=(cursor.moment, bytes.fromhex(cursor.id))), 0
        wanted = self._request.page_size + 1
        if self._exact:
            return self._log.find(query, wanted, skip)
        rows: list[Interaction] = []
        for interaction in self._all(query):
            if skip:
                skip -= 1
            else:
                rows.append(interaction)
            if len(rows) == wanted:
                break
        return rows

    def _by_value(self, cursor: _Cursor | None) -> list[Interaction]:
        """The page and one more, sorted by any field; what is missing comes last."""
        query, skip = self._query, self._request.start
        if cursor is not None:
            query, skip = replace(query, ceiling=bytes.fromhex(cursor.ceiling)), cursor.offset
        self._ceiling = query.ceiling or NIL
        found = []
        for interaction in self._all(query):
            self._ceiling = max(self._ceiling, interaction.id)
            found.append((_sort_key(interaction, self._sort), interaction))
        present = [pair for pair in found if pair[0] is not None]
        missing = [interaction for key, interaction in found if key is None]
        present.sort(key=lambda pair: (pair[0], pair[1].id), reverse=self._request.descending)
        rows = [interaction for _, interaction in present] + missing
        self._offset = skip + self._request.page_size
        return rows[skip : self._offset + 1]

    def _all(self, query: InteractionQuery) -> Iterator[Interaction]:
        """Every match, in order."""
        while True:
            chunk = self._log.find(query, _CHUNK)
            for interaction in chunk:
                if self._matches(interaction):
                    yield interaction
            if len(chunk) < _CHUNK:
                return
            if time.monotonic() > self._deadline:
                raise QueryTooSlow("", 0)
            last = chunk[-1]
            query = replace(query, after=(last.occurred_at, last.id))

    def _total(self) -> int:
        if self._exact:
            return self._log.count(self._query)
        return sum(1 for _ in self._all(self._query))

    # Cursors

    def _digest(self) -> str:
        request = self._request
        listed = [
            self._query.namespace,
            dict(request.equals),
            request.interaction_type,
            dict(request.filters or {}),
            request.case_sensitive,
            request.search,
            self._sort,
            request.descending,
        ]
        return list_digest(listed)

    def _write_cursor(self, cursor: _Cursor | None, last: Interaction) -> str:
        if self._keyset:
            following = _Cursor(self._digest(), "", 0, last.occurred_at, last.id.hex())
        else:
            ceiling = cursor.ceiling if cursor else self._ceiling.hex()
            following = _Cursor(self._digest(), ceiling, self._offset)
        return write_cursor(self._secret, following)

    def _read_cursor(self) -> _Cursor | None:
        text = self._request.cursor
        if text is None:
            return None
        cursor = read_cursor(self._secret, text, _Cursor)
        if cursor.of != self._digest():
            raise InvalidCursor()  # of another list, or another namespace: not for us to say
        return cursor


def as_record(interaction: Interaction) -> dict[str, Any]:
    """An interaction as filters see it: its wire fields, times as times."""
    metadata = {**interaction.metadata} if interaction.metadata else {}
    metadata["reward_value"] = interaction.reward
    return {
        "interaction_id": format_id("int", interaction.id),
        "feature_id": interaction.feature_id,
        "interaction_type": list(interaction.types),
        "position": interaction.position,
        "metadata": metadata,
        "user_id": interaction.user_id,
        "session_id": interaction.session_id,
        "execution_id": interaction.execution_id,
        "retriever_id": interaction.retriever_id,
        "query_snapshot": interaction.query_snapshot,
        "document_score": interaction.document_score,
        "result_set_size": interaction.result_set_size,
        "feature_uri": interaction.feature_uri,
        "occurred_at": to_datetime(interaction.occurred_at),
        "timestamp": to_datetime(interaction.recorded_at),
        "warning": interaction.warning,
        "event_id": interaction.event_id,
        "live": interaction.live,
        "deduplicated": False,
    }


def _matcher(filter: Filter | None, search: str | None) -> Callable[[Interaction], bool]:
    tests: list[Callable[[Interaction], bool]] = []
    if filter is not None:
        holds = compile_filter(filter)
        tests.append(lambda interaction: holds(as_record(interaction)))
    if search is not None:
        words = search.split()
        tests.append(lambda interaction: search_matches(interaction.metadata, words))
    return lambda interaction: all(test(interaction) for test in tests)


def _sort_key(interaction: Interaction, field: str) -> tuple[int, Any] | None:
    """None when there is no value."""
    return order_key(at_path(as_record(interaction), field))
