"""First sight: what a namespace's log says at a glance, and what is wrong with what is sent."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec
from msgspec import Struct

from desirepath.domain.clock import MICROSECONDS, from_datetime, to_datetime
from desirepath.domain.ids import format_id
from desirepath.domain.interaction import QUERY_LEVEL_TYPES, SHOWN_TYPES, Interaction
from desirepath.domain.plain_json import encode_json
from desirepath.engine.engine import Engine
from desirepath.engine.faults import Fault, find_faults
from desirepath.engine.learned_report import (
    LearnedRetriever,
    RecentSearch,
    learned_retrievers,
    recent_searches,
)
from desirepath.engine.query_text import first_text
from desirepath.storage.base import (
    InteractionQuery,
    Namespace,
    QueryCount,
    Session,
    Tally,
)

__all__ = [
    "Fault",
    "HourCount",
    "PositionRate",
    "Positions",
    "QueryRate",
    "Rate",
    "RecentInteraction",
    "Report",
    "SkippedDocument",
    "TypeCount",
    "ZeroResultQuery",
    "report",
    "wilson_rate",
]

Basis = Literal["shown", "returned", "mixed", "none"]

N_HOURS = 48
N_POSITIONS = 50
N_RECENT = 20
N_TOP = 10
_HOUR = 3600 * MICROSECONDS
_FIRST_HOUR = from_datetime(datetime.min.replace(tzinfo=UTC))
_CANDIDATES = 200  # queries out of the database; spellings of one query are merged afterwards
_MOST_TYPES = 1000  # comma-joined types in one statement; nobody sends more kinds by design
_Z = 1.959963984540054  # two-sided 95%


class Rate(Struct, frozen=True, kw_only=True):
    """A share with its 95% Wilson interval."""

    count: int
    of: int
    rate: float
    low: float
    high: float


class TypeCount(Struct, frozen=True, kw_only=True):
    """Interactions that carry a type; one with two types counts for both."""

    type: str
    n: int


class HourCount(Struct, frozen=True, kw_only=True):
    """Interactions that occurred within an hour.

    ``n_shown`` of the ``n`` say only that a document was on screen.
    """

    hour: datetime
    n: int
    n_shown: int
    types: dict[str, int]


class PositionRate(Struct, frozen=True, kw_only=True):
    """How often the document at a position is clicked."""

    position: int
    click_through: Rate


class Positions(Struct, frozen=True, kw_only=True):
    """Click-through by position, and what it is a share of.

    One (execution, document) is one impression, however many events it has. ``basis`` is
    ``"returned"`` (documents that executions list) until impressions or views arrive, then
    ``"shown"`` (documents with an impression, a view or any action); ``"mixed"`` when only some
    retrievers send impressions; ``"none"`` without executions. ``since`` is when the first
    impression occurred, if there were events before it: they are left out.
    """

    basis: Basis
    since: datetime | None
    rates: tuple[PositionRate, ...]


class QueryRate(Struct, frozen=True, kw_only=True):
    """A query: its executions, the documents clicked, and the share of executions with a click.

    ``click_through`` is None where no execution of the query is known.
    """

    query: str
    executions: int
    clicks: int
    click_through: float | None


class ZeroResultQuery(Struct, frozen=True, kw_only=True):
    """A query that found nothing, and how often."""

    query: str
    searches: int


class SkippedDocument(Struct, frozen=True, kw_only=True):
    """A document that people passed over, and how often."""

    document_id: str
    skips: int


class RecentInteraction(Struct, frozen=True, kw_only=True):
    """One of the last interactions recorded; ``document_id`` is None when it is about a query."""

    interaction_id: str
    occurred_at: datetime
    types: tuple[str, ...]
    document_id: str | None
    position: int | None
    query: str | None
    warning: str | None


class Report(Struct, frozen=True, kw_only=True):
    """A namespace at a glance.

    ``zero_results`` is the share of executions that found nothing, of those with inputs: an empty
    list without a query says nothing about one.
    """

    namespace: str
    namespace_id: str
    generated_at: datetime
    executions: int
    interactions: int
    first_at: datetime | None
    last_at: datetime | None
    click_through: Rate | None
    zero_results: Rate | None
    types: tuple[TypeCount, ...]
    hours: tuple[HourCount, ...]
    positions: Positions
    queries: tuple[QueryRate, ...]
    zero_result_queries: tuple[ZeroResultQuery, ...]
    skipped_documents: tuple[SkippedDocument, ...]
    faults: tuple[Fault, ...]
    learned: tuple[LearnedRetriever, ...]
    searches: tuple[RecentSearch, ...]
    recent: tuple[RecentInteraction, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been recorded yet."""
        return not self.interactions and not self.executions


