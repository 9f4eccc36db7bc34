"""Sessions to replay, against what plain Python says of the same log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from desirepath.analysis.impressions import impressions, with_people
from desirepath.analysis.log import log_of
from desirepath.analysis.replayed import SearchScope, outcomes, outcomes_of, sessions_of
from desirepath.domain.acts import TYPE_TO_BIT, types_of
from desirepath.domain.reward import reward_of
from tests.unit.analysis.logs import GAP, Rows, duckdb, random_log, write_log

WEIGHTS = {"click": 1.0, "purchase": 5.0, "skip": -0.3}
SCOPES = [
    SearchScope(),
    SearchScope(retriever_ids=["r1"]),
    SearchScope(since=3 * GAP, before=8 * GAP),
]


def made_log(seed: int) -> dict[str, Rows]:
    """A log whose last searches are further pages of the first ones, and the last but one bare."""
    log = random_log(seed, n_searches=14, n_events=120)
    for number, row in enumerate(log["executions"]):
        row["query_snapshot"] = None if number == 11 else '{"query": "hat"}'
        row["parent_id"] = f"e{number - 12}" if number >= 12 else None
    return log


def expected(
    log: Mapping[str, Rows], scope: SearchScope
) -> tuple[dict[tuple[str, str], tuple[str, int, float, int]], dict[str, list[dict[str, Any]]]]:
    """Of each (search, document): session, acts, gain and events; and all events by session."""
    wanted = {
        row["execution_id"]: row
        for row in log["executions"]
        if row["query_snapshot"] is not None
        and (scope.retriever_ids is None or row["retriever_id"] in scope.retriever_ids)
        and (scope.since is None or row["occurred_at"] >= scope.since)
        and (scope.before is None or row["occurred_at"] < scope.before)
    }
    listed = {(row["execution_id"], row["document_id"]) for row in log["returned"]}
    by_search: dict[str, Rows] = defaultdict(list)
    for event in log["interactions"]:
        of = event["execution_id"]
        is_listed = event["document_id"] is None or (of, event["document_id"]) in listed
        if of in wanted and is_listed:
            parent = wanted[of]["parent_id"]
            by_search[parent if parent in wanted else of].append(event)
    found: dict[tuple[str, str], tuple[str, int, float, int]] = {}
    events_of: dict[str, list[dict[str, Any]]] = defaultdict(list)
    sessions = _sessions(log)
    for search, events in by_search.items():
        whose = {sessions[event["execution_id"]] or event["session_id"] for event in events}
        known = sorted(name for name in whose if name is not None)
        session = f"s{known[0]}" if known else f"e{search}"
        events_of[session] += events
        for document in {event["document_id"] for event in events} - {None}:
            done = [event for event in events if event["document_id"] == document]
            acts = 0
            for event in done:
                acts |= event["acts"]
            gain = max(reward_of(types_of(acts), WEIGHTS, 1e9), 0.0)
            n = sum(any(WEIGHTS.get(t, 0) > 0 for t in types_of(e["acts"])) for e in done)
            found[search, document] = (session, acts, gain, n)
    return found, events_of


def _sessions(log: Mapping[str, Rows]) -> dict[str, str | None]:
    """Each search's session: its own, or, of a search of nobody, what all its events name."""
    named: dict[str, set[str]] = defaultdict(set)
    for event in log["interactions"]:
        if event["execution_id"] is not None and event["session_id"] is not None:
            named[event["execution_id"]].add(event["session_id"])
    sessions = {}
    for row in log["executions"]:
        own, said = row["session_id"], named[row["execution_id"]]
        if own is None and row["user_id"] is None and len(said) == 1:
            (own,) = said
        sessions[row["execution_id"]] = own
    return sessions


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("scope", SCOPES)
def test_outcomes_are_those_of_plain_python(tmp_path: Path, seed: int, scope: SearchScope) -> None:
    log = made_log(seed)
    folder = write_log(tmp_path, **log)
    with closing(duckdb(tmp_path)) as engine:
        interactions = engine.read(folder / "interactions")
        executions = with_people(engine.read(folder / "executions"), interactions)
        returned = engine.read(folder / "returned")
        shown = impressions(interactions, executions, returned)
        found = outcomes(log_of(interactions, executions, returned, shown), WEIGHTS, scope)
        rows = engine.arrow(found).to_pylist()
        documents, events_of = expected(log, scope)
        assert documents, "or the seed tests nothing"
        assert {
            (row["search_id"], row["document_id"]): (
                row["session"],
                row["acts"],
                row["gain"],
                row["n_events"],
            )
            for row in rows
            if row["document_id"] is not None
        } == {key: pytest.approx(value) for key, value in documents.items()}
        assert {row["session"] for row in rows} == set(events_of)

        wanted = engine.arrow(sessions_of(found, 2, ["purchase", "query_refinement"]))
        bits = TYPE_TO_BIT["purchase"] | TYPE_TO_BIT["query_refinement"]
        n_of: dict[str, int] = defaultdict(int)
        most_of: dict[str, float] = defaultdict(float)
        for session, _, gain, n in documents.values():
            n_of[session] += n
            most_of[session] = max(most_of[session], gain)
        names = sorted(
            session
            for session, events in events_of.items()
            if n_of[session] >= 2
            and most_of[session] > 0
            and any(event["acts"] & bits for event in events)
        )
        assert wanted["session"].to_pylist() == names
        if names:
            chosen = engine.arrow(outcomes_of(found, names[:1])).to_pylist()
            assert {(row["search_id"], row["document_id"]) for row in chosen} == {
                key
                for key, (session, _, gain, _) in documents.items()
                if session == names[0] and gain > 0
            }
            searches = [row["search_id"] for row in chosen]
            assert searches == sorted(searches, key=searches.index), "each search in one run"
