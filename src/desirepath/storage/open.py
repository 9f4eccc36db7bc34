"""From a URL to a database."""

from __future__ import annotations

from pathlib import Path

from desirepath.domain.clock import Clock
from desirepath.errors import InvalidSetting
from desirepath.storage.base import Storage

__all__ = ["IN_MEMORY", "missing_file", "open_storage"]

IN_MEMORY = "sqlite://"


def open_storage(url: str, clock: Clock, *, migrate: bool | None = None) -> Storage:
    """Open a database, making an SQLite file and its schema on first use.

    Parameters
    ----------
    url
        ``sqlite:///relative/path.db``, ``sqlite:////absolute/path.db``, ``sqlite://`` (in memory,
        for tests) or ``postgresql://user@host/name``.
    clock
        The time on SQLite; PostgreSQL has its own.
    migrate
        Whether to bring the schema up to date. By default SQLite does and PostgreSQL, which other
        processes may be using, refuses and names the command.

    Raises
    ------
    InvalidSetting
        The URL names no database that this version knows.
    MigrationNeeded
        The schema is newer than this version, or older and ``migrate`` is false.
    StorageUnavailable
        The database cannot be reached or opened.
    """
    scheme, separator, _ = url.partition("://")
    if separator and scheme == "sqlite":
        from desirepath.storage.sqlite.storage import SqliteStorage

        return SqliteStorage(url, clock, migrate=migrate is not False)
    if separator and scheme in ("postgresql", "postgres"):
        from desirepath.storage.postgres.storage import PostgresStorage

        return PostgresStorage(url, migrate=bool(migrate))
    raise InvalidSetting(
        "The database is a URL: sqlite:///path/to/file.db or postgresql://user@host/name.",
        ("database",),
    )


def missing_file(url: str) -> Path | None:
    """The SQLite file that opening this URL would make; None when it would make none.

    Raises
    ------
    InvalidSetting
        The URL is one of SQLite's and names no file.
    """
    if not url.startswith("sqlite://"):
        return None
    from desirepath.storage.sqlite.storage import path_of

    path = path_of(url)
    if path is None or path.exists() or not path.parent.is_dir():
        return None
    return path
