"""The kinds of models that can be trained: one entry each, imported when it is trained."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from msgspec import Struct

from desirepath.errors import InvalidModel, MissingDependency
from desirepath.extras import needs_extra

__all__ = ["MODEL_KINDS", "ModelKind", "artifact_kind", "kind_named", "no_such_kind", "word_of"]

_EXTRA = "train"


class ModelKind(Struct, frozen=True, kw_only=True):
    """A kind of model.

    Parameters
    ----------
    word
        What people call it: ``desirepath train ctr``, ``kind`` over HTTP.
    artifact
        What a stored version of it says it is; see :class:`~desirepath.domain.artifact.Artifact`.
    train, settings
        ``module:name`` of what trains it, and of the Struct of its settings, which has a ``check``.
    packages
        Modules that training imports late.
    """

    word: str
    artifact: str
    train: str
    settings: str
    packages: tuple[str, ...] = ()

    def load(self) -> tuple[Callable[..., Any], type[Any]]:
        """What trains it, and the type of its settings.

        Raises
        ------
        MissingDependency
            The extra ``train`` is not installed.
        """
        for package in self.packages:
            if find_spec(package) is None:
                raise MissingDependency(package, _EXTRA)
        with needs_extra(_EXTRA):
            return _load(self.train), _load(self.settings)


MODEL_KINDS = (
    ModelKind(
        word="ranker",
        artifact="ranker",
        train="desirepath.engine.training.ranker:train_ranker",
        settings="desirepath.engine.training.ranker:RankerSettings",
        packages=("lightgbm",),
    ),
    ModelKind(
        word="ctr",
        artifact="ctr_model",
        train="desirepath.engine.training.ctr:train_ctr",
        settings="desirepath.engine.training.list_models:ListModelSettings",
        packages=("lightgbm", "sklearn"),
    ),
    ModelKind(
        word="recommender",
        artifact="recommender",
        train="desirepath.engine.training.recommender:train_recommender",
        settings="desirepath.engine.training.recommender:RecommenderSettings",
        packages=("scipy",),
    ),
    ModelKind(
        word="adapter",
        artifact="query_adapter",
        train="desirepath.engine.training.adapter:train_adapter",
        settings="desirepath.engine.training.adapter:AdapterSettings",
    ),
    ModelKind(
        word="weights",
        artifact="fusion_weights",
        train="desirepath.engine.training.fusion_weights:train_weights",
        settings="desirepath.engine.training.fusion_weights:WeightSettings",
        packages=("scipy",),
    ),
)


def kind_named(word: str) -> ModelKind:
    """The kind that people call so.

    Raises
    ------
    InvalidModel
        There is none; the message names those there are.
    """
    for kind in MODEL_KINDS:
        if kind.word == word:
            return kind
    raise no_such_kind()


def no_such_kind() -> InvalidModel:
    """What to say where a kind is none."""
    known = ", ".join(kind.word for kind in MODEL_KINDS)
    return InvalidModel(f"No such kind; there are {known}.", ("kind",))


def word_of(artifact: str) -> str:
    """What people call the kind of a stored model."""
    return next((kind.word for kind in MODEL_KINDS if kind.artifact == artifact), artifact)


def artifact_kind(word: str) -> str:
    """What stored models of a kind say they are.

    >>> artifact_kind("ctr"), word_of("ctr_model")
    ('ctr_model', 'ctr')
    """
    return next((kind.artifact for kind in MODEL_KINDS if kind.word == word), word)


def _load(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)
