"""The storage contract, on both back ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from desirepath.storage.base import Storage
from desirepath.storage.open import open_storage
from desirepath.storage.postgres.storage import PostgresStorage
from desirepath.storage.sqlite.storage import SqliteStorage
from desirepath.testing.clock import START, TestingClock
from desirepath.testing.storage_contract import (
    ArtifactsContract,
    AssessmentsContract,
    CatalogContract,
    DocumentIndexContract,
    DocumentWritersContract,
    EvaluationsContract,
    ExecutionLogContract,
    ExperimentsContract,
    ExtractsContract,
    InteractionLogContract,
    JobsContract,
    ReceiptsContract,
    RejectionsContract,
    SessionContract,
    SummariesContract,
)
from tests.storage_fixtures import Database


class TestSession(SessionContract):
    pass


class TestInteractionLog(InteractionLogContract):
    pass


class TestExecutionLog(ExecutionLogContract):
    pass


class TestEvaluations(EvaluationsContract):
    pass


class TestArtifacts(ArtifactsContract):
    pass


class TestAssessments(AssessmentsContract):
    pass


class TestJobs(JobsContract):
    pass


class TestReceipts(ReceiptsContract):
    pass


class TestCatalog(CatalogContract):
    pass


class TestDocumentIndex(DocumentIndexContract):
    pass


class TestDocumentIndexInMemory(DocumentIndexContract):
    @pytest.fixture
    def storage(self, clock: TestingClock) -> Iterator[Storage]:
        with closing(open_storage("sqlite://", clock)) as storage:
            with storage.write() as session:
                session.catalog.create_namespace("ns_default", "default", START)
                session.catalog.create_namespace("ns_other", "other", START)
            yield storage


class TestDocumentIndexWithoutExtensions(DocumentIndexContract):
    """Where neither sqlite-vec nor pgvector is to be had."""

    @pytest.fixture
    def storage(self, database: Database, clock: TestingClock) -> Iterator[Storage]:
        storage: Storage
        if database.url.startswith("sqlite"):
            storage = SqliteStorage(database.url, clock, migrate=False, vector_extension=False)
        else:
            storage = PostgresStorage(database.url, migrate=False, vector_extension=False)
        with closing(storage):
            yield storage


class TestDocumentWriters(DocumentWritersContract):
    pass


class TestExperiments(ExperimentsContract):
    pass


class TestExtracts(ExtractsContract):
    pass


class TestRejections(RejectionsContract):
    pass


class TestSummaries(SummariesContract):
    pass
