"""Which weights to serve now: levels pooled, days forgotten, one draw."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct

from desirepath.domain.ids import first_id_at
from desirepath.domain.learning_config import LearningConfig
from desirepath.domain.ranking import Contexts, day_of
from desirepath.engine.learning.adding import CLOSED, GLOBAL
from desirepath.engine.learning.policies import policy_of
from desirepath.methods.bandits.base import Posterior
from desirepath.methods.bandits.evidence import Evidence, pooled, weighted_sum
from desirepath.methods.bandits.exploration import effective_exploration
from desirepath.methods.bandits.forgetting import day_weights
from desirepath.methods.bandits.packing import unpack
from desirepath.methods.bandits.sums import Sums, add, n_lists, nothing
from desirepath.methods.bandits.weights import weights_of
from desirepath.methods.levels import FloatArray
from desirepath.storage.base import Session

__all__ = ["Belief", "ClosedDays", "believe"]

SESSION_LISTS = 20
"""The latest lists of a session that count as its own level."""


class Belief(Struct, frozen=True, kw_only=True, eq=False):
    """What is believed of some features for somebody now.

    Parameters
    ----------
    posterior
        Of the features' effects.
    exploration
        Factor on the posterior's variance.
    level
        The narrowest level that spoke: session, personal, segment, global, or none.
    lists
        By level, on how many lists (after forgetting) it spoke.
    bounds
        Smallest and largest weight, if any were set.
    """

    posterior: Posterior
    exploration: float
    level: str
    lists: Mapping[str, float]
    bounds: tuple[float, float] | None

    @property
    def mean_weights(self) -> FloatArray:
        """Weights without exploration, shape (F,)."""
        return weights_of(self.posterior.mean, self.bounds)

    def sample_weights(self, rng: np.random.Generator) -> FloatArray:
        """Weights for one search, shape (F,)."""
        return weights_of(self.posterior.sample(self.exploration, rng), self.bounds)


class ClosedDays:
    """What shared contexts learned on days that are over, weighted, as of today.

    It changes with the day, or when something late is learned of a day that is over, which the
    database counts: so what is kept here may always be lost, and is never wrong.
    """

    _MOST = 4_096

    def __init__(self) -> None:
        self._kept: dict[tuple[object, ...], tuple[tuple[object, ...], Evidence]] = {}

    def get(self, key: tuple[object, ...], stamp: tuple[object, ...]) -> Evidence | None:
        found = self._kept.get(key)
        return found[1] if found is not None and found[0] == stamp else None

    def keep(self, key: tuple[object, ...], stamp: tuple[object, ...], known: Evidence) -> None:
        if len(self._kept) >= self._MOST:
            self._kept.clear()
        self._kept[key] = (stamp, known)


def believe(
    session: Session,
    namespace: int,
    retriever_id: str,
    config: LearningConfig,
    contexts: Contexts,
    ordinals: Sequence[int],
    *,
    session_id: str | None,
    session_window: int,
    now: int,
    closed_days: ClosedDays,
    left_out: tuple[int, int] | None = None,
) -> Belief:
    """Read what was learned, and pool it.

    Parameters
    ----------
    contexts
        Whose weights are asked for.
    ordinals : length F
        The features to weight.
    session_id, session_window
        Whose latest lists count as a level of their own, and for how many microseconds.
    left_out
        Days that do not count, first and last.
    """
    reader = _Reader(session, namespace, retriever_id, config, now, closed_days, left_out)
    levels: dict[str, Evidence] = {}
    known = reader.evidence([GLOBAL, contexts.segment], contexts.personal)
    levels["global"] = known[GLOBAL]
    if contexts.segment is not None and config.fallback_strategy == "hierarchical":
        levels["segment"] = known[contexts.segment]
    if contexts.personal is not None and known[contexts.personal][0] >= config.min_interactions:
        levels["personal"] = known[contexts.personal]
    if session_id is not None:
        since = first_id_at(now - session_window)
        packed = session.learned.session_sums(
            namespace, retriever_id, session_id, since, SESSION_LISTS
        )
        levels["session"] = weighted_sum([(1.0, unpack(sums)) for sums in packed])
    lists = {name: round(float(level[0]), 3) for name, level in levels.items() if level[0] > 0}
    n = math.floor(levels["global"][0])
    return Belief(
        posterior=policy_of(config).posterior(pooled(list(levels.values())), ordinals),
        exploration=effective_exploration(
            n,
            bonus=config.exploration_bonus,
            decay=config.exploration_decay,
            floor=config.exploration_floor,
        ),
        level=next((name for name in reversed(levels) if name in lists), "none"),
        lists=lists,
        bounds=config.bounds,
    )


class _Reader:
    """Reads the sums of contexts and weights their days."""

    def __init__(
        self,
        session: Session,
        namespace: int,
        retriever_id: str,
        config: LearningConfig,
        now: int,
        closed_days: ClosedDays,
        left_out: tuple[int, int] | None,
    ) -> None:
        self._learned = session.learned
        self._namespace, self._retriever_id, self._config = namespace, retriever_id, config
        self._today = day_of(now)
        self._since = self._today - config.decay_window_days
        self._closed_days, self._left_out = closed_days, left_out

    def evidence(self, shared: Sequence[str | None], personal: str | None) -> dict[str, Evidence]:
        """By context. Shared ones of days that are over come from memory where they can."""
        names = [name for name in shared if name is not None]
        since = dict.fromkeys(names, self._today) | {CLOSED: 0}
        if personal is not None:
            since[personal] = self._since
        rows = self._rows(since)
        version = sum(n_lists(sums) for sums in rows.pop(CLOSED, {}).values())
        found = {name: self._closed(name, version) for name in names}
        for name in names:
            today = rows.get(name, {}).get(self._today, nothing())
            share = math.exp(-n_lists(today) / self._config.memory_lists)
            found[name] = _plus(share * found[name], today)
        if personal is not None:
            found[personal] = self._weighted(rows.get(personal, {}))
        return found

    def _closed(self, context: str, version: int) -> Evidence:
        key = (self._namespace, self._retriever_id, self._config.algorithm, context)
        config = self._config
        stamp = (
            version,
            self._today,
            self._left_out,
            config.decay_factor,
            config.decay_window_days,
            config.memory_lists,
        )
        kept = self._closed_days.get(key, stamp)
        if kept is None:
            rows = self._rows({context: self._since}).get(context, {})
            kept = self._weighted({day: sums for day, sums in rows.items() if day < self._today})
            self._closed_days.keep(key, stamp, kept)
        return kept

    def _rows(self, since: Mapping[str, int]) -> dict[str, dict[int, Sums]]:
        """Sums by context and day; of days in the future as of today."""
        found: dict[str, dict[int, Sums]] = {}
        for context, day, packed in self._learned.sums(
            self._namespace, self._retriever_id, self._config.algorithm, since
        ):
            if self._left_out is not None and self._left_out[0] <= day <= self._left_out[1]:
                continue
            days = found.setdefault(context, {})
            number = min(day, self._today)
            sums = unpack(packed)
            days[number] = add(days[number], sums) if number in days else sums
        return found

    def _weighted(self, days: Mapping[int, Sums]) -> Evidence:
        weights = day_weights(
            list(days),
            [n_lists(sums) for sums in days.values()],
            self._today,
            decay_factor=self._config.decay_factor,
            window_days=self._config.decay_window_days,
            memory_lists=self._config.memory_lists,
        )
        return weighted_sum(zip(weights.tolist(), days.values(), strict=True))


def _plus(left: Evidence, right: Sums) -> Evidence:
    total = np.zeros(max(len(left), len(right)))
    total[: len(left)] = left
    total[: len(right)] += right
    return total
