"""Measures of one query by hand, with the conventions of trec_eval.

Found: a b c d e. Judged: b 3, c 0, d 1, x 2 (never found). So b and d of three relevant ones are
found, at ranks 2 and 4.
"""

from __future__ import annotations

from math import isfinite, log2

import pytest

from desirepath.errors import InvalidDataset
from desirepath.methods.ranking.measures import measures_at

FOUND = ["a", "b", "c", "d", "e"]
GRADES = {"b": 3, "c": 0, "d": 1, "x": 2}


def test_all_at_5() -> None:
    precision, recall = 2 / 5, 2 / 3
    assert measures_at(FOUND, GRADES, 5) == pytest.approx(
        {
            "precision": precision,
            "recall": recall,
            "f1": 2 * precision * recall / (precision + recall),
            "f2": 5 * precision * recall / (4 * precision + recall),
            "map": (1 / 2 + 2 / 4) / 3,
            "ndcg": (3 / log2(3) + 1 / log2(5)) / (3 / log2(2) + 2 / log2(3) + 1 / log2(4)),
            "mrr": 1 / 2,
            "judged": 3 / 5,
        },
        rel=0,
        abs=1e-12,
    )


def test_the_best_order_is_cut_like_the_found_one() -> None:
    at_2 = measures_at(FOUND, GRADES, 2)
    assert at_2["ndcg"] == pytest.approx((3 / log2(3)) / (3 + 2 / log2(3)), rel=0, abs=1e-12)


def test_fewer_found_than_k() -> None:
    """Precision divides by k, judged by what was found: as P@10 and Judged@10 of ir_measures."""
    values = measures_at(["b", "a"], GRADES, 10)
    assert (values["precision"], values["judged"]) == (1 / 10, 1 / 2)


@pytest.mark.parametrize("found", [[], ["a"], ["c"]])
def test_nothing_relevant_found_is_zero_and_finite(found: list[str]) -> None:
    values = measures_at(found, GRADES, 1)
    assert all(isfinite(value) for value in values.values())
    assert {name for name, value in values.items() if value} <= {"judged"}


@pytest.mark.parametrize("grades", [{}, {"b": 0}])
def test_a_query_that_nothing_answers_has_no_measure(grades: dict[str, int]) -> None:
    with pytest.raises(InvalidDataset):
        measures_at(FOUND, grades, 5)


# The numbers: pytrec_eval-terrier 0.5.11, for k in (2, 5),
#   RelevanceEvaluator({"q": GRADES}, {f"P.{k}", f"recall.{k}", f"map_cut.{k}", f"ndcg_cut.{k}"})
#   .evaluate({"q": {"a": 5.0, "b": 4.0, "c": 3.0, "d": 2.0, "e": 1.0}})
@pytest.mark.parametrize(
    ("k", "expected"),
    [
        (2, (0.5, 0.3333333333333333, 0.16666666666666666, 0.44412286644879784)),
        (5, (0.4, 0.6666666666666666, 0.3333333333333333, 0.4879324590115489)),
    ],
)
def test_equal_to_trec_eval(k: int, expected: tuple[float, ...]) -> None:
    values = measures_at(FOUND, GRADES, k)
    found = tuple(values[name] for name in ("precision", "recall", "map", "ndcg"))
    assert found == pytest.approx(expected, rel=0, abs=1e-9)
