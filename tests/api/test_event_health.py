"""Event health over HTTP, on both databases."""

from __future__ import annotations

import pytest

from desirepath.domain.event_faults import EVENT_FAULTS
from tests.api.client import Api, done

EVENT_HEALTH = "/v1/analytics/event-health"


def test_of_an_empty_namespace(api: Api) -> None:
    found = done(api.get(EVENT_HEALTH))
    assert (found["interactions"], found["executions"], found["n_flagged"]) == (0, 0, 0)
    assert {check["name"] for check in found["checks"]} == EVENT_FAULTS.keys()
    assert {check["status"] for check in found["checks"]} == {"not_made"}


def test_a_fault_comes_first_with_examples_and_its_fix(api: Api) -> None:
    recorded = api.record(user_id="u", session_id="s")
    found = done(api.get(EVENT_HEALTH))
    first = found["checks"][0]
    assert (first["name"], first["status"], first["severity"]) == ("no_execution", "failed", "high")
    assert (first["count"], first["of"], first["share"]) == (1, 1, 1.0)
    assert first["interaction_ids"] == [recorded["interaction_id"]]
    assert first["since"] == first["until"] == found["first_at"]
    assert first["fix"] == EVENT_FAULTS["no_execution"].fix


def test_of_a_part_of_the_log(api: Api) -> None:
    api.record()
    found = done(api.get(f"{EVENT_HEALTH}?retriever_id=ret_none&metadata=device:phone&version=1"))
    assert found["interactions"] == 0


@pytest.mark.parametrize("query", ["start_date=never", "metadata=device", "version=0"])
def test_what_cannot_be_read_is_refused(api: Api, query: str) -> None:
    assert api.get(f"{EVENT_HEALTH}?{query}").status_code == 400
