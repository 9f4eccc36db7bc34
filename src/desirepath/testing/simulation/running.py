"""Let simulated shoppers search and click, and say how well they were served.

Half of the shoppers ask for products by name, half describe what they need, and everybody comes
back for things alike. The shop is told which
kind somebody is of two thirds of them; the others it knows as guests, and has to find out.
"""

from __future__ import annotations

import itertools
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from msgspec import Struct

from desirepath.methods.bandits.weights import uniform
from desirepath.methods.fusion.base import fuse
from desirepath.methods.fusion.learned import learned
from desirepath.methods.levels import FloatArray
from desirepath.testing.shoppers import (
    Cascade,
    Either,
    Examination,
    PositionBased,
    Segment,
    Shoppers,
    Visit,
)
from desirepath.testing.simulation.catalogue import FEATURES, Catalogue, Need
from desirepath.testing.simulation.judging import Judge, best_weights
from desirepath.testing.simulation.shop import Ranked, Shop

__all__ = ["CLICKS", "Served", "Simulation"]

CLICKS: Mapping[str, Examination] = {
    "position": PositionBased(power=0.5),
    "cascade": Cascade(),
    "both": Either(ways=(PositionBased(power=0.5), Cascade())),
}
"""How shoppers look at a list, by name."""

_OFTEN, _SELDOM = 0.9, 0.1
_KEENNESS = 4.0
_GUEST = "guest"
_DRAWS = 300  # of weights, to find the best among
_WAITING = 2  # searches that wait for each shopper who is busy


class Served(Struct, frozen=True, kw_only=True):
    """nDCG@10 of what one search showed, and of what else could have been shown.

    Parameters
    ----------
    learned
        Learned weights, which is what was shown unless a ranker ordered it anew.
    """

    shown: float
    learned: float
    rrf: float
    uniform: float
    oracle: float
    clicks: int


class Interests:
    """What people come back for: everybody has one question, and asks more of those like it."""

    def __init__(self, catalogue: Catalogue, seed: int) -> None:
        queries = catalogue.queries
        self._seed = seed
        self._vectors = np.array([query.vector for query in queries])
        self._text_to_number = {query.text: number for number, query in enumerate(queries)}

    def __call__(self, user_id: str, text: str) -> float:
        rng = np.random.default_rng([self._seed, _number_of(user_id)])
        own = self._vectors[rng.integers(len(self._vectors))]
        likeness = float(own @ self._vectors[self._text_to_number[text]])
        return float(np.exp(_KEENNESS * likeness))


def _number_of(user_id: str) -> int:
    return int(user_id.rpartition("_")[2])


