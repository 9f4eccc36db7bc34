"""A query adapter's file comes back as it was, and nothing else is taken for one."""

from __future__ import annotations

import io

import numpy as np
import pytest

from desirepath.engine.adapter_files import read_map, write_map
from desirepath.errors import InvalidModel


def _archive(array: object) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, map=np.asarray(array))
    return stream.getvalue()


def test_a_map_comes_back_to_the_bit() -> None:
    matrix = np.random.default_rng(0).normal(size=(5, 5))
    assert np.array_equal(read_map(write_map(matrix)), matrix)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04 cut off",
        _archive(np.ones((2, 3))),
        _archive(np.full((2, 2), np.nan)),
        _archive(np.array([[{}]], dtype=object)),
    ],
    ids=["empty", "cut off", "not square", "not finite", "pickled"],
)
def test_what_is_no_map_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidModel):
        read_map(data)
