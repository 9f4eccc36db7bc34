"""Assessments, with the state of their tasks."""

from __future__ import annotations

import zlib
from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, case, delete, func, literal, select, update

from desirepath.domain.assessment import Assessment, AssessmentKind, format_assessment_id
from desirepath.domain.checks import is_storable
from desirepath.domain.ids import format_id, parse_id
from desirepath.domain.job import JobStatus
from desirepath.domain.plain_json import encode_json
from desirepath.storage.relational import tables
from desirepath.storage.relational.bulk import Bulk

__all__ = ["RelationalAssessments"]

_A = tables.assessments
_J = tables.jobs
_GONE = "Its task was deleted."
_status = case(
    (_A.c.result.is_not(None), literal(JobStatus.COMPLETED.value)),
    else_=func.coalesce(_J.c.status, literal(JobStatus.FAILED.value)),
)
_SELECTED = (
    select(
        _A,
        _status.label("status"),
        _J.c.id.label("task"),
        _J.c.words,
        _J.c.done,
        _J.c.total,
        _J.c.error,
        _J.c.started_at,
        _J.c.ended_at,
    )
).outerjoin_from(_A, _J, and_(_J.c.namespace == _A.c.namespace, _J.c.id == _A.c.id))
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class RelationalAssessments:
    """See :class:`~desirepath.storage.assessments.Assessments`."""

    def __init__(self, connection: Connection, bulk: Bulk) -> None:
        self._connection = connection
        self._bulk = bulk

    def create(self, assessment: Assessment) -> None:
        row = (
            assessment.namespace,
            assessment.id,
            assessment.kind.value,
            assessment.retriever_id,
            assessment.name,
            encode_json(assessment.request).decode(),
            None if assessment.result is None else _packed(assessment.result),
            assessment.created_at,
            assessment.completed_at,
        )
        self._bulk.insert(_A, [row])

    def finish(self, namespace: int, id: bytes, result: dict[str, Any], now: int) -> bool:
        statement = update(_A).where(_A.c.namespace == namespace, _A.c.id == id)
        finished = self._connection.execute(
            statement.values(result=_packed(result), completed_at=now)
        )
        return finished.rowcount == 1

    def find(self, namespace: int, kind: AssessmentKind, assessment_id: str) -> Assessment | None:
        prefix = assessment_id.partition("_")[0]
        id = parse_id(prefix, assessment_id) if is_storable(assessment_id) else None
        if id is None or format_assessment_id(kind, id) != assessment_id:
            return None
        row = self._connection.execute(
            _SELECTED.where(_A.c.namespace == namespace, _A.c.id == id, _A.c.kind == kind.value)
        ).first()
        return None if row is None else _assessment(row)

    def assessments(
        self,
        namespace: int,
        kind: AssessmentKind,
        limit: int,
        offset: int = 0,
        *,
        retriever_id: str | None = None,
        name: str | None = None,
        status: JobStatus | Collection[JobStatus] | None = None,
        words: str | None = None,
    ) -> list[Assessment]:
        conditions = _of(namespace, kind, retriever_id, name, status, words)
        statement = _SELECTED.where(*conditions).order_by(_A.c.id.desc())
        rows = self._connection.execute(statement.limit(limit).offset(offset))
        return [_assessment(row) for row in rows]

    def count(
        self,
        namespace: int,
        kind: AssessmentKind,
        *,
        retriever_id: str | None = None,
        name: str | None = None,
        status: JobStatus | Collection[JobStatus] | None = None,
        words: str | None = None,
    ) -> int:
        conditions = _of(namespace, kind, retriever_id, name, status, words)
        counted = _SELECTED.where(*conditions).with_only_columns(func.count())
        return int(self._connection.scalar(counted) or 0)

    def delete(self, namespace: int, id: bytes) -> bool:
        deleted = self._connection.execute(
            delete(_A).where(_A.c.namespace == namespace, _A.c.id == id)
        )
        return deleted.rowcount == 1

    def delete_of_retriever(self, namespace: int, retriever_id: str) -> int:
        return self._connection.execute(
            delete(_A).where(_A.c.namespace == namespace, _A.c.retriever_id == retriever_id)
        ).rowcount

    def clear(self, namespace: int) -> None:
        self._connection.execute(delete(_A).where(_A.c.namespace == namespace))


def _of(
    namespace: int,
    kind: AssessmentKind,
    retriever_id: str | None,
    name: str | None,
    status: JobStatus | Collection[JobStatus] | None,
    words: str | None,
) -> list[ColumnElement[bool]]:
    conditions = [_A.c.namespace == namespace, _A.c.kind == kind.value]
    if retriever_id is not None:
        conditions.append(_A.c.retriever_id == retriever_id)
    if name is not None:
        conditions.append(_A.c.name == name)
    if status is not None:
        wanted = [status] if isinstance(status, JobStatus) else status
        conditions.append(_status.in_([one.value for one in wanted]))
    if words is not None:
        conditions.append(_J.c.words == words)
    return conditions


def _packed(result: dict[str, Any]) -> bytes:
    return zlib.compress(encode_json(result), 1)


def _assessment(row: Any) -> Assessment:
    kind, status = AssessmentKind(row.kind), JobStatus(row.status)
    has_task = row.task is not None
    is_lost = status is JobStatus.FAILED and not has_task
    return Assessment(
        namespace=row.namespace,
        id=row.id,
        assessment_id=format_assessment_id(kind, row.id),
        kind=kind,
        retriever_id=row.retriever_id,
        name=row.name,
        request=_decode(row.request),
        result=None if row.result is None else _decode(zlib.decompress(row.result)),
        task_id=format_id("task", row.id) if has_task else None,
        status=status,
        words=row.words or "",
        done=row.done or 0,
        total=row.total or 0,
        error=_GONE if is_lost else row.error if status is not JobStatus.COMPLETED else None,
        created_at=row.created_at,
        started_at=row.started_at,
        completed_at=row.ended_at if row.completed_at is None else row.completed_at,
    )
