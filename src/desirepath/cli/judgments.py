"""``desirepath judgments``: how relevant documents are to queries, from clicks and from people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
from rich.table import Column, Table
from rich.text import Text

from desirepath.cli.asking import Question, asked, opened, question_options
from desirepath.cli.common import console, engine_options, namespace_of, open_engine
from desirepath.cli.progress import rows_progress
from desirepath.domain.clock import format_time
from desirepath.domain.judgment import Dataset, JudgedQuery, check_dataset_name
from desirepath.engine.datasets import (
    check_name,
    delete_dataset,
    find_dataset,
    store_dataset,
)
from desirepath.engine.judgment_files import (
    Exported,
    JudgmentFormat,
    export_judgments,
    write_rows,
)
from desirepath.engine.label_files import LABEL_FORMATS, read_labels
from desirepath.engine.output_files import STDOUT, open_output
from desirepath.engine.query_text import first_text
from desirepath.engine.seen_log import log_changes
from desirepath.errors import InvalidFile, InvalidSetting
from desirepath.extras import needs_extra
from desirepath.settings import Settings

if TYPE_CHECKING:
    from desirepath.engine.analysing.judging import JudgingOptions, JudgingResult

__all__ = ["judgments"]

_MODELS = ("pbm", "sdbn", "cascade", "dctr", "counts")
_SUFFIX_TO_FORMAT = {
    ".qrels": JudgmentFormat.TREC,
    ".trec": JudgmentFormat.TREC,
    ".jsonl": JudgmentFormat.JSONL,
    ".ndjson": JudgmentFormat.JSONL,
    ".csv": JudgmentFormat.CSV,
    ".parquet": JudgmentFormat.PARQUET,
    ".ranklib": JudgmentFormat.RANKLIB,
    ".svmrank": JudgmentFormat.RANKLIB,
}
_WORTH_NAMES = (
    "query_id",
    "query",
    "query_input",
    "document_id",
    "grade",
    "worth",
    "relevance",
    "low",
    "high",
    "impressions",
    "clicks",
)

_JUDGING_OPTIONS = (
    click.option(
        "--model",
        type=click.Choice(_MODELS),
        default=_MODELS[0],
        show_default=True,
        help="How people are thought to click; counts needs no lists.",
    ),
    click.option(
        "--types",
        default="click",
        metavar="TYPE,…",
        show_default=True,
        help="Interaction types that count as a click.",
    ),
    click.option(
        "--smoothing",
        type=click.FloatRange(0.0, min_open=True),
        default=2.0,
        show_default=True,
        help="Impressions that the average counts for beside a document's own.",
    ),
    click.option(
        "--min-impressions",
        type=click.FloatRange(0.0),
        default=10.0,
        show_default=True,
        help="Documents shown less are not judged.",
    ),
    click.option(
        "--min-clicks",
        type=click.FloatRange(0.0),
        default=1.0,
        show_default=True,
        help="Queries clicked less are left out.",
    ),
    click.option(
        "--half-life-days",
        type=click.FloatRange(0.0, min_open=True),
        help="A search so much older than the newest one counts half.  [default: all alike]",
    ),
    click.option(
        "--max-rank",
        type=click.IntRange(1, 1000),
        default=20,
        show_default=True,
        help="Lists are cut below it.",
    ),
    click.option(
        "--one-query",
        is_flag=True,
        help="Take all searches for the same one: for lists that nobody searched for.",
    ),
)

_namespace_option = click.option(
    "--namespace", default="default", metavar="NAME", help="Id or name."
)
_json_option = click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
_format_option = click.option(
    "--format",
    "format_name",
    type=click.Choice([format.value for format in JudgmentFormat]),
    help="How FILE is written.  [default: as its name ends]",
)


def _judging_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_JUDGING_OPTIONS):
        command = option(command)
    return command


@click.group()
def judgments() -> None:
    """Judge documents by clicks, have people label them, and keep both as datasets."""


@judgments.command("make")
@click.argument("name")
@_judging_options
@question_options
@_json_option
@engine_options
def make(settings: Settings, name: str, question: Question, as_json: bool, **judging: Any) -> None:
    """Judge the documents of the log by what was clicked, and store it as dataset NAME.

    Beside each grade stand its 95 % interval and the evidence; beside the model's fit that of plain
    click-through rates, on lists that neither was fitted to.
    """
    with needs_extra("analysis"):
        from desirepath.engine.analysing.judged_datasets import store_judgments
        from desirepath.engine.analysing.judging import judge_part
        from desirepath.engine.analysing.part import part_of
    options = _options(**judging)
    with open_engine(settings) as engine:  # before the log is read
        namespace = namespace_of(engine, question.namespace)
        check_name(engine, namespace.number, name)
        changes = log_changes(engine, namespace.number)
    with opened(settings, question) as found:
        with _fitting() as progress:
            result = judge_part(part_of(found.log, found.scope), options, progress)
        dataset = store_judgments(found.engine, namespace, name, result, found.scope, changes)
    if as_json:
        _print_json(_described(dataset))
    else:
        _print_made(dataset, result)


@judgments.command("list")
@_namespace_option
@_json_option
@engine_options
def list_(settings: Settings, namespace: str, as_json: bool) -> None:
    """List datasets, newest first."""
    with open_engine(settings) as engine:
        number = namespace_of(engine, namespace).number
        with engine.storage.read() as session:
            found = session.evaluations.datasets(number, session.evaluations.count(number))
    if as_json:
        _print_json([_described(one) for one in found])
        return
    if not found:
        print("There are no datasets. `desirepath judgments make NAME` makes one of the log.")
        return
    table = _table("dataset", "from", "queries>", "judgments>", "made (UTC)", "")
    for one in found:
        note = Text("stale", style="yellow") if one.stale_at is not None else Text("")
        table.add_row(
            Text(one.name),
            one.source.model or one.source.kind,
            f"{one.n_queries:,}",
            f"{one.n_judgments:,}",
            format_time(one.created_at)[:16].replace("T", " "),
            note,
        )
    console.print(table)


@judgments.command("show")
@click.argument("name")
@click.option(
    "--queries",
    "n_queries",
    type=click.IntRange(0),
    default=5,
    show_default=True,
    help="How many queries to show.",
)
@_namespace_option
@_json_option
@engine_options
def show(settings: Settings, name: str, n_queries: int, namespace: str, as_json: bool) -> None:
    """Show dataset NAME, an id or a name: where it is from, and its first queries."""
    with open_engine(settings) as engine:
        dataset = find_dataset(engine, namespace_of(engine, namespace).number, name)
        with engine.storage.read() as session:
            stored = session.evaluations.queries(dataset.namespace, dataset.id)
            queries = [query for query, _ in zip(stored, range(n_queries), strict=False)]
    if as_json:
        _print_json(_described(dataset) | {"queries": msgspec.to_builtins(queries)})
        return
    _print_dataset(dataset)
    for query in queries:
        _print_query(query)


@judgments.command("export")
@click.argument("name")
@click.argument("target", metavar="FILE")
@_format_option
@click.option(
    "--escape", is_flag=True, help="Write spaces in ids as %20, for trec and ranklib files."
)
@_namespace_option
@_json_option
@engine_options
def export(
    settings: Settings,
    name: str,
    target: str,
    format_name: str | None,
    escape: bool,
    namespace: str,
    as_json: bool,
) -> None:
    """Write dataset NAME to FILE: trec (.qrels), jsonl, csv, parquet or ranklib.

    A FILE that ends in .gz is compressed; - is standard output. The file appears when it is whole.
    """
    format = _format(target, format_name)
    with open_engine(settings) as engine:
        dataset = find_dataset(engine, namespace_of(engine, namespace).number, name)
        written = export_judgments(engine, dataset, target, format, escape=escape)
    if target == STDOUT:
        return
    if as_json:
        _print_json(msgspec.to_builtins(written))
    else:
        _print_exported(written)


@judgments.command("worth-labelling")
@click.argument("target", metavar="FILE")
@click.option(
    "--most", type=click.IntRange(1), default=100, show_default=True, help="How many pairs."
)
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["csv", "jsonl"]),
    help="How FILE is written.  [default: as its name ends]",
)
@_judging_options
@question_options
@_json_option
@engine_options
def worth_labelling_(
    settings: Settings,
    target: str,
    most: int,
    format_name: str | None,
    question: Question,
    as_json: bool,
    **judging: Any,
) -> None:
    """Write to FILE the queries and documents that are most worth a person's label.

    Those are uncertain, and stand high and often. Fill in grade, 0 (bad) to 5, and read the file
    back with `desirepath judgments import`.
    """
    format = _format(target, format_name)
    if format not in (JudgmentFormat.CSV, JudgmentFormat.JSONL):
        raise InvalidSetting("A list to fill in is csv or jsonl.", ("format",))
    with needs_extra("analysis"):
        from desirepath.engine.analysing.judging import worth_labelling
    options = _options(**judging)
    with asked(settings, question) as part, _fitting() as progress:
        chosen = worth_labelling(part, most, options, progress)
    rows = ({"grade": None} | msgspec.to_builtins(one) for one in chosen)
    with open_output(target) as stream:
        write_rows(stream, rows, _WORTH_NAMES, as_csv=format is JudgmentFormat.CSV)
    if target == STDOUT:
        return
    if as_json:
        _print_json({"target": target, "pairs": len(chosen)})
    else:
        print(f"{target}: {len(chosen):,} pairs to label, the most worthwhile first.")


@judgments.command("import")
@click.argument("name")
@click.argument("source", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "format_name",
    type=click.Choice([format.value for format in LABEL_FORMATS]),
    help="How FILE is written.  [default: as its name ends]",
)
@click.option(
    "--topics",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Text of queries, for files of ids: lines of an id, a tab and the text.",
)
@click.option("--escaped", is_flag=True, help="Ids were written with --escape, in a trec file.")
@click.option("--description", metavar="TEXT", help="What the dataset is.")
@_namespace_option
@_json_option
@engine_options
def import_(
    settings: Settings,
    name: str,
    source: Path,
    format_name: str | None,
    topics: Path | None,
    escaped: bool,
    description: str | None,
    namespace: str,
    as_json: bool,
) -> None:
    """Read grades that people gave from FILE, and store them as dataset NAME.

    Rows without a grade are left out.
    """
    check_dataset_name(name)
    texts = None if topics is None else _read_topics(topics)
    labels = read_labels(source, _format(str(source), format_name), topics=texts, escaped=escaped)
    with open_engine(settings, create=True) as engine:
        found = namespace_of(engine, namespace)
        dataset = store_dataset(engine, found, name, labels.queries, description=description)
    if as_json:
        _print_json(_described(dataset) | {"blank": labels.n_blank})
        return
    blank = f"; {labels.n_blank:,} rows without a grade left out" if labels.n_blank else ""
    print(f"{name}: {labels.n_labels:,} labels of {dataset.n_queries:,} queries{blank}.")


@judgments.command("delete")
@click.argument("name")
@_namespace_option
@engine_options
def delete(settings: Settings, name: str, namespace: str) -> None:
    """Delete dataset NAME, an id or a name."""
    with open_engine(settings) as engine:
        deleted = delete_dataset(engine, namespace_of(engine, namespace).number, name)
    print(f"Deleted {deleted.name}, with {deleted.n_judgments:,} judgments.")


def _options(
    model: str,
    types: str,
    smoothing: float,
    min_impressions: float,
    min_clicks: float,
    half_life_days: float | None,
    max_rank: int,
    one_query: bool,
) -> JudgingOptions:
    from desirepath.engine.analysing.judging import JudgingOptions

    return JudgingOptions(
        model=model,
        positive_types=tuple(type.strip() for type in types.split(",") if type.strip()),
        smoothing=smoothing,
        min_impressions=min_impressions,
        min_interactions=min_clicks,
        half_life_days=half_life_days,
        max_rank=max_rank,
        one_query=one_query,
    )


@contextmanager
def _fitting() -> Iterator[Callable[[Any], None]]:
    """A bar that counts the steps of fits; nobody knows how many it takes."""
    with rows_progress("fitting") as (progress, task):

        def step(now: Any) -> None:
            progress.update(task, description=f"fitting, step {now.number}")

        yield step


def _format(target: str, named: str | None) -> JudgmentFormat:
    if named is not None:
        return JudgmentFormat(named)
    suffixes = [suffix.lower() for suffix in Path(target).suffixes if suffix.lower() != ".gz"]
    found = _SUFFIX_TO_FORMAT.get(suffixes[-1]) if suffixes else None
    if found is None:
        raise InvalidSetting("Say --format: the name of FILE does not tell.", ("format",))
    return found


def _read_topics(path: Path) -> dict[str, str]:
    topics = {}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeError) as error:
        raise InvalidFile(f"{path} cannot be read as text.") from error
    for number, line in enumerate(lines, 1):
        id, tab, text = line.partition("\t")
        if not tab or not id.strip() or not text.strip():
            raise InvalidFile(f"Line {number:,}: it is not an id, a tab and a text.")
        topics[id.strip()] = text.strip()
    return topics


def _print_json(value: Any) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))


def _described(one: Dataset) -> dict[str, Any]:
    return {
        "dataset_id": one.dataset_id,
        "dataset_name": one.name,
        "description": one.description,
        "queries": one.n_queries,
        "judgments": one.n_judgments,
        "created_at": format_time(one.created_at),
        "stale_since": None if one.stale_at is None else format_time(one.stale_at),
        "source": msgspec.to_builtins(one.source),
    }


def _print_made(dataset: Dataset, result: JudgingResult) -> None:
    print(
        f"{dataset.name}: {dataset.n_judgments:,} judgments of {dataset.n_queries:,} queries, by "
        f"{result.options.model} from {result.n_clicks:,} clicks"
        + (f" in {result.n_lists:,} lists." if result.n_lists else ".")
    )
    if result.n_unjudged:
        print(f"Seen too little to be judged: {result.n_unjudged:,} documents.")
    losses = result.losses
    if losses is not None and losses.n_used < losses.n_impressions:
        reasons = (
            (losses.n_unknown_lists, "of searches that were not logged"),
            (losses.n_without_query, "of searches without a text"),
            (losses.n_too_deep, f"below rank {result.options.max_rank}"),
            (losses.n_same_place, "at the place of another document"),
        )
        said = ", ".join(f"{n:,} {why}" for n, why in reasons if n)
        print(f"Of {losses.n_impressions:,} impressions not used: {said}.")
    if result.fit is not None:
        console.print(_fit_table(result.options.model, msgspec.to_builtins(result.fit)))


def _fit_table(model: str, fit: Mapping[str, Any]) -> Table:
    n_lists = fit["n_lists"]
    asked = f"{n_lists:,} lists held out" if n_lists else "the lists it was fitted to"
    table = _table(asked, "perplexity>", "log-likelihood>")
    for name, quality in ((model, fit["model"]), ("click-through rates", fit["click_through"])):
        row = (f"{quality[measure]:.4f}" for measure in ("perplexity", "log_likelihood"))
        table.add_row(name, *row)
    return table


def _print_dataset(one: Dataset) -> None:
    print(f"{one.name}  {one.dataset_id}")
    if one.description:
        print(one.description)
    source = one.source
    made = "sent, or labelled by people"
    if source.kind == "interactions":
        made = f"by {source.model}, from the log of {source.retriever_id or 'all retrievers'}"
    print(f"{one.n_judgments:,} judgments of {one.n_queries:,} queries; {made}.")
    if one.stale_at is not None:
        print(
            f"Stale since {format_time(one.stale_at)}: something was deleted that it was made "
            "from. Make it again."
        )
    if source.fit is not None:
        console.print(_fit_table(str(source.model), source.fit))


def _print_query(query: JudgedQuery) -> None:
    console.print(Text(f"\n{first_text(query.query_input) or query.query_id}", style="bold"))
    table = _table("document", "grade>", "relevance>", "95 % interval>", "shown>", "clicked>")
    for one in query.judgments:
        interval = "" if one.low is None else f"{one.low:.3f} – {one.high:.3f}"
        table.add_row(
            Text(one.document_id),
            str(int(one.is_relevant) if one.grade is None else one.grade),
            _number(one.relevance, 3),
            interval,
            _number(one.impressions, 0),
            _number(one.clicks, 0),
        )
    console.print(table)


def _number(value: float | None, places: int) -> str:
    return "" if value is None else f"{value:,.{places}f}"


def _print_exported(written: Exported) -> None:
    print(f"{written.target}: {written.judgments:,} judgments of {written.queries:,} queries.")
    if written.features:
        named = ", ".join(f"{number} {name}" for number, name in enumerate(written.features, 1))
        print(f"Features: {named}.")
    if written.features == ("impressions", "clicks"):
        print("No scores were logged: these are evidence, which the grades were made from.")


def _table(*columns: str) -> Table:
    """A table whose columns are right-aligned where they end in ``>``."""
    return Table(
        *(
            Column(name.rstrip(">"), justify="right" if name.endswith(">") else "left")
            for name in columns
        ),
        box=None,
        header_style="bright_black",
    )
