"""``desirepath train``: one kind of model a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import click

from desirepath.cli.lazy import LazyGroup

__all__ = ["train"]


class _Kinds(LazyGroup):
    targets: ClassVar[Mapping[str, str]] = {"ranker": "train_ranker:train_ranker_command"}


@click.group(cls=_Kinds)
def train() -> None:
    """Train models from the log, beside honest baselines. Needs the extra `train`."""
