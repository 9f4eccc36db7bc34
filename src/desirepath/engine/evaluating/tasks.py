"""Evaluations as tasks: what was asked for in, the stored result out."""

from __future__ import annotations

from desirepath.domain.evaluation import read_evaluation_config
from desirepath.engine.assessing import assessment_of, finish_assessment
from desirepath.engine.datasets import find_dataset
from desirepath.engine.engine import Engine
from desirepath.engine.evaluating.running import evaluate, read_queries
from desirepath.engine.retrievers import find_retriever
from desirepath.engine.tasks.task import Task

__all__ = ["evaluation_task"]


def evaluation_task(engine: Engine, task: Task) -> None:
    """Evaluate a retriever as it is now.

    See :func:`~desirepath.engine.evaluating.running.evaluate`.
    """
    assessment = assessment_of(engine, task)
    number, request = assessment.namespace, assessment.request
    config = read_evaluation_config({name: request[name] for name in ("k_values", "metrics")})
    retriever = find_retriever(engine, number, assessment.retriever_id)
    queries = read_queries(engine, find_dataset(engine, number, request["dataset_id"]))
    result = evaluate(engine, retriever, queries, config, tell=task.progress)
    finish_assessment(engine, task, assessment, result)
