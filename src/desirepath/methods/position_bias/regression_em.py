"""Regression EM: looking and liking are hidden; relevance is a regression on what is known.

A click says that a document was looked at and liked. No click leaves open which of the two failed,
and each round first fills in how likely, then averages (θ: looked at, γ: liked)::

    no click   P(looked at) = θ (1 - γ) / (1 - θ γ)        P(liked) = γ (1 - θ) / (1 - θ γ)

The regression is a table: a document's relevance is that of its leaf, the documents that usually
stand where it does and move as it does (:mod:`.usual_rank`). So it never looks at a document's own
clicks, where intervention harvesting looks at nothing else, and that is what it is for: two ways
to the same number that rest on different assumptions.

References
----------
Wang, Golbandi, Bendersky, Metzler & Najork (2018), Position Bias Estimation for Unbiased Learning
to Rank in Personal Search, section 4. Differs: leaves of two features of where a document stands in
place of boosted trees over features of its content, which counts do not have; the chances of being
liked are averaged as they are, where theirs are sampled to 0 and 1; and θ are divided by that of
rank 1, as only products of θ and γ are seen.
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
from desirepath.methods.position_bias.information import Information
from desirepath.methods.position_bias.intervals import Contributions, propensities_of
from desirepath.methods.position_bias.refusal import check_intervals, check_ranks_compare
from desirepath.methods.position_bias.tables import RankTable, tabulate
from desirepath.methods.position_bias.usual_rank import Leaves, leaves_of, spread_of

__all__ = ["Hidden", "em_step", "regression_em"]

_MOST_ROUNDS = 5_000
_CLOSE = 1e-7
_MOST_CERTAIN = 1.0 - 1e-9


class Hidden(NamedTuple):
    """What is not seen.

    Parameters
    ----------
    looked : shape (K,)
        Chance that each rank is looked at.
    liked : shape (L,)
        Chance that a document of each leaf is clicked once it is looked at.
    """

    looked: FloatArray
    liked: FloatArray

    @property
    def logs(self) -> FloatArray:
        """Logarithms of the propensities relative to rank 1."""
        return np.asarray(np.log(self.looked / self.looked[0]))


def regression_em(
    counts: RankCounts,
    *,
    max_rank: int = MAX_RANK,
    share_last: bool = True,
    precision: float = PRECISION,
    level: float = 0.95,
) -> Propensities:
    """Estimate propensities by regression EM; an :class:`.base.Estimator`.

    It assumes that documents of one leaf are, on average, equally relevant at whichever rank they
    are seen.
    """
    table = tabulate(counts, max_rank=max_rank, share_last=share_last)
    check_ranks_compare(table, precision=precision, level=level)
    leaves = leaves_of(table)
    n, c = leaves.sums(table.n), leaves.sums(table.c)
    hidden = _converged(n, c)
    found = propensities_of(
        hidden.logs,
        _contributions(table, leaves, hidden),
        level=level,
        last_is_shared=share_last,
    )
    check_intervals(found, table, precision=precision)
    return found


def em_step(n: FloatArray, c: FloatArray, hidden: Hidden) -> Hidden:
    """One round: fill in what is hidden, and average it.

    The likelihood of the clicks never falls.

    Parameters
    ----------
    n, c : shape (L, K)
        Impressions and clicks of each leaf at each rank.
    """
    looked, liked = hidden.looked[None, :], hidden.liked[:, None]
    nothing = (n - c) / (1.0 - np.minimum(looked * liked, _MOST_CERTAIN))
    looked_at = c + nothing * looked * (1.0 - liked)
    was_liked = c + nothing * liked * (1.0 - looked)
    return Hidden(
        looked=looked_at.sum(axis=0) / n.sum(axis=0),
        liked=was_liked.sum(axis=1) / n.sum(axis=1),
    )


def _converged(n: FloatArray, c: FloatArray) -> Hidden:
    hidden = Hidden(np.full(n.shape[1], 0.5), np.full(n.shape[0], 0.5))
    for _ in range(_MOST_ROUNDS):
        before, hidden = hidden, em_step(n, c, hidden)
        if np.abs(hidden.logs - before.logs).max() < _CLOSE:
            break
    return hidden


def _contributions(table: RankTable, leaves: Leaves, hidden: Hidden) -> Contributions:
    """What each pair adds to the logarithms: the score of clicks with chance θ γ, solved.

    The variance counts that documents of a leaf differ, which moves the logarithms as much as
    chance does.
    """
    chance = np.minimum(np.outer(hidden.liked, hidden.looked), _MOST_CERTAIN)[leaves.of_pair]
    rest = (table.c - table.n * chance) / (1.0 - chance)
    fitted = table.n * chance / (1.0 - chance)
    both = leaves.sums(fitted)
    information = Information(ranks=np.diag(both.sum(axis=0)), both=both, leaves=both.sum(axis=1))
    of_rank, of_leaf = information.solved()
    of_pair = of_leaf[leaves.of_pair]
    total = fitted.sum(axis=1, keepdims=True)
    pulled = fitted @ of_rank.T + of_pair * total
    by_chance = fitted @ np.square(of_rank).T + of_pair * (2.0 * pulled - of_pair * total)
    seen = chance.max(axis=1) > 0.0
    spread = spread_of(table.c[seen].sum(axis=1), (table.n * chance)[seen].sum(axis=1))
    return Contributions(
        cluster=table.cluster,
        influence=rest @ of_rank.T + of_pair * rest.sum(axis=1, keepdims=True),
        variance=np.maximum(by_chance, 0.0) + spread * np.square(pulled),
    )
