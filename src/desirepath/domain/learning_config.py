"""How a retriever learns its fusion weights."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from desirepath.domain.checks import Id, convert, refuse_unknown
from desirepath.domain.interaction import INTERACTION_TYPES
from desirepath.domain.plain_json import canonical_json
from desirepath.domain.reward import (
    DEFAULT_MAX_REWARD,
    DEFAULT_REWARDS,
    Reward,
    default_reward,
    reward_of,
)
from desirepath.errors import InvalidRetriever

__all__ = ["BETA", "LINEAR", "LearningConfig", "context_of", "read_learning_config"]

LINEAR = "thompson_sampling"
BETA = "beta_thompson_sampling"
_NOT_YET = frozenset({"epsilon_greedy", "ucb"})
_LOCATION = ("learning_config",)


class LearningConfig(Struct, frozen=True, kw_only=True, dict=True):
    """What learned fusion follows; every field may be left out."""

    algorithm: Annotated[
        str, Meta(description=f"{LINEAR} (linear, over whole lists) or {BETA} (counts a feature).")
    ] = LINEAR
    context_features: Annotated[
        list[Id],
        Meta(max_length=8, description="Inputs that name a person; none, no personal weights."),
    ] = field(default_factory=lambda: ["INPUT.user_id"])
    demographic_features: Annotated[
        Annotated[list[Id], Meta(max_length=8)] | None,
        Meta(description="Inputs that name a segment."),
    ] = None
    fallback_strategy: Annotated[
        str, Meta(pattern="^(hierarchical|global)$", description="global leaves segments out.")
    ] = "hierarchical"
    min_interactions: Annotated[
        int, Meta(ge=1, le=100, description="Lists before a person's own evidence counts.")
    ] = 5
    reward_signal: Annotated[
        str, Meta(description="Kept for older clients; reward_map is what counts.")
    ] = "click"
    reward_map: Annotated[
        dict[str, float] | None, Meta(description="Reward by interaction type, over the defaults.")
    ] = None
    exploration_bonus: Annotated[
        float, Meta(ge=0.1, le=10, description="How far samples stray from the mean, at first.")
    ] = 1.0
    exploration_decay: Annotated[
        float, Meta(ge=0.9, le=1, description="What is left of it after each list.")
    ] = 0.99
    exploration_floor: Annotated[float, Meta(ge=0, le=5, description="The least of it.")] = 0.1
    prior_alpha: Annotated[
        float, Meta(ge=0.1, description=f"Of {BETA}: reward a feature has before any list.")
    ] = 1.0
    prior_beta: Annotated[
        float, Meta(ge=0.1, description=f"Of {BETA}: what it was denied before any list.")
    ] = 1.0
    decay_factor: Annotated[float, Meta(ge=0.9, le=1, description="A day; 1 forgets nothing.")] = (
        0.995
    )
    decay_window_days: Annotated[
        int, Meta(ge=1, le=3650, description="Older lists do not count.")
    ] = 365
    memory_lists: Annotated[
        int, Meta(ge=10, description="Lists after which one counts 1/e: forgets by volume.")
    ] = 1_000
    min_weight: Annotated[
        Annotated[float, Meta(ge=0, le=0.5)] | None, Meta(description="No weight is less.")
    ] = None
    max_weight: Annotated[
        Annotated[float, Meta(ge=0.5, le=1)] | None, Meta(description="No weight is more.")
    ] = None
    max_reward_per_interaction: Annotated[
        float, Meta(ge=0.1, le=100, description="Larger rewards, and losses, are cut to it.")
    ] = DEFAULT_MAX_REWARD
    require_feature_uri: Annotated[
        bool, Meta(description="Learn only from interactions that name a feature.")
    ] = False
    rollout_pct: Annotated[
        float, Meta(ge=0, le=100, description="Percent of users that get learned weights.")
    ] = 100.0
    shadow_mode: Annotated[
        bool, Meta(description="Learn and log weights, and serve without them.")
    ] = False
    circuit_breaker_timeout_ms: Annotated[
        int, Meta(ge=1, le=30_000, description="Longer, and a search goes without weights.")
    ] = 1_000
    log_pool_depth: Annotated[
        int, Meta(ge=0, le=1_000, description="Candidates logged with a search; 0: those shown.")
    ] = 50
    evaluation_dataset_id: Annotated[
        str | None, Meta(description="What a gate judges new weights by.")
    ] = None
    shipped_weight_set: Annotated[
        dict[str, Any] | None, Meta(description="Read-only: written when a gate ships weights.")
    ] = None

    @property
    def rewards(self) -> Mapping[str, float]:
        """Reward by interaction type."""
        return {**DEFAULT_REWARDS, **(self.reward_map or {})}

    @cached_property
    def reward(self) -> Reward:
        """What an interaction is worth, by its types."""
        if not self.reward_map and self.max_reward_per_interaction == DEFAULT_MAX_REWARD:
            return default_reward
        rewards, most = self.rewards, self.max_reward_per_interaction
        return lambda types: reward_of(types, rewards, most)

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Smallest and largest weight, where one was set."""
        if self.min_weight is None and self.max_weight is None:
            return None
        return self.min_weight or 0.0, 1.0 if self.max_weight is None else self.max_weight


