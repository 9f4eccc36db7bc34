"""What was made of the log, and whether what it saw is still there.

For tables with the columns ``namespace``, ``retriever_id`` (whose log; null: all), ``seen_before``
(null: none) and ``stale_at``. Whoever deletes from the log marks their rows in the same
transaction. Whoever adds a row locks the table and then asks :func:`has_changed`: a deletion came
before the lock, and is seen, or comes after it, and marks the row.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, Table, or_, select, update

from desirepath.storage.relational import tables

__all__ = ["has_changed", "mark_stale"]

_CHANGES = tables.log_changes


def has_changed(connection: Connection, namespace: int, changes: Mapping[int, int] | None) -> bool:
    """Whether something was deleted from the log since ``changes`` were asked for."""
    if changes is None:
        return False
    statement = select(_CHANGES.c.day, _CHANGES.c.n_changes)
    rows = connection.execute(statement.where(_CHANGES.c.namespace == namespace))
    return {row.day: row.n_changes for row in rows} != dict(changes)


def mark_stale(
    connection: Connection,
    table: Table,
    namespace: int,
    retriever_ids: Collection[str],
    moment: int,
    now: int,
) -> int:
    """Mark the rows that saw what was recorded at ``moment``; how many were fresh."""
    of_retriever = or_(table.c.retriever_id.is_(None), table.c.retriever_id.in_(retriever_ids))
    statement = update(table).where(
        table.c.namespace == namespace,
        table.c.seen_before > moment,
        table.c.stale_at.is_(None),
        of_retriever,
    )
    return connection.execute(statement.values(stale_at=now)).rowcount
