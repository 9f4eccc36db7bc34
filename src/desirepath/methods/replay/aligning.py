"""How well an order agrees with what people did, and what it moved against another order."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from msgspec import Struct

from desirepath.domain.benchmark_outcome import (
    CUTOFFS,
    PRIMARY_CUTOFF,
    TOLERANCE,
    AlignmentMetrics,
)
from desirepath.methods.levels import FloatArray, IntArray
from desirepath.methods.replay.measures import ndcg_by_session, recall_by_session
from desirepath.methods.replay.reactions import BoolArray, Reactions

__all__ = ["Measured", "align", "measure"]


class Measured(Struct, frozen=True, kw_only=True, eq=False):
    """An order, measured by each session. V of them, R documents.

    Parameters
    ----------
    ranks : shape (R,)
        Where it has each document; one below the deepest that is looked at where it does not.
    succeeded : shape (V,)
        The sessions that count: none of its searches failed.
    ndcg, recall : shape (V,) each
        By cutoff; meaningless where the session does not count.
    """

    ranks: IntArray
    succeeded: BoolArray
    ndcg: Mapping[int, FloatArray]
    recall: Mapping[int, FloatArray]


def measure(reactions: Reactions, ranks: IntArray, succeeded: BoolArray) -> Measured:
    """Measure an order by each session, at all cutoffs."""
    return Measured(
        ranks=ranks,
        succeeded=succeeded,
        ndcg={k: ndcg_by_session(reactions, ranks, k) for k in CUTOFFS},
        recall={k: recall_by_session(reactions, ranks, k) for k in CUTOFFS},
    )


def align(reactions: Reactions, order: Measured, baseline: Measured) -> AlignmentMetrics:
    """Sum up an order over the sessions that count.

    nDCG and recall are means over sessions, ranks over documents. What is said against the
    baseline is of the sessions in which it did not fail either. Where nothing counts, all is 0.
    """
    own = order.succeeded
    documents = own[reactions.sessions_of_documents]
    both = own & baseline.succeeded
    shared = both[reactions.sessions_of_documents]
    moved = (order.ranks - baseline.ranks)[shared]
    change = (order.ndcg[PRIMARY_CUTOFF] - baseline.ndcg[PRIMARY_CUTOFF])[both]
    improved, degraded = int((change > TOLERANCE).sum()), int((change < -TOLERANCE).sum())
    bought = documents & reactions.purchased
    return AlignmentMetrics(
        ndcg_at_k={str(k): _mean(values[own]) for k, values in order.ndcg.items()},
        recall_at_k={str(k): _mean(values[own]) for k, values in order.recall.items()},
        mean_rank_clicked=_mean(order.ranks[documents]),
        mean_rank_purchased=_mean(order.ranks[bought]) if bought.any() else None,
        avg_position_delta=_mean(moved),
        items_promoted=int((moved < 0).sum()),
        items_demoted=int((moved > 0).sum()),
        sessions_improved=improved,
        sessions_degraded=degraded,
        sessions_neutral=len(change) - improved - degraded,
    )


def _mean(values: FloatArray | IntArray) -> float:
    return float(np.mean(values)) if len(values) else 0.0