FIELDS = tuple(LearningConfig.__struct_fields__)


def read_learning_config(
    plain: object, n_features: int, *, lenient: bool = False
) -> LearningConfig:
    """Check a learning_config.

    Parameters
    ----------
    plain
        A decoded JSON object, or None for the defaults.
    n_features
        How many features share the weights.

    Raises
    ------
    InvalidRetriever
        A rule is broken; the location says where.
    """
    if plain is None:
        return LearningConfig()
    if not isinstance(plain, Mapping):
        raise InvalidRetriever("learning_config is an object.", _LOCATION)
    values = {name: value for name, value in plain.items() if value is not None}
    refuse_unknown(values, FIELDS, InvalidRetriever, lenient)
    config = convert(values, LearningConfig, InvalidRetriever)
    _check_algorithm(config)
    if config.shipped_weight_set is not None:
        raise InvalidRetriever(
            "shipped_weight_set is read-only: a gate writes it when it ships weights.",
            (*_LOCATION, "shipped_weight_set"),
        )
    if any(type not in INTERACTION_TYPES for type in config.reward_map or ()):
        raise InvalidRetriever(
            f"reward_map knows the types {', '.join(INTERACTION_TYPES)}.",
            (*_LOCATION, "reward_map"),
        )
    for name in (*config.context_features, *(config.demographic_features or ())):
        if not _VARIABLE.fullmatch(name):
            raise InvalidRetriever(
                "A context feature is an input, such as INPUT.user_id.", _LOCATION
            )
    _check_bounds(config, n_features)
    return config


def _check_algorithm(config: LearningConfig) -> None:
    if config.algorithm in _NOT_YET:
        raise InvalidRetriever(
            f"This algorithm is not available; there are {LINEAR} and {BETA}.",
            (*_LOCATION, "algorithm"),
        )
    if config.algorithm not in (LINEAR, BETA):
        raise InvalidRetriever(f"algorithm is {LINEAR} or {BETA}.", (*_LOCATION, "algorithm"))


def _check_bounds(config: LearningConfig, n_features: int) -> None:
    """Refuse bounds between which that many weights cannot sum to 1."""
    least, most = config.bounds or (0.0, 1.0)
    if n_features and not least * n_features <= 1.0 <= most * n_features:
        raise InvalidRetriever(
            f"{n_features} weights between min_weight and max_weight cannot sum to 1.",
            (*_LOCATION, "min_weight"),
        )


_VARIABLE = re.compile(r"(?:INPUTS?|CONTEXT)\.[A-Za-z_][\w.\-]*", re.IGNORECASE)


def context_of(features: Sequence[str], inputs: Mapping[str, Any]) -> str | None:
    """The context that inputs name; None when one of its features is missing.

    Examples
    --------
    >>> context_of(["INPUT.user_id"], {"user_id": "kim"})
    '"kim"'
    >>> context_of(["INPUT.country", "INPUT.device"], {"country": "de"}) is None
    True
    """
    values: list[Any] = []
    for name in features:
        value: Any = inputs
        for step in name.partition(".")[2].split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
        if value is None:
            return None
        values.append(value)
    return ",".join(canonical_json(value).decode() for value in values) if values else None
