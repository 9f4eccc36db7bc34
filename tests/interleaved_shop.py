"""Experiments on the traffic of the simulated shop: a simulation, never people.

Two retrievers rank what the shop has for a query by grade and noise. Most of their noise is the
same, as it is where a challenger is other weights over the same features, or a ranker over the same
candidates: they get the same documents wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import islice

import numpy as np
from msgspec import Struct

from desirepath.methods.interleaving.betting import running_evidence
from desirepath.methods.interleaving.credit import MOST, session_credits
from desirepath.methods.interleaving.drawing import coins, gets_challenger
from desirepath.methods.interleaving.split import split_differences
from desirepath.methods.interleaving.team_draft import team_draft
from desirepath.methods.levels import FloatArray
from desirepath.testing.shoppers import Segment, Shoppers, Visit
from desirepath.testing.simulation.catalogue import make_catalogue
from desirepath.testing.simulation.judging import PAGE, Judge
from desirepath.testing.simulation.running import CLICKS

__all__ = ["MEASURES", "Rankings", "Traffic", "alarms", "decided_at", "make_rankings"]

Lists = Mapping[str, Sequence[str]]

_NOISE = 2.0  # of the live retriever, in grades: its nDCG@10 is about 0.53
_IN_COMMON = 0.9  # correlation of the two retrievers' noise
_OTHERS = 30  # documents of a query that nobody graded
_SEARCHES = 4  # of a user, on average
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

    Users come one after the other, and search some four times, each time in a session of its own.
    Some click readily and some hardly ever, in each query alike.

    Parameters
    ----------
    readiness
        Factors on how readily users click, who have them in turn; one: they are alike.
    """

    def __init__(self, seed: int, readiness: Sequence[float] = (1.0, 0.5, 0.2)) -> None:
        self._experiment_id = f"exp_{seed}"
        segments = [Segment(name=f"{one}", liking=_readily(one)) for one in readiness]
        grades = _query_to_grades()
        self._queries = list(grades)
        self._shoppers = Shoppers(grades, CLICKS["both"], seed=seed, segments=segments)
        self._rng = np.random.default_rng([seed, 1])
        self._n_users = 0

    def _user(self) -> list[Visit]:
        """The sessions of somebody new."""
        user_id = f"user_{self._n_users}"
        self._n_users += 1
        segment = self._shoppers.segment_of(user_id)
        return [
            Visit(
                user_id=user_id,
                session_id=f"{user_id}_{session}",
                query=self._queries[self._rng.integers(len(self._queries))],
                segment=segment,
            )
            for session in range(self._rng.geometric(1 / _SEARCHES))
        ]

    def credits(self, rankings: Rankings, n: int, *, exchanged: bool = False) -> FloatArray:
        """Of ``n`` sessions that see both, over the most that one counts for.

        Parameters
        ----------
        exchanged
            Which retriever is called the challenger is tossed for each session, so that neither is
            better.
        """
        clicked = []
        visits = (visit for _ in range(n) for visit in self._user())
        for session, visit in enumerate(islice(visits, n)):
            sides = [rankings.live[visit.query], rankings.challenger[visit.query]]
            if exchanged and self._rng.random() < 0.5:
                sides.reverse()
            flips = coins(self._experiment_id, visit.session_id, visit.query)
            drafted = team_draft(sides[0], sides[1], flips, PAGE)
            places = self._shoppers.clicks(visit, drafted.documents)
            clicked += [(session, drafted.teams[place]) for place in places]
        sessions, teams = np.array(clicked, np.int64).reshape(-1, 2).T
        return session_credits(sessions, teams, np.ones(len(teams)), n) / MOST

    def differences(self, rankings: Rankings, n: int) -> dict[str, FloatArray]:
        """Of users who see one of both and have ``n`` sessions together, by measure.

        A user counts once, by the mean of their sessions. Sessions with which nobody is counted yet
        have 0, as they say nothing: so places are sessions here as well.
        """
        sides, users = [], []
        ends: list[int] = []
        while not ends or ends[-1] < n:
            visits = self._user()
            side = gets_challenger(self._experiment_id, visits[0].user_id)
            lists = rankings.challenger if side else rankings.live
            clicks = [self._shoppers.clicks(visit, lists[visit.query]) for visit in visits]
            sides.append(side)
            users.append([np.mean([of(one) for one in clicks]) for of in MEASURES.values()])
            ends.append(len(visits) + (ends[-1] if ends else 0))
        counted = np.zeros((len(MEASURES), ends[-1]))
        counted[:, np.array(ends) - 1] = split_differences(np.array(users).T, np.array(sides), 0.5)
        return dict(zip(MEASURES, counted[:, :n], strict=True))


def _readily(factor: float) -> Callable[[str, str], float]:
    return lambda query, document_id: factor


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
