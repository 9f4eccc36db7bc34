"""Clicks over expected clicks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desirepath.methods.position_bias.coec import clicks_over_expected
from desirepath.methods.position_bias.usual_rank import spread_of


def test_evidence_decides_how_far_a_document_is_from_the_average() -> None:
    """Three times the expected clicks, on more and more evidence, with a prior worth two clicks."""
    expected = np.array([0.0, 1.0, 10.0, 1_000.0])
    found = clicks_over_expected(3.0 * expected, expected, strength=2.0)
    assert found.tolist() == pytest.approx([1.0, 5 / 3, 32 / 12, 3_002 / 1_002])


@given(
    clicks=st.integers(0, 1_000), expected=st.floats(0.0, 1_000.0), strength=st.floats(0.01, 1e6)
)
def test_it_lies_between_the_average_and_the_quotient(
    clicks: int, expected: float, strength: float
) -> None:
    found = float(clicks_over_expected(np.array([clicks]), np.array([expected]), strength)[0])
    if expected > 0.0:
        low, high = sorted([1.0, clicks / expected])
        assert low * (1 - 1e-9) <= found <= high * (1 + 1e-9)
    else:
        assert found == pytest.approx((clicks + strength) / strength)


@pytest.mark.parametrize("spread", [0.05, 0.5, 2.0])
def test_the_prior_is_taken_from_how_much_documents_differ(spread: float) -> None:
    rng = np.random.default_rng(11)
    expected = rng.gamma(1.0, 8.0, 100_000)
    clicks = rng.poisson(expected * rng.gamma(1 / spread, spread, len(expected))).astype(float)
    assert spread_of(clicks, expected) == pytest.approx(spread, rel=0.05)
    by_itself = clicks_over_expected(clicks, expected)
    known = clicks_over_expected(clicks, expected, 1 / spread)
    assert np.abs(by_itself / known - 1.0).max() < 0.1


def test_documents_that_differ_by_chance_alone_are_all_average() -> None:
    rng = np.random.default_rng(12)
    expected = np.full(10_000, 5.0)
    found = clicks_over_expected(rng.poisson(expected).astype(float), expected)
    assert np.abs(found - 1.0).max() < 0.2


def test_shrinking_is_nearer_to_the_truth_than_the_quotient() -> None:
    """Squared error over 20,000 made-up documents, seed 13."""
    rng = np.random.default_rng(13)
    truth = rng.gamma(2.0, 0.5, 20_000)
    expected = rng.gamma(1.0, 3.0, 20_000) + 0.01
    clicks = rng.poisson(expected * truth).astype(float)
    shrunk = np.square(clicks_over_expected(clicks, expected) - truth).mean()
    assert shrunk < 0.5 * np.square(clicks / expected - truth).mean()
    assert shrunk < np.square(1.0 - truth).mean()
