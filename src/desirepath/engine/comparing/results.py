"""What an experiment has come to, in numbers and in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from msgspec import Meta, Struct
from msgspec.structs import replace

from desirepath.domain.clock import format_time
from desirepath.domain.experiment import Experiment, Mode
from desirepath.engine.comparing.units import Unit
from desirepath.methods.interleaving.betting import running_evidence
from desirepath.methods.interleaving.comparing import (
    Comparison,
    ExperimentOutcome,
    compare_interleaved,
    compare_split,
)
from desirepath.methods.interleaving.credit import MOST, session_credits
from desirepath.methods.interleaving.sample_ratio import sample_ratio
from desirepath.methods.interleaving.split import split_differences
from desirepath.methods.interleaving.wording import Unit as Counted
from desirepath.methods.interleaving.wording import in_words
from desirepath.methods.levels import FloatArray

__all__ = ["MOST_OF_USER", "ExperimentResult", "PathPoint", "Side", "result_of"]

MOST_OF_USER = 10.0
"""A user of a split counts for ten clicks at most, or two purchases: tests by betting need bounds,
and one person who buys everything does not decide."""

_MOST_POINTS = 200


class Side(Struct, frozen=True, kw_only=True):
    """One of the two retrievers, by the units that are closed."""

    retriever_id: str
    version: int
    n_units: Annotated[
        int, Meta(description="Users who see it; interleaved, sessions in which it picked first.")
    ]
    n_acted_on: Annotated[int, Meta(description="Its documents that something was done with.")]
    reward: Annotated[float, Meta(description="What these earned together.")]


class PathPoint(Struct, frozen=True, kw_only=True):
    """Where the test was after some closed units."""

    n: Annotated[int, Meta(description="Closed units with an opinion.")]
    at: Annotated[str, Meta(description="When the last of them ended.")]
    difference: Annotated[float, Meta(description="Mean reward by which the challenger is ahead.")]
    evidence_challenger: Annotated[
        float, Meta(description="That it is ahead: the logarithm of a bettor's wealth.")
    ]
    evidence_live: Annotated[float, Meta(description="That the live retriever is.")]


class Ratio(Struct, frozen=True, kw_only=True):
    """Whether units came to the sides as they were meant to."""

    counts: Annotated[list[int], Meta(description="Units seen: of the live side, and the other.")]
    shares: Annotated[list[float], Meta(description="What was meant.")]
    is_off: Annotated[bool, Meta(description="They did not: no result is to be trusted.")]
    words: str


class ExperimentResult(Struct, frozen=True, kw_only=True):
    """What an experiment has come to."""

    experiment_id: str
    words: Annotated[str, Meta(description="The verdict, and what stands against it.")]
    outcome: Annotated[
        ExperimentOutcome | None,
        Meta(description="challenger, live, alike, or open; null: not to be trusted."),
    ]
    may_stop: bool
    mode: Mode
    retriever_id: str
    challenger_id: str
    is_on: Annotated[bool, Meta(description="Whether it is served now.")]
    matters: Annotated[float, Meta(description="A difference below which it does not matter.")]
    days: Annotated[int | None, Meta(description="Of a user that count, in a split.")]
    began_at: Annotated[str | None, Meta(description="When its first search was recorded.")]
    ended_at: Annotated[str | None, Meta(description="When its last one was.")]
    difference: Annotated[
        float, Meta(description="Reward of a unit by which the challenger is ahead.")
    ]
    low: Annotated[
        float, Meta(description="End of its interval, which holds at all times at once.")
    ]
    high: float
    level: Annotated[float, Meta(description="Chance that the interval holds all along.")]
    n: Annotated[int, Meta(description="Closed units with an opinion.")]
    n_closed: int
    n_open: Annotated[int, Meta(description="Units that may still change, and do not count yet.")]
    n_more: Annotated[
        int | None, Meta(description="Units that would tell, if it stays as it looks; null: none.")
    ]
    n_searches: int
    n_failed: Annotated[
        int, Meta(description="Searches in which the challenger failed: the live list was shown.")
    ]
    live: Side
    challenger: Side
    sample_ratio: Ratio
    evidence_needed: Annotated[float, Meta(description="What either evidence is to reach.")]
    path: Annotated[
        list[PathPoint], Meta(description="The test over closed units, at most 200 points of it.")
    ]
    decided_at: Annotated[
        str | None, Meta(description="When it was first found decided; then result stays so.")
    ] = None
    decision: Annotated[
        dict[str, Any] | None, Meta(description="All of this as it was then, without the path.")
    ] = None


class About(Struct, frozen=True, kw_only=True):
    """Which experiment it is.

    Parameters
    ----------
    versions
        Of the live retriever and the challenger.
    """

    experiment_id: str
    experiment: Experiment
    retriever_id: str
    versions: tuple[int, int]
    is_on: bool


def result_of(about: About, units: Sequence[Unit]) -> ExperimentResult:
    """What units say; parameters as of :func:`.units.read_units`."""
    experiment = about.experiment
    closed = [unit for unit in units if unit.is_closed]
    is_split = experiment.mode is Mode.SPLIT
    comparison, values = _split(experiment, closed) if is_split else _drafted(experiment, closed)
    ratio = _ratio(experiment, units)
    n_searches = sum(unit.n_searches for unit in units)
    n_failed = sum(unit.n_failed for unit in units)
    counted = Counted.USER if is_split else Counted.SESSION
    words = [ratio.words] if ratio.is_off else []
    words.append(in_words(comparison, counted))
    if n_failed:
        words.append(
            f"The challenger failed in {n_failed:,} of {n_searches:,} searches, where the live "
            "list was shown: what is left out so is no fair sample."
        )
    return ExperimentResult(
        experiment_id=about.experiment_id,
        words=" ".join(words),
        outcome=None if ratio.is_off else comparison.outcome,
        may_stop=comparison.may_stop and not ratio.is_off,
        mode=experiment.mode,
        retriever_id=about.retriever_id,
        challenger_id=experiment.challenger or "",
        is_on=about.is_on,
        matters=experiment.matters,
        days=experiment.days if is_split else None,
        began_at=format_time(min(u.began_at for u in units)) if units else None,
        ended_at=format_time(max(u.ended_at for u in units)) if units else None,
        difference=comparison.difference,
        low=comparison.low,
        high=comparison.high,
        level=comparison.level,
        n=comparison.n,
        n_closed=len(closed),
        n_open=len(units) - len(closed),
        n_more=comparison.n_more,
        n_searches=n_searches,
        n_failed=n_failed,
        live=_side(about.retriever_id, about.versions[0], closed, False),
        challenger=_side(experiment.challenger or "", about.versions[1], closed, True),
        sample_ratio=ratio,
        evidence_needed=float(np.log(2.0 / (1.0 - comparison.level))),
        path=_path(values, closed, is_split, experiment),
    )


def _drafted(experiment: Experiment, closed: Sequence[Unit]) -> tuple[Comparison, FloatArray]:
    """The comparison, and of each session what is bet on: NaN where it has no opinion."""
    earned = [(number, one) for number, unit in enumerate(closed) for one in unit.earned]
    credits = session_credits(
        np.array([number for number, _ in earned], np.int64),
        [one.team for _, one in earned],
        [one.reward for _, one in earned],
        len(closed),
    )
    return compare_interleaved(credits, matters=experiment.matters), credits / MOST


def _split(experiment: Experiment, closed: Sequence[Unit]) -> tuple[Comparison, FloatArray]:
    """The comparison in rewards, and of each user what is bet on."""
    totals = np.array([sum(one.reward for one in unit.earned) for unit in closed], np.float64)
    rewards = totals.clip(0.0, MOST_OF_USER) / MOST_OF_USER
    sides = np.array([unit.coin for unit in closed], np.bool_)
    compared = compare_split(
        rewards, sides, share=experiment.share, matters=experiment.matters / MOST_OF_USER
    )
    in_rewards = replace(
        compared,
        difference=MOST_OF_USER * compared.difference,
        low=MOST_OF_USER * compared.low,
        high=MOST_OF_USER * compared.high,
    )
    return in_rewards, split_differences(rewards, sides, experiment.share)


def _ratio(experiment: Experiment, units: Sequence[Unit]) -> Ratio:
    share = experiment.share if experiment.mode is Mode.SPLIT else 0.5
    n_challenger = sum(unit.coin for unit in units)
    found = sample_ratio([len(units) - n_challenger, n_challenger], [1.0 - share, share])
    return Ratio(
        counts=list(found.counts),
        shares=list(found.shares),
        is_off=found.is_off,
        words=found.in_words(),
    )


def _side(retriever_id: str, version: int, closed: Sequence[Unit], is_challenger: bool) -> Side:
    team = 1 if is_challenger else -1
    rewards = [one.reward for unit in closed for one in unit.earned if one.team == team]
    return Side(
        retriever_id=retriever_id,
        version=version,
        n_units=sum(unit.coin is is_challenger for unit in closed),
        n_acted_on=len(rewards),
        reward=float(sum(rewards)),
    )


def _path(
    values: FloatArray, closed: Sequence[Unit], is_split: bool, experiment: Experiment
) -> list[PathPoint]:
    """The test as it went, with the last point, and others evenly over its units."""
    counted = np.flatnonzero(~np.isnan(values))
    if not len(counted):
        return []
    known = values[counted]
    scale = MOST if not is_split else MOST_OF_USER / min(experiment.share, 1.0 - experiment.share)
    means = known.cumsum() / np.arange(1, len(known) + 1) * scale
    ups, downs = running_evidence(known), running_evidence(-known)
    n_points = min(len(known), _MOST_POINTS)
    places = np.linspace(0, len(known) - 1, n_points).round().astype(int)
    return [
        PathPoint(
            n=int(place) + 1,
            at=format_time(closed[counted[place]].ended_at),
            difference=float(means[place]),
            evidence_challenger=float(ups[place]),
            evidence_live=float(downs[place]),
        )
        for place in places
    ]
