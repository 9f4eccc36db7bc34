"""Get batches from a reader: in this process, or for large files from another one."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import BinaryIO, cast

import msgspec

from desirepath.engine.importing.batches import Batch
from desirepath.engine.importing.job import ReadJob, read_batches
from desirepath.engine.importing.worker import Failure, Order, Success, read_frame, write_frame
from desirepath.errors import DesirepathError, InvalidFile
from desirepath.storage.base import Storage

__all__ = ["batches_of"]

_WORTH_A_PROCESS = 8 << 20
"""Bytes of files below which starting a process takes longer than it saves."""
_WAITING = 3
"""Batches that may wait to be written."""

_decode_batch = msgspec.msgpack.Decoder(Batch).decode
_decode_end = msgspec.msgpack.Decoder(Failure | Success).decode


def batches_of(
    job: ReadJob, storages: Sequence[Storage], databases: Sequence[str] | None
) -> Iterator[Batch]:
    """Read files into batches.

    Parameters
    ----------
    job
        What to read.
    storages
        Where to look for what is known, first the one that is written to.
    databases
        Their URLs, with which another process can open them; None where none can.

    Raises
    ------
    InvalidFile
        A file cannot be read as its format.
    """
    size = sum(file.size for file in job.files)
    if databases is None or not sys.executable or size < _WORTH_A_PROCESS or _cores() < 2:
        yield from read_batches(job, storages)
        return
    with _Reader(Order(job, tuple(databases))) as reader:
        yield from reader.batches()


def _cores() -> int:
    """Processors that this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Reader:
    """A process that reads, and a thread that fetches from it while batches are written."""

    def __init__(self, order: Order) -> None:
        paths = [path for path in sys.path if path]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "desirepath.engine.importing.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
        self._input = cast(BinaryIO, self._process.stdin)
        self._output = cast(BinaryIO, self._process.stdout)
        self._queue: queue.Queue[Batch | Failure | Success | None] = queue.Queue(_WAITING)
        self._is_closing = False
        self._thread = threading.Thread(target=self._fetch, name="import-reader", daemon=True)
        with suppress(BrokenPipeError):  # then there is nothing to fetch, which says it all
            write_frame(self._input, msgspec.msgpack.encode(order))
        self._thread.start()

    def __enter__(self) -> _Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._is_closing = True
        self._process.kill()
        while self._thread.is_alive():
            try:
                self._queue.get(timeout=0.05)  # the thread may wait for room
            except queue.Empty:
                continue
        self._process.wait()
        with suppress(BrokenPipeError):
            self._input.close()
        self._output.close()

    def batches(self) -> Iterator[Batch]:
        while True:
            item = self._queue.get()
            if isinstance(item, Batch):
                yield item
                if item.is_barrier:
                    with suppress(BrokenPipeError):
                        self._input.write(b"\n")
                        self._input.flush()
            elif isinstance(item, Success):
                return
            elif isinstance(item, Failure) and item.is_about_file:
                raise InvalidFile(item.message)
            else:
                what = "it was killed" if item is None else item.message
                raise DesirepathError(
                    f"The process that reads the files failed ({what}). What was imported until "
                    "then stays; the same import adds the rest."
                )

    def _fetch(self) -> None:
        item: Batch | Failure | Success | None = None
        while not self._is_closing:
            frame = read_frame(self._output)
            if frame is None:
                item = None
            elif frame.startswith(b"B"):
                item = _decode_batch(memoryview(frame)[1:])
            else:
                item = _decode_end(memoryview(frame)[1:])
            self._queue.put(item)
            if not isinstance(item, Batch):
                return
