"""The constants that the features of a new model depend on, from the log it learns from."""

from __future__ import annotations

from collections.abc import Sequence

from ibis.expr.types import Table
from msgspec.structs import replace

from desirepath.analysis.ranking_features import value_shares
from desirepath.domain.ranking_features import FeatureKind, FeatureLayout, read_ranking_feature
from desirepath.engine.analysing.asking import OpenLog
from desirepath.engine.analysing.part import Part
from desirepath.engine.analysing.position_bias import propensity_of
from desirepath.engine.training.document_fields import DocumentTables
from desirepath.errors import InvalidSetting

__all__ = ["USUAL_FEATURES", "propensities_of", "read_layout", "with_shares"]

USUAL_FEATURES = (
    "rank",
    "document_score",
    "ctr",
    "ctr_of_pair",
    "popularity",
    "exposure",
    "days_since_click",
    "days_known",
)
"""What every log of executions has."""

_DEEPEST = 50
_MOST_VALUES = 100_000  # of one field: some 10 MB of a model


def read_layout(
    names: Sequence[str],
    *,
    retriever_id: str | None,
    half_life_days: float = 30.0,
    smoothing: float = 5.0,
    propensities: Sequence[float] = (1.0,),
) -> FeatureLayout:
    """A layout of features that were asked for by name, without the shares of values.

    Raises
    ------
    InvalidSetting
        There is none, one is named twice, or a name is that of no feature.
    """
    if not names:
        raise InvalidSetting("A ranker needs at least one feature.", ("features",))
    if len(set(names)) < len(names):
        raise InvalidSetting("A feature is named twice.", ("features",))
    if not (half_life_days > 0 and smoothing > 0):
        raise InvalidSetting("half_life_days and smoothing are above 0.", ("half_life_days",))
    return FeatureLayout(
        names=tuple(read_ranking_feature(name).name for name in names),
        retriever_id=retriever_id,
        half_life_days=half_life_days,
        smoothing=smoothing,
        propensities=tuple(propensities),
    )


def propensities_of(part: Part) -> tuple[float, ...]:
    """How likely positions are examined; ``(1.0,)`` where the log cannot tell."""
    of_position = propensity_of(part)
    if of_position is None:
        return (1.0,)
    found = []
    for position in range(_DEEPEST):
        one = of_position(position)
        if one is None:
            break
        found.append(one.propensity)
    while len(found) > 1 and found[-1] == found[-2]:
        found.pop()
    return tuple(found) or (1.0,)


def with_shares(
    opened: OpenLog, layout: FeatureLayout, exposures: Table, documents: DocumentTables
) -> FeatureLayout:
    """The layout with the share of exposures of each value, the most frequent ones of a field."""
    paths = layout.arguments(FeatureKind.USER_AFFINITY, FeatureKind.SESSION_AFFINITY)
    if documents.values is None:
        return layout
    rows = opened.engine.arrow(value_shares(exposures, documents.values)).to_pylist()
    rows.sort(key=lambda row: (-row["share"], row["value"]))
    shares: dict[str, dict[str, float]] = {path: {} for path in paths}
    for row in rows:
        of_path = shares[row["path"]]
        if len(of_path) < _MOST_VALUES and row["share"] > 0:
            of_path[row["value"]] = row["share"]
    return replace(layout, value_shares=shares)
