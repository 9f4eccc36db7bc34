"""The vectors that a query adapter is trained on: of queries, and of what may be found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

import numpy as np
from msgspec import Struct

from desirepath.analysis.embedding_pairs import last_inputs
from desirepath.domain.document import VectorIndex, check_vector
from desirepath.domain.feature_uri import FeatureKind
from desirepath.domain.plain_json import decode_json
from desirepath.domain.retriever import Retriever
from desirepath.domain.stage_kinds.feature_search import FeatureSearch, FeatureSearchParameters
from desirepath.domain.stage_kinds.query import QueryMode
from desirepath.domain.template import Variables
from desirepath.engine.analysing.part import Part
from desirepath.engine.embedding.base import Embedder
from desirepath.engine.embedding.needed import KnownVectors, Wanted
from desirepath.engine.training.trained import Stepped
from desirepath.errors import EmbedderFailed, InvalidDocument, InvalidSearch
from desirepath.methods.levels import FloatArray
from desirepath.storage.base import Session

__all__ = ["DocumentVectors", "document_vectors", "embedded_queries", "search_by", "sent_queries"]

_AT_ONCE = 500

T = TypeVar("T")
Vector = Sequence[float]


def search_by(retriever: Retriever, index: str) -> FeatureSearch | None:
    """The search of a retriever by a vector index with what is sent; None: it sends no vectors."""
    for stage in retriever.stages:
        if not isinstance(stage.parameters, FeatureSearchParameters):
            continue
        for search in stage.parameters.searches:
            if (
                search.feature.kind is FeatureKind.VECTOR
                and search.feature.names == (index,)
                and search.query is not None
                and search.query.input_mode is QueryMode.VECTOR
            ):
                return search
    return None


def sent_queries(part: Part, search: FeatureSearch, index: VectorIndex) -> dict[str, Vector]:
    """By query, the vector that it was last searched with; one that does not fit is left out."""
    found: dict[str, Vector] = {}
    for row in part.rows(last_inputs(part.log.executions)):
        try:
            asked = search.asked(Variables(inputs=decode_json(row["inputs"].encode())))
            if isinstance(asked, list):
                check_vector(index, asked)
                found[row["query"]] = asked
        except (InvalidSearch, InvalidDocument):  # another search, or a vector of another model
            continue
    return found


def embedded_queries(
    embedder: Embedder, index: VectorIndex, texts: Mapping[str, str], stepped: Stepped | None
) -> dict[str, Vector]:
    """By query, the vector that the model of an index makes of its text, if it makes one.

    Raises
    ------
    EmbedderError
        The embedder does not answer, or makes none at all.
    """
    assert index.embedder is not None
    found: dict[str, Vector] = {}
    problem: EmbedderFailed | None = None
    n_done = 0
    for chunk in _chunks(texts.items()):
        wanted = [Wanted(index.embedder.model, index.embedder.of_query(text)) for _, text in chunk]
        known = KnownVectors()
        known.make(embedder, wanted)
        for (query, _), one in zip(chunk, wanted, strict=True):
            try:
                (found[query],) = known.get([(index, one)])
            except EmbedderFailed as error:
                problem = error
        n_done += len(chunk)
        if stepped is not None:
            stepped(n_done, len(texts))
    if problem is not None and not found:
        raise problem
    return found


class DocumentVectors(Struct, frozen=True, kw_only=True, eq=False):
    """Documents that may be found, M of them.

    Parameters
    ----------
    rows
        By document_id.
    vectors : shape (M, d)
    n_indexed
        Documents of the namespace, whether they have a vector or not.
    """

    rows: Mapping[str, int]
    vectors: FloatArray
    n_indexed: int


def document_vectors(
    session: Session,
    namespace: int,
    index: VectorIndex,
    named: Iterable[str],
    most: int,
    rng: np.random.Generator,
) -> DocumentVectors:
    """Vectors of the documents that are named, and of others up to ``most``, drawn by chance."""
    documents = session.documents
    ids: list[str] = []
    while page := documents.find(namespace, after=ids[-1] if ids else None, limit=_AT_ONCE):
        ids += [document.document_id for document in page]
    wanted = set(named)
    others = [id for id in ids if id not in wanted]
    n_others = min(max(most - len(wanted), 0), len(others))
    drawn = rng.choice(len(others), n_others, replace=False) if n_others < len(others) else None
    wanted.update(others if drawn is None else (others[place] for place in drawn.tolist()))
    rows: dict[str, int] = {}
    vectors = np.zeros((len(wanted), index.dimension))
    for chunk in _chunks(sorted(wanted)):
        for id, document in documents.get(namespace, chunk, with_vectors=True).items():
            if index.name in document.vectors:
                vectors[len(rows)] = document.vectors[index.name]
                rows[id] = len(rows)
    return DocumentVectors(rows=rows, vectors=vectors[: len(rows)], n_indexed=len(ids))


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, _AT_ONCE)):
        yield chunk
