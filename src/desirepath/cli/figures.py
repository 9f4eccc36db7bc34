"""Answers as pictures: the options that name files, and the writing of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct
from rich.markup import escape

from desirepath.cli.common import errors
from desirepath.extras import needs_extra

if TYPE_CHECKING:
    from desirepath.dashboard.figures.figure import Drawable

__all__ = ["FigureFiles", "figure_options"]

_WIDTH = 760


class FigureFiles(Struct, frozen=True, kw_only=True):
    """Which files are wanted, and how PNG and SVG look."""

    png: Path | None
    svg: Path | None
    html: Path | None
    width: int
    is_dark: bool

    @property
    def are_wanted(self) -> bool:
        return any((self.png, self.svg, self.html))

    def write(self, answer: Drawable) -> None:
        """Draw an answer into the files, and say so.

        Raises
        ------
        MissingDependency
            The extra ``analysis`` is not installed.
        """
        with needs_extra("analysis"):
            from desirepath.dashboard.figures.canvas import Canvas
            from desirepath.dashboard.figures.palette import DARK, LIGHT
            from desirepath.dashboard.figures.writing import write_figure
        canvas = Canvas(width=self.width, palette=DARK if self.is_dark else LIGHT)
        for path in write_figure(answer, png=self.png, svg=self.svg, html=self.html, canvas=canvas):
            errors.print(f"Wrote {escape(str(path))}", highlight=False, soft_wrap=True)


def _file(name: str, said: str) -> Callable[[Any], Any]:
    path = click.Path(dir_okay=False, writable=True, path_type=Path)
    return click.option(f"--{name}", type=path, metavar="FILE", help=said)


_OPTIONS = (
    _file("png", "Draw it into this file instead of printing it."),
    _file("svg", "The same as SVG."),
    _file("html", "The same as a page of its own, light and dark; it asks no network."),
    click.option("--dark", "is_dark", is_flag=True, help="PNG and SVG in dark colours."),
    click.option(
        "--width",
        type=click.IntRange(320, 4000),
        default=_WIDTH,
        show_default=True,
        metavar="PIXELS",
        help="Of PNG and SVG.",
    ),
)


def figure_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of pictures; it takes them as ``files``."""

    @wraps(command)
    def with_files(
        *arguments: Any,
        png: Path | None,
        svg: Path | None,
        html: Path | None,
        width: int,
        is_dark: bool,
        **options: Any,
    ) -> Any:
        files = FigureFiles(png=png, svg=svg, html=html, width=width, is_dark=is_dark)
        return command(*arguments, files=files, **options)

    for option in reversed(_OPTIONS):
        with_files = option(with_files)
    return with_files
