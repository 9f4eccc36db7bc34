"""Tasks and their leases."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from desirepath.domain.ids import format_id
from desirepath.domain.job import MOST_TRIES, Job, JobStatus
from desirepath.storage.base import Storage
from desirepath.testing.clock import START
from desirepath.testing.examples import new_id
from desirepath.testing.storage_contract.common import (
    DEFAULT,
    ODD_OBJECT,
    OTHER,
    OpenAnother,
    at_once,
)

MINUTE = 60_000_000
END = START + MINUTE


def a_job(**changes: Any) -> Job:
    id = new_id()
    values: dict[str, Any] = {
        "namespace": DEFAULT,
        "id": id,
        "task_id": format_id("task", id),
        "kind": "train.ranker",
        "inputs": {"name": "best"},
        "created_at": START,
    }
    return Job(**(values | changes))


class JobsContract:
    """See :class:`~desirepath.storage.jobs.Jobs`."""

    @staticmethod
    def _add(storage: Storage, *jobs: Job) -> None:
        with storage.write() as session:
            for job in jobs:
                session.jobs.add(job)

    @staticmethod
    def _claim(storage: Storage, lease: bytes = b"a", now: int = START) -> Job | None:
        with storage.write() as session:
            return session.jobs.claim(lease, now, now + MINUTE)

    def _claimed(self, storage: Storage, lease: bytes = b"a", now: int = START) -> Job:
        job = self._claim(storage, lease, now)
        assert job is not None
        return job

    @staticmethod
    def _found(storage: Storage, job: Job) -> Job:
        with storage.read() as session:
            found = session.jobs.find(job.namespace, job.task_id)
        assert found is not None
        return found

    def test_a_task_reads_back_equal(self, storage: Storage) -> None:
        job = a_job(inputs=ODD_OBJECT, outputs=ODD_OBJECT, error="why", words="reading", done=3)
        self._add(storage, job)
        assert self._found(storage, job) == job
        with storage.read() as session:
            assert session.jobs.find(OTHER, job.task_id) is None
            assert session.jobs.find(DEFAULT, "task_1") is None
            assert session.jobs.find(DEFAULT, "\x00") is None

    def test_the_oldest_is_taken_first_and_once(self, storage: Storage) -> None:
        first, second = a_job(), a_job(namespace=OTHER)
        self._add(storage, first, second)
        taken = self._claimed(storage)
        assert taken == replace(
            first,
            status=JobStatus.IN_PROGRESS,
            tries=1,
            lease=b"a",
            leased_until=END,
            started_at=START,
        )
        assert self._claimed(storage, b"b").id == second.id
        assert self._claim(storage, b"c") is None

    def test_workers_at_once_never_get_the_same(
        self, storage: Storage, open_another: OpenAnother
    ) -> None:
        jobs = [a_job() for _ in range(8)]
        self._add(storage, *jobs)
        another = open_another()
        for _ in range(2):
            taken = at_once(
                *(
                    lambda here=here, lease=bytes([number]): self._claimed(here, lease)
                    for number, here in enumerate((storage, another) * 2)
                )
            )
            assert len({job.id for job in taken}) == 4
        assert self._claim(storage) is None

    def test_a_silent_worker_loses_its_task(self, storage: Storage) -> None:
        self._add(storage, a_job())
        lost = self._claimed(storage)
        assert self._claim(storage, b"b", END - 1) is None
        with storage.read() as session:
            assert [session.jobs.waiting(now) for now in (END - 1, END)] == [False, True]
        taken = self._claimed(storage, b"b", END)
        assert (taken.tries, taken.started_at) == (2, START)
        with storage.write() as session:
            assert not session.jobs.renew(lost, END, END + MINUTE)
            assert not session.jobs.end(lost, JobStatus.COMPLETED, END)
            assert not session.jobs.give_back(lost, "why", END)
        assert self._found(storage, lost) == taken

    def test_a_lease_that_has_ended_is_no_lease_though_nobody_took_it(
        self, storage: Storage
    ) -> None:
        self._add(storage, a_job())
        late = self._claimed(storage)
        with storage.write() as session:
            assert not session.jobs.end(late, JobStatus.COMPLETED, END)
        assert self._found(storage, late).status == JobStatus.IN_PROGRESS

    def test_a_renewed_lease_holds_and_tells_how_far_it_is(self, storage: Storage) -> None:
        self._add(storage, a_job())
        job = replace(self._claimed(storage), done=3, total=7, words="reading")
        with storage.write() as session:
            assert session.jobs.renew(job, END - 1, END + MINUTE)
        assert self._claim(storage, b"b", END) is None
        found = self._found(storage, job)
        assert (found.done, found.total, found.words) == (3, 7, "reading")

    def test_what_has_ended_stays_as_it_is(self, storage: Storage) -> None:
        for status in (JobStatus.COMPLETED, JobStatus.FAILED):
            self._add(storage, a_job())
            job = self._claimed(storage)
            with storage.write() as session:
                assert session.jobs.end(job, status, START + 5, outputs={"a": 1}, error="why")
            ended = self._found(storage, job)
            assert (ended.status, ended.outputs, ended.error) == (status, {"a": 1}, "why")
            assert (ended.ended_at, ended.lease, ended.leased_until) == (START + 5, None, None)
            with storage.write() as session:
                assert not session.jobs.end(job, JobStatus.FAILED, START + 6)
                assert not session.jobs.cancel(DEFAULT, job.id, START + 6)
            assert self._found(storage, job) == ended
            assert self._claim(storage, b"b", START + 10 * MINUTE) is None

    def test_what_is_given_back_is_tried_five_times(self, storage: Storage) -> None:
        self._add(storage, a_job())
        for number in range(MOST_TRIES):
            job = self._claimed(storage)
            assert job.tries == number + 1
            with storage.write() as session:
                assert session.jobs.give_back(job, "boom", START)
        failed = self._found(storage, job)
        assert (failed.status, failed.error, failed.ended_at) == (JobStatus.FAILED, "boom", START)
        assert self._claim(storage) is None

    def test_what_is_put_down_was_not_tried(self, storage: Storage) -> None:
        self._add(storage, a_job())
        for _ in range(MOST_TRIES + 1):
            job = self._claimed(storage)
            with storage.write() as session:
                assert session.jobs.put_down(job, START)
                assert not session.jobs.put_down(job, START)
            found = self._found(storage, job)
            assert (found.status, found.tries, found.lease) == (JobStatus.PENDING, 0, None)
        job = self._claimed(storage)
        with storage.write() as session:
            assert not session.jobs.put_down(job, END)  # its lease is over

    def test_what_kills_its_workers_is_tried_five_times(self, storage: Storage) -> None:
        self._add(storage, a_job())
        now = START
        for number in range(MOST_TRIES):
            job = self._claimed(storage, bytes([number]), now)
            now += MINUTE
        assert self._claim(storage, b"z", now) is None
        failed = self._found(storage, job)
        assert (failed.status, failed.tries, failed.lease) == (JobStatus.FAILED, MOST_TRIES, None)
        assert failed.error is not None

    def test_canceling_takes_it_from_whoever_has_it(self, storage: Storage) -> None:
        waiting, running = a_job(), a_job()
        self._add(storage, running, waiting)
        held = self._claimed(storage)
        with storage.write() as session:
            assert not session.jobs.cancel(OTHER, waiting.id, START)
            for job in (waiting, running):
                assert session.jobs.cancel(DEFAULT, job.id, START + 1)
                assert not session.jobs.cancel(DEFAULT, job.id, START + 2)
        with storage.write() as session:
            assert not session.jobs.end(held, JobStatus.COMPLETED, START + 1)
        assert self._claim(storage) is None
        for job in (waiting, running):
            found = self._found(storage, job)
            assert (found.status, found.ended_at) == (JobStatus.CANCELED, START + 1)

    def test_the_newest_come_first_in_pages(self, storage: Storage) -> None:
        jobs = [a_job(), a_job(kind="train.ctr"), a_job()]
        self._add(storage, *jobs, a_job(namespace=OTHER))
        running = self._claimed(storage)
        with storage.read() as session:
            assert session.jobs.jobs(DEFAULT, 10) == [jobs[2], jobs[1], running]
            assert session.jobs.jobs(DEFAULT, 1, 1) == [jobs[1]]
            assert session.jobs.jobs(DEFAULT, 10, kind="train.ctr") == [jobs[1]]
            assert session.jobs.jobs(DEFAULT, 10, status=JobStatus.IN_PROGRESS) == [running]
            assert session.jobs.count(DEFAULT) == 3
            assert session.jobs.count(DEFAULT, status=JobStatus.PENDING) == 2
            assert session.jobs.count(DEFAULT, kind="train.ctr") == 1

    def test_those_that_mention_somebody_and_those_of_a_namespace_go(
        self, storage: Storage
    ) -> None:
        named = [a_job(inputs={"user": "al_ce"}), a_job(outputs={"user": "al_ce"})]
        kept, elsewhere = a_job(inputs={"user": "alice"}), a_job(namespace=OTHER)
        self._add(storage, *named, kept, elsewhere)
        with storage.write() as session:
            assert session.jobs.delete_mentions(DEFAULT, '"al_ce"') == 2
            assert session.jobs.jobs(DEFAULT, 10) == [kept]
            session.jobs.clear(DEFAULT)
            assert session.jobs.count(DEFAULT) == 0
            assert session.jobs.jobs(OTHER, 10) == [elsewhere]
