"""``desirepath erase``."""

from __future__ import annotations

import json

import click
import msgspec

from desirepath.cli.common import engine_options, namespace_of, open_engine
from desirepath.engine.deleting import erase_user
from desirepath.settings import Settings

__all__ = ["erase_command"]


@click.command("erase")
@click.option("--user", "user_id", required=True, metavar="ID", help="The user_id to forget.")
@click.option("--namespace", default="default", metavar="NAME", help="Id or name.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@engine_options
def erase_command(settings: Settings, user_id: str, namespace: str, as_json: bool) -> None:
    """Erase a user: interactions, executions, rejected items.

    Later imports leave the user's rows out. Backups and files made earlier are yours to delete.
    """
    with open_engine(settings) as engine:
        erased = erase_user(engine, namespace_of(engine, namespace).number, user_id)
    if as_json:
        print(json.dumps(msgspec.to_builtins(erased)))
        return
    print(
        f"Erased {erased.interactions:,} interactions, {erased.executions:,} executions and "
        f"{erased.rejections:,} rejected items."
    )