class Simulation:
    """Shoppers for a shop that is open.

    Parameters
    ----------
    clicks
        A key of :data:`CLICKS`.
    seed
        Who comes when and asks what, and by which luck they click. What the service shows is drawn
        by the service, so two runs are alike and not the same.
    """

    def __init__(
        self, shop: Shop, catalogue: Catalogue, *, clicks: str, n_users: int, seed: int
    ) -> None:
        self._shop = shop
        self._catalogue = catalogue
        self._seed = seed
        self._text_to_query = {query.text: query for query in catalogue.queries}
        self._segments = (
            Segment(name="names", asking=self._asking(Need.NAME)),
            Segment(name="needs", asking=self._asking(Need.PURPOSE)),
        )
        self._shoppers = Shoppers(
            catalogue.query_to_grades,
            CLICKS[clicks],
            seed=seed,
            segments=self._segments,
            n_users=n_users,
            interest=Interests(catalogue, seed),
        )
        self._judge = Judge(catalogue.query_to_grades, self._shoppers.query_to_share)
        self._numbers = itertools.count()  # of visits: each has luck of its own
        self._references: dict[tuple[str, str], tuple[float, float, float]] = {}

    @property
    def n_queries(self) -> int:
        """How many questions :meth:`look_round` asks."""
        return len(self._catalogue.queries)

    def look_round(self, concurrency: int, asked: Callable[[], None]) -> None:
        """Ask everything once without learning, to know what else could be shown.

        Parameters
        ----------
        asked
            Called after each question.
        """
        query_to_ranked: dict[str, Ranked] = {}
        with ThreadPoolExecutor(concurrency) as pool:
            queries = self._catalogue.queries
            for query, ranked in zip(queries, pool.map(self._shop.ranked, queries), strict=True):
                query_to_ranked[query.text] = ranked
                asked()
        for segment in self._segments:
            oracle = self._oracle(segment, query_to_ranked)
            for text, ranked in query_to_ranked.items():
                self._references[text, segment.name] = (
                    self._judge.ndcg(text, ranked.rrf),
                    self._of_weights(text, ranked, uniform(len(FEATURES))),
                    self._of_weights(text, ranked, oracle),
                )

    def run(self, n_searches: int, concurrency: int, until: float) -> Iterator[Served]:
        """Serve shoppers, ``concurrency`` at once, in the order in which they come.

        Parameters
        ----------
        until
            Of the monotonic clock: nobody comes after it.
        """
        visits = zip(
            itertools.islice(self._shoppers.visits(), n_searches), self._numbers, strict=False
        )
        waiting: deque[Future[Served]] = deque()
        with ThreadPoolExecutor(concurrency) as pool:
            try:
                for visit, number in visits:
                    if time.monotonic() >= until:
                        break
                    waiting.append(pool.submit(self._serve, number, visit))
                    if len(waiting) >= _WAITING * concurrency:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    def worth_to(self, user_id: str) -> dict[str, float]:
        """What documents are worth to somebody, by what they come back for: the mean gain."""
        text_to_share = self._shoppers.query_to_share_of_user(user_id)
        worth: dict[str, float] = defaultdict(float)
        for query in self._catalogue.queries:
            for document_id, grade in query.grades.items():
                worth[document_id] += text_to_share[query.text] * (2.0**grade - 1.0)
        return dict(worth)

    def _serve(self, number: int, visit: Visit) -> Served:
        query = self._text_to_query[visit.query]
        session_id = f"simulated-{self._seed}-{number}-{time.time_ns()}"
        found = self._shop.search(query, visit.user_id, session_id, self._told(visit))
        rng = np.random.default_rng([self._seed, number])
        places = self._shoppers.clicks(visit, found.document_ids, rng)
        for place in places:
            self._shop.click(found, place, visit.user_id, session_id)
        rrf, equal, oracle = self._references[visit.query, visit.segment.name]
        return Served(
            shown=self._judge.ndcg(visit.query, found.document_ids),
            learned=self._judge.ndcg(visit.query, found.fused_ids),
            rrf=rrf,
            uniform=equal,
            oracle=oracle,
            clicks=len(places),
        )

    def _told(self, visit: Visit) -> str:
        """What the shop knows of somebody: every third user is a guest."""
        return _GUEST if _number_of(visit.user_id) % 3 == 0 else visit.segment.name

    def _asking(self, need: Need) -> Callable[[str], float]:
        return lambda text: _OFTEN if self._text_to_query[text].need is need else _SELDOM

    def _oracle(self, segment: Segment, query_to_ranked: Mapping[str, Ranked]) -> FloatArray:
        shares = self._shoppers.query_to_share_of(segment)
        judge = Judge(self._catalogue.query_to_grades, shares)
        candidates = {text: ranked.candidates for text, ranked in query_to_ranked.items()}
        return best_weights(judge, candidates, len(FEATURES), _DRAWS)[0]

    def _of_weights(self, text: str, ranked: Ranked, weights: FloatArray) -> float:
        document_ids: Sequence[str] = fuse(ranked.candidates, learned, weights).document_ids
        return self._judge.ndcg(text, document_ids)
