"""What the study of learning can drive: anything that takes lists, shows one, and hears of clicks.

:class:`MemoryEngine` is the policy alone, with its statistics in memory as the product would keep
them. :class:`FloatEngine` is the textbook form of it, to see what whole numbers cost. The product
itself is driven by :mod:`benchmarks.learning_product`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from desirepath.engine.learning.adding import DAILY_INFLUENCE
from desirepath.methods.bandits.base import ListOutcome, Policy
from desirepath.methods.bandits.evidence import POOLED_LISTS, Evidence, pooled, weighted_sum
from desirepath.methods.bandits.exploration import effective_exploration
from desirepath.methods.bandits.forgetting import MEMORY_LISTS, day_weights
from desirepath.methods.bandits.linear_thompson import N_POSITIONS, LinearThompson
from desirepath.methods.bandits.sums import (
    REWARD_UNIT,
    Sums,
    add,
    n_lists,
    nothing,
    scaled_down,
    subtract,
)
from desirepath.methods.bandits.weights import weights_of
from desirepath.methods.fusion.base import fuse
from desirepath.methods.fusion.candidates import Candidates, FoundList, gather
from desirepath.methods.fusion.learned import learned
from desirepath.methods.levels import FloatArray, Levels

PAGE = 10
QueryLists = Mapping[str, FoundList]
"""What each feature found, by its URI; every search of an engine has the same features."""


class Context(NamedTuple):
    """What an engine is told of who searches."""

    user_id: str = ""
    segment: str = ""


class Shown(NamedTuple):
    """A list that was shown, and what to name it by."""

    token: Any
    document_ids: list[str]


class Engine(Protocol):
    """A search that learns."""

    def search(self, query_lists: QueryLists, context: Context) -> Shown:
        """Fuse what features found and show the first page."""
        ...

    def click(self, token: Any, positions: Sequence[int]) -> None:
        """Learn which documents of a list were clicked."""
        ...

    def next_day(self) -> None:
        """Let a day pass."""
        ...

    def mean_weights(self, context: Context) -> FloatArray:
        """The weights without exploration, in the order of the features."""
        ...

    def close(self) -> None:
        """Let go of what it holds."""
        ...


def make_seed(rng: np.random.Generator) -> int:
    """Of one draw: every engine asks its randomness for as much, so that all draw the same."""
    return int(rng.integers(2**63))


class Resolve(StrEnum):
    """Whose statistics decide."""

    GLOBAL = "global"
    """Everybody's."""
    HARD = "hard"
    """The person's from ``min_interactions`` lists on, else the segment's if any, else all."""
    POOLED = "pooled"
    """All of them pooled, the person's from ``min_interactions`` lists on."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How an engine learns; the defaults are the product's."""

    resolve: Resolve = Resolve.POOLED
    min_interactions: int = 5
    pooled_lists: float = POOLED_LISTS
    on_first_interaction: bool = True
    decay_factor: float = 0.995
    window_days: int = 365
    memory_lists: float = MEMORY_LISTS
    daily_influence: int = DAILY_INFLUENCE
    bonus: float = 1.0
    decay: float = 0.99
    floor: float = 0.1


@dataclass
class Rollup:
    """What one context learned, a sum a day."""

    days: list[int] = field(default_factory=list)
    sums: list[Sums] = field(default_factory=list)
    today: Sums = field(default_factory=nothing)
    closed: Evidence = field(default_factory=lambda: np.zeros(1))

    def evidence(self, memory_lists: float) -> Evidence:
        """Each list of today makes all earlier days fade alike, so their sum is made once a day."""
        faded = math.exp(-n_lists(self.today) / memory_lists)
        return weighted_sum([(faded, self.closed), (1.0, self.today)])

    def close(self, today: int, options: Options) -> None:
        """End a day."""
        if self.today.any():
            self.days.append(today)
            self.sums.append(self.today)
            self.today = nothing()
        weights = day_weights(
            self.days,
            [n_lists(sums) for sums in self.sums],
            today + 1,
            decay_factor=options.decay_factor,
            window_days=options.window_days,
            memory_lists=options.memory_lists,
        )
        self.closed = weighted_sum(zip(weights, self.sums, strict=True))


@dataclass
class Token:
    """What is remembered of a shown list until it is clicked."""

    levels: Levels
    identity: str
    contexts: list[str]
    clicked: set[int] = field(default_factory=set)
    applied: Sums = field(default_factory=nothing)


_PERSON = "user "


def _difference(before: Sums, after: Sums, most: int) -> Sums:
    """What shared sums change by when what somebody did on a day does."""
    return subtract(scaled_down(after, most), scaled_down(before, most))


