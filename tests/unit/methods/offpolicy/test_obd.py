"""The Women campaign of the Open Bandit data: its two policies, each from the other's log."""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from desirepath.errors import NotEnoughData
from desirepath.methods.offpolicy.base import FloatArray, IntArray, ratios
from desirepath.methods.offpolicy.estimators import ips
from desirepath.methods.offpolicy.verdict import check_overlap, compare

pytestmark = pytest.mark.needs_data

N_ITEMS = 46
N_PLACES = 3
N_DRAWS = 50_000


def test_the_learned_policy_from_random_rows(
    shared_data: Callable[[str], Path], figure: Callable[[str], None]
) -> None:
    folder = shared_data("obd")
    items, places, clicks, logging = _rows(folder / "random_women.csv.gz")
    target = _probabilities(folder, seed=1)[items, places]
    terms = ips(ratios(target, logging), clicks)
    check_overlap(terms)
    found = compare(terms, clicks, np.arange(len(clicks)), np.random.default_rng(2))
    # Again, by other draws of the policy, plain sums and resampled row numbers.
    by_hand = clicks * _probabilities(folder, seed=3)[items, places] * N_ITEMS
    rng = np.random.default_rng(4)
    means = [by_hand[rng.integers(0, len(clicks), len(clicks))].mean() for _ in range(1_000)]
    lower, upper = np.quantile(means, [0.025, 0.975])
    figure(
        f"{found.value:.5f} ({found.lower:.5f} to {found.upper:.5f}), effective sample"
        f" {found.effective_sample:.0f}, {found.verdict}; by hand {lower:.5f} to {upper:.5f}"
    )
    assert lower <= found.value <= upper
    assert found.value == pytest.approx(by_hand.mean(), rel=0.05)
    assert (found.lower, found.upper) == pytest.approx((lower, upper), rel=0.15)


def test_the_random_policy_from_learned_rows_is_refused(
    shared_data: Callable[[str], Path], figure: Callable[[str], None]
) -> None:
    _, _, clicks, logging = _rows(shared_data("obd") / "bts_women.csv.gz")
    terms = ips(ratios(np.full(len(clicks), 1 / N_ITEMS), logging), clicks)
    figure(f"effective sample {terms.effective_sample:.2f} of {len(clicks)}")
    assert 1.0 <= terms.effective_sample < 3.0
    with pytest.raises(NotEnoughData) as refusal:
        check_overlap(terms)
    assert (refusal.value.needed, refusal.value.found) == (100, int(terms.effective_sample))


def _rows(path: Path) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
    """Items, places, clicks and propensities."""
    with gzip.open(path, "rt") as file:
        rows = list(csv.DictReader(file))
    return (
        np.array([int(row["item_id"]) for row in rows]),
        np.array([int(row["position"]) - 1 for row in rows]),
        np.array([float(row["click"]) for row in rows]),
        np.array([float(row["propensity_score"]) for row in rows]),
    )


def _probabilities(folder: Path, seed: int) -> FloatArray:
    """How often each item came to each place in draws of the policy, shape (items, places)."""
    text = (folder / "prior_bts.yaml").read_text().split("women:")[1]
    numbers = np.array([float(n) for n in re.findall(r"-\s*([\d.]+)", text)])[: 2 * N_ITEMS]
    alpha, beta = numbers[:N_ITEMS], numbers[N_ITEMS:]
    draws = np.random.default_rng(seed).beta(alpha, beta, (N_DRAWS, N_ITEMS))
    top = np.argsort(-draws, axis=1)[:, :N_PLACES]
    return np.stack([np.bincount(p, minlength=N_ITEMS) for p in top.T], axis=1) / N_DRAWS
