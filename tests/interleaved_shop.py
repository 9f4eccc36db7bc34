"""Experiments on the traffic of the simulated shop: a simulation, never people.

Two retrievers rank what the shop has for a query by grade and noise. Most of their noise is the
same, as it is where a challenger is other weights over the same features, or a ranker over the same
candidates: they get the same documents wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np
from msgspec import Struct

from desirepath.methods.interleaving.betting import running_evidence
from desirepath.methods.interleaving.credit import session_credits
from desirepath.methods.interleaving.drawing import coins, gets_challenger
from desirepath.methods.interleaving.split import split_differences
from desirepath.methods.interleaving.team_draft import team_draft
from desirepath.methods.levels import FloatArray
from desirepath.testing.shoppers import Shoppers
from desirepath.testing.simulation.catalogue import make_catalogue
from desirepath.testing.simulation.judging import PAGE, Judge
from desirepath.testing.simulation.running import CLICKS

__all__ = ["MEASURES", "Rankings", "Traffic", "alarms", "decided_at", "make_rankings"]

Lists = Mapping[str, Sequence[str]]

_NOISE = 2.0  # of the live retriever, in grades: its nDCG@10 is about 0.53
_IN_COMMON = 0.9  # correlation of the two retrievers' noise
_OTHERS = 30  # documents of a query that nobody graded
_NEEDED = float(np.log(2 / 0.05))

MEASURES: Mapping[str, Callable[[Sequence[int]], float]] = {
    "anything clicked": lambda clicked: float(bool(clicked)),
    "clicks, at most 4": lambda clicked: min(len(clicked), 4) / 4,
    "reciprocal rank of the first click": lambda clicked: 1 / (1 + clicked[0]) if clicked else 0.0,
}
"""What a split may measure a session by."""


class Rankings(Struct, frozen=True, kw_only=True):
    """What two retrievers show for each query, and how good that is."""

    live: Lists
    challenger: Lists
    live_ndcg: float
    challenger_ndcg: float


@cache
def _query_to_grades() -> dict[str, Mapping[str, int]]:
    return make_catalogue().query_to_grades


class _Ranker:
    """Ranks by grade and noise."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._grades = _query_to_grades()
        products = [str(document["document_id"]) for document in make_catalogue().documents]
        self._pools = {
            query: [*graded, *(id for id in rng.permutation(products) if id not in graded)][
                : len(graded) + _OTHERS
            ]
            for query, graded in self._grades.items()
        }
        self._noises = {
            query: rng.standard_normal((3, len(pool))) for query, pool in self._pools.items()
        }
        self._judge = Judge(self._grades, dict.fromkeys(self._grades, 1 / len(self._grades)))

    def lists(self, which: int, noise: float) -> Lists:
        own = np.sqrt(1 - _IN_COMMON**2)
        shown = {}
        for query, pool in self._pools.items():
            common, noises = self._noises[query][0], self._noises[query][which]
            graded = np.array([self._grades[query].get(id, 0) for id in pool])
            scores = graded + noise * (_IN_COMMON * common + own * noises)
            shown[query] = [pool[place] for place in np.argsort(-scores, kind="stable")[:PAGE]]
        return shown

    def ndcg(self, lists: Lists) -> float:
        return float(np.mean([self._judge.ndcg(query, ids) for query, ids in lists.items()]))


def make_rankings(seed: int, better: float = 1.05) -> Rankings:
    """Make two retrievers, the challenger's nDCG@10 being ``better`` times the live one's."""
    ranker = _Ranker(np.random.default_rng([seed, 0]))
    live = ranker.lists(1, _NOISE)
    low, high = 0.0, 2 * _NOISE
    for _ in range(15):
        noise = (low + high) / 2
        low, high = (
            (noise, high)
            if ranker.ndcg(ranker.lists(2, noise)) > better * ranker.ndcg(live)
            else (low, noise)
        )
    challenger = ranker.lists(2, low)
    return Rankings(
        live=live,
        challenger=challenger,
        live_ndcg=ranker.ndcg(live),
        challenger_ndcg=ranker.ndcg(challenger),
    )


class Traffic:
    """Who comes to an experiment, the same for the same seed.

    Each session is a search of somebody new: for a split that is the best that there is, as nothing
    in it depends on anything else.
    """

    def __init__(self, seed: int) -> None:
        self._experiment_id = f"exp_{seed}"
        self._shoppers = Shoppers(_query_to_grades(), CLICKS["both"], seed=seed)
        self._visits = self._shoppers.visits()
        self._rng = np.random.default_rng([seed, 1])

    def credits(self, rankings: Rankings, n: int, *, exchanged: bool = False) -> FloatArray:
        """Of ``n`` sessions that see both.

        Parameters
        ----------
        exchanged
            Which retriever is called the challenger is tossed for each session, so that neither is
            better.
        """
        clicked = []
        for session in range(n):
            visit = next(self._visits)
            sides = [rankings.live[visit.query], rankings.challenger[visit.query]]
            if exchanged and self._rng.random() < 0.5:
                sides.reverse()
            flips = coins(self._experiment_id, visit.session_id, visit.query)
            drafted = team_draft(sides[0], sides[1], flips, PAGE)
            places = self._shoppers.clicks(visit, drafted.documents)
            clicked += [(session, drafted.teams[place]) for place in places]
        sessions, teams = np.array(clicked, np.int64).reshape(-1, 2).T
        return session_credits(sessions, teams, np.ones(len(teams)), n)

    def differences(self, rankings: Rankings, n: int) -> dict[str, FloatArray]:
        """Of ``n`` users who see one of both, by measure."""
        sides, clicks = [], []
        for _ in range(n):
            visit = next(self._visits)
            side = gets_challenger(self._experiment_id, visit.session_id)
            lists = rankings.challenger if side else rankings.live
            sides.append(side)
            clicks.append(self._shoppers.clicks(visit, lists[visit.query]))
        return {
            name: split_differences(
                np.array([measure(one) for one in clicks]), np.array(sides), 0.5
            )
            for name, measure in MEASURES.items()
        }


def decided_at(values: FloatArray) -> tuple[int | None, bool]:
    """After how many of them it was told who wins, if at all, and whether the challenger did.

    Parameters
    ----------
    values : shape (n,)
        Looked at after each; NaN is a session without an opinion.
    """
    known = np.nan_to_num(values)
    ups, downs = (running_evidence(sign * known) >= _NEEDED for sign in (1, -1))
    told = np.flatnonzero(ups | downs)
    return (int(told[0]) + 1, bool(ups[told[0]])) if len(told) else (None, False)


def alarms(runs: FloatArray) -> tuple[int, int]:
    """Runs that ever told who wins: by betting, and by a z-test at 5 % from 30 values on.

    Parameters
    ----------
    runs : shape (n_runs, n)
        Looked at after each value.
    """
    known = np.nan_to_num(runs)
    told = np.maximum(running_evidence(known), running_evidence(-known)).max(axis=1) >= _NEEDED
    n = np.arange(1, known.shape[1] + 1)
    means = known.cumsum(axis=1) / n
    variances = np.maximum((known**2).cumsum(axis=1) / n - means**2, 1e-12)
    z = np.abs(means) / np.sqrt(variances / n)
    return int(told.sum()), int((z[:, 30:].max(axis=1) > 1.96).sum())
