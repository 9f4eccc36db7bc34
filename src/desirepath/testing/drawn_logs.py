"""Simulated searches that were served by drawn weights, stored as a log, with a known truth.

A simulation, never people: a document is clicked by its relevance, which its scores say something
of, and by how far down it stands. So what any other ranking would have earned is known.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from desirepath.domain.execution import Execution, ShownDocument
from desirepath.domain.ids import IdGenerator, format_id
from desirepath.domain.interaction import Interaction
from desirepath.domain.ranking import Contexts, Draw, Ranking
from desirepath.domain.retriever import Retriever
from desirepath.methods.bandits.linear_thompson import EffectPosterior
from desirepath.methods.bandits.weights import weights_of
from desirepath.methods.fusion.base import best_first
from desirepath.methods.fusion.learned import learned_scores
from desirepath.methods.levels import SCALE, FloatArray, Levels
from desirepath.storage.base import Storage
from desirepath.testing.clock import START

__all__ = ["DrawnLog", "SimulatedSearches", "fill_drawn_log"]

_PART = 2_000


class SimulatedSearches(Struct, frozen=True, kw_only=True):
    """How people search.

    Parameters
    ----------
    features : length F
        Feature URIs. The first says most of what is relevant, the last says nothing.
    n_found, n_shown, n_people
        Documents that each search finds and shows; people who search, in turn.
    depth
        Of the pools that are logged.
    spread
        Standard deviation of each effect as it is drawn; the means are equal.
    """

    features: tuple[str, ...] = ("text://title", "text://body", "text://noise")
    n_found: int = 20
    n_shown: int = 10
    n_people: int = 500
    depth: int = 50
    spread: float = 0.15


class DrawnLog(Struct, frozen=True, kw_only=True, eq=False):
    """What was stored.

    Parameters
    ----------
    levels : shape (n, n_found, F)
        Rows in the order of the documents' ids.
    relevance : shape (n, n_found)
        Chance of a click at the first place.
    examination : shape (n_shown,)
        What is left of it further down.
    """

    levels: Levels
    relevance: FloatArray
    examination: FloatArray

    def worth(self, weights: FloatArray) -> float:
        """The clicks that a list is expected to have by learned fusion with fixed weights."""
        worth = 0.0
        for levels, relevance in zip(self.levels, self.relevance, strict=True):
            first = best_first(learned_scores(levels, weights))[: len(self.examination)]
            worth += float(self.examination @ relevance[first])
        return worth / len(self.levels)


def fill_drawn_log(
    storage: Storage,
    retriever: Retriever,
    n: int,
    seed: int,
    searches: SimulatedSearches | None = None,
) -> DrawnLog:
    """Store n searches of a retriever with their clicks; nothing learns from them."""
    searches = searches or SimulatedSearches()
    rng = np.random.default_rng(seed)
    shape = (n, searches.n_found, len(searches.features))
    levels = rng.integers(0, SCALE + 1, shape).astype(np.uint16)
    told = np.linspace(1.0, 0.0, len(searches.features))
    relevance = 0.02 + 0.6 * ((levels / SCALE) @ (told / told.sum())) ** 3
    log = DrawnLog(
        levels=levels,
        relevance=relevance,
        examination=1.0 / np.sqrt(np.arange(1.0, searches.n_shown + 1)),
    )
    ids, stored = IdGenerator(), 0
    while stored < n:
        part = range(stored, min(stored + _PART, n))
        rows = [_search(retriever, searches, log, number, ids, rng) for number in part]
        with storage.write() as session:
            session.learned.add_features(
                retriever.namespace, retriever.retriever_id, searches.features
            )
            executions = [execution for execution, _ in rows]
            session.executions.claim(
                [(one.namespace, one.execution_id, bytes(32), one.id) for one in executions]
            )
            session.executions.append(executions)
            session.interactions.append([click for _, clicks in rows for click in clicks])
        stored = part.stop
    return log


def _search(
    retriever: Retriever,
    searches: SimulatedSearches,
    log: DrawnLog,
    number: int,
    ids: IdGenerator,
    rng: np.random.Generator,
) -> tuple[Execution, list[Interaction]]:
    n_features = len(searches.features)
    posterior = EffectPosterior(
        mean=np.full(n_features, 1.0 / n_features), factor=searches.spread * np.eye(n_features)
    )
    weights = weights_of(posterior.sample(1.0, rng))
    levels, moment = log.levels[number], START + 1_000 * number
    order = best_first(learned_scores(levels, weights)).tolist()
    names = [f"doc_{row:04}" for row in range(searches.n_found)]
    shown, pool = order[: searches.n_shown], order[: max(searches.depth, searches.n_shown)]
    person = f"person_{number % searches.n_people}"
    id = ids.next(moment)
    execution_id = format_id("exec", id)
    ranking = Ranking(
        version=retriever.version,
        stages_hash=retriever.stages_hash,
        fusion="learned",
        features=searches.features,
        ordinals=tuple(range(n_features)),
        weights=tuple(weights.tolist()),
        minima=(0.0,) * n_features,
        maxima=(1.0,) * n_features,
        pool=tuple(names[row] for row in pool),
        levels=levels[pool].astype("<u2").tobytes(),
        algorithm="thompson_sampling",
        contexts=Contexts(identity=f"user:{person}"),
        draw=Draw(posterior.parameters.tobytes(), 1.0, None, 0, "global"),
    )
    execution = Execution(
        id=id,
        namespace=retriever.namespace,
        execution_id=execution_id,
        retriever_id=retriever.retriever_id,
        documents=tuple(ShownDocument(document_id=names[row]) for row in shown),
        user_id=person,
        occurred_at=moment,
        live=True,
        ranking=ranking,
    )
    is_clicked = rng.random(len(shown)) < log.examination * log.relevance[number, shown]
    clicks = [
        Interaction(
            id=ids.next(moment),
            namespace=retriever.namespace,
            feature_id=names[shown[place]],
            types=("click",),
            position=place,
            user_id=person,
            execution_id=execution_id,
            retriever_id=retriever.retriever_id,
            occurred_at=moment,
            live=True,
            reward=1.0,
        )
        for place in is_clicked.nonzero()[0].tolist()
    ]
    return execution, clicks