def report(
    engine: Engine, namespace: Namespace, now: int, *, seconds: float | None = None
) -> Report:
    """Look at a namespace.

    Parameters
    ----------
    engine, namespace
        What to look at.
    now
        When, microseconds since 1970.
    seconds
        How long one statement may take; as long as it needs when left out.

    Raises
    ------
    QueryTooSlow
        A statement took longer than that.
    """
    with engine.storage.read(seconds) as session:
        return _Reporter(engine, session, namespace).report(now)


def wilson_rate(count: int, of: int) -> Rate:
    """A share with its 95% interval by Wilson's score.

    References
    ----------
    Wilson (1927), Probable inference, the law of succession, and statistical inference.

    Examples
    --------
    >>> rate = wilson_rate(10, 50)
    >>> round(rate.rate, 4), round(rate.low, 4), round(rate.high, 4)
    (0.2, 0.1124, 0.3304)
    """
    share = count / of
    spread = _Z * math.sqrt(share * (1 - share) / of + (_Z / (2 * of)) ** 2)
    middle = share + _Z * _Z / (2 * of)
    scale = 1 + _Z * _Z / of
    low = 0.0 if count == 0 else (middle - spread) / scale
    high = 1.0 if count == of else (middle + spread) / scale
    return Rate(count=count, of=of, rate=share, low=low, high=high)


