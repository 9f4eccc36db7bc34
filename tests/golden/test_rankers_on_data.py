"""Rankers on real data, through our own path from files to the measure."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from desirepath.cli import main
from desirepath.methods.ranking.lambdamart import LambdaMART
from desirepath.methods.ranking.matrix import Matrix
from desirepath.methods.ranking.metrics import Gain, ndcg

Find = Callable[[str], Path]

pytestmark = pytest.mark.needs_data


def read_libsvm(folder: Path, name: str) -> Matrix:
    lines = gzip.decompress((folder / f"{name}.gz").read_bytes()).decode().splitlines()
    values = np.zeros((len(lines), 300), np.float32)
    grades = np.zeros(len(lines), np.int64)
    for row, line in enumerate(lines):
        grade, *pairs = line.split()
        grades[row] = int(grade)
        for pair in pairs:
            column, value = pair.split(":")
            values[row, int(column) - 1] = float(value)
    groups = np.array((folder / f"{name}.query").read_text().split(), np.int64)
    return Matrix(
        names=tuple(f"feature:{column}" for column in range(1, 301)),
        values=values,
        grades=grades,
        groups=groups,
        positions=np.full(len(lines), -1, np.int32),
        times=np.arange(len(groups)),
    )


def test_a_matrix_of_graded_lists(shared_data: Find) -> None:
    """LightGBM's own example; 0.748 was measured there with other settings."""
    folder = shared_data("ltr_lightgbm")
    test = read_libsvm(folder, "rank.test")
    fitted = LambdaMART(gain=Gain.EXPONENTIAL).fit(read_libsvm(folder, "rank.train"))
    found = ndcg(fitted.ranker.scores(test.values), test.grades, test.groups, k=10)
    assert np.nanmean(found) >= 0.74


def test_films_that_people_like(tmp_path: Path, shared_data: Find) -> None:
    """From files to a ranker that is above plain click-through, all by commands."""
    database = f"sqlite:///{tmp_path}/films.db"
    events, items = tmp_path / "events_train.jsonl.gz", tmp_path / "items.jsonl.gz"
    for path in (events, items):
        path.write_bytes((shared_data("ranklens") / path.name).read_bytes())
    run("import", "--format", "metarank", str(events), "--database", database)
    run("import", "--format", "metarank", "--documents", str(items), "--database", database)
    numbers = ("popularity", "vote_avg", "vote_cnt", "budget", "runtime")
    fields = (*(f"field:{name}" for name in numbers), "age:release_date")
    tastes = (f"user_affinity:{name}" for name in ("genres", "tags", "actors", "director"))
    features = [word for name in (*fields, *tastes) for word in ("--feature", name)]
    chosen = ("--grades", "binary", "--gain", "linear", "--json", *features)
    answer = run("train", "ranker", "films", *chosen, "--database", database)
    report = json.loads(answer)
    behind = {one["order"]: one["behind"] for one in report["measured"]}
    assert report["n_test_lists"] > 1_400
    assert behind["item_ctr"]["mean"] >= 0.01
    assert behind["item_ctr"]["low"] > 0
    assert behind["random"]["mean"] >= 0.25
    assert report["version"] == 1
    assert report["verdict"].startswith("Better than every order")


def run(*arguments: str) -> str:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout
