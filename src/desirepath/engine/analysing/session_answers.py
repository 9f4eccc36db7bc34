"""What is answered about sessions; needs nothing that works it out."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from desirepath.domain.visit import VisitOutcome
from desirepath.engine.reporting import Rate

__all__ = ["Journey", "JourneyVisit", "OutcomeShare", "SessionVisit", "Sessions", "Step"]


class SessionVisit(Struct, frozen=True, kw_only=True):
    """One visit of a session: a session that nothing came of for the session window starts afresh.

    ``queries`` counts different ones, ``clicks`` documents; ``outcome`` is the most that came of
    it.
    """

    session_id: str
    user_id: str | None
    started_at: datetime
    seconds: float
    searches: int
    queries: int
    clicks: int
    interactions: int
    outcome: VisitOutcome


class OutcomeShare(Struct, frozen=True, kw_only=True):
    """What part of all visits came to an outcome."""

    outcome: VisitOutcome
    share: Rate


class Sessions(Struct, frozen=True, kw_only=True):
    """Visits, the last first, and what all of them came to. ``note`` says what is missing."""

    total: int
    outcomes: tuple[OutcomeShare, ...]
    sessions: tuple[SessionVisit, ...]
    note: str | None
    n_flagged: int
    flagged_share: float


class Step(Struct, frozen=True, kw_only=True):
    """Something that was done.

    Parameters
    ----------
    kind
        ``search``, ``refinement`` (a search for something else), ``page`` (more of a search), or
        the type of the interaction; the first where it has several.
    text
        In words; ``#3`` is position 2.
    seconds
        Since the search it belongs to; of a search, since the step before. None: there is none.
    query, execution_id, document_id, position
        What it is about.
    documents
        Of a search: how many it returned, or showed at least.
    """

    at: datetime
    kind: str
    text: str
    seconds: float | None = None
    query: str | None = None
    execution_id: str | None = None
    document_id: str | None = None
    position: int | None = None
    documents: int | None = None


class JourneyVisit(Struct, frozen=True, kw_only=True):
    """One visit, until nothing happened for the session window. ``text`` tells it in a line."""

    started_at: datetime
    seconds: float
    text: str
    steps: tuple[Step, ...]


class Journey(Struct, frozen=True, kw_only=True):
    """A session; the first thousand steps of it at most, and how many were ``left_out``."""

    session_id: str
    user_id: str | None
    visits: tuple[JourneyVisit, ...]
    left_out: int
