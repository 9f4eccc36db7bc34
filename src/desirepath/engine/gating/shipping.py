"""Let what passed a gate serve, and roll it back."""

from __future__ import annotations

from msgspec.structs import replace

from desirepath.domain.fusion_controls import (
    FusionControls,
    ShippedWeightSet,
    read_controls,
    write_controls,
)
from desirepath.domain.ids import IdGenerator
from desirepath.domain.retriever import Retriever
from desirepath.engine.engine import Engine
from desirepath.engine.gates import dataset_of
from desirepath.engine.learning.controlling import note
from desirepath.errors import Conflict
from desirepath.storage.base import Session

__all__ = ["roll_back_weights", "ship", "shipped_in"]

_MOST_BEFORE = 20


def shipped_in(engine: Engine, retriever: Retriever) -> ShippedWeightSet | None:
    """What the gate of a retriever let through last; None: nothing, or it has no gate."""
    if dataset_of(retriever, "fusion_weights") is None:
        return None
    return engine.directory.controls(retriever.namespace, retriever.retriever_id).shipped


def ship(
    session: Session, make_id: IdGenerator, retriever: Retriever, shipped: ShippedWeightSet
) -> None:
    """Let weights serve from now on; those of before are what rolling back goes to."""
    number, name = retriever.namespace, retriever.retriever_id
    controls = read_controls(session.learned.hold_controls(number, name))
    before = controls.shipped_before
    if controls.shipped is not None:
        before = (*before, controls.shipped)[-_MOST_BEFORE:]
    after = replace(controls, shipped=shipped, shipped_before=before)
    session.learned.set_controls(number, name, write_controls(after))
    note(session, make_id, number, name, "weights_shipped", _detail(shipped))


def roll_back_weights(engine: Engine, retriever: Retriever) -> FusionControls:
    """Let the weights serve that were shipped before these; none were: what is learned.

    Raises
    ------
    Conflict
        No weights were shipped.
    """
    number, name = retriever.namespace, retriever.retriever_id
    with engine.storage.write() as session:
        controls = read_controls(session.learned.hold_controls(number, name))
        if controls.shipped is None:
            raise Conflict("No weights are shipped that could be rolled back.")
        *earlier, now = (None, *controls.shipped_before)
        kept = tuple(one for one in earlier if one is not None)
        controls = replace(controls, shipped=now, shipped_before=kept)
        session.learned.set_controls(number, name, write_controls(controls))
        note(
            session, engine.make_id, number, name, "weights_rolled_back", _detail(controls.shipped)
        )
    engine.directory.forget()
    return controls


def _detail(shipped: ShippedWeightSet | None) -> dict[str, object]:
    if shipped is None:
        return {"weight_set_id": None}
    return {
        "weight_set_id": shipped.weight_set_id,
        "weights": dict(shipped.weights),
        "evaluation_id": shipped.evaluation_id,
        "baseline_evaluation_id": shipped.baseline_evaluation_id,
    }
