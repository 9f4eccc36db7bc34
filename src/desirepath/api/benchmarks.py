"""Benchmarks: sessions of the log, replayed through retrievers; create, list, get, delete."""

from __future__ import annotations

from desirepath.api.benchmark_schemas import (
    STATUS_TO_STATE,
    BenchmarkListQuery,
    BenchmarkListResponse,
    BenchmarkResponse,
    present_benchmark,
)
from desirepath.api.endpoint import Answer, Call, endpoint, read_query
from desirepath.domain.access import Access
from desirepath.domain.assessment import AssessmentKind
from desirepath.domain.benchmark import BenchmarkDraft, read_benchmark
from desirepath.domain.checks import is_storable
from desirepath.engine.assessing import delete_assessment, find_assessment
from desirepath.engine.benchmarking.running import start_benchmark
from desirepath.engine.engine import Engine
from desirepath.errors import (
    InvalidBenchmark,
    InvalidQuery,
    MalformedJSON,
    MissingDependency,
    NotFound,
)

__all__ = ["ENDPOINTS", "list_benchmark_page"]

TAG = "Benchmarks"
_BENCHMARKS = "/v1/retrievers/benchmarks"
_ONE = _BENCHMARKS + "/{benchmark_id}"
_KIND = AssessmentKind.BENCHMARK


@endpoint(
    "POST",
    _BENCHMARKS,
    access=Access.WRITE,
    tag=TAG,
    body=BenchmarkDraft,
    response=BenchmarkResponse,
    errors=(InvalidBenchmark, NotFound, MalformedJSON, MissingDependency),
)
def create_benchmark(call: Call) -> object:
    """Replay real sessions through a baseline and candidates, as a task.

    The searches of sessions in which people did something are asked of each retriever again, by
    nobody in particular, and the orders are measured by what people did. `comparison` holds the
    paired test of each candidate, and a recommendation in words. Nothing of the replay is logged,
    and nothing learns from it. Needs the extra `train`.
    """
    draft = read_benchmark(call.json(), lenient=call.rules.lenient)
    return present_benchmark(start_benchmark(call.engine, call.namespace, draft))


@endpoint(
    "GET",
    _BENCHMARKS,
    access=Access.READ,
    tag=TAG,
    response=BenchmarkListResponse,
    query=BenchmarkListQuery,
    errors=(InvalidQuery,),
)
def list_benchmarks(call: Call) -> object:
    """List benchmarks, newest first."""
    query: BenchmarkListQuery = read_query(call.query_string, BenchmarkListQuery)
    return list_benchmark_page(call.engine, call.namespace.number, query)


@endpoint("GET", _ONE, access=Access.READ, tag=TAG, response=BenchmarkResponse, errors=(NotFound,))
def get_benchmark(call: Call) -> object:
    """Read one benchmark: how far it is, or what it came to."""
    id = call.path["benchmark_id"]
    return present_benchmark(find_assessment(call.engine, call.namespace.number, _KIND, id))


@endpoint("DELETE", _ONE, access=Access.WRITE, tag=TAG, status=204, errors=(NotFound,))
def remove_benchmark(call: Call) -> object:
    """Delete a benchmark; one that still runs ends without an effect."""
    id = call.path["benchmark_id"]
    found = find_assessment(call.engine, call.namespace.number, _KIND, id)
    delete_assessment(call.engine, found)
    return Answer(b"", 204)


def list_benchmark_page(
    engine: Engine, namespace: int, query: BenchmarkListQuery
) -> BenchmarkListResponse:
    """A page of benchmarks, newest first, and how many there are in all."""
    found, total = [], 0
    state, words = (None, None) if query.status is None else STATUS_TO_STATE[query.status]
    start = (query.page - 1) * query.page_size
    with engine.storage.read() as session:
        name = query.retriever_id
        baseline = None
        if name is not None:
            known = session.catalog.find_retriever(namespace, name) if is_storable(name) else None
            baseline = name if known is None else known.retriever_id
        if baseline is None or is_storable(baseline):
            total = session.assessments.count(
                namespace, _KIND, retriever_id=baseline, status=state, words=words
            )
            found = session.assessments.assessments(
                namespace,
                _KIND,
                query.page_size,
                start,
                retriever_id=baseline,
                status=state,
                words=words,
            )
    return BenchmarkListResponse(
        benchmarks=[present_benchmark(one) for one in found],
        total=total,
        page=query.page,
        page_size=query.page_size,
    )


ENDPOINTS = (create_benchmark, list_benchmarks, get_benchmark, remove_benchmark)
