"""Recommenders put together by hand, and people who react in a recorded log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from desirepath.domain.artifact import Artifact, ArtifactDraft
from desirepath.engine.engine import Engine
from desirepath.engine.models import deploy_model, store_model
from desirepath.engine.recommender_files import (
    RECOMMENDER,
    People,
    RecommenderConstants,
    RecommenderParts,
    write_recommender,
)
from desirepath.engine.seen_log import log_changes
from desirepath.methods.recommending.base import preferences
from desirepath.methods.recommending.neighbours import NearestNeighbours
from desirepath.storage.base import Namespace

__all__ = ["parts_of", "store_recommender"]


def parts_of(
    liked: Mapping[str, Sequence[str]], *, people: bool = True, learned_before: int = 0
) -> RecommenderParts:
    """A recommender of what each person likes, all alike."""
    document_ids = sorted({document for documents in liked.values() for document in documents})
    ids = sorted(liked)
    pairs = [
        (number, document_ids.index(document))
        for number, id in enumerate(ids)
        for document in liked[id]
    ]
    rows = np.array(pairs)
    known = preferences(rows[:, 0], rows[:, 1], np.ones(len(rows)), len(document_ids))
    return RecommenderParts(
        constants=RecommenderConstants(
            method="cosine",
            half_life_days=30.0,
            most=5.0,
            popularity_share=0.1,
            learned_before=learned_before,
        ),
        document_ids=document_ids,
        popularity=known.popularity(),
        model=NearestNeighbours(shrinkage=1.0).fit(known, np.random.default_rng(0)),
        people=People(ids=ids, preferences=known) if people else None,
    )


def store_recommender(
    engine: Engine, namespace: Namespace, parts: RecommenderParts, name: str = "recommender"
) -> Artifact:
    """Store it as the next version of a name, and deploy it."""
    draft = ArtifactDraft(
        kind=RECOMMENDER,
        name=name,
        manifest={"holds_people": parts.people is not None},
        files=write_recommender(parts),
    )
    changes = log_changes(engine, namespace.number)
    stored = store_model(engine, namespace, draft, changes)
    deploy_model(engine, namespace.number, name, stored.version)
    return stored
