"""Simulated logs of ten policies whose values are known, by enumeration."""

from __future__ import annotations

from itertools import permutations

import numpy as np

from desirepath.methods.offpolicy import estimators
from desirepath.methods.offpolicy.base import FloatArray, IntArray, Terms, ratios

N_POLICIES = 10
LISTS = np.array(list(permutations(range(4), 2)))


class World:
    """Lists of two of four documents, read from the top; one logging policy, ten targets."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.logging = 0.5 / len(LISTS) + 0.5 * rng.dirichlet(np.ones(len(LISTS)))
        self.targets = rng.dirichlet(np.ones(len(LISTS)), N_POLICIES)
        attraction = rng.uniform(0.1, 0.6, 4)
        self.clicks = attraction[LISTS] * [1.0, 0.6]
        self.values = self.targets @ self.clicks.sum(axis=1)

    def log(self, n: int, rng: np.random.Generator) -> tuple[FloatArray, list[dict[str, Terms]]]:
        """Rewards of n lists, and for each target the terms of each estimator."""
        shown = rng.choice(len(LISTS), n, p=self.logging)
        rewards = (rng.random((n, 2)) < self.clicks[shown]).astype(np.float64)
        return rewards.sum(axis=1), [self._terms(t, shown, rewards) for t in self.targets]

    def _terms(self, target: FloatArray, shown: IntArray, rewards: FloatArray) -> dict[str, Terms]:
        whole = ratios(target, self.logging)[shown]
        place = ratios(_marginals(target), _marginals(self.logging))
        down_to = np.column_stack([place[:, 0], ratios(target, self.logging)])
        model = 0.8 * self.clicks.sum(axis=1)
        total = rewards.sum(axis=1)
        predicted = np.full(len(shown), target @ model)
        return {
            "ips": estimators.ips(whole, total),
            "snips": estimators.snips(whole, total),
            "doubly robust": estimators.doubly_robust(whole, total, model[shown], predicted),
            "item-position": estimators.item_position(place[shown], rewards),
            "reward-interaction": estimators.reward_interaction(down_to[shown], rewards),
        }


def _marginals(policy: FloatArray) -> FloatArray:
    """How likely each place of each list holds its document, shape (lists, 2)."""
    same = LISTS[:, None, :] == LISTS[None, :, :]
    return np.asarray((same * policy[None, :, None]).sum(axis=1))
