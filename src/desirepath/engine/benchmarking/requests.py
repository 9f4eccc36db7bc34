"""A logged search, as it is asked of a retriever again."""

from __future__ import annotations

import numpy as np

from desirepath.domain.execution import Execution
from desirepath.domain.feature_uri import FeatureKind
from desirepath.domain.ranking import Ranking
from desirepath.domain.retriever import Retriever
from desirepath.domain.stage_kinds.feature_search import FeatureSearchParameters
from desirepath.engine.executing import ExecuteRequest
from desirepath.engine.serving.searching import SentCandidate
from desirepath.methods.levels import SCALE

__all__ = ["CannotReplay", "request_again"]


class CannotReplay(Exception):
    """A search cannot be asked of a retriever again; ``reason`` is a word that is counted by."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def request_again(execution: Execution, retriever: Retriever, depth: int) -> ExecuteRequest:
    """Ask what was asked: the same inputs and filters, down to a depth, by nobody.

    Where a retriever fuses what other engines found, that is what was logged of it: exact scores of
    what was shown, and the stored pool's of the rest. A document at the very end of a feature's
    list, and not shown, counts as not found by it, for the pool does not tell the two apart.

    Raises
    ------
    CannotReplay
        ``NoCandidatesLogged``: the search was made without candidates that this retriever takes.
        ``MixedFeatures``: the retriever takes candidates of some features and finds those of
        others itself; the two are not of one moment.
    """
    profile = execution.profile
    return ExecuteRequest(
        inputs=execution.inputs or {},
        filters=None if profile is None else profile.filters,
        candidates=_candidates(execution, retriever),
        features={
            document.document_id: document.features
            for document in execution.documents
            if document.features
        },
        page_size=depth,
    )


def _candidates(execution: Execution, retriever: Retriever) -> dict[str, list[SentCandidate]]:
    parameters = [
        stage.parameters
        for stage in retriever.stages
        if isinstance(stage.parameters, FeatureSearchParameters)
    ]
    searches = [search for one in parameters for search in one.searches]
    sent = {search.uri for search in searches if search.feature.kind is FeatureKind.SENT}
    takes_any = any(not one.searches for one in parameters)
    if not sent and not takes_any:
        return {}
    if sent and len(sent) < len({search.uri for search in searches}):
        raise CannotReplay("MixedFeatures")
    found = {
        uri: listed
        for uri, listed in _logged(execution).items()
        if listed and (uri in sent or takes_any)
    }
    if not found and sent:
        raise CannotReplay("NoCandidatesLogged")
    return found


def _logged(execution: Execution) -> dict[str, list[SentCandidate]]:
    """What each feature found, as far as the log has it."""
    scores: dict[str, dict[str, float]] = {}
    if execution.ranking is not None:
        scores = _of_pool(execution.ranking)
    for document in execution.documents:
        for uri, score in (document.scores or {}).items():
            scores.setdefault(uri, {})[document.document_id] = score
    return {
        uri: [SentCandidate(document_id=id, score=score) for id, score in found.items()]
        for uri, found in scores.items()
    }


def _of_pool(ranking: Ranking) -> dict[str, dict[str, float]]:
    """By feature, the score of each document of the pool that it found, to 16 bits."""
    shape = len(ranking.pool), len(ranking.features)
    levels = np.frombuffer(ranking.levels, "<u2").reshape(shape)
    found: dict[str, dict[str, float]] = {}
    for column, uri in enumerate(ranking.features):
        low, high = ranking.minima[column], ranking.maxima[column]
        rows = np.flatnonzero(levels[:, column])
        shares = levels[rows, column] / SCALE
        scores = low * (1 - shares) + high * shares  # a difference of both might overflow
        found[uri] = dict(zip([ranking.pool[row] for row in rows], scores.tolist(), strict=True))
    return found
