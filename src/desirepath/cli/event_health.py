"""Event health in the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from desirepath.cli.tables import ALERT, SOFT, clean
from desirepath.engine.analysing.event_checks import EventCheck, EventHealth

__all__ = ["render"]

_N_EXAMPLES = 2


def render(found: EventHealth) -> RenderableType:
    """What is wrong with the events, what could not be looked at, and what is as it should be."""
    parts: list[RenderableType] = [_title(found)]
    if found.failed:
        parts.append(_failed(found.failed))
    not_made = [check for check in found.checks if check.status == "not_made"]
    if not_made:
        parts += [Text("\n Could not be checked", style="bold"), _not_made(not_made)]
    passed = [check.title for check in found.checks if check.status == "passed"]
    if passed:
        parts.append(Text(f"\n ✓ {len(passed)} checks passed", style="green"))
        parts.append(_indented(", ".join(passed)))
    return Group(*parts)


def _title(found: EventHealth) -> Text:
    title = Text("\n Event health", style="bold")
    counts = f"   {found.interactions:,} interactions, {found.executions:,} executions"
    title.append(counts, style=f"not bold {SOFT}")
    if found.n_flagged:
        title.append(
            f"\n {found.n_flagged:,} identities look like robots; answers leave out their "
            f"{found.flagged_share:.1%} of the interactions.",
            style=f"not bold {ALERT}",
        )
    return title.append("\n")


def _failed(checks: Iterable[EventCheck]) -> Table:
    grid = Table.grid(padding=(0, 1), pad_edge=True)
    for check in checks:
        line = Text(check.title, style="bold").append("  ")
        line.append(f"{check.share:.1%}", style=f"not bold {ALERT}")
        line.append(f"  {check.severity}", style=f"not bold {SOFT}")
        counted = Text(f"{check.count:,} of {check.of:,} {check.of_what}{_when(check)}", style=SOFT)
        lines: list[RenderableType] = [line, counted]
        if check.detail is not None:
            lines.append(Text(check.detail))
        examples = _examples(check)
        if examples:
            lines.append(examples)
        bullet = Text("●", style=ALERT if check.severity == "high" else SOFT)
        grid.add_row(bullet, Group(*lines, Text(check.fix)))
    return grid


def _when(check: EventCheck) -> str:
    if check.since is None:
        return ""
    since = f"{check.since:%d %b %Y %H:%M}"
    if check.until is None:
        return f", since {since}"
    return f", {since} – {check.until:%d %b %Y %H:%M}"


def _examples(check: EventCheck) -> Text | None:
    """The kind of id that leads to the fault: whose it is, or which events."""
    ids = check.identities or check.interaction_ids or check.execution_ids
    if not ids:
        return None
    line = Text("such as ", style=SOFT)
    for number, id in enumerate(ids[:_N_EXAMPLES]):
        line.append(", " if number else "").append_text(clean(id, 40))
    return line


def _not_made(checks: Iterable[EventCheck]) -> Table:
    grid = Table.grid(padding=(0, 1), pad_edge=True)
    for check in checks:
        grid.add_row(Text("–", style=SOFT), Text(check.title), Text(check.missing or "", SOFT))
    return grid


def _indented(text: str) -> Table:
    grid = Table.grid(padding=(0, 1), pad_edge=True)
    grid.add_row("", Text(text, style=SOFT))
    return grid
