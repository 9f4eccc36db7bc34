"""Datasets and evaluations without HTTP: the same checks, rules and answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from desirepath.api.evaluation_run_schemas import (
    EvaluationListQuery,
    present_evaluation,
    present_started,
    result_of,
)
from desirepath.api.evaluation_runs import evaluation_page, read_start
from desirepath.api.evaluation_schemas import present_dataset
from desirepath.api.plain import check_plain_values, plain_answer
from desirepath.api.scoring import score
from desirepath.domain.assessment import Assessment, AssessmentKind
from desirepath.domain.checks import convert
from desirepath.domain.evaluation import EvaluationConfig
from desirepath.domain.judgment import Dataset, read_dataset
from desirepath.domain.retriever import Retriever
from desirepath.engine import datasets
from desirepath.engine.assessing import delete_assessment, find_assessment
from desirepath.engine.engine import Engine
from desirepath.engine.evaluating.comparing import compare_evaluations
from desirepath.engine.evaluating.results import EvaluationResult
from desirepath.engine.evaluating.running import evaluate_and_store, start_evaluation
from desirepath.engine.retrievers import find_retriever
from desirepath.errors import Conflict, InvalidEvaluation, InvalidQuery
from desirepath.storage.base import Namespace

__all__ = ["Evaluations"]

_KIND = AssessmentKind.EVALUATION


class Evaluations:
    """Measure retrievers by judged queries."""

    def __init__(self, engine: Engine, namespace: Namespace) -> None:
        self._engine = engine
        self._namespace = namespace

    def create_dataset(self, dataset_name: str, **fields: Any) -> dict[str, Any]:
        """Store judged queries; the fields of the HTTP request.

        Raises
        ------
        InvalidDataset
            A rule is broken.
        AlreadyExists
            The name is taken.
        """
        draft = read_dataset({"dataset_name": dataset_name, **fields})
        return self._dataset(datasets.create_dataset(self._engine, self._namespace, draft))

    def get_dataset(self, id_or_name: str) -> dict[str, Any]:
        """Read one, with its queries.

        Raises
        ------
        NotFound
            There is none of this id or name.
        """
        found = datasets.find_dataset(self._engine, self._namespace.number, id_or_name)
        return self._dataset(found)

    def run(
        self,
        retriever: str,
        dataset: str,
        *,
        evaluation_config: Mapping[str, Any] | None = None,
        progress: Callable[[int, int, str], object] = lambda done, total, words: None,
    ) -> dict[str, Any]:
        """Evaluate a retriever here and now; what comes out is kept.

        Parameters
        ----------
        retriever, dataset
            By id or name.
        evaluation_config
            ``k_values`` and ``metrics``, as over HTTP.
        progress
            Told how many queries are done, of how many, and what is being done.

        Raises
        ------
        InvalidEvaluation
            A rule is broken, or the retriever does not search.
        NotEnoughData
            No query can be evaluated; it says why.
        NotFound
            There is no such retriever or dataset.
        """
        found, judged, config = self._read(retriever, dataset, evaluation_config)
        stored, _ = evaluate_and_store(
            self._engine, self._namespace, found, judged, config, progress
        )
        return self._answer(stored)

    def start(
        self,
        retriever: str,
        dataset: str,
        *,
        evaluation_config: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Leave an evaluation to the workers: ``task_id`` and ``evaluation_id``.

        Raises
        ------
        InvalidEvaluation, NotEnoughData, NotFound
            As :meth:`run`, but for what only searching shows.
        """
        found, judged, config = self._read(retriever, dataset, evaluation_config)
        started = start_evaluation(self._engine, self._namespace, found, judged, config)
        return plain_answer(present_started(started))

    def get(self, evaluation_id: str) -> dict[str, Any]:
        """Read one: how it stands, and what came out, query by query.

        Raises
        ------
        NotFound
            There is none of this id.
        """
        return self._answer(self._find(evaluation_id))

    def list(
        self,
        retriever: str,
        *,
        status: str | None = None,
        dataset: str | None = None,
        page_size: int = 20,
        page: int = 1,
    ) -> dict[str, Any]:
        """A page of a retriever's, newest first: ``evaluations``, and ``total`` of all pages.

        Raises
        ------
        NotFound
            There is no such retriever.
        InvalidQuery
            There is no such status, or cannot be such a page.
        """
        plain = {"status": status, "dataset_name": dataset, "page_size": page_size, "page": page}
        query = convert(plain, EvaluationListQuery, InvalidQuery)
        number = self._namespace.number
        owner = find_retriever(self._engine, number, retriever)
        found, total = evaluation_page(self._engine, number, owner.retriever_id, query)
        return {"evaluations": [self._answer(one, include_queries=False) for one in found]} | {
            "total": total
        }

    def compare(self, baseline: str, candidate: str) -> dict[str, Any]:
        """Hold one evaluation against another, query by query.

        Parameters
        ----------
        baseline, candidate
            Ids of two that are completed.

        Returns
        -------
        dict
            Of :class:`~desirepath.engine.evaluating.results.EvaluationComparison`: ``verdict``,
            ``outcome``, ``measures`` with the interval of each difference, ``queries``, …

        Raises
        ------
        NotFound
            There is none of this id.
        Conflict
            One has no result, or not yet.
        NotEnoughData
            They have no query in common.
        """
        before, after = (self._result(one) for one in (baseline, candidate))
        return plain_answer(compare_evaluations(before, after))

    def score(self, **fields: Any) -> dict[str, Any]:
        """Score predictions as sets; the fields and the answer are those of HTTP.

        Raises
        ------
        InvalidEvaluation
            A rule is broken.
        """
        check_plain_values(fields, InvalidEvaluation)
        return plain_answer(score(fields))

    def delete(self, evaluation_id: str) -> None:
        """Delete one; if a task is at it, that has no effect any more.

        Raises
        ------
        NotFound
            There is none of this id.
        """
        delete_assessment(self._engine, self._find(evaluation_id))

    def _read(
        self, retriever: str, dataset: str, config: Mapping[str, Any] | None
    ) -> tuple[Retriever, Dataset, EvaluationConfig]:
        plain = {"dataset_name": dataset, "evaluation_config": config and dict(config)}
        check_plain_values(plain, InvalidEvaluation)
        number = self._namespace.number
        judged, wanted = read_start(self._engine, number, plain)
        return find_retriever(self._engine, number, retriever), judged, wanted

    def _find(self, evaluation_id: str) -> Assessment:
        return find_assessment(self._engine, self._namespace.number, _KIND, evaluation_id)

    def _result(self, evaluation_id: str) -> EvaluationResult:
        result = result_of(self._find(evaluation_id))
        if result is None:
            raise Conflict("This evaluation has no result.")
        return result

    def _answer(self, one: Assessment, *, include_queries: bool = True) -> dict[str, Any]:
        shown = present_evaluation(one, self._namespace, include_queries=include_queries)
        return plain_answer(shown)

    def _dataset(self, one: Dataset) -> dict[str, Any]:
        with self._engine.storage.read() as session:
            queries = session.evaluations.queries(one.namespace, one.id)
            return plain_answer(present_dataset(one, self._namespace, queries))
