"""``desirepath train ranker``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
from rich.console import RenderableType

from desirepath.cli.figures import FigureFiles, figure_options
from desirepath.cli.model_figures import (
    chosen_features,
    importance_table,
    interval_of,
    left_out,
    with_interval,
)
from desirepath.cli.tables import heading, nothing, table_of
from desirepath.cli.training import (
    Training,
    feature_options,
    test_share_option,
    train_and_print,
    training_options,
)
from desirepath.extras import needs_extra

if TYPE_CHECKING:
    from desirepath.engine.training.ranker import RankerReport

__all__ = ["train_ranker_command"]


@click.command("ranker")
@click.argument("name")
@training_options
@test_share_option
@feature_options
@figure_options
@click.option("-k", type=click.IntRange(1, 1000), default=10, show_default=True, help="Of nDCG@k.")
@click.option(
    "--grades",
    type=click.Choice(["graded", "binary"]),
    default="graded",
    show_default=True,
    help="graded: 1 a click, 2 a reward from 2, 3 from 5. binary: 1 any reward above 0.",
)
@click.option(
    "--gain",
    type=click.Choice(["exponential", "linear"]),
    default="exponential",
    show_default=True,
    help="What a grade is worth: 2^grade - 1, or the grade.",
)
@click.option(
    "--keep-position-bias", is_flag=True, help="Do not take out that people look at the top more."
)
@click.option("--matrix", metavar="FILE", help="Write what is learned from too; - is stdout.")
@click.option(
    "--matrix-format",
    type=click.Choice(["libsvm", "parquet"]),
    default="libsvm",
    show_default=True,
    help="libsvm has qid, as SVMrank and RankLib read it.",
)
def train_ranker_command(
    training: Training,
    test_share: float,
    features: tuple[str, ...],
    without: tuple[str, ...],
    half_life_days: float,
    k: int,
    grades: str,
    gain: str,
    keep_position_bias: bool,
    matrix: str | None,
    matrix_format: str,
    files: FigureFiles,
) -> None:
    """Train a ranker from the log and store it as the next version of model NAME.

    It is measured on the last lists, from which it does not learn, beside orders that need no
    learning. Features are as of the time of each search: nothing that came later is seen.
    """
    with needs_extra("train"):
        from desirepath.engine.training.matrix import Grading
        from desirepath.engine.training.matrix_files import MatrixFormat, write_matrix
        from desirepath.engine.training.ranker import RankerSettings, train_ranker
        from desirepath.methods.ranking.metrics import Gain
        from desirepath.methods.ranking.trees import TreeSettings
    wanted = RankerSettings(
        features=chosen_features(RankerSettings().features, features, without),
        test_share=test_share,
        half_life_days=half_life_days,
        k=k,
        grading=Grading(grades),
        gain=Gain(gain),
        is_position_debiased=not keep_position_bias,
        trees=TreeSettings(seed=training.seed),
    )
    trained = train_and_print(training, train_ranker, wanted, _render, files)
    if matrix is not None:
        write_matrix(trained.matrix, matrix, MatrixFormat(matrix_format))


def _render(report: RankerReport) -> Iterator[RenderableType]:
    yield heading(
        f"nDCG@{report.k} on the last {report.n_test_lists:,} lists",
        f"from {report.test_from[:16]}; learned from {report.n_train_lists:,} lists with a grade",
    )
    table = table_of("order", "nDCG>", "95 % interval>", "the ranker is ahead by>")
    for one in report.measured:
        ahead = "" if one.behind is None else with_interval(one.behind, "+.3f")
        table.add_row(one.words, f"{one.ndcg.mean:.4f}", interval_of(one.ndcg), ahead)
    yield table
    yield nothing(report.verdict)
    yield nothing(
        f"{report.gain.value} gain of {report.grading.value} grades; lists without a grade do not "
        f"count; seed {report.seed}; {report.n_trees} trees; position bias "
        f"{'taken out' if report.is_position_debiased else 'left in'}"
    )
    yield from left_out(report)
    yield heading("Features", "what nDCG loses when a feature's values are dealt out anew")
    yield importance_table(report.importances)
