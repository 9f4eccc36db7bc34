"""What one list teaches: a pure function of its execution and of the interactions there are."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
from msgspec import Struct

from desirepath.domain.execution import decode_shown
from desirepath.domain.interaction import QUERY_LEVEL_TYPES, SHOWN_TYPES
from desirepath.domain.ranking import Ranking, unpack_ranking
from desirepath.engine.learning.policies import summing_policy
from desirepath.methods.bandits.base import REWARD_UNIT, ListOutcome
from desirepath.methods.bandits.sums import Sums
from desirepath.methods.levels import IntArray, Levels
from desirepath.storage.learned import LearnableList, ListedInteraction

__all__ = ["ReadList", "contribution", "read_list"]


class ReadList(Struct, frozen=True, eq=False):
    """A list with what is looked up in it again and again.

    Parameters
    ----------
    ranking
        How it was ranked.
    row_of
        Place of each shown document.
    known
        Places of the shown documents that were in its own pool, where others were shown as well.
    levels : shape (n_known, n_ordinals)
        Of the shown documents of its pool, a column for each ordinal up to the largest.
    ordinal_of
        By feature URI.
    """

    ranking: Ranking
    row_of: Mapping[str, int]
    known: tuple[int, ...] | None
    levels: Levels
    ordinal_of: Mapping[str, int]


_KEPT: dict[bytes, ReadList] = {}
_MOST_KEPT = 4_096


def read_list(listed: LearnableList) -> ReadList:
    """Read a list as it is stored; one is read again for each interaction with it.

    Its id tells it apart from all others of any database, and it never changes.
    """
    found = _KEPT.get(listed.id)
    if found is None:
        if len(_KEPT) >= _MOST_KEPT:
            _KEPT.clear()
        found = _KEPT[listed.id] = _read(listed)
    return found


def _read(listed: LearnableList) -> ReadList:
    ranking = unpack_ranking(listed.ranking)
    document_ids = decode_shown(listed.shown)
    levels = np.frombuffer(ranking.levels, "<u2").reshape(len(ranking.pool), len(ranking.features))
    known = None
    if ranking.pool[: len(document_ids)] == tuple(document_ids):  # as a rule
        levels = levels[: len(document_ids)]
    else:
        place_of = {id: place for place, id in enumerate(ranking.pool)}
        places = tuple(place for place, id in enumerate(document_ids) if id in place_of)
        levels = levels[[place_of[document_ids[place]] for place in places]]
        known = None if len(places) == len(document_ids) else places
    wide = levels
    if ranking.ordinals != tuple(range(len(ranking.ordinals))):
        wide = np.zeros((len(levels), max(ranking.ordinals) + 1), np.uint16)
        wide[:, list(ranking.ordinals)] = levels
    return ReadList(
        ranking,
        {id: row for row, id in enumerate(document_ids)},
        known,
        wide,
        dict(zip(ranking.features, ranking.ordinals, strict=True)),
    )


def contribution(
    read: ReadList, offset: int, interactions: Sequence[ListedInteraction]
) -> Sums | None:
    """The sums of a list; None while nobody interacted with what it showed.

    One document is one impression, however many events it has: its reward is the strongest
    positive plus the most negative of theirs. Where impressions or views were sent, the list ends
    with the deepest document that is known to have been seen. Documents that another retriever put
    into the list only take their places.

    Parameters
    ----------
    offset
        Position of the first document.
    """
    ranking, row_of = read.ranking, read.row_of
    if ranking.algorithm is None:
        return None
    best: dict[int, float] = {}
    worst: dict[int, float] = {}
    credited: dict[int, int] = {}
    deepest, is_seen_known = -1, False
    for feature_id, types, reward, feature_uri in interactions:
        row = row_of.get(feature_id)
        is_about_document, says_seen = _kind(types)
        if row is None or not is_about_document:
            continue
        if ranking.needs_feature_uri and feature_uri is None:
            continue
        if reward > best.get(row, 0.0):
            best[row] = reward
        elif reward < worst.get(row, 0.0):
            worst[row] = reward
        deepest = max(deepest, row)
        is_seen_known = is_seen_known or says_seen
        ordinal = -1 if feature_uri is None else read.ordinal_of.get(feature_uri, -1)
        if ordinal >= 0:  # of several, the first of the retriever's features
            credited[row] = min(credited.get(row, ordinal), ordinal)
    n_seen = deepest + 1 if is_seen_known else len(row_of)
    places = read.known if read.known is None else read.known[: bisect_left(read.known, n_seen)]
    if deepest < 0 or places == ():
        return None
    rewards = np.zeros(n_seen, np.int64)
    for row in best.keys() | worst.keys():
        rewards[row] = round((best.get(row, 0.0) + worst.get(row, 0.0)) * REWARD_UNIT)
    named = _by_row(credited, n_seen) if credited else None
    outcome = ListOutcome(
        levels=read.levels[:n_seen] if places is None else read.levels[: len(places)],
        rewards=rewards if places is None else rewards[list(places)],
        first_position=offset,
        places=places,
        credited=named if named is None or places is None else named[list(places)],
    )
    return summing_policy(ranking.algorithm).list_sums(outcome)


def _by_row(credited: Mapping[int, int], n_rows: int) -> IntArray:
    ordinals = np.full(n_rows, -1, np.int64)
    ordinals[list(credited)] = list(credited.values())
    return ordinals


@lru_cache(maxsize=4096)
def _kind(types: str) -> tuple[bool, bool]:
    """Whether types are about a document, and whether they say that it was seen."""
    all_types = types.split(",")
    return (
        not QUERY_LEVEL_TYPES.issuperset(all_types),
        not SHOWN_TYPES.isdisjoint(all_types),
    )
