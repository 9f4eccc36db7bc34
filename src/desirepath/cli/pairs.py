"""``desirepath pairs``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
from rich.console import Group
from rich.text import Text

from desirepath.cli.answers import print_json
from desirepath.cli.asking import Question, question_options, scope_in
from desirepath.cli.common import console, engine_options, namespace_of, open_engine
from desirepath.cli.pair_options import pair_options
from desirepath.cli.progress import counting, rows_progress
from desirepath.cli.tables import heading, nothing
from desirepath.extras import needs_extra
from desirepath.settings import Settings

if TYPE_CHECKING:
    from desirepath.engine.training.pair_files import PairFiles

__all__ = ["pairs_command"]


@click.command("pairs")
@click.argument("target", metavar="FILE", type=click.Path(path_type=Path))
@engine_options
@question_options
@click.option(
    "--text-field",
    "text_fields",
    multiple=True,
    metavar="PATH",
    help="A field whose text is a document's, a line each. May be repeated.  [default: all texts]",
)
@click.option(
    "--negatives",
    type=click.IntRange(0, 20),
    default=1,
    show_default=True,
    help="Of each pair; one that has fewer is left out.",
)
@click.option(
    "--min-impressions",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="How often a negative was shown for the query, at least.",
)
@click.option(
    "--nearly-as-good",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Share of the positive's click rate from which on a document is no negative.",
)
@pair_options
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def pairs_command(
    settings: Settings, target: Path, question: Question, as_json: bool, **chosen: object
) -> None:
    """Write pairs of queries and what was clicked for them, to train a model of vectors on.

    FILE ends in .jsonl or .parquet: pairs.jsonl stands for pairs.train.jsonl, pairs.dev.jsonl and
    pairs.test.jsonl. Each row has what sentence-transformers takes: anchor, positive, negatives,
    and score, its weight. All wordings of one wish are in one of the files.
    """
    with needs_extra("analysis"):
        from desirepath.engine.training.embedding_pairs import PairSettings
        from desirepath.engine.training.pair_files import export_pairs
    wanted = msgspec.convert(chosen, PairSettings)
    with open_engine(settings) as engine, rows_progress("copying the log") as bar:
        namespace = namespace_of(engine, question.namespace)
        written = export_pairs(
            engine,
            namespace,
            target,
            wanted,
            scope_in(engine, namespace.number, question.scope),
            on=question.on,
            progress=counting(*bar),
        )
    if as_json:
        print_json(
            {
                **msgspec.to_builtins(written.report),
                "files": {side: str(path) for side, path in written.files.items()},
            }
        )
        return
    console.print(Group(*_lines(written)))


def _lines(written: PairFiles) -> list[Text]:
    report = written.report
    n_pairs = sum(report.pairs.values())
    lines = [
        heading(
            f"{n_pairs:,} pairs of {report.queries:,} queries",
            f"{report.from_refinements:,} from refinements",
        )
    ]
    lines += [
        Text(f" {path}: {report.pairs[side]:,} pairs") for side, path in written.files.items()
    ]
    for n, words in (
        (report.without_text, "clicked pairs whose document has no text are left out"),
        (report.without_negatives, "with fewer negatives than were asked for are left out"),
        (report.n_flagged, "identities that look like robots are left out"),
    ):
        if n:
            lines.append(nothing(f"{n:,} {words}"))
    if report.largest_chain > 1:
        lines.append(
            nothing(f"{report.largest_chain:,} queries are the most that are wordings of one wish")
        )
    return lines + [nothing(note) for note in report.notes]
