"""Lists, features and grades that fit together, and parts of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from desirepath.errors import InvalidInput
from desirepath.methods.ranking.matrix import Matrix


def _parts(**changed: Any) -> dict[str, Any]:
    whole: dict[str, Any] = {
        "names": ("rank", "ctr"),
        "values": np.array([[0, 0.1], [1, np.nan], [2, 0.3], [0, 0.4], [1, 0.5]], np.float32),
        "grades": np.array([0, 1, 0, 0, 0]),
        "groups": np.array([3, 2]),
        "positions": np.array([0, 1, 2, 0, -1], np.int32),
        "times": np.array([10, 20]),
        "list_ids": np.array(["a", "b"], object),
        "document_ids": np.array(["x", "y", "z", "x", "w"], object),
        "queries": np.array(["shoe", None], object),
    }
    return whole | changed


def test_it_knows_its_sizes_and_what_is_missing() -> None:
    matrix = Matrix(**_parts())
    assert (matrix.n_rows, matrix.n_lists, matrix.n_features) == (5, 2, 2)
    assert matrix.starts.tolist() == [0, 3, 5]
    assert matrix.lists.tolist() == [0, 0, 0, 1, 1]
    assert matrix.has_positive.tolist() == [True, False]
    assert matrix.coverage.tolist() == [1.0, 0.8]


def test_a_part_keeps_all_that_belongs_to_its_lists() -> None:
    part = Matrix(**_parts()).part(np.array([False, True]))
    assert part.names == ("rank", "ctr")
    np.testing.assert_allclose(part.values, [[0, 0.4], [1, 0.5]], rtol=1e-6)
    assert part.grades.tolist() == [0, 0]
    assert part.groups.tolist() == [2]
    assert part.positions.tolist() == [0, -1]
    assert part.times.tolist() == [20]
    assert part.list_ids is not None
    assert part.document_ids is not None
    assert part.queries is not None
    assert part.list_ids.tolist() == ["b"]
    assert part.document_ids.tolist() == ["x", "w"]
    assert part.queries.tolist() == [None]


def test_features_may_be_picked_and_reordered() -> None:
    picked = Matrix(**_parts()).with_features(["ctr"])
    assert picked.names == ("ctr",)
    assert picked.values.shape == (5, 1)
    np.testing.assert_array_equal(picked.column("ctr"), picked.values[:, 0])


def test_a_matrix_may_be_empty() -> None:
    empty = Matrix(**_parts()).part(np.zeros(2, bool))
    assert (empty.n_rows, empty.n_lists) == (0, 0)
    assert empty.has_positive.shape == (0,)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"values": np.zeros((5, 3), np.float32)}, "one column a name"),
        ({"names": ("rank", "rank")}, "different"),
        ({"groups": np.array([3, 1])}, "add up"),
        ({"groups": np.array([5, 0])}, "at least 1"),
        ({"grades": np.array([0, -1, 0, 0, 0])}, "grades"),
        ({"positions": np.array([0, 1, 2, 0, -2], np.int32)}, "count from 0"),
        ({"times": np.array([20, 10])}, "fall"),
        ({"list_ids": np.array(["a"], object)}, "list_ids must have 2"),
        ({"document_ids": np.array(["a"], object)}, "document_ids must have 5"),
        ({"queries": np.array([], object)}, "queries must have 2"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Matrix(**_parts(**changed))


def test_a_feature_that_is_not_there_is_refused() -> None:
    matrix = Matrix(**_parts())
    with pytest.raises(InvalidInput, match="no such feature"):
        matrix.with_features(["popularity"])
    with pytest.raises(InvalidInput, match="one true or false a list"):
        matrix.part(np.array([True]))
