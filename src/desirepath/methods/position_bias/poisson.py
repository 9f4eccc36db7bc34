"""Clicks as counts: impressions times propensity times relevance, relevance taken out or shrunk.

Pair i has n_ik impressions at rank k, c_ik clicks there and C_i in all; pairs of leaf b have
relevance m_b on average (:mod:`.usual_rank`), and a is the strength of the belief in that::

    expected clicks   E_i = Σ_k n_ik θ_k m_b                 each impression at its own rank
    clicks over them  γ_i = (C_i + a) / (E_i + a)            shrunk towards 1
    equations         Σ_i c_ik = Σ_i n_ik θ_k m_b γ_i        for each rank
                      Σ_i C_i  = Σ_i E_i γ_i                 for each leaf

They are the score of a likelihood in which γ is drawn from a gamma distribution of mean 1 and shape
a. With a = 0 leaves fall out, and what is left is the likelihood of where a document's clicks fell
*given how many it had*: each document is its own control, and each term has mean 0 whatever its
relevance. Both are concave in the logarithms. Only the means are believed; how clicks scatter is
taken from the data (:mod:`.intervals`).

References
----------
Hausman, Hall & Griliches (1984), Econometric Models for Count Data (both likelihoods).
Wooldridge (1999), Distribution-Free Estimation of Some Nonlinear Panel Data Models (means suffice).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from desirepath.methods.position_bias.base import FloatArray
from desirepath.methods.position_bias.information import Information
from desirepath.methods.position_bias.intervals import Contributions
from desirepath.methods.position_bias.tables import RankTable
from desirepath.methods.position_bias.usual_rank import Leaves

__all__ = ["Fit", "contributions_of", "expected_clicks", "fit"]

_STEPS = 100
_CLOSE = 1e-9
_LONGEST_STEP = 2.0


class Fit(NamedTuple):
    """Logarithms of propensities, shape (K,), 0 at rank 1; and of the leaves' means, shape (L,).

    With a strength of 0 there are no leaves.
    """

    ranks: FloatArray
    leaves: FloatArray


def fit(table: RankTable, leaves: Leaves | None, strength: float, start: Fit) -> Fit:
    """Solve the equations by Newton's method.

    Parameters
    ----------
    leaves
        None if and only if ``strength`` is 0.
    strength
        a, at least 0.

    Returns
    -------
    Fit
        Finite if clicks tie every rank to every other, and every leaf has some.
    """
    now, height = start, _log_likelihood(table, leaves, strength, start)
    for _ in range(_STEPS):
        rest = table.c - _fitted(table, leaves, strength, now)
        of_leaves = np.zeros(0) if leaves is None else leaves.sums(rest).sum(axis=1)
        information = _information(table, leaves, strength, now)
        step = np.concatenate(information.step(rest.sum(axis=0), of_leaves))
        step *= min(1.0, _LONGEST_STEP / max(np.abs(step).max(), _CLOSE))
        new = _moved(now, step)
        while (new_height := _log_likelihood(table, leaves, strength, new)) < height - 1e-12 * abs(
            height
        ):
            step /= 2.0
            new = _moved(now, step)
        now, height = new, new_height
        if np.abs(step).max() < _CLOSE:
            break
    return now


def contributions_of(
    table: RankTable, leaves: Leaves | None, strength: float, found: Fit
) -> Contributions:
    """What each pair adds to the logarithms of the propensities."""
    fitted = _fitted(table, leaves, strength, found)
    of_rank, of_leaf = _information(table, leaves, strength, found).solved()
    of_pair = np.zeros_like(fitted) if leaves is None else of_leaf[leaves.of_pair]
    rest, total = table.c - fitted, fitted.sum(axis=1, keepdims=True)
    pulled = fitted @ of_rank.T + of_pair * total
    squares = fitted @ np.square(of_rank).T + of_pair * (2.0 * pulled - of_pair * total)
    return Contributions(
        cluster=table.cluster,
        influence=rest @ of_rank.T + of_pair * rest.sum(axis=1, keepdims=True),
        variance=np.maximum(squares - np.square(pulled) * _weight(table, strength), 0.0),
    )


def expected_clicks(table: RankTable, leaves: Leaves | None, found: Fit) -> FloatArray:
    """Clicks that each cell would have, were all of a leaf alike, shape (P, K)."""
    expected = table.n * np.exp(found.ranks)
    if leaves is None:
        return expected
    return np.asarray(expected * np.exp(found.leaves)[leaves.of_pair][:, None])


def _moved(now: Fit, step: FloatArray) -> Fit:
    n = len(now.ranks)
    return Fit(now.ranks + step[:n], now.leaves + step[n:])


def _fitted(table: RankTable, leaves: Leaves | None, strength: float, now: Fit) -> FloatArray:
    """Clicks that each cell should have, the document's own number known, shape (P, K)."""
    expected = expected_clicks(table, leaves, now)
    over = (table.c.sum(axis=1) + strength) / (expected.sum(axis=1) + strength)
    return np.asarray(expected * over[:, None])


def _weight(table: RankTable, strength: float) -> FloatArray:
    """1 / (C + a), shape (P, 1); 1 where that is 0, which nothing is multiplied by."""
    total = table.c.sum(axis=1, keepdims=True) + strength
    return np.asarray(1.0 / np.where(total > 0.0, total, 1.0))


def _information(table: RankTable, leaves: Leaves | None, strength: float, now: Fit) -> Information:
    fitted, weight = _fitted(table, leaves, strength, now), _weight(table, strength)
    of_ranks = np.diag(fitted.sum(axis=0)) - fitted.T @ (fitted * weight)
    if leaves is None:
        return Information(ranks=of_ranks, both=np.zeros((0, len(of_ranks))), leaves=np.zeros(0))
    of_both = leaves.sums(fitted * (1.0 - fitted.sum(axis=1, keepdims=True) * weight))
    return Information(ranks=of_ranks, both=of_both, leaves=of_both.sum(axis=1))


def _log_likelihood(table: RankTable, leaves: Leaves | None, strength: float, now: Fit) -> float:
    expected = expected_clicks(table, leaves, now).sum(axis=1)
    clicks = table.c.sum(axis=1)
    height = table.c.sum(axis=0) @ now.ranks - (clicks + strength) @ np.log(expected + strength)
    if leaves is not None:
        height += clicks @ now.leaves[leaves.of_pair]
    return float(height)
