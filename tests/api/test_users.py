"""Forget a user."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.api.client import INTERACTIONS, Api, click, done


def erase(api: Api, user_id: str) -> dict[str, object]:
    headers = {"X-Namespace": api.namespace.name}
    return done(api.delete(f"/v1/users/{quote(user_id, safe='')}", key="admin", headers=headers))


class TestErase:
    def test_takes_the_users_rows_and_what_hangs_on_them(self, api: Api) -> None:
        retriever = api.retriever()
        api.execution(retriever, "doc_1", execution_id="theirs", user_id="ada")
        api.execution(retriever, "doc_1", execution_id="other", user_id="bob")
        gone = [
            api.record(user_id="ada", event_id="event-1"),
            api.record(user_id="ada", execution_id="other"),
            api.record(execution_id="theirs"),
            api.record(execution_id="theirs", user_id="bob", feature_id="doc_2"),
        ]
        stays = [
            api.record(user_id="bob"),
            api.record(),
            api.record(execution_id="other", feature_id="doc_9"),
        ]
        api.post(INTERACTIONS, click(user_id="ada", position=-1))
        api.post(INTERACTIONS, click(user_id="bob", position=-1))
        assert erase(api, "ada") == {
            "success": True,
            "interactions_deleted": 4,
            "executions_deleted": 1,
            "rejected_deleted": 1,
        }
        for row in gone:
            assert api.get(f"{INTERACTIONS}/{row['interaction_id']}").status_code == 404
        assert stays[::-1] == api.list()["results"]
        assert api.get(f"/v1/retrievers/{retriever}/executions/theirs").status_code == 404
        assert api.get(f"/v1/retrievers/{retriever}/executions/other").status_code == 200
        (rejected,) = done(api.get(f"{INTERACTIONS}/rejected"))["results"]
        assert "bob" in rejected["raw"]

    def test_what_is_sent_live_later_is_recorded_again(self, api: Api) -> None:
        first = api.record(user_id="ada", event_id="event-1")
        erase(api, "ada")
        again = api.record(user_id="ada", event_id="event-1")
        assert (
            again["deduplicated"],
            again["interaction_id"] != first["interaction_id"],
        ) == (False, True)

    def test_an_answer_kept_for_replay_goes_too(self, api: Api) -> None:
        headers = {"Idempotency-Key": "k"}
        first = done(api.post(INTERACTIONS, click(user_id="ada"), headers=headers))
        erase(api, "ada")
        again = done(api.post(INTERACTIONS, click(user_id="ada"), headers=headers))
        assert first["interaction_id"] != again["interaction_id"]

    def test_nothing_of_others_whose_rows_only_mention_the_letters(self, api: Api) -> None:
        """Erasing user "a" is no reason to forget every refusal with an a in it."""
        headers = {"Idempotency-Key": "k"}
        kept = done(api.post(INTERACTIONS, click(user_id="barbara"), headers=headers))
        api.post(INTERACTIONS, click(user_id="barbara", position=-1))
        assert erase(api, "a")["rejected_deleted"] == 0
        again = done(api.post(INTERACTIONS, click(user_id="barbara"), headers=headers))
        assert kept["interaction_id"] == again["interaction_id"]

    def test_however_the_sender_escaped_the_id(self, api: Api) -> None:
        content = b'{"user_id": "\\u0061d\\u0061-\\u00e9", "position": -1}'
        assert api.post(INTERACTIONS, content=content).status_code == 422
        assert erase(api, "ada-é")["rejected_deleted"] == 1
        assert done(api.get(f"{INTERACTIONS}/rejected"))["results"] == []

    @pytest.mark.parametrize(
        "user_id",
        ["a/b", "a b", "ü", "?q=1", "a%2Fb", "#", "x" * 256, "'; DROP TABLE users"],
    )
    def test_any_id_that_can_be_recorded(self, api: Api, user_id: str) -> None:
        api.record(user_id=user_id)
        assert erase(api, user_id)["interactions_deleted"] == 1

    def test_raw_slash_as_the_sdk_sends_it(self, api: Api) -> None:
        api.record(user_id="team/ada")
        headers = {"X-Namespace": api.namespace.name}
        answer = done(api.delete("/v1/users/team/ada", key="admin", headers=headers))
        assert answer["interactions_deleted"] == 1

    def test_nobody_is_nothing(self, api: Api) -> None:
        answer = erase(api, "nobody")
        assert (answer["success"], answer["interactions_deleted"]) == (True, 0)

    @pytest.mark.parametrize("user_id", ["%00", "x" * 257, "%20", "%C3%A9" * 129])
    def test_an_id_that_cannot_be_is_400(self, api: Api, user_id: str) -> None:
        headers = {"X-Namespace": api.namespace.name}
        answer = api.delete(f"/v1/users/{user_id}", key="admin", headers=headers)
        assert answer.status_code == 400, answer.text

    def test_is_for_admins(self, api: Api) -> None:
        for key in ("server", "read", "public"):
            assert api.delete("/v1/users/ada", key=key).status_code == 403

    def test_stays_in_its_namespace(self, api: Api) -> None:
        other = api.backend.api()
        row = other.record(user_id="ada")
        erase(api, "ada")
        assert row == other.read(row["interaction_id"])
