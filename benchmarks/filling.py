"""Large tables: past executions over HTTP, past interactions through ``desirepath import``."""

import json
import os
import shutil
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from benchmarks import machine, traffic
from benchmarks.bench import INTERACTIONS, Bench, SqliteDatabase
from benchmarks.servers import ServerFailed, run_desirepath


@dataclass(frozen=True, kw_only=True)
class ImportRun:
    """What one import took, and how much of a core others used meanwhile."""

    seconds: float
    foreign_share: float


@dataclass(frozen=True, kw_only=True)
class Filled:
    """A database of past interactions, and what it took to make it."""

    database: SqliteDatabase
    executions: Sequence[traffic.Execution]
    imports: Sequence[ImportRun]
    rows: int
    bytes_per_execution: float
    bytes_per_interaction: float


def past_executions(
    bench: Bench, n_executions: int
) -> tuple[SqliteDatabase, list[traffic.Execution], float]:
    """Register past executions in a new database of the product, and weigh one."""
    database = bench.new_sqlite()
    with bench.sqlite_server(database):
        pass
    empty_bytes = database.bytes()
    executions = traffic.make_past_executions(n_executions, seed=2)
    with bench.sqlite_server(database) as server:
        executions = bench.register(server, executions)
    return database, executions, (database.bytes() - empty_bytes) / n_executions


def fill(bench: Bench, *, rows: int, n_executions: int, times: int) -> Filled:
    """Import past interactions into copies of one database; the last copy stays."""
    bench.say(f"  registering {n_executions:,} past executions")
    template, executions, bytes_per_execution = past_executions(bench, n_executions)
    bench.say(f"  writing {rows:,} past interactions")
    history = bench.folder / "history.jsonl"
    traffic.write_history(history, executions, rows, seed=3)
    imports: list[ImportRun] = []
    database = template
    for number in range(times):
        if number:
            shutil.rmtree(database.folder)
        database = template.copy(bench.new_folder())
        imports.append(import_history(bench, history, database.url))
        bench.say(f"  import {number + 1}: {rows / imports[-1].seconds:,.0f} events/s")
    grown_bytes = database.bytes() - template.bytes()
    history.unlink()
    os.sync()  # or the table is written out while something is measured
    shutil.rmtree(template.folder)
    check_count(bench, database, rows)
    return Filled(
        database=database,
        executions=executions,
        imports=imports,
        rows=rows,
        bytes_per_execution=bytes_per_execution,
        bytes_per_interaction=grown_bytes / rows,
    )


def import_history(bench: Bench, history: Path, url: str) -> ImportRun:
    bench.wait_until_quiet([])
    with machine.watch_foreign([]) as foreign:
        seconds = run_desirepath(
            bench.pythons.desirepath,
            *("import", str(history), "--format", "jsonl", "--database", url),
            log=bench.folder / "import.log",
        )
    return ImportRun(seconds=seconds, foreign_share=foreign.share)


def check_count(bench: Bench, database: SqliteDatabase, rows: int) -> None:
    """Make sure that the import stored what it was given."""
    with bench.sqlite_server(database) as server:
        path = f"{INTERACTIONS}/list?limit=1&include_total=true"
        stored = server.call("POST", path, {})["pagination"]["total"]
    if stored != rows:
        raise ServerFailed(f"{rows:,} interactions were imported, {stored:,} are stored.")


@cache
def filled_for_reads(bench: Bench) -> Filled:
    """Make the table of a million rows, once for all cases that read it."""
    return fill(
        bench,
        rows=bench.sizes.rows_read,
        n_executions=bench.sizes.past_executions_read,
        times=bench.sizes.rounds,
    )


@cache
def baseline_for_reads(bench: Bench) -> tuple[SqliteDatabase, Sequence[traffic.Execution]]:
    """Make the baseline's table of a million rows; written straight into its file."""
    executions = traffic.assign_retrievers(
        traffic.make_past_executions(bench.sizes.past_executions_read, seed=2), ["bench-0"]
    )
    database = bench.new_baseline(executions)
    with sqlite3.connect(database.path) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.executemany(
            f"INSERT INTO interactions ({', '.join(BASELINE_COLUMNS)}) "
            f"VALUES ({', '.join('?' * len(BASELINE_COLUMNS))})",
            map(baseline_row, traffic.history(executions, bench.sizes.rows_read, seed=3)),
        )
    connection.close()
    os.sync()
    return database, executions


BASELINE_COLUMNS = (
    "event_id", "feature_id", "interaction_type", "position", "metadata", "user_id", "session_id",
    "execution_id", "retriever_id", "query_snapshot", "document_score", "result_set_size",
    "feature_uri", "timestamp", "occurred_at", "live",
)  # fmt: skip


def baseline_row(line: str) -> tuple[object, ...]:
    """Write an interaction as the ORM of the baseline stores it."""
    sent = json.loads(line)
    occurred_at = (
        datetime.fromisoformat(sent["occurred_at"])
        .replace(tzinfo=None)
        .isoformat(" ", "microseconds")
    )
    stored = sent | {"timestamp": occurred_at, "occurred_at": occurred_at, "live": 0}
    values = (stored[column] for column in BASELINE_COLUMNS)
    return tuple(json.dumps(v) if isinstance(v, dict | list) else v for v in values)
