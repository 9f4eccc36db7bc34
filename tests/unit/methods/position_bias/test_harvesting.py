"""Intervention harvesting."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import prod, sqrt

import numpy as np
import pytest

from desirepath.methods.position_bias.harvesting import harvest
from desirepath.methods.position_bias.poisson import Fit, contributions_of, fit
from desirepath.methods.position_bias.tables import RankTable
from desirepath.testing.clicked_lists import EXAMINATIONS
from tests.unit.methods.position_bias.cells import (
    apart,
    joined,
    queries_alike,
    simulated,
    table_of,
)


def harvested(table: RankTable) -> list[float]:
    start = Fit(np.zeros(table.n.shape[1]), np.zeros(0))
    values: list[float] = np.exp(fit(table, None, 0.0, start).ranks).tolist()
    return values


def test_one_document_at_two_ranks_gives_the_ratio_of_its_rates() -> None:
    table = table_of([[200, 50]], [[60, 6]])
    assert harvested(table) == pytest.approx([1.0, (6 / 50) / (60 / 200)])


def test_two_documents_by_hand() -> None:
    """The clicks at rank 2 are 20 of 40 + 30, so with θ the propensity of rank 2

    40 · 100 θ / (100 + 100 θ) + 30 · 100 θ / (200 + 100 θ) = 20, or 5 θ² + 5 θ - 4 = 0.
    """
    table = table_of([[100, 100], [200, 100]], [[30, 10], [20, 10]])
    assert harvested(table) == pytest.approx([1.0, (-5 + sqrt(25 + 80)) / 10])


def test_ranks_without_a_document_in_common_are_compared_over_one_between() -> None:
    table = table_of([[100, 100, 0], [0, 100, 100]], [[40, 20, 0], [0, 30, 10]])
    assert harvested(table) == pytest.approx([1.0, 1 / 2, 1 / 2 * 1 / 3])


def test_over_all_that_can_happen_the_truth_is_the_answer() -> None:
    """Every outcome of three documents' clicks, each as often as its chance: exactly θ = 1/2, 1/4.

    So the equations have mean 0 at the truth, whatever the documents are worth and wherever they
    stand.
    """
    looked = [Fraction(1), Fraction(1, 2), Fraction(1, 4)]
    worth = [Fraction(1, 2), Fraction(1), Fraction(1, 4)]
    shown_at = [(0, 0, 1), (1, 1, 2), (0, 2, 2)]
    n, c, chance = [], [], []
    for liked, ranks in zip(worth, shown_at, strict=True):
        for clicks in product((0, 1), repeat=len(ranks)):
            rates = [looked[rank] * liked for rank in ranks]
            n.append(np.bincount(ranks, minlength=3))
            c.append(np.bincount(ranks, clicks, minlength=3))
            chance.append(prod(r if x else 1 - r for r, x in zip(rates, clicks, strict=True)))
    times = [int(4096 * share) for share in chance]
    assert sum(times) == 3 * 4096  # no fraction was cut off
    table = table_of(np.repeat(n, times, axis=0).tolist(), np.repeat(c, times, axis=0).tolist())
    assert harvested(table) == pytest.approx([1.0, 0.5, 0.25], rel=1e-9)


def test_what_a_document_is_worth_does_not_matter() -> None:
    """Better documents always on top, where the ratio of click-through rates would be a tenth."""
    looked = np.array([1.0, 0.5])
    n = np.array([[900, 100], [100, 900]])
    c = n * looked * np.array([[0.8], [0.08]])
    assert c.sum(axis=0)[1] / n.sum(axis=0)[1] / (c.sum(axis=0)[0] / n.sum(axis=0)[0]) < 0.11
    table = RankTable(cluster=np.arange(2), n=n.astype(float), c=c)
    assert harvested(table) == pytest.approx([1.0, 0.5])


@pytest.mark.parametrize("cells", [[(1, 900, 500)], [(1, 70, 0), (2, 70, 0)]])
def test_documents_that_never_moved_or_were_never_clicked_change_nothing(
    cells: list[tuple[int, int, int]],
) -> None:
    counts = queries_alike([(1, 200, 60), (2, 200, 20)])
    alone = harvest(counts)
    beside = harvest(joined(counts, apart(queries_alike(cells, 50))))
    assert beside.values.tolist() == alone.values.tolist()
    assert beside.errors.tolist() == alone.errors.tolist()


def test_the_model_variance_is_that_of_counts() -> None:
    """One document: log θ is the difference of two logarithms of counts, 1/c₁ + 1/c₂."""
    table = table_of([[200, 50]], [[60, 6]])
    start = Fit(np.zeros(2), np.zeros(0))
    found = contributions_of(table, None, 0.0, fit(table, None, 0.0, start))
    assert found.variance[0].tolist() == pytest.approx([0.0, 1 / 60 + 1 / 6])


def test_twice_the_queries_divide_the_variance_by_two() -> None:
    counts = simulated(EXAMINATIONS["1/√rank"], seed=3)
    again = apart(counts)
    one, two = harvest(counts, precision=9.0), harvest(joined(counts, again), precision=9.0)
    assert two.values == pytest.approx(one.values)
    # A little more than two: each of twice the queries has half the leverage.
    assert (np.square(one.errors[1:] / two.errors[1:]) > 2.0).all()
    assert np.square(one.errors[1:] / two.errors[1:]) == pytest.approx(2.0, rel=0.15)
    assert two.degrees_of_freedom == pytest.approx(2 * one.degrees_of_freedom + 1)


def test_ten_times_the_clicks_of_the_same_queries_are_no_surer() -> None:
    """What makes the clicks of a query alike does not go away by asking it more often."""
    counts = simulated(EXAMINATIONS["1/√rank"], seed=3)
    more = joined(counts, *[counts] * 9)
    one, ten = harvest(counts, precision=9.0), harvest(more, precision=9.0)
    assert ten.values == pytest.approx(one.values)
    assert ten.errors == pytest.approx(one.errors)
