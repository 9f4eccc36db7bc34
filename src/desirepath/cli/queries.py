"""``desirepath queries``."""

from __future__ import annotations

from typing import Any

import click
from rich.text import Text

from desirepath.cli.answers import (
    answer_table,
    interval,
    one_line,
    percent,
    print_flagged,
    print_json,
)
from desirepath.cli.asking import Question, asked, question_options
from desirepath.cli.common import console, engine_options
from desirepath.engine.analysing.query_answers import (
    Filters,
    Refinement,
    Refinements,
    Troubled,
    ZeroResults,
)
from desirepath.settings import Settings

__all__ = ["queries"]

_SOFT = "bright_black"
_MINUTE = 60_000_000

_limit = click.option(
    "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="Rows at most."
)
_json = click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
_people = click.option(
    "--min-identities",
    type=click.IntRange(2, 1000),
    default=5,
    show_default=True,
    help="People (users, else sessions) that a suggestion needs.",
)


@click.group()
def queries() -> None:
    """Which queries fail, and what people do then.

    Needs searches with their query; what people did next also a session_id (or a user_id).
    """


@queries.command("zero-results")
@engine_options
@question_options
@_limit
@_json
def zero_results_command(settings: Settings, question: Question, limit: int, as_json: bool) -> None:
    """Queries that find nothing, and what people do then."""
    with asked(settings, question) as part:
        from desirepath.engine.analysing.zero_results import find_zero_results

        found = find_zero_results(part, _window(settings), limit)
    if as_json:
        print_json(found)
    else:
        _print_zero_results(found)


@queries.command("refinements")
@engine_options
@question_options
@_people
@_limit
@_json
def refinements_command(
    settings: Settings, question: Question, min_identities: int, limit: int, as_json: bool
) -> None:
    """What people make of their queries, and the synonyms and rewrites that suggests."""
    with asked(settings, question) as part:
        from desirepath.engine.analysing.refinements import find_refinements

        found = find_refinements(
            part, _window(settings), min_identities=min_identities, limit=limit
        )
    if as_json:
        print_json(found)
    else:
        _print_refinements(found)


@queries.command("filters")
@engine_options
@question_options
@_people
@click.option(
    "--min-share",
    type=click.FloatRange(0.0, 1.0),
    default=0.5,
    show_default=True,
    help="Share of a query's searches that a suggestion is surely above.",
)
@_limit
@_json
def filters_command(
    settings: Settings,
    question: Question,
    min_identities: int,
    min_share: float,
    limit: int,
    as_json: bool,
) -> None:
    """Filters that people turn on after each query, and the defaults that suggests."""
    with asked(settings, question) as part:
        from desirepath.engine.analysing.filters import find_filters

        found = find_filters(
            part,
            _window(settings),
            min_identities=min_identities,
            min_share=min_share,
            limit=limit,
        )
    if as_json:
        print_json(found)
    else:
        _print_filters(found)


@queries.command("troubled")
@engine_options
@question_options
@click.option(
    "--min-searches",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="Searches that a query needs.",
)
@_limit
@_json
def troubled_command(
    settings: Settings, question: Question, min_searches: int, limit: int, as_json: bool
) -> None:
    """Queries with surely more skips or returns than the namespace has."""
    with asked(settings, question) as part:
        from desirepath.engine.analysing.troubled import find_troubled

        found = find_troubled(part, min_searches, limit)
    if as_json:
        print_json(found)
    else:
        _print_troubled(found)


def _window(settings: Settings) -> int:
    return settings.session_window_minutes * _MINUTE


def _print_zero_results(found: ZeroResults) -> None:
    if found.nothing is not None:
        console.print(
            f"{found.nothing.count:,} of {found.nothing.of:,} searches found nothing "
            f"({_rate(found.nothing)})."
        )
    if found.queries:
        table = answer_table(
            ["query*", "lost>", "of>", "sessions>", "last", "refined>", "left>", "to*"]
        )
        for one in found.queries:
            to = ", ".join(f"{next.query} ({next.n:,})" for next in one.next_queries)
            table.add_row(
                one_line(one.query, 60),
                f"{one.nothing.count:,}",
                f"{one.nothing.of:,}",
                f"{one.sessions:,}",
                Text(f"{one.last_at:%Y-%m-%d}", style=_SOFT),
                f"{one.refined:,}",
                f"{one.left:,}",
                one_line(to, 60),
            )
        console.print(table)
    print_flagged(found)


def _print_refinements(found: Refinements) -> None:
    if found.refinements:
        console.print(
            f"{found.steps:,} steps from one query to another; where nothing was clicked before, "
            f"{_rate(found.rescued)} got a click then."
        )
        table = answer_table(
            ["", "from → to*", "kind", "visits>", "people>", "clicked>", "interval", "lift>"]
        )
        for one in found.refinements:
            table.add_row(*_refinement(one))
        console.print(table)
        console.print(
            Text(
                f"✓ suggested: {found.min_identities} people or more, surely more often than after "
                "other queries, and surely clicked more than the first query.",
                style=_SOFT,
            )
        )
    for chain in found.chains:
        if chain.identities > 1:
            text = " → ".join(chain.queries) + (" → …" if chain.longer else "")
            console.print(one_line(f"{chain.visits:,} visits: {text}", 100))
    print_flagged(found)


def _refinement(one: Refinement) -> tuple[Any, ...]:
    return (
        Text("✓" if one.suggested else "", style="green"),
        one_line(f"{one.query} → {one.refined_to}", 80),
        one.kind,
        f"{one.visits:,}",
        f"{one.identities:,}",
        percent(one.rescued),
        interval(one.rescued),
        f"{one.follows_lift.lift:.1f}",
    )


def _print_filters(found: Filters) -> None:
    if found.filters:
        table = answer_table(
            ["", "query*", "filter*", "searches>", "people>", "kept>", "interval", "clicked>"]
        )
        for one in found.filters:
            named = one.field if one.value is None else f"{one.field} = {one.value}"
            table.add_row(
                Text("✓" if one.suggested else "", style="green"),
                one_line(one.query, 60),
                one_line(named, 60),
                f"{one.searches:,}",
                f"{one.identities:,}",
                percent(one.kept),
                interval(one.kept),
                percent(one.clicked),
            )
        console.print(table)
        console.print(
            Text(
                f"✓ suggested: {found.min_identities} people or more, surely kept in over "
                f"{found.min_share:.0%} of the searches, and not clicked less.",
                style=_SOFT,
            )
        )
    print_flagged(found)


def _print_troubled(found: Troubled) -> None:
    if found.skipped is not None:
        console.print(
            f"Of all searches, {_rate(found.skipped)} have a skip; of those in which something was "
            f"opened, {_rate(found.returned)} a return to the results."
        )
    if found.queries:
        table = answer_table(["query*", "searches>", "skips>", "", "returns>", "", "excess>"])
        for one in found.queries:
            table.add_row(
                one_line(one.query, 60),
                f"{one.searches:,}",
                percent(one.skipped),
                interval(one.skipped),
                percent(one.returned),
                interval(one.returned),
                f"{one.excess:,.1f}",
            )
        console.print(table)
    print_flagged(found)


def _rate(rate: Any) -> str:
    return "none" if rate is None else f"{rate.rate:.1%} ({rate.low:.1%} – {rate.high:.1%})"
