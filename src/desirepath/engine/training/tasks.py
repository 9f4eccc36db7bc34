"""Training as tasks: a model's settings in, the stored model out."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from desirepath.domain.scope import Scope
from desirepath.engine.engine import Engine
from desirepath.engine.tasks.task import Task
from desirepath.errors import InvalidSetting, MissingDependency

__all__ = ["train_ranker_task", "train_recommender_task"]


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
    try:
        from desirepath.engine.training.ranker import RankerSettings, train_ranker
    except ModuleNotFoundError as error:
        raise MissingDependency(error.name or "lightgbm", "train") from error
    inputs = _read(task.inputs, TrainInputs)
    train_ranker(
        engine,
        task.namespace,
        inputs.name,
        _read(inputs.settings, RankerSettings),
        inputs.scope,
        store=task.store,
        progress=lambda n_rows: task.progress(n_rows, words="copying the log"),
        grown=lambda done, most: task.progress(done, most, "growing trees"),
    )


def train_recommender_task(engine: Engine, task: Task) -> None:
    """Train a recommender; see :func:`~desirepath.engine.training.recommender.train_recommender`.

    Raises
    ------
    InvalidSetting
        The inputs, or a setting, cannot be used.
    MissingDependency
        The extra ``train`` is not installed.
    """
    try:
        from desirepath.engine.training.recommender import RecommenderSettings, train_recommender
    except ModuleNotFoundError as error:
        raise MissingDependency(error.name or "scipy", "train") from error
    inputs = _read(task.inputs, TrainInputs)
    train_recommender(
        engine,
        task.namespace,
        inputs.name,
        _read(inputs.settings, RecommenderSettings),
        inputs.scope,
        store=task.store,
        progress=lambda n_rows: task.progress(n_rows, words="copying the log"),
        stepped=lambda done, most: task.progress(done, most, "learning"),
    )


def _read(plain: dict[str, Any], type: type[Any]) -> Any:
    try:
        return msgspec.convert(plain, type)
    except msgspec.ValidationError as error:
        raise InvalidSetting("The settings of the model cannot be used.") from error
