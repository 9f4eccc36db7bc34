"""What is copied of a namespace's log, and where; it needs none of what reads the files."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from desirepath.domain.ids import NIL, time_of
from desirepath.domain.ranking import day_of
from desirepath.storage.base import Session

__all__ = ["LOG_TO_TABLES", "CopiedLog", "CopyFiles", "CopyState", "PartFiles", "Summary"]

VERSION = 2
"""Of the files, and of the columns in ``analysis/schemas.py``: those of another are made anew."""

LOG_TO_TABLES = {"interactions": ("interactions",), "executions": ("executions", "returned")}
_OLD = 86_400.0  # seconds: what a question left behind that never ended


class PartFiles(Struct, frozen=True, kw_only=True):
    """Files of rows that were recorded on one day, one of each table of their log.

    Parameters
    ----------
    n_changes
        How often the day had been deleted from.
    """

    name: str
    day: int
    n_rows: int
    n_changes: int


class CopiedLog(Struct, kw_only=True):
    """What is copied of one log: all up to an id."""

    through: str = NIL.hex()
    parts: list[PartFiles] = []


class Summary(Struct, frozen=True, kw_only=True):
    """A table that was worked out from some of the parts, of ``n_rows``."""

    name: str
    parts: frozenset[str]
    n_rows: int


class CopyState(Struct, kw_only=True):
    """All that is copied."""

    version: int = VERSION
    interactions: CopiedLog = msgspec.field(default_factory=CopiedLog)
    executions: CopiedLog = msgspec.field(default_factory=CopiedLog)
    impressions: Summary | None = None

    def log(self, name: str) -> CopiedLog:
        """One of the two, by its name."""
        return self.interactions if name == "interactions" else self.executions

    @property
    def parts(self) -> list[PartFiles]:
        """Of both logs."""
        return [*self.interactions.parts, *self.executions.parts]


class CopyFiles:
    """The folder of a namespace.

    Parameters
    ----------
    folder
        Made when something is copied.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parts = folder / "parts"
        self.answers = folder / "answers"

    def drop_stale(self, session: Session, namespace: int) -> None:
        """Remove the copies of what was deleted from the disk, now."""
        if not self.folder.exists():
            return
        with self.opened() as state:
            self.forget_stale(session, namespace, state)

    def remove(self) -> None:
        """Remove all."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def opened(self) -> Iterator[CopyState]:
        """The state, for one process or thread at a time; what it is in the end is saved."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = self._load()
            yield state
            new = self.folder / "state.json.new"
            new.write_bytes(msgspec.json.encode(state))
            new.replace(self.folder / "state.json")

    def _load(self) -> CopyState:
        with suppress(OSError, msgspec.DecodeError):
            state = msgspec.json.decode((self.folder / "state.json").read_bytes(), type=CopyState)
            if state.version == VERSION:
                self._remove_unknown(state)
                return state
        shutil.rmtree(self.parts, ignore_errors=True)
        return CopyState()

    def _remove_unknown(self, state: CopyState) -> None:
        """Remove files of a copy that was cut short."""
        names = {part.name for part in state.parts}
        if state.impressions is not None:
            names.add(state.impressions.name)
        for file in self.parts.glob("*/*"):
            if file.name not in names:
                file.unlink(missing_ok=True)

    def forget_stale(self, session: Session, namespace: int, state: CopyState) -> None:
        """Forget parts of days that something was deleted from, or that are gone altogether."""
        extracts = session.extracts
        day_to_n = extracts.changes(namespace)
        ends = zip(extracts.first_ids(namespace), extracts.last_ids(namespace), strict=True)
        for name, (first, last) in zip(LOG_TO_TABLES, ends, strict=True):
            log = state.log(name)
            is_older = last is None or last.hex() < log.through  # another state was restored
            kept = [
                part
                for part in log.parts
                if not is_older
                and first is not None
                and day_of(time_of(first)) <= part.day
                and part.n_changes == day_to_n.get(part.day, 0)
            ]
            for part in log.parts:
                if part not in kept:
                    self._unlink(part, LOG_TO_TABLES[name])
            log.parts = kept
            if is_older:
                log.through = NIL.hex()
        if state.impressions is not None:
            names = {part.name for part in state.parts}
            if not state.impressions.parts <= names:
                (self.parts / "impressions" / state.impressions.name).unlink(missing_ok=True)
                state.impressions = None

    def _unlink(self, part: PartFiles, tables: Sequence[str]) -> None:
        for table in tables:
            (self.parts / table / part.name).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what was left behind by processes that ended in the middle of a question."""
        long_ago = time.time() - _OLD
        for left in self.answers.glob("*"):
            with suppress(OSError):
                if left.stat().st_mtime < long_ago or not _is_alive(left.name.split("-")[0]):
                    shutil.rmtree(left, ignore_errors=True)


def _is_alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
