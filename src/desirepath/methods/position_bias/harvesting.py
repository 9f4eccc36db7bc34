"""Intervention harvesting: compare a document with itself, at the ranks where chance has put it.

Sampled weights, a change of ranker, an experiment: each shows the same document of the same query
at several ranks, as an intervention would have, and without one. Documents seen at two ranks are
the interventional set of these ranks, and the ratio of the clicks there is that of the
propensities, whatever the documents are worth.

Here all sets speak at once, in the likelihood of where the clicks of each document fell given how
many it had (:mod:`.poisson` with strength 0)::

    P(click i fell at rank k) = n_ik θ_k / Σ_j n_ij θ_j

References
----------
Agarwal, Zaitsev, Wang, Li, Najork & Joachims (2019), Estimating Position Bias without Intrusive
Interventions. Differs from their AllPairs: that has an unknown relevance for each two ranks, counts
a document once for each two ranks it was seen at, and divides its clicks by its impressions, so
that a document seen once weighs as much as one seen a thousand times. Conditioning needs no such
unknown, counts each click once, and weighs documents by what they tell. Their PivotOne compares
each rank with rank 1 alone, and loses documents that moved between others.
"""

from __future__ import annotations

import numpy as np

from desirepath.methods.position_bias.base import MAX_RANK, PRECISION, Propensities, RankCounts
from desirepath.methods.position_bias.intervals import propensities_of
from desirepath.methods.position_bias.poisson import Fit, contributions_of, fit
from desirepath.methods.position_bias.refusal import check_intervals, check_ranks_compare
from desirepath.methods.position_bias.tables import tabulate

__all__ = ["harvest"]


def harvest(
    counts: RankCounts,
    *,
    max_rank: int = MAX_RANK,
    share_last: bool = True,
    precision: float = PRECISION,
    level: float = 0.95,
) -> Propensities:
    """Estimate propensities by intervention harvesting; an :class:`.base.Estimator`.

    The one to use. It assumes nothing of relevance but that it does not change while documents
    move. Documents that were always at one rank, or never clicked, say nothing.

    Examples
    --------
    >>> clicks = np.array([8, 4, 30, 15] * 10)  # half as many at rank 2, whatever the document
    >>> cells = np.arange(40)
    >>> found = harvest(
    ...     RankCounts(pair=cells // 2, cluster=cells // 4, rank=cells % 2 + 1,
    ...                n=np.full(40, 100), c=clicks)
    ... )
    >>> found.values.round(3).tolist()
    [1.0, 0.5]
    """
    table = tabulate(counts, max_rank=max_rank, share_last=share_last)
    check_ranks_compare(table, precision=precision, level=level)
    telling = table.rows(((table.n > 0.0).sum(axis=1) > 1) & (table.c.sum(axis=1) > 0.0))
    start = Fit(np.zeros(table.n.shape[1]), np.zeros(0))
    fitted = fit(telling, None, 0.0, start)
    found = propensities_of(
        fitted.ranks,
        contributions_of(telling, None, 0.0, fitted),
        level=level,
        last_is_shared=share_last,
    )
    check_intervals(found, table, precision=precision)
    return found
