"""From weighed lists to a verdict: every estimator, and the one that decides."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from desirepath.domain.what_if import (
    Interval,
    LeftOut,
    WeightBin,
    WhatIfEstimate,
    WhatIfResult,
    WhatIfSettings,
)
from desirepath.engine.what_if.logged import REASONS
from desirepath.engine.what_if.weighing import Weighed
from desirepath.errors import NotEnoughData
from desirepath.methods.levels import FloatArray, IntArray
from desirepath.methods.offpolicy import estimators
from desirepath.methods.offpolicy.base import Terms
from desirepath.methods.offpolicy.resampling import BoolArray, Recurrence
from desirepath.methods.offpolicy.reward_model import N_FOLDS, cross_fitted
from desirepath.methods.offpolicy.verdict import (
    LEAST_POOL_SHARE,
    LEAST_TOLD_SHARE,
    WhatIf,
    check_overlap,
    compare,
)

__all__ = ["DECIDING", "judge"]

DECIDING = ("doubly robust", "reward-interaction", "item-position")
"""Those that decide, in this order: what assumes least comes first. Which one it is depends on what
was shown alone and not on what was clicked, so that none is picked for what it says."""

_ASSUMES = {
    "ips": "nothing about clicks; what the log cannot tell counts as no change",
    "snips": "the same, and has a bias that fades with more lists",
    "doubly robust": "nothing about clicks; what the log cannot tell is left to a model",
    "reward-interaction": "people read from the top; what the log cannot tell is left to a model",
    "item-position": "a place earns by its own document alone; what the log cannot tell is left "
    "to a model",
}
_BINS = (0.0, 0.5, 1.0, 1.5, 2.0, 5.0, 10.0, 20.0, 50.0, math.inf)


class _Told(Struct, frozen=True, kw_only=True, eq=False):
    """Terms of an estimator, with what it rests on."""

    terms: Terms
    seen: BoolArray


def judge(
    weighed: Weighed,
    left_out: Mapping[str, int],
    words: str,
    settings: WhatIfSettings,
    rng: np.random.Generator,
) -> WhatIfResult:
    """Estimate by every estimator, and say what follows.

    Parameters
    ----------
    words
        What the new policy is.

    Raises
    ------
    NotEnoughData
        Too few people; too many of the new results were no candidates; or the live policy shows too
        little of what the new one would. It says how much there is, and what would help.
    """
    n_places = weighed.is_place.sum()
    pool_share = _pool_share(weighed)
    _check_pool_share(pool_share)
    earned = weighed.rewards.sum(axis=1)
    live: Interval | None = None
    found: dict[str, WhatIfEstimate] = {}
    refusals: list[NotEnoughData] = []
    for name, told in _told(weighed, rng):
        try:
            _check_told(told, weighed)
            judged = compare(told.terms, earned, weighed.people, rng)
        except NotEnoughData as refusal:
            refusals.append(refusal)
            found[name] = _estimate(name, told, weighed, refusal=refusal.message)
        else:
            live = Interval(value=judged.logged, low=judged.logged_lower, high=judged.logged_upper)
            found[name] = _estimate(name, told, weighed, judged)
    decided = next((found[name] for name in DECIDING if found[name].verdict is not None), None)
    if decided is None or decided.verdict is None or live is None:
        raise _hardest(refusals)
    return WhatIfResult(
        verdict=decided.verdict,
        sentence=_sentence(decided, live, words, weighed),
        decided_by=decided.estimator,
        policy=words,
        live=live,
        estimates=tuple(found.values()),
        pool_share=pool_share,
        same_share=float((weighed.is_same & weighed.is_place).sum() / n_places),
        n_lists=len(earned),
        n_people=len(np.unique(weighed.people)),
        left_out=tuple(
            LeftOut(reason=reason, words=REASONS[reason], n=left_out[reason])
            for reason in REASONS
            if left_out.get(reason)
        ),
        since=int(weighed.occurred_at.min()),
        before=int(weighed.occurred_at.max()) + 1,
        k=settings.k,
        n_draws=settings.n_draws,
        seed=settings.seed,
    )


def _told(weighed: Weighed, rng: np.random.Generator) -> Iterator[tuple[str, _Told]]:
    """What each estimator makes of the lists."""
    places, beginnings = weighed.by_place, weighed.by_beginning
    whole = Recurrence(weights=beginnings.weights[:, -1:], seen=beginnings.seen[:, -1:])
    ratios, earned = whole.ratios[:, 0], weighed.rewards.sum(axis=1)
    shown, target = _predicted(weighed, rng)
    missed, expected = weighed.rewards - shown, target.sum(axis=1)
    for name, terms, rests_on in (
        ("ips", estimators.ips(ratios, earned), whole),
        ("snips", estimators.snips(ratios, earned), whole),
        (
            "doubly robust",
            estimators.doubly_robust(whole.weights[:, 0], earned, shown.sum(axis=1), expected),
            whole,
        ),
        (
            "reward-interaction",
            _beside(expected, estimators.reward_interaction(beginnings.weights, missed)),
            beginnings,
        ),
        (
            "item-position",
            _beside(expected, estimators.item_position(places.weights, missed)),
            places,
        ),
    ):
        yield name, _Told(terms=replace(terms, importance=rests_on.weights), seen=rests_on.seen)


def _beside(expected: FloatArray, missed: Terms) -> Terms:
    """What a model expects of the new lists, and what it missed."""
    return replace(missed, numerators=expected + missed.numerators)


def _predicted(weighed: Weighed, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """What a model expects of each place of the lists that were shown, and of the new ones."""
    folds = rng.integers(0, N_FOLDS, int(weighed.people.max()) + 1)[weighed.people]
    return cross_fitted(weighed.shown, weighed.target, weighed.rewards, folds)


def _pool_share(weighed: Weighed) -> float:
    """Of the new results, what lies in the logged pools, as far as it can be known.

    What is not in a pool stood behind all of it. As many of the new results may come from there as
    come from the second half of the pools, unless it is proved of more that nothing is before them.
    """
    is_place = weighed.is_place
    proved = (weighed.is_sure & is_place).sum() / is_place.sum()
    deep = (weighed.is_deep & is_place).sum() / is_place.sum()
    return float(max(proved, 1.0 - deep))


def _check_pool_share(share: float) -> None:
    if share < LEAST_POOL_SHARE:
        raise NotEnoughData(
            "percent of the new results in the logged pools",
            needed=round(100 * LEAST_POOL_SHARE),
            found=math.floor(100 * share),
            why="Too many of the new results may never have been candidates: log deeper pools "
            "(log_pool_depth), or compare by interleaving.",
        )


def _check_told(told: _Told, weighed: Weighed) -> None:
    share = _told_share(told, weighed)
    if share < LEAST_TOLD_SHARE:
        raise NotEnoughData(
            "percent of the new results that the live policy shows as well, now and then",
            needed=round(100 * LEAST_TOLD_SHARE),
            found=math.floor(100 * share),
            why="The log cannot tell: raise exploration_floor for a while, or compare by "
            "interleaving.",
        )
    check_overlap(told.terms)


def _told_share(told: _Told, weighed: Weighed) -> float:
    """Of places, beginnings or whole lists."""
    if told.seen.shape[1] == 1:
        return float(told.seen.mean())
    return float((told.seen & weighed.is_place).sum() / weighed.is_place.sum())


def _estimate(
    name: str,
    told: _Told,
    weighed: Weighed,
    judged: WhatIf | None = None,
    refusal: str | None = None,
) -> WhatIfEstimate:
    importance = told.terms.importance
    hardest = importance[:, _hardest_place(importance)]
    estimate = WhatIfEstimate(
        estimator=name,
        assumes=_ASSUMES[name],
        told_share=_told_share(told, weighed),
        effective_sample=told.terms.effective_sample,
        largest_weight=float(importance.max()),
        weights=_histogram(hardest),
        refusal=refusal,
    )
    if judged is None:
        return estimate
    return replace(
        estimate,
        value=Interval(value=judged.value, low=judged.lower, high=judged.upper),
        difference=Interval(value=judged.gain, low=judged.gain_lower, high=judged.gain_upper),
        verdict=judged.verdict,
        lists_needed=judged.lists_needed,
    )


def _hardest_place(importance: FloatArray) -> int:
    squares = np.square(importance).sum(axis=0)
    sums = np.square(importance.sum(axis=0))
    return int(np.divide(sums, squares, out=np.zeros_like(sums), where=squares > 0).argmin())


def _histogram(weights: FloatArray) -> tuple[WeightBin, ...]:
    counts: IntArray = np.histogram(weights, np.array(_BINS))[0]
    ends = [*_BINS[:-1], max(float(weights.max()), _BINS[-2])]
    return tuple(
        WeightBin(low=low, high=high, n=n)
        for low, high, n in zip(ends, ends[1:], counts.tolist(), strict=False)
        if n
    )


def _hardest(refusals: list[NotEnoughData]) -> NotEnoughData:
    """The refusal of the estimator that asks least of the log."""
    return refusals[-1]


def _sentence(decided: WhatIfEstimate, live: Interval, words: str, weighed: Weighed) -> str:
    value, difference = decided.value, decided.difference
    assert value is not None
    assert difference is not None  # it decides
    numbers = (
        f"{value.value:.4g} a list against {live.value:.4g}, a difference of "
        f"{difference.value:+.3g} (95 % interval {difference.low:+.3g} to {difference.high:+.3g})"
    )
    lists = f"{len(weighed.people):,} lists"
    match decided.verdict:
        case "better":
            return f"Better: {words} would have earned {numbers}, from {lists}."
        case "worse":
            return f"Worse: {words} would have earned {numbers}, from {lists}."
    more = "more would not help: no difference is seen"
    if decided.lists_needed is not None:
        more = f"it would take about {decided.lists_needed:,} lists if that difference is right"
    return f"Cannot tell: {words} would have earned {numbers}, from {lists}; {more}."
