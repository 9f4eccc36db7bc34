"""Small logs as Parquet files, and what plain Python says their impressions are."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from desirepath.analysis.engines import DuckDB, Limits
from desirepath.analysis.schemas import EXECUTIONS, IMPRESSIONS, INTERACTIONS, RETURNED
from desirepath.domain.acts import CLICKED, SAID_SHOWN, TYPE_TO_BIT

__all__ = ["Rows", "duckdb", "expected_impressions", "random_log", "write_log"]

Rows = list[dict[str, Any]]
SCHEMAS = {
    "interactions": INTERACTIONS,
    "executions": EXECUTIONS,
    "returned": RETURNED,
    "impressions": IMPRESSIONS,
}
GAP = 30 * 60 * 1_000_000
_REWARDS = {"impression": 0.0, "view": 0.2, "click": 1.0, "purchase": 5.0, "skip": -0.3}


def write_log(folder: Path, **tables: Sequence[Mapping[str, Any]]) -> Path:
    """A folder for each table, with its rows; what a row leaves out is null."""
    for name, rows in tables.items():
        schema = SCHEMAS[name]
        (folder / name).mkdir(parents=True, exist_ok=True)
        columns = [[row.get(column) for row in rows] for column in schema.names]
        arrays = [
            pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)
        ]
        pq.write_table(pa.Table.from_arrays(arrays, schema=schema), folder / name / "1.parquet")
    return folder


def duckdb(tmp_path: Path) -> DuckDB:
    return DuckDB(Limits(), tmp_path / "scratch")


def random_log(seed: int, n_searches: int = 12, n_events: int = 80) -> dict[str, Rows]:
    """Searches with documents, and events that know them, do not, or name others."""
    draw = random.Random(seed)
    executions: Rows = []
    returned: Rows = []
    for number in range(n_searches):
        n_documents = draw.randrange(6)
        offset = draw.choice((0, 0, 10))
        executions.append(
            {
                "id": number.to_bytes(16),
                "execution_id": f"e{number}",
                "occurred_at": draw.randrange(10 * GAP),
                "retriever_id": draw.choice(("r1", "r2")),
                "user_id": draw.choice((None, "u1", "u2")),
                "session_id": draw.choice((None, "s1", "s2")),
                "query": draw.choice((None, "red shoes", "hat")),
                "offset": offset,
                "n_documents": n_documents,
            }
        )
        for place in range(n_documents):
            returned.append(
                {
                    "execution_id": f"e{number}",
                    "position": offset + place,
                    "document_id": f"d{place}",
                    "score": 1.0 - place / 10,
                    "scores": [("text://title", draw.random())] if number % 2 else None,
                }
            )
    interactions: Rows = []
    for number in range(n_events):
        type = draw.choice(list(_REWARDS))
        is_about_query = draw.random() < 0.1
        interactions.append(
            {
                "id": (1000 + number).to_bytes(16),
                "occurred_at": draw.randrange(10 * GAP),
                "acts": TYPE_TO_BIT["query_refinement" if is_about_query else type],
                "document_id": None if is_about_query else f"d{draw.randrange(6)}",
                "position": None if is_about_query else draw.randrange(6),
                "user_id": draw.choice((None, "u1", "u2")),
                "session_id": draw.choice((None, "s1", "s2")),
                "execution_id": draw.choice((None, f"e{draw.randrange(n_searches + 3)}")),
                "retriever_id": draw.choice((None, "r1")),
                "query": draw.choice((None, "red shoes", "hat")),
                "reward": _REWARDS[type],
                "duration_ms": draw.choice((None, 5.0, 40_000.0)),
            }
        )
    return {"interactions": interactions, "executions": executions, "returned": returned}


def expected_impressions(log: Mapping[str, Rows]) -> list[tuple[Any, ...]]:
    """(execution, session, document, position, occurred_at, acts, reward, clicked_at, duration)."""
    known = {row["execution_id"]: row for row in log["executions"]}
    about_documents = [row for row in log["interactions"] if row["document_id"] is not None]
    of_list = defaultdict(list)
    for event in about_documents:
        if event["execution_id"] in known:
            of_list[event["execution_id"], event["document_id"]].append(event)
    found = []
    for row in log["returned"]:
        search = known[row["execution_id"]]
        events = of_list[row["execution_id"], row["document_id"]]
        found.append(
            (
                row["execution_id"],
                search["session_id"],
                row["document_id"],
                row["position"],
                search["occurred_at"],
                *_outcome(events),
            )
        )
    for key, events in _lone_lists(about_documents, known):
        found.append(
            (
                events[0]["execution_id"],
                max((e["session_id"] for e in events if e["session_id"]), default=None),
                key[-1],
                min(event["position"] for event in events),
                key[-2] if key[-2] is not None else min(e["occurred_at"] for e in events),
                *_outcome(events),
            )
        )
    return sorted(found, key=repr)


def _lone_lists(events: Rows, known: Mapping[str, Any]) -> Iterator[tuple[tuple[Any, ...], Rows]]:
    """Events of searches that are not in the log, by list and document."""
    lists: dict[tuple[Any, ...], Rows] = defaultdict(list)
    last: dict[tuple[Any, ...], tuple[int, int]] = {}  # by session and query: start, last event
    for event in sorted(events, key=lambda row: (row["occurred_at"], row["id"])):
        if event["execution_id"] in known:
            continue
        if event["execution_id"] is not None:
            lists[event["execution_id"], None, event["document_id"]].append(event)
            continue
        who = event["session_id"] or event["user_id"]
        if who is None:
            continue
        key, at = (who, event["query"]), event["occurred_at"]
        began = last[key][0] if key in last and at - last[key][1] <= GAP else at
        last[key] = began, at
        lists[(*key, began, event["document_id"])].append(event)
    yield from lists.items()


def _outcome(events: Rows) -> tuple[Any, ...]:
    acts = 0
    for event in events:
        acts |= event["acts"]
    rewards = [event["reward"] for event in events] or [0.0]
    clicks = [event["occurred_at"] for event in events if event["acts"] & CLICKED]
    more = [event["occurred_at"] for event in events if event["acts"] & ~SAID_SHOWN]
    durations = [event["duration_ms"] for event in events if event["duration_ms"] is not None]
    return (
        acts,
        max(0.0, *rewards) + min(0.0, *rewards),
        len(events),
        min(more, default=None),
        min(clicks, default=None),
        max(durations, default=None),
    )
