"""Lists out of the log, with what each of their places earned and what they were drawn from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from msgspec import Struct

from desirepath.domain.execution import decode_shown
from desirepath.domain.ids import NIL, first_id_at
from desirepath.domain.ranking import Ranking, unpack_ranking
from desirepath.domain.retriever import Retriever
from desirepath.domain.what_if import WhatIfSettings
from desirepath.engine.engine import Engine
from desirepath.engine.learning.policies import summing_policy
from desirepath.engine.serving.fusing import LEARNED
from desirepath.methods.bandits.weights import weights_of, weights_of_each
from desirepath.methods.levels import FloatArray, IntArray, Levels
from desirepath.storage.learned import LearnableList, ListedInteraction

__all__ = ["REASONS", "LoggedList", "read_lists"]

REASONS: Mapping[str, str] = {
    "page": "further pages of a search",
    "imported": "not served live",
    "static": "served without drawing weights: static fusion, fixed weights, shadow mode, or "
    "outside of the rollout",
    "empty": "showed nothing",
    "no_pool": "their candidates are not logged, or not any more",
    "experiment": "shown in an experiment, to which two retrievers gave",
    "reordered": "ordered anew after fusion, by later stages",
    "learned_from": "from before the ranker was trained, which may have learned from them",
    "features": "lack a feature of the new policy",
}
"""Why lists are left out."""

_PART = 1_000


class LoggedList(Struct, frozen=True, kw_only=True, eq=False):
    """A list that was served by weights that were drawn. P candidates, F features.

    Parameters
    ----------
    person
        Whose it is: the user, else the session, else the search itself.
    features : length F
    document_ids : length P
        In the order of the rows.
    levels : shape (P, F)
        Rows in the order of the documents' ids.
    places : shape (P,)
        Place of each row as it was served, from 0.
    minima, maxima, served : shape (F,)
        Scores that levels stand for; weights that were served.
    expected : shape (F,)
        Weights without exploration.
    drawn : shape (n_draws + 1, F)
        Weights that could have been served, drawn now.
    shown : shape (n,)
        Rows of the first k documents that were shown.
    rewards : shape (n,)
        What each of them earned.
    is_whole
        Whether the pool is all that was found.
    """

    execution_id: str
    occurred_at: int
    person: str
    features: tuple[str, ...]
    document_ids: Sequence[str]
    levels: Levels
    places: IntArray
    minima: FloatArray
    maxima: FloatArray
    served: FloatArray
    expected: FloatArray
    drawn: FloatArray
    shown: IntArray
    rewards: FloatArray
    is_whole: bool


def read_lists(
    engine: Engine,
    retriever: Retriever,
    settings: WhatIfSettings,
    rng: np.random.Generator,
    left_out: Counter[str],
    progress: Callable[[int], object] = lambda n: None,
) -> Iterator[list[LoggedList]]:
    """Read a retriever's lists, some at a time, in the order in which they were recorded.

    Parameters
    ----------
    left_out
        Counts what cannot be used, by a key of :data:`REASONS`.
    progress
        Told how many more searches were looked at.
    """
    reader = _Reader(engine, retriever, settings, rng)
    last = NIL
    while True:
        with engine.storage.read() as session:
            learned = session.learned
            rows = learned.ranked_after(retriever.namespace, retriever.retriever_id, last, _PART)
            keys = [(one.namespace, one.execution_id) for one in rows]
            acted = learned.interactions(keys)
        found = []
        for row in rows:
            if not reader.is_wanted(row):
                continue
            one = reader.read(row, acted.get((row.namespace, row.execution_id), ()))
            if isinstance(one, str):
                left_out[one] += 1
            else:
                found.append(one)
        yield found
        progress(len(rows))
        if len(rows) < _PART:
            return
        last = rows[-1].id


class _Reader:
    """Reads one list after the other."""

    def __init__(
        self,
        engine: Engine,
        retriever: Retriever,
        settings: WhatIfSettings,
        rng: np.random.Generator,
    ) -> None:
        self._settings, self._rng = settings, rng
        self._since = settings.since or 0
        self._before = settings.before
        self._stages_hash = retriever.stages_hash
        learning = retriever.learning
        self._depth = 0 if learning is None else learning.log_pool_depth
        self._algorithm = None if learning is None else learning.algorithm
        window = engine.rules.pool_window
        self._trimmed_before = first_id_at(max(engine.clock.now() - window, 0)) if window else NIL

    def is_wanted(self, row: LearnableList) -> bool:
        """Whether it is of the time that is asked about."""
        return self._since <= row.occurred_at and (
            self._before is None or row.occurred_at < self._before
        )

    def read(
        self, row: LearnableList, interactions: Sequence[ListedInteraction]
    ) -> LoggedList | str:
        """The list, or why it cannot be used."""
        if row.offset > 0:
            return "page"
        if not row.live:
            return "imported"
        if row.experiment_id is not None:
            return "experiment"
        ranking = unpack_ranking(row.ranking)
        draw, algorithm = ranking.draw, ranking.algorithm or self._algorithm
        if (
            ranking.fusion != LEARNED
            or draw is None
            or ranking.shadow_weights is not None
            or algorithm is None
        ):
            return "static"
        document_ids = decode_shown(row.shown)
        if not document_ids:
            return "empty"
        is_whole = self._is_whole(row.id, ranking, len(document_ids))
        if not is_whole and len(ranking.pool) <= len(document_ids):
            return "no_pool"
        posterior = summing_policy(algorithm).read_posterior(np.frombuffer(draw.parameters))
        effects = posterior.samples(draw.exploration, self._settings.n_draws + 1, self._rng)
        n_features = len(ranking.features)
        order = sorted(range(len(ranking.pool)), key=ranking.pool.__getitem__)
        row_of = {ranking.pool[place]: row for row, place in enumerate(order)}
        first = document_ids[: self._settings.k]
        identity = ranking.contexts.identity
        return LoggedList(
            execution_id=row.execution_id,
            occurred_at=row.occurred_at,
            person=row.execution_id if identity is None else identity,
            features=ranking.features,
            document_ids=list(row_of),
            levels=np.frombuffer(ranking.levels, "<u2").reshape(-1, n_features)[order],
            places=np.array(order),
            minima=np.array(ranking.minima),
            maxima=np.array(ranking.maxima),
            served=np.array(ranking.weights),
            expected=weights_of(posterior.mean, draw.bounds),
            drawn=weights_of_each(effects, draw.bounds),
            shown=np.array([row_of[id] for id in first]),
            rewards=_rewards(first, interactions),
            is_whole=is_whole,
        )

    def _is_whole(self, id: bytes, ranking: Ranking, n_shown: int) -> bool:
        """Whether nothing else was found: then fewer are logged than would have been."""
        was_trimmed = id < self._trimmed_before and len(ranking.pool) == n_shown
        return (
            not was_trimmed
            and ranking.stages_hash == self._stages_hash
            and len(ranking.pool) < self._depth
        )


def _rewards(shown: Sequence[str], interactions: Sequence[ListedInteraction]) -> FloatArray:
    """What each document earned: the strongest reward of each sign, however many events it has."""
    rewards = np.zeros(len(shown))
    if not interactions:
        return rewards
    best: dict[str, float] = {}
    worst: dict[str, float] = {}
    for feature_id, _, reward, _ in interactions:
        if reward > 0.0:
            best[feature_id] = max(best.get(feature_id, 0.0), reward)
        elif reward < 0.0:
            worst[feature_id] = min(worst.get(feature_id, 0.0), reward)
    for place, id in enumerate(shown):
        rewards[place] = best.get(id, 0.0) + worst.get(id, 0.0)
    return rewards
