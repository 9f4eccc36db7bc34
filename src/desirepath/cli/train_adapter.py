"""``desirepath train adapter``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
import msgspec
from rich.console import RenderableType
from rich.text import Text

from desirepath.cli.model_figures import left_out, with_interval
from desirepath.cli.pair_options import pair_options
from desirepath.cli.tables import heading, nothing
from desirepath.cli.training import Training, train_and_print, training_options
from desirepath.extras import needs_extra

if TYPE_CHECKING:
    from desirepath.engine.training.adapter import AdapterReport

__all__ = ["train_adapter_command"]


@click.command("adapter")
@click.argument("name")
@training_options
@click.option("--index", required=True, metavar="NAME", help="The vector index that is searched.")
@pair_options
@click.option(
    "--most-documents",
    type=click.IntRange(100),
    default=50_000,
    show_default=True,
    help="That queries are searched in to measure.",
)
def train_adapter_command(training: Training, **chosen: object) -> None:
    """Learn from clicks to turn query vectors, as the next version of model NAME.

    It is measured on queries that it was not fitted to. One that surely gains something there may
    serve; another one is stored with its figures and held back.
    """
    with needs_extra("train"):
        from desirepath.engine.training.adapter import AdapterSettings, train_adapter
    wanted = msgspec.convert({**chosen, "seed": training.seed}, AdapterSettings)
    train_and_print(training, train_adapter, wanted, _render)


def _render(report: AdapterReport) -> Iterator[RenderableType]:
    yield heading(
        f"nDCG@10 of {report.n_queries:,} queries, each held out once",
        f"{report.n_pairs:,} clicked pairs; searched in {report.n_documents:,} of "
        f"{report.n_indexed:,} documents",
    )
    gain = with_interval(report.gain, "+.4f")
    yield Text(f" {report.before:.4f} without, {report.after:.4f} with: {gain}")
    yield nothing(report.verdict)
    yield nothing(
        "a document that was never shown counts as one that was not clicked; vectors of queries "
        f"are from the {report.vectors}; {report.shape}, ridge {report.ridge:g}; seed {report.seed}"
    )
    if report.without_text or report.without_vector:
        yield nothing(
            f"left out: {report.without_text:,} clicked pairs whose document has no text, "
            f"{report.without_vector:,} whose document or query has no vector"
        )
    for note in report.notes:
        yield nothing(note)
    yield from left_out(report)
