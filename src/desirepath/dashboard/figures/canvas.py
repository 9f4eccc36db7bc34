"""What a chart is drawn on: how wide, in which colours, with which title beneath it all."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import altair as alt
from altair.typing import ChartType
from msgspec import Struct

from desirepath.dashboard.figures.palette import LIGHT, Palette
from desirepath.dashboard.figures.texts import drawable

__all__ = ["FONT", "Canvas", "Chart", "data", "stacked"]

FONT = "Arial, 'Liberation Sans', Helvetica, sans-serif"
"""Not that of the pages: what measures texts knows these widths and brings the second along."""

Chart = ChartType
"""A chart of one panel or of many."""

_NARROW = 520
_TITLE_SIZE, _TEXT_SIZE = 17, 12
_LETTER, _BOLD_LETTER = 0.54, 0.61  # width of a letter, of its height
_PADDING = 18


class Canvas(Struct, frozen=True, kw_only=True):
    """A place for a chart.

    Parameters
    ----------
    width
        Of the whole, pixels.
    palette
        Light or dark.
    note
        Where the figures come from, if that is not the log of real people: a simulation and its
        size, say. Beneath the title.
    """

    width: int = 760
    palette: Palette = LIGHT
    note: str = ""

    @property
    def is_narrow(self) -> bool:
        """As a phone is."""
        return self.width < _NARROW

    @property
    def inner_width(self) -> int:
        """Without the padding."""
        return self.width - 2 * _PADDING

    def finish(self, chart: Any, title: str, *lines: str) -> Chart:
        """Give a chart its title, what is beneath it, and the look of the pages.

        Parameters
        ----------
        title
            What is seen, as a sentence.
        lines
            Of what, how many of them, what the marks are. Empty ones are left out.
        """
        subtitle = [
            part for line in (self.note, *lines) for part in self._wrapped(line, _TEXT_SIZE)
        ]
        text = self._wrapped(title, _TITLE_SIZE, _BOLD_LETTER)
        finished: Chart = chart.properties(
            title=alt.TitleParams(text, subtitle=subtitle), background=self.palette.surface
        ).configure(**_look(self.palette))
        return finished

    def nothing(self, title: str, sentence: str, *lines: str) -> Chart:
        """A chart of nothing, and why."""
        text = self._wrapped(sentence, 14)
        height = 70 + 20 * len(text)
        mark = alt.Chart(data([{}]), width=self.inner_width, height=height).mark_text(
            text=text, size=14, lineHeight=20, color=self.palette.muted, baseline="middle"
        )
        return self.finish(mark, title, *lines)

    def _wrapped(self, text: str, size: int, letter: float = _LETTER) -> list[str]:
        return textwrap.wrap(drawable(text), int(self.inner_width / (size * letter)))


def data(rows: Sequence[dict[str, Any]]) -> alt.InlineData:
    """Rows as a chart takes them."""
    return alt.InlineData(
        values=[
            {
                name: drawable(value) if isinstance(value, str) else value
                for name, value in row.items()
            }
            for row in rows
        ]
    )


def stacked(panels: Iterable[Any]) -> Chart:
    """Put panels beneath each other."""
    parts: Chart = alt.vconcat(*panels, spacing=30)
    apart: Chart = parts.resolve_scale(color="independent", shape="independent")
    return apart


def _look(palette: Palette) -> dict[str, Any]:
    return {
        "font": FONT,
        "padding": _PADDING,
        "view": alt.ViewConfig(stroke=None),
        "title": alt.TitleConfig(
            anchor="start",
            frame="bounds",
            offset=18,
            font=FONT,
            fontSize=_TITLE_SIZE,
            fontWeight=600,
            lineHeight=22,
            color=palette.ink,
            subtitleFont=FONT,
            subtitleFontSize=_TEXT_SIZE,
            subtitleLineHeight=17,
            subtitlePadding=6,
            subtitleColor=palette.muted,
        ),
        "axis": alt.AxisConfig(
            labelFont=FONT,
            labelFontSize=_TEXT_SIZE,
            labelColor=palette.muted,
            titleFont=FONT,
            titleFontSize=_TEXT_SIZE,
            titleFontWeight="normal",
            titleColor=palette.muted,
            titlePadding=10,
            gridColor=palette.line,
            domain=False,
            ticks=False,
            labelPadding=8,
            labelSeparation=8,
        ),
        "legend": alt.LegendConfig(
            orient="top",
            direction="horizontal",
            title=None,
            labelFont=FONT,
            labelFontSize=_TEXT_SIZE,
            labelColor=palette.ink,
            labelLimit=300,
            symbolSize=70,
            offset=10,
            columnPadding=26,
            padding=0,
        ),
        "text": alt.MarkConfig(color=palette.ink, font=FONT, fontSize=_TEXT_SIZE),
    }
