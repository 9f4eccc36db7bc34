"""Simulated lists and clicks are what they say."""

from __future__ import annotations

import numpy as np
import pytest

from desirepath.testing.clicked_lists import (
    EXAMINATIONS,
    Traffic,
    simulate_clicks,
    simulate_lists,
)

N = 20_000


def test_the_same_seed_makes_the_same_lists() -> None:
    one, other = (simulate_lists(500, np.random.default_rng(7)) for _ in range(2))
    assert one.shown.tolist() == other.shown.tolist()
    assert one.relevance.tolist() == other.relevance.tolist()


def test_a_list_shows_documents_of_its_query_once_each() -> None:
    lists = simulate_lists(2_000, np.random.default_rng(1))
    assert (lists.shown // lists.n_documents == lists.query[:, None]).all()
    assert {len(set(row)) for row in lists.shown.tolist()} == {10}


def test_sampling_moves_documents_and_its_absence_does_not() -> None:
    for sampling, moves in ((0.5, True), (0.0, False)):
        traffic = Traffic(n_queries=3, sampling=sampling)
        lists = simulate_lists(300, np.random.default_rng(2), traffic)
        orders = {tuple(row) for row in lists.shown.tolist()}
        assert (len(orders) > 3) is moves


def test_queries_come_by_zipf() -> None:
    lists = simulate_lists(N, np.random.default_rng(3), Traffic(n_queries=50))
    shares = np.bincount(lists.query, minlength=50) / N
    expected = 1 / np.arange(1, 51) / (1 / np.arange(1, 51)).sum()
    assert shares == pytest.approx(expected, abs=5 * 0.5 / N**0.5)


@pytest.mark.parametrize("shape", EXAMINATIONS)
def test_clicks_are_examination_times_relevance(shape: str) -> None:
    rng = np.random.default_rng(4)
    lists = simulate_lists(N, rng)
    clicked = simulate_clicks(lists, EXAMINATIONS[shape], rng)
    chance = EXAMINATIONS[shape] * lists.relevance[lists.shown]
    assert clicked.mean(axis=0) == pytest.approx(chance.mean(axis=0), abs=5 * 0.5 / N**0.5)


def test_counts_add_up() -> None:
    rng = np.random.default_rng(5)
    lists = simulate_lists(1_000, rng)
    clicked = simulate_clicks(lists, EXAMINATIONS["flat"], rng)
    counts = lists.counts(clicked)
    assert (counts.n.sum(), counts.c.sum()) == (10_000, clicked.sum())
    assert np.bincount(counts.rank, counts.c)[1:].tolist() == clicked.sum(axis=0).tolist()
    first = counts.pair[0], counts.rank[0] - 1
    assert counts.n[0] == (lists.shown[:, first[1]] == first[0]).sum()
    assert (counts.cluster == counts.pair // lists.n_documents).all()
