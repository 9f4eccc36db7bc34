"""``desirepath sessions``."""

from __future__ import annotations

import click
from rich.text import Text

from desirepath.cli.answers import answer_table, one_line, percent, print_flagged, print_json
from desirepath.cli.asking import Question, asked, question_options
from desirepath.cli.common import console, engine_options
from desirepath.cli.figures import FigureFiles, figure_options
from desirepath.domain.visit import OUTCOMES, VisitOutcome
from desirepath.engine.analysing.session_answers import Journey, Sessions
from desirepath.settings import Settings

__all__ = ["sessions"]

_SOFT = "bright_black"
_MINUTE = 60_000_000


@click.group()
def sessions() -> None:
    """What people did in their sessions."""


@sessions.command("list")
@engine_options
@question_options
@click.option("--outcome", type=click.Choice(OUTCOMES), help="Visits that came to this only.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="Rows at most."
)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def list_command(
    settings: Settings,
    question: Question,
    outcome: VisitOutcome | None,
    limit: int,
    as_json: bool,
) -> None:
    """List sessions, the last first, and what they came to."""
    with asked(settings, question) as part:
        from desirepath.engine.analysing.sessions import list_sessions

        window = settings.session_window_minutes * _MINUTE
        found = list_sessions(part, window, outcome=outcome, limit=limit)
    if as_json:
        print_json(found)
    else:
        _print_sessions(found)


@sessions.command("show")
@engine_options
@question_options
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@figure_options
@click.argument("session_id")
def show_command(
    settings: Settings, question: Question, session_id: str, as_json: bool, files: FigureFiles
) -> None:
    """Tell one session as a journey, step by step."""
    with asked(settings, question) as part:
        from desirepath.engine.analysing.journey import follow_session

        found = follow_session(part, session_id, settings.session_window_minutes * _MINUTE)
    if files.are_wanted:
        files.write(found)
    if as_json:
        print_json(found)
    elif not files.are_wanted:
        _print_journey(found)


def _print_sessions(found: Sessions) -> None:
    if found.total:
        shares = ", ".join(
            f"{one.outcome} {percent(one.share)}" for one in found.outcomes if one.share.count
        )
        console.print(f"{found.total:,} visits: {shares}.")
    if found.sessions:
        table = answer_table(["started", "lasted>", "searches>", "clicks>", "came to", "session*"])
        for one in found.sessions:
            table.add_row(
                Text(f"{one.started_at:%Y-%m-%d %H:%M}", style=_SOFT),
                f"{one.seconds:,.0f} s",
                f"{one.searches:,}",
                f"{one.clicks:,}",
                one.outcome,
                one_line(one.session_id, 256),
            )
        console.print(table)
    print_flagged(found)


def _print_journey(found: Journey) -> None:
    for visit in found.visits:
        console.print(
            Text(f"{visit.started_at:%Y-%m-%d %H:%M:%S} UTC", style="bold").append(
                f"  {visit.seconds:,.0f} s", style=f"not bold {_SOFT}"
            )
        )
        table = answer_table(["at", "step*"])
        table.show_header = False
        for step in visit.steps:
            table.add_row(Text(f"{step.at:%H:%M:%S}", style=_SOFT), one_line(step.text, 200))
        console.print(table)
    if found.left_out:
        console.print(f"{found.left_out:,} more steps are not shown.")
