"""One UBI query with its responses and events, as executions and interactions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from desirepath.domain.clock import format_time
from desirepath.domain.execution import Execution, ExecutionDraft, ShownDocument, read_execution
from desirepath.domain.interaction import QUERY_LEVEL_TYPES, read_interaction
from desirepath.engine.importing.batches import ReadExecution, ReadInteraction
from desirepath.engine.importing.cells import as_text
from desirepath.engine.importing.collecting import Collector
from desirepath.engine.importing.event_names import QUERY_FEATURE
from desirepath.engine.importing.known import Known
from desirepath.engine.importing.ubi_rows import (
    UbiEvent,
    UbiQuery,
    document_of,
    hits_of,
    metadata_of,
    rank_of,
    response_id_of,
    retriever_name_of,
    window_of,
)
from desirepath.errors import InvalidInput

__all__ = ["LIST_FROM", "UbiGroups"]

LIST_FROM = "list_from"
"""Marks, in an execution's metadata, a list that was gathered from ``impressions``."""
_IMPRESSIONS = {LIST_FROM: "impressions"}


class _List(NamedTuple):
    """What a query showed: positions by document."""

    positions: dict[str, int]
    is_derived: bool


class UbiGroups:
    """Reads the rows of one query at a time.

    Parameters
    ----------
    collector
        Takes what is found.
    known
        What earlier imports stored.
    bases
        What each application calls the first position.
    """

    def __init__(self, collector: Collector, known: Known, bases: Mapping[str, int]) -> None:
        self._collector = collector
        self._known = known
        self._bases = bases

    def read(self, key: str, queries: Sequence[UbiQuery], events: Sequence[UbiEvent]) -> None:
        if queries:
            shown = self._read_queries(key, queries, events)
        elif events and not key.startswith("\x00"):
            shown = self._find_stored(key, events)
        else:
            shown = _List({}, is_derived=True)
        for event in events:
            try:
                self._read_event(event, shown)
            except InvalidInput as error:
                self._collector.refuse(event.file, event.line, error, event.row)

    def _read_queries(
        self, key: str, queries: Sequence[UbiQuery], events: Sequence[UbiEvent]
    ) -> _List:
        main, *others = sorted(queries, key=rank_of)
        hits = hits_of(main.row)
        is_derived = not hits
        if is_derived:
            positions = self._positions_of_impressions(key, events)
        else:
            start = window_of(main.row)[0]
            positions = {id: start + n for n, id in enumerate(hits)}
        self._add_execution(main, key, positions, is_derived=is_derived)
        for other in others:
            start = window_of(other.row)[0]
            positions_of_other = {id: start + n for n, id in enumerate(hits_of(other.row))}
            self._add_execution(other, response_id_of(other), positions_of_other, is_derived=False)
        return _List(positions, is_derived)

    def _add_execution(
        self, query: UbiQuery, id: str, positions: dict[str, int], *, is_derived: bool
    ) -> None:
        try:
            draft = self._execution(query, id, positions, is_derived=is_derived)
        except InvalidInput as error:
            self._collector.refuse(query.file, query.line, error, query.row)
            return
        response_id = response_id_of(query)
        self._collector.batch.executions.append(
            ReadExecution(
                file=query.file,
                line=query.line,
                retriever=retriever_name_of(query.application),
                draft=draft,
                other_id=response_id if id != response_id else None,
                is_list_derived=is_derived,
            )
        )

    def _execution(
        self, query: UbiQuery, id: str, positions: dict[str, int], *, is_derived: bool
    ) -> ExecutionDraft:
        row = query.row
        start, size = window_of(row)
        attributes = row.get("query_attributes")
        inputs = {"query": row.get("user_query")}
        if isinstance(attributes, dict):
            inputs = {**attributes, **inputs}
        metadata = {name: row[name] for name in ("client_id", "query_response_id") if row.get(name)}
        if is_derived and positions:
            metadata |= _IMPRESSIONS
        is_search = size != 0  # a request for facets alone is no search that found nothing
        values = {
            "execution_id": id,
            "inputs": inputs if is_search else None,
            "user_id": as_text(row.get("user_id"), "user_id"),
            "session_id": as_text(row.get("session_id"), "session_id"),
            "configuration": query.application,
            "metadata": metadata if is_search else {**metadata, "inputs": inputs, "size": 0},
            "occurred_at": self._collector.time(row.get("timestamp")),
            "documents": [{"document_id": document} for document in positions],
            "offset": min(positions.values(), default=start),
        }
        return read_execution(values, checked=True)[0]

    def _positions_of_impressions(self, key: str, events: Sequence[UbiEvent]) -> dict[str, int]:
        """Documents that were shown, in order; the position of each is the first it had."""
        seen = [(i.position, i.feature_id) for i in self._known.impressions(key)]
        for event in events:
            document = document_of(event.row)
            if event.type == "impression" and event.ordinal is not None and document is not None:
                seen.append((max(event.ordinal - self._bases[event.application], 0), document))
        positions: dict[str, int] = {}
        for position, document in sorted(seen):
            positions.setdefault(document, position)
        return positions

    def _find_stored(self, key: str, events: Sequence[UbiEvent]) -> _List:
        """The list of a query that an earlier import brought; longer now, if it was derived."""
        stored = self._known.execution(key)
        if stored is None:
            return _List({}, is_derived=True)
        is_derived = not stored.documents or (stored.metadata or {}).get(LIST_FROM) is not None
        if not is_derived:
            documents = enumerate(stored.documents, stored.offset)
            return _List({shown.document_id: n for n, shown in documents}, is_derived=False)
        positions = self._positions_of_impressions(key, events)
        if set(positions) != {shown.document_id for shown in stored.documents}:
            first = events[0]
            self._collector.batch.executions.append(
                ReadExecution(
                    file=first.file,
                    line=first.line,
                    retriever=stored.retriever_id,
                    draft=_with_list(stored, positions),
                    is_list_derived=True,
                )
            )
        return _List(positions, is_derived=True)

    def _read_event(self, event: UbiEvent, shown: _List) -> None:
        row = event.row
        document = document_of(row)
        if event.type in QUERY_LEVEL_TYPES:
            document, position = document or QUERY_FEATURE, 0
        elif document is None:
            raise InvalidInput("event_attributes.object.object_id is missing.")
        else:
            position = self._position(event, document, shown)
        query = as_text(row.get("user_query"), "user_query")
        values = {
            "feature_id": document,
            "interaction_type": [event.type],
            "position": position,
            "metadata": metadata_of(row),
            "user_id": as_text(row.get("user_id"), "user_id"),
            "session_id": as_text(row.get("session_id"), "session_id"),
            "execution_id": as_text(row.get("query_id"), "query_id"),
            "query_snapshot": None if query is None else {"query": query},
            "occurred_at": self._collector.time(row.get("timestamp")),
            "event_id": event.event_id,
        }
        draft, _ = read_interaction(values, checked=True)
        self._collector.batch.interactions.append(
            ReadInteraction(file=event.file, line=event.line, draft=draft)
        )

    def _position(self, event: UbiEvent, document: str, shown: _List) -> int:
        listed = shown.positions.get(document)
        if event.ordinal is None:
            if listed is None:
                raise InvalidInput(
                    "event_attributes.position.ordinal is missing, and its query does not list it."
                )
            return listed
        position = event.ordinal - self._bases[event.application]
        if shown.is_derived or listed is None or listed == position:
            return position
        self._collector.batch.moved += 1
        return listed


def _with_list(stored: Execution, positions: dict[str, int]) -> ExecutionDraft:
    return ExecutionDraft(
        execution_id=stored.execution_id,
        inputs=stored.inputs,
        user_id=stored.user_id,
        session_id=stored.session_id,
        configuration=stored.configuration,
        metadata={**(stored.metadata or {}), **_IMPRESSIONS},
        occurred_at=format_time(stored.occurred_at),
        documents=[ShownDocument(document_id=id) for id in positions],
        offset=min(positions.values(), default=0),
        total=stored.total,
    )
