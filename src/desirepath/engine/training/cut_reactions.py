"""Who reacted to what: what a recommender learns from, and by what it is judged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from ibis import _

from desirepath.analysis.reactions import Weighting, reactions, split_moment, weighted
from desirepath.engine.analysing.part import Part
from desirepath.errors import NotEnoughData
from desirepath.methods.levels import IntArray
from desirepath.methods.recommending.base import Preferences, preferences

__all__ = ["LEAST_PEOPLE", "WITH_TWO", "Cut", "Known", "Slice", "cut_reactions", "people_with_two"]

WITH_TWO = "people who reacted to two documents"
LEAST_PEOPLE = 20
"""Who reacted to two documents before anything is learned, and to judge by."""
_WHAT = f"{WITH_TWO} (send user_id or session_id with what they do)"


class Known(NamedTuple):
    """Preferences with what their numbers stand for."""

    people: list[str]
    documents: list[str]
    preferences: Preferences

    @property
    def n_with_two(self) -> int:
        """How many people reacted to two documents or more."""
        return int((np.diff(self.preferences.starts) > 1).sum())


class Slice(NamedTuple):
    """What was known before a moment, and what people of it reacted to after."""

    known: Known
    later: Mapping[int, IntArray]
    n_newcomers: int


class Cut(NamedTuple):
    """The log, all of it and cut at two moments: to choose the share by, and to measure."""

    every: Known
    choosing: Slice
    measuring: Slice
    test_from: int
    learned_before: int


def cut_reactions(part: Part, weighting: Weighting, test_share: float) -> Cut:
    """Read the reactions of a part of the log.

    Parameters
    ----------
    test_share
        The last reactions, by time, that the measure is of; of those before them, as large a share
        is to choose by.

    Raises
    ------
    NotEnoughData
        Too few people reacted to two documents.
    """
    with part.engine.kept(reactions(part.log)) as rows:
        share = 1 - test_share
        (ends,) = part.rows(split_moment(rows, share))
        if not ends["n"]:
            raise NotEnoughData(_WHAT, needed=LEAST_PEOPLE, found=0)
        split, last = int(ends["split"]), int(ends["last"])
        every = _known(part, weighted(rows, last, weighting))
        _check_amount(every)
        earlier = rows.filter(_.moment < split)
        (ends,) = part.rows(split_moment(earlier, share))
        first = split if ends["split"] is None else int(ends["split"])
        return Cut(
            every=every,
            choosing=_slice(part, earlier, first, weighting),
            measuring=_slice(part, rows, split, weighting),
            test_from=split,
            learned_before=last + 1,
        )


def people_with_two(part: Part, weighting: Weighting) -> int:
    """How many people there are to learn from."""
    with part.engine.kept(reactions(part.log)) as rows:
        (ends,) = part.rows(rows.aggregate(last=_.moment.max()))
        if ends["last"] is None:
            return 0
        known = _known(part, weighted(rows, int(ends["last"]), weighting))
        return known.n_with_two


def _check_amount(known: Known) -> None:
    if known.n_with_two < LEAST_PEOPLE:
        raise NotEnoughData(_WHAT, needed=LEAST_PEOPLE, found=known.n_with_two)


def _slice(part: Part, rows: Any, moment: int, weighting: Weighting) -> Slice:
    known = _known(part, weighted(rows.filter(_.moment < moment), moment, weighting))
    later = rows.filter(_.moment >= moment).select("identity", "document_id").distinct()
    return _with_later(known, part.engine.arrow(later))


def _with_later(known: Known, later: pa.Table) -> Slice:
    person_of = {id: number for number, id in enumerate(known.people)}
    document_of = {id: number for number, id in enumerate(known.documents)}
    found: dict[int, list[int]] = {}
    newcomers = set()
    pairs = zip(later["identity"].to_pylist(), later["document_id"].to_pylist(), strict=True)
    n_unknown = len(known.documents)  # a document that nobody could have recommended yet
    for identity, document_id in sorted(pairs):
        person = person_of.get(identity)
        if person is None:
            newcomers.add(identity)
            continue
        document = document_of.get(document_id)
        if document is None:
            document = n_unknown
            n_unknown += 1
        found.setdefault(person, []).append(document)
    new = {
        person: np.setdiff1d(documents, known.preferences.of(person).documents)
        for person, documents in found.items()
    }
    return Slice(known, {p: later for p, later in new.items() if len(later)}, len(newcomers))


def _known(part: Part, table: Any) -> Known:
    rows = part.engine.arrow(table)
    people, person_of_row = _numbered(rows["identity"])
    documents, document_of_row = _numbered(rows["document_id"])
    weights = rows["weight"].to_numpy().astype(np.float64)
    known = preferences(person_of_row, document_of_row, weights, len(documents))
    return Known(people, documents, known)


def _numbered(column: pa.ChunkedArray) -> tuple[list[str], IntArray]:
    """The distinct texts in order, and the number of each row's."""
    encoded = column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = pa.concat_arrays(encoded.chunks) if encoded.num_chunks else pa.array([])
    if not len(encoded):
        return [], np.empty(0, np.int64)
    texts = np.array(encoded.dictionary.to_pylist(), dtype=object)
    order = np.argsort(texts)
    number_of = np.empty(len(texts), np.int64)
    number_of[order] = np.arange(len(texts))
    return texts[order].tolist(), number_of[encoded.indices.to_numpy()]
