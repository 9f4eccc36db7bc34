"""A slice of the hostile corpus through every place of the API, on both databases at once.

Nothing may be answered with 500 or more, both databases answer the same bytes and store the same
values, and no error repeats what was sent. The whole corpus runs in ``tests/torture``.
"""

from __future__ import annotations

import json
import logging
from typing import Any

import httpx
import pytest

from tests.api.attack import (
    Problems,
    attack_batches,
    attack_headers,
    attack_leaves,
    attack_paths,
    attack_queries,
    attack_structures,
    check,
    check_stored,
    with_body,
)
from tests.api.client import INTERACTIONS, Api, Request, click, done
from tests.api.fuzz import fuzz
from tests.api.hostile import ACCEPTED_JSON, LEAVES, REFUSED_JSON, as_bytes, in_metadata, slots
from tests.api.operations import CALLS, World, operations
from tests.api.twins import Twins

CANARY = "canary-4be9"
EVERYWHERE = (
    "text: NUL",
    "text: 257 bytes",
    "number: NaN",
    "number: -0.0",
    "number: 9223372036854775808",
)
"""What goes into every place even here."""


@pytest.fixture
def document(twins: Twins) -> dict[str, Any]:
    return done(twins.sqlite.get("/openapi.json", key=None))


class TestPlaces:
    def test_values_in_bodies(self, twins: Twins, document: dict[str, Any]) -> None:
        names = list(LEAVES)
        chosen = [
            (slot, name)
            for index, slot in enumerate(slots(document))
            for name in (*EVERYWHERE, *names[index % 61 :: 61])
        ]
        answers = attack_leaves(twins, chosen)
        assert len(answers) > 1_400
        assert {200, 422} <= {answer.status_code for answer in answers}
        assert check_stored(twins, answers) > 50

    def test_batches(self, api: Api, document: dict[str, Any]) -> None:
        assert attack_batches(api, document, stride=18) > 150

    def test_structures(self, twins: Twins, document: dict[str, Any]) -> None:
        assert attack_structures(twins, document, most_bytes=50_000) > 300
        twins.check_contents()

    def test_paths(self, twins: Twins, document: dict[str, Any]) -> None:
        assert attack_paths(twins, document, stride=12) > 100
        twins.check_contents()

    def test_queries(self, twins: Twins, document: dict[str, Any]) -> None:
        assert attack_queries(twins, document, stride=45) > 100

    def test_headers(self, twins: Twins) -> None:
        assert attack_headers(twins, stride=3) > 100
        twins.check_contents()

    def test_requests_made_from_the_description(
        self, twins: Twins, document: dict[str, Any]
    ) -> None:
        assert fuzz(twins, document, 4) >= 200
        twins.check_contents()


def test_a_log_of_the_largest_numbers_can_be_asked(twins: Twins, document: dict[str, Any]) -> None:
    most = 2**63 - 1
    for world in twins.worlds:
        api = world.api
        deep = click(position=most, result_set_size=most, execution_id="deep")
        done(api.post(INTERACTIONS, deep))
        documents = [{"document_id": "doc_1"}, {"document_id": "doc_2"}]
        listed = {"documents": documents, "offset": most, "total": most}
        path = f"/v1/retrievers/{world.ids.retriever_id}/executions"
        done(api.post(path, {"execution_id": "deep", **listed}))
    asking = [one.id for one in operations(document) if one.asks_the_log]
    assert len(asking) > 10
    problems = Problems()
    for id in (*asking, "generate_dataset"):
        with problems.of(id):
            check(twins.send(CALLS[id].__call__))
    problems.expect_none()


class TestJson:
    """What is JSON, by hand: a strict reader takes all of the one list and none of the other."""

    def post(self, twins: Twins, document: str | bytes) -> httpx.Response:
        return twins.send(with_body("create_interaction", in_metadata(document)))

    def test_accepted_and_read_back_as_the_same_value(self, twins: Twins) -> None:
        for document in ACCEPTED_JSON:
            answer = self.post(twins, document)
            assert answer.status_code == 200, document
            stored = [
                world.api.read(answer.json()["interaction_id"])["metadata"]["x"]
                for world in twins.worlds
            ]
            assert [repr(json.loads(document))] * 2 == list(map(repr, stored)), document

    def test_refused(self, twins: Twins) -> None:
        for document in REFUSED_JSON:
            answer = self.post(twins, document)
            assert answer.status_code == 422, document
        assert twins.sqlite.list(filters={"metadata.x": {"exists": True}})["results"] == []

    def test_refused_as_a_whole_body(self, twins: Twins) -> None:
        for document in REFUSED_JSON:
            content = as_bytes(document)
            if content:
                answer = twins.send(with_body("search_interactions", content))
                assert answer.status_code == 422, document


