"""From judged queries and what was found to an evaluation."""

from __future__ import annotations

import json
from math import isfinite, log2
from typing import Any

import msgspec
import pytest

from desirepath.domain.evaluation import EvaluationConfig
from desirepath.domain.judgment import JudgedQuery, Judgment
from desirepath.engine.evaluating.measuring import Found, measure_query, summarize
from desirepath.engine.evaluating.results import QueryOutcome, QueryStatus
from desirepath.errors import NotEnoughData

CONFIG = EvaluationConfig(k_values=(1, 3), metrics=("precision", "recall", "ndcg"))


def judged(query_id: str = "q", /, **grades: int | None) -> JudgedQuery:
    """A query whose documents are relevant unless their grade is 0; None: relevant without one."""
    return JudgedQuery(
        query_id=query_id,
        query_input={"query": "shoes"},
        judgments=tuple(
            Judgment(document_id=id, is_relevant=grade != 0, grade=grade)
            for id, grade in grades.items()
        ),
    )


def outcome(query: JudgedQuery, *found: str, **more: Any) -> QueryOutcome:
    return measure_query(query, Found(document_ids=found, **more), CONFIG)


def test_a_query_is_measured_at_each_cutoff() -> None:
    one = outcome(judged(a=3, b=0, c=1), "b", "a")
    assert (one.status, one.error, one.retrieved_count) == (QueryStatus.EVALUATED, None, 2)
    assert one.by_k["1"] == {"precision": 0.0, "recall": 0.0, "ndcg": 0.0, "judged": 1.0}
    assert one.by_k["3"] == pytest.approx(
        {
            "precision": 1 / 3,
            "recall": 1 / 2,
            "ndcg": (3 / log2(3)) / (3 + 1 / log2(3)),
            "judged": 1.0,
        }
    )


def test_relevant_without_a_grade_is_grade_1() -> None:
    assert outcome(judged(a=None, b=None), "x", "a") == outcome(judged(a=1, b=1), "x", "a")


def test_what_is_marked_as_relevant_counts_where_no_grades_are_known() -> None:
    """Exact products are marked, while substitutes have a grade too."""
    query = JudgedQuery(
        query_id="q",
        query_input={"query": "shoes"},
        judgments=(
            Judgment(document_id="exact", is_relevant=True, grade=3),
            Judgment(document_id="other", is_relevant=False, grade=2),
        ),
    )
    one = outcome(query, "other")
    assert (one.by_k["1"]["precision"], one.by_k["1"]["recall"]) == (0.0, 0.0)
    assert one.by_k["1"]["ndcg"] == pytest.approx(2 / 3)


def test_where_none_is_marked_a_grade_above_0_is_relevant() -> None:
    query = JudgedQuery(
        query_id="q",
        query_input={"query": "shoes"},
        judgments=(Judgment(document_id="a", is_relevant=False, grade=2),),
    )
    assert outcome(query, "a").by_k["1"]["recall"] == 1.0


def test_a_document_that_is_found_twice_counts_once() -> None:
    assert outcome(judged(a=1, b=1), "a", "a", "b") == outcome(judged(a=1, b=1), "a", "b")


@pytest.mark.parametrize(
    ("query", "found", "words"),
    [
        (judged(), Found(document_ids=["a"]), "no relevant document"),
        (judged(a=0), Found(document_ids=["a"]), "no relevant document"),
        (
            JudgedQuery(query_id="q", query_input={}, judgments=judged(a=1).judgments),
            Found(document_ids=["a"]),
            "no input",
        ),
        (judged(a=1), Found(error="It took too long."), "It took too long."),
    ],
)
def test_what_cannot_be_measured_is_skipped_and_says_why(
    query: JudgedQuery, found: Found, words: str
) -> None:
    one = measure_query(query, found, CONFIG)
    assert (one.status, one.retrieved_count, one.by_k) == (QueryStatus.SKIPPED, None, {})
    assert words in str(one.error)


def test_means_are_over_evaluated_queries() -> None:
    outcomes = [
        outcome(judged("1", a=1), "a"),
        outcome(judged("2", a=1), "b"),
        outcome(judged("3"), "a"),
    ]
    result = summarize(outcomes, CONFIG, warnings={"A stage was skipped: no ranker.": 2})
    assert (result.n_total, result.n_evaluated, result.n_skipped) == (3, 2, 1)
    assert result.queries == tuple(outcomes)
    assert result.by_k["1"] == {"precision": 0.5, "recall": 0.5, "ndcg": 0.5, "judged": 0.5}
    assert result.overall == result.by_k["3"]
    assert (result.metric, result.k) == ("ndcg", 3)
    assert result.verdict == (
        "ndcg@3 is 0.500 (95 % interval 0.000 to 1.000) over 2 queries, with 50% of what was found "
        "judged. 1 query skipped: The dataset has no relevant document for this query. (1) "
        "Searches warned: A stage was skipped: no ranker. (2)"
    )


def test_intervals_are_those_of_resampled_queries() -> None:
    """30 of 100 queries are answered at once: the normal law says 0.3 ± 1.96 √(0.21 / 100)."""
    outcomes = [outcome(judged(str(n), a=1), "a" if n < 30 else "b") for n in range(100)]
    one = summarize(outcomes, CONFIG).estimates["1"]["precision"]
    assert one.of == 100
    assert (one.low, one.mean, one.high) == pytest.approx((0.210, 0.3, 0.390), abs=0.015)
    assert summarize(outcomes, CONFIG) == summarize(outcomes, CONFIG)


def test_a_result_is_finite_and_outlives_being_stored() -> None:
    result = summarize([outcome(judged(a=1)), outcome(judged("2", a=None), "a")], CONFIG)
    plain = msgspec.to_builtins(result)
    assert isfinite(sum(result.overall.values()))
    assert msgspec.convert(json.loads(json.dumps(plain, allow_nan=False)), type(result)) == result


@pytest.mark.parametrize(
    ("outcomes", "why"),
    [
        ([], ""),
        (
            [outcome(judged(str(n))) for n in range(2)],
            "Every query was skipped: The dataset has no relevant document for this query. (2) ",
        ),
    ],
)
def test_nothing_to_evaluate_is_refused_with_the_reasons(
    outcomes: list[QueryOutcome], why: str
) -> None:
    with pytest.raises(NotEnoughData) as caught:
        summarize(outcomes, CONFIG)
    assert caught.value.message == (
        f"{why}Not enough queries that can be evaluated: 1 needed, 0 found."
    )
