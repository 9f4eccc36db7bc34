"""Try a search out: serve it to nobody, and leave no trace of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial

import numpy as np
from msgspec.structs import replace

from desirepath.domain.retriever import Retriever
from desirepath.engine.engine import Engine
from desirepath.engine.executing import ExecuteRequest, Served, Weigh, serve
from desirepath.engine.serving.fusing import LEARNED, FeatureWeights, FusionPlan
from desirepath.errors import InvalidSearch
from desirepath.storage.base import Session

__all__ = ["try_out"]

_PATIENCE_SECONDS = 60.0  # nobody waits, and a list that was left as it was would be taken for ours


def try_out(
    engine: Engine,
    retriever: Retriever,
    request: ExecuteRequest,
    *,
    weights: Mapping[str, float] | None = None,
) -> Served:
    """Serve a search as a stranger would be served, and write nothing down.

    Learned weights are the mean of what is believed instead of a draw, so that the same log gives
    the same answer.

    Parameters
    ----------
    retriever
        Its definition need not be stored: a changed copy is served as it says.
    request
        Who asks, and which page it belongs to, do not count.
    weights
        By feature URI, those to fuse with instead; features that are not named have none.

    Raises
    ------
    InvalidSearch
        Also where the weights name a feature that the retriever does not have, or are all 0.
    MissingInput, NotFound, SearchTooSlow, EmbedderError
        As for :func:`~desirepath.engine.executing.execute`.
    """
    stranger = replace(request, user_id=None, session_id=None, parent_id=None)
    weigh = _expected(engine) if weights is None else _as(weights)
    return serve(engine, retriever, stranger, weigh, patience_seconds=_PATIENCE_SECONDS)


def _expected(engine: Engine) -> Weigh:
    def expect(session: Session, plan: FusionPlan) -> FeatureWeights:
        return engine.fuser.expect(session, plan, session.now())

    return expect


def _as(weights: Mapping[str, float]) -> Weigh:
    return partial(_given, weights)


def _given(weights: Mapping[str, float], _: Session, plan: FusionPlan) -> FeatureWeights:
    unknown = [uri for uri in weights if uri not in plan.features]
    if unknown:
        raise InvalidSearch(
            "Weights are given for a feature that the retriever does not have.", ("weights",)
        )
    values = np.array([weights.get(uri, 0.0) for uri in plan.features])
    total = float(values.sum())
    if not (np.all(values >= 0) and 0 < total < math.inf):
        raise InvalidSearch(
            "Weights are numbers from 0 on, at least one of which is above 0.", ("weights",)
        )
    fusion = LEARNED if plan.learns else plan.fusion
    return FeatureWeights(fusion=fusion, weights=values / total)
