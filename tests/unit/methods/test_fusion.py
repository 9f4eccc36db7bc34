"""Fusion: pure functions of what was found and the weights."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from desirepath.methods.fusion.attribution import attribute
from desirepath.methods.fusion.base import Fused, Fusion, fuse
from desirepath.methods.fusion.candidates import Candidates, FoundList, gather
from desirepath.methods.fusion.dbsf import dbsf
from desirepath.methods.fusion.learned import learned, learned_scores, replay
from desirepath.methods.fusion.max import largest
from desirepath.methods.fusion.methods import FUSIONS
from desirepath.methods.fusion.rrf import rrf
from desirepath.methods.fusion.weighted import weighted
from desirepath.methods.levels import SCALE

FINITE = st.floats(allow_nan=False, allow_infinity=False)
WEIGHT = st.floats(0.0, 1.0)
every_fusion = pytest.mark.parametrize("fusion", FUSIONS.values(), ids=FUSIONS)


def found(**document_to_score: float) -> FoundList:
    """A list, best first as given."""
    return FoundList(document_ids=list(document_to_score), scores=list(document_to_score.values()))


@st.composite
def found_lists(draw: st.DrawFn, scores: st.SearchStrategy[float] = FINITE) -> list[FoundList]:
    """Up to five lists over a few documents, some empty, best first."""
    lists = []
    for _ in range(draw(st.integers(1, 5))):
        ids = draw(st.lists(st.sampled_from("abcdefghijkl"), unique=True, max_size=12))
        found = sorted((draw(scores) for _ in ids), reverse=True)
        lists.append(FoundList(document_ids=ids, scores=found))
    return lists


@st.composite
def searches(draw: st.DrawFn) -> tuple[list[FoundList], np.ndarray]:
    lists = draw(found_lists())
    return lists, np.array([draw(WEIGHT) for _ in lists])


def order_and_scores(fused: Fused) -> list[tuple[str, float]]:
    return list(zip(fused.document_ids, fused.scores.tolist(), strict=True))


# What holds of every fusion


@every_fusion
@given(search=searches())
def test_every_document_once_best_first_and_equals_by_id(
    fusion: Fusion, search: tuple[list[FoundList], np.ndarray]
) -> None:
    lists, weights = search
    fused = fuse(gather(lists), fusion, weights)
    assert sorted(fused.document_ids) == sorted({id for one in lists for id in one.document_ids})
    assert np.isfinite(fused.scores).all()
    ranked = order_and_scores(fused)
    assert ranked == sorted(ranked, key=lambda pair: (-pair[1], pair[0]))


@every_fusion
@given(search=searches())
def test_terms_add_up_to_the_score(
    fusion: Fusion, search: tuple[list[FoundList], np.ndarray]
) -> None:
    lists, weights = search
    fused = fuse(gather(lists), fusion, weights)
    for score, terms in zip(fused.scores.tolist(), fused.terms.tolist(), strict=True):
        added = 0.0
        for term in terms:
            added += term
        assert score == added


@every_fusion
@given(search=searches())
def test_a_feature_gives_nothing_to_what_it_did_not_find(
    fusion: Fusion, search: tuple[list[FoundList], np.ndarray]
) -> None:
    lists, weights = search
    fused = fuse(gather(lists), fusion, weights)
    for id, terms in zip(fused.document_ids, fused.terms.tolist(), strict=True):
        for one, term in zip(lists, terms, strict=True):
            assert id in one.document_ids or term == 0.0


@every_fusion
@given(lists=found_lists(scores=st.integers(-1000, 1000).map(float)), seed=st.integers(0, 99))
def test_the_order_of_the_features_does_not_matter(
    fusion: Fusion, lists: list[FoundList], seed: int
) -> None:
    weights = np.array([2.0**-k for k in range(len(lists))])
    there = list(range(len(lists)))
    random.Random(seed).shuffle(there)
    first = fuse(gather(lists), fusion, weights)
    second = fuse(gather([lists[k] for k in there]), fusion, weights[there])
    id_to_score = dict(order_and_scores(second))
    for id, score in order_and_scores(first):
        assert id_to_score[id] == pytest.approx(score, rel=1e-12, abs=1e-12)


@every_fusion
def test_one_document_one_feature(fusion: Fusion) -> None:
    fused = fuse(gather([found(a=-3.0)]), fusion, np.array([1.0]))
    assert fused.document_ids == ["a"]


@every_fusion
@pytest.mark.parametrize("n", [0, 1, 3])
def test_nothing_found(fusion: Fusion, n: int) -> None:
    fused = fuse(gather([found()] * n), fusion, np.ones(n))
    assert (fused.document_ids, fused.scores.shape) == ([], (0,))


@every_fusion
def test_huge_scores_do_not_overflow(fusion: Fusion) -> None:
    lists = [found(a=1.7e308, b=0.0, c=-1.7e308)] * 5
    fused = fuse(gather(lists), fusion, np.ones(5))
    assert fused.document_ids == ["a", "b", "c"]
    assert np.isfinite(fused.scores).all()


# RRF


@given(lists=found_lists(scores=st.integers(-50, 50).map(float)))
def test_rrf_depends_on_ranks_alone(lists: list[FoundList]) -> None:
    stretched = [
        FoundList(
            document_ids=one.document_ids, scores=[math.exp(score / 10) for score in one.scores]
        )
        for one in lists
    ]
    weights = np.ones(len(lists))
    first, second = fuse(gather(lists), rrf, weights), fuse(gather(stretched), rrf, weights)
    assert order_and_scores(first) == order_and_scores(second)


# DBSF and learned fusion


@given(search=searches())
def test_min_max_scores_stay_between_0_and_the_sum_of_the_weights(
    search: tuple[list[FoundList], np.ndarray],
) -> None:
    lists, weights = search
    fused = fuse(gather(lists), dbsf, weights)
    assert (fused.scores >= 0).all()
    assert (fused.scores <= weights.sum() + 1e-12).all()


@given(
    lists=found_lists(scores=st.integers(-100, 100).map(float)),
    scale=st.sampled_from([0.25, 2.0, 1024.0]),
    shift=st.integers(-100, 100),
)
def test_min_max_knows_no_units(lists: list[FoundList], scale: float, shift: int) -> None:
    other_unit = [
        FoundList(document_ids=one.document_ids, scores=[scale * (s + shift) for s in one.scores])
        for one in lists
    ]
    assert (gather(lists).levels == gather(other_unit).levels).all()


def test_a_list_that_cannot_tell_documents_apart_gives_all_of_them_its_weight() -> None:
    fused = fuse(gather([found(a=0.5, b=0.5), found(b=2.0, a=1.0)]), dbsf, np.array([0.3, 0.7]))
    assert fused.document_ids == ["b", "a"]
    assert fused.scores.tolist() == pytest.approx([1.0, 0.3])


@given(search=searches(), seed=st.integers(0, 99))
def test_a_logged_search_replays_to_the_bit(
    search: tuple[list[FoundList], np.ndarray], seed: int
) -> None:
    lists, weights = search
    candidates = gather(lists)
    fused = fuse(candidates, learned, weights)
    logged = candidates.levels[fused.rows]
    assert learned_scores(logged, weights).tobytes() == fused.scores.tobytes()

    # What was logged may come back in another order, in another memory layout.
    stored = list(range(len(fused.document_ids)))
    random.Random(seed).shuffle(stored)
    ids = [fused.document_ids[row] for row in stored]
    levels = np.asfortranarray(np.frombuffer(logged.tobytes(), np.uint16).reshape(logged.shape))
    assert replay(ids, levels[stored], weights) == fused.document_ids


@given(search=searches())
def test_the_replay_is_plain_arithmetic(search: tuple[list[FoundList], np.ndarray]) -> None:
    """Anybody with doubles gets the same bits, feature by feature."""
    lists, weights = search
    levels = gather(lists).levels
    for row, score in zip(levels.tolist(), learned_scores(levels, weights).tolist(), strict=True):
        expected = 0.0
        for level, weight in zip(row, weights.tolist(), strict=True):
            expected += level * (weight / SCALE)
        assert score == expected


def test_many_draws_at_once_score_as_one_by_one() -> None:
    rng = np.random.default_rng(0)
    levels = rng.integers(0, SCALE + 1, (50, 4)).astype(np.uint16)
    draws = rng.dirichlet(np.ones(4), 20)
    together = learned_scores(levels, draws[:, np.newaxis])
    assert together.shape == (20, 50)
    one_by_one = [learned_scores(levels, draw).tobytes() for draw in draws]
    assert [scores.tobytes() for scores in together] == one_by_one


# Weighted sum and maximum


def test_weighted_takes_scores_as_they_are() -> None:
    lists = [found(a=2.0, b=1.0), found(b=30.0)]
    fused = fuse(gather(lists), weighted, np.array([1.0, 0.1]))
    assert order_and_scores(fused) == [("b", 1.0 * 1.0 + 0.1 * 30.0), ("a", 2.0)]


def test_max_takes_the_best_of_those_that_found_it() -> None:
    lists = [found(a=0.4, c=-1.0), found(b=0.5, a=0.3), found(c=-2.0)]
    fused = fuse(gather(lists), largest, np.array([1.0, 1.0, 1.0]))
    assert order_and_scores(fused) == [("b", 0.5), ("a", 0.4), ("c", -1.0)]
    assert fused.terms.tolist() == [[0.0, 0.5, 0.0], [0.4, 0.0, 0.0], [-1.0, 0.0, 0.0]]


# Candidates


def test_candidates_keep_what_was_found() -> None:
    candidates = gather([found(b=9.0, a=7.0), found(), found(c=3.0, b=3.0)])
    assert candidates.document_ids == ["a", "b", "c"]
    assert candidates.ranks.tolist() == [[2, 0, 0], [1, 0, 2], [0, 0, 1]]
    assert candidates.scores.tolist() == [[7.0, 0, 0], [9.0, 0, 3.0], [0, 0, 3.0]]
    assert candidates.levels.tolist() == [[0, 0, 0], [SCALE, 0, SCALE], [0, 0, SCALE]]
    ends = [(one.minimum, one.maximum) for one in candidates.normalized]
    assert ends == [(7.0, 9.0), (0.0, 0.0), (3.0, 3.0)]


@given(lists=found_lists(), seed=st.integers(0, 99))
def test_candidates_do_not_depend_on_names(lists: list[FoundList], seed: int) -> None:
    """Renamed documents are the same rows in another order."""
    names = "abcdefghijkl"
    others = list(names)
    random.Random(seed).shuffle(others)
    rename = dict(zip(names, others, strict=True))
    renamed = [
        FoundList(document_ids=[rename[id] for id in one.document_ids], scores=one.scores)
        for one in lists
    ]
    assert _rows(gather(lists), rename) == _rows(
        gather(renamed), dict(zip(names, names, strict=True))
    )


def _rows(candidates: Candidates, rename: dict[str, str]) -> dict[str, list[int]]:
    names = [rename[id] for id in candidates.document_ids]
    return dict(zip(names, candidates.levels.tolist(), strict=True))


# Attribution


@every_fusion
@given(search=searches())
def test_shares_say_who_gave_how_much(
    fusion: Fusion, search: tuple[list[FoundList], np.ndarray]
) -> None:
    lists, weights = search
    candidates = gather(lists)
    fused = fuse(candidates, fusion, weights)
    attributed = attribute(candidates, fused)
    given = np.abs(fused.terms).sum(axis=1)
    assume((given[given > 0] > 1e-300).all())  # below, a share of a share is lost
    assert attributed.shares * given[:, np.newaxis] == pytest.approx(fused.terms, rel=1e-9)
    assert np.abs(attributed.shares).sum(axis=1) == pytest.approx(np.where(given > 0, 1.0, 0.0))


def test_normalized_scores_tell_not_found_from_worst() -> None:
    candidates = gather([found(a=4.0, b=3.0, c=2.0), found(b=1.0)])
    fused = fuse(candidates, dbsf, np.array([0.5, 0.5]))
    attributed = attribute(candidates, fused, most=2)
    assert fused.document_ids == ["b", "a", "c"]
    assert attributed.normalized.tolist() == [
        [pytest.approx(0.5, abs=1e-5), 1.0],
        [1.0, pytest.approx(math.nan, nan_ok=True)],
    ]
    assert attributed.shares.shape == (2, 2)
