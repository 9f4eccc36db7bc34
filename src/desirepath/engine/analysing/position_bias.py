"""What position does to clicks: how likely each rank is looked at, relative to the first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from desirepath.analysis.rank_counts import rank_counts
from desirepath.domain.grouping import Grouping, group_name
from desirepath.engine.analysing.part import Part
from desirepath.engine.analysing.position_rates import Propensity
from desirepath.engine.analysing.propensities import (
    BiasEstimate,
    GroupBias,
    PositionBias,
    RankPropensity,
    RankRate,
)
from desirepath.engine.reporting import wilson_rate
from desirepath.errors import NotEnoughData
from desirepath.methods.position_bias.agreement import agreement
from desirepath.methods.position_bias.base import Estimator, Propensities, RankCounts
from desirepath.methods.position_bias.coec import propensities_by_coec
from desirepath.methods.position_bias.groups import differences_between
from desirepath.methods.position_bias.harvesting import harvest
from desirepath.methods.position_bias.regression_em import regression_em

__all__ = ["ESTIMATORS", "position_bias", "propensity_of"]

ESTIMATORS: Mapping[str, Estimator] = {
    "intervention_harvesting": harvest,
    "regression_em": regression_em,
    "clicks_over_expected_clicks": propensities_by_coec,
}
"""The first is the one to use; the others rest on more, and check it."""

_WORDS = {
    "intervention_harvesting": "Intervention harvesting",
    "regression_em": "regression EM",
    "clicks_over_expected_clicks": "clicks over expected clicks",
}
_FIRST = next(iter(ESTIMATORS))


def position_bias(
    part: Part,
    grouping: Grouping | None = None,
    *,
    by_length: bool = False,
    max_rank: int = 10,
    precision: float = 0.1,
    estimators: Mapping[str, Estimator] = ESTIMATORS,
) -> PositionBias:
    """Estimate it for each retriever, and for each group of its lists.

    Parameters
    ----------
    grouping, by_length
        What lists are told apart by beside their retriever: a field of theirs, or their length.
    max_rank
        Ranks that are told apart; the last stands for all that follow.
    precision
        The widest interval to answer with, as ± on a propensity.
    """
    counted = part.log.counted
    cells = part.engine.arrow(rank_counts(counted, grouping, by_length=by_length))
    groups = []
    found: dict[str, dict[str, Propensities]] = {}
    for retriever_id, group, rows in _groups(cells):
        name = group if by_length else group_name(group, grouping)
        counts = _coded(rows)
        estimates = {
            estimator: _estimate(estimate, counts, max_rank, precision)
            for estimator, estimate in estimators.items()
        }
        good = {k: v for k, v in estimates.items() if isinstance(v, Propensities)}
        if _FIRST in good:
            found.setdefault(retriever_id or "", {})[name or "other"] = good[_FIRST]
        groups.append(
            GroupBias(
                retriever_id=retriever_id,
                group=name,
                impressions=int(counts.n.sum()),
                clicks=int(counts.c.sum()),
                rates=_rates(counts, max_rank),
                estimates=tuple(_answer(k, v) for k, v in estimates.items()),
                agreement=tuple(_agreement(good)),
            )
        )
    sentences = [
        difference.sentence
        for named in found.values()
        if len(named) > 1
        for difference in differences_between(named)
    ]
    return PositionBias(
        groups=tuple(sorted(groups, key=lambda one: -one.impressions)),
        differences=tuple(sentences),
        max_rank=max_rank,
        n_flagged=part.n_flagged,
        flagged_share=part.flagged_share,
        note=None if groups else "No impression counts: send executions, or impressions.",
    )


def propensity_of(part: Part) -> Propensity | None:
    """How likely each position of a retriever's lists is looked at, by the estimator to use.

    None where the part of the log is of several retrievers, or does not say.
    """
    bias = position_bias(part, estimators={_FIRST: ESTIMATORS[_FIRST]})
    if len(bias.groups) != 1 or not bias.groups[0].estimates[0].ranks:
        return None
    estimate = bias.groups[0].estimates[0]

    def of_position(position: int) -> RankPropensity | None:
        if position < len(estimate.ranks):
            return estimate.ranks[position]
        return estimate.ranks[-1] if estimate.last_is_shared else None

    return of_position


def _groups(cells: pa.Table) -> Iterator[tuple[str | None, str, pa.Table]]:
    keys = cells.group_by(["retriever_id", "group"]).aggregate([]).to_pylist()
    for key in keys:
        retriever_id, group = key["retriever_id"], key["group"]
        of_retriever = (
            pc.is_null(cells["retriever_id"])
            if retriever_id is None
            else pc.equal(cells["retriever_id"], retriever_id)
        )
        is_theirs = pc.and_(pc.fill_null(of_retriever, False), pc.equal(cells["group"], group))
        yield retriever_id, group, cells.filter(is_theirs)


def _coded(rows: pa.Table) -> RankCounts:
    query = _codes(rows["query"])
    document = _codes(rows["document_id"])
    pair = query * (int(document.max(initial=0)) + 1) + document
    # Without a query it is the document that may make clicks alike.
    cluster = np.where(query > 0, query, query.max(initial=0) + 1 + document)
    return RankCounts(
        pair=pair,
        cluster=cluster,
        rank=rows["rank"].to_numpy().astype(np.int64),
        n=rows["n"].to_numpy().astype(np.int64),
        c=rows["c"].to_numpy().astype(np.int64),
    )


def _codes(column: pa.ChunkedArray) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Numbers for texts, from 1; 0 for none."""
    indices = column.combine_chunks().dictionary_encode().indices
    codes: np.ndarray[tuple[int], np.dtype[np.int64]] = (
        pc.fill_null(indices, -1).to_numpy(zero_copy_only=False).astype(np.int64) + 1
    )
    return codes


def _estimate(
    estimate: Estimator, counts: RankCounts, max_rank: int, precision: float
) -> Propensities | NotEnoughData:
    try:
        return estimate(counts, max_rank=max_rank, precision=precision)
    except NotEnoughData as error:
        return error


def _answer(name: str, found: Propensities | NotEnoughData) -> BiasEstimate:
    if isinstance(found, NotEnoughData):
        return BiasEstimate(
            estimator=name,
            refusal=found.message,
            missing=found.what,
            needed=found.needed,
            found=found.found,
        )
    numbers = zip(found.values, found.lower, found.upper, strict=True)
    ranks = (
        RankPropensity(rank=at, propensity=float(value), low=float(low), high=float(high))
        for at, (value, low, high) in enumerate(numbers, 1)
    )
    return BiasEstimate(estimator=name, ranks=tuple(ranks), last_is_shared=found.last_is_shared)


def _agreement(good: Mapping[str, Propensities]) -> Iterator[str]:
    names = list(good)
    for name in names[1:]:
        checked = agreement(good[names[0]], good[name])
        yield f"{_WORDS[names[0]]} and {_WORDS[name]}: {checked.sentence}"


def _rates(counts: RankCounts, max_rank: int) -> tuple[RankRate, ...]:
    """What is clicked at each rank, uncorrected."""
    rank = np.minimum(counts.rank, max_rank)
    n = np.bincount(rank, counts.n, max_rank + 1).astype(np.int64)
    c = np.bincount(rank, counts.c, max_rank + 1).astype(np.int64)
    return tuple(
        RankRate(rank=at, click_through=wilson_rate(int(c[at]), int(n[at])))
        for at in range(1, max_rank + 1)
        if n[at]
    )
