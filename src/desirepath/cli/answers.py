"""How answers to questions about the log are printed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
import msgspec
from rich.table import Table
from rich.text import Text

from desirepath.cli.common import console
from desirepath.engine.reporting import Rate

__all__ = ["answer_table", "interval", "one_line", "percent", "print_flagged", "print_json"]

_SOFT = "bright_black"


def print_json(answer: object) -> None:
    """JSON is UTF-8, whatever the terminal is."""
    click.echo(msgspec.json.format(msgspec.json.encode(answer), indent=2))


def print_flagged(answer: Any) -> None:
    """Who was left out of an answer, and its note, if there are any."""
    if answer.note:
        console.print(Text(answer.note))
    if answer.n_flagged:
        console.print(
            Text(
                f"Left out: {answer.n_flagged:,} identities that look like robots, with "
                f"{answer.flagged_share:.1%} of the interactions.",
                style=_SOFT,
            )
        )


def answer_table(columns: Sequence[str]) -> Table:
    """A table whose columns are right-aligned where they end in ``>``; a ``*`` column wraps."""
    table = Table(box=None, padding=(0, 1), header_style=_SOFT, pad_edge=True, show_edge=False)
    for name in columns:
        table.add_column(
            name.rstrip(">*"),
            justify="right" if name.endswith(">") else "left",
            no_wrap=not name.endswith("*"),
            overflow="fold",
        )
    return table


def percent(rate: Rate | None) -> str:
    """A share, or a dash where there is none."""
    return "–" if rate is None else f"{rate.rate:.1%}"


def interval(rate: Rate | None) -> Text:
    """The ends of its interval."""
    return Text("" if rate is None else f"{rate.low:.0%}–{rate.high:.0%}", style=_SOFT)


def one_line(text: str, width: int = 40) -> Text:
    """What somebody sent, without what would move the cursor or turn the writing round."""
    shown = Text("".join(letter if letter.isprintable() else "·" for letter in text))
    shown.truncate(width, overflow="ellipsis")
    return shown
