"""From the log to what rankers are trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType

import numpy as np
import pyarrow as pa
from ibis.expr.types import Table
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from desirepath.analysis.ranking_features import exposures_of
from desirepath.domain.acts import CLICKED
from desirepath.domain.ranking_features import FeatureLayout, boundary
from desirepath.domain.scope import Scope
from desirepath.engine.analysing.asking import OpenLog, open_log
from desirepath.engine.analysing.copying import CopyProgress
from desirepath.engine.analysing.part import part_of
from desirepath.engine.engine import Engine
from desirepath.engine.recommender_files import RecommenderParts
from desirepath.engine.training.document_fields import document_tables
from desirepath.engine.training.layouts import propensities_of, read_layout, with_shares
from desirepath.engine.training.recommender_features import Recommender, with_recommenders
from desirepath.engine.training.snapshot import snapshot_of
from desirepath.engine.training.training_rows import (
    FeatureRows,
    features_of,
    opened_tables,
    training_rows,
)
from desirepath.methods.ranking.counters import CounterSnapshot
from desirepath.methods.ranking.matrix import Matrix
from desirepath.storage.base import Namespace

__all__ = ["Grading", "TrainingData", "matrix_of", "rows_with_features", "training_data"]

_LEAST_REWARDS = (1.0, 2.0, 5.0)


class Grading(StrEnum):
    """How an outcome becomes a grade."""

    BINARY = "binary"
    """1 where the reward is above 0."""
    GRADED = "graded"
    """1 from a reward of 1 (a click), 2 from 2 (into the cart, a long view), 3 from 5 (bought)."""
    CLICKED = "clicked"
    """1 where there was a click, whatever came after it."""


class TrainingData(Struct, frozen=True, kw_only=True, eq=False):
    """All that training a ranker takes from the log, of one moment.

    Parameters
    ----------
    matrix
        Every list of the part of the log that was asked for.
    layout
        What its features are, with their constants.
    snapshot
        The shared counters as they stand, for serving to go on from.
    recommenders
        Those that are features, by argument.
    n_flagged, flagged_share
        Identities that look like robots and were left out, and their share of the interactions.
    """

    matrix: Matrix
    layout: FeatureLayout
    snapshot: CounterSnapshot
    recommenders: Mapping[str, Recommender]
    n_flagged: int
    flagged_share: float


def training_data(
    engine: Engine,
    namespace: Namespace,
    names: Sequence[str],
    scope: Scope,
    *,
    grading: Grading = Grading.GRADED,
    half_life_days: float = 30.0,
    smoothing: float = 5.0,
    is_debiased: bool = True,
    on: str = "duckdb",
    progress: CopyProgress | None = None,
) -> TrainingData:
    """Read lists with features and grades from the log.

    Parameters
    ----------
    names
        Of features, see :mod:`~desirepath.domain.ranking_features`.
    scope
        Which lists; shared counters count all searches of its retriever, or of the namespace.
    half_life_days, smoothing
        See :class:`~desirepath.domain.ranking_features.FeatureLayout`.
    is_debiased
        Whether exposures count as much as their position is examined, where the log tells that.
    on, progress
        See :func:`~desirepath.engine.analysing.asking.open_log`.

    Raises
    ------
    InvalidSetting
        A feature is none, or a constant cannot be used.
    """
    layout = read_layout(
        names,
        retriever_id=scope.retriever_id,
        half_life_days=half_life_days,
        smoothing=smoothing,
    )
    layout, recommenders = with_recommenders(engine, namespace.number, layout)
    parts = {argument: one.parts for argument, one in recommenders.items()}
    with engine.storage.read() as session:
        origin = boundary(session.now())  # all from before it is in what is copied now
    with open_log(engine, namespace, on=on, progress=progress) as opened:
        part = part_of(opened, scope)
        if is_debiased:
            layout = replace(layout, propensities=propensities_of(part))
        layout, found = rows_with_features(
            engine, namespace, opened, layout, training_rows(part), parts
        )
        snapshot = snapshot_of(opened, layout, origin)
    return TrainingData(
        matrix=matrix_of(found, layout, grading),
        layout=layout,
        snapshot=snapshot,
        recommenders=recommenders,
        n_flagged=part.n_flagged,
        flagged_share=part.flagged_share,
    )


def rows_with_features(
    engine: Engine,
    namespace: Namespace,
    opened: OpenLog,
    layout: FeatureLayout,
    rows: Table,
    recommenders: Mapping[str, RecommenderParts] = MappingProxyType({}),
) -> tuple[FeatureLayout, FeatureRows]:
    """Work out the features of rows as of their times; with the layout that has all constants.

    Parameters
    ----------
    rows
        Some of those of :func:`~desirepath.engine.training.training_rows.training_rows`; what the
        features count is the whole log.
    recommenders
        By argument of ``recommender`` in the layout.
    """
    with (
        document_tables(engine, namespace, opened, layout) as documents,
        opened.engine.kept(exposures_of(opened.log, layout)) as exposures,
    ):
        layout = with_shares(opened, layout, exposures, documents)
        with opened_tables(opened, layout, exposures, documents, recommenders) as tables:
            return layout, features_of(opened, rows, tables, layout)


def matrix_of(found: FeatureRows, layout: FeatureLayout, grading: Grading) -> Matrix:
    """Rows with their features as lists with grades."""
    rows = found.rows
    lists = _texts(rows["execution_id"])
    begins = np.ones(len(rows), bool)
    begins[1:] = lists[1:] != lists[:-1]
    starts = np.flatnonzero(begins)
    return Matrix(
        names=layout.names,
        values=found.features,
        grades=_grades(rows, grading),
        groups=np.diff(np.append(starts, len(rows))),
        positions=rows["position"].to_numpy().astype(np.int32),
        times=rows["moment"].to_numpy()[starts],
        list_ids=lists[starts],
        document_ids=_texts(rows["document_id"]),
        queries=_texts(rows["query"])[starts],
    )


def _grades(rows: pa.Table, grading: Grading) -> NDArray[np.int64]:
    if grading is Grading.CLICKED:
        is_clicked: NDArray[np.bool_] = (rows["acts"].to_numpy() & CLICKED) != 0
        return is_clicked.astype(np.int64)
    rewards: NDArray[np.float64] = rows["reward"].to_numpy()
    if grading is Grading.BINARY:
        return (rewards > 0).astype(np.int64)
    return np.searchsorted(np.array(_LEAST_REWARDS), rewards, side="right").astype(np.int64)


def _texts(column: pa.ChunkedArray) -> NDArray[np.object_]:
    found: NDArray[np.object_] = column.to_numpy().astype(object)
    return found
