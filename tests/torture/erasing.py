"""Erase a user of many rows, then look for the id in every byte that is left."""

from __future__ import annotations

import asyncio
import json
import mmap
import random
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg

from tests.torture.disk_faults import is_acked
from tests.torture.filling import fill
from tests.torture.harness import (
    BATCH,
    RECORD,
    REPOSITORY,
    Client,
    Launch,
    Ledger,
    Load,
    Server,
    check_integrity,
    environment,
    query,
    serving_beside,
    sqlite_path,
    until,
    verify,
    writing,
)

ERASE_SECONDS = 60.0
USER = "erase-me-4f1d7a92c0"  # a text that is nowhere else


def places(files: Sequence[Path], text: str = USER) -> dict[str, int]:
    """How often a text occurs in each file, byte by byte."""
    found = {}
    for file in files:
        if file.is_file() and file.stat().st_size:
            with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, prot=mmap.PROT_READ) as m:
                n_hits = sum(1 for _ in re.finditer(re.escape(text.encode()), m))
            if n_hits:
                found[file.name] = n_hits
    return found


async def leave_traces(server: Server, user_id: str) -> None:
    """Mention a user wherever the service writes something down."""
    client = Client(server.port)
    made = await client.post({"retriever_name": "traces"}, "/v1/retrievers")
    assert made.status in (200, 201), made
    retriever_id = made.json()["retriever_id"]
    shown = {"documents": [{"document_id": "d", "score": 1}], "user_id": user_id}
    execution = await client.post(
        {**shown, "execution_id": "theirs"}, f"/v1/retrievers/{retriever_id}/executions"
    )
    assert execution.status in (200, 201), execution
    click = {"feature_id": "d", "interaction_type": ["click"], "position": 0}
    through_execution = {**click, "execution_id": "theirs"}
    assert (await client.post(through_execution)).status == 200
    keyed = {**click, "user_id": user_id, "event_id": f"event-of-{user_id}"}
    assert (await client.post(keyed, Idempotency_Key=f"key-of-{user_id}")).status == 200
    refused = {**click, "user_id": user_id, "position": -1}
    assert (await client.post(refused)).status == 422
    batch = await client.post({"interactions": [refused, {**click, "user_id": user_id}]}, BATCH)
    assert (batch.json()["created"], batch.json()["failed"]) == (1, 1)
    listed = await client.post({"user_id": user_id}, f"{RECORD}/list")
    assert listed.status == 200
    await client.close()


async def erase_under_load(
    database: str, rng: random.Random, launch: Launch, *, n_rows: int, one_in: int
) -> tuple[float, str]:
    """Erase a user while others write; how long it took, and the figures in words."""
    ids = await asyncio.to_thread(_fill, database, n_rows, one_in)
    if sqlite_path(database) is None:
        analyze(database)
    else:
        assert places(files_of(database)), "the search for bytes finds nothing at all"
    ledger = Ledger()
    async with serving_beside(database, "--access-log", launch=launch) as server:
        await leave_traces(server, USER)
        load = Load(ledger, [server.port], rng, n_writers=4, pause_seconds=0.02)
        async with writing(load):
            await until(is_acked(ledger, 10), 20)
            client = Client(server.port)
            started = time.monotonic()
            reply = await client.request("DELETE", f"/v1/users/{USER}", seconds=300)
            seconds = time.monotonic() - started
            assert reply.status == 200, reply
            answer = reply.json()
            for id in rng.sample(ids, min(len(ids), 50)):
                assert (await client.get(f"{RECORD}/{id}")).status == 404
            await client.close()
        await verify(ledger, [server.port], database)
        log = server.errors()
    assert answer["interactions_deleted"] == len(ids) + 3, answer
    assert answer["executions_deleted"] == 1, answer
    for table, column in (("interactions", "user_id"), ("executions", "user_id")):
        assert not query(database, f"SELECT 1 FROM {table} WHERE {column} = '{USER}'")
    assert len(query(database, "SELECT 1 FROM event_ids WHERE event_id LIKE 'filled%'")) == (
        n_rows - len(ids)
    )
    check_integrity(database)
    assert USER not in log, "the log names the user"
    n_deleted = answer["interactions_deleted"]
    return seconds, (
        f"{n_deleted:,} of {n_rows:,} rows erased in {seconds:.1f} s beside "
        f"{len(ledger.acked):,} new ones (slowest {ledger.slowest_seconds:.2f} s)"
    )


def _fill(database: str, n_rows: int, one_in: int) -> list[str]:
    return fill(database, n_rows, user_id=USER, one_in=one_in)


def reimport(database: str, folder: Path) -> dict[str, object]:
    """Import a file that still has the user's rows; what the command says."""
    file = folder / "export.jsonl"
    rows = [
        {
            "feature_id": f"imported-{n}",
            "interaction_type": ["click"],
            "position": 0,
            "user_id": USER if n % 2 else "somebody-else",
            "event_id": f"imported-{n}",
            "occurred_at": "2026-01-01T00:00:00Z",
        }
        for n in range(100)
    ]
    file.write_text("\n".join(map(json.dumps, rows)) + "\n")
    said = run_import(file, database)
    file.unlink()
    return said


def run_import(file: Path, database: str) -> dict[str, object]:
    """``desirepath import``, and its summary."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "desirepath", "import", str(file), "--format", "jsonl"),
            *("--json", "--database", database),
        ],
        env=environment(),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def files_of(database: str) -> list[Path]:
    """Every file of an SQLite database."""
    path = sqlite_path(database)
    assert path is not None
    return sorted(path.parent.glob(path.name + "*"))


def places_in_postgres(database: str, folder: Path) -> dict[str, int]:
    """How often the id occurs in the files of each table and index."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        row = connection.execute(
            "SELECT oid FROM pg_database WHERE datname = current_database()"
        ).fetchone()
        assert row is not None
        node_to_name = {
            str(node): name
            for node, name in connection.execute(
                "SELECT pg_relation_filenode(oid), relname FROM pg_class"
            ).fetchall()
        }
    found: dict[str, int] = {}
    for file, n_hits in places(sorted((folder / "base" / str(row[0])).iterdir())).items():
        name = node_to_name.get(re.split(r"[._]", file)[0], file)
        found[name] = found.get(name, 0) + n_hits
    return found


def analyze(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("ANALYZE")


def rewrite(database: str) -> None:
    """What an operator does when plain VACUUM is not enough."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("ANALYZE")  # its statistics name the most frequent values
        connection.execute("VACUUM FULL")
