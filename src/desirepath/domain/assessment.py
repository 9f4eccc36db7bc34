"""Assessments: runs of proof, as they were asked for, how far they are, and what came out."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec import Struct

from desirepath.domain.ids import format_id
from desirepath.domain.job import JobStatus

__all__ = ["Assessment", "AssessmentKind", "format_assessment_id"]


class AssessmentKind(StrEnum):
    """What is found out."""

    EVALUATION = "evaluation"
    """How good a retriever's answers to judged queries are."""

    BENCHMARK = "benchmark"
    """How retrievers would have answered sessions of the log."""

    WHAT_IF = "what_if"
    """What another way to rank would have earned on the log."""


_KIND_TO_PREFIX = {
    AssessmentKind.EVALUATION: "eval",
    AssessmentKind.BENCHMARK: "bench",
    AssessmentKind.WHAT_IF: "whatif",
}


class Assessment(Struct, frozen=True, kw_only=True):
    """One run of proof.

    Parameters
    ----------
    retriever_id
        What is judged; of a benchmark, the baseline.
    name
        What it is found by beside its id: the dataset's name, the benchmark's.
    request
        What was asked for. As in ``result``, no person and no query is in it, only ids of queries:
        nobody looks here when somebody is erased.
    result
        What came out; None: nothing yet.
    task_id
        Of the task that does it; None: it was done where it was asked for.
    status, words, done, total, error, started_at
        Of the task. What has a result is completed, whatever became of its task.
    created_at, completed_at
        Microseconds since 1970.
    """

    namespace: int
    id: bytes
    assessment_id: str
    kind: AssessmentKind
    retriever_id: str
    name: str | None = None
    request: dict[str, Any] = {}
    result: dict[str, Any] | None = None
    task_id: str | None = None
    status: JobStatus = JobStatus.PENDING
    words: str = ""
    done: int = 0
    total: int = 0
    error: str | None = None
    created_at: int = 0
    started_at: int | None = None
    completed_at: int | None = None


def format_assessment_id(kind: AssessmentKind, id: bytes) -> str:
    """What an assessment is known by.

    >>> format_assessment_id(AssessmentKind.EVALUATION, bytes(16))
    'eval_00000000000000000000000000000000'
    """
    return format_id(_KIND_TO_PREFIX[kind], id)
