"""Experiments of retrievers, and what they have come to."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from desirepath.api.endpoint import Call, endpoint
from desirepath.api.retrievers import find_retriever
from desirepath.domain.access import Access
from desirepath.engine.comparing.results import ExperimentResult
from desirepath.engine.experiments import ExperimentSummary, find_experiment, list_experiments
from desirepath.errors import NotFound

__all__ = ["ENDPOINTS"]

TAG = "Experiments"


class ExperimentListResponse(Struct, frozen=True, kw_only=True):
    """Experiments of a retriever."""

    results: Annotated[list[ExperimentSummary], Meta(description="The last begun first.")]
    total: int


@endpoint(
    "GET",
    "/v1/retrievers/{retriever_id}/experiments",
    access=Access.READ,
    tag=TAG,
    response=ExperimentListResponse,
    errors=(NotFound,),
)
def list_retriever_experiments(call: Call) -> object:
    """List the experiments of a retriever, the last begun first.

    Those are listed of which the log holds searches or a decision was stored, and the one that is
    on. An experiment is begun, and ended, by a change of the retriever's `experiment`.
    """
    found = list_experiments(call.engine, find_retriever(call))
    return ExperimentListResponse(results=found, total=len(found))


@endpoint(
    "GET",
    "/v1/retrievers/{retriever_id}/experiments/{experiment_id}",
    access=Access.READ,
    tag=TAG,
    response=ExperimentResult,
    errors=(NotFound,),
)
def get_retriever_experiment(call: Call) -> object:
    """Read what an experiment has come to.

    It may be looked at as often as one likes: the interval holds at all times at once. `words` says
    who is ahead, by how much, and whether one may stop. Once one may, that is stored as `decision`.
    """
    return find_experiment(call.engine, find_retriever(call), call.path["experiment_id"])


ENDPOINTS = (list_retriever_experiments, get_retriever_experiment)
