"""How figures look in a terminal: headings, tables, bars, and texts that somebody sent."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from desirepath.engine.analysing.figures import Share
from desirepath.engine.reporting import Rate

__all__ = [
    "ACCENT",
    "ALERT",
    "SOFT",
    "bar",
    "clean",
    "heading",
    "nothing",
    "percent",
    "table_of",
    "whisker",
]

ACCENT, SOFT, ALERT = "cyan", "bright_black", "yellow"
_EIGHTHS = " ▏▎▍▌▋▊▉"


def heading(title: str, note: str = "") -> Text:
    text = Text(f"\n {title}", style="bold")
    if note:
        text.append(f"  {note}", style=f"not bold {SOFT}")
    return text


def table_of(*columns: str) -> Table:
    """A table whose columns are right-aligned where they end in ``>``."""
    table = Table(box=None, padding=(0, 1), header_style=SOFT, pad_edge=True, show_edge=False)
    for name in columns:
        justify = "right" if name.endswith(">") else "left"
        table.add_column(name.rstrip(">"), justify=justify, no_wrap=True)  # type: ignore[arg-type]
    return table


def nothing(text: str) -> Text:
    return Text(f"  {text}", style=SOFT)


def percent(share: float) -> str:
    if share in (0, 1):
        return f"{share:.0%}"
    return "under 0.1%" if share < 0.001 else f"{min(share, 0.999):.1%}"


def bar(share: float, width: int) -> Text:
    eighths = max(1, round(share * width * 8)) if share else 0
    full, rest = divmod(eighths, 8)
    return Text("█" * full + (_EIGHTHS[rest] if rest else ""), style=ACCENT)


def whisker(rate: Rate | Share, most: float, width: int) -> Text:
    """A bar up to the low end of the interval, thinner up to the high end."""
    low, high = (round(value / most * width) for value in (rate.low, rate.high))
    return Text("━" * low, style=ACCENT).append("─" * max(high - low, 1), style=SOFT)


def clean(text: str, width: int = 60) -> Text:
    """What somebody sent, without what would move the cursor or turn the writing round."""
    shown = Text("".join(letter if letter.isprintable() else "·" for letter in text))
    shown.truncate(width, overflow="ellipsis")
    return shown
