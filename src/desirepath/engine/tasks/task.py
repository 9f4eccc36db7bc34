"""A task in the hands of a worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from desirepath.domain.artifact import Artifact, ArtifactDraft
from desirepath.domain.job import LEASE_SECONDS, Job, JobStatus
from desirepath.engine.engine import Engine
from desirepath.engine.models import store_model
from desirepath.errors import NotFound
from desirepath.storage.base import Namespace, Session

__all__ = ["Task", "TaskLostError"]

_SECOND = 1_000_000


class TaskLostError(Exception):
    """Somebody canceled the task, or the worker was silent for too long: it has no more effect."""


class Task:
    """What a handler knows of its task, and how it has an effect: once, or not at all.

    Parameters
    ----------
    engine
        Where it is stored.
    job
        As it was claimed.
    """

    def __init__(self, engine: Engine, job: Job) -> None:
        self._engine = engine
        self._job = self._told = job
        self.is_lost = False
        self.is_completed = False

    @property
    def job(self) -> Job:
        """The task, with how far it is."""
        return self._job

    @property
    def has_news(self) -> bool:
        """Whether it is further than was stored."""
        return self._job is not self._told

    @property
    def inputs(self) -> dict[str, Any]:
        return self._job.inputs

    @property
    def namespace(self) -> Namespace:
        """Whose task it is.

        Raises
        ------
        NotFound
            It was deleted meanwhile.
        """
        with self._engine.storage.read() as session:
            for namespace in session.catalog.namespaces():
                if namespace.number == self._job.namespace:
                    return namespace
        raise NotFound("namespace")

    def progress(self, done: int, total: int = 0, words: str = "") -> None:
        """Say how far it is; a moment later it is stored, for all to see.

        Raises
        ------
        TaskLostError
            There is no use in going on.
        """
        if self.is_lost:
            raise TaskLostError
        self._job = replace(self._job, done=done, total=total, words=words)

    def renew(self) -> bool:
        """Hold it for another while; whether it is still held."""
        job = self._job
        with self._engine.storage.write() as session:
            now = session.now()
            held = session.jobs.renew(job, now, now + LEASE_SECONDS * _SECOND)
        self._told = job
        if not held and not self.is_completed:
            self.is_lost = True
        return held

    def complete(self, session: Session, outputs: dict[str, Any] | None) -> None:
        """End it in the session that stores what it made.

        Raises
        ------
        TaskLostError
            It is not held any more: nothing of the session may be stored.
        """
        if not session.jobs.end(self._job, JobStatus.COMPLETED, session.now(), outputs=outputs):
            self.is_lost = True
            raise TaskLostError

    def store(
        self,
        engine: Engine,
        namespace: Namespace,
        draft: ArtifactDraft,
        changes: Mapping[int, int] | None = None,
    ) -> Artifact:
        """Store a model and complete the task, both or neither.

        See :class:`~desirepath.engine.models.StoreModel`, which this is.
        """

        def complete(session: Session, artifact: Artifact) -> None:
            self.complete(
                session,
                {
                    "model_id": artifact.artifact_id,
                    "name": artifact.name,
                    "version": artifact.version,
                },
            )

        stored = store_model(engine, namespace, draft, changes, within=complete)
        self.is_completed = True
        return stored