TOKENS = {
    "text": json.dumps(CANARY),
    "long": json.dumps(CANARY * 40),
    "NUL": json.dumps(f"{CANARY}\x00"),
    "array": json.dumps([CANARY, [CANARY]]),
    "value": json.dumps({"a": CANARY}),
    "operator": json.dumps({"eq": {"a": CANARY}}),
    "broken": f'"{CANARY}',
}


SHAPES = list(TOKENS.items())


class TestEcho:
    """Errors say where and why, never what: put a mark everywhere, and look for it in answers."""

    def test_bodies(self, twins: Twins, document: dict[str, Any]) -> None:
        problems, number = Problems(), 0
        for index, slot in enumerate(slots(document)):
            for shape, token in (SHAPES[0], *SHAPES[1 + index % 2 :: 2]):
                number += 1
                answer = twins.send(with_body(slot.operation, slot.content(token, number)))
                with problems.of(slot.operation, slot.place, shape):
                    if answer.status_code >= 400:
                        assert CANARY not in answer.text
                    else:
                        assert CANARY not in str(answer.json().get("errors"))
        problems.expect_none()

    def test_queries_and_headers(self, twins: Twins, document: dict[str, Any]) -> None:
        headers: tuple[tuple[str, str], ...] = (
            ("Authorization", f"Bearer {CANARY}"),
            ("X-Namespace", f"<{CANARY}>"),
            ("Idempotency-Key", CANARY * 30),
            ("Content-Type", CANARY),
            ("Content-Encoding", CANARY),
        )

        def build(id: str, query: str, name: str = "", value: str = "") -> Any:
            def request(world: World) -> Request:
                usual = CALLS[id](world)
                key = None if name == "Authorization" else usual.key
                sent = {name: value} if name else usual.headers
                return usual._replace(path=usual.path + query, headers=sent, key=key)

            return request

        asked: set[str] = set()  # parameters of questions to the log, which all read alike
        for operation in operations(document):
            if operation.needs_key:
                names = operation.parameters("query")
                sent = headers
                if operation.asks_the_log:
                    sent = () if asked else headers
                    names = [name for name in names if name not in asked]
                    asked.update(names)
                requests = [
                    *(build(operation.id, f"?{name}={CANARY}") for name in names),
                    *(build(operation.id, "", name, value) for name, value in sent),
                ]
                for request in requests:
                    answer = twins.send(request)
                    assert answer.status_code < 400 or CANARY not in answer.text

    def test_an_id_in_a_path_is_repeated_only_as_an_id(self, twins: Twins) -> None:
        """404 names what it did not find, if that is a plain id and no prose or markup."""
        api = twins.sqlite
        plain = api.get(f"/v1/retrievers/{CANARY}").json()["error"]
        assert plain["details"].pop("id") == CANARY
        assert CANARY not in json.dumps(plain)
        for text in (f"{CANARY}%20{CANARY}", f"%3C{CANARY}%3E", CANARY * 10, f"{CANARY}%0A"):
            for path in ("/v1/retrievers/", f"{INTERACTIONS}/", "/v1/retrievers/x/executions/"):
                assert CANARY not in api.get(path + text).text

    def test_an_unknown_key_is_named_only_as_a_name(self, twins: Twins) -> None:
        api = twins.sqlite
        assert "colour" in api.post(INTERACTIONS, click(colour="red")).json()["error"]["message"]
        for name in (f"{CANARY} {CANARY}", f"<{CANARY}>", CANARY * 10, f"{CANARY}\n"):
            for path, body in (
                (INTERACTIONS, click()),
                (f"{INTERACTIONS}/list", {}),
                ("/v1/retrievers", {"retriever_name": "x"}),
            ):
                answer = api.post(path, body | {name: CANARY})
                assert answer.status_code == 422
                assert CANARY not in answer.text

    def test_logs(
        self, twins: Twins, document: dict[str, Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.DEBUG, "desirepath"):
            self.test_queries_and_headers(twins, document)
            for world in twins.worlds:
                self.mention_everywhere(world.api)
        records = [record for record in caplog.records if record.name.startswith("desirepath")]
        assert CANARY not in "".join(record.getMessage() for record in records)
        assert not any(key in caplog.text for world in twins.worlds for key in world.api.keys)

    def mention_everywhere(self, api: Api) -> None:
        api.record(user_id=CANARY, query_snapshot={"query": CANARY}, event_id=CANARY)
        api.post(INTERACTIONS, click(user_id=CANARY, position=-1))
        api.post(INTERACTIONS, click(user_id=CANARY, event_id=CANARY))
        api.list(user_id=CANARY)
        headers = {"X-Namespace": api.namespace.name}
        api.delete(f"/v1/users/{CANARY}", key="admin", headers=headers)
