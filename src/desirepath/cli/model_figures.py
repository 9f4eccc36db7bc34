"""What commands that train models have in common: which features, and how figures are printed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from rich.table import Table
from rich.text import Text

from desirepath.cli.tables import nothing, percent, table_of
from desirepath.errors import InvalidSetting

if TYPE_CHECKING:
    from desirepath.methods.ranking.comparing import MeanEstimate
    from desirepath.methods.ranking.importance import Importance

__all__ = ["chosen_features", "importance_table", "interval_of", "left_out", "with_interval"]


class Flagged(Protocol):
    """A report that says who was left out."""

    @property
    def n_flagged(self) -> int: ...
    @property
    def flagged_share(self) -> float: ...


_MOST_FEATURES = 20  # that are printed


def chosen_features(
    usual: tuple[str, ...], more: tuple[str, ...], without: tuple[str, ...]
) -> tuple[str, ...]:
    """The usual features and more, without some.

    Raises
    ------
    InvalidSetting
        One that is to be left out is not there.
    """
    names = tuple(dict.fromkeys([*usual, *more]))
    unknown = set(without) - set(names)
    if unknown:
        raise InvalidSetting("--without names a feature that is not there.", ("without",))
    return tuple(name for name in names if name not in without)


def importance_table(importances: Sequence[Importance]) -> Table:
    """Features, the most important first."""
    features = table_of("feature", "has a value>", "share of gain>", "loss>")
    for feature in importances[:_MOST_FEATURES]:
        loss = "" if feature.loss is None else with_interval(feature.loss, ".3f")
        features.add_row(
            Text(feature.feature),
            percent(feature.coverage),
            percent(feature.gain_share),
            loss,
        )
    return features


def left_out(report: Flagged) -> Iterator[Text]:
    """Who was not learned from."""
    if report.n_flagged:
        yield nothing(
            f"{report.n_flagged:,} identities that look like robots are left out: "
            f"{percent(report.flagged_share)} of the interactions"
        )


def interval_of(one: MeanEstimate) -> str:
    return f"{one.low:.3f} to {one.high:.3f}"


def with_interval(one: MeanEstimate, form: str) -> str:
    return f"{one.mean:{form}} [{one.low:{form}}, {one.high:{form}}]"
