"""Bring a database to this version's schema with Alembic."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from desirepath.errors import MigrationNeeded

__all__ = ["current_revision", "head_revision", "pending_revisions", "upgrade"]

_FOLDER = Path(__file__).with_name("migrations")


@cache
def _scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


def head_revision() -> str:
    """The schema this version of the code works with."""
    return str(_scripts().get_current_head())


def current_revision(connection: Connection) -> str | None:
    """The schema of a database; None when it is empty."""
    return MigrationContext.configure(connection).get_current_revision()


def pending_revisions(connection: Connection) -> list[str]:
    """Revisions that this database lacks, oldest first.

    Raises
    ------
    MigrationNeeded
        The database was made by a newer version, whose rows this code might damage.
    """
    current = current_revision(connection)
    revisions = [script.revision for script in _scripts().walk_revisions()][::-1]
    if current is None:
        return revisions
    if current not in revisions:
        raise MigrationNeeded(
            f"The database has schema {current}, which is newer than this version of Desirepath "
            f"({head_revision()}). Start the newer version, or restore a backup made before it."
        )
    return revisions[revisions.index(current) + 1 :]


def upgrade(connection: Connection) -> list[str]:
    """Apply what is pending, each revision in a transaction of the caller's connection.

    Returns
    -------
    list of str
        The revisions that were applied.
    """
    pending = pending_revisions(connection)
    scripts = _scripts()
    for revision in pending:
        context = MigrationContext.configure(connection)
        script = scripts.get_revision(revision)
        with Operations.context(context):
            script.module.upgrade()
        context._ensure_version_table()
        context.stamp(scripts, revision)
    return pending
