"""Bring together rows that lie anywhere in the files, in little memory."""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from types import TracebackType
from typing import IO, Any

import msgspec

__all__ = ["Grouper"]

_MEMORY_BYTES = 64 << 20
_LENGTH_BYTES = 4

_encode = msgspec.msgpack.Encoder().encode
_decode_row = msgspec.msgpack.Decoder().decode
_decode_record = msgspec.msgpack.Decoder(tuple[str, int, bytes]).decode

_Record = tuple[str, int, bytes]


class Grouper:
    """An external sort: rows go in in any order and come out by key, then as they went in.

    Rows are kept as bytes. What exceeds the memory is sorted and written to a temporary file; the
    files are merged at the end.

    Parameters
    ----------
    memory_bytes
        How much to keep before writing a file.

    Examples
    --------
    >>> with Grouper() as grouper:
    ...     grouper.add("b", [1])
    ...     grouper.add("a", [2])
    ...     grouper.add("b", [3])
    ...     list(grouper.groups())
    [('a', [[2]]), ('b', [[1], [3]])]
    """

    def __init__(self, memory_bytes: int = _MEMORY_BYTES) -> None:
        self._memory_bytes = memory_bytes
        self._records: list[_Record] = []
        self._bytes = 0
        self._runs: list[IO[bytes]] = []
        self.n_rows = 0

    def __enter__(self) -> Grouper:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for run in self._runs:
            run.close()

    def add(self, key: str, row: Any) -> None:
        """Put a row, of JSON's types and bytes, under a key."""
        data = _encode(row)
        self._records.append((key, self.n_rows, data))
        self.n_rows += 1
        self._bytes += len(data) + len(key)
        if self._bytes > self._memory_bytes:
            self._spill()

    def groups(self) -> Iterator[tuple[str, list[Any]]]:
        """Each key with its rows, in the order of keys; once."""
        self._records.sort(key=itemgetter(0, 1))
        runs = [_read_run(run) for run in self._runs]
        merged = heapq.merge(*runs, self._records, key=itemgetter(0, 1))
        for key, records in groupby(merged, key=itemgetter(0)):
            yield key, [_decode_row(data) for _, _, data in records]

    def _spill(self) -> None:
        self._records.sort(key=itemgetter(0, 1))
        run: IO[bytes] = tempfile.TemporaryFile(prefix="desirepath-")  # noqa: SIM115
        self._runs.append(run)
        for record in self._records:
            data = _encode(record)
            run.write(len(data).to_bytes(_LENGTH_BYTES))
            run.write(data)
        run.seek(0)
        self._records, self._bytes = [], 0


def _read_run(run: IO[bytes]) -> Iterator[_Record]:
    while head := run.read(_LENGTH_BYTES):
        yield _decode_record(run.read(int.from_bytes(head)))
