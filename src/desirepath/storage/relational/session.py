"""A transaction with its roles."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from sqlalchemy import Connection

from desirepath.storage.relational.artifacts import RelationalArtifacts
from desirepath.storage.relational.assessments import RelationalAssessments
from desirepath.storage.relational.bulk import Bulk
from desirepath.storage.relational.catalog import RelationalCatalog
from desirepath.storage.relational.documents import RelationalDocumentIndex
from desirepath.storage.relational.evaluations import RelationalEvaluations
from desirepath.storage.relational.experiments import RelationalExperiments
from desirepath.storage.relational.extracts import RelationalExtracts
from desirepath.storage.relational.jobs import RelationalJobs
from desirepath.storage.relational.learned import RelationalLearned
from desirepath.storage.relational.logs import RelationalExecutionLog, RelationalInteractionLog
from desirepath.storage.relational.receipts import RelationalReceipts
from desirepath.storage.relational.rejections import RelationalRejections
from desirepath.storage.relational.searching import TextTables, VectorTables
from desirepath.storage.relational.summaries import RelationalSummaries

__all__ = ["RelationalSession"]


class RelationalSession:
    """See :class:`~desirepath.storage.base.Session`."""

    def __init__(
        self,
        connection: Connection,
        bulk: Bulk,
        texts: TextTables,
        vectors: VectorTables,
        now: Callable[[], int],
    ) -> None:
        self._connection = connection
        self._bulk = bulk
        self._texts = texts
        self._vectors = vectors
        self._now = now

    def now(self) -> int:
        return self._now()

    @cached_property
    def interactions(self) -> RelationalInteractionLog:
        return RelationalInteractionLog(self._connection, self._bulk)

    @cached_property
    def executions(self) -> RelationalExecutionLog:
        return RelationalExecutionLog(self._connection, self._bulk)

    @cached_property
    def receipts(self) -> RelationalReceipts:
        return RelationalReceipts(self._connection, self._bulk)

    @cached_property
    def catalog(self) -> RelationalCatalog:
        return RelationalCatalog(self._connection, self._bulk)

    @cached_property
    def documents(self) -> RelationalDocumentIndex:
        return RelationalDocumentIndex(self._connection, self._bulk, self._texts, self._vectors)

    @cached_property
    def rejections(self) -> RelationalRejections:
        return RelationalRejections(self._connection, self._bulk)

    @cached_property
    def learned(self) -> RelationalLearned:
        return RelationalLearned(self._connection, self._bulk)

    @cached_property
    def summaries(self) -> RelationalSummaries:
        return RelationalSummaries(self._connection)

    @cached_property
    def extracts(self) -> RelationalExtracts:
        return RelationalExtracts(self._connection, self._bulk)

    @cached_property
    def evaluations(self) -> RelationalEvaluations:
        return RelationalEvaluations(self._connection, self._bulk)

    @cached_property
    def artifacts(self) -> RelationalArtifacts:
        return RelationalArtifacts(self._connection, self._bulk)

    @cached_property
    def assessments(self) -> RelationalAssessments:
        return RelationalAssessments(self._connection, self._bulk)

    @cached_property
    def experiments(self) -> RelationalExperiments:
        return RelationalExperiments(self._connection, self._bulk)

    @cached_property
    def jobs(self) -> RelationalJobs:
        return RelationalJobs(self._connection, self._bulk)
