"""Groups whose commands are loaded when they are asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import click

__all__ = ["LazyGroup"]


class LazyGroup(click.Group):
    """Loads a command when it is asked for: ``--help`` is quick, and most need no extra.

    A subclass names its commands as ``module:attribute``, the module one of this package.
    """

    targets: Mapping[str, str]

    def list_commands(self, context: click.Context) -> list[str]:
        return list(self.targets)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        target = self.targets.get(name)
        if target is None:
            return None
        module, _, attribute = target.partition(":")
        command: click.Command = getattr(
            importlib.import_module(f"desirepath.cli.{module}"), attribute
        )
        return command
