"""How good a list is, known by those who made the products up; and the best that weights could do.

The measure is nDCG@10 with the gain ``2^grade - 1`` and the discount ``log2(rank + 1)``; documents
without a grade count 0.

References
----------
Järvelin & Kekäläinen (2002), Cumulated gain-based evaluation of IR techniques. Differs: the gain is
exponential, as in Burges et al. (2005), Learning to Rank using Gradient Descent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from desirepath.methods.fusion.candidates import Candidates
from desirepath.methods.fusion.learned import learned_scores
from desirepath.methods.levels import FloatArray

__all__ = ["PAGE", "Judge", "best_weights", "likes_all"]

PAGE = 10
"""Documents that count."""

_DISCOUNTS = 1.0 / np.log2(np.arange(2, PAGE + 2))
_STEPS = 5


def likes_all(query: str, document_id: str) -> float:
    """Judge by the grades alone."""
    return 1.0


class Judge:
    """Knows what documents are worth.

    Parameters
    ----------
    query_to_share
        How much each query counts in a mean over queries; they sum to 1.
    liking
        Factor on the gain of a query's document, for somebody with tastes.

    Examples
    --------
    >>> judge = Judge({"boots": {"a": 3, "b": 1}}, {"boots": 1.0})
    >>> judge.ndcg("boots", ["a", "b"]), round(judge.ndcg("boots", ["b", "a"]), 2)
    (1.0, 0.71)
    """

    def __init__(
        self,
        query_to_grades: Mapping[str, Mapping[str, int]],
        query_to_share: Mapping[str, float],
        liking: Callable[[str, str], float] = likes_all,
    ) -> None:
        self.query_to_grades = query_to_grades
        self.query_to_share = query_to_share
        self._liking = liking
        self._query_to_gains: dict[str, tuple[dict[str, float], float]] = {}

    def ndcg(self, query: str, document_ids: Sequence[str]) -> float:
        """Judge one list by its first ten."""
        gains, ideal = self._gains(query)
        found = [gains.get(document_id, 0.0) for document_id in document_ids[:PAGE]]
        return float(np.dot(found, _DISCOUNTS[: len(found)])) / ideal

    def of_weights(
        self, query_to_candidates: Mapping[str, Candidates], many: FloatArray
    ) -> FloatArray:
        """The mean over queries of learned fusion, for many weights at once.

        Parameters
        ----------
        many : shape (n, n_features)
            Weights.

        Returns
        -------
        FloatArray
            Shape (n,).
        """
        total = np.zeros(len(many))
        for query, share in self.query_to_share.items():
            candidates = query_to_candidates[query]
            gains, ideal = self._gains(query)
            worth = np.array([gains.get(id, 0.0) for id in candidates.document_ids])
            scores = learned_scores(candidates.levels, many[:, np.newaxis])
            best = np.argsort(-scores, axis=1, kind="stable")[:, :PAGE]
            total += share / ideal * (worth[best] @ _DISCOUNTS[: best.shape[1]])
        return total

    def _gains(self, query: str) -> tuple[dict[str, float], float]:
        known = self._query_to_gains.get(query)
        if known is None:
            gains = {
                id: (2.0**grade - 1.0) * self._liking(query, id)
                for id, grade in self.query_to_grades[query].items()
            }
            best = sorted(gains.values(), reverse=True)[:PAGE]
            known = gains, float(np.dot(best, _DISCOUNTS[: len(best)]))
            self._query_to_gains[query] = known
        return known


def best_weights(
    judge: Judge,
    query_to_candidates: Mapping[str, Candidates],
    n_features: int,
    n_draws: int = 2_000,
) -> tuple[FloatArray, float]:
    """The oracle: fixed weights found by looking at the grades, and what they are worth.

    The best of ``n_draws`` weights drawn at random, then of a tenth as many near the best, nearer
    each of four times; always the same draws. Nobody can know these weights, since they suit the
    very queries that they are judged by.

    Returns
    -------
    weights : shape (n_features,)
    value
        nDCG.
    """
    rng = np.random.default_rng(0)
    draws = rng.dirichlet(np.ones(n_features), n_draws)
    best, value = draws[0], -1.0
    for step in range(_STEPS):
        values = judge.of_weights(query_to_candidates, draws)
        if values.max() > value:
            best, value = draws[values.argmax()], float(values.max())
        near = 20.0 * 4.0**step
        draws = rng.dirichlet(best * near + 0.05, n_draws // 10)
    return best, value
