"""The gate: have a trained candidate judged."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from desirepath.api.endpoint import Call, endpoint
from desirepath.api.evaluation_run_schemas import StartEvaluationResponse, present_started
from desirepath.api.retrievers import find_retriever
from desirepath.domain.access import Access
from desirepath.domain.checks import Id, convert, is_storable, refuse_unknown
from desirepath.engine.gating.running import start_gate as start
from desirepath.errors import InvalidEvaluation, MalformedJSON, NotEnoughData, NotFound

__all__ = ["ENDPOINTS", "GateRequest", "read_gate"]

TAG = "Evaluations"


class GateRequest(Struct, frozen=True, kw_only=True):
    """Which version of a model is to serve."""

    model_id: Annotated[Id, Meta(description="Id of a version, or a name.")]
    version: Annotated[
        Annotated[int, Meta(ge=1, le=2**31 - 1)] | None,
        Meta(description="Of a name; left out: the newest."),
    ] = None


@endpoint(
    "POST",
    "/v1/retrievers/{retriever_id}/gate",
    access=Access.WRITE,
    tag=TAG,
    body=GateRequest,
    response=StartEvaluationResponse,
    status=202,
    errors=(InvalidEvaluation, NotFound, NotEnoughData, MalformedJSON),
)
def start_gate(call: Call) -> object:
    """Have a candidate judged by the gate of a retriever, as a task.

    Fusion weights, a ranker or a query adapter is held against what is live, by the dataset that
    `evaluation_dataset_id` names. If it passes it serves at once. The evaluation that is named has
    the verdict when it is completed.
    """
    retriever = find_retriever(call)
    body = read_gate(call.json(), lenient=call.rules.lenient)
    try:
        started = start(call.engine, call.namespace, retriever, body.model_id, body.version)
    except NotFound as missing:
        raise NotFound(missing.resource) from missing  # no error repeats a body
    return present_started(started)


def read_gate(plain: object, *, lenient: bool = False) -> GateRequest:
    """Read a request to judge.

    Raises
    ------
    InvalidEvaluation
        A rule is broken.
    """
    if not isinstance(plain, dict):
        raise InvalidEvaluation("What is to be judged is a JSON object.")
    values = dict(plain)
    refuse_unknown(values, GateRequest.__struct_fields__, InvalidEvaluation, lenient)
    body = convert(values, GateRequest, InvalidEvaluation)
    if not is_storable(body.model_id):
        raise NotFound("model")
    return body


ENDPOINTS = (start_gate,)
