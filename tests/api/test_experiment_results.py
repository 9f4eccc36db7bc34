"""What experiments come to, over the API: what counts, when, and what is decided by it."""

from __future__ import annotations

from typing import Any

import pytest

from desirepath.engine.deleting import erase_user
from tests.api.client import Api, done
from tests.api.test_execute import PATH
from tests.api.test_experiments import LIVE_LIST, ask, begin, ids, make, trial, weighted

HOUR, DAY = 3_600.0, 86_400.0


@pytest.fixture
def pair(api: Api) -> Api:
    """Give two retrievers that rank in opposite orders, and are interleaved."""
    make(api, "shop", weighted(1.0, 0.0))
    make(api, "rival", weighted(0.0, 1.0))
    begin(api)
    return api


def experiments(api: Api) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = done(api.get(f"{PATH}/shop/experiments"))["results"]
    return found


def result(api: Api, experiment_id: str | None = None) -> dict[str, Any]:
    name = experiments(api)[0]["experiment_id"] if experiment_id is None else experiment_id
    found: dict[str, Any] = done(api.get(f"{PATH}/shop/experiments/{name}"))
    return found


def click(api: Api, answer: dict[str, Any], feature_id: str, type: str = "click") -> None:
    api.record(
        execution_id=answer["execution_id"],
        feature_id=feature_id,
        position=ids(answer).index(feature_id),
        interaction_type=[type],
    )


def visit(api: Api, session_id: str, *clicked: str) -> None:
    answer = ask(api, session_id=session_id)
    for feature_id in clicked:
        click(api, answer, feature_id)


THEIRS, OURS = LIVE_LIST[-1], LIVE_LIST[0]


class TestInterleaved:
    def test_before_the_first_search_nothing_is_known(self, pair: Api) -> None:
        (one,) = experiments(pair)
        assert (one["is_on"], one["n_searches"], one["outcome"]) == (True, 0, None)
        found = result(pair)
        assert found["words"].startswith("Nothing is known yet")
        assert (found["outcome"], found["may_stop"], found["path"]) == ("open", False, [])

    def test_a_session_counts_once_it_is_closed(self, pair: Api) -> None:
        visit(pair, "one", THEIRS)
        found = result(pair)
        assert (found["n_closed"], found["n_open"], found["n"]) == (0, 1, 0)
        pair.clock.advance(seconds=HOUR + 1)
        found = result(pair)
        assert (found["n_closed"], found["n_open"], found["n"]) == (1, 0, 1)
        assert found["difference"] == 1.0
        assert (found["low"], found["high"]) == (-3.0, 3.0)

    def test_what_comes_after_it_is_closed_never_counts(self, pair: Api) -> None:
        answer = ask(pair, session_id="one")
        click(pair, answer, THEIRS)
        pair.clock.advance(seconds=HOUR + 1)
        before = result(pair)
        click(pair, answer, OURS)
        visit(pair, "one", OURS, LIVE_LIST[1])
        assert result(pair) == before
        pair.clock.advance(seconds=2 * HOUR)
        assert result(pair) == before

    def test_a_session_goes_on_while_something_happens(self, pair: Api) -> None:
        answer = ask(pair, session_id="one")
        for feature_id in (OURS, LIVE_LIST[1]):
            pair.clock.advance(seconds=0.9 * HOUR)
            click(pair, answer, feature_id)
        pair.clock.advance(seconds=HOUR + 1)
        found = result(pair)
        assert (found["n_closed"], found["difference"]) == (1, -2.0)
        assert found["live"]["n_acted_on"] == 2
        assert found["challenger"]["reward"] == 0.0

    def test_a_document_counts_once_and_a_session_for_three_clicks(self, pair: Api) -> None:
        answer = ask(pair, session_id="one")
        for type in ("view", "click", "purchase"):
            click(pair, answer, THEIRS, type)
        click(pair, answer, LIVE_LIST[-2], "negative_feedback")
        pair.clock.advance(seconds=HOUR + 1)
        found = result(pair)
        assert found["challenger"]["reward"] == 5.0 - 2.0
        assert found["difference"] == 3.0

    def test_a_session_without_an_opinion_is_left_out(self, pair: Api) -> None:
        visit(pair, "one")
        pair.clock.advance(seconds=HOUR + 1)
        found = result(pair)
        assert (found["n_closed"], found["n"]) == (1, 0)

    def test_who_is_ahead_is_decided_and_stays_decided(self, pair: Api) -> None:
        for number in range(40):
            visit(pair, f"visit-{number}", THEIRS)
            pair.clock.advance(seconds=60)
        pair.clock.advance(seconds=2 * HOUR)
        found = result(pair)
        assert found["words"].startswith("The challenger is ahead.")
        assert (found["outcome"], found["may_stop"], found["n"]) == ("challenger", True, 40)
        assert found["low"] > 0
        assert found["path"][-1]["evidence_challenger"] > found["evidence_needed"]
        assert found["path"][-1]["difference"] == pytest.approx(found["difference"])
        assert [point["n"] for point in found["path"]] == list(range(1, 41))
        assert found["decision"]["n"] == 40
        assert "path" not in found["decision"]
        for number in range(60):
            visit(pair, f"later-{number}", OURS, LIVE_LIST[1])
        pair.clock.advance(seconds=2 * HOUR)
        later = result(pair)
        assert later["decision"] == found["decision"]
        assert later["decided_at"] == found["decided_at"]
        assert later["n"] == 100
        assert later["outcome"] != "challenger"

    def test_the_decision_stays_when_the_log_is_gone(self, pair: Api) -> None:
        for number in range(40):
            answer = ask(pair, session_id=f"visit-{number}", user_id="kim")
            click(pair, answer, THEIRS)
        pair.clock.advance(seconds=2 * HOUR)
        found = result(pair)
        done(pair.call("PATCH", f"{PATH}/shop", {"experiment": {"mode": "off"}}))
        assert result(pair)["is_on"] is False
        erase_user(pair.engine, pair.namespace.number, "kim")
        (one,) = experiments(pair)
        assert (one["n_searches"], one["outcome"]) == (0, "challenger")
        kept = result(pair, found["experiment_id"])
        assert kept["decision"] == found["decision"]
        assert kept["path"] == found["path"]
        assert "kim" not in str(kept)

    def test_where_they_differ_too_little_they_are_alike(self, pair: Api) -> None:
        begin(pair, matters=2.9)
        for number in range(200):
            visit(pair, f"visit-{number}", THEIRS, OURS)
        pair.clock.advance(seconds=2 * HOUR)
        found = result(pair)
        assert (found["outcome"], found["may_stop"]) == ("alike", True)
        assert found["words"].startswith("They do not differ by as much as matters.")

    def test_failures_are_reported(self, api: Api) -> None:
        make(api, "shop", weighted(1.0, 0.0))
        needy = {"needed": {"type": "string", "required": True}}
        make(api, "rival", weighted(0.0, 1.0), input_schema=needy)
        begin(api)
        visit(api, "one", OURS)
        api.clock.advance(seconds=2 * HOUR)
        found = result(api)
        assert (found["n_searches"], found["n_failed"], found["n"]) == (1, 1, 0)
        assert "The challenger failed in 1 of 1 searches" in found["words"]


