"""Stage ``popularity_boost``: raises what many people reacted to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta

from desirepath.domain.interaction import InteractionType
from desirepath.domain.stage_kinds.base import Parameters, StageKind, StageType, read_struct

__all__ = ["POPULARITY_BOOST", "PopularityBoostParameters", "read_popularity_boost"]

_OTHER_NAMES = {"time_window_days": "window_days", "boost_multiplier": "multiplier"}


class PopularityBoostParameters(Parameters, frozen=True, kw_only=True):
    """Raise scores by how many people reacted."""

    interaction_types: Annotated[
        tuple[InteractionType, ...],
        Meta(min_length=1, max_length=22, description="What counts as a reaction."),
    ] = (InteractionType.CLICK, InteractionType.ADD_TO_CART, InteractionType.PURCHASE)
    window_days: Annotated[
        int, Meta(ge=1, le=3_650, description="How far back; time_window_days is another name.")
    ] = 30
    multiplier: Annotated[
        float,
        Meta(
            ge=1,
            le=100,
            description="What the score of the most popular document is multiplied with; 1 changes "
            "nothing. boost_multiplier is another name.",
        ),
    ] = 1.5

    @property
    def types(self) -> tuple[str, ...]:
        """The types without repeats."""
        return tuple(dict.fromkeys(type.value for type in self.interaction_types))


def read_popularity_boost(plain: Mapping[str, Any], lenient: bool) -> PopularityBoostParameters:
    """Read the parameters, by either of their names.

    Raises
    ------
    InvalidRetriever
        See :func:`~desirepath.domain.stage_kinds.base.read_struct`.

    Examples
    --------
    >>> read_popularity_boost({"time_window_days": 7, "boost_multiplier": 2}, False).window_days
    7
    """
    values = dict(plain)
    for other, name in _OTHER_NAMES.items():
        if other in values:
            values.setdefault(name, values.pop(other))
    return read_struct(values, PopularityBoostParameters, lenient)


POPULARITY_BOOST = StageKind(
    stage_id="popularity_boost",
    stage_type=StageType.SORT,
    parameters=PopularityBoostParameters,
    read=read_popularity_boost,
    description="Raises the scores of documents that many people reacted to lately, and orders by "
    "them. A person counts once for a document.",
    icon="trending-up",
    use_cases=("What sells goes up", "What is read this week goes up"),
    example={"interaction_types": ["purchase"], "window_days": 7, "multiplier": 2.0},
    reads_documents=False,
)
