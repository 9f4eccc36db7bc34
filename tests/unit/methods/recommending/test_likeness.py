"""Likeness by keys is what the neighbours say."""

from __future__ import annotations

import numpy as np
import pytest

from desirepath.methods.recommending.base import preferences
from desirepath.methods.recommending.likeness import Likeness
from desirepath.methods.recommending.neighbours import NearestNeighbours

KEYS = np.array([70, 10, 40], np.uint64)  # of documents 0, 1 and 2


@pytest.fixture
def likeness() -> Likeness:
    """Two people who reacted to 0 and 1, and one to 0 and 2: cosines 2/√6 and 1/√3."""
    people, documents = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 0, 1, 0, 2])
    known = preferences(people, documents, np.ones(6), 3)
    model = NearestNeighbours(shrinkage=0.0).fit(known, np.random.default_rng(0))
    return Likeness(KEYS, model)


def keys(*values: int) -> np.ndarray:
    return np.array(values, np.uint64)


def test_it_is_the_mean_over_clicks_that_are_known(likeness: Likeness) -> None:
    found = likeness.mean(keys(70, 70, 10, 999), keys(10, 40, 70, 5))
    near, far = 2 / 6**0.5, 1 / 3**0.5
    assert found[:3] == pytest.approx([2 * near / 3, 2 * far / 3, near / 3], abs=1e-6)
    assert np.isnan(found[3])  # that one is not known


def test_without_a_known_click_it_is_missing(likeness: Likeness) -> None:
    for clicked in (keys(), keys(999)):
        assert np.isnan(likeness.mean(clicked, keys(70, 10))).all()


def test_it_reads_back_what_it_wrote(likeness: Likeness) -> None:
    again = Likeness.load(dict(likeness.arrays()))
    assert again.mean(keys(70), KEYS).tolist() == likeness.mean(keys(70), KEYS).tolist()
    with pytest.raises(ValueError, match="as many keys"):
        Likeness.load({**likeness.arrays(), "keys": KEYS[:2]})
