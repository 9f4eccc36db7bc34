"""How often documents were returned and clicked, decayed, as of one moment."""

from __future__ import annotations

from math import exp2

import numpy as np
from msgspec import Struct

from desirepath.methods.keyed_columns import KeyArray, KeyedColumns, gather_by_key, unite_by_key
from desirepath.methods.levels import FloatArray

__all__ = [
    "FAR",
    "MOST_PAIRS",
    "NOTHING",
    "Counts",
    "DocumentCounts",
    "PairCounts",
    "Tally",
    "gather_tally",
    "unite",
]

MOST_PAIRS = 10_000_000
"""Of a query and a document, 24 bytes each; beyond it the least exposed ones are forgotten."""
_SETTLED_AT = 100_000  # recent rows, and an eighth of what is settled: then they are put together
FAR = 64.0
"""Half-lives from the epoch: there weights are made relative to a later one."""

_OF_DOCUMENTS = (np.add, np.add, np.maximum, np.minimum)
_OF_PAIRS = (np.add, np.add)
_NEVER_CLICKED, _NEVER_RETURNED = -np.inf, np.inf


class Tally(Struct, frozen=True, eq=False):
    """What a part of the log comes to.

    Parameters
    ----------
    documents
        By hash of the document: exposure, clicks, the moment of the last first click, and the
        moment at which it was first returned. 40 bytes a document.
    pairs
        By hash of query and document: exposure and clicks. 24 bytes a pair.
    exposure, clicks
        Over all documents.
    """

    documents: KeyedColumns
    pairs: KeyedColumns
    exposure: float
    clicks: float


def gather_tally(
    *,
    returned: KeyArray,
    exposures: FloatArray,
    returned_at: FloatArray,
    clicked: KeyArray,
    clicks: FloatArray,
    clicked_at: FloatArray,
    returned_pairs: KeyArray,
    pair_exposures: FloatArray,
    clicked_pairs: KeyArray,
    pair_clicks: FloatArray,
) -> Tally:
    """The tally of documents that were returned, N of them, and of first clicks, M.

    Parameters
    ----------
    returned, exposures, returned_at : length N
        Hash of the document, weight times propensity, and moment.
    clicked, clicks, clicked_at : length M
        Hash of the document, weight, and moment.
    returned_pairs, pair_exposures, clicked_pairs, pair_clicks
        Likewise by hash of query and document, of those searches that have a query.
    """
    n, m = len(returned), len(clicked)
    documents = gather_by_key(
        np.concatenate((returned, clicked)),
        [
            np.concatenate((exposures, np.zeros(m))),
            np.concatenate((np.zeros(n), clicks)),
            np.concatenate((np.full(n, _NEVER_CLICKED), clicked_at)),
            np.concatenate((returned_at, np.full(m, _NEVER_RETURNED))),
        ],
        _OF_DOCUMENTS,
    )
    pairs = gather_by_key(
        np.concatenate((returned_pairs, clicked_pairs)),
        [
            np.concatenate((pair_exposures, np.zeros(len(clicked_pairs)))),
            np.concatenate((np.zeros(len(returned_pairs)), pair_clicks)),
        ],
        _OF_PAIRS,
    )
    return Tally(documents, pairs, float(exposures.sum()), float(clicks.sum()))


def unite(first: Tally, second: Tally) -> Tally:
    """The tally of both parts of the log."""
    return Tally(
        unite_by_key(first.documents, second.documents, _OF_DOCUMENTS),
        unite_by_key(first.pairs, second.pairs, _OF_PAIRS),
        first.exposure + second.exposure,
        first.clicks + second.clicks,
    )


_NO_KEYS, _NO_NUMBERS = np.zeros(0, np.uint64), np.zeros(0)
NOTHING = Tally(
    KeyedColumns(_NO_KEYS, (_NO_NUMBERS,) * len(_OF_DOCUMENTS)),
    KeyedColumns(_NO_KEYS, (_NO_NUMBERS,) * len(_OF_PAIRS)),
    0.0,
    0.0,
)


