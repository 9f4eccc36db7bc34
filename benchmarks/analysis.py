"""How quick questions to a large log are, and how quickly it is copied.

``python -m benchmarks.analysis [--executions N] [--memory BYTES]``: a made-up log of 20
interactions an execution over fourteen days (queries, documents and users as skewed as they are),
written as the files that copies of a log are; each question is asked through Ibis as the product
asks it, beside SQL by hand over the same files. ``--copy URL FOLDER`` copies a database instead.
Every figure is of a process of its own, with its peak memory.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
from ibis import _

from desirepath.analysis.engines import DuckDB, Limits
from desirepath.analysis.impressions import impressions, is_clicked
from desirepath.analysis.log import Log, log_of
from desirepath.domain.acts import CLICKED, TYPE_TO_BIT

DEPTH = 20
N_ROUNDS = 5
_DAY = 86_400_000_000
_SHOWN = TYPE_TO_BIT["impression"]
TABLES = ("interactions", "executions", "returned")


def make_log(folder: Path, n_executions: int) -> None:
    """Write the files: each document shown gets an impression, some of them a click."""
    for table in (*TABLES, "impressions"):
        (folder / table).mkdir(parents=True)
    with closing(duckdb.connect()) as connection:
        connection.execute("SELECT setseed(0.5)")
        connection.execute(
            f"""
            CREATE TABLE searches AS SELECT
                n, 'exec_' || md5(n::TEXT) AS execution_id,
                1700000000000000 + (n * 14 * {_DAY} // {n_executions})::BIGINT AS occurred_at,
                'query ' || floor(10000 * pow(random(), 3))::INT AS query,
                'user_' || floor(200000 * pow(random(), 2))::INT AS user_id,
                'session_' || (n // 4) AS session_id
            FROM range({n_executions}) AS t(n)
            """
        )
        connection.execute(
            f"""
            CREATE TABLE shown AS SELECT
                searches.*, place::INT AS position,
                'doc_' || (hash(query) % 1000 + floor(1000 * pow(random(), 2)))::INT AS document_id,
                random() < 0.3 / (place + 1) AS is_clicked
            FROM searches, range({DEPTH}) AS t(place)
            """
        )
        _write(
            connection,
            folder / "executions",
            """SELECT encode(execution_id) AS id, execution_id, occurred_at AS recorded_at,
            occurred_at, true AS live, 'ret_1' AS retriever_id, 1::INT AS version, user_id,
            session_id, query, '{"query":"' || query || '"}' AS query_snapshot,
            NULL::TEXT AS configuration, NULL::TEXT AS metadata, 0::INT AS "offset",
            20::INT AS n_documents, NULL::BIGINT AS total, NULL::TEXT AS parent_id FROM searches""",
        )
        _write(
            connection,
            folder / "returned",
            """SELECT execution_id, position, document_id, 1.0 / (position + 1) AS score,
            NULL::MAP(TEXT, DOUBLE) AS scores, NULL::MAP(TEXT, DOUBLE) AS features FROM shown""",
        )
        _write(
            connection,
            folder / "interactions",
            f"""SELECT encode(execution_id || position) AS id, occurred_at AS recorded_at,
            occurred_at + position * 1000000 AS occurred_at, true AS live,
            (CASE WHEN is_clicked THEN {CLICKED} ELSE {_SHOWN} END)::INT AS acts, document_id,
            position, user_id, session_id, execution_id, 'ret_1' AS retriever_id, query,
            '{{"query":"' || query || '"}}' AS query_snapshot,
            1.0 / (position + 1) AS document_score,
            20::INT AS result_set_size, is_clicked::INT::DOUBLE AS reward,
            NULL::DOUBLE AS duration_ms, NULL::TEXT AS feature_uri, NULL::TEXT AS metadata,
            NULL::TEXT AS warning FROM shown""",
        )


def _write(connection: duckdb.DuckDBPyConnection, folder: Path, select: str) -> None:
    connection.execute(
        f"COPY ({select}) TO '{folder}' (FORMAT parquet, COMPRESSION zstd, PER_THREAD_OUTPUT, "
        "OVERWRITE_OR_IGNORE)"
    )


# Questions, as the product asks them, and as SQL by hand


def positions(log: Log, _interactions: Any) -> Any:
    counted = log.counted
    return counted.group_by("position").agg(n=counted.count(), clicks=is_clicked(counted).sum())


def documents_of_queries(log: Log, _interactions: Any) -> Any:
    counted = log.counted
    return counted.group_by("query", "document_id").agg(
        n=counted.count(), clicks=is_clicked(counted).sum()
    )


def skipped_above(log: Log, _interactions: Any) -> Any:
    """Each clicked document with those above it that were not: embedding pairs are made of them."""
    counted = log.counted
    clicked = counted.filter(is_clicked(counted)).select(
        "execution_id", "query", clicked="document_id", at="position"
    )
    left = counted.filter(~is_clicked(counted)).select("execution_id", "document_id", "position")
    both = clicked.inner_join(left, "execution_id").filter(_.position < _["at"])
    return both.group_by("query", "clicked", "document_id").agg(n=_.count())


def training_rows(_log: Log, interactions: Any) -> Any:
    """What interactions carry themselves: query, document, position, click."""
    return interactions.group_by("query", "document_id", "position").agg(
        n=_.count(), clicks=is_clicked(interactions).sum()
    )


def training_rows_joined(log: Log, interactions: Any) -> Any:
    """The same of interactions that carry no query, through their executions."""
    searches = log.executions.select("execution_id", "query")
    rows = interactions.drop("query").inner_join(searches, "execution_id")
    return rows.group_by("query", "document_id", "position").agg(
        n=_.count(), clicks=is_clicked(rows).sum()
    )


QUESTIONS: dict[str, tuple[Callable[[Log, Any], Any], str, float | None]] = {
    "CTR by position": (
        positions,
        f"SELECT position, count(*), count(*) FILTER (acts & {CLICKED} != 0) FROM impressions "
        "WHERE acts != 0 GROUP BY ALL",
        0.5,
    ),
    "(query, document)": (
        documents_of_queries,
        f"SELECT query, document_id, count(*), count(*) FILTER (acts & {CLICKED} != 0) "
        "FROM impressions WHERE acts != 0 GROUP BY ALL",
        3.0,
    ),
    "pairs": (
        skipped_above,
        f"""SELECT c.query, c.document_id, l.document_id, count(*) FROM impressions c
        JOIN impressions l ON c.execution_id = l.execution_id AND l.position < c.position
        WHERE c.acts & {CLICKED} != 0 AND l.acts != 0 AND l.acts & {CLICKED} = 0 GROUP BY ALL""",
        5.0,
    ),
    "training rows": (
        training_rows,
        f"SELECT query, document_id, position, count(*), count(*) FILTER (acts & {CLICKED} != 0) "
        "FROM interactions GROUP BY ALL",
        None,
    ),
    "training rows, joined": (
        training_rows_joined,
        f"SELECT e.query, document_id, position, count(*), count(*) FILTER "
        f"(acts & {CLICKED} != 0) FROM interactions JOIN executions e USING (execution_id) "
        "GROUP BY ALL",
        None,
    ),
}


def ask(folder: Path, name: str, memory: int, by_hand: bool) -> dict[str, float]:
    """Ask one question several times; what the first time costs is not counted."""
    question, sql, _target = QUESTIONS[name]
    with (
        tempfile.TemporaryDirectory() as scratch,
        closing(DuckDB(Limits(memory_bytes=memory), Path(scratch))) as engine,
    ):
        tables = {table: engine.read(folder / table) for table in (*TABLES, "impressions")}
        log = log_of(**tables)

        def run() -> int:
            if by_hand:
                text = sql
                for table in tables:
                    path = f"read_parquet('{folder / table}/*.parquet')"
                    text = text.replace(f"FROM {table}", f"FROM {path}")
                    text = text.replace(f"JOIN {table}", f"JOIN {path}")
                found: Any = duckdb.connect().execute(text).to_arrow_table()
                return len(found)
            return len(engine.arrow(question(log, tables["interactions"])))

        times = []
        for _round in range(N_ROUNDS + 1):
            began = time.perf_counter()
            n_rows = run()
            times.append(time.perf_counter() - began)
    return {"seconds": median(times[1:]), "rows": n_rows, "peak_mb": peak_mb()}


def work_out(folder: Path, memory: int) -> dict[str, float]:
    """Work impressions out of the other tables."""
    with (
        tempfile.TemporaryDirectory() as scratch,
        closing(DuckDB(Limits(memory_bytes=memory), Path(scratch))) as engine,
    ):
        interactions, executions, returned = (engine.read(folder / table) for table in TABLES)
        began = time.perf_counter()
        shown = impressions(interactions, executions, returned)
        engine.write(shown, folder / "impressions" / "1.parquet")
        return {"seconds": time.perf_counter() - began, "peak_mb": peak_mb()}


def copy(database: str, folder: Path) -> dict[str, float]:
    """Copy a database for the first time."""
    from desirepath.domain.clock import SystemClock
    from desirepath.engine.analysing.copying import snapshot
    from desirepath.engine.analysing.files import CopyFiles
    from desirepath.storage.open import open_storage

    n_rows = 0

    def progress(n_more: int) -> None:
        nonlocal n_rows
        n_rows += n_more

    with closing(open_storage(database, SystemClock())) as storage, storage.read() as session:
        began = time.perf_counter()
        with snapshot(CopyFiles(folder), session, 1, lambda _tables, file: file.touch(), progress):
            seconds = time.perf_counter() - began
    return {"seconds": seconds, "rows": n_rows, "peak_mb": peak_mb()}


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def in_a_process(*arguments: str) -> dict[str, float]:
    """What a figure of this module is, measured in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.analysis", *arguments]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(answer.splitlines()[-1])
    return found


def compare(n_executions: int, memory: int) -> None:
    """Print every figure."""
    limit = str(memory)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "log"
        began = time.perf_counter()
        make_log(folder, n_executions)
        print(
            f"{n_executions * DEPTH:,} interactions written in {time.perf_counter() - began:.0f} s"
        )
        done = in_a_process("--work-out", str(folder), "--memory", limit)
        print(f"impressions worked out in {done['seconds']:.1f} s, peak {done['peak_mb']:.0f} MB")
        for name, (_question, _sql, target) in QUESTIONS.items():
            asked = ("--ask", name, str(folder), "--memory", limit)
            ours, by_hand = in_a_process(*asked), in_a_process(*asked, "--by-hand")
            wanted = f" (at most {target:g} s)" if target else ""
            print(
                f"{name:24} {ours['seconds']:6.2f} s{wanted}, "
                f"{ours['seconds'] / by_hand['seconds']:.2f} times SQL by hand, "
                f"{ours['rows']:,.0f} rows, peak {ours['peak_mb']:.0f} MB"
            )


def main() -> None:
    """Measure, or give one figure to the process that asked for it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executions", type=int, default=500_000)
    parser.add_argument("--memory", type=int, default=2 << 30)
    parser.add_argument("--by-hand", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--ask", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--work-out", help=argparse.SUPPRESS)
    parser.add_argument("--copy", nargs=2, metavar=("URL", "FOLDER"), help="Copy a database.")
    options = parser.parse_args()
    if options.ask:
        name, folder = options.ask
        print(json.dumps(ask(Path(folder), name, options.memory, options.by_hand)))
    elif options.work_out:
        print(json.dumps(work_out(Path(options.work_out), options.memory)))
    elif options.copy:
        found = copy(options.copy[0], Path(options.copy[1]))
        print(f"{found['rows'] / found['seconds']:,.0f} rows/s, peak {found['peak_mb']:.0f} MB")
    else:
        compare(options.executions, options.memory)


if __name__ == "__main__":
    main()
