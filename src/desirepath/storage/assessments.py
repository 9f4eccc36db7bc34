"""What the engine asks of a database about assessments; the docstrings are the contract."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Protocol

from desirepath.domain.assessment import Assessment, AssessmentKind
from desirepath.domain.job import JobStatus

__all__ = ["Assessments"]


class Assessments(Protocol):
    """Runs of proof and what came out.

    What a task does has the id of the task, from which its state is read.
    """

    def create(self, assessment: Assessment) -> None:
        """Store one; the fields that a task knows are not stored here."""
        ...

    def finish(self, namespace: int, id: bytes, result: dict[str, Any], now: int) -> bool:
        """Store what came out, in place of what did before; whether there is such an assessment."""
        ...

    def find(
        self, namespace: int, kind: AssessmentKind, assessment_id: str
    ) -> Assessment | None: ...

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
        """Newest first; those only that have all that is named, of several states one."""
        ...

    def count(
        self,
        namespace: int,
        kind: AssessmentKind,
        *,
        retriever_id: str | None = None,
        name: str | None = None,
        status: JobStatus | Collection[JobStatus] | None = None,
        words: str | None = None,
    ) -> int: ...

    def delete(self, namespace: int, id: bytes) -> bool:
        """Remove one; whether it was there. Its task is left alone."""
        ...

    def delete_of_retriever(self, namespace: int, retriever_id: str) -> int:
        """Remove those of one retriever; how many there were."""
        ...

    def clear(self, namespace: int) -> None:
        """Remove all."""
        ...
