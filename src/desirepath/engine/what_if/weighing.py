"""From logged lists to the arrays that estimators take."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from msgspec import Struct

from desirepath.engine.what_if.batches import Batch, Reranking
from desirepath.engine.what_if.logged import LoggedList
from desirepath.methods.fusion.pools import Pools
from desirepath.methods.levels import SCALE, FloatArray, IntArray
from desirepath.methods.offpolicy.resampling import (
    BoolArray,
    Recurrence,
    best_rows,
    down_to,
    recurrence,
)

__all__ = ["Weighed", "weigh"]

_TOGETHER = 64  # lists: what is drawn for them fits a processor's cache


class Weighed(Struct, frozen=True, kw_only=True, eq=False):
    """Lists beside what the new policy would have shown; a place without a document earns 0.

    Parameters
    ----------
    rewards : shape (n, K)
    by_place, by_beginning
        How each place, and the list down to it, recurs.
    shown, target : shape (n, K, D)
        What the reward model sees of the documents of both lists.
    is_place, is_sure, is_deep, is_same : shape (n, K)
        Whether there is such a place; whether the new document is sure to belong there; whether it
        comes from the second half of a pool that was cut; whether it is the one that was shown.
    people : shape (n,)
        A number for each person.
    occurred_at : shape (n,)
    """

    rewards: FloatArray
    by_place: Recurrence
    by_beginning: Recurrence
    shown: FloatArray
    target: FloatArray
    is_place: BoolArray
    is_sure: BoolArray
    is_deep: BoolArray
    is_same: BoolArray
    people: IntArray
    occurred_at: IntArray


def weigh(
    parts: Iterable[Sequence[LoggedList]],
    reranking: Reranking,
    k: int,
    left_out: Counter[str],
) -> Weighed | None:
    """Rank the pools of lists anew, and draw how else they could have been served.

    Parameters
    ----------
    left_out
        Counts lists that lack a feature, or whose order is not that of their weights.

    Returns
    -------
    Weighed | None
        None where no list is left.
    """
    numbers: dict[str, int] = {}
    found = [_weighed(lists, reranking, k, numbers) for lists in _alike(parts, reranking, left_out)]
    kept = []
    for one, is_as_drawn in found:
        left_out["reordered"] += int((~is_as_drawn).sum())
        kept.append(_chosen(one, is_as_drawn))
    if not sum(len(one.people) for one in kept):
        return None
    return _together(kept)


def _alike(
    parts: Iterable[Sequence[LoggedList]], reranking: Reranking, left_out: Counter[str]
) -> Iterator[list[LoggedList]]:
    """Lists over the same features, some at a time."""
    needed, learned_until = set(reranking.features), reranking.learned_until
    waiting: dict[tuple[str, ...], list[LoggedList]] = defaultdict(list)
    for lists in parts:
        for one in lists:
            if not needed.issubset(one.features):
                left_out["features"] += 1
                continue
            if one.occurred_at < learned_until:
                left_out["learned_from"] += 1
                continue
            of_these = waiting[one.features]
            of_these.append(one)
            if len(of_these) == _TOGETHER:
                yield of_these
                waiting[one.features] = []
    yield from filter(None, waiting.values())


def _batch(lists: Sequence[LoggedList]) -> Batch:
    n_rows = max(len(one.levels) for one in lists)
    levels = np.zeros((len(lists), n_rows, len(lists[0].features)), np.uint16)
    for number, one in enumerate(lists):
        levels[number, : len(one.levels)] = one.levels
    pools = Pools(
        by_search=levels,
        sizes=np.array([len(one.levels) for one in lists]),
        minima=np.array([one.minima for one in lists]),
        maxima=np.array([one.maxima for one in lists]),
    )
    served = np.array([one.served for one in lists])
    return Batch(
        lists=lists, pools=pools, served=served, drawn=np.array([one.drawn for one in lists])
    )


def _weighed(
    lists: Sequence[LoggedList], reranking: Reranking, k: int, numbers: dict[str, int]
) -> tuple[Weighed, BoolArray]:
    """Some lists, and whether each was shown in the order of its weights."""
    batch = _batch(lists)
    n_rows = batch.pools.by_search.shape[1]
    most = min(k, n_rows)
    lengths = np.array([len(one.shown) for one in lists])
    is_place = np.arange(most) < lengths[:, None]
    shown, rewards = np.zeros((len(lists), most), np.int64), np.zeros((len(lists), most))
    for number, one in enumerate(lists):
        shown[number, : len(one.shown)] = one.shown
        rewards[number, : len(one.shown)] = one.rewards
    target = reranking.rows(batch, most)
    weights = np.concatenate([batch.served[:, None], batch.drawn], axis=1)
    drawn = best_rows(batch.pools.by_search, weights, most)
    nowhere = ~is_place
    as_drawn = ((drawn[:, 0] == shown) | nowhere).all(axis=1)
    is_same = (target == shown) | nowhere
    agrees = (drawn[:, 1:] == target[:, None]) | nowhere[:, None]
    features = [batch.features.index(uri) for uri in reranking.features]
    seen = _seen_by_model(batch.pools, features)
    weighed = Weighed(
        rewards=rewards,
        by_place=recurrence(agrees, is_same),
        by_beginning=recurrence(down_to(agrees), down_to(is_same)),
        shown=np.take_along_axis(seen, shown[:, :, None], axis=1) * is_place[:, :, None],
        target=np.take_along_axis(seen, target[:, :, None], axis=1) * is_place[:, :, None],
        is_place=is_place,
        is_sure=reranking.is_sure(batch, target),
        is_deep=_are_deep(batch, target),
        is_same=is_same,
        people=np.array([numbers.setdefault(one.person, len(numbers)) for one in lists]),
        occurred_at=np.array([one.occurred_at for one in lists]),
    )
    return _filled(weighed, k), as_drawn


def _are_deep(batch: Batch, rows: IntArray) -> BoolArray:
    """Whether documents come from the second half of a pool that was cut."""
    is_second = np.zeros(batch.pools.by_search.shape[:2], bool)
    for number, one in enumerate(batch.lists):
        if not one.is_whole:
            is_second[number, : len(one.places)] = one.places >= len(one.places) / 2
    return np.take_along_axis(is_second, rows, axis=1)


def _seen_by_model(pools: Pools, features: Sequence[int]) -> FloatArray:
    """One, and each score less its mean over the pool, shape (n, P, 1 + F)."""
    scores = pools.by_search[:, :, features] / SCALE
    centred = scores - scores.sum(axis=1, keepdims=True) / pools.sizes[:, None, None]
    return np.concatenate([np.ones((*scores.shape[:2], 1)), centred], axis=2)


def _filled(weighed: Weighed, k: int) -> Weighed:
    """With k places; those that no list has earn nothing, and agree."""
    missing = k - weighed.rewards.shape[1]
    if not missing:
        return weighed

    def fill(array: Any, value: float) -> Any:
        widths = [(0, 0), (0, missing), *[(0, 0)] * (array.ndim - 2)]
        return np.pad(array, widths, constant_values=value)

    def agreeing(one: Recurrence) -> Recurrence:
        return Recurrence(weights=fill(one.weights, 1.0), seen=fill(one.seen, True))

    return Weighed(
        rewards=fill(weighed.rewards, 0.0),
        by_place=agreeing(weighed.by_place),
        by_beginning=_repeated(weighed.by_beginning, missing),
        shown=fill(weighed.shown, 0.0),
        target=fill(weighed.target, 0.0),
        is_place=fill(weighed.is_place, False),
        is_sure=fill(weighed.is_sure, True),
        is_deep=fill(weighed.is_deep, False),
        is_same=fill(weighed.is_same, True),
        people=weighed.people,
        occurred_at=weighed.occurred_at,
    )


def _repeated(one: Recurrence, times: int) -> Recurrence:
    """The list down to its end, again."""
    last = ((0, 0), (0, times))
    return Recurrence(
        weights=np.pad(one.weights, last, mode="edge"), seen=np.pad(one.seen, last, mode="edge")
    )


def _chosen(weighed: Weighed, which: BoolArray) -> Weighed:
    return _joined([weighed], which)


def _together(parts: Sequence[Weighed]) -> Weighed:
    return _joined(parts, slice(None))


def _joined(parts: Sequence[Weighed], which: BoolArray | slice) -> Weighed:
    def column(name: str) -> Any:
        return np.concatenate([getattr(one, name)[which] for one in parts])

    def recurring(name: str) -> Any:
        of_parts = [getattr(one, name) for one in parts]
        return Recurrence(
            weights=np.concatenate([one.weights[which] for one in of_parts]),
            seen=np.concatenate([one.seen[which] for one in of_parts]),
        )

    nested = ("by_place", "by_beginning")
    return Weighed(
        **{
            name: recurring(name) if name in nested else column(name)
            for name in Weighed.__struct_fields__
        }
    )
