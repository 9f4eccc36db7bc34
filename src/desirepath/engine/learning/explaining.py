"""Say what was learned, on what evidence, and how it came about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from desirepath.domain.learning_config import LearningConfig
from desirepath.domain.ranking import day_of
from desirepath.engine.learning.adding import GLOBAL
from desirepath.engine.learning.lists import contribution, read_list
from desirepath.engine.learning.policies import policy_of
from desirepath.engine.learning.resolving import Belief
from desirepath.methods.bandits.evidence import weighted_sum
from desirepath.methods.bandits.forgetting import day_weights
from desirepath.methods.bandits.packing import unpack
from desirepath.methods.bandits.sums import Sums, add, n_lists, nothing
from desirepath.methods.bandits.weights import weights_of
from desirepath.storage.base import Session

__all__ = ["arms_of", "history", "moved_most", "weights_by_feature"]

_SCANNED = 500


def weights_by_feature(features: Sequence[str], belief: Belief) -> dict[str, float]:
    """Mean weights by feature URI."""
    return dict(zip(features, belief.mean_weights.tolist(), strict=True))


def arms_of(features: Sequence[str], belief: Belief) -> dict[str, dict[str, float]]:
    """Each feature's effect, its variance, and the Beta distribution with the same two moments.

    The linear policy has no alpha and beta of its own: clients that show them get those whose mean
    and variance are the feature's weight's.
    """
    arms = {}
    means, weights = belief.posterior.mean, belief.mean_weights
    for index, uri in enumerate(features):
        variance = float(belief.posterior.variances[index]) * belief.exploration
        alpha, beta = _beta_moments(float(weights[index]), variance)
        arms[uri] = {
            "weight": float(weights[index]),
            "mean": float(means[index]),
            "variance": variance,
            "alpha": alpha,
            "beta": beta,
            "interactions": belief.lists.get("global", 0.0),
        }
    return arms


def _beta_moments(mean: float, variance: float) -> tuple[float, float]:
    mean = min(max(mean, 1e-3), 1.0 - 1e-3)
    most = mean * (1.0 - mean)
    size = max(most / min(max(variance, 1e-9), most * 0.5) - 1.0, 1.0)
    return mean * size, (1.0 - mean) * size


def history(
    session: Session,
    namespace: int,
    retriever_id: str,
    config: LearningConfig,
    features: Sequence[str],
    ordinals: Sequence[int],
    days: int,
    now: int,
) -> list[dict[str, Any]]:
    """The mean global weights at the end of each of the last days on which something was learned.

    Each as it would have been resolved then, with the configuration of now.
    """
    today = day_of(now)
    rows = session.learned.sums(namespace, retriever_id, config.algorithm, {GLOBAL: 0})
    by_day: dict[int, Sums] = {}
    for _, day, packed in rows:
        by_day[day] = add(by_day.get(day, nothing()), unpack(packed))
    policy, told = policy_of(config), []
    for end in sorted(day for day in by_day if today - days < day <= today):
        known = {day: sums for day, sums in by_day.items() if day <= end}
        evidence = weighted_sum(_weighted(known, end, config))
        weights = weights_of(policy.posterior(evidence, ordinals).mean, config.bounds)
        told.append(
            {
                "day": str(np.datetime64(end, "D")),
                "lists": n_lists(by_day[end]),
                "weights": dict(zip(features, weights.tolist(), strict=True)),
            }
        )
    return told


def _weighted(
    days: dict[int, Sums], today: int, config: LearningConfig
) -> list[tuple[float, Sums]]:
    weights = day_weights(
        list(days),
        [n_lists(sums) for sums in days.values()],
        today,
        decay_factor=config.decay_factor,
        window_days=config.decay_window_days,
        memory_lists=config.memory_lists,
    )
    return list(zip(weights.tolist(), days.values(), strict=True))


def moved_most(
    session: Session,
    namespace: int,
    retriever_id: str,
    config: LearningConfig,
    features: Sequence[str],
    ordinals: Sequence[int],
    most: int,
    after: bytes,
) -> dict[str, list[dict[str, Any]]]:
    """By feature, the lists of late whose loss would change its mean weight most.

    Parameters
    ----------
    after
        Lists served at the moment of this id or later are looked at, the first 500 of them.
    """
    lists = session.learned.lists_after(namespace, retriever_id, after, _SCANNED)
    acted = session.learned.interactions([(one.namespace, one.execution_id) for one in lists])
    parts: list[tuple[str, Sums]] = []
    for listed in lists:
        read = read_list(listed)
        found = acted.get((listed.namespace, listed.execution_id), [])
        sums = contribution(read, listed.offset, found) if found else None
        if sums is not None:
            parts.append((listed.execution_id, sums))
    policy = policy_of(config)
    total = weighted_sum([(1.0, sums) for _, sums in parts])
    base = weights_of(policy.posterior(total, ordinals).mean, config.bounds)
    moves = []
    for execution_id, sums in parts:
        without = total.copy()
        without[: len(sums)] -= sums
        there = weights_of(policy.posterior(without, ordinals).mean, config.bounds)
        moves.append((execution_id, base - there))
    told: dict[str, list[dict[str, Any]]] = {}
    for index, uri in enumerate(features):
        ranked = sorted(moves, key=lambda move: -abs(move[1][index]))[:most]
        told[uri] = [
            {"execution_id": execution_id, "moved": float(move[index])}
            for execution_id, move in ranked
            if move[index] != 0.0
        ]
    return told
