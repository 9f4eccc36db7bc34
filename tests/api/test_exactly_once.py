"""Send it again: the repeat within five minutes, the event_id, the Idempotency-Key."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from desirepath.api.application import Application
from desirepath.domain.clock import format_time
from tests.api.client import INTERACTIONS, Api, Request, click, done, send_to

BATCH = f"{INTERACTIONS}/batch"


async def both_at_once(
    one: Application, two: Application, request: Request
) -> list[httpx.Response]:
    """Send a request eight times each to two applications."""
    return await asyncio.gather(*(send_to(to, request) for to in (one, two) * 8))


def total(api: Api, **body: Any) -> int:
    count = api.list(query="include_total=true", **body)["pagination"]["total"]
    assert isinstance(count, int)
    return count


class TestRepeat:
    """(execution, document, set of types) within the window, on single creates."""

    def test_is_dropped_and_says_so(self, api: Api) -> None:
        first = api.record(execution_id="e", user_id="ada")
        again = api.record(execution_id="e", user_id="ada")
        assert (
            again["deduplicated"],
            again["interaction_id"],
            again["timestamp"],
        ) == (True, None, None)
        assert (first["deduplicated"], total(api)) == (False, 1)

    def test_answer_repeats_the_request(self, api: Api) -> None:
        api.record(execution_id="e")
        again = api.record(execution_id="e", position=4, metadata={"a": 1}, user_id="other")
        assert (
            again["feature_id"],
            again["interaction_type"],
            again["position"],
        ) == ("doc_1", ["click"], 4)
        assert (again["user_id"], again["metadata"]["a"]) == ("other", 1)

    def test_needs_an_execution(self, api: Api) -> None:
        for _ in range(2):
            assert api.record(session_id="s", user_id="u")["deduplicated"] is False
        assert total(api) == 2

    @pytest.mark.parametrize(
        "change",
        [
            {"execution_id": "other"},
            {"feature_id": "doc_2"},
            {"interaction_type": ["view"]},
            {"interaction_type": ["click", "view"]},
        ],
    )
    def test_another_key_is_no_repeat(self, api: Api, change: dict[str, Any]) -> None:
        api.record(execution_id="e")
        assert api.record(**({"execution_id": "e"} | change))["deduplicated"] is False

    def test_types_are_a_set(self, api: Api) -> None:
        api.record(execution_id="e", interaction_type=["view", "click"])
        again = api.record(execution_id="e", interaction_type=["click", "view", "click"])
        assert again["deduplicated"] is True

    def test_key_is_not_a_join_of_texts(self, api: Api) -> None:
        """Two keys whose parts run together alike are two keys."""
        api.record(execution_id="e", feature_id="xclick")
        assert api.record(execution_id="ex", feature_id="click")["deduplicated"] is False

    def test_window_is_five_minutes_and_exact(self, api: Api) -> None:
        api.record(execution_id="e")
        api.clock.advance(seconds=300, microseconds=-1)
        assert api.record(execution_id="e")["deduplicated"] is True
        api.clock.advance(microseconds=1)
        assert api.record(execution_id="e")["deduplicated"] is False

    def test_a_dropped_repeat_does_not_extend_the_window(self, api: Api) -> None:
        api.record(execution_id="e")
        for _ in range(4):
            api.clock.advance(seconds=70)
            assert api.record(execution_id="e")["deduplicated"] is True
        api.clock.advance(seconds=20)
        assert api.record(execution_id="e")["deduplicated"] is False

    def test_window_is_a_setting(self, api: Api) -> None:
        short = api.under(dedup_window_seconds=10)
        short.record(execution_id="e")
        api.clock.advance(seconds=10)
        assert short.record(execution_id="e")["deduplicated"] is False

    def test_no_window_no_repeats(self, api: Api) -> None:
        none = api.under(dedup_window_seconds=0)
        none.record(execution_id="e")
        assert none.record(execution_id="e")["deduplicated"] is False

    def test_deleting_takes_the_mark_away(self, api: Api) -> None:
        first = api.record(execution_id="e")
        done(api.delete(f"{INTERACTIONS}/{first['interaction_id']}"))
        assert api.record(execution_id="e")["deduplicated"] is False

    def test_batches_do_not_look_for_repeats(self, api: Api) -> None:
        api.record(execution_id="e")
        answer = done(api.post(BATCH, {"interactions": [click(execution_id="e")] * 3}))
        assert (answer["created"], total(api)) == (3, 4)

    def test_a_batch_leaves_no_mark(self, api: Api) -> None:
        done(api.post(BATCH, {"interactions": [click(execution_id="e")]}))
        assert api.record(execution_id="e")["deduplicated"] is False

    def test_one_of_many_at_the_same_moment_wins(self, api: Api) -> None:
        request = Request("POST", INTERACTIONS, click(execution_id="e"), api.keys.server)
        answers = [done(answer) for answer in api.send(*[request] * 24)]
        assert (sum(answer["deduplicated"] for answer in answers), total(api)) == (23, 1)

    def test_other_namespaces_have_other_marks(self, api: Api) -> None:
        api.record(execution_id="e")
        assert api.backend.api().record(execution_id="e")["deduplicated"] is False


class TestEventId:
    """The sender's own id: stored once, for as long as the row is kept."""

    def test_the_answer_to_a_repeat_is_the_first(self, api: Api) -> None:
        first = api.record(event_id="event-1", metadata={"a": 1})
        api.clock.advance(seconds=3600 * 24 * 400)
        again = api.record(event_id="event-1", metadata={"a": 1})
        assert first | {"deduplicated": True} == again
        assert total(api) == 1

    def test_layout_of_the_json_does_not_matter(self, api: Api) -> None:
        first = api.record(event_id="event-1", user_id="é")
        text = json.dumps(dict(reversed(click(event_id="event-1", user_id="é").items())), indent=2)
        again = done(api.post(INTERACTIONS, content=text.encode()))
        assert first["interaction_id"] == again["interaction_id"]

    def test_alias_and_null_do_not_matter(self, api: Api) -> None:
        first = api.record(event_id="event-1")
        again = api.record(event_id="event-1", feature_id=..., document_id="doc_1", user_id=None)
        assert first["interaction_id"] == again["interaction_id"]

    def test_a_growing_age_is_the_same_event(self, api: Api) -> None:
        first = api.record(event_id="event-1", age_ms=10)
        again = api.record(event_id="event-1", age_ms=9000)
        assert first | {"deduplicated": True} == again

    @pytest.mark.parametrize(
        "change",
        [
            {"position": 1},
            {"feature_id": "doc_2"},
            {"interaction_type": ["view"]},
            {"metadata": {"a": 2}},
            {"user_id": "u"},
            {"occurred_at": "2020-01-01T00:00:00Z"},
        ],
    )
    def test_other_content_is_409_and_changes_nothing(
        self, api: Api, change: dict[str, Any]
    ) -> None:
        first = api.record(event_id="event-1")
        answer = api.post(INTERACTIONS, click(event_id="event-1") | change)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "event_conflict")
        assert (first, 1) == (api.read(first["interaction_id"]), total(api))

    def test_goes_before_the_window(self, api: Api) -> None:
        """A new event is a repeat by (execution, document, types) all the same."""
        api.record(event_id="event-1", execution_id="e")
        again = api.record(event_id="event-2", execution_id="e")
        assert (again["deduplicated"], again["interaction_id"]) == (True, None)
        api.clock.advance(seconds=301)
        later = api.record(event_id="event-2", execution_id="e")
        assert later["interaction_id"] is not None, "the dropped repeat used up its event_id"

    def test_deleting_frees_it(self, api: Api) -> None:
        first = api.record(event_id="event-1")
        done(api.delete(f"{INTERACTIONS}/{first['interaction_id']}"))
        again = api.record(event_id="event-1", position=9)
        assert first["interaction_id"] != again["interaction_id"]

    def test_one_of_many_at_the_same_moment_is_stored(self, api: Api) -> None:
        request = Request("POST", INTERACTIONS, click(event_id="event-1"), api.keys.server)
        answers = [done(answer) for answer in api.send(*[request] * 24)]
        assert len({answer["interaction_id"] for answer in answers}) == 1
        assert (sum(answer["deduplicated"] for answer in answers), total(api)) == (23, 1)

    def test_counts_as_duplicate_in_a_batch(self, api: Api) -> None:
        first = api.record(event_id="event-1")
        items = [click(event_id="event-1"), click(event_id="event-2"), click(event_id="event-2")]
        answer = done(api.post(BATCH, {"interactions": items}))
        assert (answer["created"], answer["duplicates"], answer["failed"]) == (1, 2, 0)
        statuses = [result["status"] for result in answer["results"]]
        assert statuses == ["duplicate", "created", "duplicate"]
        ids = [result["interaction_id"] for result in answer["results"]]
        assert (first["interaction_id"], ids[1]) == (ids[0], ids[2])

    def test_conflict_in_a_batch_is_the_items_own(self, api: Api) -> None:
        api.record(event_id="event-1")
        items = [click(), click(event_id="event-1", position=5), click()]
        answer = done(api.post(BATCH, {"interactions": items}))
        assert (answer["created"], answer["duplicates"], answer["failed"]) == (2, 0, 1)
        assert answer["errors"][0].startswith("[1] ")

    def test_other_namespaces_have_other_events(self, api: Api) -> None:
        first = api.record(event_id="event-1")
        other = api.backend.api().record(event_id="event-1", position=7)
        assert first["interaction_id"] != other["interaction_id"]


