"""What senders do wrong: the same words wherever it is found, and rules that two places share."""

from __future__ import annotations

from msgspec import Struct

__all__ = ["EVENT_FAULTS", "FEW_EVENTS", "LARGEST_SHARE", "FaultWords", "looks_counted_from_one"]

FEW_EVENTS = 100
LARGEST_SHARE = 0.2
"""Of all events, once there are a few: what no one identity sends."""

_BULK = 20  # events at the second position, before the lack of a first one means something
_ONE_IN = 100  # a sender that counts from 1 may still have a few events at 0


class FaultWords(Struct, frozen=True, kw_only=True):
    """How a fault is named and mended.

    Parameters
    ----------
    of_what
        Of which events (or other things) it is a share.
    is_grave
        Whether what it concerns teaches nothing, or what is wrong.
    """

    title: str
    of_what: str
    fix: str
    is_grave: bool = True


EVENT_FAULTS = {
    "no_execution": FaultWords(
        title="No execution",
        of_what="events on documents",
        fix="Send the execution_id of the search with every event: it is what events teach "
        "through.",
    ),
    "unknown_execution": FaultWords(
        title="Unknown execution",
        of_what="events with an execution",
        fix="Record each search under the execution_id that its events carry, with POST "
        "/v1/retrievers/{retriever_id}/executions; it may arrive after them.",
    ),
    "no_position": FaultWords(
        title="All positions are 0",
        of_what="events on documents",
        fix="Send the position of the document in the results with every event, counted from 0.",
    ),
    "one_based_positions": FaultWords(
        title="Positions look counted from 1",
        of_what="events on documents",
        fix="Count positions from 0, so that the first result is 0; an import takes "
        "--position-base 1.",
    ),
    "position_outside_results": FaultWords(
        title="Position outside the results",
        of_what="events on documents",
        fix="Send the position in the whole result list, counted from 0, and the size of that list "
        "rather than of a page.",
    ),
    "document_not_shown": FaultWords(
        title="Click on a document that was not shown",
        of_what="clicks of known executions",
        fix="Send the execution_id of the search that showed the document, and record every "
        "document that a search shows.",
    ),
    "duplicated_view": FaultWords(
        title="Views sent more than once",
        of_what="impressions and views",
        fix="Send one impression of a document for each search, with an event_id that a repetition "
        "keeps.",
        is_grave=False,
    ),
    "more_clicked_than_shown": FaultWords(
        title="More clicked than shown",
        of_what="clicked documents",
        fix="Send an impression of every document that comes into view, before it can be clicked: "
        "a clicked document counts as shown here, so that no rate is above 1, but those shown and "
        "left alone are missed.",
    ),
    "future_time": FaultWords(
        title="Time in the future",
        of_what="events",
        fix="Set the sender's clock by NTP, or send age_ms in place of occurred_at.",
        is_grave=False,
    ),
    "before_search": FaultWords(
        title="Event before its search",
        of_what="events of known executions",
        fix="Set senders' clocks by NTP, and send occurred_at with an execution that is recorded "
        "after its events.",
        is_grave=False,
    ),
    "constant_delay": FaultWords(
        title="Times that are late by the same",
        of_what="events with occurred_at",
        fix="Send occurred_at in UTC by a clock that is set by NTP, or age_ms in its place.",
        is_grave=False,
    ),
    "no_session": FaultWords(
        title="No session",
        of_what="events",
        fix="Send a session_id with every event or execution, so that results can follow what a "
        "person does next.",
    ),
    "one_identity": FaultWords(
        title="One identity sends much of it",
        of_what="events",
        fix="Check whether it is a robot, a monitor, a test or a shared account, and if so stop "
        "sending its events and erase them.",
    ),
    "clicks_everything": FaultWords(
        title="Clicks on everything",
        of_what="events of somebody known",
        fix="Stop sending events of crawlers and monitors, and erase those of these identities; "
        "answers leave them out meanwhile.",
    ),
    "clicks_at_once": FaultWords(
        title="Clicks faster than anybody reads",
        of_what="events of somebody known",
        fix="Stop sending events of crawlers and tests, and erase those of these identities; "
        "answers leave them out meanwhile.",
    ),
    "inhuman_rate": FaultWords(
        title="More clicks than anybody makes",
        of_what="events of somebody known",
        fix="Limit how often one person's events are accepted where they are collected, and erase "
        "those of these identities; answers leave them out meanwhile.",
    ),
    "regular_clicks": FaultWords(
        title="Clicks by the clock",
        of_what="events of somebody known",
        fix="Stop sending events of monitors and scripts, and erase those of these identities; "
        "answers leave them out meanwhile.",
    ),
    "one_document": FaultWords(
        title="One document clicked again and again",
        of_what="events of somebody known",
        fix="Look who gains by it, and erase the events of these identities; answers leave them "
        "out meanwhile.",
    ),
    "type_stopped": FaultWords(
        title="A type that stopped arriving",
        of_what="types of events that come often",
        fix="Look for what was released or switched off where the type is sent when its last "
        "event came.",
    ),
}
"""By name, in the order in which they are shown."""


def looks_counted_from_one(n_first: int, n_second: int) -> bool:
    """Whether a sender counts positions from 1, by its events at positions 0 and 1.

    >>> looks_counted_from_one(0, 20), looks_counted_from_one(1, 20)
    (True, False)
    """
    return n_second >= _BULK and n_first * _ONE_IN <= n_second
