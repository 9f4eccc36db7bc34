"""``desirepath report``: first sight, in the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click
import msgspec
from click.core import ParameterSource
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from desirepath.cli.common import console, engine_options, errors, namespace_of, open_engine
from desirepath.cli.lazy import LazyGroup
from desirepath.cli.tables import (
    ACCENT,
    ALERT,
    SOFT,
    bar,
    clean,
    heading,
    nothing,
    percent,
    table_of,
    whisker,
)
from desirepath.engine.engine import Engine
from desirepath.engine.learned_report import LearnedRetriever
from desirepath.engine.reporting import HourCount, Positions, Rate, Report, report
from desirepath.settings import Settings
from desirepath.storage.base import Namespace

__all__ = ["print_report", "report_command"]

_TOPICS = {
    "positions": "report_relevance:positions_command",
    "queries": "report_relevance:queries_command",
    "documents": "report_relevance:documents_command",
    "funnel": "report_relevance:funnel_command",
    "benchmark": "report_proof:benchmark_command",
    "evaluation": "report_proof:evaluation_command",
    "what-if": "report_proof:what_if_command",
    "experiment": "report_proof:experiment_command",
}
_N_TYPES = 8
_N_POSITIONS = 10
_LITTLE = 0.01
_SPARKS = " ▁▂▃▄▅▆▇█"
_BASIS = {
    "shown": "of the documents shown",
    "returned": "of the documents returned (no impressions are sent)",
    "mixed": "of documents shown, or returned without impressions",
    "none": "",
}
_NEXT = (
    "Nothing is recorded yet. The page that `desirepath serve` shows has the commands for a first "
    "click; `desirepath import` brings in a log that exists already."
)


class _Topics(LazyGroup):
    targets = _TOPICS


@click.group("report", cls=_Topics, invoke_without_command=True)
@engine_options
@click.option("--namespace", default="default", metavar="NAME", help="Id or name.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@click.pass_context
def report_command(
    context: click.Context, settings: Settings, namespace: str, as_json: bool
) -> None:
    """Show a namespace at a glance, and what to mend in what is sent.

    A topic after it goes deeper, and takes options of its own.
    """
    if context.invoked_subcommand is not None:
        _refuse_options(context)
        return
    with open_engine(settings) as engine:
        found = namespace_of(engine, namespace)
        if as_json:
            click.echo(_json(engine, found))
        else:
            print_report(engine, found)


def _refuse_options(context: click.Context) -> None:
    """What stands before a topic would be lost."""
    for name in context.params:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError("Options stand after the topic.", context)


def print_report(engine: Engine, namespace: Namespace) -> None:
    """Print the report of a namespace."""
    with errors.status("Reading the log"):
        found = report(engine, namespace, engine.clock.now())
    console.print(render(found))


def _json(engine: Engine, namespace: Namespace) -> bytes:
    """JSON is UTF-8, whatever the terminal is."""
    found = report(engine, namespace, engine.clock.now())
    return msgspec.json.format(msgspec.json.encode(found), indent=2)


def render(found: Report) -> RenderableType:
    """The report as it is printed."""
    if found.is_empty:
        return Group(_title(found), Padding(_NEXT, (1, 2)))
    parts: list[RenderableType] = [_title(found), _figures(found)]
    if found.hours:
        parts += [heading("The last 48 hours with data", "UTC"), _hours(found.hours)]
    parts += [heading("What is sent"), _types(found)]
    parts += [heading("Click-through by position", _BASIS[found.positions.basis])]
    parts += [_positions(found.positions), heading("To mend"), _faults(found)]
    if found.queries:
        parts += [heading("Top queries"), _queries(found)]
    if found.zero_result_queries:
        rows = [(query.query, query.searches) for query in found.zero_result_queries]
        parts += [heading("Queries that find nothing"), _counts(rows, "query", "searches")]
    if found.skipped_documents:
        skips = [(document.document_id, document.skips) for document in found.skipped_documents]
        parts += [heading("Documents most often skipped"), _counts(skips, "document", "skips")]
    for one in found.learned:
        parts += [heading(f"Weights of {clean(one.retriever_name, 40)}", _said(one))]
        parts += [_weights(one)]
    if found.searches:
        parts += [heading("Last searches"), _searches(found)]
    if found.recent:
        parts += [heading("Last interactions"), _recent(found)]
    return Group(*parts)


def _title(found: Report) -> Text:
    title = Text("\n ")
    title.append_text(clean(found.namespace)).stylize(f"bold {ACCENT}")
    if found.first_at and found.last_at:
        span = f"{found.first_at:%d %b %Y %H:%M} – {found.last_at:%d %b %Y %H:%M} UTC"
        title.append(f"   {span}", style=SOFT)
    return title


def _figures(found: Report) -> Padding:
    grid = Table.grid(padding=(0, 4))
    figures = [
        (f"{found.executions:,}", "searches"),
        (f"{found.interactions:,}", "interactions"),
        (_percent(found.click_through), "click-through"),
        (_percent(found.zero_results), "find nothing"),
    ]
    grid.add_row(*(Text(value, style="bold") for value, _ in figures))
    grid.add_row(*(Text(label, style=SOFT) for _, label in figures))
    return Padding(grid, (1, 0, 0, 2))


def _hours(hours: Sequence[HourCount]) -> Group:
    most = max(hour.n for hour in hours)
    sparks = "".join(_SPARKS[-(-8 * hour.n // most)] for hour in hours)
    labels = "".join(f"{hour.hour:%H:%M}".ljust(12) for hour in hours[::12])
    line = Text("  ").append(sparks, style=ACCENT)
    line.append(f"  at most {most:,} an hour", style=SOFT)
    return Group(line, Text(f"  {labels}", style=SOFT))


def _types(found: Report) -> RenderableType:
    if not found.types:
        return nothing("No interactions yet.")
    table = table_of("type", "interactions>", "")
    most = found.types[0].n
    for count in found.types[:_N_TYPES]:
        table.add_row(count.type, f"{count.n:,}", bar(count.n / most, 36))
    rest = found.types[_N_TYPES:]
    if rest:
        table.add_row(Text(f"{len(rest)} more", style=SOFT), f"{sum(c.n for c in rest):,}", "")
    return table


def _positions(positions: Positions) -> RenderableType:
    rates = positions.rates[:_N_POSITIONS]
    if not rates:
        return nothing("Needs executions, or impressions that name one.")
    table = table_of("position>", "impressions>", "clicks>", "rate>", "95% interval", "")
    most = max(rate.click_through.high for rate in rates)
    for row in rates:
        rate = row.click_through
        table.add_row(
            str(row.position),
            f"{rate.of:,}",
            f"{rate.count:,}",
            f"{rate.rate:.1%}",
            Text(f"{rate.low:.1%} – {rate.high:.1%}", style=SOFT),
            whisker(rate, most, 22),
        )
    return table


def _faults(found: Report) -> RenderableType:
    faults = [fault for fault in found.faults if fault.count]
    if not faults:
        return Text(f"  ✓ All {len(found.faults)} checks of what is sent passed.", style="green")
    grid = Table.grid(padding=(0, 1), pad_edge=True)
    for fault in faults:
        line = Text(fault.title, style="bold").append("  ")
        line.append(percent(fault.share), style=f"not bold {ALERT}")
        numbers = f"{fault.count:,} of {fault.of:,} {fault.of_what}"
        counted = Text(numbers, style=SOFT)
        if fault.subject is not None:
            counted.append(": ").append_text(clean(fault.subject))
        bullet = Text("●", style=SOFT if fault.share < _LITTLE else ALERT)
        grid.add_row(bullet, Group(line, counted, Text(fault.fix)))
    return grid


def _queries(found: Report) -> Table:
    table = table_of("query", "searches>", "clicks>", "with a click>")
    for rate in found.queries:
        share = "–" if rate.click_through is None else percent(rate.click_through)
        table.add_row(
            clean(rate.query or "(empty)", 40), f"{rate.executions:,}", f"{rate.clicks:,}", share
        )
    return table


def _counts(rows: Iterable[tuple[str, int]], name_label: str, label: str) -> Table:
    table = table_of(name_label, f"{label}>", "")
    rows = list(rows)
    most = max(n for _, n in rows)
    for name, n in rows:
        table.add_row(clean(name or "(empty)", 40), f"{n:,}", bar(n / most, 20))
    return table


def _said(one: LearnedRetriever) -> str:
    frozen = ", frozen" if one.frozen else ""
    return f"serving {one.serving}{frozen}; from {one.lists:,.0f} searches, after forgetting"


def _weights(one: LearnedRetriever) -> Table:
    table = table_of("feature", "weight>", "95% of draws", "")
    for feature in one.weights:
        table.add_row(
            clean(feature.feature_uri, 40),
            f"{feature.weight:.2f}",
            Text(f"{feature.low:.2f} – {feature.high:.2f}", style=SOFT),
            bar(feature.weight, 20),
        )
    return table


def _searches(found: Report) -> Table:
    table = table_of("at", "retriever", "query", "documents>", "fusion", "level", "strongest")
    for one in found.searches:
        strongest = next(iter(one.weights), None)
        table.add_row(
            Text(f"{one.occurred_at:%d %b %H:%M:%S}", style=SOFT),
            clean(one.retriever_name, 14),
            clean("–" if one.query is None else one.query, 18),
            f"{one.n_documents}",
            one.fusion or "–",
            one.level or "–",
            clean("–" if strongest is None else strongest, 18),
        )
    return table


def _recent(found: Report) -> Group:
    """The last interactions; their warnings are notes beneath."""
    warnings = list(dict.fromkeys(one.warning for one in found.recent if one.warning))
    this_year = found.last_at is not None and found.last_at.year == found.generated_at.year
    form = "%d %b %H:%M:%S" if this_year else "%d %b %Y %H:%M"
    table = table_of("at", "types", "document", "position>", "query", "")
    for one in found.recent:
        note = f"[{warnings.index(one.warning) + 1}]" if one.warning else ""
        table.add_row(
            Text(one.occurred_at.strftime(form), style=SOFT),
            clean(", ".join(one.types), 20),
            clean("–" if one.document_id is None else one.document_id, 14),
            "–" if one.position is None else str(one.position),
            clean("–" if one.query is None else one.query, 18),
            Text(note, style=ALERT),
        )
    notes = Table.grid(padding=(0, 1))
    for number, warning in enumerate(warnings, start=1):
        notes.add_row(Text(f"[{number}]", style=ALERT), clean(warning, 400))
    return Group(table, Padding(notes, (1, 1, 0, 1)) if warnings else "")


def _percent(rate: Rate | None) -> str:
    return "–" if rate is None else percent(rate.rate)
