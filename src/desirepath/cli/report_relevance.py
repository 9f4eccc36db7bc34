"""``desirepath report positions``, ``queries``, ``documents`` and ``funnel``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click
import msgspec
from msgspec import Struct
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from desirepath.api.analytics_relevance import ComparedQuery, earlier_scope, read_group_by
from desirepath.cli.asking import Question, opened, question_options
from desirepath.cli.common import console, engine_options
from desirepath.cli.figures import FigureFiles, figure_options
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
from desirepath.domain.funnel_steps import DEFAULT_STEPS, read_steps
from desirepath.engine.analysing.figures import Amount, Change, Mean, Share
from desirepath.engine.analysing.relevance import (
    FINDINGS,
    Coverage,
    DocumentRates,
    DocumentRow,
    DocumentSort,
    Finding,
    Funnel,
    Funnels,
    Order,
    PositionRates,
    QueryRates,
    QueryRow,
    QuerySort,
)
from desirepath.engine.reporting import Rate
from desirepath.settings import Settings

if TYPE_CHECKING:
    from desirepath.engine.analysing.comparing import Compared

__all__ = ["documents_command", "funnel_command", "positions_command", "queries_command", "render"]

F = TypeVar("F", bound=Callable[..., Any])

_BASIS = {
    "shown": "of documents shown",
    "returned": "of documents returned: no impressions are sent",
    "mixed": "of documents shown, or returned where no impressions are sent",
    "none": "",
}
_FINDING_TO_WORDS: dict[Finding, str] = {
    "high_rank_skipped": "stand high and are skipped",
    "low_rank_loved": "stand low and are loved",
    "rising": "rise",
    "fading": "fade",
}
_FINDING_TO_MARK: dict[Finding, str] = {
    "high_rank_skipped": "skipped",
    "low_rank_loved": "loved",
    "rising": "rises",
    "fading": "fades",
}
_LEGEND = "↑ ↓: more, or less, than before, beyond the 95 % interval of the difference."

_OPTIONS = (
    click.option(
        "--group-by",
        metavar="WHAT",
        help="For each retriever_id, version, configuration, query, day, hour or metadata.PATH.",
    ),
    click.option(
        "--compare-to",
        type=click.Choice(["previous"]),
        help="Beside it, the period of equal length just before; needs --since.",
    ),
    click.option("--compare-since", metavar="TIME", help="Beside it, searches from here on."),
    click.option("--compare-before", metavar="TIME", help="… and before this."),
    click.option("--json", "as_json", is_flag=True, help="Print it as JSON."),
)
_PAGE_OPTIONS = (
    click.option("--ascending", is_flag=True, help="The least first."),
    click.option(
        "--limit", type=click.IntRange(1, 1_000_000), default=20, show_default=True, help="Rows."
    ),
)


def _with(options: Sequence[Callable[[Any], Any]]) -> Callable[[F], F]:
    def declare(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return declare


class _Asked(Struct, frozen=True, kw_only=True):
    """What a topic is asked."""

    settings: Settings
    question: Question
    query: ComparedQuery
    as_json: bool
    files: FigureFiles


def _topic(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a topic the options that all of them have; it takes them as ``asked``."""

    @wraps(command)
    def with_asked(
        settings: Settings,
        question: Question,
        group_by: str | None,
        compare_to: Any,
        compare_since: str | None,
        compare_before: str | None,
        as_json: bool,
        files: FigureFiles,
        **options: Any,
    ) -> None:
        query = ComparedQuery(
            group_by=group_by,
            compare_to=compare_to,
            compare_start_date=compare_since,
            compare_end_date=compare_before,
        )
        asked = _Asked(
            settings=settings, question=question, query=query, as_json=as_json, files=files
        )
        command(asked=asked, **options)

    return engine_options(question_options(_with(_OPTIONS)(figure_options(with_asked))))


@contextmanager
def _compared(asked: _Asked) -> Iterator[Compared]:
    with opened(asked.settings, asked.question) as found:
        from desirepath.engine.analysing.comparing import compared

        earlier = earlier_scope(asked.query, found.scope, found.engine.clock.now())
        yield compared(found.log, found.scope, earlier)


