"""What the log says of a candidate."""

from __future__ import annotations

from desirepath.domain.gate import WhatIfSays
from desirepath.domain.retriever import Retriever
from desirepath.domain.what_if import NewPolicy
from desirepath.engine.engine import Engine
from desirepath.engine.gates import RANKERS, WEIGHTS
from desirepath.engine.gating.candidates import Candidate
from desirepath.engine.what_if.asking import what_if
from desirepath.errors import InvalidSetting, NotEnoughData, NotFound
from desirepath.storage.base import Namespace

__all__ = ["ask_log"]

_NOT_RANKED = "Of a query adapter a log cannot tell: it changes what is found."


def ask_log(
    engine: Engine, namespace: Namespace, live: Retriever, candidate: Candidate
) -> WhatIfSays:
    """What a candidate would have earned; a log that cannot be asked says why."""
    policy = _policy(candidate)
    if policy is None:
        return WhatIfSays(words=_NOT_RANKED)
    try:
        found = what_if(engine, namespace, live, policy)
    except (InvalidSetting, NotEnoughData, NotFound) as refused:
        return WhatIfSays(words=refused.message)
    return WhatIfSays(verdict=found.verdict, words=found.sentence)


def _policy(candidate: Candidate) -> NewPolicy | None:
    artifact = candidate.artifact
    if artifact.kind in WEIGHTS and candidate.weights is not None:
        return NewPolicy(weights=dict(candidate.weights))
    if artifact.kind in RANKERS:
        return NewPolicy(ranker=artifact.name, ranker_version=artifact.version)
    return None
