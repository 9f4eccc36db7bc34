"""Models: train, list, get, deploy, roll back, delete."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from desirepath.api.endpoint import Call, endpoint, read_query
from desirepath.api.model_schemas import (
    DeploymentsResponse,
    DeployRequest,
    ModelDeleted,
    ModelListQuery,
    ModelListResponse,
    ModelQuery,
    ModelResponse,
    ModelSummary,
    TrainRequest,
    TrainScope,
    present_deployments,
    present_model,
    present_summary,
)
from desirepath.api.paging import pagination_of, place_of
from desirepath.api.tasks import TaskModel, present_task
from desirepath.domain.access import Access
from desirepath.domain.checks import below, check_time, convert, is_storable, refuse_unknown
from desirepath.domain.scope import Scope
from desirepath.engine import models
from desirepath.engine.engine import Engine
from desirepath.engine.model_kinds import artifact_kind
from desirepath.engine.training.by_kind import TrainInputs, start_training
from desirepath.errors import (
    AlreadyExists,
    Conflict,
    InvalidModel,
    InvalidQuery,
    InvalidSetting,
    MalformedJSON,
    MissingDependency,
    NotBetter,
    NotFound,
    NotGated,
)

__all__ = ["ENDPOINTS", "list_page", "read_deploy", "read_model", "read_scope", "read_training"]

TAG = "Models"
_MODELS = "/v1/models"
_ONE = _MODELS + "/{model_id}"


@endpoint(
    "POST",
    _MODELS,
    access=Access.WRITE,
    tag=TAG,
    body=TrainRequest,
    response=TaskModel,
    status=202,
    errors=(
        InvalidModel,
        InvalidSetting,
        AlreadyExists,
        NotFound,
        MalformedJSON,
        MissingDependency,
    ),
)
def train_model(call: Call) -> object:
    """Train a model from the log, as a task.

    What cannot be trained with is refused at once; too little in the log only when it was read:
    then the task fails and says how much is missing of what. When the task is completed, its
    `outputs` name the new version, by `model_id`, `name` and `version`. It does not serve before it
    is deployed. Needs the extra `train`.
    """
    word, inputs = read_training(
        call.engine, call.namespace.number, call.json(), lenient=call.rules.lenient
    )
    return present_task(start_training(call.engine, call.namespace, word, inputs))


@endpoint(
    "GET",
    _MODELS,
    access=Access.READ,
    tag=TAG,
    response=ModelListResponse,
    query=ModelListQuery,
    errors=(InvalidQuery,),
)
def list_models(call: Call) -> object:
    """List models, newest first: a row for each version."""
    query: ModelListQuery = read_query(call.query_string, ModelListQuery)
    start, size = place_of(query)
    results, total = list_page(call.engine, call.namespace.number, query)
    return ModelListResponse(
        results=results,
        pagination=pagination_of(call, start, size, total, tell=bool(query.include_total)),
    )


@endpoint(
    "GET",
    _ONE,
    access=Access.READ,
    tag=TAG,
    response=ModelResponse,
    query=ModelQuery,
    errors=(NotFound, InvalidQuery),
)
def get_model(call: Call) -> object:
    """Read one version, by its id, or by a name.

    `manifest` says what made it and how good it was, `files` what it consists of.
    """
    query: ModelQuery = read_query(call.query_string, ModelQuery)
    return read_model(call.engine, call.namespace.number, call.path["model_id"], query.version)


@endpoint(
    "DELETE",
    _ONE,
    access=Access.WRITE,
    tag=TAG,
    response=ModelDeleted,
    errors=(NotFound, Conflict),
)
def remove_model(call: Call) -> object:
    """Delete one version, by its id, or all of a name.

    A version that serves is not deleted by its id: deploy another one, or roll back, before.
    """
    n = models.delete_model(call.engine, call.namespace.number, call.path["model_id"])
    return ModelDeleted(success=True, n_deleted=n)


@endpoint(
    "POST",
    f"{_ONE}/deploy",
    access=Access.WRITE,
    tag=TAG,
    body=DeployRequest,
    body_required=False,
    response=DeploymentsResponse,
    errors=(InvalidModel, NotFound, NotBetter, NotGated, MalformedJSON),
)
def deploy_model(call: Call) -> object:
    """Let a version serve: that of an id, or of a name.

    Every process serves it within a second. A version that was not better than what needs no
    learning is refused unless it is forced. What a retriever with a gate uses, and fusion weights,
    have to pass the gate, which nothing forces.
    """
    body = read_deploy(call.json(), lenient=call.rules.lenient)
    model = models.deploy_model(
        call.engine,
        call.namespace.number,
        call.path["model_id"],
        body.version,
        force=body.force,
    )
    return present_deployments(model)


@endpoint(
    "POST",
    f"{_ONE}/rollback",
    access=Access.WRITE,
    tag=TAG,
    response=DeploymentsResponse,
    errors=(NotFound, Conflict),
)
def roll_back_model(call: Call) -> object:
    """Let the version serve that did before this one.

    Once more, and the one before that does.
    """
    model = models.roll_back_model(call.engine, call.namespace.number, call.path["model_id"])
    return present_deployments(model)


@endpoint(
    "GET",
    f"{_ONE}/deployments",
    access=Access.READ,
    tag=TAG,
    response=DeploymentsResponse,
    errors=(NotFound,),
)
def list_deployments(call: Call) -> object:
    """Read what served under a name, and when."""
    model = models.find_model(call.engine, call.namespace.number, call.path["model_id"])
    return present_deployments(model)


def read_training(
    engine: Engine, namespace: int, plain: object, *, lenient: bool = False
) -> tuple[str, TrainInputs]:
    """Read a request to train: the kind, and what it is trained with.

    Raises
    ------
    InvalidModel
        A rule is broken.
    NotFound
        There is no such retriever.
    """
    if not isinstance(plain, dict):
        raise InvalidModel("What is to be trained is a JSON object.")
    values = dict(plain)
    refuse_unknown(values, TrainRequest.__struct_fields__, InvalidModel, lenient)
    if isinstance(values.get("scope"), dict):
        values["scope"] = dict(values["scope"])
        with below("scope"):
            known = TrainScope.__struct_fields__
            refuse_unknown(values["scope"], known, InvalidModel, lenient)
    body = convert(values, TrainRequest, InvalidModel)
    scope = _scope(engine, namespace, body.scope or TrainScope())
    return body.kind, TrainInputs(name=body.name, settings=body.settings or {}, scope=scope)


def read_scope(engine: Engine, namespace: int, plain: dict[str, Any]) -> Scope:
    """Read which part of the log is meant.

    Raises
    ------
    InvalidModel
        A rule is broken.
    NotFound
        There is no such retriever.
    """
    with below("scope"):
        refuse_unknown(plain, TrainScope.__struct_fields__, InvalidModel, lenient=False)
        sent = convert(plain, TrainScope, InvalidModel)
    return _scope(engine, namespace, sent)


def _scope(engine: Engine, namespace: int, sent: TrainScope) -> Scope:
    since = before = None
    with below("scope"):
        if sent.start_date is not None:
            since = check_time(sent.start_date, "start_date", InvalidModel)
        if sent.end_date is not None:
            before = check_time(sent.end_date, "end_date", InvalidModel)
    scope = Scope(
        since=since,
        before=before,
        configuration=sent.configuration,
        version=sent.version,
        metadata=sent.metadata or {},
        exclude_flagged=sent.exclude_flagged,
    )
    if sent.retriever_id is None:
        return scope
    with engine.storage.read() as session:
        found = session.catalog.find_retriever(namespace, sent.retriever_id)
    if found is None:
        raise NotFound("retriever")  # without its id: no error repeats a body
    return replace(scope, retriever_id=found.retriever_id)


def list_page(
    engine: Engine, namespace: int, query: ModelListQuery
) -> tuple[list[ModelSummary], int]:
    """A page of versions, newest first, and how many there are in all."""
    start, size = place_of(query)
    kind = None if query.kind is None else artifact_kind(query.kind)
    if not all(is_storable(text) for text in (kind, query.name) if text is not None):
        return [], 0
    with engine.storage.read() as session:
        total = session.artifacts.count(namespace, kind=kind, name=query.name)
        found = session.artifacts.artifacts(namespace, size, start, kind=kind, name=query.name)
        serving = session.artifacts.serving(namespace)
    return [present_summary(one, serving.get(one.name)) for one in found], total


def read_model(
    engine: Engine, namespace: int, id_or_name: str, version: int | None = None
) -> ModelResponse:
    """A version as it is answered.

    Raises
    ------
    NotFound
        There is none such.
    """
    found = models.find_version(engine, namespace, id_or_name, version)
    with engine.storage.read() as session:
        serving = session.artifacts.serving(namespace)
    return present_model(found, serving.get(found.name))


def read_deploy(plain: object, *, lenient: bool = False) -> DeployRequest:
    """Read a request to deploy.

    Raises
    ------
    InvalidModel
        A rule is broken.
    """
    if not isinstance(plain, dict):
        raise InvalidModel("What is to serve is a JSON object.")
    values = dict(plain)
    refuse_unknown(values, DeployRequest.__struct_fields__, InvalidModel, lenient)
    return convert(values, DeployRequest, InvalidModel)


ENDPOINTS = (
    train_model,
    list_models,
    get_model,
    remove_model,
    deploy_model,
    roll_back_model,
    list_deployments,
)
