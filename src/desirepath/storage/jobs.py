"""What the engine asks of a database about tasks; the docstrings are the contract."""

from __future__ import annotations

from typing import Any, Protocol

from desirepath.domain.job import Job, JobStatus

__all__ = ["Jobs"]


class Jobs(Protocol):
    """Tasks, and who works on them.

    A worker holds a task by a lease. Only with the lease, and before it ends, can it change the
    task; so what it does in the session that ends the task is done once, or not at all.
    """

    def add(self, job: Job) -> None: ...

    def claim(self, lease: bytes, now: int, until: int) -> Job | None:
        """Take the oldest task that waits, or whose lease has ended; None: there is none.

        Two workers never get the same one. What was taken ``MOST_TRIES`` times fails instead.
        """
        ...

    def waiting(self, now: int) -> bool:
        """Whether :meth:`claim` would have something to do."""
        ...

    def renew(self, job: Job, now: int, until: int) -> bool:
        """Go on holding it, and say how far it is; whether it is still held."""
        ...

    def end(
        self,
        job: Job,
        status: JobStatus,
        now: int,
        *,
        outputs: dict[str, Any] | None = None,
        error: str | None = None,
    ) -> bool:
        """End it for ever, and say how far it was; whether it was still held.

        If not, nothing of the session may be stored.
        """
        ...

    def give_back(self, job: Job, error: str, now: int) -> bool:
        """Let it be tried again, or fail after ``MOST_TRIES``; whether it was still held."""
        ...

    def put_down(self, job: Job, now: int) -> bool:
        """Let it be begun anew, as if it had not been taken; whether it was still held."""
        ...

    def cancel(self, namespace: int, id: bytes, now: int) -> bool:
        """End it, whoever holds it; whether it had not ended."""
        ...

    def find(self, namespace: int, task_id: str) -> Job | None: ...

    def jobs(
        self,
        namespace: int,
        limit: int,
        offset: int = 0,
        *,
        status: JobStatus | None = None,
        kind: str | None = None,
    ) -> list[Job]:
        """Newest first."""
        ...

    def count(
        self, namespace: int, *, status: JobStatus | None = None, kind: str | None = None
    ) -> int: ...

    def clear(self, namespace: int) -> None:
        """Remove all; who holds one finds its lease gone."""
        ...

    def delete_mentions(self, namespace: int, text: str) -> int:
        """Remove tasks whose inputs or outputs contain this text; how many."""
        ...
