"""Training as tasks: a model's settings in, the stored model out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from desirepath.domain.checks import convert
from desirepath.domain.scope import Scope
from desirepath.engine.engine import Engine
from desirepath.engine.tasks.task import Task
from desirepath.errors import InvalidSetting
from desirepath.extras import needs_extra

__all__ = [
    "train_adapter_task",
    "train_ctr_task",
    "train_ranker_task",
    "train_recommender_task",
]


class TrainInputs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a task that trains is started with."""

    name: str
    settings: dict[str, Any] = {}
    scope: Scope = Scope()


def train_ranker_task(engine: Engine, task: Task) -> None:
    """Train a ranker; see :func:`~desirepath.engine.training.ranker.train_ranker`.

    Raises
    ------
    InvalidSetting
        The inputs, or a setting, cannot be used.
    MissingDependency
        The extra ``train`` is not installed.
    """
    with needs_extra("train"):
        from desirepath.engine.training.ranker import RankerSettings, train_ranker
    _train(engine, task, train_ranker, RankerSettings)


def train_ctr_task(engine: Engine, task: Task) -> None:
    """Train a click-through model; see :func:`~desirepath.engine.training.ctr.train_ctr`.

    Raises
    ------
    InvalidSetting
        The inputs, or a setting, cannot be used.
    MissingDependency
        The extra ``train`` is not installed.
    """
    with needs_extra("train"):
        from desirepath.engine.training.ctr import train_ctr
        from desirepath.engine.training.list_models import ListModelSettings
    _train(engine, task, train_ctr, ListModelSettings)


def train_recommender_task(engine: Engine, task: Task) -> None:
    """Train a recommender; see :func:`~desirepath.engine.training.recommender.train_recommender`.

    Raises
    ------
    InvalidSetting
        The inputs, or a setting, cannot be used.
    MissingDependency
        The extra ``train`` is not installed.
    """
    with needs_extra("train"):
        from desirepath.engine.training.recommender import RecommenderSettings, train_recommender
    _train(engine, task, train_recommender, RecommenderSettings)


def train_adapter_task(engine: Engine, task: Task) -> None:
    """Train a query adapter; see :func:`~desirepath.engine.training.adapter.train_adapter`.

    Raises
    ------
    InvalidSetting
        The inputs, or a setting, cannot be used.
    MissingDependency
        The extra ``train`` is not installed.
    """
    with needs_extra("train"):
        from desirepath.engine.training.adapter import AdapterSettings, train_adapter
    _train(engine, task, train_adapter, AdapterSettings)


def _train(engine: Engine, task: Task, train: Callable[..., object], of: type[Struct]) -> None:
    inputs = convert(task.inputs, TrainInputs, InvalidSetting)
    train(
        engine,
        task.namespace,
        inputs.name,
        convert(inputs.settings, of, InvalidSetting),
        inputs.scope,
        store=task.store,
        progress=lambda n_rows: task.progress(n_rows, words="copying the log"),
        stepped=lambda done, most: task.progress(done, most, "learning"),
    )
