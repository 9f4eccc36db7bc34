"""What recommends, on reactions worked out by hand and on simulated tastes."""

from __future__ import annotations

import numpy as np
import pytest

from desirepath.methods.recommending.als import AlternatingLeastSquares
from desirepath.methods.recommending.base import (
    History,
    Preferences,
    RecommendingMethod,
    preferences,
)
from desirepath.methods.recommending.mixing import mixed
from desirepath.methods.recommending.neighbours import NearestNeighbours
from desirepath.testing.tastes import Reactions, Tastes, simulate_tastes

METHODS: dict[str, RecommendingMethod] = {
    "cosine": NearestNeighbours(shrinkage=1.0),
    "bm25": NearestNeighbours(shrinkage=1.0, weighting="bm25"),
    "als": AlternatingLeastSquares(factors=8, regularization=2.0),
}
each_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())
WORLD = Tastes(n_people=600, n_documents=120, n_kinds=6, reactions=10, own=0.8)


def simulated(seed: int = 5) -> tuple[Preferences, Reactions]:
    found = simulate_tastes(WORLD, np.random.default_rng(seed))
    weights = np.ones(len(found.people))
    return preferences(found.people, found.documents, weights, WORLD.n_documents), found


def history(*documents: int) -> History:
    return History(np.array(documents), np.ones(len(documents)))


@each_method
def test_documents_of_the_kind_that_somebody_likes_come_first(method: RecommendingMethod) -> None:
    known, world = simulated()
    model = method.fit(known, np.random.default_rng(1))
    for kind in range(WORLD.n_kinds):
        own = np.flatnonzero(world.kinds == kind)
        liked, others = own[:4], own[4:]
        scores = model.scores(history(*liked))
        rest = np.flatnonzero(world.kinds != kind)
        assert scores[others].mean() > 2 * max(scores[rest].mean(), 0.0)
        alike = model.similar(int(liked[0]))
        assert alike[others].mean() > 1.5 * max(alike[rest].mean(), 0.0)


@each_method
def test_reasons_sum_to_the_score(method: RecommendingMethod) -> None:
    known, _ = simulated()
    model = method.fit(known, np.random.default_rng(1))
    person = History(np.array([3, 40, 7]), np.array([1.0, 0.25, 5.0]))
    scores = model.scores(person)
    for document in (0, 3, 55):
        reasons = model.reasons(person, document)
        assert reasons.sum() == pytest.approx(scores[document], abs=1e-4)


@each_method
def test_a_model_is_its_arrays(method: RecommendingMethod) -> None:
    known, _ = simulated()
    model = method.fit(known, np.random.default_rng(1))
    again = method.load(model.arrays())
    assert again.n_documents == WORLD.n_documents
    assert again.scores(history(1, 2)).tolist() == model.scores(history(1, 2)).tolist()
    assert again.similar(4).tolist() == model.similar(4).tolist()
    with pytest.raises(ValueError, match=r"is a matrix|are starts"):
        method.load({"something": np.zeros(3)})


@each_method
def test_the_same_seed_learns_the_same(method: RecommendingMethod) -> None:
    known, _ = simulated()
    one, other = (method.fit(known, np.random.default_rng(3)).arrays() for _ in range(2))
    assert all(np.array_equal(one[name], other[name]) for name in one)


@each_method
def test_nobody_is_told_nothing_and_a_document_is_like_itself(method: RecommendingMethod) -> None:
    known, _ = simulated()
    model = method.fit(known, np.random.default_rng(1))
    assert not model.scores(history()).any()
    assert model.similar(9)[9] == pytest.approx(1.0)
    assert model.similar(9).max() <= 1.0


@each_method
def test_progress_ends_with_all_steps(method: RecommendingMethod) -> None:
    known, _ = simulated()
    told: list[tuple[int, int]] = []
    method.fit(known, np.random.default_rng(1), lambda done, of: told.append((done, of)))
    assert told
    assert told[-1][0] == told[-1][1]


def three_people() -> Preferences:
    # Person 0: documents 0, 1; person 1: 0, 1, 2; person 2: 2, 3, with weights.
    return preferences(
        np.array([0, 0, 1, 1, 1, 2, 2]),
        np.array([0, 1, 0, 1, 2, 2, 3]),
        np.array([1.0, 2.0, 1.0, 1.0, 1.0, 2.0, 1.0]),
        5,
    )


