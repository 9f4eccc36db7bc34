"""Tasks: work that takes long, done once in effect, whoever dies meanwhile."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec import Struct

__all__ = ["LEASE_SECONDS", "MOST_TRIES", "Job", "JobStatus"]

LEASE_SECONDS = 60
"""A worker that is silent for so long has lost its task."""

MOST_TRIES = 5
"""Of a task whose workers die, before it fails."""


class JobStatus(StrEnum):
    """How a task stands; the last three are for ever."""

    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


class Job(Struct, frozen=True, kw_only=True):
    """A task as it is stored.

    Parameters
    ----------
    kind
        What is done: ``"train.ranker"``.
    done, total, words
        How far it is; a total of 0 is not known.
    tries
        How often a worker took it.
    lease
        Of the worker that has it; drawn anew each time.
    leased_until
        When it is anybody's again, unless renewed; microseconds since 1970, as all times.
    error
        Why it failed, or why the last try did.
    """

    namespace: int
    id: bytes
    task_id: str
    kind: str
    inputs: dict[str, Any]
    status: JobStatus = JobStatus.PENDING
    done: int = 0
    total: int = 0
    words: str = ""
    tries: int = 0
    lease: bytes | None = None
    leased_until: int | None = None
    outputs: dict[str, Any] | None = None
    error: str | None = None
    created_at: int = 0
    started_at: int | None = None
    ended_at: int | None = None
