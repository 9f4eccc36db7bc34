"""What a retriever believes now, as people read it: nothing is served by it."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from desirepath.domain.ranking import Contexts
from desirepath.engine.learning.resolving import Belief, believe
from desirepath.engine.serving.fusing import Fuser, FusionPlan
from desirepath.storage.base import Session

__all__ = ["belief_of", "ordinals_of", "with_features"]


def with_features(session: Session, plan: FusionPlan) -> FusionPlan:
    """A plan with the features seen so far, where the retriever names none."""
    if plan.features:
        return plan
    known = session.learned.features(plan.namespace, plan.retriever_id)
    return replace(plan, features=tuple(known), weights=(1.0,) * len(known))


def ordinals_of(session: Session, plan: FusionPlan) -> list[int]:
    """What the features of a plan are counted by; those never searched come after all others."""
    known = session.learned.features(plan.namespace, plan.retriever_id)
    return [known.get(uri, len(known) + index) for index, uri in enumerate(plan.features)]


def belief_of(
    session: Session, fuser: Fuser, plan: FusionPlan, contexts: Contexts, ordinals: Sequence[int]
) -> Belief:
    """What is believed of a plan's features in some contexts, without any session."""
    assert plan.learning is not None
    return believe(
        session,
        plan.namespace,
        plan.retriever_id,
        plan.learning,
        contexts,
        ordinals,
        session_id=None,
        session_window=0,
        now=session.now(),
        closed_days=fuser.closed_days,
        left_out=plan.controls.left_out,
    )
