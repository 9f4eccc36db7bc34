"""``desirepath migrate``."""

from __future__ import annotations

import json
import sys

import click

from desirepath.cli.common import engine_options, open_engine
from desirepath.errors import MigrationNeeded
from desirepath.settings import Settings

__all__ = ["migrate_command"]


@click.command("migrate")
@click.option("--check", is_flag=True, help="Change nothing; exit 1 when a migration is needed.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@engine_options
def migrate_command(settings: Settings, check: bool, as_json: bool) -> None:
    """Bring the database to this version's schema.

    SQLite files are migrated when they are opened; PostgreSQL is migrated only here.
    """
    try:
        with open_engine(settings, migrate=not check, create=not check) as engine:
            schema = engine.storage.health().schema
    except MigrationNeeded as error:
        if not check:
            raise
        print(json.dumps({"needed": True}) if as_json else error.message)
        sys.exit(1)
    if as_json:
        print(json.dumps({"needed": False, "schema": schema}))
    else:
        print(f"The schema is {schema}: up to date.")
