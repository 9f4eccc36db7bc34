"""Simulated shoppers do what their models say."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from desirepath.testing.shoppers import (
    ATTRACTION,
    Cascade,
    Either,
    Examination,
    PositionBased,
    Segment,
    Shoppers,
)

N = 20_000
GRADES = {"boots": {"a": 3, "b": 2, "c": 1, "d": 0}, "hats": {"c": 3}}
SHOWN = ["d", "a", "unjudged", "b", "c"]
ATTRACTIONS = [ATTRACTION[0], ATTRACTION[3], ATTRACTION[0], ATTRACTION[2], ATTRACTION[1]]


def rates(examination: Examination, attractions: list[float], seed: int = 5) -> np.ndarray:
    """Share of looks that click each place."""
    rng = np.random.default_rng(seed)
    clicked = np.zeros(len(attractions))
    for _ in range(N):
        clicked[examination.clicks(attractions, rng)] += 1
    return clicked / N


def close_to(expected: list[float]) -> object:
    """Within five standard errors of N coins."""
    return [pytest.approx(p, abs=5 * (p * (1 - p) / N) ** 0.5 + 1e-9) for p in expected]


@pytest.mark.parametrize("power", [1.0, 0.5])
def test_position_based_clicks_are_attraction_times_examination(power: float) -> None:
    expected = [a / rank**power for rank, a in enumerate(ATTRACTIONS, 1)]
    assert rates(PositionBased(power=power), ATTRACTIONS).tolist() == close_to(expected)


def test_a_cascade_goes_on_as_often_as_it_says() -> None:
    expected, reached = [], 1.0
    for attraction in ATTRACTIONS:
        expected.append(reached * attraction)
        reached *= attraction * (1 - 0.6) + (1 - attraction) * (1 - 0.15)
    assert rates(Cascade(), ATTRACTIONS).tolist() == close_to(expected)


def test_a_cascade_that_always_stops_clicks_once() -> None:
    rng = np.random.default_rng(0)
    stops = Cascade(stop_after_click=1.0, stop_otherwise=0.0)
    assert {len(stops.clicks([0.5] * 50, rng)) for _ in range(500)} == {1}


def test_either_way_of_looking_is_as_frequent() -> None:
    ways = Either(ways=(PositionBased(power=0.0), Cascade(stop_otherwise=1.0)))
    assert rates(ways, [0.5, 0.5]).tolist() == close_to([0.5, (0.5 + 0.5 * 0.4 * 0.5) / 2])


def test_grades_decide_what_attracts() -> None:
    shoppers = Shoppers(GRADES, PositionBased(power=0.0), seed=1)
    visit = next(visit for visit in shoppers.visits() if visit.query == "boots")
    assert [shoppers.attraction(visit, id) for id in SHOWN] == ATTRACTIONS
    clicked = np.zeros(len(SHOWN))
    for _ in range(N):
        clicked[shoppers.clicks(visit, SHOWN)] += 1
    assert (clicked / N).tolist() == close_to(ATTRACTIONS)


def test_the_same_seed_is_the_same_simulation() -> None:
    def story(seed: int) -> list[object]:
        shoppers = Shoppers(GRADES, Cascade(), seed=seed)
        return [
            (visit.user_id, visit.query, shoppers.clicks(visit, SHOWN))
            for visit in islice(shoppers.visits(), 50)
        ]

    assert story(3) == story(3)
    assert story(3) != story(4)


@pytest.mark.parametrize(("power", "share"), [(0.0, 1 / 2), (1.0, 2 / 3)])
def test_queries_come_by_their_shares(power: float, share: float) -> None:
    shoppers = Shoppers(GRADES, Cascade(), seed=2, query_power=power)
    assert shoppers.query_to_share == pytest.approx({"boots": share, "hats": 1 - share})
    came = [visit.query == "boots" for visit in islice(shoppers.visits(), N)]
    assert [sum(came) / N] == close_to([share])


def test_a_segment_asks_what_it_likes_to_ask() -> None:
    asks = Segment(name="hats mostly", asking=lambda query: 3.0 if query == "hats" else 1.0)
    other = Segment(name="boots only", asking=lambda query: float(query == "boots"))
    shoppers = Shoppers(GRADES, Cascade(), seed=2, segments=[asks, other], n_users=2)
    assert shoppers.query_to_share_of(asks) == pytest.approx({"boots": 0.25, "hats": 0.75})
    visits = list(islice(shoppers.visits(), N))
    came = [visit.query == "hats" for visit in visits if visit.segment is asks]
    assert [sum(came) / len(came)] == close_to([0.75])
    assert {visit.query for visit in visits if visit.segment is other} == {"boots"}


def test_a_visit_may_bring_its_own_luck() -> None:
    """So several may shop at once, and in any order."""
    shoppers = Shoppers(GRADES, Cascade(), seed=2)
    visits = list(islice(shoppers.visits(), 20))

    def clicked(order: list[int]) -> dict[int, list[int]]:
        rngs = {number: np.random.default_rng([2, number]) for number in order}
        return {number: shoppers.clicks(visits[number], SHOWN, rngs[number]) for number in order}

    assert clicked(list(range(20))) == clicked(list(reversed(range(20))))


def test_users_come_by_their_shares_and_keep_their_segment() -> None:
    likes = Segment(name="likes b", liking=lambda query, id: 1.0 if id == "b" else 0.5)
    other = Segment(name="likes none", liking=lambda query, id: 0.0)
    shoppers = Shoppers(GRADES, Cascade(), seed=2, segments=[likes, other], n_users=4)
    visits = list(islice(shoppers.visits(), N))
    assert {(v.user_id, v.segment.name) for v in visits} == {
        ("user_0", "likes b"),
        ("user_1", "likes none"),
        ("user_2", "likes b"),
        ("user_3", "likes none"),
    }
    came = [sum(v.user_id == user for v in visits) / N for user in shoppers.user_to_share]
    assert came == close_to(list(shoppers.user_to_share.values()))
    visit = next(v for v in visits if v.user_id == "user_0" and v.query == "boots")
    assert [shoppers.attraction(visit, id) for id in "abcd"] == pytest.approx(
        [0.4, 0.4, 0.075, 0.015]
    )
    visit = next(v for v in visits if v.user_id == "user_1")
    assert shoppers.clicks(visit, SHOWN) == []


def test_sessions_are_told_apart() -> None:
    shoppers = Shoppers(GRADES, Cascade(), seed=2)
    assert len({visit.session_id for visit in islice(shoppers.visits(), 100)}) == 100
