"""Metarank's events: rankings become executions, interactions find their place in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from desirepath.domain.execution import ExecutionDraft, read_execution
from desirepath.domain.interaction import QUERY_LEVEL_TYPES, InteractionDraft, read_interaction
from desirepath.domain.plain_json import canonical_json
from desirepath.engine.importing.batches import Batch, ReadExecution, ReadInteraction
from desirepath.engine.importing.cells import as_text
from desirepath.engine.importing.collecting import Collector
from desirepath.engine.importing.event_names import QUERY_FEATURE, EventNames
from desirepath.engine.importing.files import InputFile
from desirepath.engine.importing.grouping import Grouper
from desirepath.engine.importing.identity import Occurrences
from desirepath.engine.importing.known import Known
from desirepath.engine.importing.options import ImportOptions
from desirepath.errors import InvalidInput

__all__ = ["fields_of", "read_metarank"]

_FORMAT = "metarank"
_RANKING, _INTERACTION = 0, 1
_NO_RANKING = "\x00"  # sorts first, and is no id
_METADATA_EVENTS = ("item", "user")

_UNKNOWN_RANKING = (
    "Its ranking is neither in these files nor in the database, so its position is not known. "
    "Import the ranking, then this file again."
)
_NOT_RANKED = "Its ranking did not show this item, so its position is not known."


def read_metarank(
    files: Sequence[InputFile], options: ImportOptions, known: Known
) -> Iterator[Batch]:
    """Read Metarank's events.

    A ranking's items are the documents, in order: their numeric fields are features, and
    ``relevancy``, where an item has it outside its fields, is the score. A ranking's own fields are
    the inputs. An interaction is joined to its ranking, in whatever order they come and whichever
    file or earlier import they came with; without any ranking it is stored at position 0 with no
    execution. Item and user events are counted as skipped.
    """
    collector = Collector(files, _FORMAT, looks=2, limit=options.batch_rows)
    with Grouper() as grouper:
        yield from _collect(collector, grouper, EventNames(options.type_map))
        reader = _Reader(collector, known)
        for key, rows in collector.groups("importing", grouper.groups(), grouper.n_rows):
            reader.read(key, rows)
            yield from collector.full()
    yield collector.take()


def _collect(collector: Collector, grouper: Grouper, names: EventNames) -> Iterator[Batch]:
    """Sort the events by ranking."""
    occurrences: dict[int, Occurrences] = {}
    for file, block in collector.blocks("reading"):
        collector.unreadable(file, block.unreadable)
        ids = occurrences.setdefault(file, Occurrences(_FORMAT))
        for line, row in block.rows:
            try:
                _collect_row(collector, grouper, names, ids, (file, line, row))
            except InvalidInput as error:
                collector.refuse(file, line, error, row)
        yield collector.take()


def _collect_row(
    collector: Collector,
    grouper: Grouper,
    names: EventNames,
    occurrences: Occurrences,
    found: tuple[int, int, dict[str, Any]],
) -> None:
    file, line, row = found
    event = row.get("event")
    if event == "ranking":
        id = as_text(row.get("id"), "id") or occurrences.event_id(canonical_json(row))
        grouper.add(id, (_RANKING, file, line, id, "", row))
    elif event == "interaction":
        name = as_text(row.get("type"), "type") or ""
        type = names.type_of(name)
        if type is None:
            collector.skip(name or "(no type)")
            return
        id = as_text(row.get("id"), "id") or occurrences.event_id(canonical_json(row))
        ranking = as_text(row.get("ranking"), "ranking") or _NO_RANKING
        grouper.add(ranking, (_INTERACTION, file, line, id, type, row))
    elif isinstance(event, str) and event:
        collector.skip(event)
    else:
        raise InvalidInput(
            "event is missing: Metarank's events are ranking, interaction, "
            f"{' and '.join(_METADATA_EVENTS)}."
        )


class _Reader:
    """Turns a ranking with its interactions into drafts."""

    def __init__(self, collector: Collector, known: Known) -> None:
        self._collector = collector
        self._known = known

    def read(self, key: str, rows: list[Any]) -> None:
        positions: dict[str, int] | None = None
        later = []
        for kind, file, line, id, type, row in rows:
            if kind == _INTERACTION:
                later.append((file, line, id, type, row))
                continue
            try:
                draft = self._execution(id, row)
            except InvalidInput as error:
                self._collector.refuse(file, line, error, row)
                continue
            self._collector.batch.executions.append(
                ReadExecution(file=file, line=line, retriever="", draft=draft)
            )
            if positions is None:
                positions = _positions(draft.documents)
        if positions is None and later and key != _NO_RANKING:
            stored = self._known.execution(key)
            positions = None if stored is None else _positions(stored.documents, stored.offset)
        for file, line, id, type, row in later:
            try:
                interaction = self._interaction(id, type, row, positions)
            except InvalidInput as error:
                self._collector.refuse(file, line, error, row)
                continue
            self._collector.batch.interactions.append(
                ReadInteraction(file=file, line=line, draft=interaction)
            )

    def _execution(self, id: str, row: dict[str, Any]) -> ExecutionDraft:
        items = row.get("items")
        if not isinstance(items, list):
            raise InvalidInput("A ranking has a list of items.")
        values = {
            "execution_id": id,
            "inputs": fields_of(row) or None,
            "user_id": as_text(row.get("user"), "user"),
            "session_id": as_text(row.get("session"), "session"),
            "occurred_at": self._collector.time(row.get("timestamp")),
            "documents": [_document(item) for item in items],
        }
        return read_execution(values, checked=True)[0]

    def _interaction(
        self, id: str, type: str, row: dict[str, Any], positions: dict[str, int] | None
    ) -> InteractionDraft:
        item = as_text(row.get("item"), "item")
        ranking = as_text(row.get("ranking"), "ranking")
        position = 0
        if type in QUERY_LEVEL_TYPES:
            item = item or QUERY_FEATURE
        elif item is None:
            raise InvalidInput("item is missing.")
        elif ranking is not None:
            if positions is None:
                raise InvalidInput(_UNKNOWN_RANKING)
            if item not in positions:
                raise InvalidInput(_NOT_RANKED)
            position = positions[item]
        values = {
            "feature_id": item,
            "interaction_type": [type],
            "position": position,
            "metadata": fields_of(row) or None,
            "user_id": as_text(row.get("user"), "user"),
            "session_id": as_text(row.get("session"), "session"),
            "execution_id": ranking,
            "occurred_at": self._collector.time(row.get("timestamp")),
            "event_id": id,
        }
        return read_interaction(values, checked=True)[0]


def _positions(documents: Sequence[Any], offset: int = 0) -> dict[str, int]:
    return {document.document_id: offset + n for n, document in enumerate(documents)}


def _document(item: Any) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise InvalidInput("An item of a ranking is an object.")
    features = {
        name: value
        for name, value in fields_of(item).items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    document: dict[str, Any] = {"document_id": as_text(item.get("id"), "id")}
    if features:
        document["features"] = features
    relevancy = item.get("relevancy")
    if isinstance(relevancy, int | float) and not isinstance(relevancy, bool):
        document["score"] = relevancy
    return document


def fields_of(row: dict[str, Any]) -> dict[str, Any]:
    """Metarank's list of {name, value} as an object."""
    fields = row.get("fields") or []
    if not isinstance(fields, list) or not all(isinstance(field, dict) for field in fields):
        raise InvalidInput("fields is a list of objects with name and value.")
    return {str(field.get("name")): field.get("value") for field in fields}
