"""``desirepath train recommender``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import click
import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from desirepath.cli.asking import Question, question_options, scope_in
from desirepath.cli.common import console, engine_options, namespace_of, open_engine
from desirepath.cli.progress import rows_progress
from desirepath.cli.tables import heading, nothing, percent, table_of
from desirepath.engine.recommendations import DEFAULT_MODEL
from desirepath.errors import MissingDependency
from desirepath.settings import Settings

if TYPE_CHECKING:
    from desirepath.engine.training.recommender import RecommenderReport

__all__ = ["train_recommender_command"]


@click.command("recommender")
@click.argument("name", default=DEFAULT_MODEL)
@engine_options
@question_options
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
    "--test-share",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.2,
    show_default=True,
    help="Share of the reactions, the last ones, that the measure is of.",
)
@click.option(
    "--similar-users",
    is_flag=True,
    help="Keep who was learned from. The model then goes when one of them is erased.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--dry-run", is_flag=True, help="Measure only; store nothing.")
@click.option("--deploy", is_flag=True, help="Let it serve under its name at once.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def train_recommender_command(
    settings: Settings,
    name: str,
    question: Question,
    dry_run: bool,
    deploy: bool,
    as_json: bool,
    **chosen: object,
) -> None:
    """Learn from the log what is liked by the same people, as the next version of model NAME.

    NAME is `recommender` unless another is given: the one that is asked for by default. It is
    measured on people's last reactions, from which it does not learn, beside popularity; then it
    learns from all.
    """
    try:
        from desirepath.engine.models import deploy_model
        from desirepath.engine.training.recommender import RecommenderSettings, train_recommender
    except ModuleNotFoundError as error:
        raise MissingDependency(error.name or "ibis-framework", "train") from error
    wanted = msgspec.convert(chosen, RecommenderSettings)
    with ExitStack() as stack:
        engine = stack.enter_context(open_engine(settings))
        namespace = namespace_of(engine, question.namespace)
        progress, bar = stack.enter_context(rows_progress("copying the log"))
        n_rows = 0

        def copied(n_more: int) -> None:
            nonlocal n_rows
            n_rows += n_more
            progress.update(bar, completed=n_rows, rows=n_rows)

        def stepped(done: int, most: int) -> None:
            progress.update(bar, description="learning", completed=done, total=most)

        trained = train_recommender(
            engine,
            namespace,
            name,
            wanted,
            scope_in(engine, namespace.number, question.scope),
            on=question.on,
            is_stored=not dry_run,
            progress=copied,
            stepped=stepped,
        )
        progress.stop()
        stored = trained.artifact
        if deploy and stored is not None:
            deploy_model(engine, namespace.number, name, stored.version)
    if as_json:
        version = None if stored is None else stored.version
        plain = msgspec.to_builtins(trained.report)
        answer = {"name": name, "version": version, "verdict": trained.report.verdict, **plain}
        print(msgspec.json.encode(answer).decode())
        return
    console.print(Group(*_render(trained.report)))
    if stored is not None:
        what = "serves" if deploy else f"serves after: desirepath models deploy {name}"
        console.print(Text(f"\n {name} version {stored.version} is stored; it {what}\n"))


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
    if report.n_flagged:
        yield nothing(
            f"{report.n_flagged:,} identities that look like robots are left out: "
            f"{percent(report.flagged_share)} of the interactions"
        )
