"""Charts as files: PNG, SVG, and a page that asks no network for anything."""

from __future__ import annotations

import html
import re
from pathlib import Path
from xml.etree import ElementTree

import vl_convert
from msgspec.structs import asdict

from desirepath.dashboard.figures.canvas import FONT, Canvas, Chart
from desirepath.dashboard.figures.figure import Drawable, figure_of
from desirepath.dashboard.figures.palette import DARK, LIGHT

__all__ = ["to_html", "to_png", "to_svg", "write_figure"]

WIDE, NARROW = 900, 358
"""Widths of a page's charts on a desk and on a phone, pixels."""

_TELLING = ("bar", "point", "rule mark", "text mark")
_SCALE = 2.0  # for screens with small pixels, and for paper
_SVG = "http://www.w3.org/2000/svg"


def to_png(chart: Chart) -> bytes:
    """A chart as PNG, two pixels for one."""
    return vl_convert.vegalite_to_png(chart.to_dict(), scale=_SCALE)


def to_svg(chart: Chart) -> str:
    """A chart as SVG; what a mark means shows when the pointer rests on it."""
    ElementTree.register_namespace("", _SVG)
    root = ElementTree.fromstring(vl_convert.vegalite_to_svg(chart.to_dict()))
    for mark in root.iter():
        if mark.get("aria-roledescription", "") in _TELLING and mark.get("aria-label"):
            ElementTree.SubElement(mark, f"{{{_SVG}}}title").text = mark.get("aria-label")
    return ElementTree.tostring(root, encoding="unicode")


def to_html(answer: Drawable, *, note: str = "") -> str:
    """A page with the chart of an answer, for wide screens and for narrow ones, light and dark.

    It is whole: no script, no font, no style sheet is asked for.
    """
    pictures = []
    for name, width in (("wide", WIDE), ("narrow", NARROW)):
        chart = figure_of(answer, Canvas(width=width, note=note))
        pictures.append(f'<figure class="{name}">{_for_page(chart)}</figure>')
    title = chart.to_dict()["title"]["text"]
    return _PAGE.format(
        title=html.escape(" ".join(title)),
        font=FONT,
        light=_variables(asdict(LIGHT)),
        dark=_variables(asdict(DARK)),
        pictures="\n".join(pictures),
    )


def write_figure(
    answer: Drawable,
    *,
    png: Path | None = None,
    svg: Path | None = None,
    html: Path | None = None,
    canvas: Canvas | None = None,
) -> tuple[Path, ...]:
    """Write the chart of an answer to the files that are named; returns them.

    Parameters
    ----------
    canvas
        How wide and in which colours PNG and SVG are. The page is as wide as the screen and as
        dark as its reader likes it.
    """
    canvas = canvas or Canvas()
    if png is not None:
        png.write_bytes(to_png(figure_of(answer, canvas)))
    if svg is not None:
        svg.write_text(to_svg(figure_of(answer, canvas)), encoding="utf-8")
    if html is not None:
        html.write_text(to_html(answer, note=canvas.note), encoding="utf-8")
    return tuple(path for path in (png, svg, html) if path is not None)


def _for_page(chart: Chart) -> str:
    """An SVG whose colours are the page's, so that it turns dark with it."""
    text = to_svg(chart)
    for name, color in asdict(LIGHT).items():
        text = re.sub(f'(?<=["(]){color}(?=[")])', f"var(--{name})", text, flags=re.IGNORECASE)
    return text


def _variables(name_to_color: dict[str, str]) -> str:
    return " ".join(f"--{name}: {color};" for name, color in name_to_color.items())


_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
:root {{ {light} }}
@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}
body {{ margin: 0; padding: 16px; background: var(--surface); font-family: {font}; }}
figure {{ margin: 0 auto; width: fit-content; max-width: 100%; }}
figure svg {{ display: block; max-width: 100%; height: auto; }}
.narrow {{ display: none; }}
@media (max-width: 720px) {{ .wide {{ display: none; }} .narrow {{ display: block; }} }}
</style>
<main>
{pictures}
</main>
</html>
"""
