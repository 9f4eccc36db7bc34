"""A table with one row for each document that was shown, as executions and interactions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from desirepath.domain.clock import format_time
from desirepath.domain.execution import read_execution
from desirepath.domain.interaction import INTERACTION_TYPES, read_interaction
from desirepath.domain.plain_json import canonical_json, check_plain
from desirepath.engine.importing.batches import ReadExecution, ReadInteraction
from desirepath.engine.importing.cells import (
    as_flag,
    as_integer,
    as_number,
    as_numbers,
    as_object,
    as_text,
    plain,
)
from desirepath.engine.importing.collecting import Collector
from desirepath.engine.importing.grouping import Grouper
from desirepath.engine.importing.identity import Occurrences, hash_id
from desirepath.engine.importing.own_rows import OwnRows, retriever_of, text_fields
from desirepath.engine.importing.positions import PositionStats
from desirepath.errors import InvalidInput

__all__ = ["ShownRows"]

_TEXTS = ("execution_id", "user_id", "session_id", "configuration", "feature_uri")
_FLAGS = ("clicked", *INTERACTION_TYPES)
_FLAG_TO_TYPE = {"clicked": "click"}


class _Row(NamedTuple):
    file: int
    line: int
    event_id: str
    position: int | None
    document_id: str
    moment: int
    types: list[str]
    texts: dict[str, str]
    values: dict[str, Any]


class ShownRows:
    """Gathers rows by execution.

    A row becomes one interaction: an impression, and with it whatever its columns say happened.
    Rows belong together when they have the same ``execution_id``, or without one the same query,
    user, session and time. Documents are listed by position; a gap in the positions closes, while
    each interaction keeps its own.

    Parameters
    ----------
    collector
        Takes what is found.
    rows
        Reads times.
    grouper
        Holds the rows until all are there.
    format
        Of the file, part of the ids of rows that bring none.
    """

    def __init__(self, collector: Collector, rows: OwnRows, grouper: Grouper, format: str) -> None:
        self._collector = collector
        self._rows = rows
        self._grouper = grouper
        self._format = format
        self.positions = PositionStats()

    def add(
        self, file: int, line: int, values: Mapping[str, Any], occurrences: Occurrences
    ) -> None:
        """Put a row aside.

        Raises
        ------
        InvalidInput
            It names no document, no search or no time, or no database could keep it.
        """
        values = {name: plain(value) for name, value in values.items()}
        check_plain(values)
        document_id = as_text(values.get("document_id") or values.get("feature_id"), "document_id")
        if document_id is None:
            raise InvalidInput("document_id is missing.", ("document_id",))
        texts = text_fields(values, _TEXTS)
        query = values.get("query")
        if "execution_id" not in texts and query is None and not values.get("inputs"):
            raise InvalidInput(
                "It names no search: a row needs an execution_id or a query.", ("execution_id",)
            )
        position = as_integer(values.get("position"), "position")
        if position is not None:
            self.positions.add(position, shown=True)
        _, moment = self._rows.time(values)
        canonical = canonical_json(values)
        event_id = as_text(values.get("event_id"), "event_id")
        if event_id is None:
            event_id = occurrences.event_id(canonical)
        key = texts.get("execution_id") or self._execution_id(values, texts, moment)
        row = _Row(
            file=file,
            line=line,
            event_id=event_id,
            position=position,
            document_id=document_id,
            moment=moment,
            types=_types(values),
            texts={**texts, "execution_id": key},
            values=values,
        )
        self._grouper.add(key, row)

    def _execution_id(self, values: dict[str, Any], texts: dict[str, str], moment: int) -> str:
        search = (
            values.get("query"),
            values.get("inputs"),
            texts.get("user_id"),
            texts.get("session_id"),
            moment,
        )
        return hash_id(self._format.encode(), b"execution", canonical_json(search))

    def read(self, records: list[Any], base: int) -> None:
        """Turn the rows of one execution into drafts."""
        rows = [_Row(*record) for record in records]
        in_order = sorted(rows, key=lambda row: (row.position is None, row.position or 0))
        listed: dict[str, tuple[_Row, int]] = {}
        for row in in_order:
            if row.document_id in listed:
                self._refuse(row, InvalidInput("Its execution lists this document already."))
                continue
            position = len(listed) if row.position is None else row.position - base
            listed[row.document_id] = (row, position)
        first = min(rows, key=lambda row: (row.moment, row.file, row.line))
        try:
            self._add_execution(first, listed)
        except InvalidInput as error:
            for row, _ in listed.values():
                self._refuse(row, error)
            return
        for row, position in listed.values():
            try:
                self._add_interaction(row, position)
            except InvalidInput as error:
                self._refuse(row, error)

    def _add_execution(self, first: _Row, listed: Mapping[str, tuple[_Row, int]]) -> None:
        inputs = as_object(first.values.get("inputs"), "inputs") or {}
        query = first.values.get("query")
        if query is not None:
            inputs["query"] = query
        offset = min(position for _, position in listed.values())
        if offset < 0:
            raise InvalidInput("position lies before the first: is the base right?", ("position",))
        values = {
            **{name: text for name, text in first.texts.items() if name != "feature_uri"},
            "inputs": inputs or None,
            "occurred_at": format_time(first.moment),
            "offset": offset,
            "documents": [_document(row) for row, _ in listed.values()],
        }
        draft, _ = read_execution(values)
        self._collector.batch.executions.append(
            ReadExecution(
                file=first.file,
                line=first.line,
                retriever=retriever_of(first.values),
                draft=draft,
            )
        )

    def _add_interaction(self, row: _Row, position: int) -> None:
        texts = {name: text for name, text in row.texts.items() if name != "configuration"}
        values = {
            **texts,
            "feature_id": row.document_id,
            "interaction_type": row.types,
            "position": position,
            "metadata": as_object(row.values.get("metadata"), "metadata"),
            "document_score": as_number(row.values.get("score"), "score"),
            "occurred_at": format_time(row.moment),
            "event_id": row.event_id,
        }
        draft, _ = read_interaction(values)
        self._collector.batch.interactions.append(
            ReadInteraction(file=row.file, line=row.line, draft=draft)
        )

    def _refuse(self, row: _Row, error: InvalidInput) -> None:
        self._collector.refuse(row.file, row.line, error, row.values)


def _types(values: Mapping[str, Any]) -> list[str]:
    """What happened to a document that was shown."""
    happened = [
        _FLAG_TO_TYPE.get(name, name)
        for name in _FLAGS
        if name in values and as_flag(values[name], name)
    ]
    return list(dict.fromkeys(("impression", *happened)))


def _document(row: _Row) -> dict[str, Any]:
    document = {
        "document_id": row.document_id,
        "score": as_number(row.values.get("score"), "score"),
        "scores": as_numbers(row.values.get("scores"), "scores"),
        "features": as_numbers(row.values.get("features"), "features"),
    }
    return {name: value for name, value in document.items() if value is not None}
