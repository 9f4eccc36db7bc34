"""What is wrong with events is found, with its number, since when and examples."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import msgspec
import pytest

from desirepath.domain.acts import TYPE_TO_BIT
from desirepath.domain.clock import to_datetime
from desirepath.domain.event_faults import EVENT_FAULTS
from desirepath.domain.scope import Scope
from desirepath.engine.analysing.asking import open_log
from desirepath.engine.analysing.event_checks import EventCheck, EventHealth
from desirepath.engine.analysing.event_health import event_health
from desirepath.engine.analysing.part import Part, part_of
from desirepath.engine.engine import Engine
from desirepath.engine.reporting import report
from desirepath.storage.base import Namespace
from desirepath.testing.clock import START, TestingClock
from tests.unit.analysis.logs import random_log
from tests.unit.engine.analysing.robots import ROBOTS
from tests.unit.engine.analysing.traffic import DAY, SECOND, Traffic, opened, record

DEFAULT = Namespace(number=1, namespace_id="ns_default", name="default", created_at=START)
MARKS = tuple(ROBOTS)


def health(engine: Engine, **scope: Any) -> EventHealth:
    with open_log(engine, DEFAULT) as log:
        return event_health(part_of(log, Scope(exclude_flagged=False, **scope)))


def by_name(found: EventHealth) -> dict[str, EventCheck]:
    return {check.name: check for check in found.checks}


def clean_traffic() -> Traffic:
    """Five days of forty people, who see half of each list and click as they do."""
    traffic = Traffic(seed=1).people(250, n_days=5, n_users=40)
    for row in list(traffic.executions):
        for place in range(10):
            traffic.impression(row["execution_id"], place, row["occurred_at"] + place * SECOND)
    return traffic


def test_a_clean_log_passes_all_checks(engine: Engine, clock: TestingClock) -> None:
    clock.advance(seconds=5 * 86_400)
    record(engine, clean_traffic())
    found = health(engine)
    assert {check.name: check.missing for check in found.checks if check.status != "passed"} == {}
    assert {check.name for check in found.checks} == EVENT_FAULTS.keys()
    assert (found.n_flagged, found.flagged_share, found.failed) == (0, 0.0, ())
    assert found.executions == 250
    assert found.first_at is not None
    assert found.first_at >= to_datetime(START)


class Faults:
    """Traffic with each fault made on purpose, and which events have it."""

    def __init__(self) -> None:
        self.traffic = clean_traffic()
        self.name_to_rows: defaultdict[str, list[int]] = defaultdict(list)

    def made(self, name: str, since: int) -> None:
        """All interactions from a number on have a fault."""
        self.name_to_rows[name] += range(since, len(self.traffic.interactions))

    @property
    def now(self) -> int:
        """How many interactions there are."""
        return len(self.traffic.interactions)


def faulty_traffic() -> Faults:
    made = Faults()
    traffic, at = made.traffic, START + 2 * DAY
    known = traffic.search("user_1", at, "q3", retriever_id="ret_3")
    changes: dict[str, list[dict[str, Any]]] = {
        "no_execution": [{"execution_id": None}] * 3,
        "unknown_execution": [{"execution_id": "never"}] * 2,
        "position_outside_results": [{"position": 10, "result_set_size": 10}] * 2,
        "document_not_shown": [{"document_id": "elsewhere"}] * 4,
        "future_time": [{"occurred_at": START + 9 * DAY}] * 2,
        "before_search": [{"occurred_at": at - 60 * SECOND}] * 3,
    }
    for name, rows in changes.items():
        since = made.now
        for number, row in enumerate(rows):
            traffic.click(known, 1, at + (10 + number) * SECOND, **row)
        made.made(name, since)
    since = made.now
    lonely = traffic.search("user_2", at, retriever_id="ret_3")
    traffic.executions[-1]["session_id"] = None
    traffic.click(lonely, 2, at + 20 * SECOND, session_id=None)
    made.made("no_session", since)
    twice = traffic.search("user_3", at)
    traffic.impression(twice, 0, at + SECOND)
    since = made.now
    for number in range(2):
        traffic.impression(twice, 0, at + (2 + number) * SECOND)
    made.made("duplicated_view", since)
    since = made.now
    for number in range(20):
        search = traffic.search("user_4", at + number * 60 * SECOND, retriever_id="ret_zero")
        for place in range(2):
            began = traffic.executions[-1]["occurred_at"]
            traffic.impression(search, place, began + (9 + place) * SECOND, position=0)
    made.made("no_position", since)
    since = made.now
    for number in range(20):
        search = traffic.search("user_5", at + number * 90 * SECOND, retriever_id="ret_one")
        began = traffic.executions[-1]["occurred_at"]
        traffic.click(search, 0, began + number * SECOND, position=1)
    made.made("one_based_positions", since)
    blind = traffic.search("user_6", at, retriever_id="ret_blind")
    traffic.impression(blind, 0, at + SECOND)
    since = made.now
    for place in (3, 4, 5):
        traffic.click(blind, place, at + place * 2 * SECOND)
    made.made("more_clicked_than_shown", since)
    since = made.now
    for number in range(80):  # twenty a day for four days, and then none
        search = traffic.executions[number]["execution_id"]
        moment = START + number * DAY // 20 + 3_600 * SECOND
        traffic.click(search, 0, moment, acts=TYPE_TO_BIT["purchase"])
        traffic.interactions[-1]["execution_id"] = traffic.search("user_7", moment - 9 * SECOND,
                                                                  f"q{number % 20}")  # fmt: skip
        traffic.interactions[-1]["document_id"] = f"q{number % 20}_0"
        traffic.impression(traffic.executions[-1]["execution_id"], 0, moment - SECOND)
    for mark, robot in ROBOTS.items():
        since = made.now
        robot(traffic, mark)
        made.made(mark, since)
    made.name_to_rows["one_identity"] = made.name_to_rows["inhuman_rate"]
    return made


def send_late(engine: Engine, clock: TestingClock) -> list[str]:
    """Events of half an hour, each recorded an hour after it happened."""
    ids = []
    for number in range(25):
        clock.advance(seconds=60)
        traffic = Traffic()
        traffic.executions = []
        traffic.search("user_9", clock.now() - 3_600 * SECOND, retriever_id="ret_late")
        traffic.executions[0]["execution_id"] = f"late_{number}"
        traffic.click("e0", number % 3, clock.now() - 3_590 * SECOND)
        traffic.interactions[0]["execution_id"] = f"late_{number}"
        ids += record(engine, traffic)
    return ids


def test_each_fault_is_found_with_its_number_since_when_and_examples(
    engine: Engine, clock: TestingClock
) -> None:
    clock.advance(seconds=5 * 86_400)
    made = faulty_traffic()
    ids = record(engine, made.traffic)
    late_ids = send_late(engine, clock)
    found = by_name(health(engine))
    assert {name for name, check in found.items() if check.status != "failed"} == set()
    for name, rows in made.name_to_rows.items():
        check = found[name]
        moments = [made.traffic.interactions[row]["occurred_at"] for row in rows]
        if name == "future_time":
            moments = [START + 5 * DAY]
        assert check.count == len(rows), name
        assert check.since == to_datetime(min(moments)), name
        assert check.until == to_datetime(max(moments)), name
        examples = set(check.interaction_ids)
        if name == "more_clicked_than_shown":  # of documents, rather than events
            assert check.execution_ids, name
        else:
            assert examples, name
        assert examples <= {ids[row] for row in rows}, name
        assert check.share == check.count / check.of
    assert found["constant_delay"].count == 25
    assert set(found["constant_delay"].interaction_ids) <= set(late_ids)
    assert found["constant_delay"].detail == "Half of them are late by 60 minutes or more."
    stopped = found["type_stopped"]
    assert (stopped.count, stopped.retriever_ids) == (1, ("ret_1",))
    assert stopped.since == to_datetime(START + 79 * DAY // 20 + 3_600 * SECOND)
    assert stopped.detail is not None
    assert stopped.detail.startswith("purchase came 0 times in the last day")
    for mark in MARKS:
        assert found[mark].identities == (mark,)
    assert found["one_identity"].identities == ("inhuman_rate",)
    assert found["one_based_positions"].retriever_ids == ("ret_one",)
    assert found["no_position"].retriever_ids == ("ret_zero",)


def test_first_sight_finds_the_same(engine: Engine, clock: TestingClock) -> None:
    """The eight checks of the report, which need no extra, agree in words and numbers."""
    clock.advance(seconds=5 * 86_400)
    record(engine, faulty_traffic().traffic)
    found = by_name(health(engine))
    first_sight = report(engine, DEFAULT, clock.now()).faults
    assert len(first_sight) == 8
    for fault in first_sight:
        check = found[fault.name]
        assert (fault.title, fault.fix, fault.of_what) == (check.title, check.fix, check.of_what)
        assert (fault.name, fault.count, fault.of) == (check.name, check.count, check.of)


def test_a_part_of_the_log(engine: Engine, clock: TestingClock) -> None:
    clock.advance(seconds=5 * 86_400)
    made = faulty_traffic()
    record(engine, made.traffic)
    found = by_name(health(engine, retriever_id="ret_zero"))
    assert {name for name, check in found.items() if check.status == "failed"} == {
        "no_position",
        "one_identity",
    } - ({"one_identity"} if found["no_position"].of < 100 else set())
    robots = by_name(health(engine, retriever_id="ret_2"))
    assert {mark for mark in MARKS if robots[mark].count} == set(MARKS)


def test_an_empty_log_says_what_is_missing(engine: Engine) -> None:
    found = health(engine)
    assert (found.interactions, found.executions, found.first_at) == (0, 0, None)
    assert {check.status for check in found.checks} == {"not_made"}
    assert all(check.missing for check in found.checks)


HOSTILE: dict[str, dict[str, Any]] = {
    "one row of nulls": {"interactions": [{"id": bytes(16), "acts": 4, "occurred_at": 0}]},
    "one click": {
        "interactions": [
            {"id": bytes(16), "acts": 4, "occurred_at": 1, "recorded_at": 1, "live": True}
            | {"document_id": "d", "position": 0}
        ]
    },
    "executions alone": {
        "executions": [{"id": bytes(16), "execution_id": "e", "occurred_at": 1, "offset": 0}]
    },
    "documents of no execution": {"returned": [{"execution_id": "e", "document_id": "d"}]},
    "all at one moment": {
        "interactions": [
            {"id": bytes([n]) * 16, "acts": 4, "occurred_at": 5, "recorded_at": 5, "live": False}
            | {"document_id": "d", "position": 0, "user_id": "u", "session_id": "s"}
            for n in range(200)
        ]
    },
    "without executions": {"interactions": random_log(1, 12, 200)["interactions"]},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_is_in_it_gives_an_answer(tmp_path: Path, name: str) -> None:
    traffic = Traffic()
    for table, rows in HOSTILE[name].items():
        setattr(traffic, table, rows)
    with opened(tmp_path, traffic) as log:
        found = event_health(Part(log=log.log, engine=log.engine))
    plain = msgspec.json.decode(msgspec.json.encode(found))
    assert len(plain["checks"]) == len(EVENT_FAULTS)
    for check in found.checks:
        assert (check.status == "not_made") == (check.missing is not None)
        assert (check.status == "failed") == (check.count > 0) == (check.severity is not None)
        assert 0 <= check.share <= 1
