"""The features of a list of documents, as a ranker wants them, at the moment of a search.

The names are defined in :mod:`~desirepath.domain.ranking_features`, and worked out of the log, as
of past searches, in :mod:`~desirepath.analysis.ranking_features`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from math import nan

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from desirepath.domain.document import Document
from desirepath.domain.plain_json import at_path
from desirepath.domain.ranking_features import (
    DAY,
    HISTORY,
    FeatureKind,
    FeatureLayout,
    RankingFeature,
    moment_in,
    number_in,
    values_in,
)
from desirepath.engine.serving.hits import Hit
from desirepath.engine.serving.ranking.affinity import Affinity
from desirepath.engine.serving.ranking.counts import Counts, DocumentCounts, PairCounts
from desirepath.engine.serving.ranking.documents import DocumentFields, KnownDocument
from desirepath.engine.serving.ranking.hashes import hash_pairs, keys_of
from desirepath.methods.keyed_columns import KeyArray
from desirepath.methods.levels import FloatArray
from desirepath.methods.recommending.likeness import Likeness
from desirepath.storage.base import Session

__all__ = ["AskedList", "FeatureReader", "Features"]

Features = NDArray[np.float32]
_NUMBERS = (FeatureKind.NUMBER, FeatureKind.AGE)
_AFFINITIES = {FeatureKind.USER_AFFINITY: "user_id", FeatureKind.SESSION_AFFINITY: "session_id"}
_WHOSE_CLICKS = {**_AFFINITIES, FeatureKind.RECOMMENDER: "user_id"}


class AskedList(Struct, frozen=True, kw_only=True, eq=False):
    """A list of documents to be ranked, and for whom.

    Parameters
    ----------
    hits
        In the order in which they came.
    query
        The text that was searched for, as the log will have it.
    now
        When the search began, microseconds since 1970.
    """

    hits: Sequence[Hit]
    query: str | None = None
    user_id: str | None = None
    session_id: str | None = None
    now: int


class FeatureReader:
    """Reads the features of one layout, in one namespace.

    Parameters
    ----------
    likeness
        By argument of ``recommender`` in the layout.
    """

    def __init__(
        self, namespace: int, layout: FeatureLayout, likeness: Mapping[str, Likeness]
    ) -> None:
        self.namespace, self.layout, self.likeness = namespace, layout, likeness
        self.features = layout.features
        numbers = [one for one in self.features if one.kind in _NUMBERS]
        self.place_of_number = {one: place for place, one in enumerate(numbers)}
        paths = layout.arguments(*_AFFINITIES)
        self.place_of_path = {path: place for place, path in enumerate(paths)}
        self.documents = DocumentFields(
            namespace,
            [partial(_number, one) for one in numbers],
            [partial(_values, path) for path in paths],
        )

    def read(self, session: Session, counts: Counts, asked: AskedList) -> Features:
        """The features of N documents, in the order of the layout.

        Returns
        -------
        shape (N, F)
            NaN where missing.
        """
        values = np.full((len(asked.hits), len(self.features)), np.nan, np.float32)
        if len(asked.hits):
            columns = _Columns(self, session, counts, asked)
            for place, feature in enumerate(self.features):
                values[:, place] = columns.of(feature)
        return values


def _number(feature: RankingFeature, document: Document) -> float:
    value = at_path(document.payload, feature.argument)
    return moment_in(value) if feature.kind is FeatureKind.AGE else number_in(value)


def _values(path: str, document: Document) -> tuple[str, ...]:
    return values_in(at_path(document.payload, path))


class _Columns:
    """Features of one list, column by column; what several share is worked out once."""

    def __init__(
        self, reader: FeatureReader, session: Session, counts: Counts, asked: AskedList
    ) -> None:
        self._reader, self._layout = reader, reader.layout
        self._session, self._counts, self._asked = session, counts, asked

    def of(self, feature: RankingFeature) -> FloatArray | Sequence[float] | float:
        """One column; a number stands for all documents."""
        hits, name = self._asked.hits, feature.argument
        match feature.kind:
            case FeatureKind.RANK:
                return np.arange(len(hits), dtype=np.float64)
            case FeatureKind.DOCUMENT_SCORE:
                return [hit.score for hit in hits]
            case FeatureKind.SCORE:
                return [hit.scores.get(name, nan) for hit in hits]
            case FeatureKind.LOGGED:
                return [hit.features.get(name, nan) for hit in hits]
            case FeatureKind.NUMBER:
                return self._numbers[:, self._reader.place_of_number[feature]]
            case FeatureKind.AGE:
                dates = self._numbers[:, self._reader.place_of_number[feature]]
                return (self._asked.now - dates) / DAY
            case FeatureKind.CTR:
                return self._ctr
            case FeatureKind.CTR_OF_PAIR:
                return self._ctr_of_pair
            case FeatureKind.POPULARITY:
                return np.log(1 + self._shared.clicks)
            case FeatureKind.EXPOSURE:
                return np.log(1 + self._shared.exposure)
            case FeatureKind.DAYS_SINCE_CLICK:
                return self._days_since(self._shared.last_click)
            case FeatureKind.DAYS_KNOWN:
                return self._days_since(self._shared.first_returned)
            case FeatureKind.USER_AFFINITY | FeatureKind.SESSION_AFFINITY:
                return self._affinity(feature)
            case FeatureKind.RECOMMENDER:
                return self._mean_likeness(name)

    @cached_property
    def _documents(self) -> list[KnownDocument]:
        ids = [hit.document_id for hit in self._asked.hits]
        return self._reader.documents.of(self._session, ids)

    @cached_property
    def _numbers(self) -> FloatArray:
        return np.array([document.numbers for document in self._documents], np.float64)

    @cached_property
    def _keys(self) -> KeyArray:
        return keys_of(one.hash for one in self._documents)

    # Shared counters

    @cached_property
    def _shared(self) -> DocumentCounts:
        return self._counts.of_documents(self._keys)

    @cached_property
    def _ctr(self) -> FloatArray:
        k, shared = self._layout.smoothing, self._shared
        return (shared.clicks + k * self._counts.base) / (shared.exposure + k)

    @cached_property
    def _ctr_of_pair(self) -> FloatArray | float:
        query = self._asked.query
        if query is None:
            return nan
        keys = keys_of(hash_pairs(query, [hit.document_id for hit in self._asked.hits]))
        k, pairs = self._layout.smoothing, self._counts.of_pairs(keys)
        return _rate(pairs, k, self._ctr)

    def _days_since(self, moments: FloatArray) -> FloatArray:
        days = (self._counts.boundary - moments) / DAY
        return np.where(np.isfinite(days), days, np.nan)

    # What somebody clicked before

    def _affinity(self, feature: RankingFeature) -> Sequence[float] | float:
        history = self._history[_WHOSE_CLICKS[feature.kind]]
        if not history:
            return nan
        place = self._reader.place_of_path[feature.argument]
        affinity = Affinity(
            [document.values[place] for document in history],
            self._layout.value_shares.get(feature.argument, {}),
            self._layout.smoothing,
        )
        return [affinity.to(document.values[place]) for document in self._documents]

    def _mean_likeness(self, recommender: str) -> FloatArray | float:
        if self._asked.now < self._layout.learned_before[recommender]:
            return nan
        clicked = keys_of(one.hash for one in self._history["user_id"])
        return self._reader.likeness[recommender].mean(clicked, self._keys)

    @cached_property
    def _history(self) -> dict[str, list[KnownDocument]]:
        """The documents that were clicked last, by whose clicks they are."""
        kinds = {one.kind for one in self._reader.features}
        wanted = {column for kind, column in _WHOSE_CLICKS.items() if kind in kinds}
        return {column: self._clicked(column) for column in wanted}

    def _clicked(self, column: str) -> list[KnownDocument]:
        who = getattr(self._asked, column)
        if who is None:
            return []
        clicked = self._session.interactions.last_clicks(
            self._reader.namespace, column, who, self._asked.now, HISTORY
        )
        return self._reader.documents.of(self._session, clicked)


def _rate(pairs: PairCounts, k: float, prior: FloatArray) -> FloatArray:
    return (pairs.clicks + k * prior) / (pairs.exposure + k)
