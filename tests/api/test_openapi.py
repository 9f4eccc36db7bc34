"""The OpenAPI document: valid, complete, and true of every answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
import msgspec
import pytest
from jsonschema_rs import Draft202012Validator, meta
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from desirepath.errors import DesirepathError, StorageFull, StorageUnavailable
from desirepath.storage.base import Session
from tests.api.client import Api, Backend, Request, done
from tests.api.operations import CALLS, Operation, World, make_world, operations


@pytest.fixture
def api(sqlite_backend: Backend) -> Api:
    """Give the API on one database: that both answer alike is what other tests are for."""
    return sqlite_backend.api()


@pytest.fixture
def document(api: Api) -> dict[str, Any]:
    return done(api.get("/openapi.json", key=None))


def check_answer(document: Mapping[str, Any], operation: Operation, answer: httpx.Response) -> None:
    """Fail unless status, content type and body of an answer are as described."""
    responses = operation.description["responses"]
    status = str(answer.status_code)
    assert status in responses, f"{operation.id} answers {status}, which is not described"
    if status == "204":
        assert (responses[status].keys(), answer.content) == ({"description"}, b"")
        return
    ((media, content),) = responses[status]["content"].items()
    assert answer.headers["content-type"].split(";")[0] == media
    if media == "application/json":
        schema = content["schema"] | {"components": document["components"]}
        Draft202012Validator(schema).validate(answer.json())


class TestDocument:
    def test_is_valid_openapi_3_1(self, document: dict[str, Any]) -> None:
        OPENAPI_31_VALIDATOR.validate(document)
        assert document["openapi"].startswith("3.1.")

    def test_schemas_are_valid_json_schema(self, document: dict[str, Any]) -> None:
        for schema in document["components"]["schemas"].values():
            meta.validate(schema | {"$schema": "https://json-schema.org/draft/2020-12/schema"})

    def test_each_schema_has_a_name_of_its_own(self, document: dict[str, Any]) -> None:
        """Two of one name would be called by their modules."""
        assert [name for name in document["components"]["schemas"] if "." in name] == []

    def test_references_lead_somewhere(self, document: dict[str, Any]) -> None:
        schemas = document["components"]["schemas"]
        used = set(re.findall(r"#/components/schemas/([^\"]+)", json.dumps(document)))
        assert used == set(schemas)

    def test_describes_what_is_served_and_nothing_else(
        self, api: Api, document: dict[str, Any]
    ) -> None:
        described = {(operation.method, operation.path) for operation in operations(document)}
        served = {
            (endpoint.method, endpoint.path.replace(":path}", "}"))
            for endpoint in api.application.endpoints
        }
        assert served == described

    def test_every_operation_has_a_call_to_test_it_with(self, document: dict[str, Any]) -> None:
        assert {operation.id for operation in operations(document)} == set(CALLS)

    def test_every_operation_is_explained(self, document: dict[str, Any]) -> None:
        ids = [operation.id for operation in operations(document)]
        assert len(ids) == len(set(ids))
        for operation in operations(document):
            assert operation.description["summary"]
            assert operation.description["tags"]
            if operation.needs_key:
                assert "key." in operation.description["description"]
            for response in operation.description["responses"].values():
                assert response["description"]

    def test_every_path_parameter_is_declared(self, document: dict[str, Any]) -> None:
        for operation in operations(document):
            assert set(re.findall(r"{(\w+)}", operation.path)) == set(operation.parameters("path"))

    def test_what_a_query_parameter_means_is_said(self, api: Api, document: dict[str, Any]) -> None:
        described = 0
        for endpoint in api.application.endpoints:
            if endpoint.query is None:
                continue
            path = endpoint.path.replace(":path}", "}")
            parameters = document["paths"][path][endpoint.method.lower()]["parameters"]
            name_to_description = {one["name"]: one.get("description") for one in parameters}
            for field in msgspec.inspect.type_info(endpoint.query).fields:  # type: ignore[attr-defined]
                schema = getattr(field.type, "extra_json_schema", None) or {}
                if "description" in schema:
                    assert name_to_description[field.encode_name] == schema["description"]
                    described += 1
        assert described

    def test_says_how_to_sign_in(self, document: dict[str, Any]) -> None:
        open_to_all = {o.id for o in operations(document) if not o.needs_key}
        assert open_to_all == {"livez", "readyz", "read_metrics", "list_stages"}
        scheme = document["components"]["securitySchemes"]["BearerAuth"]
        assert scheme == {"type": "http", "scheme": "bearer"}


READING = ("search_", "explain_", "list_", "score_")
"""How operations begin that are sent by POST and change nothing."""


STATUSES = {
    "train_model": 202,
    "start_evaluation": 202,
    "start_gate": 202,
    "start_counterfactual_evaluation": 202,
    "remove_benchmark": 204,
}
"""Of what answers with another one than 200."""


class TestAnswers:
    """Each operation's answers validate against their description, errors included."""

    def test_done(self, backend: Backend, document: dict[str, Any]) -> None:
        for operation in operations(document):
            world = make_world(backend.api(), "w")
            (answer,) = world.api.send(CALLS[operation.id](world))
            expected = STATUSES.get(operation.id, 200)
            assert answer.status_code == expected, (operation.id, answer.text)
            check_answer(document, operation, answer)

    def provoke(
        self,
        api: Api,
        document: dict[str, Any],
        status: int,
        change: Callable[[Request, World], Request],
        applies: Callable[[Operation], bool],
    ) -> None:
        n_provoked = 0
        world = make_world(api.backend.api(), "w")  # what is refused changes nothing in it
        for operation in operations(document):
            if applies(operation):
                (answer,) = api.send(change(CALLS[operation.id](world), world))
                assert status == answer.status_code, (operation.id, answer.text)
                check_answer(document, operation, answer)
                n_provoked += 1
        assert n_provoked > 0

    def test_without_a_key(self, api: Api, document: dict[str, Any]) -> None:
        def change(request: Request, world: World) -> Request:
            return request._replace(key=None)

        self.provoke(api, document, 401, change, lambda o: o.needs_key)

    def test_with_a_key_that_may_not(self, api: Api, document: dict[str, Any]) -> None:
        def change(request: Request, world: World) -> Request:
            return request._replace(key=world.api.keys.public)

        self.provoke(api, document, 403, change, lambda o: o.needs_key)

    def test_in_a_namespace_that_is_not(self, api: Api, document: dict[str, Any]) -> None:
        def change(request: Request, world: World) -> Request:
            return request._replace(headers={"X-Namespace": "nowhere"})

        self.provoke(api, document, 404, change, lambda o: o.needs_key)

    def test_with_an_id_that_is_not(self, api: Api, document: dict[str, Any]) -> None:
        def change(request: Request, world: World) -> Request:
            ids = world.ids
            path = request.path
            for id in (
                *(ids.interaction_id, ids.retriever_id),
                *(ids.namespace_id, ids.spare_namespace_id),
            ):
                path = path.replace(id, "nothing")
            return request._replace(path=path)

        def applies(operation: Operation) -> bool:
            kinds = {"interaction_id", "retriever_id", "namespace_id"}
            named = kinds & set(operation.parameters("path"))
            return bool(named) and operation.id != "remove_interaction"  # idempotent: 200

        self.provoke(api, document, 404, change, applies)

    def test_with_a_bad_query(self, api: Api, document: dict[str, Any]) -> None:
        def change(request: Request, world: World) -> Request:
            joint = "&" if "?" in request.path else "?"
            return request._replace(path=f"{request.path}{joint}limit=0")

        self.provoke(api, document, 400, change, lambda o: "limit" in o.parameters("query"))

    def test_with_a_bad_cursor(self, api: Api, document: dict[str, Any]) -> None:
        def change(request: Request, world: World) -> Request:
            return request._replace(path=f"{request.path}?cursor=x")

        def applies(operation: Operation) -> bool:
            paged_by_number = {
                *("list_retrievers", "search_retrievers", "list_namespaces", "list_tasks"),
            }
            return "cursor" in operation.parameters("query") and operation.id not in paged_by_number

        self.provoke(api, document, 400, change, applies)

    def test_with_a_bad_idempotency_key(self, api: Api, document: dict[str, Any]) -> None:
        def change(request: Request, world: World) -> Request:
            return request._replace(headers={"Idempotency-Key": "x" * 256})

        self.provoke(
            api, document, 400, change, lambda o: "Idempotency-Key" in o.parameters("header")
        )

    @pytest.mark.parametrize(
        ("status", "content", "headers"),
        [
            (422, b"{", {}),
            (422, b"[]", {}),
            (422, b'{"a": "\\u0000"}', {}),
            (415, b"{}", {"Content-Encoding": "gzip"}),
            (415, b"{}", {"Content-Type": "text/plain"}),
            (413, b" " * ((16 << 20) + 1), {}),
        ],
        ids=["cut short", "no object", "NUL", "compressed", "not JSON", "too large"],
    )
    def test_with_a_bad_body(
        self,
        api: Api,
        document: dict[str, Any],
        status: int,
        content: bytes,
        headers: dict[str, str],
    ) -> None:
        def change(request: Request, world: World) -> Request:
            return request._replace(json=None, content=content, headers=headers)

        self.provoke(api, document, status, change, lambda o: o.body is not None)

    def test_too_often(self, api: Api, document: dict[str, Any]) -> None:
        ids = make_world(api.backend.api(), "w").ids
        for operation in operations(document):
            if operation.needs_key:
                fresh = api.backend.api(key_requests_per_minute=1)
                request = CALLS[operation.id](World(fresh, ids))
                fresh.send(request)
                (answer,) = fresh.send(request)
                assert answer.status_code == 429, operation.id
                check_answer(document, operation, answer)

    @pytest.mark.parametrize(
        ("status", "error"), [(503, StorageUnavailable()), (507, StorageFull())]
    )
    def test_when_the_database_cannot(
        self,
        api: Api,
        document: dict[str, Any],
        monkeypatch: pytest.MonkeyPatch,
        status: int,
        error: DesirepathError,
    ) -> None:
        broken = api.backend.application(list_seconds=9.0)
        world = make_world(api.backend.api(), "w")
        own = Api(api.backend, broken, world.api.namespace, world.api.keys)
        own.get("/v1/retrievers")
        own.get("/v1/retrievers", key="admin", headers={"X-Namespace": own.namespace.name})

        @contextmanager
        def fail(*_: object) -> Iterator[Session]:
            raise error
            yield

        for operation in operations(document):
            with monkeypatch.context() as patch:
                patch.setattr(broken.engine.storage, "write", fail)
                patch.setattr(broken.readiness, "_until", 0.0)
                (answer,) = own.send(CALLS[operation.id](world))
            check_answer(document, operation, answer)
            writes = operation.method != "GET" and not operation.id.startswith(READING)
            if operation.id == "readyz":
                assert answer.status_code == 503
            else:
                assert answer.status_code == (status if writes else 200), operation.id
        monkeypatch.setattr(broken.readiness, "_until", 0.0)
