"""Regression EM."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desirepath.methods.position_bias.regression_em import Hidden, em_step

LOOKED, LIKED = np.array([0.8, 0.4]), np.array([0.5, 0.25])


def test_one_round_by_hand() -> None:
    """One leaf, one rank, θ = γ = 1/2: of 12 impressions 3 were clicked, 9 were not.

    Of those, 1/2 · 1/2 / (1 - 1/4) = 1/3 were looked at, and as many were liked: 3 + 3 of 12.
    """
    before = Hidden(looked=np.array([0.5]), liked=np.array([0.5]))
    after = em_step(np.array([[12.0]]), np.array([[3.0]]), before)
    assert (after.looked.tolist(), after.liked.tolist()) == ([0.5], [0.5])
    after = em_step(np.array([[12.0]]), np.array([[0.0]]), before)
    assert after.looked.tolist() == pytest.approx([1 / 3])


def test_the_truth_stays_where_it_is() -> None:
    """Clicks as many as expected, of leaves that stand at both ranks."""
    n = np.array([[100.0, 300.0], [700.0, 20.0]])
    after = em_step(n, n * np.outer(LIKED, LOOKED), Hidden(looked=LOOKED, liked=LIKED))
    assert after.looked.tolist() == pytest.approx(LOOKED.tolist())
    assert after.liked.tolist() == pytest.approx(LIKED.tolist())


@given(seed=st.integers(0, 2**32 - 1))
def test_no_round_makes_the_clicks_less_likely(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = rng.integers(1, 100, (4, 3)).astype(float)
    c = rng.binomial(n.astype(int), rng.random((4, 3))).astype(float)
    hidden = Hidden(looked=rng.uniform(0.1, 0.9, 3), liked=rng.uniform(0.1, 0.9, 4))
    before = _log_likelihood(n, c, hidden)
    for _ in range(10):
        hidden = em_step(n, c, hidden)
        after = _log_likelihood(n, c, hidden)
        assert after >= before - 1e-9 * abs(before)
        before = after


def _log_likelihood(n: np.ndarray, c: np.ndarray, hidden: Hidden) -> float:
    chance = np.clip(np.outer(hidden.liked, hidden.looked), 1e-12, 1.0 - 1e-12)
    return float((c * np.log(chance) + (n - c) * np.log(1.0 - chance)).sum())
