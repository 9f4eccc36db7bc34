"""Run benchmarks: here and now, or as tasks."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from desirepath.domain.assessment import Assessment, AssessmentKind
from desirepath.domain.benchmark import BenchmarkDraft
from desirepath.domain.benchmark_outcome import BenchmarkOutcome
from desirepath.domain.retriever import Retriever
from desirepath.engine.assessing import (
    assessment_of,
    finish_assessment,
    start_assessment,
    store_assessment,
)
from desirepath.engine.engine import Engine
from desirepath.engine.tasks.task import Task
from desirepath.errors import InvalidBenchmark, NotFound
from desirepath.extras import needs_extra
from desirepath.storage.base import Namespace

__all__ = [
    "BUILDING",
    "COMPUTING",
    "REPLAYING",
    "Tell",
    "benchmark_here",
    "benchmark_task",
    "start_benchmark",
]

Tell = Callable[[int, int, str], object]
"""Told how much is done, of how much (0: nobody knows), and what is being done."""

BUILDING, REPLAYING, COMPUTING = "building sessions", "replaying", "computing metrics"
"""What is told, one after the other."""


class _Checked(Struct, frozen=True, kw_only=True):
    """A benchmark that can be run: by ids, with its retrievers, the baseline first."""

    draft: BenchmarkDraft
    retrievers: tuple[Retriever, ...]


def start_benchmark(engine: Engine, namespace: Namespace, draft: BenchmarkDraft) -> Assessment:
    """Leave a benchmark to the workers, once all is checked that can be before it.

    Raises
    ------
    InvalidBenchmark
        Its retrievers cannot be compared.
    NotFound
        There is no such retriever, or the namespace was deleted meanwhile.
    MissingDependency
        The extra ``train`` is not installed.
    """
    checked = _check(engine, namespace.number, draft)
    with needs_extra("train"):
        import desirepath.engine.benchmarking.comparing  # noqa: F401
    return start_assessment(
        engine,
        namespace,
        AssessmentKind.BENCHMARK,
        checked.draft.baseline_retriever_id,
        name=draft.benchmark_name,
        request=msgspec.to_builtins(checked.draft),
    )


def benchmark_here(
    engine: Engine,
    namespace: Namespace,
    draft: BenchmarkDraft,
    tell: Tell = lambda done, total, words: None,
) -> Assessment:
    """Run a benchmark here and now, and store what it came to.

    Parameters
    ----------
    tell
        Told now and then how far it is.

    Raises
    ------
    NotEnoughData
        The filter leaves no session, or all of them fail with the baseline.

    Whatever :func:`start_benchmark` refuses, too.
    """
    checked = _check(engine, namespace.number, draft)
    started_at = engine.clock.now()
    outcome = _run(engine, namespace, checked, tell)
    return store_assessment(
        engine,
        namespace,
        AssessmentKind.BENCHMARK,
        checked.draft.baseline_retriever_id,
        name=draft.benchmark_name,
        request=msgspec.to_builtins(checked.draft),
        result=outcome,
        started_at=started_at,
    )


def benchmark_task(engine: Engine, task: Task) -> None:
    """Run the benchmark of a task."""
    assessment = assessment_of(engine, task)
    namespace = task.namespace
    draft = msgspec.convert(assessment.request, BenchmarkDraft)
    outcome = _run(engine, namespace, _check(engine, namespace.number, draft), task.progress)
    finish_assessment(engine, task, assessment, outcome)


def _run(engine: Engine, namespace: Namespace, checked: _Checked, tell: Tell) -> BenchmarkOutcome:
    with needs_extra("train"):
        from desirepath.engine.benchmarking.building import build_sessions
        from desirepath.engine.benchmarking.comparing import compare_replays
        from desirepath.engine.benchmarking.replaying import replay_sessions
    draft, n_rows = checked.draft, 0

    def copied(n_more: int) -> None:
        nonlocal n_rows
        n_rows += n_more
        tell(n_rows, 0, BUILDING)

    tell(0, 0, BUILDING)
    sessions = build_sessions(engine, namespace, draft, progress=copied)
    replays = replay_sessions(
        engine, sessions, checked.retrievers, lambda done, total: tell(done, total, REPLAYING)
    )
    tell(0, 0, COMPUTING)
    return compare_replays(sessions, replays, draft.seed)


def _check(engine: Engine, namespace: int, draft: BenchmarkDraft) -> _Checked:
    """Look the retrievers up; names become ids, so that it is the same ones later."""
    baseline = _replayable(engine, namespace, draft.baseline_retriever_id, "baseline_retriever_id")
    candidates = [
        _replayable(engine, namespace, name, "candidate_retriever_ids", number)
        for number, name in enumerate(draft.candidate_retriever_ids)
    ]
    ids = [one.retriever_id for one in (baseline, *candidates)]
    for number, id in enumerate(ids[1:]):
        place = ("candidate_retriever_ids", number)
        if id == ids[0]:
            raise InvalidBenchmark("A candidate is the baseline itself.", place)
        if id in ids[1 : number + 1]:
            raise InvalidBenchmark("A candidate is named twice.", place)
    wanted = draft.session_filter
    if wanted.retriever_ids is not None:
        found = [_found(engine, namespace, name).retriever_id for name in wanted.retriever_ids]
        wanted = replace(wanted, retriever_ids=found)
    return _Checked(
        draft=replace(
            draft,
            baseline_retriever_id=ids[0],
            candidate_retriever_ids=ids[1:],
            session_filter=wanted,
        ),
        retrievers=(baseline, *candidates),
    )


def _replayable(engine: Engine, namespace: int, name: str, *place: str | int) -> Retriever:
    found = _found(engine, namespace, name)
    if not found.stages:
        raise InvalidBenchmark(
            "A retriever without stages cannot be replayed: another engine searches.", place
        )
    return found


def _found(engine: Engine, namespace: int, name: str) -> Retriever:
    with engine.storage.read() as session:
        found = session.catalog.find_retriever(namespace, name)
    if found is None:
        raise NotFound("retriever")  # without its id: no error repeats a body
    return found
