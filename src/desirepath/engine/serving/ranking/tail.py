"""What came to the log since a model learned from it: documents returned, and first clicks on them.

A document that an execution returned counts at the execution's moment, a first click on it at the
click's, but no earlier than the execution's; a moment is when something was recorded, if live, else
when it happened. A click counts once for an execution and a document, from when both are in the
log, whichever came first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from desirepath.domain.acts import CLICKED, bits_of
from desirepath.domain.execution import decode_shown
from desirepath.domain.ids import format_id, time_of
from desirepath.engine.query_text import first_text
from desirepath.engine.serving.ranking.counts import Tally, gather_tally
from desirepath.engine.serving.ranking.hashes import hash_document, hash_pairs, keys_of
from desirepath.methods.levels import FloatArray
from desirepath.storage.base import Session
from desirepath.storage.extracts import CLICK_COLUMNS, EXECUTION_COLUMNS, INTERACTION_COLUMNS

__all__ = ["LogTail", "id_after", "id_before"]

_AT_ONCE = 2_000  # executions, some 50 ms
_PLACE = {name: place for place, name in enumerate(EXECUTION_COLUMNS)}
_OF_CLICK = [INTERACTION_COLUMNS.index(name) for name in CLICK_COLUMNS]
_TYPES, _EXECUTION = INTERACTION_COLUMNS.index("types"), INTERACTION_COLUMNS.index("execution_id")

_Row = Sequence[Any]
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


class _Search(Struct, frozen=True, eq=False):
    """An execution as far as it is counted."""

    document_ids: list[str]
    query: str | None
    moment: int
    offset: int
    was_counted: bool


class LogTail(Struct, frozen=True, kw_only=True, eq=False):
    """Reads on in the log of a namespace, for one model.

    Parameters
    ----------
    retriever_id
        Whose executions count; None: all of them.
    epoch, half_life
        A weight is ``2 ** ((moment - epoch) / half_life)``; microseconds.
    propensities
        By position, the last one for all that follow.
    """

    namespace: int
    retriever_id: str | None
    epoch: int
    half_life: float
    propensities: FloatArray

    def since(self, epoch: int) -> LogTail:
        """The same, with weights relative to another moment."""
        return replace(self, epoch=epoch)

    def read(self, session: Session, after: bytes, before: bytes) -> tuple[Tally, bytes]:
        """What was recorded between two ids, both excluded, or the first part of it.

        Returns
        -------
        tuple
            The tally, and the id after which to read on.
        """
        extracts = session.extracts
        rows = next(iter(extracts.executions(self.namespace, after, before, _AT_ONCE)), ())
        end = id_after(rows[-1][0]) if len(rows) == _AT_ONCE else before
        clicks = self._clicks(session, after, end)
        named = {row[_PLACE["execution_id"]]: row for row in rows}
        others = list({click[0] for click in clicks} - named.keys())
        known = [row for row in extracts.executions_named(self.namespace, others) if row[0] < end]
        searches = {
            row[_PLACE["execution_id"]]: self._search(row, after)
            for row in (*rows, *known)
            if self.retriever_id in (None, row[_PLACE["retriever_id"]])
        }
        may_be_late = [name for name, row in named.items() if name != format_id("exec", row[0])]
        names = {click[0] for click in clicks} & searches.keys() | {
            name for name in may_be_late if name in searches
        }
        earlier = extracts.clicks_of(self.namespace, sorted(names), id_after(after))
        first_clicks = self._first_clicks(searches, clicks, earlier)
        new = [search for search in searches.values() if not search.was_counted]
        return self._tally(new, first_clicks), id_before(end)

    def _clicks(self, session: Session, after: bytes, before: bytes) -> list[_Row]:
        """``CLICK_COLUMNS`` of the clicks that name an execution."""
        return [
            [row[place] for place in _OF_CLICK]
            for chunk in session.extracts.interactions(self.namespace, after, before)
            for row in chunk
            if row[_EXECUTION] is not None and bits_of(row[_TYPES]) & CLICKED
        ]

    def _search(self, row: _Row, after: bytes) -> _Search:
        id, live, moment = (row[_PLACE[name]] for name in ("id", "live", "occurred_at"))
        inputs = row[_PLACE["inputs"]]
        return _Search(
            document_ids=decode_shown(row[_PLACE["shown"]]),
            query=None if inputs is None else _query(inputs),
            moment=time_of(id) if live else moment,
            offset=row[_PLACE["offset"]],
            was_counted=id <= after,
        )

    def _first_clicks(
        self,
        searches: Mapping[str, _Search],
        clicks: Iterable[_Row],
        earlier: Iterable[_Row],
    ) -> list[tuple[_Search, str, int]]:
        """The search, document and moment of each first click that was not counted yet."""
        first: dict[tuple[str, str], int] = {}
        counted: set[tuple[str, str]] = set()
        for is_new, rows in ((False, earlier), (True, clicks)):
            for name, document_id, id, occurred_at, live in rows:
                search = searches.get(name)
                if search is None:
                    continue
                key = (name, document_id)
                if search.was_counted and not is_new:
                    counted.add(key)
                moment = max(time_of(id) if live else occurred_at, search.moment)
                first[key] = min(moment, first.get(key, moment))
        return [
            (searches[name], document_id, moment)
            for (name, document_id), moment in first.items()
            if (name, document_id) not in counted and document_id in searches[name].document_ids
        ]

    def _tally(
        self, searches: Sequence[_Search], first_clicks: Sequence[tuple[_Search, str, int]]
    ) -> Tally:
        lengths = np.array([len(search.document_ids) for search in searches], np.int64)
        starts = np.cumsum(lengths) - lengths
        offsets = np.array([search.offset for search in searches], np.int64)
        positions = np.arange(lengths.sum()) + np.repeat(offsets - starts, lengths)
        moments = np.repeat(np.array([search.moment for search in searches], float), lengths)
        exposures = (
            self._weights(moments)
            * self.propensities[np.minimum(positions, len(self.propensities) - 1)]
        )
        has_query = np.repeat([search.query is not None for search in searches], lengths)
        clicked_at = np.array([moment for _, _, moment in first_clicks], float)
        clicks = self._weights(clicked_at)
        click_has_query = np.array(
            [search.query is not None for search, _, _ in first_clicks], bool
        )
        return gather_tally(
            returned=keys_of(
                hash_document(id) for search in searches for id in search.document_ids
            ),
            exposures=exposures,
            returned_at=moments,
            clicked=keys_of(hash_document(id) for _, id, _ in first_clicks),
            clicks=clicks,
            clicked_at=clicked_at,
            returned_pairs=keys_of(
                key
                for search in searches
                if search.query is not None
                for key in hash_pairs(search.query, search.document_ids)
            ),
            pair_exposures=exposures[has_query.astype(bool)],
            clicked_pairs=keys_of(
                hash_pairs(search.query, [id])[0]
                for search, id, _ in first_clicks
                if search.query is not None
            ),
            pair_clicks=clicks[click_has_query],
        )

    def _weights(self, moments: FloatArray) -> FloatArray:
        return np.exp2((moments - self.epoch) / self.half_life)


@lru_cache(maxsize=4_096)
def _query(inputs: str) -> str | None:
    return first_text(_decode_object(inputs))


def id_after(id: bytes) -> bytes:
    """The next id there could be."""
    return (int.from_bytes(id) + 1).to_bytes(16)


def id_before(id: bytes) -> bytes:
    """The last id there could be before an id."""
    return (int.from_bytes(id) - 1).to_bytes(16)
