"""Simulated lists: what people like is a line in two of four features, and they look at the top."""

from __future__ import annotations

import numpy as np

from desirepath.methods.ranking.matrix import Matrix

SHOWN = 10


def made_lists(
    n_lists: int, seed: int, *, looks_down: float = 0.0, shown_by_lie: bool = False
) -> Matrix:
    """Lists of ten with clicks; ``looks_down`` 0: everything is looked at.

    Parameters
    ----------
    looks_down
        Rank r is examined with r^−looks_down.
    shown_by_lie
        The lists are ordered by the feature ``lie``, which nobody cares about.
    """
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n_lists, SHOWN, 4)).astype(np.float32)
    if shown_by_lie:
        order = np.argsort(-values[:, :, 2], axis=1)
        values = np.take_along_axis(values, order[:, :, None], axis=1)
    liked = 1 / (1 + np.exp(-(1.5 * values[:, :, 0] + 0.7 * values[:, :, 1] - 1.5)))
    examined = np.arange(1, SHOWN + 1) ** -looks_down
    clicked = rng.random((n_lists, SHOWN)) < liked * examined
    values[rng.random(values.shape) < 0.02] = np.nan
    documents = np.array([f"d{n}" for n in rng.integers(0, 200, n_lists * SHOWN)], object)
    return Matrix(
        names=("taste", "price", "lie", "noise"),
        values=values.reshape(-1, 4),
        grades=clicked.ravel().astype(np.int64),
        groups=np.full(n_lists, SHOWN),
        positions=np.tile(np.arange(SHOWN, dtype=np.int32), n_lists),
        times=np.arange(n_lists) * 1_000_000,
        list_ids=np.array([f"e{n}" for n in range(n_lists)], object),
        document_ids=documents,
    )