class _Reporter:
    """The parts of one report, in one session."""

    def __init__(self, engine: Engine, session: Session, namespace: Namespace) -> None:
        self._engine = engine
        self._session = session
        self._summaries = session.summaries
        self._namespace = namespace
        self._number = namespace.number
        self._tallies = self._summaries.tally(self._number)
        self._lists = self._summaries.lists(self._number)
        self._zero_results = self._summaries.zero_results(self._number)
        self._clicks = self._types(lambda types: "click" in types)
        self._unknown = self._summaries.unknown_executions(self._number)

    def report(self, now: int) -> Report:
        queries, nothing = self._zero_results
        first = min((tally.first_occurred_at for tally in self._tallies), default=None)
        last = max((tally.last_occurred_at for tally in self._tallies), default=None)
        positions = self._positions()
        return Report(
            namespace=self._namespace.name,
            namespace_id=self._namespace.namespace_id,
            generated_at=to_datetime(now),
            executions=sum(n for *_, n in self._lists),
            interactions=sum(tally.n for tally in self._tallies),
            first_at=None if first is None else to_datetime(first),
            last_at=None if last is None else to_datetime(last),
            click_through=_overall(positions.rates),
            zero_results=wilson_rate(nothing, queries) if queries else None,
            types=self._type_counts(),
            hours=() if last is None else self._hours(last),
            positions=positions,
            queries=self._queries(),
            zero_result_queries=self._zero_result_queries(),
            skipped_documents=self._skipped_documents(),
            faults=find_faults(
                self._summaries, self._number, self._tallies, self._clicks, self._unknown
            ),
            learned=learned_retrievers(self._engine, self._session, self._namespace),
            searches=recent_searches(self._session, self._namespace),
            recent=self._recent(),
        )

    def _types(self, wanted: Callable[[frozenset[str]], bool]) -> list[str]:
        """Comma-joined types whose set is wanted, most frequent first."""
        types_to_n: Counter[str] = Counter()
        for tally in self._tallies:
            if wanted(frozenset(tally.types.split(","))):
                types_to_n[tally.types] += tally.n
        return [types for types, _ in types_to_n.most_common(_MOST_TYPES)]

    def _type_counts(self) -> tuple[TypeCount, ...]:
        type_to_n: Counter[str] = Counter()
        for tally in self._tallies:
            for type in tally.types.split(","):
                type_to_n[type] += tally.n
        ranked = sorted(type_to_n.items(), key=lambda pair: (-pair[1], pair[0]))
        return tuple(TypeCount(type=type, n=n) for type, n in ranked)

    def _hours(self, last: int) -> tuple[HourCount, ...]:
        start = max(last - last % _HOUR - (N_HOURS - 1) * _HOUR, _FIRST_HOUR)
        rows: list[tuple[int, Counter[str]]] = [(0, Counter()) for _ in range(N_HOURS)]
        shown = [0] * N_HOURS
        for hour, types, n in self._summaries.by_hour(self._number, start):
            index = (hour - start) // _HOUR
            total, counter = rows[index]
            names = types.split(",")
            counter.update(dict.fromkeys(names, n))
            rows[index] = (total + n, counter)
            shown[index] += n if SHOWN_TYPES.issuperset(names) else 0
        return tuple(
            HourCount(
                hour=to_datetime(start + index * _HOUR),
                n=total,
                n_shown=shown[index],
                types=dict(counter.most_common()),
            )
            for index, (total, counter) in enumerate(rows)
        )

    # Click-through by position

    def _positions(self) -> Positions:
        documents = self._types(lambda types: not types <= QUERY_LEVEL_TYPES)
        first, first_shown = self._beginnings()
        name_to_id = {
            retriever.draft.retriever_name: retriever.retriever_id
            for retriever in self._session.catalog.retrievers(self._number)
        }
        shown_ids = {name_to_id.get(name or "", name) for name in first_shown}
        returned = _returned(row[1:] for row in self._lists if row[0] not in shown_ids)
        since = {name: at for name, at in first_shown.items() if first[name] < at}
        impressions = Counter(returned)
        clicks: Counter[int] = Counter()
        if returned and self._clicks:
            others = [name for name in first if name not in first_shown]
            rows = self._by_position(self._clicks, others, {}, known=self._unknown > 0)
            clicks.update({at: min(n, returned[at]) for at, n, _ in rows})
        if first_shown:
            for at, n, clicked in self._by_position(
                documents, list(first_shown), since, known=False
            ):
                impressions[at] += n
                clicks[at] += clicked
        return Positions(
            basis=_basis(bool(first_shown), bool(returned)),
            since=to_datetime(min(since.values())) if since else None,
            rates=tuple(
                PositionRate(position=at, click_through=wilson_rate(clicks[at], n))
                for at, n in sorted(impressions.items())
            ),
        )

    def _beginnings(self) -> tuple[dict[str | None, int], dict[str | None, int]]:
        """Per retriever: when its first event occurred, and its first impression or view."""
        first: dict[str | None, int] = {}
        first_shown: dict[str | None, int] = {}
        for tally in self._tallies:
            types = frozenset(tally.types.split(","))
            if types <= QUERY_LEVEL_TYPES or tally.no_execution == tally.n:
                continue
            _keep_least(first, tally)
            if types & SHOWN_TYPES:
                _keep_least(first_shown, tally)
        return first, first_shown

    def _by_position(
        self,
        types: Sequence[str],
        retrievers: Sequence[str | None],
        since: dict[str | None, int],
        *,
        known: bool,
    ) -> list[tuple[int, int, int]]:
        return self._summaries.by_position(
            self._number, types, self._clicks, retrievers, since, N_POSITIONS, known=known
        )

    # Queries and documents

    def _queries(self) -> tuple[QueryRate, ...]:
        searches = self._summaries.searches(self._number, _CANDIDATES)
        names = _top(searches)
        if searches:
            spellings = [row.query for row in searches if query_label(row.query) in names]
            reactions = self._reactions(spellings)
        else:
            reactions = self._reactions(None)
            names = _top(reactions)
        executions, clicks, clicked = Counter[str](), Counter[str](), Counter[str]()
        for row in searches:
            executions[query_label(row.query)] += row.n
        for row in reactions:
            clicks[query_label(row.query)] += row.n
            clicked[query_label(row.query)] += row.m
        return tuple(
            QueryRate(
                query=name,
                executions=executions[name],
                clicks=clicks[name],
                click_through=(
                    min(1.0, clicked[name] / executions[name]) if executions[name] else None
                ),
            )
            for name in names
        )

    def _reactions(self, queries: Sequence[str] | None) -> list[QueryCount]:
        if not self._clicks or queries == []:
            return []
        return self._summaries.reactions(self._number, self._clicks, _CANDIDATES, queries)

    def _zero_result_queries(self) -> tuple[ZeroResultQuery, ...]:
        query_to_n: Counter[str] = Counter()
        if self._zero_results[1]:
            for row in self._summaries.searches(self._number, _CANDIDATES, empty_only=True):
                query_to_n[query_label(row.query)] += row.n
        types = self._types(lambda types: "zero_results" in types)
        if types:
            for query, n in self._summaries.misses(self._number, types, _CANDIDATES):
                query_to_n[query_label(query)] += n
        return tuple(ZeroResultQuery(query=query, searches=n) for query, n in _ranked(query_to_n))

    def _skipped_documents(self) -> tuple[SkippedDocument, ...]:
        types = self._types(lambda types: "skip" in types)
        rows = self._summaries.documents(self._number, types, N_TOP) if types else []
        return tuple(SkippedDocument(document_id=id, skips=n) for id, n in rows)

    def _recent(self) -> tuple[RecentInteraction, ...]:
        query = InteractionQuery(namespace=self._number)
        return tuple(map(_recent, self._session.interactions.find(query, N_RECENT)))


