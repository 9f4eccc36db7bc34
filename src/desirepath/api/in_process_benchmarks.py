"""Benchmarks without HTTP: the same checks, rules and answers, as plain dictionaries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from desirepath.api.benchmark_schemas import BenchmarkListQuery, present_benchmark
from desirepath.api.benchmarks import list_benchmark_page
from desirepath.api.plain import plain_answer
from desirepath.domain.assessment import AssessmentKind
from desirepath.domain.benchmark import BenchmarkDraft, read_benchmark
from desirepath.domain.checks import convert
from desirepath.engine.assessing import delete_assessment, find_assessment
from desirepath.engine.benchmarking.running import benchmark_here, start_benchmark
from desirepath.engine.engine import Engine
from desirepath.errors import InvalidQuery
from desirepath.storage.base import Namespace

__all__ = ["Benchmarks"]

_KIND = AssessmentKind.BENCHMARK


class Benchmarks:
    """Replay sessions of the log through retrievers, and keep what came of it."""

    def __init__(self, engine: Engine, namespace: Namespace) -> None:
        self._engine = engine
        self._namespace = namespace

    def run(
        self,
        benchmark_name: str,
        baseline: str,
        candidates: Sequence[str],
        *,
        session_filter: Mapping[str, Any] | None = None,
        session_count: int = 1_000,
        seed: int = 0,
        progress: Callable[[int, int, str], object] = lambda done, total, words: None,
    ) -> dict[str, Any]:
        """Run one here and now.

        Parameters
        ----------
        baseline, candidates
            Retrievers, by id or name.
        session_filter
            Which sessions are replayed, as over HTTP.
        session_count
            How many at most, 10 to 10,000.
        seed
            By which they are drawn.
        progress
            Told now and then how much is done, of how much (0: not known), and what is being done.

        Raises
        ------
        InvalidBenchmark
            A rule is broken, or the retrievers cannot be compared.
        NotFound
            There is no such retriever.
        NotEnoughData
            No session is left to replay, or all fail with the baseline.
        MissingDependency
            The extra ``train`` is not installed.
        """
        draft = _read(benchmark_name, baseline, candidates, session_filter, session_count, seed)
        done = benchmark_here(self._engine, self._namespace, draft, progress)
        return plain_answer(present_benchmark(done))

    def start(
        self,
        benchmark_name: str,
        baseline: str,
        candidates: Sequence[str],
        *,
        session_filter: Mapping[str, Any] | None = None,
        session_count: int = 1_000,
        seed: int = 0,
    ) -> dict[str, Any]:
        """Leave one to the workers. What :meth:`run` refuses, but for the data.

        Raises
        ------
        InvalidBenchmark, NotFound, MissingDependency
            As :meth:`run`.
        """
        draft = _read(benchmark_name, baseline, candidates, session_filter, session_count, seed)
        return plain_answer(
            present_benchmark(start_benchmark(self._engine, self._namespace, draft))
        )

    def list(
        self,
        *,
        retriever_id: str | None = None,
        status: str | None = None,
        page: int = 1,
        page_size: int = 20,
    ) -> dict[str, Any]:
        """A page, newest first: ``benchmarks``, and ``total`` of all pages.

        Parameters
        ----------
        retriever_id
            Only those with this baseline, by id or name.

        Raises
        ------
        InvalidQuery
            There is no such status, or cannot be such a page.
        """
        plain = {
            "retriever_id": retriever_id,
            "status": status,
            "page": page,
            "page_size": page_size,
        }
        query = convert(plain, BenchmarkListQuery, InvalidQuery)
        return plain_answer(list_benchmark_page(self._engine, self._namespace.number, query))

    def get(self, benchmark_id: str) -> dict[str, Any]:
        """Read one: how far it is, or what it came to.

        Raises
        ------
        NotFound
            There is none of that id.
        """
        found = find_assessment(self._engine, self._namespace.number, _KIND, benchmark_id)
        return plain_answer(present_benchmark(found))

    def delete(self, benchmark_id: str) -> None:
        """Delete one; if it still runs, it ends without an effect.

        Raises
        ------
        NotFound
            There is none of that id.
        """
        found = find_assessment(self._engine, self._namespace.number, _KIND, benchmark_id)
        delete_assessment(self._engine, found)


def _read(
    name: str,
    baseline: str,
    candidates: Sequence[str],
    session_filter: Mapping[str, Any] | None,
    session_count: int,
    seed: int,
) -> BenchmarkDraft:
    return read_benchmark(
        {
            "benchmark_name": name,
            "baseline_retriever_id": baseline,
            "candidate_retriever_ids": list(candidates),
            "session_filter": session_filter and dict(session_filter),
            "session_count": session_count,
            "seed": seed,
        }
    )