@click.command("positions")
@_topic
def positions_command(asked: _Asked) -> None:
    """Click-through by position, with 95 % intervals."""
    grouping = read_group_by(asked.query)
    with _compared(asked) as log:
        from desirepath.engine.analysing.position_bias import propensity_of
        from desirepath.engine.analysing.position_rates import position_rates

        _show(asked, position_rates(log, grouping, propensity_of(log.part)))


@click.command("queries")
@_topic
@click.option(
    "--sort", type=click.Choice(get_args(QuerySort)), default="searches", show_default=True
)
@click.option(
    "--min-searches",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Leave out queries with fewer searches.",
)
@_with(_PAGE_OPTIONS)
def queries_command(
    asked: _Asked, sort: str, min_searches: int, ascending: bool, limit: int
) -> None:
    """How often queries are asked, and how well they are answered."""
    grouping = read_group_by(asked.query, "query")
    with _compared(asked) as log:
        from desirepath.engine.analysing.query_rates import query_rates

        _show(asked, query_rates(log, _order(sort, ascending, limit), grouping, min_searches))


@click.command("documents")
@_topic
@click.option(
    "--sort", type=click.Choice(get_args(DocumentSort)), default="impressions", show_default=True
)
@click.option("--finding", type=click.Choice(FINDINGS), help="Only documents that have it.")
@click.option(
    "--min-impressions",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Leave out documents with fewer impressions.",
)
@_with(_PAGE_OPTIONS)
def documents_command(
    asked: _Asked,
    sort: str,
    finding: Finding | None,
    min_impressions: int,
    ascending: bool,
    limit: int,
) -> None:
    """What becomes of documents where they are shown, and which do not belong there."""
    grouping = read_group_by(asked.query)
    with _compared(asked) as log:
        from desirepath.engine.analysing.document_rates import document_rates

        order = _order(sort, ascending, limit)
        _show(asked, document_rates(log, order, grouping, min_impressions, finding))


@click.command("funnel")
@_topic
@click.option(
    "--steps",
    metavar="TYPE,…",
    default=",".join(DEFAULT_STEPS),
    show_default=True,
    help="Interaction types in their order.",
)
def funnel_command(asked: _Asked, steps: str) -> None:
    """How many go how far, from being shown to being bought."""
    grouping = read_group_by(asked.query)
    wanted = read_steps(steps)
    with _compared(asked) as log:
        from desirepath.engine.analysing.funnel import funnels

        _show(asked, funnels(log, wanted, grouping))


def _order(sort: str, ascending: bool, limit: int) -> Order:
    return Order(sort=sort, direction="asc" if ascending else "desc", size=limit)


Answer = PositionRates | QueryRates | DocumentRates | Funnels


def _show(asked: _Asked, answer: Answer) -> None:
    if asked.files.are_wanted:
        asked.files.write(answer)
    if asked.as_json:  # UTF-8, whatever the terminal is
        click.echo(msgspec.json.format(msgspec.json.encode(answer), indent=2))
    elif not asked.files.are_wanted:
        console.print(render(answer))


def render(answer: Answer) -> RenderableType:
    """An answer as it is printed."""
    match answer:
        case PositionRates():
            title, parts = "Click-through by position", _positions(answer)
        case QueryRates():
            title, parts = f"Queries: {len(answer.results):,} of {answer.total:,}", _queries(answer)
        case DocumentRates():
            title = f"Documents: {len(answer.results):,} of {answer.total:,}"
            parts = _documents(answer)
        case Funnels():
            title, parts = "Funnels", _funnels(answer)
    return Group(heading(title, _BASIS[answer.coverage.basis]), _coverage(answer.coverage), *parts)


def _coverage(coverage: Coverage) -> RenderableType:
    line = f"{coverage.executions:,} executions, {coverage.interactions:,} interactions, "
    line += f"{coverage.impressions:,} impressions, {coverage.clicked:,} of them clicked"
    if coverage.first_at is not None and coverage.last_at is not None:
        line += f"; {coverage.first_at:%d %b %Y %H:%M} – {coverage.last_at:%d %b %Y %H:%M} UTC"
    if coverage.n_flagged:
        line += f"; without {coverage.n_flagged:,} identities that look like robots "
        line += f"({percent(coverage.flagged_share)} of the interactions)"
    texts = [Text(line + ".", style=SOFT), *(Text(note, style=ALERT) for note in coverage.notes)]
    return Padding(Group(*texts), (0, 0, 1, 2))


