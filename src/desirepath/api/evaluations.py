"""Evaluation datasets: create, list, get, generate from interactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desirepath.api.analytics import opened
from desirepath.api.endpoint import Call, endpoint, read_query
from desirepath.api.evaluation_schemas import (
    POSITIVE_TYPES,
    DatasetListQuery,
    DatasetListResponse,
    DatasetQuery,
    EvaluationDataset,
    GenerateFromInteractions,
    present_dataset,
    read_generate,
)
from desirepath.api.retrievers import find_retriever
from desirepath.domain.access import Access
from desirepath.domain.clock import to_datetime
from desirepath.domain.judgment import Dataset, DatasetDraft, read_dataset
from desirepath.domain.scope import Scope
from desirepath.engine.datasets import check_name, find_dataset, free_name
from desirepath.engine.datasets import create_dataset as store_draft
from desirepath.engine.seen_log import log_changes
from desirepath.errors import (
    AlreadyExists,
    InvalidDataset,
    InvalidQuery,
    MalformedJSON,
    MissingDependency,
    NotEnoughData,
    NotFound,
    Overloaded,
)

if TYPE_CHECKING:
    from desirepath.engine.analysing.judging import JudgingOptions

__all__ = ["ENDPOINTS"]

TAG = "Evaluations"
_DAY = 86_400_000_000
_DATASETS = "/v1/retrievers/evaluations/datasets"


@endpoint(
    "POST",
    _DATASETS,
    access=Access.WRITE,
    tag=TAG,
    body=DatasetDraft,
    response=EvaluationDataset,
    batch=True,
    errors=(InvalidDataset, AlreadyExists, MalformedJSON),
)
def create_dataset(call: Call) -> object:
    """Create a dataset of judged queries.

    What is relevant to a query: `relevant_documents` for measures that know no grades, and grades
    from 0 to 5 in `relevance_scores`. A document that is in neither was not judged.
    """
    draft = read_dataset(call.json(), lenient=call.rules.lenient)
    return _present(call, store_draft(call.engine, call.namespace, draft))


@endpoint(
    "GET",
    _DATASETS,
    access=Access.READ,
    tag=TAG,
    response=DatasetListResponse,
    query=DatasetListQuery,
    errors=(InvalidQuery,),
)
def list_datasets(call: Call) -> object:
    """List datasets, newest first, with their queries.

    Those made from a log may be large: `include_queries=false` leaves the queries out.
    """
    query: DatasetListQuery = read_query(call.query_string, DatasetListQuery)
    number, start = call.namespace.number, (query.page - 1) * query.page_size
    with call.engine.storage.read() as session:
        total = session.evaluations.count(number)
        found = session.evaluations.datasets(number, query.page_size, start)
        datasets = [
            present_dataset(
                one,
                call.namespace,
                session.evaluations.queries(number, one.id) if query.include_queries else (),
            )
            for one in found
        ]
    return DatasetListResponse(
        datasets=datasets, total=total, page=query.page, page_size=query.page_size
    )


@endpoint(
    "GET",
    _DATASETS + "/{dataset_id}",
    access=Access.READ,
    tag=TAG,
    response=EvaluationDataset,
    query=DatasetQuery,
    errors=(NotFound, InvalidQuery),
)
def get_dataset(call: Call) -> object:
    """Read one dataset, by id or name."""
    query: DatasetQuery = read_query(call.query_string, DatasetQuery)
    found = find_dataset(call.engine, call.namespace.number, call.path["dataset_id"])
    return _present(call, found, include_queries=query.include_queries)


@endpoint(
    "POST",
    "/v1/retrievers/{retriever_id}/evaluations/generate-from-interactions",
    access=Access.WRITE,
    tag=TAG,
    body=GenerateFromInteractions,
    body_required=False,
    response=EvaluationDataset,
    errors=(
        InvalidDataset,
        AlreadyExists,
        NotFound,
        NotEnoughData,
        MalformedJSON,
        MissingDependency,
        Overloaded,
    ),
)
def generate_dataset(call: Call) -> object:
    """Make a dataset of what people did with a retriever's results.

    A query is its text. Without `model` documents are graded from 1 to 3 by how often they were
    chosen, beside the query's most chosen one: what stands above is chosen more. A click model
    (`pbm`, `sdbn`, …) takes that out, where executions or impressions say what was shown, and
    grades from 0. Needs the extra `analysis`.
    """
    retriever = find_retriever(call)
    body = read_generate(call.json())
    if body.dataset_name is not None:
        check_name(call.engine, call.namespace.number, body.dataset_name)
    changes = log_changes(call.engine, call.namespace.number)
    now = call.engine.clock.now()
    scope = Scope(
        retriever_id=retriever.retriever_id, since=now - (body.lookback_days or 30) * _DAY
    )
    with opened(call) as log:
        from desirepath.engine.analysing.judged_datasets import store_judgments
        from desirepath.engine.analysing.judging import judge_part
        from desirepath.engine.analysing.part import part_of

        result = judge_part(part_of(log, scope), _options(body))
    name = body.dataset_name or free_name(
        call.engine,
        call.namespace.number,
        f"auto_{retriever.retriever_id}_{to_datetime(now):%Y-%m-%d}",
    )
    return _present(
        call, store_judgments(call.engine, call.namespace, name, result, scope, changes)
    )


def _options(body: GenerateFromInteractions) -> JudgingOptions:
    from desirepath.engine.analysing.judging import COUNTS, JudgingOptions

    types = body.positive_interaction_types
    return JudgingOptions(
        model=body.model or COUNTS,
        positive_types=POSITIVE_TYPES if types is None else tuple(types),
        min_interactions=body.min_interactions or 5,
        min_impressions=10.0 if body.min_impressions is None else body.min_impressions,
        half_life_days=body.half_life_days,
        max_rank=body.max_rank or 20,
    )


def _present(call: Call, dataset: Dataset, *, include_queries: bool = True) -> EvaluationDataset:
    with call.engine.storage.read() as session:
        queries = session.evaluations.queries(dataset.namespace, dataset.id)
        return present_dataset(dataset, call.namespace, queries if include_queries else ())


ENDPOINTS = (create_dataset, list_datasets, get_dataset, generate_dataset)
