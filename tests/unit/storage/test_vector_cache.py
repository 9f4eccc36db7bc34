"""Vectors in memory: exact, of the right generation, and no more than may be kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desirepath.domain.clock import SystemClock
from desirepath.domain.document import Metric, VectorIndex
from desirepath.storage.sqlite.storage import SqliteStorage
from desirepath.storage.sqlite.vector_cache import VectorCache, VectorMatrix
from desirepath.testing.examples import a_document

NUMBERS = st.integers(-3, 3).map(float)


def matrix_of(rows: list[list[float]]) -> VectorMatrix:
    vectors = np.array(rows, np.float32)
    return VectorMatrix(
        numbers=range(len(rows)),
        document_ids=[f"{len(rows) - n:03}" for n in range(len(rows))],
        vectors=vectors,
        lengths=np.linalg.norm(vectors.astype(np.float64), axis=1),
    )


def score(metric: Metric, one: list[float], other: list[float]) -> float:
    a, b = np.array(one), np.array(other)
    match metric:
        case Metric.COSINE:
            return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
        case Metric.DOT_PRODUCT:
            return float(a @ b)
        case Metric.EUCLIDEAN:
            return float(1 / (1 + np.linalg.norm(a - b)))


@given(
    rows=st.lists(st.lists(NUMBERS, min_size=3, max_size=3).filter(any), min_size=1, max_size=40),
    wanted=st.lists(NUMBERS, min_size=3, max_size=3).filter(any),
    limit=st.integers(0, 45),
    metric=st.sampled_from(Metric),
)
def test_the_nearest_are_those_of_a_plain_walk(
    rows: list[list[float]], wanted: list[float], limit: int, metric: Metric
) -> None:
    matrix = matrix_of(rows)
    hits = matrix.nearest(metric, wanted, limit)
    expected = sorted(
        (-round(score(metric, row, wanted), 9), matrix.document_ids[n])
        for n, row in enumerate(rows)
    )[:limit]
    assert [(-round(hit.score, 9) or 0.0, hit.document_id) for hit in hits] == [
        (key or 0.0, id) for key, id in expected
    ]


def test_equal_vectors_have_equal_scores_wherever_they_stand() -> None:
    rng = np.random.default_rng(5)
    same = rng.normal(size=37).tolist()
    rows = [same if n % 7 == 0 else rng.normal(size=37).tolist() for n in range(500)]
    hits = matrix_of(rows).nearest(Metric.COSINE, rng.normal(size=37).tolist(), 500)
    scores = {hit.score for hit in hits if hit.number % 7 == 0}
    assert len(scores) == 1


def test_what_changes_all_the_time_and_what_is_too_large_is_not_kept() -> None:
    cache = VectorCache(most_bytes=100)
    small = matrix_of([[1.0, 0.0]])
    loads: list[int] = []

    def load(most_bytes: int) -> VectorMatrix | None:
        loads.append(most_bytes)
        return small

    assert [cache.matrix(1, generation, load) for generation in (1, 2, 3)] == [None] * 3
    assert not loads
    assert cache.matrix(1, 3, load) is small
    assert cache.matrix(1, 3, load) is small
    assert loads == [100]
    assert [cache.matrix(2, 9, lambda most: None) for _ in range(3)] == [None] * 3
    large = matrix_of([[1.0, 2.0]] * 12)  # 96 bytes: there is no room for both
    assert [cache.matrix(3, 1, lambda most: large) for _ in range(2)] == [None, large]
    assert cache.matrix(3, 1, load) is large
    assert cache.matrix(1, 3, load) is small  # read again
    assert loads == [100, 100]


@pytest.mark.parametrize("other_process", [False, True])
def test_a_change_is_seen_by_the_next_search(tmp_path: Path, other_process: bool) -> None:
    url = f"sqlite:///{tmp_path / 'vectors.db'}"
    reader = SqliteStorage(url, SystemClock(), migrate=True)
    writer = SqliteStorage(url, SystemClock(), migrate=True) if other_process else reader

    def store(**id_to_vector: tuple[float, float]) -> None:
        with writer.write() as session:
            documents = [
                a_document(document_id=id, vectors={"v": vector})
                for id, vector in id_to_vector.items()
            ]
            session.documents.upsert(1, documents)

    def nearest() -> str:
        with reader.read() as session:
            return session.documents.search_vector(1, "v", [1.0, 0.0], 1)[0][0]

    def store_and_fail() -> None:
        with writer.write() as session:
            session.documents.upsert(1, [a_document(document_id="c", vectors={"v": (1.0, 0.0)})])
            for _ in range(3):
                assert session.documents.search_vector(1, "v", [1.0, 0.0], 1)[0][0] == "c"
            raise ZeroDivisionError

    with writer.write() as session:
        session.documents.define_vector(1, VectorIndex(name="v", dimension=2))
    store(a=(0.5, 0.5), b=(0.0, 1.0))
    assert [nearest() for _ in range(4)] == ["a"] * 4
    store(b=(1.0, 0.1))
    assert [nearest() for _ in range(4)] == ["b"] * 4
    with writer.write() as session:
        session.documents.delete(1, ["b"])
    assert [nearest() for _ in range(4)] == ["a"] * 4
    with pytest.raises(ZeroDivisionError):
        store_and_fail()  # undone: nobody may keep it
    store(d=(0.9, 0.0))
    assert [nearest() for _ in range(4)] == ["d"] * 4
    for storage in {reader, writer}:
        storage.close()
