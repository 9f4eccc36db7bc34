"""What a ranker has to beat: orders that need no learning."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from desirepath.methods.ranking.matrix import UNKNOWN_POSITION, FloatArray, IntArray, Matrix

__all__ = ["Baseline", "baseline_scores", "document_counts", "random_scores"]

_MORE_CLICKS, _MORE_IMPRESSIONS = 1.0, 5.0


class Baseline(StrEnum):
    """An order without a model."""

    SHOWN = "shown"
    """As the list was shown."""
    RANDOM = "random"
    """By chance; the mean of many drawn orders."""
    POPULARITY = "popularity"
    """By clicks on the document among the lists that were learned from."""
    ITEM_CTR = "item_ctr"
    """By (clicks + 1) / (impressions + 5) of the document among those lists."""


def baseline_scores(baseline: Baseline, learned_from: Matrix, matrix: Matrix) -> FloatArray | None:
    """Scores of each row, shape (n_rows,); equal ones stay in the order of the rows.

    None where the lists do not say what it takes: which documents they have, or where those stood.
    ``RANDOM`` has no scores here, see :func:`random_scores`.
    """
    match baseline:
        case Baseline.SHOWN:
            is_known = not (matrix.positions == UNKNOWN_POSITION).any()
            return -matrix.positions.astype(np.float64) if is_known else None
        case Baseline.RANDOM:
            return None
    counted = document_counts(learned_from, matrix)
    if counted is None:
        return None
    clicks, impressions = counted
    if baseline is Baseline.POPULARITY:
        return clicks
    return (clicks + _MORE_CLICKS) / (impressions + _MORE_IMPRESSIONS)


def random_scores(matrix: Matrix, *, seed: int, round: int) -> FloatArray:
    """Scores by chance, others in each round."""
    return np.random.default_rng([seed, round]).random(matrix.n_rows)


def document_counts(learned_from: Matrix, matrix: Matrix) -> tuple[FloatArray, FloatArray] | None:
    """Clicks on and impressions of the document of each row of the matrix, in the earlier lists."""
    earlier, later = learned_from.document_ids, matrix.document_ids
    if earlier is None or later is None:
        return None
    document_to_code: dict[str, int] = {}
    for id in earlier:
        document_to_code.setdefault(id, len(document_to_code))
    n = len(document_to_code)
    codes: IntArray = np.fromiter((document_to_code[id] for id in earlier), np.int64, len(earlier))
    impressions = np.append(np.bincount(codes, minlength=n), 0)
    clicks = np.append(np.bincount(codes[learned_from.grades > 0], minlength=n), 0)
    at: IntArray = np.fromiter((document_to_code.get(id, n) for id in later), np.int64, len(later))
    return clicks[at].astype(np.float64), impressions[at].astype(np.float64)
