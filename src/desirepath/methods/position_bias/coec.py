"""Clicks over expected clicks: a document's clicks, over those of an average one at its ranks.

The usual quotient takes the click-through rate of each rank for what an average document would have
there. That is only so if all ranks show equally good documents, and they never do. Done right, what
is expected at a rank is its propensity times the relevance of documents that usually stand alike
(:mod:`.usual_rank`); it is summed over each impression's own rank; and the quotient is shrunk
towards 1, by as much as documents with that little evidence deserve::

    E_i = Σ_k n_ik θ_k m          γ_i = (C_i + a) / (E_i + a)

θ, m and γ are found together (:mod:`.poisson`); a is one over how much documents differ beyond
chance, taken from the data (empirical Bayes). Documents that never moved help, too: they tell what
their neighbours are worth.

References
----------
Zhang & Jones (2007), Comparing Click Logs and Editorial Labels for Training Query Rewriting (the
quotient). Chapelle & Zhang (2009), A Dynamic Bayesian Network Click Model for Web Search Ranking
(it as a baseline). Differs from both as said above.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from desirepath.methods.position_bias.base import (
    MAX_RANK,
    PRECISION,
    FloatArray,
    Propensities,
    RankCounts,
)
from desirepath.methods.position_bias.intervals import propensities_of
from desirepath.methods.position_bias.poisson import (
    Fit,
    contributions_of,
    expected_clicks,
    fit,
)
from desirepath.methods.position_bias.refusal import check_intervals, check_ranks_compare
from desirepath.methods.position_bias.tables import RankTable, tabulate
from desirepath.methods.position_bias.usual_rank import Leaves, leaves_of, spread_of

__all__ = ["clicks_over_expected", "propensities_by_coec"]

_MOST_ROUNDS = 20
_CLOSE = 0.01
_LEAST_SPREAD = 1e-6


def propensities_by_coec(
    counts: RankCounts,
    *,
    max_rank: int = MAX_RANK,
    share_last: bool = True,
    precision: float = PRECISION,
    level: float = 0.95,
) -> Propensities:
    """Estimate propensities from clicks over expected clicks; an :class:`.base.Estimator`.

    It assumes that documents which usually stand alike are, on average, equally relevant at
    whichever rank they are seen. The more is known of a document, the less that matters.
    """
    table = tabulate(counts, max_rank=max_rank, share_last=share_last)
    check_ranks_compare(table, precision=precision, level=level)
    telling, leaves = _with_clicks(table)
    shrunk = _fit(telling, leaves)
    found = propensities_of(
        shrunk.fit.ranks,
        contributions_of(telling, leaves, shrunk.strength, shrunk.fit),
        level=level,
        last_is_shared=share_last,
    )
    check_intervals(found, table, precision=precision)
    return found


def clicks_over_expected(
    clicks: FloatArray, expected: FloatArray, strength: float | None = None
) -> FloatArray:
    """Divide clicks by expected clicks, and shrink towards 1.

    Parameters
    ----------
    clicks, expected : shape (n_documents,)
        ``expected``: the sum, over a document's impressions, of the clicks that an average document
        gets at the rank of each. At least 0.
    strength
        Expected clicks that the belief in 1 counts for. None: one over how much documents differ
        (:func:`.usual_rank.spread_of`).

    Returns
    -------
    FloatArray
        ``(clicks + strength) / (expected + strength)``: 1 is as good as the average.

    Examples
    --------
    >>> clicks_over_expected(np.array([30.0, 3.0, 0.0]), np.array([10.0, 1.0, 0.0]), 1.0).tolist()
    [2.8181818181818183, 2.0, 1.0]
    """
    if strength is None:
        seen = expected > 0.0
        strength = 1.0 / max(spread_of(clicks[seen], expected[seen]), _LEAST_SPREAD)
    return np.asarray((clicks + strength) / (expected + strength))


class _Shrunk(NamedTuple):
    fit: Fit
    strength: float


def _fit(table: RankTable, leaves: Leaves) -> _Shrunk:
    """Find propensities under a prior, the prior from what they leave over, and so on."""
    clicks = table.c.sum(axis=1)
    rates = leaves.sums(table.c).sum(axis=1) / leaves.sums(table.n).sum(axis=1)
    now, strength = Fit(np.zeros(table.n.shape[1]), np.log(rates)), 1.0
    for _ in range(_MOST_ROUNDS):
        now = fit(table, leaves, strength, now)
        spread = spread_of(clicks, expected_clicks(table, leaves, now).sum(axis=1))
        before, strength = strength, 1.0 / max(spread, _LEAST_SPREAD)
        if abs(np.log(strength / before)) < _CLOSE:
            break
    return _Shrunk(fit(table, leaves, strength, now), strength)


def _with_clicks(table: RankTable) -> tuple[RankTable, Leaves]:
    """Leave out leaves without clicks, which say nothing of ranks."""
    leaves = leaves_of(table)
    kept = (leaves.sums(table.c).sum(axis=1) > 0.0)[leaves.of_pair]
    codes, of_pair = np.unique(leaves.of_pair[kept], return_inverse=True)
    return table.rows(kept), Leaves(of_pair, len(codes))
