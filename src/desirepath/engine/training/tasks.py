"""Training as tasks: a model's settings in, the stored model out."""

from __future__ import annotations

from desirepath.domain.checks import convert
from desirepath.engine.engine import Engine
from desirepath.engine.tasks.kinds import TRAIN
from desirepath.engine.tasks.task import Task
from desirepath.engine.training.by_kind import TrainInputs, train_by_kind
from desirepath.errors import InvalidSetting

__all__ = ["train_task"]


def train_task(engine: Engine, task: Task) -> None:
    """Train a model of the kind that the task says.

    See :func:`~desirepath.engine.training.by_kind.train_by_kind`.
    """
    train_by_kind(
        engine,
        task.namespace,
        task.job.kind.removeprefix(TRAIN),
        convert(task.inputs, TrainInputs, InvalidSetting),
        task.progress,
        store=task.store,
    )
