"""What an answer is made from, and what it lacks."""

from __future__ import annotations

from typing import Any

from desirepath.analysis.impressions import is_clicked
from desirepath.analysis.log import identity_of
from desirepath.domain.clock import to_datetime
from desirepath.engine.analysing.part import Part
from desirepath.engine.analysing.relevance import Coverage
from desirepath.engine.reporting import Basis

__all__ = ["basis_of", "coverage_of"]


def coverage_of(part: Part) -> Coverage:
    """Count what a part of the log holds."""
    log = part.log
    counted, found = log.counted, log.impressions
    used = _row(
        part,
        counted.agg(
            n=counted.count(),
            clicked=is_clicked(counted).sum().fill_null(0),
            shown=(counted.basis == "shown").sum().fill_null(0),
            deepest=counted.position.max(),
            longest=counted.n_documents.max(),
            who_first=identity_of(counted).min(),
            who_last=identity_of(counted).max(),
            first_at=counted.occurred_at.min(),
            last_at=counted.occurred_at.max(),
        ),
    )
    every = _row(part, found.agg(n=found.count(), clicked=is_clicked(found).sum().fill_null(0)))
    events = log.interactions
    numbers = _row(
        part,
        events.agg(
            n=events.count(),
            adrift=(
                events.document_id.notnull()
                & events.execution_id.isnull()
                & events.session_id.isnull()
                & events.user_id.isnull()
            )
            .sum()
            .fill_null(0),
        ),
    )
    executions = _row(part, log.executions.agg(n=log.executions.count()))["n"]
    return Coverage(
        basis=basis_of(used["shown"], used["n"]),
        executions=executions,
        interactions=numbers["n"],
        impressions=used["n"],
        clicked=used["clicked"],
        impressions_left_out=every["n"] - used["n"],
        clicked_left_out=every["clicked"] - used["clicked"],
        first_at=None if used["first_at"] is None else to_datetime(used["first_at"]),
        last_at=None if used["last_at"] is None else to_datetime(used["last_at"]),
        n_flagged=part.n_flagged,
        flagged_share=part.flagged_share,
        notes=tuple(_notes(executions, numbers, used, every)),
    )


def basis_of(n_shown: int, n: int) -> Basis:
    """What impressions are, of which so many are documents shown."""
    if not n:
        return "none"
    if n_shown in (0, n):
        return "shown" if n_shown else "returned"
    return "mixed"


def _row(part: Part, table: Any) -> dict[str, Any]:
    row: dict[str, Any] = part.engine.arrow(table).to_pylist()[0]
    return row


def _notes(
    executions: int, numbers: dict[str, Any], used: dict[str, Any], every: dict[str, Any]
) -> list[str]:
    if not executions and not numbers["n"]:
        return ["Nothing is recorded in this part of the log."]
    notes = []
    if not numbers["n"]:
        notes.append(f"{executions:,} searches and no interaction with any of them.")
    if not executions:
        notes.append(
            "No executions: what searches returned is not known, so only documents with an "
            "interaction are seen, and rates need impressions to be sent."
        )
    if not used["n"]:
        notes.append(
            f"No impression counts: send executions, or impressions that name theirs. "
            f"{every['n']:,} documents with an interaction, {every['clicked']:,} of them clicked, "
            "are left out of rates."
        )
    elif every["clicked"] > used["clicked"]:
        notes.append(
            f"{every['clicked'] - used['clicked']:,} of {every['clicked']:,} clicked documents are "
            "left out of rates: their search is not in the log, or was made before impressions "
            "were sent."
        )
    if numbers["adrift"]:
        notes.append(
            f"{numbers['adrift']:,} interactions name no execution, session or user, and are left "
            "out: nobody knows what search they belong to."
        )
    if used["n"] and not used["clicked"]:
        notes.append(f"{used['n']:,} impressions without a click.")
    if 0 < used["shown"] < used["n"]:
        notes.append(
            "Some retrievers send impressions and others do not: their rates are not alike. Ask "
            "for one retriever."
        )
    if used["n"] > 1 and not used["deepest"] and (used["longest"] or 0) > 1:
        notes.append(
            f"All {used['n']:,} impressions are at position 0, of lists of up to "
            f"{used['longest']:,}: positions seem not to be sent."
        )
    if used["n"] > 1 and used["who_first"] is not None and used["who_first"] == used["who_last"]:
        notes.append("All of it is from one person or session: intervals hold for nobody else.")
    return notes
