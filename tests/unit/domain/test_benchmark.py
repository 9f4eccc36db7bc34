"""What a benchmark may be asked for with."""

from __future__ import annotations

from typing import Any

import pytest

from desirepath.domain.benchmark import DEFAULT_WEIGHTS, SampleStrategy, read_benchmark
from desirepath.domain.clock import parse_time
from desirepath.errors import InvalidBenchmark

ASKED = {
    "benchmark_name": "new fusion",
    "baseline_retriever_id": "live",
    "candidate_retriever_ids": ["new"],
}


def test_what_is_left_out_has_its_default() -> None:
    draft = read_benchmark({**ASKED, "session_filter": None, "session_count": None})
    assert draft.session_count == 1000
    assert draft.session_filter.sample_strategy is SampleStrategy.RANDOM
    assert draft.session_filter.type_to_weight == DEFAULT_WEIGHTS


def test_being_shown_is_worth_nothing_by_default() -> None:
    assert not DEFAULT_WEIGHTS.keys() & {"impression", "view", "query_refinement", "zero_results"}
    assert DEFAULT_WEIGHTS["click"] == 1.0
    assert DEFAULT_WEIGHTS["purchase"] == 5.0
    assert DEFAULT_WEIGHTS["skip"] < 0


def test_weights_that_are_sent_are_all_there_are() -> None:
    wanted = {"interaction_weights": {"weights": {"purchase": 3}}}
    draft = read_benchmark({**ASKED, "session_filter": wanted})
    assert draft.session_filter.type_to_weight == {"purchase": 3.0}


def test_both_ends_of_a_time_range_count() -> None:
    wanted = {"time_range": {"start": "2026-03-01T00:00:00Z", "end": "2026-03-02T00:00:00Z"}}
    found = read_benchmark({**ASKED, "session_filter": wanted}).session_filter.time_range
    assert found is not None
    assert found.since == parse_time("2026-03-01T00:00:00Z")
    assert found.before == parse_time("2026-03-02T00:00:00Z") + 1


@pytest.mark.parametrize(
    ("changes", "location"),
    [
        ({"benchmark_name": ""}, ("benchmark_name",)),
        ({"benchmark_name": "  "}, ("benchmark_name",)),
        ({"benchmark_name": "x" * 256}, ("benchmark_name",)),
        ({"candidate_retriever_ids": []}, ("candidate_retriever_ids",)),
        ({"session_count": 9}, ("session_count",)),
        ({"session_count": 10_001}, ("session_count",)),
        ({"session_count": 20.5}, ("session_count",)),
        ({"session_filter": {"min_interactions": 0}}, ("session_filter", "min_interactions")),
        ({"session_filter": {"sample_strategy": "best"}}, ("session_filter", "sample_strategy")),
        (
            {"session_filter": {"taxonomy_node_ids": ["shoes"]}},
            ("session_filter", "taxonomy_node_ids"),
        ),
        (
            {"session_filter": {"interaction_types": ["dwell_time"]}},
            ("session_filter", "interaction_types", 0),
        ),
        (
            {"session_filter": {"interaction_weights": {"weights": {"click": 0}}}},
            ("session_filter", "interaction_weights", "weights"),
        ),
        (
            {"session_filter": {"interaction_weights": {"weights": {"click": 1e9}}}},
            ("session_filter", "interaction_weights", "weights"),
        ),
        (
            {"session_filter": {"time_range": {"start": "yesterday"}}},
            ("session_filter", "time_range", "start"),
        ),
        (
            {"session_filter": {"time_range": {"start": "2026-03-02", "end": "2026-03-01"}}},
            ("session_filter", "time_range", "start"),
        ),
        ({"session_filter": {"has_positive_feedback": True}}, None),
        ({"queries": []}, None),
    ],
)
def test_what_breaks_a_rule_is_refused(changes: dict[str, Any], location: Any) -> None:
    with pytest.raises(InvalidBenchmark) as refused:
        read_benchmark({**ASKED, **changes})
    if location is not None:
        assert refused.value.location == location


def test_an_unknown_key_is_ignored_where_that_is_asked() -> None:
    draft = read_benchmark({**ASKED, "session_filter": {"new": 1}}, lenient=True)
    assert draft.benchmark_name == "new fusion"
