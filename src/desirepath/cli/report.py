"""``desirepath report``: first sight, in the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click
import msgspec
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from desirepath.cli.common import console, engine_options, errors, namespace_of, open_engine
from desirepath.engine.engine import Engine
from desirepath.engine.learned_report import LearnedRetriever
from desirepath.engine.reporting import HourCount, Positions, Rate, Report, report
from desirepath.settings import Settings
from desirepath.storage.base import Namespace

__all__ = ["print_report", "report_command"]

_N_TYPES = 8
_N_POSITIONS = 10
_LITTLE = 0.01
_SPARKS = " ▁▂▃▄▅▆▇█"
_EIGHTHS = " ▏▎▍▌▋▊▉"
_ACCENT, _SOFT, _ALERT = "cyan", "bright_black", "yellow"
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


@click.command("report")
@engine_options
@click.option("--namespace", default="default", metavar="NAME", help="Id or name.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def report_command(settings: Settings, namespace: str, as_json: bool) -> None:
    """Show a namespace at a glance, and what to mend in what is sent."""
    with open_engine(settings) as engine:
        found = namespace_of(engine, namespace)
        if as_json:
            click.echo(_json(engine, found))
        else:
            print_report(engine, found)


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
        parts += [_heading("The last 48 hours with data", "UTC"), _hours(found.hours)]
    parts += [_heading("What is sent"), _types(found)]
    parts += [_heading("Click-through by position", _BASIS[found.positions.basis])]
    parts += [_positions(found.positions), _heading("To mend"), _faults(found)]
    if found.queries:
        parts += [_heading("Top queries"), _queries(found)]
    if found.zero_result_queries:
        rows = [(query.query, query.searches) for query in found.zero_result_queries]
        parts += [_heading("Queries that find nothing"), _counts(rows, "query", "searches")]
    if found.skipped_documents:
        skips = [(document.document_id, document.skips) for document in found.skipped_documents]
        parts += [_heading("Documents most often skipped"), _counts(skips, "document", "skips")]
    for one in found.learned:
        parts += [_heading(f"Weights of {_clean(one.retriever_name, 40)}", _said(one))]
        parts += [_weights(one)]
    if found.searches:
        parts += [_heading("Last searches"), _searches(found)]
    if found.recent:
        parts += [_heading("Last interactions"), _recent(found)]
    return Group(*parts)


def _title(found: Report) -> Text:
    title = Text("\n ")
    title.append_text(_clean(found.namespace)).stylize(f"bold {_ACCENT}")
    if found.first_at and found.last_at:
        span = f"{found.first_at:%d %b %Y %H:%M} – {found.last_at:%d %b %Y %H:%M} UTC"
        title.append(f"   {span}", style=_SOFT)
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
    grid.add_row(*(Text(label, style=_SOFT) for _, label in figures))
    return Padding(grid, (1, 0, 0, 2))


def _heading(title: str, note: str = "") -> Text:
    heading = Text(f"\n {title}", style="bold")
    if note:
        heading.append(f"  {note}", style=f"not bold {_SOFT}")
    return heading


def _hours(hours: Sequence[HourCount]) -> Group:
    most = max(hour.n for hour in hours)
    sparks = "".join(_SPARKS[-(-8 * hour.n // most)] for hour in hours)
    labels = "".join(f"{hour.hour:%H:%M}".ljust(12) for hour in hours[::12])
    line = Text("  ").append(sparks, style=_ACCENT)
    line.append(f"  at most {most:,} an hour", style=_SOFT)
    return Group(line, Text(f"  {labels}", style=_SOFT))


def _table(*columns: str) -> Table:
    """A table whose columns are right-aligned where they end in ``>``."""
    table = Table(box=None, padding=(0, 1), header_style=_SOFT, pad_edge=True, show_edge=False)
    for name in columns:
        justify = "right" if name.endswith(">") else "left"
        table.add_column(name.rstrip(">"), justify=justify, no_wrap=True)  # type: ignore[arg-type]
    return table


def _types(found: Report) -> RenderableType:
    if not found.types:
        return _none("No interactions yet.")
    table = _table("type", "interactions>", "")
    most = found.types[0].n
    for count in found.types[:_N_TYPES]:
        table.add_row(count.type, f"{count.n:,}", _bar(count.n / most, 36))
    rest = found.types[_N_TYPES:]
    if rest:
        table.add_row(Text(f"{len(rest)} more", style=_SOFT), f"{sum(c.n for c in rest):,}", "")
    return table


def _positions(positions: Positions) -> RenderableType:
    rates = positions.rates[:_N_POSITIONS]
    if not rates:
        return _none("Needs executions, or impressions that name one.")
    table = _table("position>", "impressions>", "clicks>", "rate>", "95% interval", "")
    most = max(rate.click_through.high for rate in rates)
    for row in rates:
        rate = row.click_through
        table.add_row(
            str(row.position),
            f"{rate.of:,}",
            f"{rate.count:,}",
            f"{rate.rate:.1%}",
            Text(f"{rate.low:.1%} – {rate.high:.1%}", style=_SOFT),
            _whisker(rate, most, 22),
        )
    return table


def _faults(found: Report) -> RenderableType:
    faults = [fault for fault in found.faults if fault.count]
    if not faults:
        return Text(f"  ✓ All {len(found.faults)} checks of what is sent passed.", style="green")
    grid = Table.grid(padding=(0, 1), pad_edge=True)
    for fault in faults:
        line = Text(fault.title, style="bold").append("  ")
        line.append(_share(fault.share), style=f"not bold {_ALERT}")
        numbers = f"{fault.count:,} of {fault.of:,} {fault.of_what}"
        counted = Text(numbers, style=_SOFT)
        if fault.subject is not None:
            counted.append(": ").append_text(_clean(fault.subject))
        bullet = Text("●", style=_SOFT if fault.share < _LITTLE else _ALERT)
        grid.add_row(bullet, Group(line, counted, Text(fault.fix)))
    return grid


def _queries(found: Report) -> Table:
    table = _table("query", "searches>", "clicks>", "with a click>")
    for rate in found.queries:
        share = "–" if rate.click_through is None else _share(rate.click_through)
        table.add_row(
            _clean(rate.query or "(empty)", 40), f"{rate.executions:,}", f"{rate.clicks:,}", share
        )
    return table


def _counts(rows: Iterable[tuple[str, int]], name_label: str, label: str) -> Table:
    table = _table(name_label, f"{label}>", "")
    rows = list(rows)
    most = max(n for _, n in rows)
    for name, n in rows:
        table.add_row(_clean(name or "(empty)", 40), f"{n:,}", _bar(n / most, 20))
    return table


def _said(one: LearnedRetriever) -> str:
    frozen = ", frozen" if one.frozen else ""
    return f"serving {one.serving}{frozen}; from {one.lists:,.0f} searches, after forgetting"


def _weights(one: LearnedRetriever) -> Table:
    table = _table("feature", "weight>", "95% of draws", "")
    for feature in one.weights:
        table.add_row(
            _clean(feature.feature_uri, 40),
            f"{feature.weight:.2f}",
            Text(f"{feature.low:.2f} – {feature.high:.2f}", style=_SOFT),
            _bar(feature.weight, 20),
        )
    return table


def _searches(found: Report) -> Table:
    table = _table("at", "retriever", "query", "documents>", "fusion", "level", "strongest")
    for one in found.searches:
        strongest = next(iter(one.weights), None)
        table.add_row(
            Text(f"{one.occurred_at:%d %b %H:%M:%S}", style=_SOFT),
            _clean(one.retriever_name, 14),
            _clean("–" if one.query is None else one.query, 18),
            f"{one.n_documents}",
            one.fusion or "–",
            one.level or "–",
            _clean("–" if strongest is None else strongest, 18),
        )
    return table


def _recent(found: Report) -> Group:
    """The last interactions; their warnings are notes beneath."""
    warnings = list(dict.fromkeys(one.warning for one in found.recent if one.warning))
    this_year = found.last_at is not None and found.last_at.year == found.generated_at.year
    form = "%d %b %H:%M:%S" if this_year else "%d %b %Y %H:%M"
    table = _table("at", "types", "document", "position>", "query", "")
    for one in found.recent:
        note = f"[{warnings.index(one.warning) + 1}]" if one.warning else ""
        table.add_row(
            Text(one.occurred_at.strftime(form), style=_SOFT),
            _clean(", ".join(one.types), 20),
            _clean("–" if one.document_id is None else one.document_id, 14),
            "–" if one.position is None else str(one.position),
            _clean("–" if one.query is None else one.query, 18),
            Text(note, style=_ALERT),
        )
    notes = Table.grid(padding=(0, 1))
    for number, warning in enumerate(warnings, start=1):
        notes.add_row(Text(f"[{number}]", style=_ALERT), _clean(warning, 400))
    return Group(table, Padding(notes, (1, 1, 0, 1)) if warnings else "")


def _none(text: str) -> Text:
    return Text(f"  {text}", style=_SOFT)


def _percent(rate: Rate | None) -> str:
    return "–" if rate is None else _share(rate.rate)


def _share(share: float) -> str:
    if share in (0, 1):
        return f"{share:.0%}"
    return "under 0.1%" if share < 0.001 else f"{min(share, 0.999):.1%}"


def _bar(share: float, width: int) -> Text:
    eighths = max(1, round(share * width * 8)) if share else 0
    full, rest = divmod(eighths, 8)
    return Text("█" * full + (_EIGHTHS[rest] if rest else ""), style=_ACCENT)


def _whisker(rate: Rate, most: float, width: int) -> Text:
    """A bar up to the low end of the interval, thinner up to the high end."""
    low, high = (round(value / most * width) for value in (rate.low, rate.high))
    return Text("━" * low, style=_ACCENT).append("─" * max(high - low, 1), style=_SOFT)


def _clean(text: str, width: int = 60) -> Text:
    """What somebody sent, without what would move the cursor or turn the writing round."""
    shown = Text("".join(letter if letter.isprintable() else "·" for letter in text))
    shown.truncate(width, overflow="ellipsis")
    return shown
