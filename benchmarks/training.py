"""How long a matrix of features takes to read from a large log, and a ranker to train on it.

``python -m benchmarks.training [--executions N] [--memory BYTES]``: the made-up log of
``benchmarks.analysis`` (20 documents an execution) with documents that have two numbers, a date and
a field of texts. Beside the matrix stands what the same rows cost without features; beside the
ranker, LightGBM called by hand on the same arrays. Every figure is of a process of its own, with
its peak memory.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from benchmarks.analysis import DEPTH, TABLES, make_log, peak_mb, work_out
from desirepath.analysis.engines import DuckDB, Limits
from desirepath.analysis.impressions import with_people
from desirepath.analysis.log import log_of
from desirepath.analysis.ranking_features import exposures_of
from desirepath.engine.analysing.asking import OpenLog
from desirepath.engine.analysing.part import Part
from desirepath.engine.training.document_fields import DocumentTables
from desirepath.engine.training.layouts import USUAL_FEATURES, read_layout, with_shares
from desirepath.engine.training.training_rows import features_of, opened_tables, training_rows

NAMES = (
    *USUAL_FEATURES,
    *("field:price", "field:rating", "age:made"),
    *("user_affinity:brand", "session_affinity:brand"),
)


def make_documents(folder: Path) -> None:
    """Write fields of the documents that the log names, as training copies them."""
    for table in ("numbers", "values"):
        (folder / table).mkdir()
    with closing(duckdb.connect()) as connection:
        documents = f"(SELECT DISTINCT document_id FROM '{folder}/returned/*.parquet')"
        connection.execute(
            f"""COPY (SELECT document_id, hash(document_id) % 1000 / 10.0 AS number_0,
            hash(document_id) % 50 / 10.0 AS number_1,
            1.6e15 + hash(document_id) % 100 * 1e12 AS date_0 FROM {documents})
            TO '{folder}/numbers/1.parquet' (FORMAT parquet)"""
        )
        connection.execute(
            f"""COPY (SELECT 'brand' AS path, document_id, 'brand ' || value AS value FROM
            (SELECT document_id, unnest([hash(document_id) % 40, hash(document_id) % 90 + 40])
            AS value FROM {documents})) TO '{folder}/values/1.parquet' (FORMAT parquet)"""
        )


@contextmanager
def opened(folder: Path, memory: int) -> Iterator[OpenLog]:
    with (
        tempfile.TemporaryDirectory() as scratch,
        closing(DuckDB(Limits(memory_bytes=memory), Path(scratch))) as engine,
    ):
        tables = {name: engine.read(folder / name) for name in (*TABLES, "impressions")}
        tables["executions"] = with_people(tables["executions"], tables["interactions"])
        yield OpenLog(log=log_of(**tables), engine=engine)


def read_matrix(folder: Path, memory: int, with_features: bool) -> dict[str, float]:
    """Read every list with its features, or without; the arrays stay beside the log."""
    with opened(folder, memory) as log:
        rows = training_rows(Part(log=log.log, engine=log.engine))
        began = time.perf_counter()
        if not with_features:
            n_rows = len(log.engine.arrow(rows.drop("scores", "features")))
            return _figures(began, n_rows)
        layout = read_layout(NAMES, retriever_id=None, propensities=(1.0, 0.7, 0.5, 0.4, 0.3))
        documents = DocumentTables(
            numbers=log.engine.read(folder / "numbers"), values=log.engine.read(folder / "values")
        )
        with log.engine.kept(exposures_of(log.log, layout)) as exposures:
            layout = with_shares(log, layout, exposures, documents)
            with opened_tables(log, layout, exposures, documents) as tables:
                found = features_of(log, rows, tables, layout)
        figures = _figures(began, len(found.features))
        np.save(folder / "features.npy", found.features)
        np.save(folder / "clicks.npy", found.rows["reward"].to_numpy() > 0)
        np.save(folder / "positions.npy", found.rows["position"].to_numpy())
        return figures


def _figures(began: float, n_rows: int) -> dict[str, float]:
    return {"seconds": time.perf_counter() - began, "rows": n_rows, "peak_mb": peak_mb()}


def in_a_process(*arguments: str) -> dict[str, float]:
    """What a figure of this module is, measured in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.training", *arguments]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(answer.splitlines()[-1])
    return found


def compare(n_executions: int, memory: int) -> None:
    """Print every figure."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "log"
        make_log(folder, n_executions)
        work_out(folder, memory)
        make_documents(folder)
        print(f"{n_executions * DEPTH:,} impressions of {n_executions:,} executions")
        asked = ("--memory", str(memory), "--folder", str(folder))
        bare = in_a_process("--figure", "rows", *asked)
        full = in_a_process("--figure", "matrix", *asked)
        print(
            f"matrix of {len(NAMES)} features: {full['seconds']:.1f} s (at most 60 s for a "
            f"million rows), {full['seconds'] / bare['seconds']:.1f} times the rows alone, "
            f"{full['rows']:,.0f} rows, peak {full['peak_mb']:.0f} MB"
        )


FIGURES: dict[str, Callable[[Path, int], dict[str, float]]] = {
    "rows": lambda folder, memory: read_matrix(folder, memory, False),
    "matrix": lambda folder, memory: read_matrix(folder, memory, True),
}


def main() -> None:
    """Measure, or give one figure to the process that asked for it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executions", type=int, default=50_000)
    parser.add_argument("--memory", type=int, default=2 << 30)
    parser.add_argument("--figure", choices=FIGURES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options: Any = parser.parse_args()
    if options.figure:
        print(json.dumps(FIGURES[options.figure](options.folder, options.memory)))
    else:
        compare(options.executions, options.memory)


if __name__ == "__main__":
    main()