def _positions(answer: PositionRates) -> list[RenderableType]:
    rates = answer.results
    if not rates:
        return [nothing("No position has an impression.")]
    is_compared = any(row.click_through.before for row in rates)
    has_groups = any(row.group is not None for row in rates)
    columns = ["position>", "impressions>", "clicks>", "rate>", "95% interval"]
    columns += ["before>", "difference"] if is_compared else [""]
    if any(row.debiased for row in rates):
        columns.append("debiased>")
    table = table_of(*(["group"] if has_groups else []), *columns)
    most = max(row.click_through.high for row in rates)
    for row in rates:
        rate = row.click_through
        cells: list[RenderableType] = [clean(row.group or "–", 24)] if has_groups else []
        cells += [
            str(row.position),
            f"{rate.of:,}",
            f"{rate.count:,}",
            _share(rate),
            Text(f"{rate.low:.1%} – {rate.high:.1%}", style=SOFT),
        ]
        if is_compared:
            cells += [_before(rate.before), _points(rate.change)]
        else:
            cells.append(whisker(rate, most, 12))
        if row.debiased:
            cells.append(f"{row.debiased.rate:.1%}")
        table.add_row(*cells)
    return [table, *_legend(is_compared)]


_QUERY_SHARES = (  # column, figure, whether it is always there
    ("none>", "zero_results", True),
    ("left>", "abandoned", True),
    ("refine>", "refined", False),
    ("skip>", "skipped", False),
    ("back>", "returned", False),
)
_QUERY_NOTE = (
    "CTR: of impressions. Of searches, none: without results; left: with results, and nothing "
    "done; refine: refined; skip, back: with a skip, a return to the results. rank: mean of the "
    "documents clicked, 1 is the first. secs: seconds to the first click."
)


def _queries(answer: QueryRates) -> list[RenderableType]:
    if not answer.results:
        return [nothing("No query has so many searches.")]
    shown = [
        (name, figure)
        for name, figure, always in _QUERY_SHARES
        if always or any(share.count for share in _figures(answer, figure))
    ]
    columns = ("searches>", "CTR>", *(name for name, _ in shown), "rank>", "secs>")
    table = table_of("query", *columns)
    figures = [figure for _, figure in shown]
    for row in answer.results:
        name = clean(row.query or "(no text)", 16 if row.group is None else 12)
        if row.group is not None:
            name.append(" ").append_text(clean(row.group, 10))
        table.add_row(name, *_query_cells(row, figures))
        if row.searches.before is not None:
            table.add_row(Text("  before", style=SOFT), *_query_cells_before(row, figures))
    is_compared = any(row.searches.before is not None for row in answer.results)
    note = Padding(Text(_QUERY_NOTE, style=SOFT), (1, 0, 0, 2))
    return [table, note, *_legend(is_compared)]


def _figures(answer: QueryRates, figure: str) -> Iterator[Share]:
    for row in answer.results:
        share: Share | None = getattr(row, figure)
        if share is not None:
            yield share


def _query_cells(row: QueryRow, figures: Sequence[str]) -> list[RenderableType]:
    return [
        _amount(row.searches),
        _share(row.click_through),
        *(_whole(getattr(row, figure)) for figure in figures),
        _mean(row.click_rank),
        _mean(row.seconds_to_click),
    ]


def _query_cells_before(row: QueryRow, figures: Sequence[str]) -> list[RenderableType]:
    shares: list[Share | None] = [getattr(row, figure) for figure in figures]
    rate = None if row.click_through is None else row.click_through.before
    means = [
        None if mean is None else mean.before for mean in (row.click_rank, row.seconds_to_click)
    ]
    cells = [
        f"{row.searches.before:,}",
        "–" if rate is None else percent(rate.rate),
        *("–" if s is None or s.before is None else f"{s.before.rate:.0%}" for s in shares),
        *("–" if mean is None else f"{mean.mean:.1f}" for mean in means),
    ]
    return [Text(cell, style=SOFT) for cell in cells]


def _whole(share: Share | None) -> str:
    return "–" if share is None else f"{share.rate:.0%}{_mark(share.change)}"


def _documents(answer: DocumentRates) -> list[RenderableType]:
    found = [f"{answer.finding_to_n[name]:,} {_FINDING_TO_WORDS[name]}" for name in FINDINGS]
    few = "Fewer than 1" if answer.by_chance < 1 else f"About {answer.by_chance:,.0f}"
    line = f"Of {answer.n_documents:,} documents {', '.join(found)}. {few} would do each by chance."
    parts: list[RenderableType] = [Padding(Text(line), (0, 0, 1, 2))]
    if not answer.results:
        return [*parts, nothing("No such document.")]
    table = table_of("document", "shown>", "CTR>", "at>", "clicks / expected", "trend>", "")
    for row in answer.results:
        name = clean(row.document_id, 24 if row.group is None else 13)
        if row.group is not None:
            name.append(" ").append_text(clean(row.group, 10))
        table.add_row(name, *_document_cells(row))
    note = (
        "at: mean position, 0 is the first. expected: clicks that others get in the same places. "
        "trend: percentage points of click-through, from the earlier to the later period."
    )
    return [*parts, table, Padding(Text(note, style=SOFT), (1, 0, 0, 2))]


def _document_cells(row: DocumentRow) -> list[RenderableType]:
    over, change = row.clicks_over_expected, row.trend.change
    ratio = Text("–", style=SOFT)
    if over is not None:
        ratio = Text(f"{over.ratio:.2f}")
        ratio.append(f"  {over.low:.2f} – {over.high:.2f}", style=SOFT)
    return [
        f"{row.impressions.count:,}",
        _share(row.click_through),
        _mean(row.average_position),
        ratio,
        "–" if change is None else f"{100 * change.difference:+.1f}",
        Text(", ".join(_FINDING_TO_MARK[name] for name in row.findings), style=ACCENT),
    ]


def _funnels(answer: Funnels) -> list[RenderableType]:
    parts: list[RenderableType] = []
    if answer.without_session:
        text = f"{answer.without_session:,} impressions have no session, and count for no session."
        parts.append(nothing(text))
    for funnel in answer.results:
        title = Text(f"\n  {funnel.unit}", style="bold")
        if funnel.group is not None:
            title.append("  ").append_text(clean(funnel.group, 40))
        parts += [title, _funnel(funnel)]
    if not answer.results:
        parts.append(nothing("Nobody took the first step."))
    is_compared = any(step.reached.before is not None for f in answer.results for step in f.steps)
    return [*parts, *_legend(is_compared)]


def _funnel(funnel: Funnel) -> RenderableType:
    is_compared = funnel.steps[0].reached.before is not None
    columns = ["step", "reached>", "of former>", "95% interval", "of first>"]
    columns += ["before>", "difference"] if is_compared else [""]
    table = table_of(*columns)
    for step in funnel.steps:
        former, first = step.of_former, step.of_first
        cells: list[RenderableType] = [
            step.step,
            _amount(step.reached),
            _share(former),
            Text("" if former is None else f"{former.low:.1%} – {former.high:.1%}", style=SOFT),
            "" if first is None else percent(first.rate),
        ]
        if is_compared:
            before = None if former is None else former.before
            change = None if former is None else former.change
            cells += [_before(before), _points(change)]
        else:
            cells.append(bar(1.0 if first is None else first.rate, 16))
        table.add_row(*cells)
    return table


def _legend(is_compared: bool) -> list[RenderableType]:
    return [Padding(Text(_LEGEND, style=SOFT), (1, 0, 0, 2))] if is_compared else []


def _mark(change: Change | None) -> str:
    if change is None or change.low <= 0 <= change.high:
        return ""
    return "↑" if change.low > 0 else "↓"


def _share(share: Share | None) -> str:
    return "–" if share is None else percent(share.rate) + _mark(share.change)


def _before(rate: Rate | None) -> Text:
    return Text("–" if rate is None else percent(rate.rate), style=SOFT)


def _points(change: Change | None) -> Text:
    if change is None:
        return Text("–", style=SOFT)
    text = Text(f"{100 * change.difference:+.1f}")
    return text.append(f"  {100 * change.low:+.1f} … {100 * change.high:+.1f}", style=SOFT)


def _amount(amount: Amount) -> str:
    return f"{amount.count:,}{_mark(amount.change)}"


def _mean(mean: Mean | None) -> str:
    return "–" if mean is None else f"{mean.mean:.1f}{_mark(mean.change)}"
