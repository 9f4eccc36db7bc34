"""Stage ``mmr``: relevance balanced with variety."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from desirepath.domain.stage_kinds.mmr import MmrParameters
from desirepath.engine.serving.hits import (
    Hit,
    StageContext,
    fetch_payloads,
    number_at,
    put_number,
    value_at,
)
from desirepath.methods.levels import FloatArray

__all__ = ["run"]


def run(parameters: MmrParameters, hits: list[Hit], context: StageContext) -> list[Hit]:
    """Maximal marginal relevance: one hit after the other, each relevant and unlike those before.

    ``lambda · relevance - (1 - lambda) · largest likeness to what was chosen``, relevance scaled to
    0 … 1 over the hits.

    References
    ----------
    Carbonell & Goldstein (1998), The Use of MMR, Diversity-Based Reranking for Reordering
    Documents and Producing Summaries.
    """
    if not hits:
        return hits
    fetch_payloads(hits, context)
    given = [number_at(hit, parameters.score_field) or 0.0 for hit in hits]
    low, high = min(given), max(given)
    relevance = [(score - low) / (high - low) if high > low else 1.0 for score in given]
    likeness = _likeness(parameters, hits, context)
    left, chosen = list(range(len(hits))), list[int]()
    nearest = np.zeros(len(hits))
    while left and len(chosen) < parameters.top_k:
        worth = [
            parameters.lambda_ * relevance[row] - (1 - parameters.lambda_) * nearest[row]
            for row in left
        ]
        best = left.pop(max(range(len(left)), key=lambda place: (worth[place], -left[place])))
        put_number(hits[best], parameters.mmr_score_field, float(max(worth)))
        chosen.append(best)
        nearest = np.maximum(nearest, likeness(best))
    return [hits[row] for row in chosen]


def _likeness(
    parameters: MmrParameters, hits: Sequence[Hit], context: StageContext
) -> Callable[[int], FloatArray]:
    """From a hit to how alike all are to it, 0 … 1."""
    if parameters.diversity_fields is not None:
        fields = parameters.diversity_fields
        values = [[value_at(hit, path) for path in fields] for hit in hits]
        return lambda row: np.array(
            [
                sum(a == b and a is not None for a, b in zip(values[row], other, strict=True))
                / len(fields)
                for other in values
            ]
        )
    index = parameters.index
    if index is None:
        return lambda row: np.zeros(len(hits))
    ids = [hit.document_id for hit in hits]
    found = context.session.documents.get(context.namespace, ids, with_vectors=True)
    size = next((len(d.vectors[index]) for d in found.values() if index in d.vectors), 1)
    vectors = np.zeros((len(hits), size))
    for row, id in enumerate(ids):
        if id in found and index in found[id].vectors:
            vectors[row] = found[id].vectors[index]
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(lengths > 0, lengths, 1.0)
    return lambda row: np.maximum(unit @ unit[row], 0.0)
