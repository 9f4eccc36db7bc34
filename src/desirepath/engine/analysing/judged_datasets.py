"""Datasets of what the log says of relevance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from desirepath.domain.judgment import Dataset, DatasetSource
from desirepath.domain.scope import Scope
from desirepath.engine.analysing.judging import JudgingResult
from desirepath.engine.datasets import store_dataset
from desirepath.engine.engine import Engine
from desirepath.storage.base import Namespace

__all__ = ["store_judgments"]


def store_judgments(
    engine: Engine,
    namespace: Namespace,
    name: str,
    result: JudgingResult,
    scope: Scope,
    changes: Mapping[int, int],
    *,
    description: str | None = None,
) -> Dataset:
    """Store judgments as a dataset.

    Parameters
    ----------
    scope
        Which part of the log they are of.
    changes
        What :func:`~desirepath.engine.seen_log.log_changes` said before the log was read.

    Raises
    ------
    AlreadyExists
        The namespace has a dataset of this name.
    InvalidDataset
        The name cannot be used.
    NotFound
        The namespace was deleted meanwhile.
    """
    source = DatasetSource(
        kind="interactions",
        model=result.options.model,
        parameters=_plain(result.options)
        | {"scope": _plain(scope), "features": list(result.features)}
        | ({} if result.losses is None else {"losses": _plain(result.losses)}),
        fit=None if result.fit is None else _plain(result.fit),
        retriever_id=scope.retriever_id,
    )
    return store_dataset(
        engine,
        namespace,
        name,
        result.queries(),
        description=description,
        source=source,
        changes=changes,
    )


def _plain(value: msgspec.Struct) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(value)
    return plain
