"""Options of all commands that take pairs of queries and clicked documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

__all__ = ["pair_options"]

_OPTIONS = (
    click.option(
        "--satisfied-ms",
        type=click.FloatRange(0, min_open=True),
        metavar="N",
        help="Only clicks that led to so long a stay, or to a long_view.",
    ),
    click.option(
        "--refinement-people",
        type=click.IntRange(0),
        default=2,
        show_default=True,
        help="How many people found a document by a next query, at least, for it to count for the "
        "first; 0: none do.",
    ),
)


def pair_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Say which clicks count: the command takes ``satisfied_ms`` and ``refinement_people``."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