def test_neighbours_are_cosines_with_shrinkage() -> None:
    method = NearestNeighbours(shrinkage=0.5)
    model = method.fit(three_people(), np.random.default_rng(0))
    # Columns: d0 = (1, 1, 0), d1 = (2, 1, 0), d2 = (0, 1, 2), d3 = (0, 0, 1), d4 = 0.
    assert model.similar(0) == pytest.approx(
        [1.0, 3 / (np.sqrt(2 * 5) + 0.5), 1 / (np.sqrt(2 * 5) + 0.5), 0.0, 0.0]
    )
    scores = model.scores(History(np.array([0, 3]), np.array([1.0, 0.5])))
    expected = 1 / (np.sqrt(10) + 0.5) + 0.5 * 2 / (np.sqrt(5) + 0.5)
    assert scores[2] == pytest.approx(expected)


def test_only_the_nearest_are_kept() -> None:
    model = NearestNeighbours(shrinkage=0.0, neighbours=1).fit(
        three_people(), np.random.default_rng(0)
    )
    assert np.flatnonzero(model.similar(0)).tolist() == [0, 1]


def test_bm25_counts_a_person_less_who_reacts_to_everything() -> None:
    people = np.array([0] * 8 + [1, 1] + [2, 2])
    documents = np.array([*range(8), 0, 1, 0, 2])
    known = preferences(people, documents, np.ones(len(people)), 20)
    model = NearestNeighbours(shrinkage=0.0, weighting="bm25").fit(known, np.random.default_rng(0))
    alike = model.similar(0)
    assert alike[1] > alike[3]  # through person 1 as well, and through person 0 alone


def loss(factors: np.ndarray, known: Preferences, method: AlternatingLeastSquares) -> float:
    """What the method minimises, with people where they fit best."""
    points = factors.astype(float)
    gram = points.T @ points + method.regularization * np.eye(points.shape[1])
    total = method.regularization * float((points**2).sum())
    for number in range(known.n_people):
        documents, weights = known.of(number)
        near = points[documents]
        person = np.linalg.solve(gram + (near.T * (weights - 1)) @ near, near.T @ weights)
        fits = near @ person
        total += float((weights * (1 - fits) ** 2).sum() + ((points @ person) ** 2).sum())
        total += method.regularization * float(person @ person) - float((fits**2).sum())
    return total


def test_als_comes_to_the_least_loss_with_the_library_and_without() -> None:
    known, _ = simulated()
    method = AlternatingLeastSquares(factors=8, regularization=2.0, iterations=30)
    found = method.fit(known, np.random.default_rng(1)).arrays()["factors"]
    exact = method._exact(known, np.random.default_rng(2), None)
    nothing = loss(np.zeros_like(exact), known, method)
    assert loss(found, known, method) == pytest.approx(loss(exact, known, method), rel=0.01)
    assert loss(exact, known, method) < 0.9 * nothing


def test_als_without_interactions_of_a_document_leaves_it_at_nothing() -> None:
    model = AlternatingLeastSquares(factors=4, regularization=0.1).fit(
        three_people(), np.random.default_rng(1)
    )
    assert model.scores(history(0))[4] == pytest.approx(0.0, abs=1e-6)
    assert model.similar(4)[4] == pytest.approx(0.0)  # nothing is known of it


def test_shares_mix_from_one_end_to_the_other() -> None:
    scores, popularity = np.array([3.0, 0.0, 1.0]), np.array([0.0, 8.0, 4.0])
    assert mixed(scores, popularity, 0.0).tolist() == [1.0, 0.0, pytest.approx(1 / 3)]
    assert mixed(scores, popularity, 1.0).tolist() == [0.0, 1.0, 0.5]
    nobody = np.zeros(3)
    assert mixed(nobody, popularity, 0.5).tolist() == [0.0, 0.5, 0.25]


def test_preferences_take_rows_in_any_order() -> None:
    known = three_people()
    mixed_up = preferences(
        np.array([2, 1, 0, 1, 0, 2, 1]),
        np.array([3, 2, 1, 0, 0, 2, 1]),
        np.array([1.0, 1.0, 2.0, 1.0, 1.0, 2.0, 1.0]),
        5,
    )
    assert known.starts.tolist() == mixed_up.starts.tolist()
    assert known.documents.tolist() == mixed_up.documents.tolist()
    assert known.weights.tolist() == mixed_up.weights.tolist()
    assert known.popularity().tolist() == [2.0, 3.0, 3.0, 1.0, 0.0]
