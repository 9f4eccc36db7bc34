"""Lists of candidates with what each is worth, from judgments or from the log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

import ibis
import numpy as np
from ibis import _
from msgspec import Struct

from desirepath.domain.judgment import JudgedQuery
from desirepath.domain.ranking import Ranking, unpack_ranking
from desirepath.domain.retriever import Retriever
from desirepath.engine.analysing.part import Part
from desirepath.engine.engine import Engine
from desirepath.engine.executing import ExecuteRequest
from desirepath.engine.training.layouts import propensities_of
from desirepath.engine.trying import try_out
from desirepath.errors import DesirepathError, EmbedderUnavailable, StorageError
from desirepath.methods.fusion_weights.pools import Pools
from desirepath.methods.levels import FloatArray, IntArray, Levels
from desirepath.methods.ranking.metrics import Gain
from desirepath.storage.base import Session
from desirepath.storage.extracts import EXECUTION_COLUMNS

__all__ = ["FoundPools", "judged_pools", "logged_pools"]

_LEAST_PROPENSITY = 0.1
_PRIOR_LOOKS = 1.0
_AT_ONCE = 500
_RANKING = EXECUTION_COLUMNS.index("ranking")
_NAME = EXECUTION_COLUMNS.index("execution_id")


class FoundPools(Struct, frozen=True, kw_only=True, eq=False):
    """Pools, and what is to be said of where they are from.

    Parameters
    ----------
    n_skipped
        Lists and queries of the source that could not be used.
    propensities
        How likely positions are looked at, as clicks were corrected; empty: nothing was corrected.
    notes
        What a reader should know.
    """

    pools: Pools
    n_skipped: int
    propensities: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()


def judged_pools(
    engine: Engine,
    retriever: Retriever,
    queries: Sequence[JudgedQuery],
    features: Sequence[str],
    gain: Gain,
    stepped: Callable[[int, int], object] = lambda done, most: None,
) -> FoundPools:
    """Search once for each judged query, as a stranger; what it could have shown is a list.

    Parameters
    ----------
    features : length F
        Columns of the levels, by URI.
    gain
        What a grade is worth. What is relevant without a grade has grade 1.

    Raises
    ------
    StorageError, EmbedderUnavailable
        The database or the embedder failed, which says nothing of a query.
    """
    rows: list[_Row] = []
    for number, query in enumerate(queries):
        stepped(number, len(queries))
        gains = _gains_of(query, gain)
        ranking = _tried(engine, retriever, query) if any(gains.values()) else None
        row = None if ranking is None else _row(number, ranking, gains, features)
        if row is not None:
            rows.append(row)
    return FoundPools(pools=_pools(rows, len(features)), n_skipped=len(queries) - len(rows))


def _gains_of(query: JudgedQuery, gain: Gain) -> dict[str, float]:
    grades = {
        one.document_id: int(one.is_relevant) if one.grade is None else one.grade
        for one in query.judgments
    }
    if gain is Gain.LINEAR:
        return {id: float(grade) for id, grade in grades.items()}
    return {id: 2.0**grade - 1.0 for id, grade in grades.items()}


def _tried(engine: Engine, retriever: Retriever, query: JudgedQuery) -> Ranking | None:
    try:
        return try_out(
            engine, retriever, ExecuteRequest(inputs=query.query_input)
        ).execution.ranking
    except (StorageError, EmbedderUnavailable):
        raise
    except DesirepathError:
        return None


def logged_pools(
    part: Part, session: Session, namespace: int, features: Sequence[str], most_lists: int
) -> FoundPools:
    """The last searches of a part of the log, of queries that somebody reacted to.

    A document is worth, in all lists of a query, the rewards above 0 that it got for it, for each
    time that it was looked at: an impression counts as much as its position is looked at, where the
    log tells that, and one look without a reward is added to all. What was never shown for a query
    is worth 0, which favours what served while the log was made.

    Parameters
    ----------
    part
        Of one retriever.
    features : length F
        Columns of the levels, by URI; searches by others are skipped.
    """
    propensities = propensities_of(part)
    worth = _worth(part, propensities)
    rows: list[_Row] = []
    lists = _last_lists(part, most_lists)
    number_of = {query: number for number, query in enumerate(sorted(set(lists.values())))}
    for name, ranking in _rankings(session, namespace, list(lists)):
        query = lists[name]
        row = _row(number_of[query], ranking, worth[query], features)
        if row is not None:
            rows.append(row)
    is_corrected = len(propensities) > 1
    return FoundPools(
        pools=_pools(rows, len(features)),
        n_skipped=len(lists) - len(rows),
        propensities=propensities if is_corrected else (),
        notes=() if is_corrected else (_UNCORRECTED,),
    )


_UNCORRECTED = (
    "Clicks are not corrected for positions: the log does not tell how likely each is looked at."
)


def _worth(part: Part, propensities: Sequence[float]) -> Mapping[str, dict[str, float]]:
    """By query and document: reward for each look."""
    counted = part.log.counted.filter(_.is_known & _["query"].notnull())
    cells = counted.group_by("query", "document_id", "position").agg(
        n=_.count(), reward=ibis.greatest(_.reward, 0.0).sum()
    )
    looks: dict[tuple[str, str], float] = defaultdict(float)
    rewards: dict[tuple[str, str], float] = defaultdict(float)
    for row in part.rows(cells):
        pair = row["query"], row["document_id"]
        chance = propensities[min(row["position"], len(propensities) - 1)]
        looks[pair] += row["n"] * min(max(chance, _LEAST_PROPENSITY), 1.0)
        rewards[pair] += row["reward"]
    worth: dict[str, dict[str, float]] = defaultdict(dict)
    for (query, document), reward in rewards.items():
        if reward > 0:
            worth[query][document] = reward / (looks[query, document] + _PRIOR_LOOKS)
    return worth


def _last_lists(part: Part, most: int) -> dict[str, str]:
    """The query of each of the last searches for what somebody reacted to, by execution_id."""
    rewarded = part.log.counted.filter(_.is_known & (_.reward > 0)).select("query").distinct()
    last = part.log.executions.filter(_["query"].notnull()).semi_join(rewarded, "query")
    last = last.order_by(ibis.desc("occurred_at"), ibis.desc("id")).limit(most)
    rows = part.rows(last.select("execution_id", "query"))
    return {row["execution_id"]: row["query"] for row in rows}


def _rankings(
    session: Session, namespace: int, names: Sequence[str]
) -> Iterator[tuple[str, Ranking]]:
    """How searches were ranked, in the order of their names; some are gone, or say nothing."""
    found: dict[str, bytes] = {}
    for start in range(0, len(names), _AT_ONCE):
        part = session.extracts.executions_named(namespace, names[start : start + _AT_ONCE])
        found |= {row[_NAME]: row[_RANKING] for row in part if row[_RANKING] is not None}
    for name in sorted(found):
        yield name, unpack_ranking(found[name])


class _Row(Struct, frozen=True, eq=False):
    """One list."""

    query: int
    levels: Levels
    gains: FloatArray


def _row(
    query: int, ranking: Ranking, gains: Mapping[str, float], features: Sequence[str]
) -> _Row | None:
    """A list; None where it was ranked by other features, or has nothing that is worth anything."""
    if set(ranking.features) != set(features):
        return None
    order = sorted(range(len(ranking.pool)), key=ranking.pool.__getitem__)
    worth = np.array([gains.get(ranking.pool[place], 0.0) for place in order])
    if not worth.any():
        return None
    levels = np.frombuffer(ranking.levels, "<u2").reshape(len(ranking.pool), -1)
    columns = [ranking.features.index(uri) for uri in features]
    return _Row(query, levels[order][:, columns].astype(np.uint16), worth)


def _pools(rows: Sequence[_Row], n_features: int) -> Pools:
    groups: IntArray = np.array([len(row.gains) for row in rows], np.int64)
    return Pools(
        levels=np.concatenate([np.zeros((0, n_features), np.uint16), *(r.levels for r in rows)]),
        gains=np.concatenate([np.zeros(0), *(row.gains for row in rows)]),
        groups=groups,
        queries=np.array([row.query for row in rows], np.int64),
    )