class MemoryEngine:
    """A policy with integer statistics, daily rollups and pooled contexts, in memory."""

    def __init__(
        self, n_features: int, policy: Policy, rng: np.random.Generator, options: Options
    ) -> None:
        self._features = range(n_features)
        self._policy = policy
        self._rng = rng
        self._options = options
        self._context_to_rollup: dict[str, Rollup] = {}
        self._own_of_today: dict[tuple[str, str], Sums] = {}
        self._day = 0
        self._candidates: dict[int, tuple[QueryLists, Candidates]] = {}

    def search(self, query_lists: QueryLists, context: Context) -> Shown:
        contexts = self._contexts(context)
        found = self._found(contexts)
        believed = self._policy.posterior(self._resolved(found), self._features)
        exploration = effective_exploration(
            math.floor(found[0][0]),
            bonus=self._options.bonus,
            decay=self._options.decay,
            floor=self._options.floor,
        )
        draws = np.random.default_rng(make_seed(self._rng))
        weights = weights_of(believed.sample(exploration, draws))
        candidates = self._gathered(query_lists)
        fused = fuse(candidates, learned, weights)
        token = Token(
            levels=candidates.levels[fused.rows[:PAGE]],
            identity=context.user_id,
            contexts=contexts,
        )
        if not self._options.on_first_interaction:
            self._apply(token)
        return Shown(token, list(fused.document_ids[:PAGE]))

    def click(self, token: Token, positions: Sequence[int]) -> None:
        token.clicked.update(positions)
        if token.clicked:
            self._apply(token)

    def next_day(self) -> None:
        for rollup in self._context_to_rollup.values():
            rollup.close(self._day, self._options)
        self._own_of_today.clear()
        self._day += 1

    def mean_weights(self, context: Context) -> FloatArray:
        evidence = self._resolved(self._found(self._contexts(context)))
        return weights_of(self._policy.posterior(evidence, self._features).mean)

    def close(self) -> None:
        """It holds nothing."""

    def _apply(self, token: Token) -> None:
        """Add what the list teaches now, less what it taught before."""
        rewards = np.zeros(len(token.levels), np.int64)
        rewards[sorted(token.clicked)] = REWARD_UNIT
        sums = self._policy.list_sums(ListOutcome(levels=token.levels, rewards=rewards))
        before, token.applied = token.applied, sums
        for key in token.contexts:
            rollup = self._rollup(key)
            own = self._own_of_today.get((token.identity, key), nothing())
            if not token.identity:  # somebody else in every list
                change = _difference(before, sums, self._options.daily_influence)
            elif key.startswith(_PERSON):
                change = subtract(sums, before)
            else:
                after = add(own, subtract(sums, before))
                self._own_of_today[token.identity, key] = after
                change = _difference(own, after, self._options.daily_influence)
            rollup.today = add(rollup.today, change)

    def _found(self, contexts: Sequence[str]) -> list[Evidence]:
        memory = self._options.memory_lists
        return [self._rollup(key).evidence(memory) for key in contexts]

    def _resolved(self, found: Sequence[Evidence]) -> Evidence:
        if len(found) == 1:
            return found[0]
        is_known = found[2][0] >= self._options.min_interactions
        if self._options.resolve is Resolve.POOLED:
            return pooled(found if is_known else found[:2], self._options.pooled_lists)
        return found[2 if is_known else 1 if found[1][0] > 0 else 0]

    def _contexts(self, context: Context) -> list[str]:
        """The widest first."""
        if self._options.resolve is Resolve.GLOBAL:
            return ["global"]
        return ["global", f"segment {context.segment}", f"{_PERSON}{context.user_id}"]

    def _rollup(self, key: str) -> Rollup:
        return self._context_to_rollup.setdefault(key, Rollup())

    def _gathered(self, query_lists: QueryLists) -> Candidates:
        """The study asks the same few queries again and again."""
        found = self._candidates.get(id(query_lists))
        if found is None:
            found = query_lists, gather(list(query_lists.values()))
            self._candidates[id(query_lists)] = found
        return found[1]


class FloatEngine:
    """The regression as in a textbook, in floats, one context, nothing forgotten, every list in."""

    def __init__(self, n_features: int, policy: LinearThompson, rng: np.random.Generator) -> None:
        self._n_features = n_features
        self._policy = policy
        self._rng = rng
        size = n_features + N_POSITIONS
        prior = np.array([policy.ridge] * n_features + [0.01] * N_POSITIONS)
        self._gram = np.diag(prior)
        self._response = np.zeros(size)
        self._response[:n_features] = policy.ridge * policy.prior_effect / n_features
        self._scores: dict[int, tuple[QueryLists, list[str], NDArray[np.float64]]] = {}

    def search(self, query_lists: QueryLists, context: Context) -> Shown:
        mean, covariance = self._believed()
        # Rooted as the policy does it, so that the same seed draws the same.
        root = np.linalg.cholesky(np.linalg.inv(self._policy.sampling_variance * covariance))
        draws = np.random.default_rng(make_seed(self._rng))
        noise = draws.standard_normal(self._n_features)
        effects = mean + np.linalg.solve(root.T, noise)
        document_ids, scores = self._scored(query_lists)
        order = np.argsort(-(scores @ weights_of(effects)), kind="stable")[:PAGE]
        shown = scores[order]
        centred = shown - shown.mean(axis=0) if len(shown) else shown
        design = np.hstack([centred, np.eye(N_POSITIONS)[: len(shown)]])
        self._gram += design.T @ design
        return Shown(design, [document_ids[row] for row in order])

    def click(self, token: NDArray[np.float64], positions: Sequence[int]) -> None:
        self._response += token[list(positions)].sum(axis=0)

    def next_day(self) -> None:
        """Nothing is forgotten."""

    def mean_weights(self, context: Context) -> FloatArray:
        return weights_of(self._believed()[0])

    def close(self) -> None:
        """It holds nothing."""

    def _believed(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        covariance = np.linalg.inv(self._gram)
        n = self._n_features
        return (covariance @ self._response)[:n], covariance[:n, :n]

    def _scored(self, query_lists: QueryLists) -> tuple[list[str], NDArray[np.float64]]:
        found = self._scores.get(id(query_lists))
        if found is None:
            lists = list(query_lists.values())
            document_ids = sorted(set().union(*(one.document_ids for one in lists)))
            scores = np.zeros((len(document_ids), len(lists)))
            for column, one in enumerate(lists):
                for document_id, score in zip(one.document_ids, one.scores, strict=True):
                    width = max(one.scores) - min(one.scores)
                    share = (score - min(one.scores)) / width if width else 1.0
                    scores[document_ids.index(document_id), column] = share
            found = query_lists, document_ids, scores
            self._scores[id(query_lists)] = found
        return found[1], found[2]
