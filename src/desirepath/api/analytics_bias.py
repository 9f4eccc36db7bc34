"""Position bias."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from desirepath.api.analytics import ANALYTICS_ERRORS, TAG, ScopeQuery, asked
from desirepath.api.endpoint import Call, endpoint, read_query
from desirepath.domain.access import Access
from desirepath.domain.grouping import read_grouping
from desirepath.engine.analysing.propensities import PositionBias

__all__ = ["ENDPOINTS", "LENGTH"]

LENGTH = "result_set_size"


class BiasQuery(ScopeQuery, kw_only=True):
    """Which lists, and how they are told apart."""

    group_by: Annotated[
        str | None,
        Meta(
            description="Tell a retriever's lists apart by version, configuration, "
            "result_set_size (in bands) or metadata.PATH, such as metadata.device."
        ),
    ] = None
    max_rank: Annotated[
        int, Meta(ge=2, le=100, description="Ranks told apart; the last stands for what follows.")
    ] = 10
    precision: Annotated[
        float,
        Meta(gt=0, le=1, description="The widest interval to answer with, as ± on a propensity."),
    ] = 0.1


@endpoint(
    "GET",
    "/v1/analytics/position-bias",
    access=Access.READ,
    tag=TAG,
    query=BiasQuery,
    response=PositionBias,
    errors=ANALYTICS_ERRORS,
)
def get_position_bias(call: Call) -> object:
    """Estimate how likely each rank is looked at.

    For each retriever by three estimators, with intervals, whether they agree, and what is missing
    where they cannot say. Relative to rank 1. What they assume: docs/why/position-bias.md.
    """
    query = read_query(call.query_string, BiasQuery)
    by_length = query.group_by == LENGTH
    grouping = None
    if not by_length:
        grouping = read_grouping(query.group_by, ("retriever_id", "query", "day", "hour"))
    with asked(call, query) as part:
        from desirepath.engine.analysing.position_bias import position_bias

        return position_bias(
            part,
            grouping,
            by_length=by_length,
            max_rank=query.max_rank,
            precision=query.precision,
        )


ENDPOINTS = (get_position_bias,)
