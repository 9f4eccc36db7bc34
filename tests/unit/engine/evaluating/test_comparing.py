"""Two evaluations of the same queries."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from msgspec.structs import replace
from scipy.stats import ttest_rel

from desirepath.domain.evaluation import EvaluationConfig
from desirepath.domain.judgment import JudgedQuery, Judgment
from desirepath.engine.evaluating.comparing import compare_evaluations
from desirepath.engine.evaluating.measuring import Found, measure_query, summarize
from desirepath.engine.evaluating.results import EvaluationOutcome, EvaluationResult
from desirepath.errors import NotEnoughData

CONFIG = EvaluationConfig(k_values=(5, 10), metrics=("mrr", "ndcg"))


def evaluated(
    ranks: Sequence[int | None], config: EvaluationConfig = CONFIG, *, first: int = 0
) -> EvaluationResult:
    """Each query with its one relevant document at a rank; None: the search failed."""
    return summarize(
        [
            measure_query(
                JudgedQuery(
                    query_id=f"q{number}",
                    query_input={"query": "shoes"},
                    judgments=(Judgment(document_id="wanted", is_relevant=True),),
                ),
                Found(error="It failed.")
                if rank is None
                else Found(document_ids=[*map(str, range(rank - 1)), "wanted"]),
                config,
            )
            for number, rank in enumerate(ranks, start=first)
        ],
        config,
    )


def test_a_clear_winner_by_paired_queries() -> None:
    baseline, candidate = evaluated([2, 3, 4, 5] * 10), evaluated([1, 2, 3, 4] * 10)
    compared = compare_evaluations(baseline, candidate)
    assert (compared.outcome, compared.metric, compared.k) == (EvaluationOutcome.BETTER, "ndcg", 10)
    assert (compared.won, compared.lost, compared.tied) == (40, 0, 0)
    assert (compared.n_queries, compared.n_unpaired) == (40, 0)
    back = compare_evaluations(candidate, baseline)
    assert (back.outcome, back.won, back.lost) == (EvaluationOutcome.WORSE, 0, 40)
    assert compared.verdict.startswith("The candidate is better: ndcg@10 is 0.")
    assert "over 40 queries, of which 40 won and 0 lost." in compared.verdict


def test_the_interval_is_that_of_the_differences() -> None:
    """Seed 7, 200 queries: the bootstrap beside Student's interval of the same differences."""
    rng = np.random.default_rng(7)
    before, after = rng.integers(1, 8, 200), rng.integers(1, 8, 200)
    compared = compare_evaluations(evaluated(before.tolist()), evaluated(after.tolist()))
    (mrr,) = (one for one in compared.measures if (one.metric, one.k) == ("mrr", 10))
    student = ttest_rel(1 / after, 1 / before).confidence_interval(0.95)
    assert mrr.difference.mean == pytest.approx((1 / after - 1 / before).mean())
    ends = (mrr.difference.low, mrr.difference.high)
    assert ends == pytest.approx((student.low, student.high), abs=0.01)


def test_equal_ones_cannot_be_told_apart() -> None:
    compared = compare_evaluations(evaluated([1, 2] * 10), evaluated([1, 2] * 10))
    assert (compared.outcome, compared.tied) == (EvaluationOutcome.CANNOT_TELL, 20)
    assert compared.verdict.startswith("Cannot tell which is better")


def test_few_queries_cannot_tell_however_clear_they_are() -> None:
    compared = compare_evaluations(evaluated([5] * 9), evaluated([1] * 9))
    assert (compared.outcome, compared.won) == (EvaluationOutcome.CANNOT_TELL, 9)
    assert "It takes at least 10 queries." in compared.verdict
    more = compare_evaluations(evaluated([5] * 10), evaluated([1] * 10))
    assert more.outcome is EvaluationOutcome.BETTER


def test_it_says_how_many_queries_would_tell() -> None:
    """A half width of about three differences takes about nine times as many."""
    compared = compare_evaluations(evaluated([1, 2] * 10), evaluated([2, 1] * 9 + [1, 1]))
    (one,) = (one for one in compared.measures if (one.metric, one.k) == ("ndcg", 10))
    half = (one.difference.high - one.difference.low) / 2
    needed = 20 * (half / one.difference.mean) ** 2
    said = int(compared.verdict.split("about ")[1].split(" ")[0].replace(",", ""))
    assert said == pytest.approx(needed, abs=1)


def test_it_warns_where_less_is_judged_of_one() -> None:
    """The candidate finds two documents before the wanted one, which nobody judged."""
    compared = compare_evaluations(evaluated([1] * 20), evaluated([3] * 20))
    assert compared.outcome is EvaluationOutcome.WORSE
    assert compared.verdict.endswith(
        " Of what the candidate finds less is judged, 33.3% beside 100.0%, and what is not counts "
        "as not relevant: it may be better than it looks."
    )


def test_it_passes_on_what_searches_warned_of() -> None:
    whole = evaluated([1] * 10)
    degraded = replace(whole, warnings={"A stage was skipped: it failed.": 3})
    compared = compare_evaluations(whole, degraded)
    assert compared.verdict.endswith(
        " Searches of the candidate warned: A stage was skipped: it failed. (3)"
    )
    assert "baseline warned" not in compared.verdict


def test_queries_that_one_skipped_are_left_out() -> None:
    compared = compare_evaluations(
        evaluated([1, None, 2, 1] * 5), evaluated([1, 1, None, 2] * 5 + [1])
    )
    assert (compared.n_queries, compared.n_unpaired) == (10, 11)
    assert (compared.won, compared.lost, compared.tied) == (0, 5, 5)
    assert [one.query_id for one in compared.queries][:2] == ["q0", "q3"]


def test_measures_that_both_have_are_compared() -> None:
    other = EvaluationConfig(k_values=(10, 20), metrics=("recall", "mrr"))
    compared = compare_evaluations(evaluated([1] * 10, other), evaluated([1] * 10))
    assert [(one.metric, one.k) for one in compared.measures] == [("mrr", 10), ("judged", 10)]
    assert (compared.metric, compared.k) == ("mrr", 10)


def test_nothing_in_common_is_refused() -> None:
    with pytest.raises(NotEnoughData):
        compare_evaluations(evaluated([1]), evaluated([1], first=1))
    with pytest.raises(NotEnoughData):
        compare_evaluations(evaluated([1], EvaluationConfig(k_values=(20,))), evaluated([1]))
