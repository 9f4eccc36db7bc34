"""What a monitor asks an SQLite file, whatever became of it."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

from desirepath.storage.base import Figures
from desirepath.storage.open import open_storage
from desirepath.testing.clock import START, TestingClock


def test_the_log_grows_with_what_is_written(tmp_path: Path) -> None:
    with closing(open_storage(f"sqlite:///{tmp_path}/log.db", TestingClock())) as storage:
        before = storage.figures()
        with storage.write() as session:
            session.catalog.create_namespace("ns_1", "a", START)
        after = storage.figures()
    assert (before.wal_bytes or 0) < (after.wal_bytes or 0)
    assert (after.free_bytes or 0) > 0


def test_a_folder_that_is_gone_is_no_error(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with closing(open_storage(f"sqlite:///{folder}/log.db", TestingClock())) as storage:
        shutil.rmtree(folder)
        assert storage.figures() == Figures(wal_bytes=0, free_bytes=None)


def test_memory_has_no_disk() -> None:
    with closing(open_storage("sqlite://", TestingClock())) as storage:
        assert storage.figures() == Figures()
