"""One session as a journey: what somebody did, step by step, in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from desirepath.analysis.sessions import events_of_session, searches_of_session
from desirepath.domain.acts import ABOUT_QUERY, SAID_SHOWN, types_of
from desirepath.domain.clock import MICROSECONDS, to_datetime
from desirepath.engine.analysing.part import Part
from desirepath.engine.analysing.session_answers import Journey, JourneyVisit, Step
from desirepath.errors import NotFound

__all__ = ["DEEDS", "follow_session"]

MOST_STEPS = 1_000
DEEDS = {
    "click": "clicked {}",
    "dwell": "read {}",
    "positive_feedback": "liked {}",
    "negative_feedback": "disliked {}",
    "purchase": "bought {}",
    "add_to_cart": "put {} into the cart",
    "wishlist": "put {} on the wishlist",
    "long_view": "read {} for long",
    "share": "shared {}",
    "bookmark": "bookmarked {}",
    "skip": "passed over {}",
    "return_to_results": "came back from {}",
    "play": "played {}",
    "download": "downloaded {}",
    "save": "saved {}",
    "add_to_project": "added {} to a project",
    "rating": "rated {}",
}
"""What is said of each type of interaction with a document that is more than seeing it."""


def follow_session(part: Part, session_id: str, session_window: int) -> Journey:
    """Tell what somebody did in a session.

    Parameters
    ----------
    session_window
        Microseconds after which a visit is over.

    Raises
    ------
    NotFound
        No search and no interaction of this part of the log has that session.
    """
    found = searches_of_session(part.log, session_id)
    searches = part.rows(found)
    events = part.rows(events_of_session(part.log, found, session_id))
    if not searches and not events:
        raise NotFound("session", session_id)
    moments = sorted(
        [(row["occurred_at"], 0, row["search_id"].encode(), row) for row in searches]
        + [(row["occurred_at"], 1, row["id"], row) for row in events],
        key=lambda moment: moment[:3],
    )
    seen = _shown(events)
    visits, n_left, left_out = [], MOST_STEPS, 0
    for visit in _cut(moments, session_window):
        steps = list(_Teller(visit, seen).steps())
        left_out += max(len(steps) - n_left, 0)
        steps = steps[:n_left]
        n_left -= len(steps)
        if steps:
            visits.append(
                JourneyVisit(
                    started_at=to_datetime(visit[0][0]),
                    seconds=(visit[-1][0] - visit[0][0]) / MICROSECONDS,
                    text=" → ".join(step.text for step in steps),
                    steps=tuple(steps),
                )
            )
    users = sorted({row["user_id"] for row in (*searches, *events) if row["user_id"] is not None})
    return Journey(
        session_id=session_id,
        user_id=users[0] if users else None,
        visits=tuple(visits),
        left_out=left_out,
    )


_Moment = tuple[int, int, bytes, dict[str, Any]]


def _cut(moments: Sequence[_Moment], window: int) -> Iterator[list[_Moment]]:
    visit: list[_Moment] = []
    for moment in moments:
        if visit and moment[0] - visit[-1][0] > window:
            yield visit
            visit = []
        visit.append(moment)
    if visit:
        yield visit


def _shown(events: Sequence[dict[str, Any]]) -> dict[str | None, set[str]]:
    """Documents that are said to be on screen, by execution."""
    seen: dict[str | None, set[str]] = defaultdict(set)
    for event in events:
        if event["acts"] & SAID_SHOWN and event["document_id"] is not None:
            seen[event["execution_id"]].add(event["document_id"])
    return seen


class _Teller:
    """Tells the steps of one visit."""

    def __init__(self, visit: Sequence[_Moment], seen: dict[str | None, set[str]]) -> None:
        self._visit = visit
        self._seen = seen
        self._search_to_at = {
            row["search_id"]: at for at, is_event, _, row in visit if not is_event
        }
        self._last_at: int | None = None
        self._last_search_at: int | None = None
        self._query: str | None = None

    def steps(self) -> Iterator[Step]:
        for place, (at, is_event, _, row) in enumerate(self._visit):
            step = self._event(place, at, row) if is_event else self._search(at, row)
            if step is not None:
                yield step
                self._last_at = at

    def _search(self, at: int, row: dict[str, Any]) -> Step:
        query = row["query"]
        named = "without words" if query is None else f"“{query}”"
        if row["is_page"]:
            kind, text = "page", f"went on in {named}"
        elif self._last_search_at is None or query is None or self._query is None:
            kind, text = "search", f"searched {named}"
        elif query == self._query:
            kind, text = "search", f"searched {named} again"
        else:
            kind, text = "refinement", f"refined to {named}"
        seconds = None if self._last_at is None else (at - self._last_at) / MICROSECONDS
        self._last_search_at, self._query = at, query
        n_seen = len(self._seen.get(row["search_id"] if row["is_known"] else None, ()))
        return Step(
            at=to_datetime(at),
            kind=kind,
            text=text + _found(row, n_seen),
            seconds=seconds,
            query=query,
            execution_id=row["search_id"] if row["is_known"] else None,
            documents=row["n_documents"],
        )

    def _event(self, place: int, at: int, row: dict[str, Any]) -> Step | None:
        types = types_of(row["acts"])
        if row["acts"] & ~ABOUT_QUERY == 0:
            text = self._about_query(place, types, row)
            return None if text is None else self._step(at, types[0], text, row, None)
        deeds = [type for type in types if type in DEEDS]
        if not deeds:
            return None  # it was seen, as its search says
        began = self._search_to_at.get(row["execution_id"], self._last_search_at)
        seconds = None if began is None else (at - began) / MICROSECONDS
        what = row["document_id"] if row["position"] is None else f"#{row['position'] + 1}"
        text = " and ".join(DEEDS[type].format(what) for type in deeds)
        if "dwell" in deeds and row["duration_ms"] is not None:
            text += f" for {_length(row['duration_ms'] / 1000)}"
        if deeds[0] == "click" and seconds is not None and seconds >= 0:
            text += f" after {_length(seconds)}"
        return self._step(at, deeds[0], text, row, seconds)

    def _about_query(self, place: int, types: tuple[str, ...], row: dict[str, Any]) -> str | None:
        metadata = _object(row["metadata"])
        if "filter_toggle" in types:
            return _toggle(metadata)
        if "query_refinement" in types and not self._searches_after(place):
            wanted = metadata.get("refined_to")
            return f"refined to “{wanted}”" if isinstance(wanted, str) else "changed the query"
        return None  # the next search says so; a search that found nothing says that itself

    def _searches_after(self, place: int) -> bool:
        return any(not is_event for _, is_event, _, _ in self._visit[place + 1 :])

    def _step(
        self, at: int, kind: str, text: str, row: dict[str, Any], seconds: float | None
    ) -> Step:
        return Step(
            at=to_datetime(at),
            kind=kind,
            text=text,
            seconds=seconds,
            query=row["query"],
            execution_id=row["execution_id"],
            document_id=row["document_id"],
            position=row["position"],
        )


def _found(row: dict[str, Any], n_seen: int) -> str:
    if row["found_nothing"]:
        return ", found nothing"
    parts = ""
    if row["is_known"]:
        parts = f", found {row['n_documents']:,}"
    return parts + (f", saw {n_seen:,}" if n_seen else "")


def _toggle(metadata: dict[str, Any]) -> str:
    field = next((metadata[key] for key in ("filter", "field", "facet") if metadata.get(key)), None)
    if field is None:
        return "changed a filter"
    states = (metadata.get(key) for key in ("enabled", "active", "selected"))
    is_off = next((state for state in states if state is not None), True) is False
    value = metadata.get("value")
    named = _plain(field) if value is None else f"{_plain(field)} = {_plain(value)}"
    return f"turned {'off' if is_off else 'on'} {named}"


def _plain(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _object(text: str | None) -> dict[str, Any]:
    return {} if text is None else msgspec.json.decode(text, type=dict[str, Any])


def _length(seconds: float) -> str:
    """A time as people say it.

    >>> _length(0.4), _length(12.0), _length(200.0), _length(4000.0)
    ('0.4 s', '12 s', '3 min', '1 h 7 min')
    """
    if seconds < 1:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
