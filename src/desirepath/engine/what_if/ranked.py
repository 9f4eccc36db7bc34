"""A trained ranker as the new policy: pools ordered by it, as of the moment it was trained at."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from desirepath.domain.ranking_features import FeatureKind
from desirepath.domain.retriever import Retriever
from desirepath.engine.engine import Engine
from desirepath.engine.query_text import first_text
from desirepath.engine.serving.hits import Hit
from desirepath.engine.serving.judged import LOGGED_RANK, LOGGED_SCORE
from desirepath.engine.serving.ranking.features import AskedList
from desirepath.engine.serving.ranking.rankers import LoadedRanker
from desirepath.engine.what_if.batches import Batch
from desirepath.engine.what_if.logged import LoggedList
from desirepath.errors import InvalidSetting, NotFound, RankerUnavailable
from desirepath.methods.fusion.base import best_first
from desirepath.methods.fusion.learned import learned_scores
from desirepath.methods.levels import SCALE, IntArray
from desirepath.methods.offpolicy.resampling import BoolArray
from desirepath.storage.base import Session

__all__ = ["Ranked", "ranked_by"]


class Ranked(Struct, frozen=True, kw_only=True, eq=False):
    """Orders each pool by a ranker, in place of a draw of weights.

    Its counters stand still at the moment it was trained at, and only lists that are later than
    all that its training could see are weighed: so neither its trees nor its features know what was
    done with the lists that it is judged by. What it reads of people, and of
    documents, it reads as it does when it serves.
    """

    engine: Engine
    namespace: int
    ranker: LoadedRanker
    features: tuple[str, ...]

    @property
    def words(self) -> str:
        artifact = self.ranker.artifact
        return f"ranker {artifact.name} version {artifact.version}"

    @property
    def learned_until(self) -> int:
        return max(self.ranker.trained_at.boundary, self.ranker.artifact.seen_before or 0)

    def rows(self, batch: Batch, most: int) -> IntArray:
        rows = np.zeros((len(batch.lists), most), np.int64)
        with self.engine.storage.read() as session:
            for number, one in enumerate(batch.lists):
                first = self._order(session, one)[:most]
                rows[number, : len(first)] = first
        return rows

    def is_sure(self, batch: Batch, rows: IntArray) -> BoolArray:
        """It orders candidates, and finds none: what it is given is the pool."""
        return np.ones(rows.shape, bool)

    def _order(self, session: Session, one: LoggedList) -> IntArray:
        scores = learned_scores(one.levels, one.expected)
        order = best_first(scores)
        raw = one.minima + (one.maxima - one.minima) * (one.levels / SCALE)
        hits = [
            Hit(
                document_id=one.document_ids[row],
                score=float(scores[row]),
                scores={
                    uri: float(raw[row, column])
                    for column, uri in enumerate(one.features)
                    if one.levels[row, column] > 0
                },
            )
            for row in order.tolist()
        ]
        execution = session.executions.get(self.namespace, one.execution_id)
        inputs = {} if execution is None else execution.inputs or {}
        asked = AskedList(
            hits=hits,
            query=first_text(inputs),
            user_id=None if execution is None else execution.user_id,
            session_id=None if execution is None else execution.session_id,
            now=one.occurred_at,
        )
        judged = self.ranker.judge_by(session, self.ranker.trained_at, asked)
        found: IntArray = order[np.argsort(-judged.scores, kind="stable")]
        return found


def ranked_by(
    engine: Engine,
    retriever: Retriever,
    name: str,
    version: int | None,
    features: tuple[str, ...],
) -> Ranked:
    """A ranker as the new policy.

    Parameters
    ----------
    features
        What the retriever's lists have scores of, by which rewards are told.

    Raises
    ------
    NotFound
        There is no such ranker.
    InvalidSetting
        It looks at numbers that are logged of shown documents alone.
    """
    try:
        ranker = engine.rankers.get(retriever.namespace, name, version)
    except RankerUnavailable as error:
        raise NotFound("ranker") from error  # without its name: no error repeats a body
    sent = {
        feature.argument for feature in ranker.layout.features if feature.kind is FeatureKind.LOGGED
    }
    if sent - {LOGGED_RANK, LOGGED_SCORE}:
        raise InvalidSetting(
            "The ranker looks at numbers that are sent with each search, and of candidates that "
            "were not shown those are not logged: compare by interleaving.",
            ("ranker",),
        )
    return Ranked(engine=engine, namespace=retriever.namespace, ranker=ranker, features=features)
