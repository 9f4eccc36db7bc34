"""Order documents so that neighbours differ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from desirepath.domain.plain_json import canonical_json
from desirepath.domain.stage_kinds.mmr import MmrParameters
from desirepath.engine.serving.hits import (
    Hit,
    StageContext,
    number_at,
    value_at,
    with_documents,
    with_field,
)
from desirepath.errors import NotFound
from desirepath.methods.mmr import Likeness, cosines, mmr, shared_values

__all__ = ["run"]


def run(parameters: MmrParameters, hits: list[Hit], context: StageContext) -> list[Hit]:
    """The first ``top_k`` by maximal marginal relevance.

    Relevance is the score scaled to [0, 1] over the hits, since similarities lie there. A document
    without a vector, or without the fields, is like no other.

    Raises
    ------
    NotFound
        There is no such vector index.
    """
    if not hits:
        return hits
    if parameters.diversity_fields is not None:
        hits = with_documents(hits, context, parameters.diversity_fields)
        likeness = _by_fields(hits, parameters.diversity_fields)
    else:
        likeness = _by_vectors(hits, parameters.index or "", context)
    relevance = _relevance(hits, parameters.score_field)
    rows, scores = mmr(relevance, likeness, parameters.lambda_, parameters.top_k)
    return [
        with_field(hits[row], parameters.mmr_score_field, score)
        for row, score in zip(rows, scores, strict=True)
    ]


def _relevance(hits: Sequence[Hit], path: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    scores = np.array([number_at(hit, path) or 0.0 for hit in hits])
    least, spread = scores.min(), np.ptp(scores)
    return (scores - least) / spread if spread > 0 else np.ones(len(hits))


def _by_vectors(hits: Sequence[Hit], index: str, context: StageContext) -> Likeness:
    ids = [hit.document_id for hit in hits]
    documents = context.session.documents
    found = documents.get(context.namespace, ids, with_vectors=True)
    vectors = [found[id].vectors.get(index, ()) if id in found else () for id in ids]
    dimension = max(map(len, vectors))
    if not dimension and all(i.name != index for i in documents.vector_indexes(context.namespace)):
        raise NotFound("vector index", index)
    rows = [vector if len(vector) == dimension else (0.0,) * dimension for vector in vectors]
    return cosines(np.array(rows, dtype=np.float64).reshape(len(hits), dimension))


def _by_fields(hits: Sequence[Hit], paths: Sequence[str]) -> Likeness:
    codes: dict[bytes, int] = {}
    rows = []
    for hit in hits:
        values = [value_at(hit, path) for path in paths]
        rows.append(
            [
                -1 if value is None else codes.setdefault(canonical_json(value), len(codes))
                for value in values
            ]
        )
    return shared_values(np.array(rows, dtype=np.int64))
