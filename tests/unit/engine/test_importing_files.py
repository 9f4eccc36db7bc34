"""Opening files: compression, standard input, and what is not what it is said to be."""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from desirepath.engine.engine import Engine
from desirepath.engine.importing import read_lines
from desirepath.engine.importing.files import InputFile, open_inputs
from desirepath.engine.importing.importing import import_files
from desirepath.engine.importing.options import ImportFormat, ImportOptions
from desirepath.engine.importing.read_lines import read_chunks
from desirepath.engine.importing.read_rows import read_blocks
from desirepath.errors import InvalidFile
from tests.unit.engine.importing_helpers import (
    NAMESPACE,
    click,
    interactions,
    rejected,
    run_import,
    write_lines,
)

LINE = json.dumps(click("a")).encode() + b"\n"


def input_file(path: Path) -> InputFile:
    with open_inputs([str(path)]) as (file,):
        return file


def test_gzip_is_recognised_whatever_the_name(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "events.log"
    path.write_bytes(gzip.compress(LINE[:-1]))
    assert run_import(engine, path, format="jsonl").interactions == 1


def test_standard_input(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options = ImportOptions(format=ImportFormat.JSONL)
    stdin = io.BytesIO(gzip.compress(LINE + b"{oops\n"))
    result = import_files(engine, NAMESPACE, ["-"], options, stdin=stdin)
    assert (result.interactions, result.rejected) == (1, 1)
    assert result.rejected_files == ["stdin.rejected.jsonl"]
    assert (tmp_path / "stdin.rejected.jsonl").exists()


def test_a_byte_order_mark_is_no_part_of_the_first_line(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + LINE)
    assert run_import(engine, path, format="jsonl").interactions == 1


@pytest.mark.parametrize(
    ("data", "format", "message"),
    [
        (b"PAR1....PAR1", "jsonl", "--format parquet"),
        (LINE, "parquet", "not a Parquet file"),
        (b"PAR1....PAR1", "parquet", "damaged"),
        (b"\x28\xb5\x2f\xfd....", "jsonl", "zstd"),
        (b"PK\x03\x04....", "csv", "zip"),
        ("a,b".encode("utf-16"), "csv", "UTF-16"),
        (bytes(range(256)), "metarank", "binary"),
        (b'[\n{"event": "item"}]', "metarank", "jq"),
        (b"a,b\n1,2\n", "ubi", "another one"),
        (b"", "csv", "empty"),
        (LINE, "csv", "--format jsonl"),
        (b"a,a\n1,2\n", "csv", "same name"),
        (b"\x1f\x8b\x08junk that is no gzip at all", "jsonl", "not whole"),
    ],
)
def test_what_is_plainly_something_else_is_refused_at_once(
    engine: Engine, tmp_path: Path, data: bytes, format: str, message: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(InvalidFile, match=message):
        run_import(engine, path, format=format)
    assert not interactions(engine)


@pytest.mark.parametrize("format", ["jsonl", "metarank", "ubi"])
@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file_has_no_rows(
    engine: Engine, tmp_path: Path, format: str, data: bytes
) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    assert run_import(engine, path, format=format).rows == 0


def test_files_must_be_there_and_be_named_once(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="cannot be read"):
        run_import(engine, tmp_path / "nowhere.jsonl", format="jsonl")
    with pytest.raises(InvalidFile, match="cannot be read"):
        run_import(engine, tmp_path, format="jsonl")
    path = write_lines(tmp_path / "t.jsonl", [click("a")])
    with pytest.raises(InvalidFile, match="twice"):
        run_import(engine, path, path, format="jsonl")
    with pytest.raises(InvalidFile, match="Name a file"):
        run_import(engine, format="jsonl")


@pytest.mark.parametrize("format", ["jsonl", "csv"])
def test_a_compressed_file_that_breaks_off_gives_what_it_has(
    engine: Engine, tmp_path: Path, format: str
) -> None:
    header = b"document,position,type,time,filler\n"
    rows = [
        LINE if format == "jsonl" else f"d{n},0,click,2025-06-01,{n * 7919}\n".encode()
        for n in range(20_000)
    ]
    whole = gzip.compress((header if format == "csv" else b"") + b"".join(rows), 1)
    path = tmp_path / "t.gz"
    path.write_bytes(whole[: len(whole) * 2 // 3])
    result = run_import(engine, path, format=format)
    assert 0 < result.interactions < 20_000
    assert result.interactions == len(interactions(engine))
    reasons = [row["reason"] for row in rejected(path)]
    assert len(reasons) == 1
    assert "cut off" in reasons[0]


@pytest.mark.parametrize("format", ["jsonl", "csv"])
@pytest.mark.parametrize("tail", [b"trailing", b"\x1f\x8b", b"\x1f\x8b\x08\x00" + b"\xff" * 50])
def test_all_that_lies_before_the_damage_is_read(
    engine: Engine, tmp_path: Path, format: str, tail: bytes
) -> None:
    header = b"document,position,type,time\n"
    rows = [
        LINE if format == "jsonl" else f"d{n},0,click,2025-06-01\n".encode() for n in range(3_000)
    ]
    path = tmp_path / "t.gz"
    path.write_bytes(gzip.compress((header if format == "csv" else b"") + b"".join(rows)) + tail)
    result = run_import(engine, path, format=format)
    assert result.interactions == 3_000
    assert ["cut off" in row["reason"] for row in rejected(path)] == [True]


def test_what_can_be_read_but_once(engine: Engine, tmp_path: Path) -> None:
    """As the shell's ``<(zcat *.gz)`` is."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    rows = b"".join(json.dumps(click(f"d{n}")).encode() + b"\n" for n in range(2_000))
    writer = threading.Thread(target=pipe.write_bytes, args=(rows,))
    writer.start()
    try:
        assert run_import(engine, pipe, format="jsonl").interactions == 2_000
    finally:
        writer.join(60)


def test_a_closed_standard_input_is_named(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InvalidFile, match="Standard input is closed"):
        run_import(engine, "-", format="jsonl")


def test_rejected_rows_of_an_earlier_run_are_not_overwritten_before_they_are_read(
    engine: Engine, tmp_path: Path
) -> None:
    path = write_lines(tmp_path / "t.jsonl", [click("a"), "{oops"])
    run_import(engine, path, format="jsonl")
    again = tmp_path / "." / ".." / tmp_path.name / "t.jsonl.rejected.jsonl"
    before = again.read_bytes()
    with pytest.raises(InvalidFile, match="rename that first"):
        run_import(engine, path, again, format="jsonl")
    assert again.read_bytes() == before


def test_rejected_rows_that_find_no_room_do_not_stop_the_import(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_lines(tmp_path / "t.jsonl", [*["{oops"] * 100, click("a")])
    beside = tmp_path / "t.jsonl.rejected.jsonl"
    plain_open = Path.open

    def open_full(self: Path, *arguments: Any, **named: Any) -> Any:
        return plain_open(Path("/dev/full") if self == beside else self, *arguments, **named)

    monkeypatch.setattr(Path, "open", open_full)
    result = run_import(engine, path, format="jsonl")
    assert (result.interactions, result.rejected) == (1, 100)
    assert any("could be written" in sentence for sentence in result.advice)


@pytest.mark.parametrize("format", ["jsonl", "csv", "metarank", "ubi"])
def test_a_file_without_rows_is_remarked_upon(engine: Engine, tmp_path: Path, format: str) -> None:
    path = tmp_path / "t"
    path.write_text("document,position\n" if format == "csv" else "\n\n")
    (sentence,) = run_import(engine, path, format=format).advice
    assert "nothing to import" in sentence


def test_lines_come_whole_however_the_chunks_fall(tmp_path: Path) -> None:
    lines = [b"x" * (n % 7) + b"\n" for n in range(50)] + [b"no end"]
    path = tmp_path / "t"
    path.write_bytes(b"".join(lines))
    file = input_file(path)
    for size in (1, 2, 5, 16, 1000):
        chunks = list(read_chunks(file, size))
        assert b"".join(chunk.data for chunk in chunks) == b"".join(lines) + b"\n"
        number = 1
        for chunk in chunks:
            assert chunk.first_line == number
            number += chunk.data.count(b"\n")


def test_a_line_that_is_far_too_long_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_lines, "MAX_LINE_BYTES", 100)
    path = tmp_path / "t.jsonl"
    path.write_bytes(b'{"n": 1}\n{"long": "' + b"x" * 1000 + b'"}\n{"n": 3}\n')
    for size in (7, 64, 150, 5000):
        blocks = [read_lines.decode_chunk(chunk) for chunk in read_chunks(input_file(path), size)]
        rows = [row for found, _ in blocks for row in found]
        aside = [u for chunk in read_chunks(input_file(path), size) for u in chunk.unreadable]
        if size < 1000:
            assert rows == [(1, {"n": 1}), (3, {"n": 3})]
            assert [(line.line, len(line.text) < 1000) for line in aside] == [(2, True)]


def test_text_that_is_not_utf8_is_refused_row_by_row(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(LINE + b'{"feature_id": "\xff"}\n' + LINE)
    assert run_import(engine, path, format="jsonl").interactions == 2
    assert [row["line"] for row in rejected(path)] == [2]
    path = tmp_path / "t.csv"
    path.write_bytes(
        b"document,position,type,time\n\xff,0,click,2025-01-01\nb,0,click,2025-01-01\n"
    )
    result = run_import(engine, path, format="csv")
    assert (result.interactions, result.rejected) == (1, 1)
    assert [row["line"] for row in rejected(path)] == [2]
    path.write_bytes(
        b"query,document,position,clicked,time\n"
        b"caf\xe9,a,0,1,2025-01-01\ncaf\xc3\xa9,b,0,1,2025-01-01\n"
    )
    result = run_import(engine, path, format="csv")
    assert (result.interactions, result.rejected) == (1, 1)
    assert [row["line"] for row in rejected(path)] == [2]


def test_rows_of_a_folder_that_cannot_be_written_go_here(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    path = write_lines(tmp_path / "t.jsonl", [click("a"), "{oops"])
    (tmp_path / "t.jsonl.rejected.jsonl").mkdir()
    result = run_import(engine, path, format="jsonl")
    assert result.rejected_files == ["t.jsonl.rejected.jsonl"]
    assert len((here / "t.jsonl.rejected.jsonl").read_text().splitlines()) == 1


def test_the_delimiter_of_a_table_is_recognised(tmp_path: Path) -> None:
    for delimiter in ",;\t|":
        path = tmp_path / "t.csv"
        path.write_text(delimiter.join("abc") + "\n" + delimiter.join("123") + "\n")
        (block,) = read_blocks(input_file(path), "csv")
        assert block.rows == [(2, {"a": "1", "b": "2", "c": "3"})]
