"""What is wrong with the events that are sent, how much of it, and how to mend it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from desirepath.domain.event_faults import (
    EVENT_FAULTS,
    FEW_EVENTS,
    LARGEST_SHARE,
    looks_counted_from_one,
)
from desirepath.domain.interaction import QUERY_LEVEL_TYPES
from desirepath.storage.base import ListChecks, Summaries, Tally

__all__ = ["Fault", "find_faults"]

_CHECKED_CLICKS = 50_000


class Fault(Struct, frozen=True, kw_only=True):
    """Something to mend in what is sent; nothing was wrong when ``count`` is 0.

    Parameters
    ----------
    name
        For programs.
    title
        What is wrong.
    count, of, of_what, share
        How many events, of how many of which.
    fix
        What to do, in one sentence.
    subject
        Whom it is about, for a fault of one identity.
    """

    name: str
    title: str
    count: int
    of: int
    of_what: str
    share: float
    fix: str
    subject: str | None = None


def find_faults(
    summaries: Summaries,
    namespace: int,
    tallies: Sequence[Tally],
    clicks: Sequence[str],
    unknown: int,
) -> tuple[Fault, ...]:
    """Every check with its result, the largest share first.

    Parameters
    ----------
    summaries, namespace
        The log.
    tallies
        Of the whole namespace.
    clicks
        The joined types of the tallies that have a click.
    unknown
        How many interactions name an execution that is not known.
    """
    documents = [
        tally for tally in tallies if not QUERY_LEVEL_TYPES.issuperset(tally.types.split(","))
    ]
    checks = ListChecks(0, 0, 0)
    if clicks:
        checks = summaries.list_checks(namespace, clicks, _CHECKED_CLICKS)
    found = (
        _no_execution(documents),
        _unknown_execution(tallies, unknown),
        _counted_from_one(documents),
        _beyond_results(documents, checks),
        _not_shown(checks),
        _one_identity(summaries, namespace, tallies),
        _no_session(summaries, namespace, tallies),
        _future(tallies),
    )
    return tuple(sorted(found, key=lambda fault: -fault.share))


def _fault(name: str, count: int, of: int, subject: str | None = None) -> Fault:
    words = EVENT_FAULTS[name]
    return Fault(
        name=name,
        title=words.title,
        count=count,
        of=of,
        of_what=words.of_what,
        share=count / of if of else 0.0,
        fix=words.fix,
        subject=subject,
    )


def _total(tallies: Sequence[Tally]) -> int:
    return sum(tally.n for tally in tallies)


def _no_execution(documents: Sequence[Tally]) -> Fault:
    count = sum(tally.no_execution for tally in documents)
    return _fault("no_execution", count, _total(documents))


def _unknown_execution(tallies: Sequence[Tally], unknown: int) -> Fault:
    named = _total(tallies) - sum(tally.no_execution for tally in tallies)
    return _fault("unknown_execution", unknown, named)


def _counted_from_one(documents: Sequence[Tally]) -> Fault:
    first, second, n = Counter[str | None](), Counter[str | None](), Counter[str | None]()
    for tally in documents:
        first[tally.retriever_id] += tally.first_position
        second[tally.retriever_id] += tally.second_position
        n[tally.retriever_id] += tally.n
    suspects = [name for name in n if looks_counted_from_one(first[name], second[name])]
    return _fault("one_based_positions", sum(n[name] for name in suspects), n.total())


def _beyond_results(documents: Sequence[Tally], checks: ListChecks) -> Fault:
    count = sum(tally.beyond_results for tally in documents) + checks.beyond_list
    return _fault("position_outside_results", count, _total(documents))


def _not_shown(checks: ListChecks) -> Fault:
    return _fault("document_not_shown", checks.not_listed, checks.n)


def _one_identity(summaries: Summaries, namespace: int, tallies: Sequence[Tally]) -> Fault:
    total = _total(tallies)
    subject, count = None, 0
    if total >= FEW_EVENTS:
        for identity, n in summaries.identities(namespace, 1):
            if n > total * LARGEST_SHARE:
                subject, count = identity, n
    return _fault("one_identity", count, total, subject)


def _no_session(summaries: Summaries, namespace: int, tallies: Sequence[Tally]) -> Fault:
    count = sum(tally.no_session for tally in tallies)
    if count:
        count -= summaries.sessions_of_executions(namespace)
    return _fault("no_session", count, _total(tallies))


def _future(tallies: Sequence[Tally]) -> Fault:
    return _fault("future_time", sum(tally.clamped for tally in tallies), _total(tallies))
