"""Fill batches: what a reader has found so far, handed on when there is enough of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from desirepath.domain.clock import format_time
from desirepath.engine.importing.batches import (
    Batch,
    ReadExecution,
    ReadInteraction,
    RejectedRow,
)
from desirepath.engine.importing.files import InputFile
from desirepath.engine.importing.read_lines import Unreadable
from desirepath.engine.importing.read_rows import Block, read_blocks
from desirepath.engine.importing.times import read_time
from desirepath.errors import InvalidInput

__all__ = ["Collector", "add_counts", "count"]

_MOST_NAMES = 1_000
_OTHERS = "(others)"
_LONGEST_NAME = 100


class Collector:
    """A batch that is being filled.

    Parameters
    ----------
    files
        What is read.
    format
        How to read it.
    looks
        How often each file is looked at.
    limit
        Rows after which a batch is handed on.
    """

    def __init__(self, files: Sequence[InputFile], format: str, *, looks: int, limit: int) -> None:
        self._files = files
        self._format = format
        self._limit = limit
        self._before = 0  # bytes of looks that are over
        self._total = sum(file.size for file in files) * looks
        self._is_grouped = False
        self.batch = Batch(total=self._total)

    def blocks(self, step: str) -> Iterator[tuple[int, Block]]:
        """Look at the files: each block of rows, with the number of its file."""
        for number, file in enumerate(self._files):
            for block in read_blocks(file, self._format):
                self.move(step, block.done)
                yield number, block
            self._before += file.size

    def groups(self, step: str, groups: Iterable[Any], n_rows: int) -> Iterator[Any]:
        """The last look, at sorted rows: it moves on with the share of rows that were seen."""
        self._is_grouped = True
        left = self._total - self._before
        seen = 0
        for key, rows in groups:
            seen += len(rows)
            self.move(step, left * seen // max(n_rows, 1))
            yield key, rows

    def move(self, step: str, done: int) -> None:
        """So far into the look that is under way."""
        self.batch.step = step
        self.batch.done = min(self._before + done, self._total)
        self.batch.total = self._total

    def advance(self, step: str, size: int) -> None:
        """So much more is over and done with."""
        self._before += size
        self.move(step, 0)

    def look_again(self, size: int | None = None) -> None:
        """There is more to look at than was known: ``size`` bytes, or all files once more."""
        self._total += sum(file.size for file in self._files) if size is None else size

    def end_look(self, file: InputFile) -> None:
        """A file was looked at by other means than :meth:`blocks`."""
        self._before += file.size

    def refuse(self, file: int, line: int, error: InvalidInput, row: Any) -> None:
        """Put a row aside, with the field that is wrong and why."""
        path = ".".join(str(step) for step in error.location)
        field = str(error.location[0]) if error.location else ""
        reason = error.message if field in error.message else f"{path}: {error.message}"
        self.batch.rejected.append(RejectedRow(file, line, reason, row))

    def unreadable(self, file: int, lines: Iterable[Unreadable]) -> None:
        for line in lines:
            self.batch.rejected.append(RejectedRow(file, line.line, line.reason, line.text))

    def skip(self, name: str) -> None:
        count(self.batch.skipped, name)

    def ignore(self, names: Iterable[str]) -> None:
        for name in names:
            count(self.batch.ignored, name)

    def time_unit(self, unit: str) -> None:
        count(self.batch.time_units, unit)

    def time(self, value: object) -> str:
        """A row's ``timestamp`` as we write times; how it was written is counted.

        Raises
        ------
        InvalidInput
            It is no time.
        """
        try:
            moment, unit = read_time(value)
        except (ValueError, OverflowError) as error:
            raise InvalidInput("timestamp is not a time.") from error
        self.time_unit(unit)
        return format_time(moment)

    def full(self) -> Iterator[Batch]:
        """The batch, if it is full."""
        if self.batch.size + len(self.batch.rejected) >= self._limit:
            yield self.take()

    def take(self) -> Batch:
        """The batch, however full; the next begins."""
        taken = self.batch
        if self._is_grouped:  # groups come by id: as far as a batch reaches, put time in order
            taken.executions.sort(key=_time)
            taken.interactions.sort(key=_time)
        self.batch = Batch(step=taken.step, done=taken.done, total=self._total)
        return taken


def _time(read: ReadExecution | ReadInteraction) -> str:
    """Times of grouped rows are all written alike, so their texts sort."""
    return read.draft.occurred_at or ""


def count(counts: dict[str, int], name: str) -> None:
    """Count a name of the file's; a file full of names does not fill the memory."""
    name = name[:_LONGEST_NAME]
    if name not in counts and len(counts) >= _MOST_NAMES:
        name = _OTHERS
    counts[name] = counts.get(name, 0) + 1


def add_counts(to: dict[str, int], counts: Mapping[str, int]) -> None:
    """Add counts by name."""
    for name, number in counts.items():
        known = name if name in to or len(to) < _MOST_NAMES else _OTHERS
        to[known] = to.get(known, 0) + number
