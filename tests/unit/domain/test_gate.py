"""What a gate lets through: the primary metric wins, nothing is lost, the log does not object."""

from __future__ import annotations

import math

import msgspec
import pytest

from desirepath.domain.gate import TOLERATED_LOSS, WhatIfSays, judge_candidate

BASELINE = {"ndcg@10": 0.50, "recall@10": 0.40, "mrr@10": 0.60}


def test_one_that_wins_and_loses_nothing_passes() -> None:
    verdict = judge_candidate(BASELINE, BASELINE | {"ndcg@10": 0.51}, "ndcg@10")
    assert verdict.passed
    assert verdict.reason == (
        "Ships: ndcg@10 is 0.5100 against 0.5000, no metric regressed, and the log was not asked, "
        "or could not be."
    )
    assert verdict.compared_metrics == ("ndcg@10", "recall@10", "mrr@10")
    first = verdict.per_metric["ndcg@10"]
    assert [first.delta, first.pct_change] == pytest.approx([0.01, 2.0])
    assert first.threshold == 0.0
    assert (first.regressed, first.comparable) == (False, True)


@pytest.mark.parametrize("value", [0.50, 0.50 + 1e-12, 0.4999])
def test_the_primary_metric_must_be_strictly_higher(value: float) -> None:
    verdict = judge_candidate(BASELINE, BASELINE | {"ndcg@10": value}, "ndcg@10")
    assert not verdict.passed
    assert "not above 0.5000" in verdict.reason
    assert verdict.regressed_metrics == (("ndcg@10",) if value < 0.5 else ())


@pytest.mark.parametrize(
    ("loss", "passes"), [(TOLERATED_LOSS * 0.4, True), (TOLERATED_LOSS * 0.4 + 1e-6, False)]
)
def test_another_metric_may_lose_a_hundredth_of_itself(loss: float, passes: bool) -> None:
    candidate = BASELINE | {"ndcg@10": 0.6, "recall@10": 0.40 - loss}
    verdict = judge_candidate(BASELINE, candidate, "ndcg@10")
    assert verdict.passed is passes
    assert verdict.regressed_metrics == (() if passes else ("recall@10",))
    assert verdict.per_metric["recall@10"].threshold == pytest.approx(-0.004)
    if not passes:
        assert verdict.reason == "Does not ship: it loses more than 1% of recall@10."


@pytest.mark.parametrize(
    ("says", "passes", "words"),
    [
        ("better", True, "would have earned more"),
        ("cannot tell", True, "the log cannot tell"),
        ("worse", False, "by the log it would have earned less"),
        (None, True, "could not be"),
    ],
)
def test_the_log_may_object(says: str | None, passes: bool, words: str) -> None:
    verdict = judge_candidate(
        BASELINE, BASELINE | {"ndcg@10": 0.6}, "ndcg@10", WhatIfSays(verdict=says)
    )
    assert verdict.passed is passes
    assert words in verdict.reason


def test_what_cannot_be_compared_is_skipped_and_named() -> None:
    verdict = judge_candidate(
        {"ndcg@10": 0.5, "map@10": 0.2, "mrr@10": math.nan},
        {"ndcg@10": 0.6, "f1@10": 0.2, "mrr@10": 0.1},
        "ndcg@10",
    )
    assert verdict.passed
    assert verdict.compared_metrics == ("ndcg@10",)
    assert verdict.skipped_metrics == ("map@10", "mrr@10", "f1@10")
    assert b"NaN" not in msgspec.json.encode(verdict)


def test_without_its_primary_metric_nothing_ships() -> None:
    verdict = judge_candidate({}, {"ndcg@10": 0.6}, "ndcg@10")
    assert not verdict.passed
    assert verdict.reason == "Does not ship: ndcg@10 cannot be compared."


def test_a_baseline_of_nothing_has_no_percentage() -> None:
    nothing = {"ndcg@10": 0.0, "map@10": 0.0}
    verdict = judge_candidate(nothing, nothing | {"ndcg@10": 0.1}, "ndcg@10")
    assert verdict.passed
    assert str(verdict.per_metric["map@10"].threshold) == "0.0"
    assert verdict.per_metric["ndcg@10"].pct_change is None


def test_all_reasons_are_said_together() -> None:
    verdict = judge_candidate(
        BASELINE,
        {"ndcg@10": 0.4, "recall@10": 0.1, "mrr@10": 0.6},
        "ndcg@10",
        WhatIfSays(verdict="worse"),
    )
    assert verdict.reason.count(";") == 2
    assert verdict.regressed_metrics == ("ndcg@10", "recall@10")
