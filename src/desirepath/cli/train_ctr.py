"""``desirepath train ctr``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
from rich.console import RenderableType

from desirepath.cli.figures import FigureFiles, figure_options
from desirepath.cli.model_figures import chosen_features, importance_table, left_out, with_interval
from desirepath.cli.tables import bar, heading, nothing, percent, table_of
from desirepath.cli.training import (
    Training,
    feature_options,
    test_share_option,
    train_and_print,
    training_options,
)
from desirepath.extras import needs_extra

if TYPE_CHECKING:
    from desirepath.engine.training.ctr_report import CtrReport

__all__ = ["train_ctr_command"]

_WIDTH = 24  # of bars


@click.command("ctr")
@click.argument("name")
@training_options
@test_share_option
@feature_options
@figure_options
@click.option(
    "--keep-position-bias",
    is_flag=True,
    help="Features that are rates count every document as looked at.",
)
def train_ctr_command(
    training: Training,
    test_share: float,
    features: tuple[str, ...],
    without: tuple[str, ...],
    half_life_days: float,
    keep_position_bias: bool,
    files: FigureFiles,
) -> None:
    """Train how likely a document of a list is clicked, as the next version of model NAME.

    It has the features of rankers. Its chances are calibrated on lists that the trees do not see,
    and measured on the last lists, beside rates that need no learning.
    """
    with needs_extra("train"):
        from desirepath.engine.training.ctr import train_ctr
        from desirepath.engine.training.list_models import ListModelSettings
        from desirepath.methods.ranking.trees import TreeSettings
    wanted = ListModelSettings(
        features=chosen_features(ListModelSettings().features, features, without),
        test_share=test_share,
        half_life_days=half_life_days,
        is_position_debiased=not keep_position_bias,
        trees=TreeSettings(seed=training.seed),
    )
    train_and_print(training, train_ctr, wanted, _render, files)


def _render(report: CtrReport) -> Iterator[RenderableType]:
    yield heading(
        f"Chances of a click, on the last {report.n_test_lists:,} lists",
        f"from {report.test_from[:16]}; learned from {report.n_train_lists:,}",
    )
    yield nothing(
        f"{report.n_test_impressions:,} documents, {percent(report.test_click_rate)} clicked"
    )
    losses = table_of("chances by", "log loss>", "Brier>", "the model is ahead by>")
    rest = table_of("", "AUC>", "calibration error>")
    for one in report.measured:
        measures = one.measures
        losses.add_row(
            one.words,
            with_interval(measures.log_loss, ".4f"),
            f"{measures.brier.mean:.4f}",
            "" if one.behind is None else with_interval(one.behind, "+.4f"),
        )
        rest.add_row(
            one.words,
            with_interval(measures.auc, ".3f"),
            with_interval(measures.calibration_error, ".3f"),
        )
    yield losses
    yield rest
    yield nothing(report.verdict)
    yield nothing(
        f"95 % intervals of resampled lists; ahead by log loss; seed {report.seed}; "
        f"{report.n_trees} trees"
    )
    yield from left_out(report)
    yield heading("Reliability", "of ten parts with about as many documents each")
    bins = table_of("foretold>", "clicked>", "95 % interval>", "documents>", "")
    most = max(one.rate for one in report.reliability) or 1.0
    for one_bin in report.reliability:
        is_right = one_bin.low <= one_bin.predicted <= one_bin.high
        bins.add_row(
            f"{one_bin.predicted:.1%}",
            f"{one_bin.rate:.1%}",
            f"{one_bin.low:.1%} to {one_bin.high:.1%}",
            f"{one_bin.of:,}",
            bar(one_bin.rate / most, _WIDTH).append("" if is_right else "  outside"),
        )
    yield bins
    yield heading("Features", "what the log likelihood loses when a feature is dealt out anew")
    yield importance_table(report.importances)
