"""What every back end must do: the contract of ``storage/base.py`` as tests.

A back end runs it by inheriting the classes into a test module and giving two fixtures:
``storage``, an open migrated database whose namespaces 1 (``default``) and 2 (``other``) are
empty, and ``open_another``, which opens the same database once more, as another process would.
These modules need pytest.

Examples
--------
::

    class TestInteractionLog(InteractionLogContract):
        pass
"""

from desirepath.testing.storage_contract.artifacts import ArtifactsContract
from desirepath.testing.storage_contract.assessments import AssessmentsContract
from desirepath.testing.storage_contract.catalog import CatalogContract
from desirepath.testing.storage_contract.documents import (
    DocumentIndexContract,
    DocumentWritersContract,
)
from desirepath.testing.storage_contract.evaluations import EvaluationsContract
from desirepath.testing.storage_contract.executions import ExecutionLogContract
from desirepath.testing.storage_contract.experiments import ExperimentsContract
from desirepath.testing.storage_contract.extracts import ExtractsContract
from desirepath.testing.storage_contract.interactions import InteractionLogContract
from desirepath.testing.storage_contract.jobs import JobsContract
from desirepath.testing.storage_contract.receipts import ReceiptsContract
from desirepath.testing.storage_contract.rejections import RejectionsContract
from desirepath.testing.storage_contract.sessions import SessionContract
from desirepath.testing.storage_contract.summaries import SummariesContract

__all__ = [
    "ArtifactsContract",
    "AssessmentsContract",
    "CatalogContract",
    "DocumentIndexContract",
    "DocumentWritersContract",
    "EvaluationsContract",
    "ExecutionLogContract",
    "ExperimentsContract",
    "ExtractsContract",
    "InteractionLogContract",
    "JobsContract",
    "ReceiptsContract",
    "RejectionsContract",
    "SessionContract",
    "SummariesContract",
]
