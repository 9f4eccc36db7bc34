"""What is wrong with the events that are sent, how much of it, and how to mend it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from desirepath.domain.interaction import QUERY_LEVEL_TYPES
from desirepath.storage.base import ListChecks, Summaries, Tally

__all__ = ["Fault", "find_faults"]

_CHECKED_CLICKS = 50_000
_BULK = 20  # events at the second position, before the lack of a first one means something
_ONE_IN = 100  # a sender that counts from 1 may still have a few events at 0
_FEW_EVENTS = 100
_LARGEST_SHARE = 0.2


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


def _fault(
    name: str, title: str, count: int, of: int, of_what: str, fix: str, subject: str | None = None
) -> Fault:
    return Fault(
        name=name,
        title=title,
        count=count,
        of=of,
        of_what=of_what,
        share=count / of if of else 0.0,
        fix=fix,
        subject=subject,
    )


def _total(tallies: Sequence[Tally]) -> int:
    return sum(tally.n for tally in tallies)


def _no_execution(documents: Sequence[Tally]) -> Fault:
    return _fault(
        "no_execution",
        "No execution",
        sum(tally.no_execution for tally in documents),
        _total(documents),
        "events on documents",
        "Send the execution_id of the search with every event: it is what events teach through.",
    )


def _unknown_execution(tallies: Sequence[Tally], unknown: int) -> Fault:
    return _fault(
        "unknown_execution",
        "Unknown execution",
        unknown,
        _total(tallies) - sum(tally.no_execution for tally in tallies),
        "events with an execution",
        "Record each search under the execution_id that its events carry, with POST "
        "/v1/retrievers/{retriever_id}/executions; it may arrive after them.",
    )


def _counted_from_one(documents: Sequence[Tally]) -> Fault:
    first, second, n = Counter[str | None](), Counter[str | None](), Counter[str | None]()
    for tally in documents:
        first[tally.retriever_id] += tally.first_position
        second[tally.retriever_id] += tally.second_position
        n[tally.retriever_id] += tally.n
    suspects = [
        name for name in n if second[name] >= _BULK and first[name] * _ONE_IN <= second[name]
    ]
    return _fault(
        "one_based_positions",
        "Positions look counted from 1",
        sum(n[name] for name in suspects),
        n.total(),
        "events on documents",
        "Count positions from 0, so that the first result is 0; an import takes --position-base 1.",
    )


def _beyond_results(documents: Sequence[Tally], checks: ListChecks) -> Fault:
    return _fault(
        "position_outside_results",
        "Position outside the results",
        sum(tally.beyond_results for tally in documents) + checks.beyond_list,
        _total(documents),
        "events on documents",
        "Send the position in the whole result list, counted from 0, and the size of that list "
        "rather than of a page.",
    )


def _not_shown(checks: ListChecks) -> Fault:
    return _fault(
        "document_not_shown",
        "Click on a document that was not shown",
        checks.not_listed,
        checks.n,
        "clicks of known executions",
        "Send the execution_id of the search that showed the document, and record every document "
        "that a search shows.",
    )


def _one_identity(summaries: Summaries, namespace: int, tallies: Sequence[Tally]) -> Fault:
    total = _total(tallies)
    subject, count = None, 0
    if total >= _FEW_EVENTS:
        for identity, n in summaries.identities(namespace, 1):
            if n > total * _LARGEST_SHARE:
                subject, count = identity, n
    return _fault(
        "one_identity",
        "One identity sends much of it",
        count,
        total,
        "events",
        "Check whether it is a robot, a monitor, a test or a shared account, and if so stop "
        "sending its events and erase them.",
        subject,
    )


def _no_session(summaries: Summaries, namespace: int, tallies: Sequence[Tally]) -> Fault:
    count = sum(tally.no_session for tally in tallies)
    if count:
        count -= summaries.sessions_of_executions(namespace)
    return _fault(
        "no_session",
        "No session",
        count,
        _total(tallies),
        "events",
        "Send a session_id with every event or execution, so that results can follow what a "
        "person does next.",
    )


def _future(tallies: Sequence[Tally]) -> Fault:
    return _fault(
        "future_time",
        "Time in the future",
        sum(tally.clamped for tally in tallies),
        _total(tallies),
        "events",
        "Set the sender's clock by NTP, or send age_ms in place of occurred_at.",
    )
