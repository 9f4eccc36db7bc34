"""Simulated shoppers: a simulation of what people do with result lists, never people.

They know which documents are good for a query, and nothing of how a list was made. Use them to see
whether something learns, not to say how well it will with real people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
from msgspec import Struct

__all__ = [
    "ATTRACTION",
    "Cascade",
    "Either",
    "Examination",
    "PositionBased",
    "Segment",
    "Shoppers",
    "Visit",
]

ATTRACTION = (0.03, 0.15, 0.4, 0.8)
"""Chance that a document of grade 0, 1, 2 or 3 is clicked once it is looked at; a document without
a grade is as one of grade 0."""


class Examination(Protocol):
    """How far down people look."""

    def clicks(self, attractions: Sequence[float], rng: np.random.Generator) -> list[int]:
        """Which documents of a list are clicked, counted from its first, which is 0.

        Parameters
        ----------
        attractions
            Chance of each document, from the top, to be clicked once it is looked at.
        """
        ...


class PositionBased(Struct, frozen=True, kw_only=True):
    """Looks at rank r with chance ``r^-power``, whatever stands above.

    References
    ----------
    Richardson, Dominowska & Ragno (2007), Predicting Clicks; Craswell et al. (2008), An
    Experimental Comparison of Click Position-Bias Models (the examination hypothesis).
    """

    power: float = 1.0

    def clicks(self, attractions: Sequence[float], rng: np.random.Generator) -> list[int]:
        chances = np.array(attractions) * np.arange(1, len(attractions) + 1) ** -self.power
        return [int(place) for place in np.flatnonzero(rng.random(len(chances)) < chances)]


class Cascade(Struct, frozen=True, kw_only=True):
    """Looks from the top down, and stops after each document with some chance.

    References
    ----------
    Craswell et al. (2008), the cascade model, in which everybody stops at a click. Differs: some go
    on after a click, and some stop without one, as in Chapelle & Zhang (2009), A Dynamic Bayesian
    Network Click Model.
    """

    stop_after_click: float = 0.6
    stop_otherwise: float = 0.15

    def clicks(self, attractions: Sequence[float], rng: np.random.Generator) -> list[int]:
        clicked = []
        for place, attraction in enumerate(attractions):
            likes = rng.random() < attraction
            if likes:
                clicked.append(place)
            if rng.random() < (self.stop_after_click if likes else self.stop_otherwise):
                break
        return clicked


class Either(Struct, frozen=True, kw_only=True):
    """Looks in one way or another, each as often, list by list."""

    ways: tuple[Examination, ...]

    def clicks(self, attractions: Sequence[float], rng: np.random.Generator) -> list[int]:
        return self.ways[rng.integers(len(self.ways))].clicks(attractions, rng)


def _likes_all(query: str, document_id: str) -> float:
    return 1.0


class Segment(Struct, frozen=True, kw_only=True):
    """People who like and ask the same.

    Parameters
    ----------
    liking
        From query and document to a factor on the document's attraction, in [0, 1].
    asking
        From query to a factor on how often it comes, at least 0; None: as often as any.
    """

    name: str
    liking: Callable[[str, str], float] = _likes_all
    asking: Callable[[str], float] | None = None


EVERYBODY = Segment(name="everybody")


class Visit(Struct, frozen=True, kw_only=True):
    """Somebody comes with a query.

    Parameters
    ----------
    segment
        The truth. A system under test may be told it, something else, or nothing.
    """

    user_id: str
    session_id: str
    query: str
    segment: Segment


class Shoppers:
    """Simulated people, the same for the same seed and the same lists.

    Parameters
    ----------
    query_to_grades
        For each query the grades of its documents, 0 (of no use) to 3 (just right).
    examination
        How they look at lists.
    seed
        Who comes when, with which query, and what they click.
    query_power
        Query number k, in the order of ``query_to_grades``, comes in proportion to
        ``k^-query_power``: 0 is flat, 1 is Zipf's law.
    segments
        Users belong to them in turn.
    n_users, user_power
        How many people there are; the k-th comes in proportion to ``k^-user_power``.
    interest
        How much more, or less, a user asks a query than others of the segment do: a factor on its
        share of what the user asks. None: users of a segment are alike.

    Examples
    --------
    >>> shoppers = Shoppers({"boots": {"a": 3, "b": 0}}, PositionBased(), seed=1)
    >>> visit = next(shoppers.visits())
    >>> visit.query
    'boots'
    >>> rate = sum(1 in shoppers.clicks(visit, ["b", "a"]) for _ in range(1000)) / 1000
    >>> 0.3 < rate < 0.5  # half of them look at rank 2, and 0.8 of those click
    True
    """

    def __init__(
        self,
        query_to_grades: Mapping[str, Mapping[str, int]],
        examination: Examination,
        *,
        seed: int,
        query_power: float = 0.0,
        segments: Sequence[Segment] = (EVERYBODY,),
        n_users: int = 200,
        user_power: float = 0.8,
        interest: Callable[[str, str], float] | None = None,
    ) -> None:
        self._query_to_grades = query_to_grades
        self._examination = examination
        self._rng = np.random.default_rng(seed)
        self._queries = list(query_to_grades)
        self._query_shares = _power_law(len(self._queries), query_power)
        self._segments = segments
        self._segment_to_shares = {one.name: self._shares(one) for one in segments}
        self._user_shares = _power_law(n_users, user_power)
        self._interest = interest
        self._user_to_shares: dict[str, np.ndarray] = {}

    @property
    def query_to_share(self) -> dict[str, float]:
        """What part of all visits comes with each query, where no segment asks differently."""
        return dict(zip(self._queries, self._query_shares.tolist(), strict=True))

    def query_to_share_of(self, segment: Segment) -> dict[str, float]:
        """What part of a segment's visits comes with each query."""
        shares = self._segment_to_shares[segment.name]
        return dict(zip(self._queries, shares.tolist(), strict=True))

    @property
    def user_to_share(self) -> dict[str, float]:
        """What part of all visits each user makes."""
        return {f"user_{k}": share for k, share in enumerate(self._user_shares.tolist())}

    def segment_of(self, user_id: str) -> Segment:
        """The segment that a user belongs to."""
        return self._segments[int(user_id.removeprefix("user_")) % len(self._segments)]

    def query_to_share_of_user(self, user_id: str) -> dict[str, float]:
        """What part of a user's visits comes with each query."""
        return dict(zip(self._queries, self._shares_of(user_id).tolist(), strict=True))

    def visits(self) -> Iterator[Visit]:
        """One visit after the other, without end."""
        number = 0
        while True:
            user_id = f"user_{self._rng.choice(len(self._user_shares), p=self._user_shares)}"
            segment = self.segment_of(user_id)
            query = self._queries[self._rng.choice(len(self._queries), p=self._shares_of(user_id))]
            number += 1
            yield Visit(
                user_id=user_id,
                session_id=f"session_{number}",
                query=query,
                segment=segment,
            )

    def clicks(
        self,
        visit: Visit,
        document_ids: Sequence[str],
        rng: np.random.Generator | None = None,
    ) -> list[int]:
        """What somebody clicks in a list: places in it, the first one is 0.

        Parameters
        ----------
        rng
            Of the visit's own, where several people shop at once; None: everybody's.
        """
        attractions = [self.attraction(visit, document_id) for document_id in document_ids]
        return self._examination.clicks(attractions, self._rng if rng is None else rng)

    def attraction(self, visit: Visit, document_id: str) -> float:
        """Chance that a document is clicked by somebody who looks at it."""
        grade = self._query_to_grades[visit.query].get(document_id, 0)
        return ATTRACTION[grade] * visit.segment.liking(visit.query, document_id)

    def _shares_of(self, user_id: str) -> np.ndarray:
        shares = self._segment_to_shares[self.segment_of(user_id).name]
        if self._interest is None:
            return shares
        known = self._user_to_shares.get(user_id)
        if known is None:
            known = shares * [self._interest(user_id, query) for query in self._queries]
            known = self._user_to_shares[user_id] = np.asarray(known / known.sum())
        return known

    def _shares(self, segment: Segment) -> np.ndarray:
        """What part of a segment's visits comes with each query."""
        if segment.asking is None:
            return self._query_shares
        shares = self._query_shares * [segment.asking(query) for query in self._queries]
        return np.asarray(shares / shares.sum())


def _power_law(n: int, power: float) -> np.ndarray:
    shares = np.arange(1, n + 1, dtype=np.float64) ** -power
    return np.asarray(shares / shares.sum())
