"""The storage contract, on both back ends."""

from __future__ import annotations

from desirepath.testing.storage_contract import (
    CatalogContract,
    ExecutionLogContract,
    InteractionLogContract,
    ReceiptsContract,
    RejectionsContract,
    SessionContract,
    SummariesContract,
)


class TestSession(SessionContract):
    pass


class TestInteractionLog(InteractionLogContract):
    pass


class TestExecutionLog(ExecutionLogContract):
    pass


class TestReceipts(ReceiptsContract):
    pass


class TestCatalog(CatalogContract):
    pass


class TestRejections(RejectionsContract):
    pass


class TestSummaries(SummariesContract):
    pass
