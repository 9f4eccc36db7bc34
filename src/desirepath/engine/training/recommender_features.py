"""Recommenders as features of rankers: which is meant, what it learned, and its table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct
from msgspec.structs import replace

from desirepath.domain.artifact import Artifact
from desirepath.domain.ranking_features import (
    FeatureKind,
    FeatureLayout,
    RankingFeature,
    key_of,
    version_in,
)
from desirepath.engine.engine import Engine
from desirepath.engine.recommender_files import RECOMMENDER, RecommenderParts, read_recommender
from desirepath.errors import InvalidSetting, NotEnoughData
from desirepath.methods.ranking.matrix import Matrix
from desirepath.methods.ranking.splitting import split_by_time
from desirepath.methods.recommending.likeness import Likeness
from desirepath.methods.recommending.neighbours import DocumentNeighbours
from desirepath.storage.base import Session

__all__ = [
    "LEAST_LISTS",
    "Recommender",
    "check_amount",
    "likeness_of",
    "with_recommenders",
    "write_likeness",
]

LEAST_LISTS = 20
"""That a recommender says something of, among those that are learned from."""
_CHUNK = 10_000  # documents with their neighbours
_LIKENESS = pa.schema(
    [
        ("recommender", pa.string()),
        ("document_id", pa.string()),
        ("other_id", pa.string()),
        ("alike", pa.float64()),
    ]
)


class Recommender(Struct, frozen=True, kw_only=True, eq=False):
    """A version of a recommender, and what it learned."""

    artifact: Artifact
    parts: RecommenderParts


def with_recommenders(
    engine: Engine, namespace: int, layout: FeatureLayout
) -> tuple[FeatureLayout, Mapping[str, Recommender]]:
    """The layout with a version of each recommender that it names, and those by their argument.

    Without a version in the name, the one that is deployed is meant, else the newest.

    Raises
    ------
    InvalidSetting
        There is none, or it cannot be a feature.
    """
    named: dict[str, str] = {}
    found: dict[str, Recommender] = {}
    for argument in layout.arguments(FeatureKind.RECOMMENDER):
        with engine.storage.read() as session:
            one = _found(session, namespace, argument)
        named[argument] = f"{one.artifact.name}@{one.artifact.version}"
        found[named[argument]] = one
    if len(found) < len(named):
        raise InvalidSetting("A feature is named twice.", ("features",))
    names = [
        RankingFeature(one.kind, named[one.argument]).name
        if one.kind is FeatureKind.RECOMMENDER
        else one.name
        for one in layout.features
    ]
    moments = {name: one.parts.constants.learned_before for name, one in found.items()}
    return replace(layout, names=tuple(names), learned_before=moments), found


def _found(session: Session, namespace: int, argument: str) -> Recommender:
    name, version = version_in(argument)
    artifacts = session.artifacts
    artifact = artifacts.find(namespace, name, version, kind=RECOMMENDER)
    if artifact is None and version is None:
        newest = artifacts.artifacts(namespace, 1, name=name, kind=RECOMMENDER)
        artifact = newest[0] if newest else None
    if artifact is None:
        raise InvalidSetting("There is no recommender of this name and version.", ("features",))
    if artifact.stale_at is not None:
        raise InvalidSetting(
            "The recommender learned from what was deleted since: train it anew before it becomes "
            "a feature.",
            ("features",),
        )
    parts = read_recommender(
        artifact.files, lambda file: session.artifacts.file(namespace, artifact.id, file)
    )
    if not isinstance(parts.model, DocumentNeighbours):
        raise InvalidSetting(
            "Only a recommender of the methods cosine and bm25 can be a feature: one of als has no "
            "neighbours.",
            ("features",),
        )
    return Recommender(artifact=artifact, parts=parts)


def likeness_of(parts: RecommenderParts) -> Likeness:
    """What a ranker keeps of a recommender, to go on without it."""
    keys = np.fromiter(map(key_of, parts.document_ids), np.uint64, len(parts.document_ids))
    return Likeness(keys, parts.model)


def write_likeness(recommenders: Mapping[str, RecommenderParts], path: Path) -> None:
    """Write the table of :class:`~desirepath.analysis.ranking_features.FeatureTables`.

    Parameters
    ----------
    recommenders
        Of neighbours, by argument.
    """
    with pq.ParquetWriter(path, _LIKENESS) as file:
        for argument, parts in recommenders.items():
            for start in range(0, len(parts.document_ids), _CHUNK):
                file.write_table(_likeness(argument, parts, start))


def _likeness(argument: str, parts: RecommenderParts, start: int) -> pa.Table:
    arrays = parts.model.arrays()
    starts = arrays["starts"][start : start + _CHUNK + 1]
    rows = slice(starts[0], starts[-1])
    own = np.arange(start, start + len(starts) - 1)
    documents = np.concatenate((own, np.repeat(own, np.diff(starts))))
    others = np.concatenate((own, arrays["documents"][rows]))
    alike = np.concatenate((np.zeros(len(own)), arrays["alike"][rows]))
    ids = pa.array(parts.document_ids, pa.string())
    columns = [
        pa.repeat(argument, len(documents)),
        ids.take(pa.array(documents)),
        ids.take(pa.array(others)),
        pa.array(alike, pa.float64()),
    ]
    return pa.Table.from_arrays(columns, schema=_LIKENESS)


def check_amount(matrix: Matrix, test_share: float) -> None:
    """Refuse a recommender that says too little of the lists that are learned from.

    Raises
    ------
    NotEnoughData
        It has a value in fewer than 20 of them.
    """
    train, _ = split_by_time(matrix, test_share)
    starts = np.cumsum(train.groups) - train.groups
    for place, name in enumerate(matrix.names):
        if not name.startswith(f"{FeatureKind.RECOMMENDER}:"):
            continue
        is_there = np.logical_or.reduceat(~np.isnan(train.values[:, place]), starts)
        n = int(is_there.sum())
        if n < LEAST_LISTS:
            raise NotEnoughData(
                "lists to learn from that came after what the recommender learned from, of users "
                "who had clicked on what it knows",
                needed=LEAST_LISTS,
                found=n,
                why="Train the recommender on an earlier part of the log (--before).",
            )
