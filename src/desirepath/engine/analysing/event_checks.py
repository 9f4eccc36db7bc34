"""What checks of events answer."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

__all__ = ["EventCheck", "EventHealth"]


class EventCheck(Struct, frozen=True, kw_only=True):
    """One check of what is sent.

    Parameters
    ----------
    name, title
        For programs, and for people.
    status
        ``failed``, ``passed``, or ``not_made``: ``missing`` says what it lacks.
    severity
        Of a failed one: ``high`` where what it concerns teaches nothing or what is wrong; ``low``
        otherwise, and below one in a hundred.
    count, of, of_what, share
        How many, of how many of which.
    since, until
        When the first and the last of them occurred.
    interaction_ids, execution_ids, retriever_ids, identities
        A handful of examples, the latest first.
    detail
        What was seen, in a sentence, where the count does not say it.
    fix
        What to do, in one sentence.
    """

    name: str
    title: str
    status: Literal["failed", "passed", "not_made"]
    severity: Literal["high", "low"] | None = None
    count: int = 0
    of: int = 0
    of_what: str
    share: float = 0.0
    since: datetime | None = None
    until: datetime | None = None
    interaction_ids: tuple[str, ...] = ()
    execution_ids: tuple[str, ...] = ()
    retriever_ids: tuple[str, ...] = ()
    identities: tuple[str, ...] = ()
    detail: str | None = None
    missing: str | None = None
    fix: str


class EventHealth(Struct, frozen=True, kw_only=True):
    """All checks: those that failed first, the gravest first; then those not made, and passed.

    Parameters
    ----------
    interactions, executions
        How many were looked at.
    n_flagged, flagged_share
        Identities that answers leave out, and their share of the interactions.
    """

    interactions: int
    executions: int
    first_at: datetime | None
    last_at: datetime | None
    n_flagged: int
    flagged_share: float
    checks: tuple[EventCheck, ...]

    @property
    def failed(self) -> tuple[EventCheck, ...]:
        """Those that found something."""
        return tuple(check for check in self.checks if check.status == "failed")
