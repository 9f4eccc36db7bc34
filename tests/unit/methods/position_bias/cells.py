"""Counts, written down or simulated, for the tests of position bias."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from desirepath.methods.position_bias.base import Estimator, RankCounts
from desirepath.methods.position_bias.coec import propensities_by_coec
from desirepath.methods.position_bias.harvesting import harvest
from desirepath.methods.position_bias.regression_em import regression_em
from desirepath.methods.position_bias.tables import RankTable
from desirepath.testing.clicked_lists import Traffic, simulate_clicks, simulate_lists

ESTIMATORS: Mapping[str, Estimator] = {
    "harvesting": harvest,
    "regression EM": regression_em,
    "COEC": propensities_by_coec,
}


def counted(entries: Sequence[tuple[int, int, int, int, int]]) -> RankCounts:
    """Write down (pair, cluster, rank, n, c)."""
    columns = np.array(entries, np.int64).reshape(-1, 5).T
    return RankCounts(
        pair=columns[0], cluster=columns[1], rank=columns[2], n=columns[3], c=columns[4]
    )


def queries_alike(cells: Sequence[tuple[int, int, int]], n_queries: int = 20) -> RankCounts:
    """Repeat one document's cells, (rank, n, c), as the only document of many queries."""
    return counted([(q, q, *cell) for q in range(n_queries) for cell in cells])


def table_of(n: Sequence[Sequence[int]], c: Sequence[Sequence[int]]) -> RankTable:
    """Lay pairs out, each of a query of its own."""
    return RankTable(cluster=np.arange(len(n)), n=np.array(n, float), c=np.array(c, float))


def simulated(
    examination: NDArray[np.float64],
    seed: int,
    n_lists: int = 5_000,
    traffic: Traffic | None = None,
) -> RankCounts:
    """Count simulated clicks."""
    rng = np.random.default_rng(seed)
    lists = simulate_lists(n_lists, rng, traffic)
    return lists.counts(simulate_clicks(lists, examination, rng))


def rearranged(counts: RankCounts, order: NDArray[np.int64]) -> RankCounts:
    """Take entries in another order."""
    return RankCounts(
        pair=counts.pair[order],
        cluster=counts.cluster[order],
        rank=counts.rank[order],
        n=counts.n[order],
        c=counts.c[order],
    )


def joined(*parts: RankCounts) -> RankCounts:
    """Put entries behind others."""
    return RankCounts(
        pair=np.concatenate([part.pair for part in parts]),
        cluster=np.concatenate([part.cluster for part in parts]),
        rank=np.concatenate([part.rank for part in parts]),
        n=np.concatenate([part.n for part in parts]),
        c=np.concatenate([part.c for part in parts]),
    )


def apart(counts: RankCounts) -> RankCounts:
    """Give other documents of other queries the same counts."""
    return RankCounts(
        pair=counts.pair + 10**6,
        cluster=counts.cluster + 10**6,
        rank=counts.rank,
        n=counts.n,
        c=counts.c,
    )
