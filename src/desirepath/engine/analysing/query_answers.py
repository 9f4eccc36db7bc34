"""What is answered about queries; needs nothing that works it out."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from desirepath.domain.rewording import RewordingKind
from desirepath.engine.analysing.lift import Lift
from desirepath.engine.reporting import Rate

__all__ = [
    "Chain",
    "ClickedDocument",
    "Example",
    "Filters",
    "NextQuery",
    "Refinement",
    "Refinements",
    "ToggledFilter",
    "Troubled",
    "TroubledQuery",
    "ZeroResultQuery",
    "ZeroResults",
]


class NextQuery(Struct, frozen=True, kw_only=True):
    """What people searched for next: how often, and how often something was clicked then."""

    query: str
    n: int
    n_clicked: int


class ZeroResultQuery(Struct, frozen=True, kw_only=True):
    """A query that found nothing.

    ``nothing`` is the share of its searches that found nothing, and ``lost_share`` its part in all
    searches of the namespace that did. ``attempts``: how often somebody known by a session or a
    user tried it (a repeat is one attempt) and found nothing; of those, ``refined`` went on with
    another query, ``rescued`` clicked something that the next query found, and the others ``left``.
    """

    query: str
    nothing: Rate
    lost_share: float
    sessions: int
    users: int
    identities: int
    first_at: datetime
    last_at: datetime
    attempts: int
    refined: int
    rescued: int
    left: int
    next_queries: tuple[NextQuery, ...]


class ZeroResults(Struct, frozen=True, kw_only=True):
    """Queries that find nothing, the most searches lost first.

    ``without_text`` searches have no query that could be named. ``note`` says what is missing.
    """

    nothing: Rate | None
    without_text: int
    queries: tuple[ZeroResultQuery, ...]
    note: str | None
    n_flagged: int
    flagged_share: float


class Example(Struct, frozen=True, kw_only=True):
    """A session that went from one query to the other."""

    session_id: str
    at: datetime


class Refinement(Struct, frozen=True, kw_only=True):
    """From one query to another.

    Parameters
    ----------
    query, refined_to
        In lower case, with single spaces.
    kind
        ``spelling``, ``completion``, ``synonym`` (some words stay), ``rewrite`` (none does),
        ``narrower`` (words are added) or ``broader`` (words are taken away).
    replaced, by
        The words that differ.
    visits, identities, said
        How many visits went from one to the other, of how many people, and how many said so by a
        ``query_refinement`` event.
    last_at
        When last.
    follows
        The share of the steps from the first query that lead to the second.
    follows_lift
        Of that share over the one of the steps from other queries.
    rescued
        Where nothing was clicked for the first query and the second was seen: the share in which
        something was clicked for the second. None: there are none.
    rescued_lift
        Of that share over the one of all refinements. None where nobody is rescued at all.
    clicked
        The share of attempts with the first query that are clicked. None: it was never seen.
    suggested
        Whether it is above the thresholds.
    missing
        Why it is not suggested.
    """

    query: str
    refined_to: str
    kind: RewordingKind
    replaced: str
    by: str
    visits: int
    identities: int
    said: int
    last_at: datetime
    follows: Rate
    follows_lift: Lift
    rescued: Rate | None
    rescued_lift: Lift | None
    clicked: Rate | None
    suggested: bool
    missing: str | None
    examples: tuple[Example, ...]


class Chain(Struct, frozen=True, kw_only=True):
    """The first queries of visits with three attempts and more; how many went on, and got a click
    for their last query, whichever it was.
    """

    queries: tuple[str, ...]
    visits: int
    identities: int
    longer: int
    rescued: int


class Refinements(Struct, frozen=True, kw_only=True):
    """Pairs of queries; those that are suggested come first, then those of most people.

    A pair is suggested when ``min_identities`` people went from one to the other, the low end of
    ``follows`` is above the share of steps from other queries that lead there, and the low end of
    ``rescued`` is above the rate at which the first query is clicked. ``steps`` are all pairs, each
    once a visit; ``rescued`` is the rate over all of them. ``note`` says what is missing.
    """

    min_identities: int
    steps: int
    rescued: Rate | None
    refinements: tuple[Refinement, ...]
    chains: tuple[Chain, ...]
    note: str | None
    n_flagged: int
    flagged_share: float


class ClickedDocument(Struct, frozen=True, kw_only=True):
    """A document that was clicked with a filter on: in how many searches."""

    document_id: str
    n: int


class ToggledFilter(Struct, frozen=True, kw_only=True):
    """A filter that people turn on after a query.

    Parameters
    ----------
    field, value
        What it was sent as; ``value`` is None where none was sent.
    searches
        In which it was turned on; a query with its pages and filters is one.
    identities
        People who did.
    kept
        The share of the searches with this query in which it was on in the end.
    lift
        Of that share over the one of the same filter after other queries.
    clicked
        The share of searches with it in which something was clicked after it was turned on.
    clicked_without
        The share of searches with this query without it in which something was clicked; None: there
        are none.
    documents
        What was clicked most with it on.
    suggested
        Whether it could be on from the start for this query: it is above the thresholds.
    missing
        Why it is not suggested.
    """

    query: str
    field: str
    value: str | None
    searches: int
    identities: int
    kept: Rate
    lift: Lift
    clicked: Rate
    clicked_without: Rate | None
    documents: tuple[ClickedDocument, ...]
    suggested: bool
    missing: str | None


class Filters(Struct, frozen=True, kw_only=True):
    """Filters by query; those that are suggested come first, then those of most people.

    A filter is suggested when ``min_identities`` people turned it on, the low end of the interval
    of ``kept`` is above ``min_share``, and searches with it are not surely clicked less than those
    without. ``note`` says what is missing.
    """

    min_identities: int
    min_share: float
    filters: tuple[ToggledFilter, ...]
    note: str | None
    n_flagged: int
    flagged_share: float


class TroubledQuery(Struct, frozen=True, kw_only=True):
    """A query, beside the rates of the namespace.

    ``skipped`` is the share of its searches with a skip; ``returned`` the share with a
    ``return_to_results``, of those in which something was opened (None: nothing was). ``excess``
    says how many searches have one of both beyond what the namespace's rates would make of them.
    ``why`` names the rates whose whole interval lies above the namespace's.
    """

    query: str
    searches: int
    identities: int
    skipped: Rate
    returned: Rate | None
    excess: float
    why: tuple[Literal["skipped", "returned"], ...]


class Troubled(Struct, frozen=True, kw_only=True):
    """Queries that are surely above the namespace's rate of skips or returns, worst first.

    ``skipped`` and ``returned`` are the rates of the namespace; a query needs ``min_searches``
    searches. ``note`` says what is missing.
    """

    skipped: Rate | None
    returned: Rate | None
    min_searches: int
    queries: tuple[TroubledQuery, ...]
    note: str | None
    n_flagged: int
    flagged_share: float
