"""Evaluations of a retriever: start, list, get, compare."""

from __future__ import annotations

from msgspec.structs import replace

from desirepath.api.endpoint import Call, endpoint, read_query
from desirepath.api.evaluation_run_schemas import (
    STATUS_TO_JOB,
    ComparisonQuery,
    EvaluationComparisonModel,
    EvaluationListQuery,
    EvaluationListResponse,
    EvaluationRecord,
    StartEvaluationRequest,
    StartEvaluationResponse,
    present_comparison,
    present_evaluation,
    present_started,
    result_of,
)
from desirepath.api.retrievers import find_retriever
from desirepath.domain.access import Access
from desirepath.domain.assessment import Assessment, AssessmentKind
from desirepath.domain.checks import below, convert, is_storable, refuse_unknown
from desirepath.domain.evaluation import EvaluationConfig, read_evaluation_config
from desirepath.domain.judgment import Dataset
from desirepath.engine.assessing import find_assessment
from desirepath.engine.engine import Engine
from desirepath.engine.evaluating.comparing import compare_evaluations
from desirepath.engine.evaluating.results import EvaluationComparison
from desirepath.engine.evaluating.running import start_evaluation as start
from desirepath.errors import (
    Conflict,
    InvalidEvaluation,
    InvalidQuery,
    MalformedJSON,
    NotEnoughData,
    NotFound,
)

__all__ = [
    "ENDPOINTS",
    "compared",
    "dataset_named",
    "evaluation_page",
    "find_evaluation",
    "read_start",
]

TAG = "Evaluations"
_RUNS = "/v1/retrievers/{retriever_id}/evaluations"
_TWO_DATASETS = (
    "They are of two datasets: queries are paired by their ids, and may be others or judged "
    "otherwise."
)


@endpoint(
    "POST",
    _RUNS,
    access=Access.WRITE,
    tag=TAG,
    body=StartEvaluationRequest,
    response=StartEvaluationResponse,
    status=202,
    errors=(InvalidEvaluation, NotFound, NotEnoughData, MalformedJSON),
)
def start_evaluation(call: Call) -> object:
    """Evaluate a retriever by a dataset of judged queries, as a task.

    Each query is searched as a stranger would search, by the mean of what is learned; nothing of it
    is logged and nothing is learned from it. NDCG takes a grade itself as gain.
    """
    retriever = find_retriever(call)
    dataset, config = read_start(
        call.engine, call.namespace.number, call.json(), lenient=call.rules.lenient
    )
    return present_started(start(call.engine, call.namespace, retriever, dataset, config))


@endpoint(
    "GET",
    _RUNS,
    access=Access.READ,
    tag=TAG,
    response=EvaluationListResponse,
    query=EvaluationListQuery,
    errors=(NotFound, InvalidQuery),
)
def list_evaluations(call: Call) -> object:
    """List the evaluations of a retriever, newest first."""
    query: EvaluationListQuery = read_query(call.query_string, EvaluationListQuery)
    number = call.namespace.number
    found, total = evaluation_page(call.engine, number, find_retriever(call).retriever_id, query)
    return EvaluationListResponse(
        evaluations=[
            present_evaluation(one, call.namespace, include_queries=False) for one in found
        ],
        total=total,
        page=query.page,
        page_size=query.page_size,
    )


@endpoint(
    "GET",
    _RUNS + "/{evaluation_id}",
    access=Access.READ,
    tag=TAG,
    response=EvaluationRecord,
    errors=(NotFound,),
)
def get_evaluation(call: Call) -> object:
    """Read one evaluation: how it stands, and what came out, query by query."""
    found = find_evaluation(
        call.engine,
        call.namespace.number,
        find_retriever(call).retriever_id,
        call.path["evaluation_id"],
    )
    return present_evaluation(found, call.namespace)


