"""Datasets and evaluations without HTTP: the same checks, rules and answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from desirepath.api.evaluation_run_schemas import (
    EvaluationListQuery,
    present_comparison,
    present_evaluation,
    present_started,
)
from desirepath.api.evaluation_runs import compared, evaluation_page, read_start
from desirepath.api.evaluation_schemas import present_dataset
from desirepath.api.gate import read_gate
from desirepath.api.plain import check_plain_values, plain_answer
from desirepath.api.retriever_schemas import present_shipped
from desirepath.api.scoring import score
from desirepath.domain.assessment import Assessment, AssessmentKind
from desirepath.domain.checks import convert
from desirepath.domain.evaluation import EvaluationConfig
from desirepath.domain.judgment import Dataset, read_dataset
from desirepath.domain.retriever import Retriever
from desirepath.engine import datasets
from desirepath.engine.assessing import delete_assessment, find_assessment
from desirepath.engine.engine import Engine
from desirepath.engine.evaluating.running import evaluate_and_store, start_evaluation
from desirepath.engine.gating.asking_log import ask_log
from desirepath.engine.gating.running import run_gate
from desirepath.engine.gating.shipping import roll_back_weights
from desirepath.engine.retrievers import find_retriever
from desirepath.errors import InvalidEvaluation, InvalidQuery
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

    def gate(
        self,
        retriever: str,
        model: str,
        version: int | None = None,
        *,
        progress: Callable[[int, int, str], object] = lambda done, total, words: None,
    ) -> dict[str, Any]:
        """Have a candidate judged here and now; if it passes it serves.

        Parameters
        ----------
        retriever
            By id or name.
        model, version
            Id of a version; or a name, with a number or the newest.
        progress
            As of :meth:`run`.

        Returns
        -------
        dict
            The evaluation of the candidate, with the ``verdict``.

        Raises
        ------
        InvalidEvaluation
            The retriever has no gate, or does not use the model.
        NotEnoughData
            No query can be evaluated; it says why.
        NotFound
            There is no such retriever, model or dataset.
        """
        found = find_retriever(self._engine, self._namespace.number, retriever)
        plain: dict[str, Any] = {"model_id": model}
        body = read_gate(plain if version is None else plain | {"version": version})
        stored, _ = run_gate(
            self._engine, self._namespace, found, body.model_id, body.version, ask_log, progress
        )
        return self._answer(stored)

    def roll_back(self, retriever: str) -> dict[str, Any] | None:
        """Let the weights serve that were shipped before; them, or None: what is learned.

        Raises
        ------
        NotFound
            There is no such retriever.
        Conflict
            No weights are shipped.
        """
        found = find_retriever(self._engine, self._namespace.number, retriever)
        return present_shipped(roll_back_weights(self._engine, found).shipped)

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
            As over HTTP: ``verdict``, ``outcome``, ``measures`` with the interval of each
            difference, ``queries``, …

        Raises
        ------
        NotFound
            There is none of this id.
        Conflict
            One has no result, or not yet.
        NotEnoughData
            They have no query in common.
        """
        return plain_answer(
            present_comparison(compared(self._find(baseline), self._find(candidate)))
        )

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

    def _answer(self, one: Assessment, *, include_queries: bool = True) -> dict[str, Any]:
        shown = present_evaluation(one, self._namespace, include_queries=include_queries)
        return plain_answer(shown)

    def _dataset(self, one: Dataset) -> dict[str, Any]:
        with self._engine.storage.read() as session:
            queries = session.evaluations.queries(one.namespace, one.id)
            return plain_answer(present_dataset(one, self._namespace, queries))
