"""Grouped counts for the first page."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, case, func, select

from desirepath.storage.base import Counts
from desirepath.storage.relational import tables
from desirepath.storage.relational.logs import has_type

__all__ = ["RelationalSummaries"]

_I = tables.interactions
_E = tables.executions
_HOUR = 3_600_000_000


class RelationalSummaries:
    """See :class:`~desirepath.storage.base.Summaries`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _rows(self, statement: Select[*tuple[Any, ...]]) -> list[Any]:
        return [tuple(row) for row in self._connection.execute(statement)]

    def counts(self, namespace: int) -> Counts:
        n_interactions, first, last = self._connection.execute(
            select(func.count(), func.min(_I.c.occurred_at), func.max(_I.c.occurred_at)).where(
                _I.c.namespace == namespace
            )
        ).one()
        n_executions = self._connection.scalar(
            select(func.count()).select_from(_E).where(_E.c.namespace == namespace)
        )
        return Counts(
            n_interactions=n_interactions,
            n_executions=int(n_executions or 0),
            first_occurred_at=first,
            last_occurred_at=last,
        )

    def by_types(self, namespace: int) -> list[tuple[str, int]]:
        return self._rows(
            select(_I.c.types, func.count()).where(_I.c.namespace == namespace).group_by(_I.c.types)
        )

    def by_hour(self, namespace: int, since: int) -> list[tuple[int, str, int]]:
        hour = _I.c.occurred_at - _I.c.occurred_at % _HOUR
        return self._rows(
            select(hour, _I.c.types, func.count())
            .where(_I.c.namespace == namespace, _I.c.occurred_at >= since)
            .group_by(hour, _I.c.types)
        )

    def lists_by_length(self, namespace: int) -> list[tuple[int, int, int]]:
        return self._rows(
            select(_E.c.offset, _E.c.n_documents, func.count())
            .where(_E.c.namespace == namespace)
            .group_by(_E.c.offset, _E.c.n_documents)
        )

    def outcomes_by_position(self, namespace: int) -> list[tuple[int, str, int]]:
        names = tables.execution_ids
        known = select(_I.c.execution_id, _I.c.feature_id, _I.c.position, _I.c.types).join(
            names,
            (names.c.namespace == _I.c.namespace) & (names.c.execution_id == _I.c.execution_id),
        )
        pairs = known.where(_I.c.namespace == namespace).distinct().subquery()
        return self._rows(
            select(pairs.c.position, pairs.c.types, func.count()).group_by(
                pairs.c.position, pairs.c.types
            )
        )

    def queries(self, namespace: int) -> list[tuple[str, str, int]]:
        return self._rows(
            select(_I.c.query_snapshot, _I.c.types, func.count())
            .where(_I.c.namespace == namespace, _I.c.query_snapshot.is_not(None))
            .group_by(_I.c.query_snapshot, _I.c.types)
        )

    def searches(self, namespace: int) -> list[tuple[str, int, int]]:
        empty = func.sum(case((_E.c.n_documents == 0, 1), else_=0))
        return self._rows(
            select(_E.c.inputs, func.count(), empty)
            .where(_E.c.namespace == namespace, _E.c.inputs.is_not(None))
            .group_by(_E.c.inputs)
        )

    def documents(self, namespace: int, type: str, limit: int) -> list[tuple[str, int]]:
        n = func.count()
        return self._rows(
            select(_I.c.feature_id, n)
            .where(_I.c.namespace == namespace, has_type(type))
            .group_by(_I.c.feature_id)
            .order_by(n.desc(), _I.c.feature_id)
            .limit(limit)
        )

    def identities(self, namespace: int, limit: int) -> list[tuple[str, int]]:
        identity = func.coalesce(_I.c.user_id, _I.c.session_id)
        n = func.count()
        return self._rows(
            select(identity, n)
            .where(_I.c.namespace == namespace, identity.is_not(None))
            .group_by(identity)
            .order_by(n.desc(), identity)
            .limit(limit)
        )

    def faults(self, namespace: int) -> dict[str, int]:
        names = tables.execution_ids
        unknown = (
            select(func.count())
            .select_from(_I)
            .outerjoin(
                names,
                (names.c.namespace == _I.c.namespace) & (names.c.execution_id == _I.c.execution_id),
            )
            .where(
                _I.c.namespace == namespace,
                _I.c.execution_id.is_not(None),
                names.c.execution_id.is_(None),
            )
        )
        counted = {
            "no_execution": _I.c.execution_id.is_(None),
            "no_query": _I.c.query_snapshot.is_(None),
            "first_position": _I.c.position == 0,
            "beyond_result_set": _I.c.position >= _I.c.result_set_size,
            "warned": _I.c.warning.is_not(None),
        }
        sums = [func.sum(case((condition, 1), else_=0)) for condition in counted.values()]
        row = self._connection.execute(select(*sums).where(_I.c.namespace == namespace)).one()
        found = {name: int(value or 0) for name, value in zip(counted, row, strict=True)}
        return found | {"unknown_execution": int(self._connection.scalar(unknown) or 0)}
