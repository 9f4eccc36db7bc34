"""From the log to the arrays that click models take."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from msgspec import Struct

from desirepath.analysis.click_lists import (
    as_one_query,
    feature_names,
    listed,
    losses,
    pairs,
    rows_of_lists,
)
from desirepath.engine.analysing.part import Part
from desirepath.errors import NotEnoughData
from desirepath.methods.click_models.sessions import SearchSessions
from desirepath.methods.levels import FloatArray, IntArray

__all__ = ["ClickLog", "Losses", "read_click_log"]

_DAY = 86_400_000_000


class Losses(Struct, frozen=True, kw_only=True):
    """What of a log a click model could not use.

    Parameters
    ----------
    n_impressions
        All there are, also of searches that are known by their interactions only.
    n_used
        Those that are in the lists.
    n_unknown_lists
        Of searches that are not in the log, and without impressions sent: nobody knows what they
        returned.
    n_without_query
        Of searches without a text that was searched for.
    n_too_deep
        Below the deepest rank that is looked at.
    n_same_place
        At a position that another document of the list has too.
    """

    n_impressions: int
    n_used: int
    n_unknown_lists: int
    n_without_query: int
    n_too_deep: int
    n_same_place: int


class ClickLog(Struct, frozen=True, kw_only=True, eq=False):
    """Lists with clicks, and what their numbers stand for.

    Parameters
    ----------
    sessions
        The lists; see :class:`~desirepath.methods.click_models.sessions.SearchSessions`.
    pairs
        By code: query, document_id, and the mean of each feature as ``feature_N``.
    queries : shape (n_pairs,)
        The query of each pair, a code from 0.
    features
        Names of the features that were logged.
    losses
        What could not be used.
    """

    sessions: SearchSessions
    pairs: pa.Table
    queries: IntArray
    features: tuple[str, ...]
    losses: Losses


def read_click_log(
    part: Part,
    *,
    acts: int,
    max_rank: int = 20,
    half_life_days: float | None = None,
    one_query: bool = False,
    with_features: bool = False,
) -> ClickLog:
    """Read the lists of a part of the log.

    Parameters
    ----------
    acts
        What counts as a click: bits of types, see :mod:`~desirepath.domain.acts`.
    max_rank
        Lists are cut below it.
    half_life_days
        A search that is so much older than the newest one counts half. None: all count alike.
    one_query
        Take all searches for the same one, for lists that nobody searched for.
    with_features
        Whether to average the scores that were logged.

    Raises
    ------
    NotEnoughData
        There are no lists.
    """
    counted = as_one_query(part.log.counted) if one_query else part.log.counted
    lists = listed(counted, max_rank)
    names: tuple[str, ...] = ()
    if with_features:
        names = tuple(part.engine.arrow(feature_names(lists))["name"].to_pylist())
    numbered = pairs(lists, names)
    rows = part.engine.arrow(rows_of_lists(lists, numbered, acts))
    (lost,) = part.engine.arrow(losses(part.log.impressions, counted, max_rank)).to_pylist()
    if not len(rows):
        raise NotEnoughData(_missing(lost, max_rank), needed=1, found=0)
    table = part.engine.arrow(numbered.order_by("pair")).combine_chunks()
    sessions, n_same_place = _sessions(rows, len(table), half_life_days)
    return ClickLog(
        sessions=sessions,
        pairs=table,
        queries=_codes(table["query"]),
        features=names,
        losses=Losses(
            n_impressions=lost["n_impressions"],
            n_used=sessions.n_impressions,
            n_unknown_lists=lost["n_impressions"] - lost["n_counted"],
            n_without_query=lost["n_without_query"],
            n_too_deep=lost["n_too_deep"],
            n_same_place=n_same_place,
        ),
    )


def _missing(lost: dict[str, Any], max_rank: int) -> str:
    """What there is none of, in words."""
    if lost["n_too_deep"]:
        return f"documents shown at rank {max_rank} or above"
    if lost["n_counted"]:
        return "searches with a text that was searched for (or take all for one query)"
    if lost["n_impressions"]:
        return "searches that say what was shown (send executions, or impressions)"
    return "searches (send executions, or impressions)"


def _sessions(
    rows: pa.Table, n_pairs: int, half_life_days: float | None
) -> tuple[SearchSessions, int]:
    """Lists, and how many impressions stood where another one stands."""
    place, position = _numbers(rows["place"]), _numbers(rows["position"])
    begins = place == 0
    alone = begins.copy()
    alone[1:] |= np.diff(position) != 0
    starts = np.append(np.flatnonzero(begins[alone]), int(alone.sum()))
    weights = None
    if half_life_days is not None:
        weights = _weights(_numbers(rows["occurred_at"])[begins], half_life_days)
    sessions = SearchSessions(
        pairs=_numbers(rows["pair"])[alone],
        ranks=position[alone].astype(np.int64) + 1,
        clicked=rows["clicked"].to_numpy()[alone],
        starts=starts,
        n_pairs=n_pairs,
        weights=weights,
    )
    return sessions, len(rows) - sessions.n_impressions


def _weights(occurred_at: IntArray, half_life_days: float) -> FloatArray:
    """Half for each half-life before the newest search."""
    ages = (occurred_at.max() - occurred_at) / _DAY
    weights: FloatArray = 0.5 ** (ages / half_life_days)
    return weights


def _numbers(column: pa.ChunkedArray) -> IntArray:
    found: IntArray = column.to_numpy()
    return found


def _codes(column: pa.ChunkedArray) -> IntArray:
    """A code from 0 for each different text."""
    encoded = column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0)
    codes: IntArray = encoded.indices.to_numpy().astype(np.int64)
    return codes
