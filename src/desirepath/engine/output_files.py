"""Files that appear under their name only when they are whole."""

from __future__ import annotations

import gzip
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from desirepath.errors import InvalidFile

__all__ = ["STDOUT", "open_output"]

STDOUT = "-"
_BUFFER_BYTES = 1 << 20


@contextmanager
def open_output(target: str, stdout: IO[bytes] | None = None) -> Iterator[IO[bytes]]:
    """The stream to write to; a file appears under its name only when all went well."""
    if target == STDOUT:
        stream = stdout or sys.stdout.buffer
        yield stream
        stream.flush()
        return
    path = Path(target)
    if path.exists() and not path.is_file() and not path.is_dir():  # a pipe, or a device
        with _naming(target), path.open("wb", buffering=_BUFFER_BYTES) as pipe:
            yield pipe
        return
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with _naming(target):
            with part.open("xb", buffering=_BUFFER_BYTES) as raw:
                if path.suffix == ".gz":
                    with gzip.GzipFile(path.stem, "wb", 6, raw, 0) as packed:
                        yield cast(IO[bytes], packed)
                else:
                    yield raw
                raw.flush()
                os.fsync(raw.fileno())
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _naming(target: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InvalidFile(f"{target} cannot be written: {error.strerror}.") from error
