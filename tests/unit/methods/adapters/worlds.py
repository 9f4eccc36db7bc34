"""A simulation: queries near the documents that answer them, and clicks on what is looked at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from desirepath.methods.adapters.linear import ClickedVectors, directions
from desirepath.methods.levels import FloatArray

__all__ = ["clicked_from", "clicks_on", "rotation"]

Pair = tuple[int, int]
"""Rows of a query and a document."""
_PRIOR = 5.0  # as training draws rates to that of all


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
    """Search with vectors, and click by the wish behind each and by 1/rank.

    Parameters
    ----------
    wishes, searched : shape (N, d)
    noise
        Of the scores in each search, as of other features that are fused with it.
    """
    likeness = directions(wishes) @ directions(documents).T
    scores = directions(searched) @ directions(documents).T
    examined = 1.0 / np.arange(1, 11)
    clicks: dict[Pair, float] = defaultdict(float)
    looked_at: dict[Pair, float] = defaultdict(float)
    for _ in range(n_searches):
        drawn = scores + noise * rng.standard_normal(scores.shape)
        shown = np.argsort(-drawn, axis=1)[:, :10]
        attracts = np.clip(np.take_along_axis(likeness, shown, 1), 0.02, 1) ** 2
        for (query, place), document in np.ndenumerate(shown):
            looked_at[query, int(document)] += float(examined[place])
        for query, place in np.argwhere(rng.random(shown.shape) < examined * attracts):
            clicks[int(query), int(shown[query, place])] += 1.0
    return clicked_from(searched, documents, clicks, looked_at)


def clicked_from(
    searched: FloatArray,
    documents: FloatArray,
    clicks: Mapping[Pair, float],
    looked_at: Mapping[Pair, float],
) -> ClickedVectors:
    """Clicked pairs, each by its clicks for each time that it was looked at."""
    base = sum(clicks.values()) / sum(looked_at.values())
    pairs = sorted(clicks)
    rates = [(clicks[pair] + _PRIOR * base) / (looked_at[pair] + _PRIOR) for pair in pairs]
    return ClickedVectors(
        queries=searched,
        documents=documents,
        query=np.array([query for query, _ in pairs]),
        document=np.array([document for _, document in pairs]),
        weights=np.array(rates),
    )
