"""Sessions: which there were, and what came of them."""

from __future__ import annotations

from ibis.expr.types import Table

from desirepath.analysis.attempts import timeline
from desirepath.analysis.sessions import latest, outcome_counts, visits
from desirepath.domain.clock import MICROSECONDS, to_datetime
from desirepath.domain.visit import OUTCOMES, VisitOutcome
from desirepath.engine.analysing.part import Part
from desirepath.engine.analysing.session_answers import OutcomeShare, Sessions, SessionVisit
from desirepath.engine.reporting import wilson_rate

__all__ = ["list_sessions"]

_NONE = (
    "No session is in this part of the log: 0, where 1 is needed. Send a session_id with searches "
    "and interactions."
)
_NOT_THIS = "None of the {} visits came to this outcome."


def list_sessions(
    part: Part, session_window: int, *, outcome: VisitOutcome | None = None, limit: int = 50
) -> Sessions:
    """List the visits of sessions.

    Parameters
    ----------
    session_window
        Microseconds after which a visit is over.
    outcome
        Only visits that came to this; see :data:`~desirepath.domain.visit.OUTCOMES`.
    limit
        Visits at most.
    """
    with part.engine.kept(visits(timeline(part.log, session_window))) as found:
        return _answer(part, found, outcome, limit)


def _answer(part: Part, found: Table, outcome: VisitOutcome | None, limit: int) -> Sessions:
    outcome_to_n = {row["outcome"]: row["n"] for row in part.rows(outcome_counts(found))}
    total = sum(outcome_to_n.values())
    wanted = found if outcome is None else found.filter(found.outcome == outcome)
    rows = part.rows(latest(wanted).limit(limit)) if total else []
    note = None
    if not total:
        note = _NONE
    elif not rows:
        note = _NOT_THIS.format(f"{total:,}")
    return Sessions(
        total=total,
        outcomes=tuple(
            OutcomeShare(outcome=name, share=wilson_rate(outcome_to_n.get(name, 0), total))
            for name in OUTCOMES
            if total
        ),
        sessions=tuple(
            SessionVisit(
                session_id=row["session_id"],
                user_id=row["user_id"],
                started_at=to_datetime(row["started_at"]),
                seconds=(row["ended_at"] - row["started_at"]) / MICROSECONDS,
                searches=row["n_searches"],
                queries=row["n_queries"],
                clicks=row["n_clicked"],
                interactions=row["n_events"],
                outcome=row["outcome"],
            )
            for row in rows
        ),
        note=note,
        n_flagged=part.n_flagged,
        flagged_share=part.flagged_share,
    )
