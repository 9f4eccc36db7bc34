"""DuckDB in this process: what it reads, and that a question is translated once."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from ibis import _

from desirepath.analysis import engines
from tests.unit.analysis.logs import duckdb, write_log


def test_a_question_that_was_asked_of_another_log_is_not_translated_again(tmp_path: Path) -> None:
    answers = []
    before = engines._sql.cache_info()
    for name, n_rows in (("one", 1), ("other", 2)):
        rows = [{"execution_id": f"e{number}", "position": number} for number in range(n_rows)]
        folder = write_log(tmp_path / name, returned=rows)
        with closing(duckdb(tmp_path / name)) as runner:
            returned = runner.read(folder / "returned")
            found = runner.arrow(returned.agg(n=_.count(), this_test=_.position.sum()))
            answers += found.to_pylist()
    assert answers == [{"n": 1, "this_test": 0}, {"n": 2, "this_test": 1}]
    after = engines._sql.cache_info()
    assert (after.misses - before.misses, after.hits - before.hits) == (1, 1)


def test_folders_read_by_one_engine_stay_apart(tmp_path: Path) -> None:
    folders = [
        write_log(tmp_path / id, returned=[{"execution_id": id, "position": 0}]) for id in "ab"
    ]
    with closing(duckdb(tmp_path)) as runner:
        one, other, again = (
            runner.read(folder / "returned") for folder in (folders[0], folders[1], folders[0])
        )
        found = runner.arrow(one.union(other).union(again).select("execution_id"))
        with runner.kept(other) as kept:
            assert runner.arrow(kept.select("execution_id")).to_pylist() == [{"execution_id": "b"}]
    assert sorted(row["execution_id"] for row in found.to_pylist()) == ["a", "a", "b"]
