"""Assessments."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from desirepath.domain.assessment import Assessment, AssessmentKind, format_assessment_id
from desirepath.domain.ids import format_id
from desirepath.domain.job import Job, JobStatus
from desirepath.storage.base import Storage
from desirepath.testing.clock import START
from desirepath.testing.examples import new_id
from desirepath.testing.storage_contract.common import DEFAULT, ODD_OBJECT, OTHER

MINUTE = 60_000_000
EVALUATION = AssessmentKind.EVALUATION


def an_assessment(**changes: Any) -> Assessment:
    """One that was done without a task, unless something else is said."""
    id = new_id()
    kind = changes.get("kind", EVALUATION)
    values: dict[str, Any] = {
        "namespace": DEFAULT,
        "id": id,
        "assessment_id": format_assessment_id(kind, id),
        "kind": kind,
        "retriever_id": "ret_1",
        "name": "holiday",
        "request": {"k_values": [1, 5]},
        "result": {"ndcg": 0.5},
        "status": JobStatus.COMPLETED,
        "created_at": START,
        "completed_at": START + 1,
    }
    return Assessment(**(values | changes))


def a_job_of(assessment: Assessment) -> Job:
    return Job(
        namespace=assessment.namespace,
        id=assessment.id,
        task_id=format_id("task", assessment.id),
        kind="retriever.evaluation",
        inputs={},
        created_at=START,
    )


class AssessmentsContract:
    """See :class:`~desirepath.storage.assessments.Assessments`."""

    @staticmethod
    def _store(storage: Storage, *assessments: Assessment, with_jobs: bool = False) -> None:
        with storage.write() as session:
            for one in assessments:
                session.assessments.create(one)
                if with_jobs:
                    session.jobs.add(a_job_of(one))

    @staticmethod
    def _found(storage: Storage, one: Assessment) -> Assessment:
        with storage.read() as session:
            found = session.assessments.find(one.namespace, one.kind, one.assessment_id)
        assert found is not None
        return found

    def test_an_assessment_reads_back_equal(self, storage: Storage) -> None:
        one = an_assessment(request=ODD_OBJECT, result=ODD_OBJECT, name=None)
        self._store(storage, one)
        assert self._found(storage, one) == one
        with storage.read() as session:
            find = session.assessments.find
            assert find(OTHER, EVALUATION, one.assessment_id) is None
            assert find(DEFAULT, AssessmentKind.BENCHMARK, one.assessment_id) is None
            assert find(DEFAULT, EVALUATION, one.assessment_id.replace("eval", "bench")) is None
            assert find(DEFAULT, EVALUATION, "eval_1") is None
            assert find(DEFAULT, EVALUATION, "\x00") is None

    def test_its_state_is_that_of_its_task_until_it_has_a_result(self, storage: Storage) -> None:
        one = an_assessment(result=None, status=JobStatus.PENDING, completed_at=None)
        self._store(storage, one, with_jobs=True)
        task_id = format_id("task", one.id)
        assert self._found(storage, one) == replace(one, task_id=task_id)
        with storage.write() as session:
            job = session.jobs.claim(b"a", START + 2, START + MINUTE)
            assert job is not None
            session.jobs.renew(replace(job, done=3, total=9, words="x"), START, START + MINUTE)
        running = self._found(storage, one)
        assert (running.status, running.started_at) == (JobStatus.IN_PROGRESS, START + 2)
        assert (running.done, running.total, running.words) == (3, 9, "x")
        with storage.write() as session:
            assert session.assessments.finish(DEFAULT, one.id, {"ndcg": 0.25}, START + 3)
        finished = self._found(storage, one)
        assert finished.status is JobStatus.COMPLETED
        assert (finished.result, finished.completed_at) == ({"ndcg": 0.25}, START + 3)

    @pytest.mark.parametrize("ending", [JobStatus.FAILED, JobStatus.CANCELED])
    def test_it_fails_with_its_task(self, storage: Storage, ending: JobStatus) -> None:
        one = an_assessment(result=None, completed_at=None)
        self._store(storage, one, with_jobs=True)
        with storage.write() as session:
            if ending is JobStatus.CANCELED:
                assert session.jobs.cancel(DEFAULT, one.id, START + 5)
            else:
                job = session.jobs.claim(b"a", START, START + MINUTE)
                assert job is not None
                assert session.jobs.end(job, ending, START + 5, error="no queries")
        found = self._found(storage, one)
        assert (found.status, found.completed_at) == (ending, START + 5)
        assert found.error == ("no queries" if ending is JobStatus.FAILED else None)

    def test_it_fails_where_its_task_is_gone(self, storage: Storage) -> None:
        one = an_assessment(result=None, completed_at=None)
        self._store(storage, one)
        found = self._found(storage, one)
        assert found.status is JobStatus.FAILED
        assert found.error == "Its task was deleted."

    def test_lists_the_newest_first_by_what_is_asked(self, storage: Storage) -> None:
        first = an_assessment()
        second = an_assessment(retriever_id="ret_2", name="spring")
        waiting = an_assessment(result=None, status=JobStatus.PENDING, completed_at=None)
        other_kind = an_assessment(kind=AssessmentKind.WHAT_IF)
        elsewhere = an_assessment(namespace=OTHER)
        self._store(storage, first, second, other_kind, elsewhere)
        self._store(storage, waiting, with_jobs=True)
        expected: list[tuple[dict[str, Any], list[Assessment]]] = [
            ({}, [waiting, second, first]),
            ({"retriever_id": "ret_1"}, [waiting, first]),
            ({"name": "spring"}, [second]),
            ({"status": JobStatus.COMPLETED}, [second, first]),
            ({"status": JobStatus.PENDING}, [waiting]),
            ({"status": (JobStatus.FAILED, JobStatus.PENDING)}, [waiting]),
            ({"words": ""}, [waiting]),
            ({"words": "replaying"}, []),
        ]
        with storage.read() as session:
            for asked, wanted in expected:
                found = session.assessments.assessments(DEFAULT, EVALUATION, 10, **asked)
                assert [one.id for one in found] == [one.id for one in wanted], asked
                assert session.assessments.count(DEFAULT, EVALUATION, **asked) == len(wanted)
            page = session.assessments.assessments(DEFAULT, EVALUATION, 1, 1)
        assert [one.id for one in page] == [second.id]

    def test_deletes(self, storage: Storage) -> None:
        one, of_another = an_assessment(), an_assessment(retriever_id="ret_2")
        elsewhere = an_assessment(namespace=OTHER)
        self._store(storage, one, of_another, elsewhere)
        with storage.write() as session:
            assert not session.assessments.delete(OTHER, one.id)
            assert session.assessments.delete(DEFAULT, one.id)
            assert not session.assessments.delete(DEFAULT, one.id)
            assert not session.assessments.finish(DEFAULT, one.id, {}, START)
            assert session.assessments.delete_of_retriever(DEFAULT, "ret_2") == 1
            session.assessments.clear(DEFAULT)
        assert self._found(storage, elsewhere) == elsewhere
        with storage.read() as session:
            assert session.assessments.count(DEFAULT, EVALUATION) == 0
