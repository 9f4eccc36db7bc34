"""Experiments over the API: what they may be, what is served in one, what is logged and learned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from desirepath.domain.execution import Execution
from desirepath.domain.experiment import Trial
from desirepath.domain.what_if import WhatIfSettings
from desirepath.engine.deleting import erase_user
from desirepath.engine.housekeeping import keep_house
from desirepath.engine.what_if.logged import read_lists
from tests.api.client import Api, done
from tests.api.test_execute import PATH, TITLE, execute, fill, search, stage

GOOD, BAD = "engine://good", "engine://bad"
SENT = search({"feature_uri": GOOD}, {"feature_uri": BAD}, fusion="learned")
LIVE_LIST = [f"doc_{number}" for number in range(6)]
CANDIDATES = {
    GOOD: [{"document_id": id, "score": 9.0 - n} for n, id in enumerate(LIVE_LIST)],
    BAD: [{"document_id": id, "score": 9.0 - n} for n, id in enumerate(reversed(LIVE_LIST))],
}


def weighted(good: float, bad: float, **parameters: Any) -> dict[str, Any]:
    """A search by both features with fixed weights."""
    return search(
        {"feature_uri": GOOD, "weight": good},
        {"feature_uri": BAD, "weight": bad},
        fusion="weighted",
        **parameters,
    )


def make(api: Api, name: str, *stages: Mapping[str, Any], **fields: Any) -> str:
    made = done(api.post(PATH, {"retriever_name": name, "stages": stages, **fields}))
    id: str = made["retriever_id"]
    return id


def begin(api: Api, name: str = "shop", **fields: Any) -> dict[str, Any]:
    """Begin an experiment; the retriever."""
    experiment = {"mode": "interleave", "challenger": "rival", **fields}
    body = done(api.call("PATCH", f"{PATH}/{name}", {"experiment": experiment}))
    found: dict[str, Any] = body["retriever"]
    return found


@pytest.fixture
def pair(api: Api) -> Api:
    """Give two retrievers that fuse what is sent, in opposite orders, and are compared."""
    make(api, "shop", weighted(1.0, 0.0))
    make(api, "rival", weighted(0.0, 1.0))
    begin(api)
    return api


def ask(api: Api, name: str = "shop", **fields: Any) -> dict[str, Any]:
    body = {"inputs": {"query": "shoe"}, "session_id": "visit", "candidates": CANDIDATES}
    return execute(api, name, **(body | fields))


def logged(api: Api, answer: Mapping[str, Any]) -> Execution:
    with api.engine.storage.read() as session:
        found = session.executions.get(api.namespace.number, answer["execution_id"])
    assert found is not None
    return found


def trial(api: Api, answer: Mapping[str, Any]) -> Trial:
    found = logged(api, answer).trial
    assert found is not None
    return found


def ids(answer: Mapping[str, Any]) -> list[str]:
    return [document["document_id"] for document in answer["documents"]]


class TestField:
    def test_an_experiment_is_begun_and_ended_by_a_change(self, api: Api) -> None:
        make(api, "shop", weighted(1.0, 0.0))
        rival = make(api, "rival", weighted(0.0, 1.0))
        expected = {"mode": "interleave", "share": 0.5, "days": 7, "matters": 0.0}
        assert begin(api)["experiment"] == {**expected, "challenger": rival}
        renamed = {"retriever_name": "contender"}
        done(api.call("PATCH", f"{PATH}/rival", renamed))
        done(api.call("PATCH", f"{PATH}/shop", {"description": "still on"}))
        expected = {"mode": "split", "challenger": rival, "share": 0.25, "days": 3, "matters": 0.1}
        assert done(api.get(f"{PATH}/shop"))["experiment"] is not None
        begin(api, challenger="contender", mode="split", share=0.25, days=3, matters=0.1)
        assert done(api.get(f"{PATH}/shop"))["experiment"] == expected
        ended = done(api.call("PATCH", f"{PATH}/shop", {"experiment": {"mode": "off"}}))
        assert ended["retriever"]["experiment"] is None

    def test_a_retriever_may_be_made_with_one_and_its_copy_has_none(self, api: Api) -> None:
        rival = make(api, "rival", weighted(0.0, 1.0))
        experiment = {"mode": "interleave", "challenger": "rival"}
        make(api, "shop", weighted(1.0, 0.0), experiment=experiment)
        assert done(api.get(f"{PATH}/shop"))["experiment"]["challenger"] == rival
        copy = done(api.post(f"{PATH}/shop/clone", {"retriever_name": "copy"}))
        assert copy["retriever"]["experiment"] is None

    @pytest.mark.parametrize(
        ("experiment", "where", "words"),
        [
            ({}, ["challenger"], "names a challenger"),
            ({"challenger": "nobody"}, ["challenger"], "no such retriever"),
            ({"mode": "split", "challenger": "shop"}, ["challenger"], "challenge itself"),
            ({"mode": "split", "challenger": "busy"}, ["challenger"], "experiment of its own"),
            ({"mode": "split", "challenger": "logs"}, ["challenger"], "no stages"),
            ({"mode": "split", "challenger": "rival", "share": 1.0}, ["share"], ""),
            ({"mode": "split", "challenger": "rival", "days": 0}, ["days"], ""),
            ({"mode": "toss", "challenger": "rival"}, ["mode"], ""),
            ({"mode": "split", "challenger": "rival", "luck": 1}, ["luck"], ""),
            ("rival", [], "object"),
        ],
    )
    def test_what_cannot_be_is_refused(
        self, pair: Api, experiment: object, where: list[str], words: str
    ) -> None:
        make(pair, "logs")
        other = {"mode": "interleave", "challenger": "rival"}
        make(pair, "busy", weighted(1.0, 0.0), experiment=other)
        answer = pair.call("PATCH", f"{PATH}/shop", {"experiment": experiment})
        assert answer.status_code == 422, answer.text
        error = answer.json()["error"]
        (problem,) = error["details"]["validation_errors"]
        assert problem["location"][1:] == ["experiment", *where]
        assert words in answer.text
        assert "nobody" not in answer.text

    def test_a_challenger_begins_no_experiment_of_its_own(self, pair: Api) -> None:
        make(pair, "third", weighted(1.0, 1.0))
        experiment = {"experiment": {"challenger": "third"}}
        answer = pair.call("PATCH", f"{PATH}/rival", experiment)
        assert answer.status_code == 422, answer.text
        assert "challenger of another one" in answer.text
        assert done(pair.get(f"{PATH}/rival"))["experiment"] is None
        done(pair.call("PATCH", f"{PATH}/shop", {"experiment": {"mode": "off"}}))
        assert pair.call("PATCH", f"{PATH}/rival", experiment).status_code == 200

    def test_a_challenger_is_deleted_once_its_experiment_is_ended(self, pair: Api) -> None:
        answer = pair.delete(f"{PATH}/rival")
        assert answer.status_code == 409, answer.text
        assert trial(pair, ask(pair)).problem is None
        done(pair.call("PATCH", f"{PATH}/shop", {"experiment": {"mode": "off"}}))
        assert pair.delete(f"{PATH}/rival").status_code == 200

    def test_a_retriever_that_others_search_for_has_no_challenger(self, pair: Api) -> None:
        experiment = {"mode": "interleave", "challenger": "rival"}
        body = {"retriever_name": "logs", "experiment": experiment}
        assert pair.post(PATH, body).status_code == 422

    def test_a_search_that_brings_its_stages_is_in_none(self, pair: Api) -> None:
        body = {"stages": [weighted(1.0, 0.0)], "session_id": "visit", "candidates": CANDIDATES}
        assert ids(done(pair.post(f"{PATH}/execute", body))) == LIVE_LIST
        body["experiment"] = {"challenger": "rival"}
        assert pair.post(f"{PATH}/execute", body).status_code == 422


class TestInterleaved:
    def test_both_pick_in_turns(self, pair: Api) -> None:
        answer = ask(pair)
        shown, found = ids(answer), trial(pair, answer)
        assert sorted(shown) == LIVE_LIST
        first, second = (
            (LIVE_LIST[-1], LIVE_LIST[0]) if found.coin else (LIVE_LIST[0], LIVE_LIST[-1])
        )
        assert shown[:2] == [first, second]
        for id, team in zip(shown, found.teams, strict=True):
            assert team == (-1 if id in LIVE_LIST[:3] else 1)
        assert found.unit == "session:visit"
        assert logged(pair, answer).retriever_id == answer["retriever_id"]

    def test_the_profile_says_what_was_shown(self, pair: Api) -> None:
        answer = ask(pair)
        found = trial(pair, answer)
        profile = f"{PATH}/shop/executions/{answer['execution_id']}/profile"
        assert done(pair.get(profile))["experiment"] == {
            "experiment_id": found.experiment_id,
            "mode": "interleave",
            "challenger": found.experiment.challenger,
            "unit": "session",
            "shown": "both",
            "teams": list(found.teams),
            "problem": None,
        }
        alone = ask(pair, session_id=None)
        profile = f"{PATH}/shop/executions/{alone['execution_id']}/profile"
        assert done(pair.get(profile))["experiment"] is None

    def test_asked_again_the_list_is_the_same_and_coins_differ_by_unit_and_query(
        self, pair: Api
    ) -> None:
        assert ids(ask(pair)) == ids(ask(pair))
        sessions = {tuple(ids(ask(pair, session_id=f"visit-{n}"))) for n in range(12)}
        queries = {tuple(ids(ask(pair, inputs={"query": f"shoe {n}"}))) for n in range(12)}
        assert len(sessions) > 1
        assert len(queries) > 1

    def test_pages_are_cut_from_one_draft(self, pair: Api) -> None:
        whole, whole_trial = ask(pair), trial(pair, ask(pair))
        page = ask(pair, limit=4)
        shown: list[str] = []
        teams: list[int] = []
        while True:
            shown += ids(page)
            teams += trial(pair, page).teams
            assert page["pagination"]["total"] == len(LIVE_LIST)
            cursor = page["pagination"]["next_cursor"]
            if cursor is None:
                break
            pair.clock.advance(seconds=86_400)  # the next day: still of the first page's unit
            page = ask(pair, limit=4, pagination={"cursor": cursor})
        assert shown == ids(whole)
        assert tuple(teams) == whole_trial.teams

    @pytest.mark.parametrize("mode", ["interleave", "split"])
    def test_further_pages_are_of_who_asked_for_the_first(self, pair: Api, mode: str) -> None:
        """So erasing them leaves none of it behind."""
        begin(pair, mode=mode)
        page = ask(pair, limit=3, session_id=None, user_id="kim")
        following: dict[str, Any] = {
            "limit": 3,
            "pagination": {"cursor": page["pagination"]["next_cursor"]},
        }
        nameless = ask(pair, session_id=None, **following)
        assert not set(ids(page)) & set(ids(nameless))
        assert logged(pair, nameless).user_id == "kim"
        assert trial(pair, nameless).unit == trial(pair, page).unit
        of_another = ask(pair, session_id=None, user_id="lou", **following)
        assert logged(pair, of_another).trial is None
        erase_user(pair.engine, pair.namespace.number, "kim")
        with pair.engine.storage.read() as session:
            left = list(session.executions.scan(pair.namespace.number))
        assert [one.user_id for one in left] == ["lou"]

    def test_a_user_without_session_has_other_coins_each_day(self, pair: Api) -> None:
        units = set()
        for _ in range(2):
            answer = ask(pair, session_id=None, user_id="kim")
            units.add(trial(pair, answer).unit)
            pair.clock.advance(seconds=86_400)
        assert len(units) == 2
        assert all(unit.endswith(":kim") for unit in units)

    def test_nobody_sees_the_live_list_and_is_not_counted(self, pair: Api) -> None:
        answer = ask(pair, session_id=None)
        assert ids(answer) == LIVE_LIST
        assert logged(pair, answer).trial is None

    def test_a_page_of_a_list_from_before_stays_with_it(self, pair: Api) -> None:
        done(pair.call("PATCH", f"{PATH}/shop", {"experiment": {"mode": "off"}}))
        page = ask(pair, limit=3)
        assert logged(pair, page).trial is None
        begin(pair)
        cursor = page["pagination"]["next_cursor"]
        following = ask(pair, limit=3, pagination={"cursor": cursor})
        assert ids(page) + ids(following) == LIVE_LIST
        assert logged(pair, following).trial is None

    def test_it_is_another_experiment_when_either_retriever_changes(self, pair: Api) -> None:
        names = [trial(pair, ask(pair)).experiment_id]
        for name in ("shop", "rival"):
            done(pair.call("PATCH", f"{PATH}/{name}", {"description": "new"}))
            names.append(trial(pair, ask(pair)).experiment_id)
        done(pair.call("PATCH", f"{PATH}/shop", {"experiment": {"mode": "off"}}))
        assert logged(pair, ask(pair)).trial is None
        begin(pair)
        names.append(trial(pair, ask(pair)).experiment_id)
        assert len(set(names)) == 4

    def test_the_built_in_index_is_searched_by_both(self, api: Api) -> None:
        fill(api)
        make(api, "rival", search(TITLE), stage("sort_attribute", field="metadata.shelf"))
        make(
            api,
            "shop",
            search(TITLE),
            experiment={"mode": "interleave", "challenger": "rival"},
        )
        answer = execute(api, "shop", inputs={"query": "shoe red"}, session_id="visit")
        alone = execute(api, "rival", inputs={"query": "shoe red"}, session_id="visit")
        assert set(ids(answer)) == set(ids(alone))
        assert all(document["payload"]["title"] for document in answer["documents"])
        found = trial(api, answer)
        assert len(found.teams) == len(ids(answer))
        assert found.ranking is not None
        assert found.ranking.features == ("text://title",)


class TestFailing:
    @pytest.mark.parametrize("mode", ["interleave", "split"])
    def test_where_the_challenger_fails_the_live_list_is_shown_and_logged(
        self, api: Api, mode: str
    ) -> None:
        make(api, "shop", weighted(1.0, 0.0))
        needy = {"needed": {"type": "string", "required": True}}
        make(api, "rival", weighted(0.0, 1.0), input_schema=needy)
        begin(api, mode=mode, share=0.99)
        answers = [ask(api, user_id=f"user-{n}") for n in range(3)]
        assert all(ids(answer) == LIVE_LIST for answer in answers)
        found = [trial(api, answer) for answer in answers]
        problems = [one.problem or "" for one in found if mode == "interleave" or one.coin]
        assert problems
        assert all("needed" in problem for problem in problems)

    def test_a_challenger_that_is_too_slow_is_not_waited_for(self, api: Api) -> None:
        make(api, "shop", weighted(1.0, 0.0))
        make(api, "rival", weighted(0.0, 1.0), budget_limits={"max_time_ms": 0})
        begin(api)
        answer = ask(api)
        assert ids(answer) == LIVE_LIST
        assert "longer than the 0 ms" in (trial(api, answer).problem or "")

    def test_what_the_live_retriever_refuses_is_refused(self, pair: Api) -> None:
        body = {"session_id": "visit", "candidates": {"engine://neither": []}}
        assert pair.post(f"{PATH}/shop/execute", body).status_code == 422


class TestSplit:
    def test_each_user_sees_one_of_both_all_along(self, pair: Api) -> None:
        begin(pair, mode="split", share=0.5)
        sides: dict[bool, int] = {False: 0, True: 0}
        for number in range(16):
            user = f"user-{number}"
            answers = [ask(pair, user_id=user, session_id=f"{user}-{n}") for n in range(2)]
            found = [trial(pair, answer) for answer in answers]
            assert found[0].coin is found[1].coin
            expected = LIVE_LIST[::-1] if found[0].coin else LIVE_LIST
            assert [ids(answer) for answer in answers] == [expected] * 2
            sides[found[0].coin] += 1
        assert all(sides.values())

    def test_what_a_user_of_the_challenger_does_teaches_the_live_retriever_nothing(
        self, api: Api
    ) -> None:
        make(api, "shop", SENT)
        make(api, "rival", SENT)
        begin(api, mode="split", share=0.99)
        answers = [ask(api, user_id=f"user-{n}") for n in range(4)]
        theirs = [answer for answer in answers if trial(api, answer).coin]
        assert theirs
        for answer in theirs:
            execution = logged(api, answer)
            assert execution.ranking is None
            assert execution.trial is not None
            assert execution.trial.ranking is not None
            assert answer["learned_fusion_context"] is not None
            click = {"execution_id": answer["execution_id"], "feature_id": "doc_0"}
            api.record(**click)
        for name in ("shop", "rival"):
            stats = done(api.get(f"{PATH}/{name}/learned-fusion/stats"))
            assert stats["interaction_count"] == 0.0


class TestLearning:
    """The live retriever learns from its own pool's documents, at the places where they stood."""

    def _experiment(self, api: Api) -> Api:
        other = "engine://other"
        make(api, "shop", SENT)
        make(api, "rival", search({"feature_uri": other}))
        begin(api)
        return api

    def _ask(self, api: Api, number: int) -> dict[str, Any]:
        theirs = [{"document_id": f"new_{n}", "score": 9.0 - n} for n in range(3)]
        candidates = {**CANDIDATES, "engine://other": theirs}
        return ask(api, session_id=f"visit-{number}", candidates=candidates)

    def test_others_only_take_their_places(self, api: Api) -> None:
        self._experiment(api)
        answer = self._ask(api, 0)
        execution = logged(api, answer)
        assert execution.ranking is not None
        assert set(execution.ranking.pool) == set(LIVE_LIST)
        assert {"new_0", "new_1", "new_2"} < set(ids(answer))
        position = ids(answer).index("new_0")
        api.record(execution_id=answer["execution_id"], feature_id="new_0", position=position)
        stats = done(api.get(f"{PATH}/shop/learned-fusion/stats"))
        assert stats["interaction_count"] == 1.0

    def test_it_learns_what_is_liked_and_a_rebuild_changes_nothing(self, api: Api) -> None:
        self._experiment(api)
        for number in range(30):
            answer = self._ask(api, number)
            for feature_id in ("doc_0", "new_1"):
                api.record(
                    execution_id=answer["execution_id"],
                    feature_id=feature_id,
                    position=ids(answer).index(feature_id),
                )
        before = done(api.get(f"{PATH}/shop/learned-fusion/weights"))
        assert before["weights"][GOOD] > before["weights"][BAD]
        done(api.post(f"{PATH}/shop/learned-fusion/rebuild"))
        keep_house(api.engine)
        assert done(api.get(f"{PATH}/shop/learned-fusion/weights")) == before

    def test_what_if_leaves_its_lists_out(self, api: Api) -> None:
        self._experiment(api)
        for number in range(3):
            self._ask(api, number)
        ask(api, session_id=None)
        retriever = api.engine.directory.retriever(api.namespace.number, "shop")
        assert retriever is not None
        left_out: Counter[str] = Counter()
        rng = np.random.default_rng(0)
        lists = list(read_lists(api.engine, retriever, WhatIfSettings(), rng, left_out))
        assert left_out == {"experiment": 3}
        assert sum(map(len, lists)) == 1
