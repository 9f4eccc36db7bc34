"""``desirepath train recommender``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
import msgspec
from rich.console import RenderableType

from desirepath.cli.model_figures import left_out
from desirepath.cli.tables import heading, nothing, percent, table_of
from desirepath.cli.training import Training, test_share_option, train_and_print, training_options
from desirepath.engine.recommendations import DEFAULT_MODEL
from desirepath.extras import needs_extra

if TYPE_CHECKING:
    from desirepath.engine.training.recommender import RecommenderReport

__all__ = ["train_recommender_command"]


@click.command("recommender")
@click.argument("name", default=DEFAULT_MODEL)
@training_options
@test_share_option
@click.option(
    "--method",
    type=click.Choice(["cosine", "bm25", "als"]),
    default="cosine",
    show_default=True,
    help="cosine and bm25: neighbours. als: alternating least squares.",
)
@click.option(
    "--half-life-days",
    type=click.FloatRange(0, min_open=True),
    default=30.0,
    show_default=True,
    help="A reaction so much older counts half.",
)
@click.option(
    "--neighbours", type=click.IntRange(1, 1000), default=100, show_default=True, help="Kept."
)
@click.option(
    "--shrinkage",
    type=click.FloatRange(0),
    default=20.0,
    show_default=True,
    help="Evidence that it takes for documents to be alike.",
)
@click.option("--factors", type=click.IntRange(1, 512), default=32, show_default=True)
@click.option(
    "--regularization",
    type=click.FloatRange(0, min_open=True),
    default=10.0,
    show_default=True,
    help="Of als: large values come near to popularity.",
)
@click.option(
    "--popularity-share",
    type=click.FloatRange(0, 1),
    help="How much popularity is mixed in.  [default: what is best on a part of the log]",
)
@click.option(
    "--similar-users",
    is_flag=True,
    help="Keep who was learned from. The model then goes when one of them is erased.",
)
def train_recommender_command(training: Training, test_share: float, **chosen: object) -> None:
    """Learn from the log what is liked by the same people, as the next version of model NAME.

    NAME is `recommender` unless another is given: the one that is asked for by default. It is
    measured on people's last reactions, from which it does not learn, beside popularity; then it
    learns from all.
    """
    with needs_extra("train"):
        from desirepath.engine.training.recommender import RecommenderSettings, train_recommender
    common = {"test_share": test_share, "seed": training.seed}
    wanted = msgspec.convert({**chosen, **common}, RecommenderSettings)
    train_and_print(training, train_recommender, wanted, _render)


def _render(report: RecommenderReport) -> Iterator[RenderableType]:
    yield heading(
        f"{report.n_people:,} people, {report.n_documents:,} documents",
        f"{report.n_pairs:,} pairs; {report.n_with_two:,} people with two documents or more",
    )
    if report.compared is not None and report.personal is not None:
        yield heading(
            f"nDCG@10 of {report.compared.n:,} people who came back",
            f"from {report.test_from[:16]}; all documents are ranked",
        )
        table = table_of("order", "nDCG>", "ahead of popularity by>")
        for words, one in (
            (f"{percent(report.popularity_share)} popularity mixed in", report.compared),
            (f"{report.method} alone", report.personal),
        ):
            ahead = f"{one.difference:+.4f} [{one.low:+.4f}, {one.high:+.4f}]"
            table.add_row(words, f"{one.mean:.4f}", ahead)
        table.add_row("popularity", f"{report.compared.other:.4f}", "")
        yield table
    yield nothing(report.verdict)
    yield nothing(
        f"{report.n_newcomers:,} people were new in that part, and get what is popular; "
        f"seed {report.seed}"
    )
    yield from left_out(report)
