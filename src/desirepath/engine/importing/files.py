"""Open what is to be imported: files, standard input, gzip or not."""

from __future__ import annotations

import gzip
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import IO, cast

from msgspec import Struct

from desirepath.engine.parquet import load_pyarrow
from desirepath.errors import InvalidFile

__all__ = ["BOM", "READ_ERRORS", "InputFile", "Stream", "check_looks", "open_inputs"]

STDIN = "-"
BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"
_OTHER_MAGIC = {
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"PK\x03\x04": "zip",
}
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_SAMPLE_BYTES = 65_536

READ_ERRORS = (EOFError, gzip.BadGzipFile, zlib.error)
"""How a compressed file says that it is damaged or cut off."""


class InputFile(Struct, frozen=True, array_like=True, kw_only=True):
    """A file to import.

    ``path`` is where its bytes are, which for standard input is a temporary copy; ``name`` is what
    the user calls it.
    """

    path: str
    name: str
    size: int
    is_gzip: bool

    @property
    def rejected_name(self) -> str:
        """Where its rejected rows go."""
        return f"{'stdin' if self.name == STDIN else self.name}.rejected.jsonl"


class Stream:
    """The bytes of a file, decompressed, and how far into the file they reach."""

    def __init__(self, file: InputFile) -> None:
        self._raw = Path(file.path).open("rb")  # noqa: SIM115
        packed = cast(BufferedReader, gzip.GzipFile(fileobj=self._raw))
        self.bytes = packed if file.is_gzip else self._raw
        self._is_broken = False

    def read(self, size: int) -> bytes | None:
        """The next bytes, ``size`` unless the file ends; None where it breaks off.

        A large read that fails in the middle would take with it what came before.
        """
        parts: list[bytes] = []
        while size and not self._is_broken:
            try:
                part = self.bytes.read1(size)
            except READ_ERRORS:
                self._is_broken = True
                break
            if not part:
                break
            parts.append(part)
            size -= len(part)
        return None if self._is_broken and not parts else b"".join(parts)

    def done(self) -> int:
        """Bytes of the file that were read."""
        return self._raw.tell()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        if self.bytes is not self._raw:
            self.bytes.close()
        self._raw.close()


@contextmanager
def open_inputs(names: Sequence[str], stdin: IO[bytes] | None = None) -> Iterator[list[InputFile]]:
    """The files of these names; ``-`` is standard input.

    Files are looked at more than once, so what can be read but once (standard input, a pipe) is
    copied to a temporary file first.

    Raises
    ------
    InvalidFile
        A file is not there, cannot be read, or is where the rejected rows of another go.
    """
    if not names:
        raise InvalidFile("Name a file to import, or - for standard input.")
    if len(set(names)) != len(names):
        raise InvalidFile("A file is named twice.")
    with tempfile.TemporaryDirectory(prefix="desirepath-") as folder:
        files = [_open(name, Path(folder) / str(n), stdin) for n, name in enumerate(names)]
        named = {Path(name).resolve() for name in names}
        for file in files:
            if Path(file.rejected_name).resolve() in named:
                raise InvalidFile(
                    f"Importing {file.name} writes {file.rejected_name} anew: rename that first."
                )
        yield files


def _open(name: str, copy: Path, stdin: IO[bytes] | None) -> InputFile:
    path = Path(name)
    try:
        if name == STDIN:
            path = _copied(stdin or _standard_input(), copy)
        elif not (path.is_file() or path.is_dir()) and path.exists():
            with path.open("rb") as pipe:
                path = _copied(pipe, copy)
        with path.open("rb") as file:
            head = file.read(len(_GZIP))
            size = file.seek(0, 2)
    except OSError as error:
        raise InvalidFile(f"{name} cannot be read: {error.strerror}.") from error
    return InputFile(path=str(path), name=name, size=size, is_gzip=head == _GZIP)


def _copied(source: IO[bytes], copy: Path) -> Path:
    with copy.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
    return copy


def _standard_input() -> IO[bytes]:
    if sys.stdin is None:
        raise InvalidFile("Standard input is closed.")
    return sys.stdin.buffer


def check_looks(file: InputFile, format: str) -> None:
    """Refuse a file that is plainly something else, before its every line is rejected.

    Raises
    ------
    InvalidFile
        Saying what it looks like and what to do.
    MissingDependency
        It is a Parquet file, and what reads these is not installed.
    """
    with Stream(file) as stream:
        sample = stream.read(_SAMPLE_BYTES)
    if sample is None:
        raise InvalidFile(f"{file.name} is not whole: its compression is broken.")
    is_parquet = sample.startswith(_PARQUET)
    if format == "parquet":
        if not is_parquet or file.is_gzip:
            raise InvalidFile(f"{file.name} is not a Parquet file; name its --format.")
        load_pyarrow()
        return
    if is_parquet:
        raise InvalidFile(f"{file.name} is a Parquet file: use --format parquet.")
    for magic, kind in _OTHER_MAGIC.items():
        if sample.startswith(magic):
            raise InvalidFile(f"{file.name} is compressed with {kind}: unpack it, or use gzip.")
    if sample.startswith(_UTF16):
        raise InvalidFile(f"{file.name} is written in UTF-16: convert it to UTF-8.")
    if b"\x00" in sample:
        raise InvalidFile(f"{file.name} holds binary data, not text.")
    if format != "csv":
        _check_json_lines(file, sample)
    elif sample.removeprefix(BOM).lstrip().startswith((b'{"', b"[{")):
        raise InvalidFile(f"{file.name} holds JSON: use --format jsonl, with one object a line.")


def _check_json_lines(file: InputFile, sample: bytes) -> None:
    lines = [line.strip() for line in sample.removeprefix(BOM).split(b"\n")]
    lines = [line for line in lines if line]
    holds_objects = any(line.startswith(b"{") for line in lines)
    if not lines or (holds_objects and lines[0] != b"["):
        return
    if lines[0].startswith(b"["):
        raise InvalidFile(
            f"{file.name} is one JSON array; write one object a line (jq -c '.[]' does that)."
        )
    raise InvalidFile(
        f"{file.name} holds no JSON objects, one a line, as its format should: is it another one?"
    )
