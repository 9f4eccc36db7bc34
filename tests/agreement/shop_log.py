"""A random log as it is sent, and what plain Python counts in it."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from desirepath.domain.clock import format_time, parse_time

__all__ = ["Impression", "Search", "ShopLog", "random_shop_log"]

START = parse_time("2025-06-01")
DAY = 86_400_000_000
SECOND = 1_000_000
DOCUMENTS = [f"d{number}" for number in range(8)]
QUERIES = ["red shoes", "hat", "rain jacket", None]
ACTS = ["view", "click", "click", "skip", "return_to_results", "add_to_cart", "purchase", "dwell"]
SHOWN = {"impression", "view"}


@dataclass
class Impression:
    """A document of a search, with all that was done with it.

    Its time is that of its search; or of its first event, if nothing but an id says which search.
    """

    document: str
    position: int
    at: int
    types: set[str] = field(default_factory=set)
    clicked_at: int | None = None


@dataclass
class Search:
    """One search, known or put together."""

    at: int
    retriever: str | None
    query: str | None
    session: str | None
    configuration: str | None = None
    device: str | None = None
    is_known: bool = True
    n_results: int | None = None
    impressions: dict[str, Impression] = field(default_factory=dict)
    is_refined: bool = False


@dataclass
class ShopLog:
    """Rows to import, and the searches that they mean."""

    rows: list[dict[str, Any]]
    searches: list[Search]

    def within(self, keep: Callable[[Search], bool]) -> ShopLog:
        """A part of it, which still knows since when impressions are sent."""
        return _Part([], [search for search in self.searches if keep(search)], self.shown_since)

    @property
    def shown_since(self) -> dict[str | None, int]:
        """Since when each retriever sends impressions or views, by the time of the search."""
        first: dict[str | None, int] = {}
        for search in self.searches:
            for one in search.impressions.values():
                if SHOWN & one.types:
                    first[search.retriever] = min(one.at, first.get(search.retriever, one.at))
        return first

    def counted(self, search: Search) -> list[Impression]:
        """The impressions of a search that rates are of."""
        since = self.shown_since.get(search.retriever)
        found = list(search.impressions.values())
        if since is None:
            return found if search.is_known else []
        return [one for one in found if one.types and one.at >= since]

    def all_counted(self) -> Iterator[tuple[Search, Impression]]:
        for search in self.searches:
            for impression in self.counted(search):
                yield search, impression


@dataclass
class _Part(ShopLog):
    since: dict[str | None, int]

    @property
    def shown_since(self) -> dict[str | None, int]:
        return self.since


def random_shop_log(seed: int, n_searches: int = 60) -> ShopLog:
    """Two retrievers, one of which begins to send impressions after a while."""
    draw = random.Random(seed)
    rows: list[dict[str, Any]] = []
    searches = [_known(draw, number, rows) for number in range(n_searches)]
    searches += [_lone(draw, number, rows) for number in range(n_searches // 4)]
    searches += [_fruitless(draw, number, rows) for number in range(n_searches // 10)]
    draw.shuffle(rows)
    return ShopLog(rows, searches)


def _known(draw: random.Random, number: int, rows: list[dict[str, Any]]) -> Search:
    search = Search(
        at=START + draw.randrange(14 * DAY),
        retriever=draw.choice(["shop", "blog"]),
        query=draw.choice(QUERIES),
        session=draw.choice([None, f"s{draw.randrange(12)}"]),
        configuration=draw.choice([None, "old", "new"]),
        device=draw.choice([None, "phone", "desk"]),
        n_results=draw.choice([0, 3, 5]),
    )
    shown = draw.sample(DOCUMENTS, search.n_results or 0)
    search.impressions = {id: Impression(id, place, search.at) for place, id in enumerate(shown)}
    execution = {
        "kind": "execution",
        "execution_id": f"e{number}",
        "retriever_name": search.retriever,
        "documents": [{"document_id": id} for id in shown],
        "occurred_at": format_time(search.at),
        "inputs": {"n": 1} if search.query is None else {"query": search.query},
    }
    if search.session is not None:
        execution["session_id"] = search.session
    if search.configuration is not None:
        execution["configuration"] = search.configuration
    if search.device is not None:
        execution["metadata"] = {"device": search.device}
    rows.append(execution)
    sends = search.retriever == "shop" and search.at >= START + 4 * DAY
    for impression in search.impressions.values():
        if sends and draw.random() < 0.8:
            rows.append(_event(search, impression, "impression", search.at, f"e{number}"))
        if draw.random() < 0.4:
            _act(draw, search, impression, rows, f"e{number}", sends)
    if draw.random() < 0.2:
        search.is_refined = True
        event = {"feature_id": "_query", "position": 0, "execution_id": f"e{number}"}
        rows.append(_row(event, "query_refinement", search.at + 30 * SECOND))
    return search


def _act(
    draw: random.Random,
    search: Search,
    impression: Impression,
    rows: list[dict[str, Any]],
    execution: str | None,
    may_view: bool,
) -> None:
    types = draw.sample(ACTS if may_view else ACTS[1:], draw.randrange(1, 4))
    for type in types:
        at = search.at + draw.randrange(1, 3000) * SECOND
        rows.append(_event(search, impression, type, at, execution))


def _lone(draw: random.Random, number: int, rows: list[dict[str, Any]]) -> Search:
    """Events of a search that is not in the log; by an id, or by session and query."""
    named = draw.random() < 0.5
    search = Search(
        at=START + draw.randrange(14 * DAY),
        retriever=draw.choice([None, "shop"]),
        query=draw.choice(QUERIES),
        session=f"lone{number}",
        is_known=False,
    )
    start = search.at
    execution = f"unknown{number}" if named else None
    for place, id in enumerate(draw.sample(DOCUMENTS, draw.randrange(1, 4))):
        types = draw.sample(["impression", "click", "purchase"], draw.randrange(1, 3))
        moments = [start + draw.randrange(600) * SECOND for _ in types]
        impression = search.impressions[id] = Impression(id, place, min(moments))
        for type, at in zip(types, moments, strict=True):
            rows.append(_event(search, impression, type, at, execution))
    search.at = min(one.at for one in search.impressions.values())
    if not named:
        for one in search.impressions.values():
            one.at = search.at
    return search


def _fruitless(draw: random.Random, number: int, rows: list[dict[str, Any]]) -> Search:
    search = Search(
        at=START + draw.randrange(14 * DAY),
        retriever=None,
        query=draw.choice(QUERIES),
        session=f"lost{number}",
        is_known=False,
        n_results=0,
    )
    event = {"feature_id": "_query", "position": 0, "session_id": search.session}
    if search.query is not None:
        event["query_snapshot"] = {"query": search.query}
    rows.append(_row(event, "zero_results", search.at))
    return search


def _event(
    search: Search, impression: Impression, type: str, at: int, execution: str | None
) -> dict[str, Any]:
    impression.types.add(type)
    if type == "click":
        impression.clicked_at = min(at, impression.clicked_at or at)
    event: dict[str, Any] = {"feature_id": impression.document, "position": impression.position}
    if execution is not None:
        event["execution_id"] = execution
    if not search.is_known:
        event["session_id"] = search.session
        if search.query is not None:
            event["query_snapshot"] = {"query": search.query}
        if search.retriever is not None:
            event["retriever_id"] = search.retriever
    return _row(event, type, at)


def _row(event: dict[str, Any], type: str, at: int) -> dict[str, Any]:
    times = {"occurred_at": format_time(at)}
    return {"kind": "interaction", "interaction_type": [type], **event, **times}


def tally(rows: Iterable[tuple[Any, bool]]) -> dict[Any, tuple[int, int]]:
    """How many there are under each key, and how many of them are so: (so, of)."""
    found: dict[Any, list[int]] = defaultdict(lambda: [0, 0])
    for key, is_so in rows:
        found[key][0] += is_so
        found[key][1] += 1
    return {key: (so, of) for key, (so, of) in found.items()}
