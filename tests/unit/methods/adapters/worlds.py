"""A simulation: queries near the documents that answer them, and clicks on what is looked at."""

from __future__ import annotations

import numpy as np

from desirepath.methods.adapters.linear import ClickedVectors, directions
from desirepath.methods.levels import FloatArray

__all__ = ["clicks_on", "rotation"]


def rotation(d: int, angle: float, rng: np.random.Generator) -> FloatArray:
    """A known matrix: turns each plane of some basis by an angle in radians; ``d`` is even."""
    basis, _ = np.linalg.qr(rng.standard_normal((d, d)))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    found: FloatArray = basis @ np.kron(np.eye(d // 2), turn) @ basis.T
    return found


def clicks_on(
    wishes: FloatArray,
    searched: FloatArray,
    documents: FloatArray,
    rng: np.random.Generator,
    *,
    n_searches: int = 20,
    noise: float = 0.15,
) -> ClickedVectors:
    """Search with vectors, and click by the wish behind each and by 1/rank, weighted by rank.

    Parameters
    ----------
    wishes, searched : shape (N, d)
    noise
        Of the scores in each search, as of other features that are fused with it.
    """
    likeness = directions(wishes) @ directions(documents).T
    scores = directions(searched) @ directions(documents).T
    examined = 1.0 / np.arange(1, 11)
    weights: dict[tuple[int, int], float] = {}
    for _ in range(n_searches):
        drawn = scores + noise * rng.standard_normal(scores.shape)
        shown = np.argsort(-drawn, axis=1)[:, :10]
        attracts = np.clip(np.take_along_axis(likeness, shown, 1), 0.02, 1) ** 2
        for query, place in np.argwhere(rng.random(shown.shape) < examined * attracts):
            pair = (int(query), int(shown[query, place]))
            weights[pair] = weights.get(pair, 0.0) + 1 / examined[place]
    pairs = sorted(weights)
    return ClickedVectors(
        queries=searched,
        documents=documents,
        query=np.array([query for query, _ in pairs]),
        document=np.array([document for _, document in pairs]),
        weights=np.array([weights[pair] for pair in pairs]),
    )