def query_label(text: str) -> str:
    """How a query is named: its text, else the first text in it, else its JSON.

    >>> query_label('{"limit":10,"terms":"red shoes"}')
    'red shoes'
    >>> query_label('{"vector":[1,2]}')
    '{"vector":[1,2]}'
    """
    text = text.strip()
    if not text.startswith("{"):
        return text
    try:
        inputs = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
    return first_text(inputs) or text


def _ranked(name_to_n: Counter[str]) -> list[tuple[str, int]]:
    return sorted(name_to_n.items(), key=lambda pair: (-pair[1], pair[0]))[:N_TOP]


def _top(rows: Iterable[QueryCount]) -> list[str]:
    name_to_n: Counter[str] = Counter()
    for row in rows:
        name_to_n[query_label(row.query)] += row.n
    return [name for name, _ in _ranked(name_to_n)]


def _keep_least(name_to_moment: dict[str | None, int], tally: Tally) -> None:
    moment = name_to_moment.get(tally.retriever_id, tally.first_occurred_at)
    name_to_moment[tally.retriever_id] = min(moment, tally.first_occurred_at)


def _basis(shown: bool, returned: bool) -> Basis:
    if shown:
        return "mixed" if returned else "shown"
    return "returned" if returned else "none"


def _returned(lists: Iterable[tuple[int, int, int]]) -> Counter[int]:
    """Position to the number of documents that executions listed there."""
    position_to_n: Counter[int] = Counter()
    for offset, length, n in lists:
        for position in range(offset, min(offset + length, N_POSITIONS)):
            position_to_n[position] += n
    return position_to_n


def _overall(rates: Sequence[PositionRate]) -> Rate | None:
    impressions = sum(rate.click_through.of for rate in rates)
    if not impressions:
        return None
    return wilson_rate(sum(rate.click_through.count for rate in rates), impressions)


def _recent(interaction: Interaction) -> RecentInteraction:
    about_query = QUERY_LEVEL_TYPES.issuperset(interaction.types)
    snapshot = interaction.query_snapshot
    return RecentInteraction(
        interaction_id=format_id("int", interaction.id),
        occurred_at=to_datetime(interaction.occurred_at),
        types=interaction.types,
        document_id=None if about_query else interaction.feature_id,
        position=None if about_query else interaction.position,
        query=query_label(encode_json(snapshot).decode()) if snapshot else None,
        warning=interaction.warning,
    )
