"""What is wrong with the events themselves, since when, with examples, and how to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ibis import _
from ibis.expr.types import Table
from msgspec import Struct
from msgspec.structs import replace

from desirepath.analysis import event_health as faulty
from desirepath.domain.clock import to_datetime
from desirepath.domain.event_faults import (
    EVENT_FAULTS,
    FEW_EVENTS,
    LARGEST_SHARE,
    looks_counted_from_one,
)
from desirepath.domain.ids import format_id
from desirepath.engine.analysing.event_checks import EventCheck, EventHealth
from desirepath.engine.analysing.flagging import find_flagged
from desirepath.engine.analysing.part import Part
from desirepath.engine.analysing.stopped_types import StoppedTypes, find_stopped

__all__ = ["event_health"]

_N_EXAMPLES = 5
_FEW = 20
_SLIGHT = 0.01
_MARKS = (
    "clicks_everything",
    "clicks_at_once",
    "inhuman_rate",
    "regular_clicks",
    "one_document",
)


class _Seen(Struct, frozen=True, kw_only=True):
    """What a check saw."""

    count: int
    of: int
    since: int | None = None
    until: int | None = None
    examples: Sequence[dict[str, Any]] = ()
    identities: Sequence[str] = ()
    detail: str | None = None
    missing: str | None = None


def event_health(part: Part) -> EventHealth:
    """Check the events of a part of the log; robots are looked for in the whole log.

    Parameters
    ----------
    part
        With everybody in it: whoever is left out is not checked.
    """
    return _Checks(part).answer()


class _Checks:
    """The checks of one part of the log."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._log = part.log
        self._events = faulty.events(part.log)

    def answer(self) -> EventHealth:
        (total,) = self._rows(
            self._events.aggregate(n=_.count(), first=_.occurred_at.min(), last=_.occurred_at.max())
        )
        (lists,) = self._rows(self._log.executions.aggregate(n=_.count()))
        self._n, self._first, self._last = total["n"], total["first"], total["last"]
        seen = self._by_event() | self._positions() | self._marks()
        seen |= {
            "document_not_shown": self._count(
                *faulty.clicks_of_known(self._events, self._log.returned),
                missing="No click names an execution that is recorded.",
            ),
            "duplicated_view": self._count(
                *faulty.repeated_views(self._events),
                missing="No impressions or views with an execution are sent.",
            ),
            "more_clicked_than_shown": self._unseen(),
            "constant_delay": self._constant_delay(),
            "one_identity": self._one_identity(),
            "type_stopped": self._stopped(),
        }
        checks = [_check(name, seen[name]) for name in EVENT_FAULTS]
        return EventHealth(
            interactions=self._n,
            executions=lists["n"],
            first_at=_moment(self._first),
            last_at=_moment(self._last),
            n_flagged=self._n_flagged,
            flagged_share=self._flagged_share,
            checks=tuple(sorted(checks, key=_order)),
        )

    def _by_event(self) -> dict[str, _Seen]:
        """What each event shows by itself, in one look at all."""
        events = self._events
        conditions = faulty.wrong_events(events)
        measures = {}
        for name, (among, wrong) in conditions.items():
            measures[f"{name}_of"] = events.count(where=among)
            measures[f"{name}_n"] = events.count(where=wrong)
            measures[f"{name}_since"] = events.occurred_at.min(where=wrong)
            measures[f"{name}_until"] = events.occurred_at.max(where=wrong)
        (row,) = self._rows(events.aggregate(**measures))
        missing = {
            "no_execution": "No events on documents are recorded.",
            "unknown_execution": "No event names an execution.",
            "position_outside_results": "No events on documents are recorded.",
            "before_search": "No event names an execution that is recorded.",
        }
        return {
            name: _Seen(
                count=row[f"{name}_n"],
                of=row[f"{name}_of"],
                since=row[f"{name}_since"],
                until=row[f"{name}_until"],
                examples=self._examples(events.filter(wrong)) if row[f"{name}_n"] else (),
                missing=missing.get(name, "No events are recorded."),
            )
            for name, (_among, wrong) in conditions.items()
        }

    def _positions(self) -> dict[str, _Seen]:
        rows = self._rows(faulty.by_position(self._events))
        n = sum(row["n"] for row in rows)
        from_one = [
            row["retriever_id"]
            for row in rows
            if looks_counted_from_one(row["n_first"], row["n_second"])
        ]
        all_first = [row["retriever_id"] for row in rows if row["last"] == 0 and row["n"] >= _FEW]
        if all_first:
            at_first = faulty.at_first_position(self._events, self._log.returned)
            doubtful = {
                row["retriever_id"]
                for row in self._rows(at_first)
                if row["n_lists"] + row["n_elsewhere"]
            }
            all_first = [name for name in all_first if name in doubtful]
        return {
            "one_based_positions": self._of_retrievers(from_one, n),
            "no_position": self._of_retrievers(all_first, n),
        }

    def _of_retrievers(self, names: Sequence[str | None], of: int) -> _Seen:
        missing = "No events on documents are recorded."
        if not names:
            return _Seen(count=0, of=of, missing=missing)
        of_them = self._events.retriever_id.fill_null("").isin([name or "" for name in names])
        rows = self._events.filter(self._events.document_id.notnull(), of_them)
        return self._count(None, rows, of=of, missing=missing)

    def _marks(self) -> dict[str, _Seen]:
        """Robots of the whole log, and what they sent in this part of it."""
        whole = self._log if self._part.whole is None else self._part.whole
        flags = find_flagged(whole, self._part.engine)
        flagged = flags.identities
        known = self._events.filter(_.identity.notnull())
        name_to_row: dict[str, dict[str, Any]] = {}
        if flagged:
            theirs = known.filter(_.identity.isin([one.identity for one in flagged]))
            counts = theirs.group_by("identity").agg(
                n=_.count(), since=_.occurred_at.min(), until=_.occurred_at.max()
            )
            name_to_row = {row["identity"]: row for row in self._rows(counts)}
        (total,) = self._rows(known.aggregate(n=_.count()))
        self._n_flagged = len(name_to_row)
        sent = sum(row["n"] for row in name_to_row.values())
        self._flagged_share = sent / self._n if self._n else 0.0
        found = {}
        for mark in _MARKS:
            rows = [
                name_to_row[one.identity]
                for one in flagged
                if mark in one.marks and one.identity in name_to_row
            ]
            rows.sort(key=lambda row: (-row["n"], row["identity"]))
            names = [row["identity"] for row in rows]
            found[mark] = _Seen(
                count=sum(row["n"] for row in rows),
                of=0 if mark in flags.mark_to_doubt else total["n"],
                since=min((row["since"] for row in rows), default=None),
                until=max((row["until"] for row in rows), default=None),
                examples=self._examples(known.filter(_.identity.isin(names))) if names else (),
                identities=names[:_N_EXAMPLES],
                detail=f"{len(names):,} identities." if len(names) > 1 else None,
                missing=flags.mark_to_doubt.get(
                    mark, "No event says whose it is: neither user_id nor session_id."
                ),
            )
        return found

    def _unseen(self) -> _Seen:
        clicked, rows, cells = faulty.unseen_clicks(self._log)
        missing = "No impressions or views are sent, or nothing was clicked since."
        seen = self._count(clicked, rows, missing=missing)
        if not seen.count:
            return seen
        (worst,) = self._rows(cells.order_by((_.n_clicked - _.n_seen).desc(), "position").limit(1))
        place = "a query" if worst["position"] is None else f"position {worst['position']}"
        detail = (
            f"Worst is {place}: {worst['n_clicked']:,} clicked, "
            f"{worst['n_seen']:,} with an impression or a view before."
        )
        return replace(seen, detail=detail)

    def _constant_delay(self) -> _Seen:
        late, rows = faulty.constant_delays(self._events)
        seen = self._count(late, rows, missing="No event says when it occurred (occurred_at).")
        if not seen.count:
            return seen
        (middle,) = self._rows(rows.aggregate(delay=_.delay.quantile(0.5)))
        late_by = _duration(middle["delay"])
        return replace(seen, detail=f"Half of them are late by {late_by} or more.")

    def _one_identity(self) -> _Seen:
        rows = self._rows(faulty.by_identity(self._events))
        if self._n < FEW_EVENTS or not rows:
            lack = f"It takes {FEW_EVENTS} events of somebody known."
            return _Seen(count=0, of=0, missing=lack)
        largest = rows[0]
        if largest["n"] <= LARGEST_SHARE * self._n:
            return _Seen(count=0, of=self._n)
        name = largest["identity"]
        rows_of = self._events.filter(_.identity == name)
        seen = self._count(None, rows_of, of=self._n, missing="")
        return _Seen(
            count=seen.count,
            of=seen.of,
            since=seen.since,
            until=seen.until,
            examples=seen.examples,
            identities=(name,),
        )

    def _stopped(self) -> _Seen:
        if self._first is None or self._last is None:
            return _Seen(count=0, of=0, missing="No events are recorded.")
        return _stopped_seen(find_stopped(self._part.engine, self._events, self._first, self._last))

    def _count(
        self, among: Table | None, rows: Table, *, missing: str, of: int | None = None
    ) -> _Seen:
        if among is not None:
            (total,) = self._rows(among.aggregate(n=_.count()))
            of = total["n"]
        (row,) = self._rows(
            rows.aggregate(n=_.count(), since=_.occurred_at.min(), until=_.occurred_at.max())
        )
        return _Seen(
            count=row["n"],
            of=of or 0,
            since=row["since"],
            until=row["until"],
            examples=self._examples(rows) if row["n"] else (),
            missing=missing,
        )

    def _examples(self, rows: Table) -> list[dict[str, Any]]:
        latest = rows.select("id", "execution_id", "retriever_id", "occurred_at")
        return self._rows(latest.order_by(_.occurred_at.desc(), _.id.desc()).limit(_N_EXAMPLES))

    def _rows(self, table: Table) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._part.engine.arrow(table).to_pylist()
        return rows


