"""Evaluate a retriever: search for every judged query, and measure what comes back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

from msgspec.structs import replace

from desirepath.domain.assessment import Assessment, AssessmentKind
from desirepath.domain.evaluation import EvaluationConfig
from desirepath.domain.judgment import Dataset, JudgedQuery
from desirepath.domain.retriever import Retriever
from desirepath.domain.stage_kinds.rerank import RerankParameters
from desirepath.engine.assessing import start_assessment, store_assessment
from desirepath.engine.engine import Engine
from desirepath.engine.evaluating.measuring import Found, measure_query, summarize, why_unanswerable
from desirepath.engine.evaluating.results import EvaluationResult
from desirepath.engine.executing import ExecuteRequest
from desirepath.engine.trying import try_out
from desirepath.errors import (
    DesirepathError,
    EmbedderUnavailable,
    InvalidEvaluation,
    NotEnoughData,
    RankerUnavailable,
    StorageError,
)
from desirepath.storage.base import Namespace

__all__ = [
    "Tell",
    "check_can_search",
    "evaluate",
    "evaluate_and_store",
    "evaluation_request",
    "read_queries",
    "start_evaluation",
]

_AT_ONCE = 2  # searches: the database, vectors and an embedder work beside Python's own lock

Tell = Callable[[int, int, str], object]
"""Told how much is done, of how much, and what is being done."""


def evaluate(
    engine: Engine,
    retriever: Retriever,
    queries: Sequence[JudgedQuery],
    config: EvaluationConfig | None = None,
    *,
    weights: Mapping[str, float] | None = None,
    tell: Tell = lambda done, total, words: None,
    seed: int = 0,
) -> EvaluationResult:
    """Measure how good a retriever's answers are; nothing is written down.

    Each query is searched as a stranger would, by the mean of what is learned, so that the same log
    gives the same result. A query that cannot be searched for, or has nothing relevant, is skipped
    and says why.

    Parameters
    ----------
    retriever
        Its definition need not be stored: a changed copy is searched as it says, such as one whose
        stages name another version of a model.
    config
        What is measured; None: what is usual.
    weights
        By feature URI, those to fuse with instead of its own.
    tell
        Told after each query.
    seed
        Of the resampling behind the intervals.

    Raises
    ------
    InvalidEvaluation
        The retriever cannot search.
    NotEnoughData
        There is no query that can be evaluated; it says why.
    StorageError, EmbedderUnavailable
        The database or the embedder failed, which says nothing of a query.
    """
    check_can_search(retriever)
    config = config or EvaluationConfig()
    outcomes, warnings = [], Counter[str]()
    _catch_up(engine, retriever)
    tell(0, len(queries), "searching")
    with _searched(engine, retriever, queries, config.depth, weights) as searched:
        for number, (query, found) in enumerate(zip(queries, searched, strict=True), start=1):
            warnings.update(set(found.warnings))
            outcomes.append(measure_query(query, found, config))
            tell(number, len(queries), "searching")
    result = summarize(outcomes, config, warnings=warnings, seed=seed)
    return replace(result, stages_hash=retriever.stages_hash)


@contextmanager
def _searched(
    engine: Engine,
    retriever: Retriever,
    queries: Sequence[JudgedQuery],
    depth: int,
    weights: Mapping[str, float] | None,
) -> Iterator[Iterator[Found]]:
    """What is found for each query, in their order; who leaves early leaves the rest undone."""

    def search(query: JudgedQuery) -> Found:
        return _search(engine, retriever, query, depth, weights)

    pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="evaluating")
    try:
        yield pool.map(search, queries)
    finally:
        pool.shutdown(cancel_futures=True)


def _search(
    engine: Engine,
    retriever: Retriever,
    query: JudgedQuery,
    depth: int,
    weights: Mapping[str, float] | None,
) -> Found:
    if why_unanswerable(query) is not None:
        return Found()
    request = ExecuteRequest(inputs=query.query_input, page_size=depth)
    try:
        served = try_out(engine, retriever, request, weights=weights)
    except (StorageError, EmbedderUnavailable):
        raise
    except DesirepathError as problem:
        return Found(error=problem.message)
    return Found(document_ids=[hit.document_id for hit in served.hits], warnings=served.warnings)


def _catch_up(engine: Engine, retriever: Retriever) -> None:
    """Let rankers read the log before, so that the first queries are ordered by them too."""
    for stage in retriever.stages:
        parameters = stage.parameters
        if isinstance(parameters, RerankParameters) and parameters.inference_name is not None:
            named = parameters.inference_name, parameters.model_version
            with suppress(RankerUnavailable):  # searches will say so
                engine.rankers.catch_up(retriever.namespace, *named)


def check_can_search(retriever: Retriever) -> None:
    """Refuse a retriever that finds nothing by itself.

    Raises
    ------
    InvalidEvaluation
        It has no stages, or cannot be used; it says why.
    """
    if retriever.problem is not None:
        raise InvalidEvaluation(f"The retriever cannot be used: {retriever.problem}")
    if not retriever.stages:
        raise InvalidEvaluation("The retriever has no stages: another engine searches for it.")


def read_queries(engine: Engine, dataset: Dataset) -> list[JudgedQuery]:
    """The queries of a dataset.

    Raises
    ------
    NotEnoughData
        It has none.
    """
    with engine.storage.read() as session:
        queries = list(session.evaluations.queries(dataset.namespace, dataset.id))
    if not queries:
        raise NotEnoughData("queries in the dataset", needed=1, found=0)
    return queries


def evaluate_and_store(
    engine: Engine,
    namespace: Namespace,
    retriever: Retriever,
    dataset: Dataset,
    config: EvaluationConfig,
    tell: Tell = lambda done, total, words: None,
) -> tuple[Assessment, EvaluationResult]:
    """Evaluate a stored retriever here and now, and keep what comes out.

    Raises
    ------
    NotEnoughData, InvalidEvaluation, StorageError, EmbedderUnavailable
        As :func:`evaluate`; then nothing is stored.
    """
    started_at = engine.clock.now()
    result = evaluate(engine, retriever, read_queries(engine, dataset), config, tell=tell)
    stored = store_assessment(
        engine,
        namespace,
        AssessmentKind.EVALUATION,
        retriever.retriever_id,
        name=dataset.name,
        request=evaluation_request(dataset, config),
        result=result,
        started_at=started_at,
    )
    return stored, result


def start_evaluation(
    engine: Engine,
    namespace: Namespace,
    retriever: Retriever,
    dataset: Dataset,
    config: EvaluationConfig,
) -> Assessment:
    """Leave the evaluation of a stored retriever to the workers.

    Raises
    ------
    InvalidEvaluation
        The retriever cannot search.
    NotEnoughData
        The dataset has no queries.
    NotFound
        The namespace was deleted meanwhile.
    """
    check_can_search(retriever)
    if not dataset.n_queries:
        raise NotEnoughData("queries in the dataset", needed=1, found=0)
    return start_assessment(
        engine,
        namespace,
        AssessmentKind.EVALUATION,
        retriever.retriever_id,
        name=dataset.name,
        request=evaluation_request(dataset, config),
    )


def evaluation_request(dataset: Dataset, config: EvaluationConfig) -> dict[str, Any]:
    """What the record of an evaluation says was asked for."""
    return {
        "dataset_id": dataset.dataset_id,
        "k_values": list(config.k_values),
        "metrics": list(config.metrics),
        "query_count": dataset.n_queries,
    }
