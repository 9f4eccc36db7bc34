"""What one search by one feature finds in the built-in index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from desirepath.domain.document import VectorIndex, check_vector
from desirepath.domain.feature_uri import FeatureKind
from desirepath.domain.filters import Filter
from desirepath.domain.profile import AdapterRun
from desirepath.domain.stage_kinds.feature_search import FeatureSearch, OnEmpty
from desirepath.domain.stage_kinds.query import Asked, QueryMode
from desirepath.engine.embedding.needed import Wanted
from desirepath.engine.serving.filters import all_of, both
from desirepath.engine.serving.hits import StageContext
from desirepath.errors import InvalidSearch, NotFound
from desirepath.methods.fusion.candidates import FoundList

__all__ = ["NOTHING", "Finder", "merged"]

NOTHING = FoundList(document_ids=(), scores=())


class Finder:
    """Asks the index, for one stage of one search.

    Parameters
    ----------
    filter
        Holds of everything that is found.

    Attributes
    ----------
    adapted
        Which query adapters were applied.
    warnings
        What could not be done as it was asked.
    """

    def __init__(self, context: StageContext, filter: Filter | None) -> None:
        self._context = context
        self._documents = context.session.documents
        self._filter = filter
        self._indexes: dict[str, VectorIndex] | None = None
        self.adapted: list[AdapterRun] = []
        self.warnings: list[str] = []

    def embed(self, searches: Iterable[FeatureSearch]) -> None:
        """See that the vectors of all texts are there, before the first search is made.

        Raises
        ------
        VectorsNeeded
            Some have not been made yet.
        """
        wanted = [
            self._wanted(search, asked)
            for search in searches
            if search.feature.kind is FeatureKind.VECTOR
            and search.query is not None
            and search.query.input_mode is not QueryMode.DOCUMENT
            and isinstance(asked := search.asked(self._context.filled_by), str)
            and self._index(search) is not None
        ]
        self._context.vectors.need(wanted)

    def _index(self, search: FeatureSearch) -> VectorIndex | None:
        if self._indexes is None:
            found = self._documents.vector_indexes(self._context.namespace)
            self._indexes = {index.name: index for index in found}
        return self._indexes.get(search.feature.names[0])

    def _wanted(self, search: FeatureSearch, text: str) -> tuple[VectorIndex, Wanted]:
        """What to make of a text for the index that is searched.

        Raises
        ------
        NotFound
            There is no such index.
        InvalidSearch
            It names no model, or what is searched with is a file.
        """
        if search.query is not None and search.query.input_mode is QueryMode.CONTENT:
            raise InvalidSearch(
                "No vector is made of a file, nor is an address fetched: search with mode text or "
                "vector.",
                ("inputs",),
            )
        index = self._index(search)
        if index is None:
            raise NotFound("vector index", search.feature.names[0])
        if index.embedder is None:
            raise InvalidSearch(
                "The vector index is searched with a vector, or with a document that has one: it "
                "names no embedder that could make one of a text.",
                ("inputs",),
            )
        return index, Wanted(index.embedder.model, index.embedder.of_query(text))

    def find(self, search: FeatureSearch) -> FoundList:
        """The best documents by a feature of this index, best first.

        Raises
        ------
        MissingInput
            A template has no value.
        InvalidSearch
            There is nothing to search with.
        NotFound
            There is no such feature, and the search is not optional.
        EmbedderError
            No vector can be made of the text.
        """
        asked = search.asked(self._context.filled_by)
        filter = self._filter_of(search)
        if asked is None:
            return self._random(search, filter) if search.on_empty is OnEmpty.RANDOM else NOTHING
        try:
            found = self._scored(search, asked, filter)
        except NotFound:
            if search.optional:
                return NOTHING
            raise
        least = search.min_score
        return _list_of(pair for pair in found if least is None or pair[1] >= least)

    def _filter_of(self, search: FeatureSearch) -> Filter | None:
        context = self._context
        own = all_of([search.filters], context.filled_by, context.left_out, context.relaxations)
        return both(self._filter, own)

    def _scored(
        self, search: FeatureSearch, asked: Asked, filter: Filter | None
    ) -> list[tuple[str, float]]:
        namespace, names = self._context.namespace, search.feature.names
        if search.feature.kind is FeatureKind.TEXT:
            fields = names or self._documents.text_fields(namespace)
            return self._documents.search_text(namespace, fields, str(asked), search.top_k, filter)
        vector = self._vector(search, asked)
        return self._documents.search_vector(namespace, names[0], vector, search.top_k, filter)

    def _vector(self, search: FeatureSearch, asked: Asked) -> Sequence[float]:
        """The vector to search with: as it was sent, or that of a text or a document."""
        if not isinstance(asked, str):
            return self._adapted(search, asked)
        if search.query is None or search.query.input_mode is not QueryMode.DOCUMENT:
            return self._adapted(
                search, self._context.vectors.get([self._wanted(search, asked)])[0]
            )
        namespace, (index,) = self._context.namespace, search.feature.names
        found = self._documents.get(namespace, [asked], with_vectors=True).get(asked)
        vector = None if found is None else found.vectors.get(index)
        if vector is None:
            raise InvalidSearch("The document to search by has no such vector.", ("inputs",))
        return vector

    def _adapted(self, search: FeatureSearch, vector: Sequence[float]) -> Sequence[float]:
        """The vector of a query, turned where an adapter is named and fits.

        Without it the search goes on: a worse vector finds more than none.
        """
        name = search.query_adapter
        index = None if name is None else self._index(search)
        if name is None or index is None:
            return vector
        check_vector(index, vector)
        adapter = self._context.adapters.get(
            (name, search.query_adapter_version), "There are no query adapters here."
        )
        problem = adapter if isinstance(adapter, str) else adapter.space.misfit(index)
        if isinstance(adapter, str) or problem is not None:
            self.warnings.append(f"A query was not adapted: {problem}")
            return vector
        self.adapted.append(
            AdapterRun(
                feature_uri=search.uri,
                model=adapter.artifact.name,
                model_version=adapter.artifact.version,
            )
        )
        return adapter.apply(vector)

    def _random(self, search: FeatureSearch, filter: Filter | None) -> FoundList:
        ids = self._documents.sample(self._context.namespace, search.top_k, filter)
        return _list_of((id, 0.0) for id in ids)


def merged(lists: Sequence[FoundList]) -> FoundList:
    """What several searches by one feature found, as one list: each document's best score.

    Examples
    --------
    >>> lists = [_list_of([("a", 2.0), ("b", 1.0)]), _list_of([("b", 3.0)])]
    >>> merged(lists).document_ids
    ['b', 'a']
    """
    if len(lists) == 1:
        return lists[0]
    best: dict[str, float] = {}
    for found in lists:
        for id, score in zip(found.document_ids, found.scores, strict=True):
            best[id] = max(score, best.get(id, score))
    return _list_of(sorted(best.items(), key=lambda pair: (-pair[1], pair[0])))


def _list_of(pairs: Iterable[tuple[str, float]]) -> FoundList:
    pairs = list(pairs)
    return FoundList(document_ids=[id for id, _ in pairs], scores=[score for _, score in pairs])
