"""Rows that were refused: counted, the first shown, all written beside their file."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import msgspec

from desirepath.engine.importing.cells import plain
from desirepath.engine.importing.files import InputFile
from desirepath.engine.importing.options import ImportResult, Rejected

__all__ = ["RejectedFiles"]

_FIRST = 10


class RejectedFiles:
    """``FILE.rejected.jsonl`` of each file, made when its first row is refused.

    Each line has ``line``, ``reason`` and ``row``. A file of an earlier run is replaced. Where the
    folder cannot be written to, the rows go to the current folder.

    Parameters
    ----------
    files
        What is imported.
    result
        Counts what is refused.
    """

    def __init__(self, files: Sequence[InputFile], result: ImportResult) -> None:
        self._files = files
        self._result = result
        self._open: dict[int, IO[bytes] | None] = {}

    def __enter__(self) -> RejectedFiles:
        if not self._result.dry_run:
            for file in self._files:
                path = Path(file.rejected_name)
                try:
                    path.unlink(missing_ok=True)
                except OSError:
                    continue
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file, stream in self._open.items():
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    self._give_up(file)

    def add(self, file: int, line: int, reason: str, row: Any) -> None:
        """Refuse a row."""
        result = self._result
        result.rejected += 1
        shown = plain(row)
        if len(result.first_rejected) < _FIRST:
            name = self._files[file].name
            rejected = Rejected(file=name, line=line, reason=reason, row=shown)
            result.first_rejected.append(rejected)
        if result.dry_run:
            return
        if file not in self._open:
            self._open[file] = self._create(file)
        stream = self._open[file]
        if stream is not None:
            try:
                stream.write(_encode({"line": line, "reason": reason, "row": shown}) + b"\n")
            except OSError:
                self._open[file] = None
                with suppress(OSError):
                    stream.close()
                self._give_up(file)

    def _create(self, file: int) -> IO[bytes] | None:
        wanted = Path(self._files[file].rejected_name)
        for path in dict.fromkeys((wanted, Path(wanted.name))):
            try:
                stream = path.open("wb")
            except OSError:
                continue
            self._result.rejected_files.append(str(path))
            return stream
        self._give_up(file)
        return None

    def _give_up(self, file: int) -> None:
        """Go on without keeping the rejected rows, and say so."""
        self._result.advice.append(
            f"Not all rejected rows of {self._files[file].name} could be written: is the disk full?"
        )


def _encode(value: dict[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:  # a text with half a character
        return msgspec.json.encode({**value, "row": repr(value["row"])})