class DocumentCounts(Struct, frozen=True, eq=False):
    """Of N documents: arrays of that length.

    Parameters
    ----------
    exposure, clicks
        Decayed sums.
    last_click, first_returned
        Moments in microseconds since 1970; -inf and inf where there is none.
    """

    exposure: FloatArray
    clicks: FloatArray
    last_click: FloatArray
    first_returned: FloatArray


class PairCounts(Struct, frozen=True, eq=False):
    """Of N pairs of a query and a document: decayed sums, arrays of that length."""

    exposure: FloatArray
    clicks: FloatArray


class Counts(Struct, frozen=True, eq=False):
    """The counts as of a moment; they never change, so any number of searches may read them.

    Parameters
    ----------
    boundary
        What has a moment before it is counted, and weights are as of it. Microseconds since 1970.
    epoch
        What a weight is 1 at in the tallies: ``2 ** ((moment - epoch) / half_life)``.
    half_life
        Microseconds.
    settled, recent
        Two parts of the log. The second is small: what comes is added to it.
    """

    boundary: int
    epoch: int
    half_life: float
    settled: Tally
    recent: Tally = NOTHING

    @property
    def base(self) -> float:
        """Clicks per exposure over all documents; NaN while there is no exposure."""
        exposure = self.settled.exposure + self.recent.exposure
        return (self.settled.clicks + self.recent.clicks) / exposure if exposure else np.nan

    @property
    def n_bytes(self) -> int:
        """Of memory."""
        tallies = (self.settled, self.recent)
        return sum(tally.documents.n_bytes + tally.pairs.n_bytes for tally in tallies)

    @property
    def _decay(self) -> float:
        return exp2(-(self.boundary - self.epoch) / self.half_life)

    def of_documents(self, keys: KeyArray) -> DocumentCounts:
        """Of documents by their hashes."""
        otherwise = (0.0, 0.0, _NEVER_CLICKED, _NEVER_RETURNED)
        old = self.settled.documents.at(keys, otherwise)
        new = self.recent.documents.at(keys, otherwise)
        return DocumentCounts(
            exposure=(old[0] + new[0]) * self._decay,
            clicks=(old[1] + new[1]) * self._decay,
            last_click=np.maximum(old[2], new[2]),
            first_returned=np.minimum(old[3], new[3]),
        )

    def of_pairs(self, keys: KeyArray) -> PairCounts:
        """Of pairs by their hashes."""
        old = self.settled.pairs.at(keys, (0.0, 0.0))
        new = self.recent.pairs.at(keys, (0.0, 0.0))
        return PairCounts(
            exposure=(old[0] + new[0]) * self._decay, clicks=(old[1] + new[1]) * self._decay
        )

    def advanced(self, boundary: int, tally: Tally) -> Counts:
        """The counts at a later moment.

        Parameters
        ----------
        tally
            Of what happened in between, with weights relative to the same epoch.
        """
        counts = Counts(
            boundary, self.epoch, self.half_life, self.settled, unite(self.recent, tally)
        )
        n_recent = len(counts.recent.documents) + len(counts.recent.pairs)
        n_settled = len(self.settled.documents) + len(self.settled.pairs)
        is_far = (boundary - self.epoch) / self.half_life >= FAR
        if is_far or n_recent > max(_SETTLED_AT, n_settled // 8):
            return counts._put_together()
        return counts

    def _put_together(self) -> Counts:
        whole = unite(self.settled, self.recent)
        factor = self._decay
        exposure, clicks, last_click, first_returned = whole.documents.columns
        settled = Tally(
            KeyedColumns(
                whole.documents.keys,
                (exposure * factor, clicks * factor, last_click, first_returned),
            ),
            _with_most_exposure(
                KeyedColumns(
                    whole.pairs.keys, tuple(column * factor for column in whole.pairs.columns)
                )
            ),
            whole.exposure * factor,
            whole.clicks * factor,
        )
        return Counts(self.boundary, self.boundary, self.half_life, settled)


def _with_most_exposure(pairs: KeyedColumns, most: int = MOST_PAIRS) -> KeyedColumns:
    if len(pairs) <= most:
        return pairs
    exposure = pairs.columns[0]
    kept = np.sort(np.argpartition(exposure, len(pairs) - most)[-most:])
    return KeyedColumns(pairs.keys[kept], tuple(column[kept] for column in pairs.columns))
