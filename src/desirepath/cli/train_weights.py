"""``desirepath train weights``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
import msgspec
from rich.console import RenderableType

from desirepath.cli.model_figures import left_out, with_interval
from desirepath.cli.tables import clean, heading, nothing, table_of
from desirepath.cli.training import Training, train_and_print, training_options
from desirepath.extras import needs_extra

if TYPE_CHECKING:
    from desirepath.engine.training.fusion_report import WeightsReport

__all__ = ["train_weights_command"]


@click.command("weights")
@click.argument("name")
@training_options
@click.option(
    "--dataset", metavar="ID_OR_NAME", help="Judgments to learn from.  [default: the log]"
)
@click.option("--metric", type=click.Choice(["ndcg", "mrr"]), default="ndcg", show_default=True)
@click.option("--k", type=click.IntRange(1, 1_000), default=10, show_default=True)
@click.option(
    "--gain",
    type=click.Choice(["linear", "exponential"]),
    default="exponential",
    show_default=True,
    help="What a grade is worth: the grade, or 2^grade − 1.",
)
@click.option(
    "--folds",
    type=click.IntRange(2, 20),
    default=5,
    show_default=True,
    help="Parts of the queries, each of which is held out once.",
)
@click.option(
    "--most-lists",
    type=click.IntRange(100, 100_000),
    default=5_000,
    show_default=True,
    help="Of the log: the last searches.",
)
@click.option(
    "--starts",
    type=click.IntRange(1, 20),
    default=2,
    show_default=True,
    help="Searches for the best weights, from different beginnings.",
)
def train_weights_command(training: Training, **chosen: object) -> None:
    """Find the fusion weights that are best for a retriever, as the next version of model NAME.

    They are measured on queries that they were not found with, beside equal weights, rrf, what the
    retriever serves, and each feature alone. A gate decides whether they serve.
    """
    with needs_extra("train"):
        from desirepath.engine.training.fusion_weights import WeightSettings, train_weights
    wanted = msgspec.convert({**chosen, "seed": training.seed}, WeightSettings)
    train_and_print(training, train_weights, wanted, _render)


def _render(report: WeightsReport) -> Iterator[RenderableType]:
    yield nothing(report.verdict)
    yield heading(
        f"{report.measure} of {report.n_queries:,} queries, each held out once",
        f"{report.n_lists:,} lists with {report.n_candidates:,} candidates, from {report.source}",
    )
    measured = table_of("fused by", f"{report.measure}>", "the weights are above it by>")
    measured.add_row("the weights", with_interval(report.held_out, ".4f"), "")
    for one in report.others:
        value, behind = with_interval(one.value, ".4f"), with_interval(one.behind, "+.4f")
        measured.add_row(clean(one.name), value, behind)
    yield measured
    yield heading("Weights", "and those found without each fold")
    found = table_of("feature", "weight>", "folds>")
    for uri, weight in report.weights.items():
        folds = [fold[uri] for fold in report.of_folds]
        found.add_row(clean(uri), f"{weight:.3f}", f"{min(folds):.3f} to {max(folds):.3f}")
    yield found
    yield nothing(
        f"with the weights of all queries it is {report.in_sample:.4f}, which is too good; "
        f"{report.n_skipped:,} left out; seed {report.seed}"
    )
    for note in report.notes:
        yield nothing(note)
    yield from left_out(report)
