"""Impressions equal what plain Python makes of the same rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from desirepath.analysis.engines import DuckDB
from desirepath.analysis.impressions import impressions, impressions_after_changes
from tests.unit.analysis.logs import duckdb, expected_impressions, random_log, write_log

COLUMNS = (
    "execution_id",
    "session_id",
    "document_id",
    "position",
    "occurred_at",
    "acts",
    "reward",
    "n_events",
    "acted_at",
    "clicked_at",
    "duration_ms",
)


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[DuckDB]:
    with closing(duckdb(tmp_path)) as runner:
        yield runner


def rows(runner: DuckDB, table: Any) -> list[tuple[Any, ...]]:
    found = runner.arrow(table.select(*COLUMNS)).to_pylist()
    return sorted((tuple(row.values()) for row in found), key=repr)


def tables(runner: DuckDB, folder: Path) -> list[Any]:
    return [runner.read(folder / name) for name in ("interactions", "executions", "returned")]


@pytest.mark.parametrize("seed", range(6))
def test_of_a_whole_log(runner: DuckDB, tmp_path: Path, seed: int) -> None:
    log = random_log(seed)
    folder = write_log(tmp_path, **log)
    assert rows(runner, impressions(*tables(runner, folder))) == expected_impressions(log)


@pytest.mark.parametrize("seed", range(6))
def test_after_changes(runner: DuckDB, tmp_path: Path, seed: int) -> None:
    """Half of the log is known when impressions are worked out, in any order of arrival."""
    log = random_log(seed)
    half: dict[str, Any] = {
        "interactions": log["interactions"][::2],
        "executions": log["executions"][seed % 2 :: 2],
    }
    names = {row["execution_id"] for row in half["executions"]}
    half["returned"] = [row for row in log["returned"] if row["execution_id"] in names]
    before_folder = write_log(tmp_path / "before", **half)
    runner.write(impressions(*tables(runner, before_folder)), before_folder / "done.parquet")
    new = {
        "interactions": log["interactions"][1::2],
        "executions": [row for row in log["executions"] if row["execution_id"] not in names],
    }
    new_folder = write_log(tmp_path / "new", **new)
    keys = ("execution_id", "session_id", "user_id")
    changed = runner.read(new_folder / "interactions").select(*keys)
    changed = changed.union(runner.read(new_folder / "executions").select(*keys))
    folder = write_log(tmp_path / "all", **log)
    (before_folder / "impressions").mkdir()
    (before_folder / "done.parquet").rename(before_folder / "impressions" / "1.parquet")
    before = runner.read(before_folder / "impressions")
    found = impressions_after_changes(before, changed, *tables(runner, folder))
    assert rows(runner, found) == expected_impressions(log)


def test_of_nothing(runner: DuckDB, tmp_path: Path) -> None:
    folder = write_log(tmp_path, interactions=[], executions=[], returned=[])
    assert rows(runner, impressions(*tables(runner, folder))) == []
