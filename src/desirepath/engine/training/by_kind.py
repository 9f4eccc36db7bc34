"""Trainings asked for by the name of a kind: checked, then done here or left to workers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Unpack

import msgspec
from msgspec import Struct

from desirepath.domain.checks import below, convert
from desirepath.domain.job import Job
from desirepath.domain.scope import Scope
from desirepath.engine.engine import Engine
from desirepath.engine.model_kinds import kind_named
from desirepath.engine.models import check_free_name
from desirepath.engine.tasks.kinds import TRAIN
from desirepath.engine.tasks.running import start_task
from desirepath.errors import InvalidSetting
from desirepath.storage.base import Namespace

if TYPE_CHECKING:
    from desirepath.engine.training.trained import Trained, TrainingOptions

__all__ = ["Tell", "TrainInputs", "start_training", "train_by_kind"]

Tell = Callable[[int, int, str], object]
"""Told how much is done, of how much (0: nobody knows), and what is being done."""


class TrainInputs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is trained, but for the kind; what a task that trains is started with.

    Parameters
    ----------
    settings
        Of the kind; what is left out has its default.
    scope
        Which part of the log is learned from.
    """

    name: str
    settings: dict[str, Any] = {}
    scope: Scope = Scope()


def start_training(engine: Engine, namespace: Namespace, word: str, inputs: TrainInputs) -> Job:
    """Leave a training to the workers, once all is checked that can be before it.

    Raises
    ------
    InvalidModel
        There is no such kind, or the name cannot be used.
    InvalidSetting
        A setting cannot be used; the location begins with ``settings``.
    AlreadyExists
        The name belongs to a model of another kind.
    MissingDependency
        The extra ``train`` is not installed.
    NotFound
        The namespace was deleted meanwhile.
    """
    _checked(engine, namespace, word, inputs)
    return start_task(engine, namespace, TRAIN + word, msgspec.to_builtins(inputs))


def train_by_kind(
    engine: Engine,
    namespace: Namespace,
    word: str,
    inputs: TrainInputs,
    tell: Tell = lambda done, total, words: None,
    **options: Unpack[TrainingOptions],
) -> Trained[Any]:
    """Train here and now.

    Parameters
    ----------
    tell
        Told now and then how far it is.

    Raises
    ------
    NotEnoughData
        There is too little in the log; it says how much is missing of what.

    Whatever :func:`start_training` refuses, too.
    """
    train, settings = _checked(engine, namespace, word, inputs)
    n_rows = 0

    def copied(n_more: int) -> None:
        nonlocal n_rows
        n_rows += n_more
        tell(n_rows, 0, "copying the log")

    def stepped(done: int, most: int) -> None:
        tell(done, most, "learning")

    trained: Trained[Any] = train(
        engine,
        namespace,
        inputs.name,
        settings,
        inputs.scope,
        progress=copied,
        stepped=stepped,
        **options,
    )
    return trained


def _checked(
    engine: Engine, namespace: Namespace, word: str, inputs: TrainInputs
) -> tuple[Callable[..., Any], Any]:
    """What trains, and the settings that it takes."""
    kind = kind_named(word)
    check_free_name(engine, namespace.number, kind.artifact, inputs.name)
    train, of = kind.load()
    with below("settings"):
        if inputs.settings.keys() - of.__struct_fields__:
            known = ", ".join(of.__struct_fields__)
            raise InvalidSetting(f"Unknown setting; there are {known}.")
        settings = convert(inputs.settings, of, InvalidSetting)
        settings.check()
    return train, settings
