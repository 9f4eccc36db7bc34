"""Read files in a process of its own, so that reading and writing take a core each.

``python -m desirepath.engine.importing.worker`` takes an :class:`Order` on standard input and
writes batches to standard output, each as its length and its bytes. After a barrier it waits for a
byte. It is started by :mod:`~desirepath.engine.importing.reading` and by nobody else.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import traceback
from typing import BinaryIO

import msgspec
from msgspec import Struct

from desirepath.domain.clock import SystemClock
from desirepath.engine.importing.job import ReadJob, read_batches
from desirepath.errors import DesirepathError, InvalidFile
from desirepath.storage.open import open_storage

__all__ = ["Failure", "Order", "read_frame", "write_frame"]

_LENGTH_BYTES = 8


class Order(Struct, frozen=True):
    """A job, and the databases it looks into."""

    job: ReadJob
    databases: tuple[str, ...]


class Failure(Struct, frozen=True, tag=True):
    """Why the reader gave up."""

    message: str
    is_about_file: bool


class Success(Struct, frozen=True, tag=True):
    """Everything was read."""


def write_frame(stream: BinaryIO, data: bytes) -> None:
    stream.write(len(data).to_bytes(_LENGTH_BYTES))
    stream.write(data)
    stream.flush()


def read_frame(stream: BinaryIO) -> bytes | None:
    """The next frame; None at the end of the stream."""
    head = stream.read(_LENGTH_BYTES)
    if len(head) < _LENGTH_BYTES:
        return None
    return stream.read(int.from_bytes(head))


def main() -> None:
    """Do one order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started this process ends it
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing else may write among the frames
    source = sys.stdin.buffer
    order = msgspec.msgpack.decode(read_frame(source) or b"", type=Order)
    encode = msgspec.msgpack.Encoder().encode
    gc.freeze()
    gc.set_threshold(100_000, 50, 1_000)
    end: Failure | Success = Success()
    try:
        storages = [open_storage(url, SystemClock(), migrate=False) for url in order.databases]
        for batch in read_batches(order.job, storages):
            write_frame(out, b"B" + encode(batch))
            if batch.is_barrier:
                source.read(1)
    except DesirepathError as error:
        end = Failure(error.message, is_about_file=isinstance(error, InvalidFile))
    except BrokenPipeError:
        return
    except Exception as error:
        traceback.print_exc()
        end = Failure(f"{type(error).__name__}: {error}", is_about_file=False)
    write_frame(out, b"E" + encode(end))


if __name__ == "__main__":
    main()
