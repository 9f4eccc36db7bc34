"""Tasks and their leases."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    delete,
    func,
    or_,
    select,
    tuple_,
    update,
)

from desirepath.domain.checks import is_storable
from desirepath.domain.ids import format_id, parse_id
from desirepath.domain.job import MOST_TRIES, Job, JobStatus
from desirepath.domain.plain_json import encode_json, object_text
from desirepath.storage.relational import tables
from desirepath.storage.relational.bulk import Bulk

__all__ = ["RelationalJobs"]

_J = tables.jobs
_OPEN = (JobStatus.PENDING.value, JobStatus.IN_PROGRESS.value)
_DIED = "Its worker died or fell silent, five times."
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class RelationalJobs:
    """See :class:`~desirepath.storage.jobs.Jobs`."""

    def __init__(self, connection: Connection, bulk: Bulk) -> None:
        self._connection = connection
        self._bulk = bulk

    def add(self, job: Job) -> None:
        row = (
            job.namespace,
            job.id,
            job.kind,
            encode_json(job.inputs).decode(),
            job.status.value,
            job.done,
            job.total,
            job.words,
            job.tries,
            job.lease,
            job.leased_until,
            object_text(job.outputs),
            job.error,
            job.created_at,
            job.started_at,
            job.ended_at,
        )
        self._bulk.insert(_J, [row])

    def claim(self, lease: bytes, now: int, until: int) -> Job | None:
        abandoned = _abandoned(now)
        spent = select(_J.c.namespace, _J.c.id).where(abandoned, _J.c.tries >= MOST_TRIES)
        self._connection.execute(
            update(_J)
            # Who stands still while it ends one holds its row: nobody waits for that.
            .where(tuple_(_J.c.namespace, _J.c.id).in_(spent.with_for_update(skip_locked=True)))
            .values(
                status=JobStatus.FAILED.value,
                error=func.coalesce(_J.c.error, _DIED),
                lease=None,
                leased_until=None,
                ended_at=now,
            )
        )
        row = self._connection.execute(
            select(_J)
            .where(or_(_J.c.status == JobStatus.PENDING.value, abandoned))
            .order_by(_J.c.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        ).first()
        if row is None:
            return None
        self._connection.execute(
            update(_J)
            .where(_J.c.namespace == row.namespace, _J.c.id == row.id)
            .values(
                status=JobStatus.IN_PROGRESS.value,
                tries=row.tries + 1,
                lease=lease,
                leased_until=until,
                started_at=func.coalesce(_J.c.started_at, now),
            )
        )
        return self.find(row.namespace, format_id("task", row.id))

    def waiting(self, now: int) -> bool:
        found = select(_J.c.id).where(or_(_J.c.status == JobStatus.PENDING.value, _abandoned(now)))
        return self._connection.execute(found.limit(1)).first() is not None

    def renew(self, job: Job, now: int, until: int) -> bool:
        return self._change(
            job, now, done=job.done, total=job.total, words=job.words, leased_until=until
        )

    def end(
        self,
        job: Job,
        status: JobStatus,
        now: int,
        *,
        outputs: dict[str, Any] | None = None,
        error: str | None = None,
    ) -> bool:
        return self._change(
            job,
            now,
            status=status.value,
            done=job.done,
            total=job.total,
            words=job.words,
            outputs=object_text(outputs),
            error=error,
            lease=None,
            leased_until=None,
            ended_at=now,
        )

    def give_back(self, job: Job, error: str, now: int) -> bool:
        if job.tries >= MOST_TRIES:
            return self.end(job, JobStatus.FAILED, now, error=error)
        return self._change(
            job, now, status=JobStatus.PENDING.value, error=error, lease=None, leased_until=None
        )

    def put_down(self, job: Job, now: int) -> bool:
        return self._change(
            job,
            now,
            status=JobStatus.PENDING.value,
            tries=job.tries - 1,
            lease=None,
            leased_until=None,
        )

    def _change(self, job: Job, now: int, **values: Any) -> bool:
        held = (
            _J.c.namespace == job.namespace,
            _J.c.id == job.id,
            _J.c.lease == job.lease,
            _J.c.leased_until > now,
        )
        return self._connection.execute(update(_J).where(*held).values(**values)).rowcount == 1

    def cancel(self, namespace: int, id: bytes, now: int) -> bool:
        statement = update(_J).where(
            _J.c.namespace == namespace, _J.c.id == id, _J.c.status.in_(_OPEN)
        )
        canceled = statement.values(
            status=JobStatus.CANCELED.value, lease=None, leased_until=None, ended_at=now
        )
        return self._connection.execute(canceled).rowcount == 1

    def find(self, namespace: int, task_id: str) -> Job | None:
        id = parse_id("task", task_id) if is_storable(task_id) else None
        if id is None:
            return None
        row = self._connection.execute(
            select(_J).where(_J.c.namespace == namespace, _J.c.id == id)
        ).first()
        return None if row is None else _job(row)

    def jobs(
        self,
        namespace: int,
        limit: int,
        offset: int = 0,
        *,
        status: JobStatus | None = None,
        kind: str | None = None,
    ) -> list[Job]:
        statement = select(_J).where(*_of(namespace, status, kind)).order_by(_J.c.id.desc())
        rows = self._connection.execute(statement.limit(limit).offset(offset))
        return [_job(row) for row in rows]

    def count(
        self, namespace: int, *, status: JobStatus | None = None, kind: str | None = None
    ) -> int:
        counted = select(func.count()).select_from(_J).where(*_of(namespace, status, kind))
        return int(self._connection.scalar(counted) or 0)

    def clear(self, namespace: int) -> None:
        self._connection.execute(delete(_J).where(_J.c.namespace == namespace))

    def delete_mentions(self, namespace: int, text: str) -> int:
        mentions = or_(
            *(func.replace(column, text, "") != column for column in (_J.c.inputs, _J.c.outputs))
        )
        return self._connection.execute(
            delete(_J).where(_J.c.namespace == namespace, mentions)
        ).rowcount


def _abandoned(now: int) -> ColumnElement[bool]:
    return and_(_J.c.status == JobStatus.IN_PROGRESS.value, _J.c.leased_until <= now)


def _of(namespace: int, status: JobStatus | None, kind: str | None) -> list[ColumnElement[bool]]:
    conditions = [_J.c.namespace == namespace]
    if status is not None:
        conditions.append(_J.c.status == status.value)
    if kind is not None:
        conditions.append(_J.c.kind == kind)
    return conditions


def _job(row: Any) -> Job:
    return Job(
        namespace=row.namespace,
        id=row.id,
        task_id=format_id("task", row.id),
        kind=row.kind,
        inputs=_decode(row.inputs),
        status=JobStatus(row.status),
        done=row.done,
        total=row.total,
        words=row.words,
        tries=row.tries,
        lease=row.lease,
        leased_until=row.leased_until,
        outputs=None if row.outputs is None else _decode(row.outputs),
        error=row.error,
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )
