"""User Behavior Insights (OpenSearch and its kin): queries and events, in one file or two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from desirepath.domain.interaction import QUERY_LEVEL_TYPES
from desirepath.domain.plain_json import canonical_json
from desirepath.engine.importing.batches import Batch
from desirepath.engine.importing.cells import as_integer, as_text
from desirepath.engine.importing.collecting import Collector
from desirepath.engine.importing.event_names import EventNames
from desirepath.engine.importing.field_map import value_at
from desirepath.engine.importing.files import InputFile
from desirepath.engine.importing.grouping import Grouper
from desirepath.engine.importing.identity import Occurrences
from desirepath.engine.importing.known import Known
from desirepath.engine.importing.options import ImportOptions
from desirepath.engine.importing.positions import PositionStats
from desirepath.engine.importing.ubi_group import UbiGroups
from desirepath.engine.importing.ubi_rows import UbiEvent, UbiQuery
from desirepath.errors import InvalidInput

__all__ = ["read_ubi"]

_FORMAT = "ubi"
_QUERY, _EVENT = 0, 1


def read_ubi(files: Sequence[InputFile], options: ImportOptions, known: Known) -> Iterator[Batch]:
    """Read UBI queries and events.

    Rows are told apart by ``action_name``, which events have. A query is an execution, its
    ``query_response_hit_ids`` the list; a query without them takes its list from its impressions,
    of this import and of earlier ones. Several rows of one ``query_id`` are several responses: the
    one with the longest list is the execution that events refer to, the others are stored under
    their ``query_response_id``. Where an application counts positions from is found out for each,
    since UBI does not say. A position that contradicts the list of hits gives way to the list.

    ``client_id`` is a browser, not a person: it is kept in the metadata and is never a user_id.
    Events whose action is no interaction, such as ``search``, are counted as skipped: the search
    is the query.
    """
    collector = Collector(files, _FORMAT, looks=2, limit=options.batch_rows)
    applications: dict[str, PositionStats] = {}
    with Grouper() as grouper:
        sorter = _Sorter(collector, grouper, EventNames(options.type_map), applications)
        for file, block in collector.blocks("reading"):
            collector.unreadable(file, block.unreadable)
            for line, row in block.rows:
                try:
                    sorter.add(file, line, row)
                except InvalidInput as error:
                    collector.refuse(file, line, error, row)
            yield collector.take()
        bases = _bases(applications, options)
        collector.batch.position_bases.update(bases)
        reader = UbiGroups(collector, known, bases)
        for key, rows in collector.groups("importing", grouper.groups(), grouper.n_rows):
            queries = [UbiQuery(*row[1:]) for row in rows if row[0] == _QUERY]
            events = [UbiEvent(*row[1:]) for row in rows if row[0] == _EVENT]
            reader.read(key, queries, events)
            yield from collector.full()
    yield collector.take()


def _bases(applications: dict[str, PositionStats], options: ImportOptions) -> dict[str, int]:
    if isinstance(options.position_base, int):
        return dict.fromkeys(applications, options.position_base)
    return {name: stats.guess() for name, stats in applications.items()}


class _Sorter:
    """Puts rows under their query, and learns how each application counts."""

    def __init__(
        self,
        collector: Collector,
        grouper: Grouper,
        names: EventNames,
        applications: dict[str, PositionStats],
    ) -> None:
        self._collector = collector
        self._grouper = grouper
        self._names = names
        self._applications = applications
        self._occurrences: dict[int, Occurrences] = {}

    def add(self, file: int, line: int, row: dict[str, Any]) -> None:
        query_id = as_text(row.get("query_id"), "query_id")
        application = as_text(row.get("application"), "application") or _FORMAT
        if row.get("action_name"):
            self._add_event(file, line, row, query_id, application)
        elif query_id is None:
            raise InvalidInput(
                "The row is neither a UBI event (it has no action_name) nor a query (no query_id)."
            )
        else:
            self._grouper.add(query_id, (_QUERY, file, line, application, row))

    def _add_event(
        self, file: int, line: int, row: dict[str, Any], query_id: str | None, application: str
    ) -> None:
        action = as_text(row["action_name"], "action_name") or ""
        type = self._names.type_of(action)
        if type is None:
            self._collector.skip(action)
            return
        ordinal = as_integer(value_at(row, "event_attributes.position.ordinal"), "ordinal")
        if ordinal is not None and type not in QUERY_LEVEL_TYPES:
            stats = self._applications.setdefault(application, PositionStats())
            stats.add(ordinal, shown=type == "impression")
        ids = self._occurrences.setdefault(file, Occurrences(_FORMAT))
        event_id = ids.event_id(canonical_json(row))
        key = query_id if query_id is not None else f"\x00{event_id}"
        self._grouper.add(key, (_EVENT, file, line, application, row, event_id, type, ordinal))
