"""``desirepath train adapter``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click
import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from desirepath.cli.answers import print_json
from desirepath.cli.asking import Question, question_options, scope_in
from desirepath.cli.common import console, engine_options, namespace_of, open_engine
from desirepath.cli.model_figures import left_out, with_interval
from desirepath.cli.progress import counting, rows_progress
from desirepath.cli.tables import heading, nothing
from desirepath.engine.models import deploy_model
from desirepath.extras import needs_extra
from desirepath.settings import Settings

if TYPE_CHECKING:
    from desirepath.engine.training.adapter import AdapterReport

__all__ = ["train_adapter_command"]


@click.command("adapter")
@click.argument("name")
@click.option("--index", required=True, metavar="NAME", help="The vector index that is searched.")
@engine_options
@question_options
@click.option(
    "--satisfied-ms",
    type=click.FloatRange(0, min_open=True),
    metavar="N",
    help="Only clicks that led to so long a stay, or to a long_view.",
)
@click.option(
    "--refinement-people",
    type=click.IntRange(0),
    default=2,
    show_default=True,
    help="People who found a document by a next query, at least, for it to count for the first; "
    "0: never.",
)
@click.option(
    "--most-documents",
    type=click.IntRange(100),
    default=50_000,
    show_default=True,
    help="That queries are searched in to measure.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--dry-run", is_flag=True, help="Measure only; store nothing.")
@click.option("--deploy", is_flag=True, help="Let it serve at once, if its gain is surely above 0.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def train_adapter_command(
    settings: Settings,
    name: str,
    question: Question,
    dry_run: bool,
    deploy: bool,
    as_json: bool,
    **chosen: Any,
) -> None:
    """Learn from clicks to turn query vectors, as the next version of model NAME.

    It is measured on queries that it was not fitted to. One that surely gains something there may
    serve; another one is stored with its figures, and is refused when it is deployed.
    """
    with needs_extra("train"):
        from desirepath.engine.training.adapter import AdapterSettings, train_adapter
    wanted = msgspec.convert(chosen, AdapterSettings)
    with ExitStack() as stack:
        engine = stack.enter_context(open_engine(settings))
        namespace = namespace_of(engine, question.namespace)
        progress, bar = stack.enter_context(rows_progress("copying the log"))

        def stepped(what: str, done: int, most: int) -> None:
            progress.update(bar, description=what, completed=done, total=most)

        trained = train_adapter(
            engine,
            namespace,
            name,
            wanted,
            scope_in(engine, namespace.number, question.scope),
            on=question.on,
            is_stored=not dry_run,
            progress=counting(progress, bar),
            stepped=stepped,
        )
        progress.stop()
        report, stored = trained.report, trained.artifact
        version = None if stored is None else stored.version
        if as_json:
            plain = msgspec.to_builtins(report)
            print_json({"name": name, "version": version, "verdict": report.verdict, **plain})
        else:
            console.print(Group(*_render(report)))
        if stored is not None and deploy:
            deploy_model(engine, namespace.number, name, version)
    if stored is None or as_json:
        return
    serves = "serves" if deploy else f"serves after: desirepath models deploy {name}"
    what = "must not serve" if report.unfit else serves
    console.print(Text(f"\n {name} version {version} is stored; it {what}\n"))


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
        f"are from the {report.vectors}; ridge {report.ridge:g}; seed {report.seed}"
    )
    if report.without_text or report.without_vector:
        yield nothing(
            f"left out: {report.without_text:,} clicked pairs whose document has no text, "
            f"{report.without_vector:,} whose document or query has no vector"
        )
    for note in report.notes:
        yield nothing(note)
    yield from left_out(report)
