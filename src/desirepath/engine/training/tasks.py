"""Training as tasks: a model's settings in, the stored model out."""

from __future__ import annotations

import contextlib

from desirepath.domain.artifact import Artifact
from desirepath.domain.checks import convert
from desirepath.engine.engine import Engine
from desirepath.engine.gates import WEIGHTS, dataset_of
from desirepath.engine.gating.running import start_gate
from desirepath.engine.retrievers import find_retriever
from desirepath.engine.tasks.kinds import TRAIN
from desirepath.engine.tasks.task import Task
from desirepath.engine.training.by_kind import TrainInputs, train_by_kind
from desirepath.errors import DesirepathError, InvalidSetting
from desirepath.storage.base import Namespace

__all__ = ["train_task"]


def train_task(engine: Engine, task: Task) -> None:
    """Train a model of the kind that the task says, and have weights judged by their gate.

    See :func:`~desirepath.engine.training.by_kind.train_by_kind`.
    """
    namespace = task.namespace
    trained = train_by_kind(
        engine,
        namespace,
        task.job.kind.removeprefix(TRAIN),
        convert(task.inputs, TrainInputs, InvalidSetting),
        task.progress,
        store=task.store,
    )
    if trained.artifact is not None:
        _have_judged(engine, namespace, trained.artifact)


def _have_judged(engine: Engine, namespace: Namespace, artifact: Artifact) -> None:
    """Leave trained weights to the gate of their retriever, if it has one."""
    if artifact.kind not in WEIGHTS or artifact.retriever_id is None:
        return
    with contextlib.suppress(DesirepathError):  # they are stored, and can be judged when asked for
        retriever = find_retriever(engine, namespace.number, artifact.retriever_id)
        if dataset_of(retriever, artifact.kind) is not None:
            start_gate(engine, namespace, retriever, artifact.artifact_id)
