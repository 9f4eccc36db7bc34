"""What people decide about a retriever's learning; each decision is on record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from desirepath.domain.fusion_controls import FusionControls, read_controls, write_controls
from desirepath.domain.ids import IdGenerator
from desirepath.domain.plain_json import encode_json
from desirepath.domain.ranking import day_of
from desirepath.storage.base import Session, Storage
from desirepath.storage.learned import Activity, UserControl

__all__ = ["change_controls", "change_user", "note", "roll_back"]


def change_controls(
    storage: Storage,
    make_id: IdGenerator,
    namespace: int,
    retriever_id: str,
    kind: str,
    **changes: Any,
) -> FusionControls:
    """Decide something about a retriever; what is decided now."""
    with storage.write() as session:
        controls = replace(
            read_controls(session.learned.hold_controls(namespace, retriever_id)), **changes
        )
        session.learned.set_controls(namespace, retriever_id, write_controls(controls))
        note(session, make_id, namespace, retriever_id, kind, changes)
    return controls


def roll_back(
    storage: Storage, make_id: IdGenerator, namespace: int, retriever_id: str, day: int
) -> FusionControls:
    """Serve what was known at the end of a day; what is learned from tomorrow on counts again.

    Days between are left out and not deleted: another rollback may take them in again.
    """
    with storage.write() as session:
        today = day_of(session.now())
        controls = read_controls(session.learned.hold_controls(namespace, retriever_id))
        left_out = (day + 1, today) if day < today else None
        controls = replace(controls, left_out=left_out)
        session.learned.set_controls(namespace, retriever_id, write_controls(controls))
        note(session, make_id, namespace, retriever_id, "rolled_back", {"left_out": left_out})
    return controls


def change_user(
    storage: Storage,
    make_id: IdGenerator,
    namespace: int,
    retriever_id: str,
    user_id: str,
    *,
    opted_out: bool | None = None,
    reset: bool = False,
) -> UserControl:
    """Take a user out of personalisation, or in again, or let them start anew.

    What is on record names no user.
    """
    with storage.write() as session:
        before = session.learned.hold_user(namespace, retriever_id, user_id)
        after = UserControl(
            before.opted_out if opted_out is None else opted_out,
            before.generation + 1 if reset else before.generation,
        )
        session.learned.set_user(namespace, retriever_id, user_id, after)
        kind = "user_reset" if reset else "user_opted_out" if opted_out else "user_opted_in"
        note(session, make_id, namespace, retriever_id, kind, {})
    return after


def note(
    session: Session,
    make_id: IdGenerator,
    namespace: int,
    retriever_id: str,
    kind: str,
    detail: Mapping[str, Any],
) -> None:
    """Put a decision on record; it names no user."""
    session.learned.add_activity(
        namespace,
        retriever_id,
        Activity(
            id=make_id.next(session.now()), kind=kind, detail=encode_json(dict(detail)).decode()
        ),
    )
