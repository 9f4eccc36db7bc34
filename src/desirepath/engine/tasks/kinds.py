"""The kinds of tasks: what does each, imported when one is run."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from desirepath.engine.model_kinds import MODEL_KINDS, no_such_kind

if TYPE_CHECKING:
    from desirepath.engine.engine import Engine
    from desirepath.engine.tasks.task import Task

__all__ = ["KIND_TO_HANDLER", "TRAIN", "Handler", "handler_of"]

Handler = Callable[["Engine", "Task"], "dict[str, Any] | None"]
"""Does a task. What it returns are the outputs; a task that has stored its model has them."""

TRAIN = "train."
"""Begins the kinds that train a model of the kind that follows."""

KIND_TO_HANDLER: dict[str, str] = {
    **{TRAIN + kind.word: "desirepath.engine.training.tasks:train_task" for kind in MODEL_KINDS},
    "retriever.evaluation": "desirepath.engine.gating.tasks:evaluation_or_gate_task",
    "retriever.benchmark": "desirepath.engine.benchmarking.running:benchmark_task",
    "retriever.what_if": "desirepath.engine.what_if.asking:what_if_task",
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
        raise no_such_kind()
    module, _, name = target.partition(":")
    handler: Handler = getattr(importlib.import_module(module), name)
    return handler
