"""``desirepath`` with one thing made worse on purpose, to show that a test would notice.

TORTURE_SYNCHRONOUS=NORMAL   commits that do not wait for the disk
TORTURE_WAL_PAGES=20         a checkpoint every few commits
TORTURE_BUSY_SECONDS=1       little patience with somebody else's lock
"""

from __future__ import annotations

import os
from typing import Any

from desirepath.cli import main
from desirepath.storage.sqlite import storage


def alter() -> None:
    """Change what the environment asks for."""
    if pages := os.environ.get("TORTURE_WAL_PAGES"):
        storage._WAL_PAGES = int(pages)
    if seconds := os.environ.get("TORTURE_BUSY_SECONDS"):
        storage._BUSY_SECONDS = float(seconds)
    if synchronous := os.environ.get("TORTURE_SYNCHRONOUS"):
        connect = storage.SqliteStorage._connect

        def connect_worse(self: storage.SqliteStorage) -> Any:
            connection = connect(self)
            connection.execute(f"PRAGMA synchronous = {synchronous}")
            return connection

        storage.SqliteStorage._connect = connect_worse  # type: ignore[method-assign]


if __name__ == "__main__":
    alter()
    main()
