"""What an interaction is worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

__all__ = ["DEFAULT_MAX_REWARD", "DEFAULT_REWARDS", "Reward", "default_reward", "reward_of"]

Reward = Callable[[tuple[str, ...]], float]
"""What an interaction of these types is worth."""

DEFAULT_MAX_REWARD = 5.0

DEFAULT_REWARDS: Mapping[str, float] = {
    "impression": 0.0,
    "zero_results": 0.0,
    "filter_toggle": 0.0,
    "rating": 0.0,
    "view": 0.2,
    "dwell": 0.5,
    "click": 1.0,
    "bookmark": 1.0,
    "save": 1.0,
    "play": 1.0,
    "wishlist": 1.5,
    "long_view": 2.0,
    "share": 2.0,
    "add_to_cart": 2.0,
    "positive_feedback": 2.0,
    "download": 2.0,
    "add_to_project": 2.0,
    "purchase": 5.0,
    "skip": -0.3,
    "query_refinement": -0.3,
    "return_to_results": -1.0,
    "negative_feedback": -2.0,
}


def reward_of(
    types: Sequence[str],
    rewards: Mapping[str, float] = DEFAULT_REWARDS,
    max_reward: float = DEFAULT_MAX_REWARD,
) -> float:
    """The strongest positive plus the most negative reward of an interaction's types, capped.

    Adding all of them would count one act several times: a purchase is also a click and a view.

    Examples
    --------
    >>> reward_of(["view", "click"])
    1.0
    >>> reward_of(["click", "return_to_results"])
    0.0
    """
    if len(types) == 1:  # nearly all
        total = rewards.get(types[0], 0.0) + 0.0
    else:
        values = [rewards.get(type, 0.0) for type in types]
        total = max(0.0, *values, 0.0) + min(0.0, *values, 0.0)
    return max(-max_reward, min(max_reward, total))


default_reward: Reward = lru_cache(maxsize=4096)(reward_of)
"""The reward where a retriever has no rewards of its own."""
