"""Attempts, refinements and toggled filters equal what plain Python makes of the same rows."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from desirepath.analysis.attempts import (
    attempts,
    numbered_searches,
    refinement_events,
    timeline,
    toggle_events,
)
from desirepath.analysis.engines import DuckDB
from desirepath.analysis.impressions import impressions
from desirepath.analysis.log import Log, log_of
from desirepath.analysis.refinements import queries_tried, refinements, steps
from desirepath.analysis.toggled import toggled, uses
from desirepath.domain.acts import CLICKED, TYPE_TO_BIT
from tests.unit.analysis.logs import Rows, duckdb, write_log
from tests.unit.analysis.people import WINDOW

QUERIES = (None, "hat", "Hat ", "red  hat", "cap", "helmet")


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[DuckDB]:
    with closing(duckdb(tmp_path)) as runner:
        yield runner


def random_sessions(seed: int) -> dict[str, Rows]:
    """Searches of a few sessions over half a day, with clicks, refinements and filters."""
    draw = random.Random(seed)

    def who() -> dict[str, Any]:
        session = draw.choice((None, "s1", "s2", "s3"))
        return {"session_id": session, "user_id": draw.choice((None, "u1", "u2"))}

    executions: Rows = [
        {
            "id": number.to_bytes(16),
            "execution_id": f"e{number}",
            "occurred_at": draw.randrange(10 * WINDOW),
            "retriever_id": "r",
            "query": (query := draw.choice(QUERIES)),
            "query_snapshot": json.dumps({"query": query}),
            "offset": draw.choice((0, 0, 0, 10)),
            "n_documents": draw.choice((0, 3)),
            **who(),
        }
        for number in range(40)
    ]
    returned: Rows = [
        {"execution_id": row["execution_id"], "position": place, "document_id": f"d{place}"}
        for row in executions
        for place in range(row["n_documents"])
    ]
    interactions: Rows = []
    for number in range(60):
        kind = draw.choice(("click", "query_refinement", "filter_toggle"))
        metadata: dict[str, Any] = {}
        if kind == "query_refinement" and draw.random() < 0.6:
            metadata = {"refined_to": draw.choice(("cap", "Helmet", "hat"))}
        if kind == "filter_toggle":
            metadata = {"filter": draw.choice(("brand", "color")), "value": draw.choice((1, "x"))}
            metadata["enabled"] = draw.random() < 0.7
        search = draw.choice(executions)
        knows = kind == "click" or draw.random() < 0.5
        interactions.append(
            {
                "id": (1000 + number).to_bytes(16),
                "occurred_at": search["occurred_at"] + draw.randrange(WINDOW // 2),
                "acts": TYPE_TO_BIT[kind],
                "document_id": "d1" if kind == "click" else None,
                "execution_id": search["execution_id"] if knows else None,
                "query": None if knows else draw.choice(QUERIES),
                "metadata": json.dumps(metadata),
                "reward": 0.0,
                **({"session_id": None, "user_id": None} if knows else who()),
            }
        )
    return {"interactions": interactions, "executions": executions, "returned": returned}


class Read:
    """What plain Python makes of it."""

    def __init__(self, log: dict[str, Rows]) -> None:
        known = {row["execution_id"]: row for row in log["executions"]}
        self.moments: list[dict[str, Any]] = []
        for row in log["executions"]:
            clicks = [
                event["occurred_at"]
                for event in log["interactions"]
                if event["execution_id"] == row["execution_id"] and event["acts"] & CLICKED
            ]
            self._add(row, row, clicks=clicks)
        for row in log["interactions"]:
            of = known.get(row["execution_id"], {})
            linked = {
                name: row[name] if row[name] is not None else of.get(name)
                for name in ("session_id", "user_id", "query")
            }
            self._add(row, linked, event=row)
        self.threads = self._visits()

    def _add(self, row: Any, who: Any, **more: Any) -> None:
        thread = who["session_id"] or who["user_id"]
        query = " ".join((who["query"] or "").lower().split()) or None
        if thread is not None:
            self.moments.append(
                {
                    "thread": thread,
                    "identity": who["user_id"] or who["session_id"],
                    "at": row["occurred_at"],
                    "query": query,
                    "row": row,
                    **more,
                }
            )

    def _visits(self) -> list[list[dict[str, Any]]]:
        """Moments by visit; what is of the same moment in the order of searches, then events."""
        of_thread: dict[str, list[list[dict[str, Any]]]] = defaultdict(list)
        for moment in sorted(self.moments, key=_order):
            visits = of_thread[moment["thread"]]
            if not visits or moment["at"] - visits[-1][-1]["at"] > WINDOW:
                visits.append([])
            visits[-1].append(moment)
        return [visit for visits in of_thread.values() for visit in visits]

    def attempts(self) -> list[dict[str, Any]]:
        found = []
        for number, visit in enumerate(self.threads):
            made: list[dict[str, Any]] = []
            for moment in visit:
                if "event" in moment or moment["query"] is None:
                    continue
                if not made or made[-1]["query"] != moment["query"]:
                    made.append({"query": moment["query"], "visit": number, "searches": []})
                made[-1]["searches"].append(moment)
            for attempt, after in zip(made, [*made[1:], None], strict=False):
                attempt["next"] = after
                attempt["clicks"] = [at for s in attempt["searches"] for at in s["clicks"]]
                first_pages = [s for s in attempt["searches"] if not s["row"]["offset"]]
                attempt["nothing"] = bool(first_pages) and all(
                    s["row"]["n_documents"] == 0 for s in first_pages
                )
                attempt["identity"] = min(s["identity"] for s in attempt["searches"])
            found += made
        return found

    def steps(self) -> dict[tuple[int, str, str], dict[str, Any]]:
        found: dict[tuple[int, str, str], dict[str, Any]] = {}
        made = self.attempts()
        for attempt in made:
            if attempt["next"] is not None:
                key = (attempt["visit"], attempt["query"], attempt["next"]["query"])
                step = found.setdefault(key, {"first": False, "second": False, "who": []})
                step["first"] |= bool(attempt["clicks"])
                step["second"] |= bool(attempt["next"]["clicks"])
                step["who"].append(attempt["identity"])
                step["seen"] = True
        tried: dict[tuple[int, str], bool] = defaultdict(bool)
        for attempt in made:
            tried[attempt["visit"], attempt["query"]] |= bool(attempt["clicks"])
        for number, visit in enumerate(self.threads):
            for place, moment in enumerate(visit):
                if "event" not in moment:
                    continue
                if not moment["row"]["acts"] & TYPE_TO_BIT["query_refinement"]:
                    continue
                before = [m for m in visit[:place] if "event" not in m]
                after = [m for m in visit[place:] if "event" not in m]
                wanted = json.loads(moment["row"]["metadata"]).get("refined_to")
                first = moment["query"] or (before[-1]["query"] if before else None)
                second = wanted.lower() if wanted else (after[0]["query"] if after else None)
                if first is None or second is None or first == second:
                    continue
                fresh: dict[str, Any] = {
                    "first": tried.get((number, first)),
                    "second": tried.get((number, second)),
                    "who": [],
                    "seen": False,
                }
                step = found.setdefault((number, first, second), fresh)
                step["said"] = True
                if not step["seen"]:
                    step["who"].append(moment["identity"])
        return found

    def toggles(self) -> dict[tuple[int, str, str, str], list[tuple[int, bool, Any]]]:
        """By attempt, query, field and value: when it was turned on or off."""
        made = self.attempts()
        place_of = {
            id(search): number for number, one in enumerate(made) for search in one["searches"]
        }
        of_execution = {
            search["row"]["execution_id"]: number
            for number, one in enumerate(made)
            for search in one["searches"]
        }
        found = defaultdict(list)
        for visit in self.threads:
            last = None
            for moment in visit:
                if "event" not in moment:
                    last = moment
                elif moment["row"]["acts"] & TYPE_TO_BIT["filter_toggle"]:
                    number = of_execution.get(moment["row"]["execution_id"])
                    if number is None and last is not None:
                        number = place_of.get(id(last))
                    if number is not None:
                        said = json.loads(moment["row"]["metadata"])
                        key = (number, made[number]["query"], said["filter"], str(said["value"]))
                        found[key].append((moment["at"], said["enabled"], made[number]))
        return found


def _order(moment: dict[str, Any]) -> tuple[Any, ...]:
    query, search = moment["query"], moment["row"]["execution_id"]
    return moment["at"], "event" in moment, query is None, query or "", search is None, search or ""


def _log(runner: DuckDB, folder: Path) -> Log:
    interactions, executions, returned = (
        runner.read(folder / name) for name in ("interactions", "executions", "returned")
    )
    shown = impressions(interactions, executions, returned)
    return log_of(interactions, executions, returned, shown)


@pytest.mark.parametrize("seed", range(8))
def test_of_a_random_log(runner: DuckDB, tmp_path: Path, seed: int) -> None:
    log = random_sessions(seed)
    read = Read(log)
    moments = timeline(_log(runner, write_log(tmp_path, **log)), WINDOW)
    numbered = numbered_searches(moments)
    made = attempts(numbered)

    found = runner.arrow(made).to_pylist()
    assert Counter(
        (
            row["query"],
            row["n_searches"],
            row["is_clicked"],
            row["last_clicked_at"],
            row["found_nothing"],
            row["next_query"],
            row["identity"],
        )
        for row in found
    ) == Counter(
        (
            one["query"],
            len(one["searches"]),
            bool(one["clicks"]),
            max(one["clicks"], default=None),
            one["nothing"],
            one["next"] and one["next"]["query"],
            one["identity"],
        )
        for one in read.attempts()
    )

    pairs: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for (_visit, first, second), step in read.steps().items():
        pairs[first, second].append(step)
    table = refinements(steps(refinement_events(moments), made), queries_tried(made))
    assert {
        (row["query"], row["refined_to"]): (
            row["n"],
            row["n_identities"],
            row["n_said"],
            row["n_failed"],
            row["n_rescued"],
        )
        for row in runner.arrow(table).to_pylist()
    } == {
        pair: (
            len(those),
            len({min(step["who"]) for step in those}),
            sum(step.get("said", False) for step in those),
            sum(step["first"] is False and step["second"] is not None for step in those),
            sum(step["first"] is False and step["second"] is True for step in those),
        )
        for pair, those in pairs.items()
    }

    kept: Counter[tuple[str, str, str]] = Counter()
    used: Counter[tuple[str, str, str]] = Counter()
    clicked: Counter[tuple[str, str, str]] = Counter()
    for (_number, *key), events in read.toggles().items():
        on = [at for at, is_on, _ in events if is_on]
        off = [at for at, is_on, _ in events if not is_on]
        if on:
            name = (key[0], key[1], key[2])
            used[name] += 1
            kept[name] += not off or max(on) > max(off)
            clicked[name] += max(events[0][2]["clicks"], default=-1) >= min(on)
    table = toggled(uses(toggle_events(moments, numbered), made), queries_tried(made))
    assert {
        (row["query"], row["field"], row["value"]): (
            row["n"],
            row["n_kept"],
            row["n_clicked_after"],
        )
        for row in runner.arrow(table).to_pylist()
    } == {name: (n, kept[name], clicked[name]) for name, n in used.items()}
