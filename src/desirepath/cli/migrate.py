"""``desirepath migrate``."""

from __future__ import annotations

import sys

import click

from desirepath.cli.common import engine_options, open_engine
from desirepath.errors import MigrationNeeded
from desirepath.settings import Settings

__all__ = ["migrate_command"]


@click.command("migrate")
@click.option("--check", is_flag=True, help="Change nothing; exit 1 when a migration is needed.")
@engine_options
def migrate_command(settings: Settings, check: bool) -> None:
    """Bring the database to this version's schema.

    SQLite files are migrated when they are opened; PostgreSQL is migrated only here.
    """
    try:
        with open_engine(settings, migrate=not check, create=not check) as engine:
            health = engine.storage.health()
    except MigrationNeeded as error:
        if not check:
            raise
        print(error.message)
        sys.exit(1)
    print(f"The schema is {health.schema}: up to date.")
