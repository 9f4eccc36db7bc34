"""Metarank's item events: each sets fields of an item, the latest of a field counts."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Any

from desirepath.domain.document import read_document
from desirepath.engine.importing.cells import as_text
from desirepath.engine.importing.grouping import Grouper
from desirepath.engine.importing.metarank import fields_of
from desirepath.engine.importing.times import read_time
from desirepath.errors import InvalidInput

__all__ = ["MetarankItems"]


class MetarankItems:
    """Gathers events that lie anywhere in the files, in little memory."""

    def __init__(self) -> None:
        self._grouper = Grouper()

    def __enter__(self) -> MetarankItems:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._grouper.__exit__(kind, error, trace)

    def add(self, row: dict[str, Any]) -> str | None:
        """Take an event; the name of it if it is no item's.

        Raises
        ------
        InvalidInput
            It is no event of Metarank's, or an item that no document can be.
        """
        event = row.get("event")
        if not isinstance(event, str) or not event:
            raise InvalidInput("event is missing: this reads Metarank's item events.")
        if event != "item":
            return event
        item = as_text(row.get("item"), "item")
        if item is None:
            raise InvalidInput("item is missing.")
        try:
            moment, _ = read_time(row.get("timestamp"))
        except (ValueError, OverflowError) as error:
            raise InvalidInput("timestamp is not a time.") from error
        fields = fields_of(row)
        read_document({"document_id": item, "payload": fields})
        self._grouper.add(item, (moment, fields))
        return None

    def batches(self, size: int) -> Iterator[dict[str, dict[str, Any]]]:
        """Changes of payloads by item, so many items at a time."""
        batch: dict[str, dict[str, Any]] = {}
        for item, events in self._grouper.groups():
            fields: dict[str, Any] = {}
            for _, changed in sorted(events, key=lambda event: event[0]):  # ties as they came
                fields |= changed
            batch[item] = {"payload": fields}
            if len(batch) >= size:
                yield batch
                batch = {}
        if batch:
            yield batch