@endpoint(
    "GET",
    _RUNS + "/{evaluation_id}/comparison",
    access=Access.READ,
    tag=TAG,
    response=EvaluationComparisonModel,
    query=ComparisonQuery,
    errors=(NotFound, InvalidQuery, Conflict, NotEnoughData),
)
def compare_evaluation(call: Call) -> object:
    """Hold an evaluation against another one, query by query.

    The other one may be of another retriever. Differences have 95 % intervals of resampled queries.
    """
    query: ComparisonQuery = read_query(call.query_string, ComparisonQuery)
    number = call.namespace.number
    candidate = find_evaluation(
        call.engine, number, find_retriever(call).retriever_id, call.path["evaluation_id"]
    )
    baseline = find_assessment(
        call.engine, number, AssessmentKind.EVALUATION, query.baseline_evaluation_id
    )
    return present_comparison(compared(baseline, candidate))


def compared(baseline: Assessment, candidate: Assessment) -> EvaluationComparison:
    """Two stored evaluations, held against each other.

    Raises
    ------
    Conflict
        One has no result, or not yet.
    NotEnoughData
        They have no query in common.
    """
    before, after = result_of(baseline), result_of(candidate)
    if before is None or after is None:
        raise Conflict("An evaluation without a result cannot be compared.")
    found = compare_evaluations(before, after)
    if baseline.request["dataset_id"] != candidate.request["dataset_id"]:
        found = replace(found, verdict=f"{found.verdict} {_TWO_DATASETS}")
    return found


def read_start(
    engine: Engine, namespace: int, plain: object, *, lenient: bool = False
) -> tuple[Dataset, EvaluationConfig]:
    """Read a request to evaluate.

    Raises
    ------
    InvalidEvaluation
        A rule is broken.
    NotFound
        There is no such dataset.
    """
    if not isinstance(plain, dict):
        raise InvalidEvaluation("What is to be evaluated is a JSON object.")
    values = dict(plain)
    refuse_unknown(values, StartEvaluationRequest.__struct_fields__, InvalidEvaluation, lenient)
    sent = values.pop("evaluation_config", None)
    body = convert(values, StartEvaluationRequest, InvalidEvaluation)
    with below("evaluation_config"):
        if not isinstance(sent, dict | None):
            raise InvalidEvaluation("evaluation_config is an object.")
        config = read_evaluation_config(sent, lenient=lenient)
    found = dataset_named(engine, namespace, body.dataset_name)
    if found is None:
        raise NotFound("dataset")  # without its name: no error repeats a body
    return found, config


def dataset_named(engine: Engine, namespace: int, id_or_name: str) -> Dataset | None:
    """A dataset, if there is such a one."""
    if not is_storable(id_or_name):
        return None
    with engine.storage.read() as session:
        return session.evaluations.find(namespace, id_or_name)


def evaluation_page(
    engine: Engine, namespace: int, retriever_id: str, query: EvaluationListQuery
) -> tuple[list[Assessment], int]:
    """A page of a retriever's evaluations, newest first, and how many there are in all."""
    name = query.dataset_name
    if name is not None:
        dataset = dataset_named(engine, namespace, name)
        name = name if dataset is None else dataset.name
        if not is_storable(name):
            return [], 0
    status = None if query.status is None else STATUS_TO_JOB[query.status]
    start, size = (query.page - 1) * query.page_size, query.page_size
    kind = AssessmentKind.EVALUATION
    with engine.storage.read() as session:
        total = session.assessments.count(
            namespace, kind, retriever_id=retriever_id, name=name, status=status
        )
        found = session.assessments.assessments(
            namespace, kind, size, start, retriever_id=retriever_id, name=name, status=status
        )
    return found, total


def find_evaluation(
    engine: Engine, namespace: int, retriever_id: str, evaluation_id: str
) -> Assessment:
    """An evaluation of a retriever.

    Raises
    ------
    NotFound
        The retriever has none of this id.
    """
    found = find_assessment(engine, namespace, AssessmentKind.EVALUATION, evaluation_id)
    if found.retriever_id != retriever_id:
        raise NotFound("evaluation", evaluation_id)
    return found


ENDPOINTS = (start_evaluation, list_evaluations, get_evaluation, compare_evaluation)
