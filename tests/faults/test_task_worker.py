"""The worker beside a server."""

from __future__ import annotations

import time
from contextlib import closing

import pytest

from desirepath.domain.clock import SystemClock
from desirepath.domain.ids import IdGenerator, format_id
from desirepath.domain.job import Job, JobStatus
from desirepath.engine.model_kinds import no_such_kind
from desirepath.storage.base import Storage
from desirepath.storage.open import open_storage
from tests.torture.harness import Server

_SECONDS = 60.0


def added(storage: Storage) -> Job:
    """Leave a task that no worker can do, and that the first one therefore ends."""
    now = SystemClock().now()
    id = IdGenerator().next(now)
    job = Job(
        namespace=1,
        id=id,
        task_id=format_id("task", id),
        kind="train.none",
        inputs={},
        created_at=now,
    )
    with storage.write() as session:
        session.jobs.add(job)
    return job


def ended(storage: Storage, job: Job, seconds: float) -> Job:
    """Wait until a task has ended, at most so long."""
    end = time.monotonic() + seconds
    while True:
        with storage.read() as session:
            found = session.jobs.find(1, job.task_id)
        assert found is not None
        if found.ended_at is not None or time.monotonic() > end:
            return found
        time.sleep(0.1)


@pytest.mark.parametrize("database", ["sqlite", "postgres_url"], indirect=True)
def test_a_server_works_on_tasks_and_takes_its_worker_along(database: str) -> None:
    with (
        closing(Server(database)) as server,
        closing(open_storage(database, SystemClock())) as storage,
    ):
        job = ended(storage, added(storage), _SECONDS)
        assert (job.status, job.tries) == (JobStatus.FAILED, 1)
        assert job.error == no_such_kind().message
        server.kill()
        left = added(storage)
        assert ended(storage, left, 3).status == JobStatus.PENDING
