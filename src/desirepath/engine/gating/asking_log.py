"""What the log says of a candidate."""

from __future__ import annotations

from desirepath.domain.artifact import Artifact
from desirepath.domain.gate import WORSE, WhatIfSays
from desirepath.domain.retriever import Retriever
from desirepath.domain.what_if import NewPolicy, WhatIfSettings
from desirepath.engine.engine import Engine
from desirepath.engine.gates import RANKERS, WEIGHTS
from desirepath.engine.gating.candidates import Candidate
from desirepath.engine.what_if.asking import what_if
from desirepath.errors import InvalidSetting, NotEnoughData, NotFound
from desirepath.storage.base import Namespace

__all__ = ["ask_log"]

_NOT_RANKED = "Of a query adapter a log cannot tell: it changes what is found."
_TOO_FEW_LATER = "It learned from the log, so that only later searches may judge it. "
_EVEN_SO = " It learned from these searches, which flatters it, and even so it loses."


def ask_log(
    engine: Engine, namespace: Namespace, live: Retriever, candidate: Candidate
) -> WhatIfSays:
    """What a candidate would have earned; a log that cannot be asked says why.

    It is judged by searches that it has not learned from. Where those are too few, weights are held
    against all of them, which are biased in their favour: only that they lose is believed.
    """
    policy = _policy(candidate)
    if policy is None:
        return WhatIfSays(words=_NOT_RANKED)
    learned_before = _learned_before(candidate.artifact)

    def ask(since: int | None) -> WhatIfSays:
        found = what_if(engine, namespace, live, policy, WhatIfSettings(since=since))
        return WhatIfSays(verdict=found.verdict, words=found.sentence)

    try:
        return ask(learned_before)
    except (InvalidSetting, NotFound) as refused:
        return WhatIfSays(words=refused.message)
    except NotEnoughData as refused:
        if learned_before is None:
            return WhatIfSays(words=refused.message)
        too_few = WhatIfSays(words=_TOO_FEW_LATER + refused.message)
    try:
        says = ask(None)
    except NotEnoughData:
        return too_few
    if says.verdict != WORSE:
        return too_few
    return WhatIfSays(verdict=WORSE, words=says.words + _EVEN_SO)


def _learned_before(artifact: Artifact) -> int | None:
    """Searches before this moment may be what it learned from; None: it learned from none."""
    known, seen = artifact.manifest.get("learned_before"), artifact.seen_before
    if known is None or seen is None:
        return seen
    return min(known, seen) or None


def _policy(candidate: Candidate) -> NewPolicy | None:
    artifact = candidate.artifact
    if artifact.kind in WEIGHTS and candidate.weights is not None:
        return NewPolicy(weights=dict(candidate.weights))
    if artifact.kind in RANKERS:
        return NewPolicy(ranker=artifact.name, ranker_version=artifact.version)
    return None
