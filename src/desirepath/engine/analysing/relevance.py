"""What questions about relevance are answered with: plain values, each rate with its interval."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from desirepath.engine.analysing.figures import Amount, Change, Mean, Share
from desirepath.engine.reporting import Basis, Rate

__all__ = [
    "FINDINGS",
    "Coverage",
    "Debiased",
    "DocumentRates",
    "DocumentRow",
    "DocumentSort",
    "Finding",
    "Funnel",
    "FunnelStep",
    "Funnels",
    "Order",
    "OverExpected",
    "PositionRate",
    "PositionRates",
    "QueryRates",
    "QueryRow",
    "QuerySort",
    "Trend",
    "Unit",
]

QuerySort = Literal[
    "searches",
    "click_through",
    "zero_results",
    "clicked",
    "abandoned",
    "refined",
    "skipped",
    "returned",
    "click_rank",
    "seconds_to_click",
]
DocumentSort = Literal[
    "impressions",
    "clicks",
    "click_through",
    "average_position",
    "clicks_over_expected",
    "missed_clicks",
    "trend",
    "skips",
    "returns",
]
Finding = Literal["high_rank_skipped", "low_rank_loved", "rising", "fading"]
FINDINGS: tuple[Finding, ...] = ("high_rank_skipped", "low_rank_loved", "rising", "fading")
Unit = Literal["documents", "sessions"]


class Coverage(Struct, frozen=True, kw_only=True):
    """The part of the log that was asked, and how much of it rates count.

    Parameters
    ----------
    basis
        What an impression is: a document ``shown``, or ``returned`` where no impressions are sent;
        ``mixed`` when only some retrievers send them; ``none`` when nothing counts.
    impressions, clicked
        Documents of searches that rates count, and those of them with a click.
    impressions_left_out, clicked_left_out
        Those that rates do not count: their search is not in the log and no impressions are sent,
        or impressions came only later, or the document was never shown.
    first_at, last_at
        When the first and the last search was made that rates count.
    n_flagged, flagged_share
        Identities that look like robots and were left out, and their share of the interactions.
    notes
        What to know before reading on, a sentence each.
    """

    basis: Basis
    executions: int
    interactions: int
    impressions: int
    clicked: int
    impressions_left_out: int
    clicked_left_out: int
    first_at: datetime | None
    last_at: datetime | None
    n_flagged: int
    flagged_share: float
    notes: tuple[str, ...]


class Order(Struct, frozen=True, kw_only=True):
    """By what rows are sorted, and which of them are wanted."""

    sort: str
    direction: Literal["asc", "desc"] = "desc"
    start: int = 0
    size: int = 50


class Debiased(Struct, frozen=True, kw_only=True):
    """Click-through over the propensity of the position, with its interval.

    The propensity is taken as exact, so the interval is that of the clicks alone. It may pass 1,
    where clicks and propensity do not go together.
    """

    rate: float
    low: float
    high: float
    propensity: float


class PositionRate(Struct, frozen=True, kw_only=True):
    """How often the document at a position is clicked."""

    group: str | None = None
    position: int
    click_through: Share
    debiased: Debiased | None = None


class PositionRates(Struct, frozen=True, kw_only=True):
    """Click-through by position; one document of one search is one impression."""

    coverage: Coverage
    results: tuple[PositionRate, ...]


class QueryRow(Struct, frozen=True, kw_only=True):
    """A query; figures without anything to count are null.

    Parameters
    ----------
    query
        None: searches without a text.
    searches
        A search and its further pages are one. Searches that are known by their interactions only
        are among them.
    click_through
        Of its impressions, those clicked.
    zero_results
        Of its searches, those that found nothing.
    clicked, abandoned, skipped, returned
        Of its searches with results: with a click; with nothing done but being shown and passed
        over; with a skip; with a return to the results.
    refined
        Of its executions, those that a ``query_refinement`` names.
    click_rank
        Mean rank of the documents clicked; the first is 1.
    seconds_to_click
        Mean time from the search to its first click, of those within half an hour.
    """

    query: str | None
    group: str | None = None
    searches: Amount
    click_through: Share | None
    zero_results: Share | None
    clicked: Share | None
    abandoned: Share | None
    refined: Share | None
    skipped: Share | None
    returned: Share | None
    click_rank: Mean | None
    seconds_to_click: Mean | None


class QueryRates(Struct, frozen=True, kw_only=True):
    """A page of queries; ``total`` is how many there are."""

    coverage: Coverage
    total: int
    results: tuple[QueryRow, ...]


class OverExpected(Struct, frozen=True, kw_only=True):
    """Clicks over the clicks that the positions of the impressions let expect.

    1 is what others get in the same places. The interval is that of a Poisson count, the
    expectation being taken as known. ``shrunk`` is the ratio drawn towards 1, by as much as
    documents with so little evidence deserve; it is what they are sorted by.
    """

    ratio: float
    shrunk: float
    low: float
    high: float
    clicks: int
    expected: float


class Trend(Struct, frozen=True, kw_only=True):
    """Click-through of two periods, and the difference with its interval by Newcombe.

    Without a period to compare with, they are the halves of the time that was asked about.
    """

    earlier: Rate | None
    later: Rate | None
    change: Change | None


class DocumentRow(Struct, frozen=True, kw_only=True):
    """A document; ``findings`` are what the ends of its intervals say.

    ``high_rank_skipped``: it stands higher than documents do on average, and gets fewer clicks than
    its places give. ``low_rank_loved``: the other way round. ``rising``, ``fading``: its
    click-through differs between the periods. ``skips`` and ``returns`` are impressions with such
    an event; ``acted`` those with anything but being shown and passed over.
    """

    document_id: str
    group: str | None = None
    impressions: Amount
    click_through: Share | None
    average_position: Mean | None
    clicks_over_expected: OverExpected | None
    skips: int
    returns: int
    acted: int
    trend: Trend
    findings: tuple[Finding, ...]


class DocumentRates(Struct, frozen=True, kw_only=True):
    """A page of documents.

    Parameters
    ----------
    total
        How many documents there are, or have the finding that was asked for.
    n_documents
        How many there are.
    finding_to_n
        How many have each finding.
    by_chance
        About how many would have any one finding if nothing were the matter: with many documents,
        some intervals miss.
    """

    coverage: Coverage
    total: int
    n_documents: int
    finding_to_n: dict[Finding, int]
    by_chance: float
    results: tuple[DocumentRow, ...]


class FunnelStep(Struct, frozen=True, kw_only=True):
    """How many took a step and all before it, and which share that is; null of nothing."""

    step: str
    reached: Amount
    of_former: Share | None = None
    of_first: Share | None = None


class Funnel(Struct, frozen=True, kw_only=True):
    """Steps of documents in searches (the same document each time), or of sessions."""

    unit: Unit
    group: str | None = None
    steps: tuple[FunnelStep, ...]


class Funnels(Struct, frozen=True, kw_only=True):
    """A funnel of documents and one of sessions, of each group.

    Parameters
    ----------
    without_session
        Impressions whose session is not known; sessions are counted without them.
    """

    coverage: Coverage
    without_session: int
    results: tuple[Funnel, ...]
