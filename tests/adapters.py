"""Small query adapters to serve in tests, whose map is known."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from desirepath.domain.artifact import Artifact, ArtifactDraft
from desirepath.engine.adapter_files import MAP, QUERY_ADAPTER, SPACE, VectorSpace, write_map
from desirepath.engine.engine import Engine
from desirepath.engine.models import deploy_model, store_model
from desirepath.storage.base import Namespace

__all__ = ["deploy_adapter", "store_adapter"]


def store_adapter(
    engine: Engine,
    namespace: Namespace,
    matrix: ArrayLike,
    *,
    name: str = "turn",
    space: VectorSpace | None = None,
    data: bytes | None = None,
    is_better: bool = True,
) -> Artifact:
    """Store a query adapter; of the index ``image`` and of as many numbers, unless it is said."""
    array = np.asarray(matrix, float)
    space = space or VectorSpace(index="image", dimension=len(array))
    draft = ArtifactDraft(
        kind=QUERY_ADAPTER,
        name=name,
        manifest={SPACE: msgspec.to_builtins(space), "report": {"beats_baselines": is_better}},
        files={MAP: write_map(array) if data is None else data},
    )
    return store_model(engine, namespace, draft)


def deploy_adapter(
    engine: Engine, namespace: Namespace, matrix: ArrayLike, **options: Any
) -> Artifact:
    """:func:`store_adapter`, and let it serve."""
    stored = store_adapter(engine, namespace, matrix, **options)
    deploy_model(engine, namespace.number, stored.name)
    engine.directory.forget()
    return stored