class TestSplit:
    def test_a_user_counts_once_by_the_first_days(self, pair: Api) -> None:
        begin(pair, mode="split", days=2)
        side = trial(pair, ask(pair, user_id="kim")).coin
        for session in ("a", "b"):
            answer = ask(pair, user_id="kim", session_id=session)
            click(pair, answer, OURS)
            pair.clock.advance(seconds=0.9 * DAY)
        assert (result(pair)["n_closed"], result(pair)["n_open"]) == (0, 1)
        pair.clock.advance(seconds=0.3 * DAY)
        click(pair, ask(pair, user_id="kim"), OURS)
        found = result(pair)
        assert (found["mode"], found["days"], found["n_closed"], found["n"]) == ("split", 2, 1, 1)
        who = found["challenger" if side else "live"]
        assert (who["n_units"], who["reward"]) == (1, 2.0)
        assert "A user of the challenger earns" in found["words"]

    def test_the_side_that_earns_more_is_found(self, pair: Api) -> None:
        """The clicks of a user of the live retriever are none; those of the other's are four."""
        begin(pair, mode="split", days=1)
        for number in range(80):
            answer = ask(pair, user_id=f"user-{number}")
            if trial(pair, answer).coin:
                for feature_id in LIVE_LIST:
                    click(pair, answer, feature_id)
        pair.clock.advance(seconds=2 * DAY)
        found = result(pair)
        assert found["outcome"] == "challenger"
        assert found["difference"] == pytest.approx(6.0, abs=1.5)
        assert found["low"] < 6.0 < found["high"]
        assert found["sample_ratio"]["is_off"] is False
        assert sum(found["sample_ratio"]["counts"]) == 80


class TestList:
    def test_each_start_is_another_one_and_the_last_is_first(self, pair: Api) -> None:
        visit(pair, "one", THEIRS)
        pair.clock.advance(seconds=1)
        begin(pair, mode="split")
        visit(pair, "two", THEIRS)
        pair.clock.advance(seconds=1)
        done(pair.call("PATCH", f"{PATH}/shop", {"experiment": {"mode": "off"}}))
        second, first = experiments(pair)
        assert [first["mode"], second["mode"]] == ["interleave", "split"]
        assert [first["is_on"], second["is_on"]] == [False, False]
        assert (first["n_searches"], second["n_searches"]) == (1, 1)

    def test_unknown_ones_are_not_there(self, pair: Api) -> None:
        visit(pair, "one")
        name = experiments(pair)[0]["experiment_id"]
        for path in (f"rival/experiments/{name}", "shop/experiments/exp_0", "none/experiments"):
            assert pair.get(f"{PATH}/{path}").status_code == 404
