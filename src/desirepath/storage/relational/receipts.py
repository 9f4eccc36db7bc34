"""Marks, event ids, Idempotency-Keys and erased users: what decides whether something is new."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, select, update

from desirepath.storage.base import Event, Receipt
from desirepath.storage.relational import tables
from desirepath.storage.relational.bulk import Bulk
from desirepath.storage.relational.logs import claim_ids

__all__ = ["RelationalReceipts"]


class RelationalReceipts:
    """See :class:`~desirepath.storage.base.Receipts`."""

    def __init__(self, connection: Connection, bulk: Bulk) -> None:
        self._connection = connection
        self._bulk = bulk

    def claim_events(
        self, claims: Sequence[tuple[int, str, bytes, bytes]]
    ) -> dict[tuple[int, str], Event]:
        return claim_ids(self._bulk, tables.event_ids, claims)

    def release_events(self, namespace: int, event_ids: Sequence[str]) -> None:
        events = tables.event_ids
        self._connection.execute(
            delete(events).where(events.c.namespace == namespace, events.c.event_id.in_(event_ids))
        )

    def claim_marks(
        self, claims: Sequence[tuple[bytes, bytes]], now: int, window: int
    ) -> set[bytes]:
        if not claims:
            return set()
        won = self._bulk.claim_marks([(key, id, now) for key, id in claims], window)
        return {key for (key, _), mine in zip(claims, won, strict=True) if not mine}

    def claim_key(self, namespace: int, key: str, digest: bytes, now: int) -> Receipt | None:
        answers = tables.answers
        if self._bulk.insert_new(answers, [(namespace, key, digest, None, now)])[0]:
            return None
        row = self._connection.execute(
            select(answers.c.digest, answers.c.body).where(
                answers.c.namespace == namespace, answers.c.key == key
            )
        ).one()
        return Receipt(row.digest, row.body or "")

    def keep_answer(self, namespace: int, key: str, body: str) -> None:
        answers = tables.answers
        self._connection.execute(
            update(answers)
            .where(answers.c.namespace == namespace, answers.c.key == key)
            .values(body=body)
        )

    def expire(self, marks_before: int, keys_before: int) -> None:
        self._connection.execute(
            delete(tables.marks).where(tables.marks.c.stored_at < marks_before)
        )
        self._connection.execute(
            delete(tables.answers).where(tables.answers.c.stored_at < keys_before)
        )

    def suppress_user(self, namespace: int, digest: bytes, now: int) -> None:
        self._bulk.insert_new(tables.suppressed_users, [(namespace, digest, now)])

    def suppressed_users(self, namespace: int) -> frozenset[bytes]:
        users = tables.suppressed_users
        return frozenset(
            self._connection.scalars(select(users.c.digest).where(users.c.namespace == namespace))
        )
