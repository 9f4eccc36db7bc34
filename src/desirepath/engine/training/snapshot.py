"""The shared counters as they stand when a model is trained; serving goes on from there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis
import numpy as np
import pyarrow.compute as pc
from ibis import _
from ibis.expr.types import Table
from msgspec.structs import replace

from desirepath.analysis.log import Log
from desirepath.analysis.ranking_features import counts, exposures_of
from desirepath.domain.ranking_features import FeatureKind, FeatureLayout, key_of, pair_key_of
from desirepath.engine.analysing.asking import OpenLog
from desirepath.methods.ranking.counters import NEVER, CounterSnapshot

__all__ = ["snapshot_of"]

_SUMS = ("exposed", "clicks")
_MOMENTS = ("first_at", "last_click")


def snapshot_of(opened: OpenLog, layout: FeatureLayout, origin: int) -> CounterSnapshot:
    """Count what was recorded before a boundary.

    Parameters
    ----------
    origin
        :func:`~desirepath.domain.ranking_features.boundary` of a moment at which the log was
        opened, or before.
    """
    exposures = exposures_of(_before(opened.log, origin), layout)
    is_over = exposures.clicked < origin
    exposures = exposures.mutate(clicked=ibis.ifelse(is_over, _.clicked, ibis.null("int64")))
    exposures = exposures.filter(_.moment < origin)
    documents = _counted(opened, exposures, layout, origin, ("document_id",))
    pairs = {name: documents[name][:0] for name in ("key", *_SUMS)}
    if FeatureKind.CTR_OF_PAIR in {one.kind for one in layout.features}:
        of_queries = exposures.filter(_["query"].notnull())
        pairs = _counted(opened, of_queries, layout, origin, ("query", "document_id"))
    return CounterSnapshot(
        origin=origin,
        keys=documents["key"],
        exposed=documents["exposed"],
        clicks=documents["clicks"],
        first_at=documents["first_at"],
        last_click=documents["last_click"],
        pair_keys=pairs["key"],
        pair_exposed=pairs["exposed"],
        pair_clicks=pairs["clicks"],
    )


def _before(log: Log, origin: int) -> Log:
    """The log as it was recorded before a moment, as far as counters look at it."""
    executions = log.executions.filter(_.recorded_at < origin)
    return replace(log, executions=executions, sent=log.sent.filter(_.recorded_at < origin))


def _counted(
    opened: OpenLog, exposures: Table, layout: FeatureLayout, origin: int, keys: Sequence[str]
) -> dict[str, Any]:
    """Columns by name, with the ``key`` of each row, rising."""
    rows = opened.engine.arrow(counts(exposures, layout, origin, keys))
    key_of_row = key_of if len(keys) == 1 else pair_key_of
    named = zip(*(rows[name].to_pylist() for name in keys), strict=True)
    key = np.fromiter((key_of_row(*names) for names in named), np.uint64, len(rows))
    found: dict[str, Any] = {"key": key}
    for name in _SUMS:
        found[name] = rows[name].to_numpy().astype(np.float64)
    for name in _MOMENTS:
        found[name] = pc.fill_null(rows[name], int(NEVER)).to_numpy().astype(np.int64)
    return _united(found)


def _united(columns: dict[str, Any]) -> dict[str, Any]:
    """One row a key, for two names that share one; in order."""
    key, place = np.unique(columns["key"], return_inverse=True)
    if len(key) == len(place):
        order = np.argsort(columns["key"])
        return {name: column[order] for name, column in columns.items()}
    found: dict[str, Any] = {"key": key}
    for name in _SUMS:
        found[name] = np.bincount(place, columns[name])
    for name, unite in zip(_MOMENTS, (np.minimum, np.maximum), strict=True):
        united = np.full(len(key), NEVER if unite is np.maximum else np.iinfo(np.int64).max)
        unite.at(united, place, columns[name])
        found[name] = united
    return found
