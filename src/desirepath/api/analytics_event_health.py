"""What is wrong with the events that are sent."""

from __future__ import annotations

from msgspec.structs import asdict

from desirepath.api.analytics import ANALYTICS_ERRORS, TAG, ScopeQuery, SearchesQuery, asked
from desirepath.api.endpoint import Call, endpoint, read_query
from desirepath.domain.access import Access
from desirepath.engine.analysing.event_checks import EventHealth

__all__ = ["ENDPOINTS"]


@endpoint(
    "GET",
    "/v1/analytics/event-health",
    access=Access.READ,
    tag=TAG,
    response=EventHealth,
    query=SearchesQuery,
    errors=ANALYTICS_ERRORS,
)
def get_event_health(call: Call) -> EventHealth:
    """Check the events that are sent.

    Each check says how many events it concerns, of how many, since when and until when, with a few
    examples and what to do. One that found nothing has `passed`; one that could not be made says
    what is `missing`. Identities that look like robots are looked for in the whole log.
    """
    query = read_query(call.query_string, SearchesQuery)
    everybody = ScopeQuery(**asdict(query), exclude_flagged=False)
    with asked(call, everybody) as part:
        from desirepath.engine.analysing.event_health import event_health

        return event_health(part)


ENDPOINTS = (get_event_health,)