def _stopped_seen(found: StoppedTypes) -> _Seen:
    if found.missing is not None:
        return _Seen(count=0, of=0, missing=found.missing)
    stopped = found.stopped
    worst = stopped[0] if stopped else None
    return _Seen(
        count=len(stopped),
        of=found.n_judged,
        since=min((one.last_at for one in stopped), default=None),
        examples=[
            {"id": one.last_id, "execution_id": None, "retriever_id": one.retriever_id}
            for one in stopped[:_N_EXAMPLES]
        ],
        detail=None if worst is None else worst.sentence(found.period),
        missing="No type comes often enough: fourteen times a period, in each of three before.",
    )


def _check(name: str, seen: _Seen) -> EventCheck:
    words = EVENT_FAULTS[name]
    share = seen.count / seen.of if seen.of else 0.0
    failed = seen.count > 0
    not_made = not failed and not seen.of
    grave = words.is_grave and share >= _SLIGHT
    ids = [row["id"] for row in seen.examples if row["id"] is not None]
    return EventCheck(
        name=name,
        title=words.title,
        status="failed" if failed else "not_made" if not_made else "passed",
        severity=("high" if grave else "low") if failed else None,
        count=seen.count,
        of=seen.of,
        of_what=words.of_what,
        share=share,
        since=_moment(seen.since) if failed else None,
        until=_moment(seen.until) if failed else None,
        interaction_ids=tuple(format_id("int", id) for id in ids),
        execution_ids=_different(seen.examples, "execution_id"),
        retriever_ids=_different(seen.examples, "retriever_id"),
        identities=tuple(seen.identities),
        detail=seen.detail if failed else None,
        missing=seen.missing if not_made else None,
        fix=words.fix,
    )


def _order(check: EventCheck) -> tuple[int, int, float]:
    """Failed before not made before passed; the gravest and largest first."""
    by_status = ("failed", "not_made", "passed").index(check.status)
    return by_status, 0 if check.severity == "high" else 1, -check.share


def _different(rows: Sequence[dict[str, Any]], name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(row[name] for row in rows if row[name] is not None))


def _moment(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else to_datetime(microseconds)


def _duration(microseconds: float) -> str:
    minutes = microseconds / 60_000_000
    return f"{minutes:,.0f} minutes" if minutes < 120 else f"{minutes / 60:,.1f} hours"
