"""Experiments: their part of the execution log, and what was decided."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, func, select

from desirepath.domain.checks import is_storable
from desirepath.domain.experiment import Decision
from desirepath.domain.ids import NIL
from desirepath.domain.plain_json import encode_json
from desirepath.storage.experiments import ActedOn, LoggedTrial, Traffic
from desirepath.storage.relational import tables
from desirepath.storage.relational.bulk import Bulk
from desirepath.storage.relational.logs import parts

__all__ = ["RelationalExperiments"]

_E = tables.executions
_I = tables.interactions
_D = tables.decisions
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class RelationalExperiments:
    """See :class:`~desirepath.storage.experiments.Experiments`."""

    def __init__(self, connection: Connection, bulk: Bulk) -> None:
        self._connection = connection
        self._bulk = bulk

    def traffic(self, namespace: int, retriever_id: str) -> list[Traffic]:
        statement = (
            select(_E.c.experiment_id, func.count(), func.min(_E.c.id), func.max(_E.c.id))
            .where(
                _E.c.namespace == namespace,
                _E.c.retriever_id == retriever_id,
                _E.c.experiment_id.is_not(None),
            )
            .group_by(_E.c.experiment_id)
        )
        found = [Traffic(*row) for row in self._connection.execute(statement)]
        return sorted(found, key=lambda one: one.first_id)

    def trials(
        self, namespace: int, experiment_id: str, chunk: int = 2_000
    ) -> Iterator[Sequence[LoggedTrial]]:
        last = NIL
        while is_storable(experiment_id):
            statement = (
                select(_E.c.id, _E.c.execution_id, _E.c.shown, _E.c.trial)
                .where(
                    _E.c.namespace == namespace,
                    _E.c.experiment_id == experiment_id,
                    _E.c.id > last,
                )
                .order_by(_E.c.id)
                .limit(chunk)
            )
            rows = [LoggedTrial(*row) for row in self._connection.execute(statement)]
            if rows:
                yield rows
                last = rows[-1].id
            if len(rows) < chunk:
                return

    def acted_on(self, namespace: int, execution_ids: Sequence[str]) -> list[ActedOn]:
        found: list[ActedOn] = []
        for names in parts(execution_ids):
            statement = select(
                _I.c.id, _I.c.execution_id, _I.c.feature_id, _I.c.types, _I.c.reward
            ).where(_I.c.namespace == namespace, _I.c.execution_id.in_(names))
            found += [ActedOn(*row) for row in self._connection.execute(statement)]
        return found

    def decide(self, namespace: int, decision: Decision) -> None:
        packed = zlib.compress(encode_json(decision.result), 1)
        row = (
            namespace,
            decision.experiment_id,
            decision.retriever_id,
            packed,
            decision.decided_at,
        )
        self._bulk.insert_new(_D, [row])

    def decision(self, namespace: int, experiment_id: str) -> Decision | None:
        if not is_storable(experiment_id):
            return None
        statement = select(_D).where(
            _D.c.namespace == namespace, _D.c.experiment_id == experiment_id
        )
        row = self._connection.execute(statement).first()
        return None if row is None else _decision(row)

    def decisions(self, namespace: int, retriever_id: str) -> list[Decision]:
        statement = select(_D).where(_D.c.namespace == namespace, _D.c.retriever_id == retriever_id)
        return [_decision(row) for row in self._connection.execute(statement)]

    def delete_of_retriever(self, namespace: int, retriever_id: str) -> int:
        return self._connection.execute(
            delete(_D).where(_D.c.namespace == namespace, _D.c.retriever_id == retriever_id)
        ).rowcount

    def clear(self, namespace: int) -> None:
        self._connection.execute(delete(_D).where(_D.c.namespace == namespace))


def _decision(row: Any) -> Decision:
    return Decision(
        experiment_id=row.experiment_id,
        retriever_id=row.retriever_id,
        result=_decode(zlib.decompress(row.result)),
        decided_at=row.decided_at,
    )
