"""The judge: nDCG by hand, and an oracle that finds what is there."""

from __future__ import annotations

import math

import numpy as np
import pytest

from desirepath.methods.fusion.base import fuse
from desirepath.methods.fusion.candidates import FoundList, gather
from desirepath.methods.fusion.learned import learned
from desirepath.testing.simulation.judging import Judge, best_weights

GRADES = {"boots": {"a": 3, "b": 2, "c": 1}, "hats": {"d": 3}}
EVENLY = {"boots": 0.5, "hats": 0.5}
CANDIDATES = {
    "boots": gather(
        [
            FoundList(document_ids=["a", "b", "c", "x"], scores=[4.0, 3.0, 2.0, 1.0]),
            FoundList(document_ids=["x", "y", "c"], scores=[9.0, 8.0, 7.0]),
        ]
    ),
    "hats": gather(
        [
            FoundList(document_ids=["d", "x"], scores=[2.0, 1.0]),
            FoundList(document_ids=["x", "d"], scores=[2.0, 1.0]),
        ]
    ),
}


def test_ndcg_is_what_the_formula_says() -> None:
    judge = Judge(GRADES, EVENLY)
    ideal = 7 / math.log2(2) + 3 / math.log2(3) + 1 / math.log2(4)
    got = 3 / math.log2(2) + 7 / math.log2(4)
    assert judge.ndcg("boots", ["b", "x", "a"]) == pytest.approx(got / ideal)
    assert judge.ndcg("boots", ["a", "b", "c", "x"]) == pytest.approx(1.0)
    assert judge.ndcg("boots", []) == 0.0
    assert judge.ndcg("hats", [*"0123456789", "d"]) == 0.0  # the eleventh does not count


def test_tastes_change_gains_and_the_ideal() -> None:
    judge = Judge(GRADES, EVENLY, lambda query, id: 0.0 if id == "a" else 1.0)
    assert judge.ndcg("boots", ["b", "c"]) == pytest.approx(1.0)


def test_many_weights_at_once_are_each_by_itself() -> None:
    judge = Judge(GRADES, {"boots": 0.75, "hats": 0.25})
    many = np.array([[1.0, 0.0], [0.5, 0.5], [0.2, 0.8]])
    one_by_one = [
        sum(
            share * judge.ndcg(query, fuse(CANDIDATES[query], learned, weights).document_ids)
            for query, share in judge.query_to_share.items()
        )
        for weights in many
    ]
    assert judge.of_weights(CANDIDATES, many).tolist() == pytest.approx(one_by_one)


def test_the_oracle_finds_the_feature_that_is_good() -> None:
    judge = Judge(GRADES, EVENLY)
    weights, value = best_weights(judge, CANDIDATES, 2, n_draws=100)
    assert value == pytest.approx(1.0)
    assert weights[0] > weights[1]
    assert judge.of_weights(CANDIDATES, weights[np.newaxis]) == pytest.approx(value)