def with_key(
    api: Api, key: str, body: object, path: str = INTERACTIONS, **options: Any
) -> httpx.Response:
    return api.post(path, body, headers={"Idempotency-Key": key}, **options)


class TestIdempotencyKey:
    def test_replays_status_and_body(self, api: Api) -> None:
        first = with_key(api, "k", click())
        api.clock.advance(seconds=3600 * 23)
        again = with_key(api, "k", click())
        assert (200, first.content, 1) == (again.status_code, again.content, total(api))

    def test_other_body_is_422(self, api: Api) -> None:
        with_key(api, "k", click())
        answer = with_key(api, "k", click(position=1))
        assert (
            answer.status_code,
            answer.json()["error"]["code"],
        ) == (422, "idempotency_conflict")
        assert total(api) == 1

    def test_other_path_is_422(self, api: Api) -> None:
        """The same body to another retriever is another request."""
        one, two = api.retriever("one"), api.retriever("two")
        body = {"documents": [{"document_id": "doc_1"}]}
        first = done(with_key(api, "k", body, f"/v1/retrievers/{one}/executions"))
        answer = with_key(api, "k", body, f"/v1/retrievers/{two}/executions")
        assert answer.status_code == 422
        assert first["retriever_id"] == one

    def test_other_operation_is_422(self, api: Api) -> None:
        lenient = api.under(unknown_keys="lenient")
        retriever = api.retriever()
        body = click(documents=[])
        done(with_key(lenient, "k", body))
        answer = with_key(lenient, "k", body, f"/v1/retrievers/{retriever}/executions")
        assert answer.status_code == 422

    def test_is_scoped_to_the_key(self, api: Api) -> None:
        first = done(with_key(api, "k", click()))
        header = {"Idempotency-Key": "k", "X-Namespace": api.namespace.name}
        other = done(api.post(INTERACTIONS, click(position=3), headers=header, key="admin"))
        assert (first["interaction_id"] != other["interaction_id"], total(api)) == (True, 2)

    def test_is_scoped_to_the_namespace(self, api: Api) -> None:
        other = api.backend.api()
        ids = set()
        for named in (api, other):
            header = {"Idempotency-Key": "k", "X-Namespace": named.namespace.name}
            answer = done(api.post(INTERACTIONS, click(), headers=header, key="admin"))
            ids.add(answer["interaction_id"])
        assert (len(ids), total(api), total(other)) == (2, 1, 1)

    def test_a_refused_request_does_not_use_it_up(self, api: Api) -> None:
        assert with_key(api, "k", click(position=-1)).status_code == 422
        assert with_key(api, "k", click(position=1)).status_code == 200

    def test_a_conflict_does_not_use_it_up(self, api: Api) -> None:
        api.record(event_id="event-1")
        assert with_key(api, "k", click(event_id="event-1", position=2)).status_code == 409
        assert with_key(api, "k", click(event_id="event-3")).status_code == 200

    @pytest.mark.parametrize("key", ["", "x" * 256])
    def test_has_1_to_255_characters(self, api: Api, key: str) -> None:
        answer = with_key(api, key, click())
        assert (
            answer.status_code,
            answer.json()["error"]["code"],
        ) == (400, "invalid_query_parameter")
        assert with_key(api, "x" * 255, click()).status_code == 200

    def test_covers_a_whole_batch(self, api: Api) -> None:
        body = {"interactions": [click(), click(position=-1), click(position=2)]}
        first, again = (with_key(api, "k", body, BATCH) for _ in range(2))
        assert (first.content, 2) == (again.content, total(api))
        assert with_key(api, "k", {"interactions": [click()]}, BATCH).status_code == 422

    def test_covers_executions(self, api: Api) -> None:
        path = f"/v1/retrievers/{api.retriever()}/executions"
        body = {"documents": [{"document_id": "doc_1"}]}
        first, again = (with_key(api, "k", body, path) for _ in range(2))
        assert first.content == again.content
        both = {"executions": [body, body]}
        first, again = (with_key(api, "k2", both, f"{path}/batch") for _ in range(2))
        assert first.content == again.content

    def test_many_at_the_same_moment_get_one_answer(self, api: Api) -> None:
        headers = {"Idempotency-Key": "k"}
        request = Request("POST", INTERACTIONS, click(), api.keys.server, headers)
        answers = api.send(*[request] * 24)
        assert {200} == {answer.status_code for answer in answers}
        assert len({answer.content for answer in answers}) == 1
        assert (total(api), len(done(answers[0])["interaction_id"].splitlines())) == (1, 1)

    def test_another_process_knows_the_answer(self, api: Api) -> None:
        first = with_key(api, "k", click())
        other = api.under(session_window_minutes=59)
        assert other.engine is not api.engine
        assert first.content == with_key(other, "k", click()).content

    def test_two_processes_at_the_same_moment_give_one_answer(self, api: Api) -> None:
        headers = {"Idempotency-Key": "k"}
        request = Request("POST", INTERACTIONS, click(), api.keys.server, headers)
        other = api.under(session_window_minutes=59)
        answers = api.backend.portal.call(both_at_once, api.application, other.application, request)
        assert {200} == {answer.status_code for answer in answers}
        assert len({answer.content for answer in answers}) == 1
        assert total(api) == 1

    def test_another_body_at_the_same_moment_is_422(self, api: Api) -> None:
        headers = {"Idempotency-Key": "k"}
        requests = [
            Request("POST", INTERACTIONS, click(position=n), api.keys.server, headers)
            for n in range(12)
        ]
        statuses = sorted(answer.status_code for answer in api.send(*requests))
        assert (statuses, total(api)) == ([200] + [422] * 11, 1)

    def test_answer_is_the_one_given_then(self, api: Api) -> None:
        """Even when the interaction was deleted in between: a replay is a replay."""
        first = with_key(api, "k", click())
        done(api.delete(f"{INTERACTIONS}/{first.json()['interaction_id']}"))
        assert first.content == with_key(api, "k", click()).content

    def test_time_of_the_first_answer(self, api: Api) -> None:
        recorded = format_time(api.clock.now())
        done(with_key(api, "k", click()))
        api.clock.advance(seconds=100)
        assert recorded == done(with_key(api, "k", click()))["occurred_at"]
