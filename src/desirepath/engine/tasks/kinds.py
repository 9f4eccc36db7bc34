"""The kinds of tasks: one line each, imported when one is run."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from desirepath.errors import InvalidModel

if TYPE_CHECKING:
    from desirepath.engine.engine import Engine
    from desirepath.engine.tasks.task import Task

__all__ = ["KIND_TO_HANDLER", "TRAIN", "Handler", "handler_of", "model_kinds"]

Handler = Callable[["Engine", "Task"], "dict[str, Any] | None"]
"""Does a task. What it returns are the outputs; a task that has stored its model has them."""

TRAIN = "train."
"""Begins the kinds that train a model of the kind that follows."""

KIND_TO_HANDLER: dict[str, str] = {
    TRAIN + "ranker": "desirepath.engine.training.tasks:train_ranker_task",
    TRAIN + "ctr": "desirepath.engine.training.tasks:train_ctr_task",
    TRAIN + "adapter": "desirepath.engine.training.tasks:train_adapter_task",
    TRAIN + "recommender": "desirepath.engine.training.tasks:train_recommender_task",
}
"""Kind to ``module:function`` of its :data:`Handler`."""


def handler_of(kind: str) -> Handler:
    """What does tasks of a kind.

    Raises
    ------
    InvalidModel
        There is no such kind.
    """
    target = KIND_TO_HANDLER.get(kind)
    if target is None:
        raise InvalidModel(f"No such kind; there are {', '.join(model_kinds()) or 'none'}.")
    module, _, name = target.partition(":")
    handler: Handler = getattr(importlib.import_module(module), name)
    return handler


def model_kinds() -> list[str]:
    """The kinds of models that can be trained."""
    return [kind.removeprefix(TRAIN) for kind in KIND_TO_HANDLER if kind.startswith(TRAIN)]
