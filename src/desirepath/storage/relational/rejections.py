"""What was refused, for a while."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Column, ColumnElement, Connection, delete, func, select

from desirepath.storage.base import Rejection
from desirepath.storage.relational import tables
from desirepath.storage.relational.bulk import Bulk

__all__ = ["RelationalRejections"]

_T = tables.rejections


class RelationalRejections:
    """See :class:`~desirepath.storage.base.Rejections`."""

    def __init__(self, connection: Connection, bulk: Bulk) -> None:
        self._connection = connection
        self._bulk = bulk

    def keep(self, namespace: int, rejections: Sequence[Rejection]) -> None:
        rows = [(namespace, r.id, r.source, r.reason, r.raw) for r in rejections]
        if rows:
            self._bulk.insert(_T, rows)

    def find(self, namespace: int, limit: int, before: bytes | None = None) -> list[Rejection]:
        statement = select(_T).where(_T.c.namespace == namespace)
        if before is not None:
            statement = statement.where(_T.c.id < before)
        rows = self._connection.execute(statement.order_by(_T.c.id.desc()).limit(limit))
        return [
            Rejection(id=row.id, source=row.source, reason=row.reason, raw=row.raw) for row in rows
        ]

    def expire(self, before: bytes, keep: int) -> None:
        self._connection.execute(delete(_T).where(_T.c.id < before))
        for namespace in self._connection.scalars(select(_T.c.namespace).distinct()).all():
            newest = (
                select(_T.c.id)
                .where(_T.c.namespace == namespace)
                .order_by(_T.c.id.desc())
                .offset(keep)
                .limit(1)
            )
            bound = self._connection.scalar(newest)
            if bound is not None:
                self._connection.execute(
                    delete(_T).where(_T.c.namespace == namespace, _T.c.id <= bound)
                )

    def delete_mentions(self, namespace: int, text: str) -> int:
        answers = tables.answers
        rejected = self._connection.execute(
            delete(_T).where(_T.c.namespace == namespace, _mentions(_T.c.raw, text))
        ).rowcount
        answered = self._connection.execute(
            delete(answers).where(answers.c.namespace == namespace, _mentions(answers.c.body, text))
        ).rowcount
        return rejected + answered


def _mentions(column: Column[str], text: str) -> ColumnElement[bool]:
    """Whether a text contains another, case and all: SQLite's LIKE would ignore it."""
    return func.replace(column, text, "") != column
