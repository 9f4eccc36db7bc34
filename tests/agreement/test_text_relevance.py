"""Text search ranks real products as well as a BM25 library does, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import fmean

import pytest

from benchmarks.text_relevance import (
    MOST_APART,
    Judged,
    Search,
    library,
    load,
    ndcg,
    of_storage,
    store,
)
from desirepath.storage.base import Storage


def quality(search: Search, judged: Judged) -> float:
    return fmean(ndcg(search(query), grades) for query, grades in judged.grades.items())


@pytest.fixture(scope="module")
def reference(shared_data: Callable[[str], Path]) -> tuple[Judged, float]:
    """Give the judged products, and how well the library ranks them."""
    judged = load(shared_data("esci_small"))
    return judged, quality(library(judged), judged)


@pytest.mark.needs_data
def test_judged_products_rank_as_a_library_ranks_them(
    storage: Storage, reference: tuple[Judged, float]
) -> None:
    judged, expected = reference
    store(storage, judged)
    assert quality(of_storage(storage), judged) >= expected - MOST_APART


def test_the_measure_is_one_for_the_best_order_and_less_for_others() -> None:
    grades = {"a": 3, "b": 1, "c": 0}
    assert ndcg(["a", "b", "x"], grades) == 1.0
    # Gains 7 and 1: (1 + 7 / log2(3)) / (7 + 1 / log2(3)).
    assert ndcg(["b", "a"], grades) == pytest.approx(5.41649 / 7.63093, abs=1e-5)
    assert ndcg(["x", "c"], grades) == 0.0
