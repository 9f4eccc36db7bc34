"""Small rankers to serve in tests, whose order is known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from desirepath.domain.artifact import Artifact, ArtifactDraft
from desirepath.domain.ranking_features import FeatureLayout, boundary
from desirepath.engine.engine import Engine
from desirepath.engine.models import deploy_model, store_model
from desirepath.engine.ranker_files import RANKER, TREES, RankerParts, pack_ranker
from desirepath.methods.ranking.counters import CounterSnapshot
from desirepath.storage.base import Namespace

__all__ = ["deploy_ranker", "trees_by"]


def trees_by(weights: Mapping[str, float]) -> str:
    """Trees that score by a weighted sum of features between 0 and 100, in steps of about 1."""
    import lightgbm

    steps = np.linspace(0, 100, 200)
    rows = np.random.default_rng(1).choice(steps, (2_000, len(weights)))
    data = lightgbm.Dataset(rows, rows @ np.array(list(weights.values())))
    parameters = {"objective": "regression", "num_leaves": 128, "learning_rate": 0.5}
    quiet = {"verbosity": -1, "num_threads": 1, "min_data_in_leaf": 1}
    return str(lightgbm.train(parameters | quiet, data, 30).model_to_string())


def deploy_ranker(
    engine: Engine,
    namespace: Namespace,
    weights: Mapping[str, float],
    *,
    name: str = "ours",
    trees: str | None = None,
    retriever_id: str | None = None,
    changes: Mapping[int, int] | None = None,
) -> Artifact:
    """Store and deploy a ranker by a weighted sum of features; nothing was counted yet.

    With ``changes``, as if it had learned from the log.
    """
    with engine.storage.read() as session:
        origin = boundary(session.now())
    none, never = np.zeros(0), np.zeros(0, np.int64)
    counters = CounterSnapshot(
        origin=origin,
        keys=np.zeros(0, np.uint64),
        exposed=none,
        clicks=none,
        first_at=never,
        last_click=never,
        pair_keys=np.zeros(0, np.uint64),
        pair_exposed=none,
        pair_clicks=none,
    )
    layout = FeatureLayout(names=tuple(weights), retriever_id=retriever_id)
    files = pack_ranker(RankerParts(trees=trees_by(weights), layout=layout, counters=counters))
    if trees is not None:
        files[TREES] = trees.encode()
    draft = ArtifactDraft(kind=RANKER, name=name, manifest={}, files=files)
    stored = store_model(engine, namespace, draft, changes)
    deploy_model(engine, namespace.number, name)
    engine.directory.forget()
    return stored
