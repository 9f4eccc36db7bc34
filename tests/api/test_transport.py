"""What holds for every request: keys, namespaces, limits, the one shape of errors, headers."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

import httpx
import pytest

from desirepath.api.errors import ERROR_TO_ANSWER, answer_of
from desirepath.domain.access import Access, KeyKind, allowed, make_token
from desirepath.engine.bootstrap import add_key
from desirepath.errors import NotEnoughData
from tests.api.client import INTERACTIONS, Api, click, done

LIST = f"{INTERACTIONS}/list"
ENVELOPE = {"success", "status", "error"}
ERROR = {"message", "type", "code", "details"}


def check_envelope(answer: httpx.Response, status: int, code: str | None = None) -> dict[str, Any]:
    """The error of an answer in the one shape of all errors."""
    assert status == answer.status_code, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert set(body) == ENVELOPE
    assert (body["success"], body["status"]) == (False, status)
    error = body["error"]
    assert set(error) == ERROR
    assert isinstance(error["message"], str)
    assert error["message"].endswith((".", "?"))
    assert error["type"].endswith("Error")
    assert code is None or code == error["code"]
    assert isinstance(error, dict)
    return error


class TestEnvelope:
    def test_of_every_error_on_purpose(self, api: Api) -> None:
        api.record(event_id="e")
        taken = {"retriever_name": "x"}
        api.post("/v1/retrievers", taken)
        bad_key = {"Idempotency-Key": ""}
        gzip = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
        answers = [
            (400, "invalid_query_parameter", api.post(f"{LIST}?limit=0")),
            (400, "invalid_query_parameter", api.post(INTERACTIONS, click(), headers=bad_key)),
            (400, "invalid_cursor", api.post(f"{LIST}?cursor=x")),
            (401, "unauthenticated", api.get("/v1/retrievers", key=None)),
            (403, "forbidden", api.post(INTERACTIONS, click(), key="read")),
            (404, "not_found", api.get(f"{INTERACTIONS}/int_{'0' * 32}")),
            (404, "unknown_path", api.get("/v1/nothing")),
            (405, "method_not_allowed", api.get(INTERACTIONS)),
            (409, "event_conflict", api.post(INTERACTIONS, click(event_id="e", position=1))),
            (409, "already_exists", api.post("/v1/retrievers", taken)),
            (413, "payload_too_large", api.post(INTERACTIONS, content=b" " * (1 << 20) + b"{}")),
            (415, "unsupported_media_type", api.post(INTERACTIONS, content=b"{}", headers=gzip)),
            (422, "malformed_json", api.post(INTERACTIONS, content=b"{")),
            (422, "invalid_interaction", api.post(INTERACTIONS, {})),
            (422, "invalid_filter", api.post(LIST, {"filters": {"x": 1}})),
            (422, "invalid_retriever", api.post("/v1/retrievers", {})),
        ]
        for status, code, answer in answers:
            check_envelope(answer, status, code)

    def test_every_error_of_the_table_has_a_status_type_and_code(self) -> None:
        codes = [code for _, _, code in ERROR_TO_ANSWER.values()]
        assert len(codes) == len(set(codes))
        types_of: dict[int, set[str]] = {}
        for status, type_name, _ in ERROR_TO_ANSWER.values():
            assert 400 <= status < 600
            types_of.setdefault(status, set()).add(type_name)
        documented = {
            400: "BadRequestError",
            401: "UnauthorizedError",
            403: "ForbiddenError",
            404: "NotFoundError",
            409: "AlreadyExistsError",
            422: "ValidationError",
            429: "TooManyRequestsError",
            500: "InternalServerError",
        }
        assert {s: {name} for s, name in documented.items()} == {
            s: names for s, names in types_of.items() if s in documented
        }

    def test_a_failure_of_ours_is_500_and_says_nothing_of_the_request(
        self, api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        message = "canary-user-9 went wrong"

        def fail(*_: object) -> None:
            raise RuntimeError(message)

        monkeypatch.setattr(api.engine, "asubmit", fail)
        with caplog.at_level(logging.INFO, "desirepath"):
            answer = api.post(INTERACTIONS, click(user_id="canary-user-9"))
        check_envelope(answer, 500, "internal_error")
        assert "canary" not in answer.text + caplog.text
        assert answer.headers["x-request-id"] in caplog.text
        assert "RuntimeError" in caplog.text

    def test_too_little_data_says_how_much_is_missing(self) -> None:
        status, body, _ = answer_of(NotEnoughData("clicks", needed=1_000, found=7))
        error = json.loads(body)["error"]
        assert (status, error["code"]) == (422, "not_enough_data")
        assert error["message"] == "Not enough clicks: 1,000 needed, 7 found."
        assert error["details"] == {"what": "clicks", "needed": 1_000, "found": 7}

    def test_not_found_names_resource_and_id(self, api: Api) -> None:
        missing = f"int_{'0' * 32}"
        details = check_envelope(api.get(f"{INTERACTIONS}/{missing}"), 404)["details"]
        assert details == {"resource": "interaction", "id": missing}
        details = check_envelope(api.get(f"{INTERACTIONS}/%3Cb%3E"), 404)["details"]
        assert details == {"resource": "interaction", "id": None}

    def test_validation_errors_have_the_documented_keys(self, api: Api) -> None:
        error = check_envelope(api.post(INTERACTIONS, click(position=-1)), 422)
        (problem,) = error["details"]["validation_errors"]
        assert set(problem) == {"type", "location", "message"}
        assert problem["location"] == ["body", "position"]


class TestPaths:
    @pytest.mark.parametrize(
        "path",
        ["/v1", "/v1/", "/v2/retrievers", "/nothing", "/v1/users", "/v1/retrievers/x/y", "/%00"],
    )
    def test_unknown_is_404_for_every_method(self, api: Api, path: str) -> None:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            check_envelope(api.call(method, path), 404, "unknown_path")

    @pytest.mark.parametrize(
        ("method", "path", "allowed"),
        [
            ("GET", INTERACTIONS, "POST"),
            ("PUT", INTERACTIONS, "POST"),
            ("GET", LIST, "POST"),
            ("GET", f"{INTERACTIONS}/batch", "POST"),
            ("DELETE", f"{INTERACTIONS}/batch", "POST"),
            ("POST", f"{INTERACTIONS}/rejected", "GET"),
            ("PATCH", f"{INTERACTIONS}/int_1", "DELETE, GET"),
            ("POST", f"{INTERACTIONS}/int_1", "DELETE, GET"),
            ("PUT", "/v1/retrievers/x", "DELETE, GET, PATCH"),
            ("DELETE", "/v1/retrievers", "GET, POST"),
            ("PUT", "/v1/retrievers/x/executions", "GET, POST"),
            ("GET", "/v1/users/ada", "DELETE"),
            ("POST", "/livez", "GET"),
            ("TRACE", INTERACTIONS, "POST"),
            ("BREW", INTERACTIONS, "POST"),
            ("PUT", "/v1/namespaces/x", "DELETE, GET"),
            ("PUT", "/v1/namespaces/x/documents/y", "DELETE, GET"),
        ],
    )
    def test_wrong_method_is_405_and_names_the_right_ones(
        self, api: Api, method: str, path: str, allowed: str
    ) -> None:
        answer = api.call(method, path)
        check_envelope(answer, 405, "method_not_allowed")
        assert allowed == answer.headers["allow"]

    def test_wrong_method_on_a_page_is_405_in_the_same_shape(self, api: Api) -> None:
        check_envelope(api.post("/openapi.json"), 405, "method_not_allowed")

    @pytest.mark.parametrize(
        ("path", "hint"),
        [
            ("/retrievers", "/v1/retrievers"),
            ("/retrievers/interactions", "/v1/retrievers/interactions"),
            ("/retrievers/interactions/list", "/v1/retrievers/interactions/list"),
            ("/retrievers/x/executions", "/v1/retrievers/x/executions"),
        ],
    )
    def test_without_v1_there_is_a_hint(self, api: Api, path: str, hint: str) -> None:
        for method in ("GET", "POST"):
            error = check_envelope(api.call(method, path), 404, "unknown_path")
            assert f"did you mean {hint}?" in error["message"]

    def test_hint_shows_nothing_but_a_plain_path(self, api: Api) -> None:
        error = check_envelope(api.get("/retrievers/%3Cscript%3E"), 404)
        assert "script" not in error["message"]

    @pytest.mark.parametrize("path", ["/v1/retrievers/", f"{INTERACTIONS}/", f"{LIST}/", "/livez/"])
    def test_trailing_slash_is_another_path(self, api: Api, path: str) -> None:
        for method in ("GET", "POST"):
            check_envelope(api.call(method, path), 404)


class TestBodies:
    @pytest.mark.parametrize(
        "content_type",
        [
            "application/json",
            "application/json; charset=utf-8",
            'application/json;charset="UTF-8"',
            "Application/JSON",
            "application/vnd.api+json",
        ],
    )
    def test_json_by_any_name_is_taken(self, api: Api, content_type: str) -> None:
        content = json.dumps(click()).encode()
        headers = {"Content-Type": content_type}
        assert api.post(INTERACTIONS, content=content, headers=headers).status_code == 200

    @pytest.mark.parametrize(
        "headers",
        [
            {"Content-Type": "text/plain"},
            {"Content-Type": "application/x-www-form-urlencoded"},
            {"Content-Type": "application/json; charset=utf-16"},
            {"Content-Type": "application/json; charset=latin-1"},
            {"Content-Type": "application/xml"},
            {"Content-Type": ""},
            {"Content-Encoding": "gzip"},
            {"Content-Encoding": "br"},
            {"Content-Encoding": "deflate, gzip"},
            {"Content-Encoding": "zstd"},
        ],
        ids=str,
    )
    def test_anything_else_is_415(self, api: Api, headers: dict[str, str]) -> None:
        content = json.dumps(click()).encode()
        answer = api.post(INTERACTIONS, content=content, headers=headers)
        check_envelope(answer, 415, "unsupported_media_type")

    @pytest.mark.parametrize(
        ("path", "limit"),
        [(INTERACTIONS, 1 << 20), (LIST, 1 << 20), (f"{INTERACTIONS}/batch", 16 << 20)],
    )
    def test_size_is_limited(self, api: Api, path: str, limit: int) -> None:
        check_envelope(api.post(path, content=b" " * (limit - 2) + b"[]"), 422)
        check_envelope(api.post(path, content=b" " * (limit - 1) + b"[]"), 413, "payload_too_large")

    def test_size_is_a_setting(self, api: Api) -> None:
        small = api.under(max_body_bytes=100, max_batch_body_bytes=200)
        check_envelope(small.post(INTERACTIONS, content=b" " * 101), 413)
        check_envelope(small.post(f"{INTERACTIONS}/batch", content=b" " * 201), 413)

    def test_declared_size_is_enough_to_refuse(self, api: Api) -> None:
        headers = {"Content-Length": str(1 << 40), "Content-Type": "application/json"}
        check_envelope(api.post(INTERACTIONS, content=b"{}", headers=headers), 413)

    def test_bodies_of_get_and_delete_are_not_read(self, api: Api) -> None:
        created = api.record()
        path = f"{INTERACTIONS}/{created['interaction_id']}"
        assert api.get(path, content=b"{" * 99).status_code == 200
        assert api.delete(path, content=b"\xff").status_code == 200


class TestRequestIds:
    @pytest.mark.parametrize("given", ["abc", "A.b_c-9", "x" * 64])
    def test_a_good_one_is_echoed(self, api: Api, given: str) -> None:
        for path in ("/v1/retrievers", "/nothing", INTERACTIONS):
            answer = api.get(path, headers={"X-Request-Id": given})
            assert given == answer.headers["x-request-id"]

    @pytest.mark.parametrize("given", ["", "x" * 65, "a b", "<b>", "é", "a\tb"])
    def test_a_bad_one_is_replaced(self, api: Api, given: str) -> None:
        answer = api.get("/v1/retrievers", headers=[(b"X-Request-Id", given.encode())])
        assert given != answer.headers["x-request-id"]
        assert re.fullmatch("[0-9a-f]{16,32}", answer.headers["x-request-id"])

    def test_each_request_has_its_own(self, api: Api) -> None:
        answers = [api.get(path) for path in ("/livez", "/nothing", INTERACTIONS) for _ in range(3)]
        assert len({answer.headers["x-request-id"] for answer in answers}) == 9

    def test_answers_forbid_sniffing(self, api: Api) -> None:
        for path in ("/v1/retrievers", "/nothing", INTERACTIONS):
            assert api.get(path).headers["x-content-type-options"] == "nosniff"


def unauthorized(answer: httpx.Response) -> bytes:
    check_envelope(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"
    return answer.content


class TestKeys:
    def test_everything_that_is_no_good_key_gets_the_same_401(self, api: Api) -> None:
        good = api.keys.server
        values = [
            b"",
            b"Bearer",
            b"Bearer ",
            b"Basic dXNlcjpwYXNz",
            f"Token {good}".encode(),
            good.encode(),
            b"Bearer nonsense",
            b"Bearer sk_live_51Habcdefghijklmnop",
            f"Bearer {make_token(KeyKind.SERVER)}".encode(),
            f"Bearer {good[:-1]}".encode(),
            f"Bearer {good}x".encode(),
            f"Bearer {good[:-1]}{'0' if good[-1] != '0' else '1'}".encode(),
            f"Bearer {good.upper()}".encode(),
            f"Bearer {good}, Bearer {good}".encode(),
            f"Bearer {good} {good}".encode(),
            "Bearer schlüssel".encode(),
            b"Bearer \xff\xfe",
            b"Bearer " + b"x" * 10_240,
            b"Bearer dp_server_" + b"A" * 36,
        ]
        bodies = {
            unauthorized(api.get("/v1/retrievers", key=None, headers=[(b"Authorization", value)]))
            for value in values
        }
        bodies.add(unauthorized(api.get("/v1/retrievers", key=None)))
        assert len(bodies) == 1

    def test_two_headers_are_no_key(self, api: Api) -> None:
        pair = (b"Authorization", f"Bearer {api.keys.server}".encode())
        unauthorized(api.get("/v1/retrievers", key=None, headers=[pair, pair]))

    @pytest.mark.parametrize("scheme", ["bearer", "BEARER", "bEaReR", "Bearer ", "bearer  "])
    def test_scheme_in_any_case(self, api: Api, scheme: str) -> None:
        headers = {"Authorization": f"{scheme} {api.keys.server} "}
        assert api.get("/v1/retrievers", key=None, headers=headers).status_code == 200

    @pytest.mark.parametrize("name", ["key", "api_key", "access_token", "token", "authorization"])
    def test_in_the_query_string_is_401(self, api: Api, name: str) -> None:
        unauthorized(api.get(f"/v1/retrievers?{name}={api.keys.server}", key=None))

    def test_every_endpoint_but_health_needs_one(self, api: Api) -> None:
        open_to_all = set()
        for endpoint in api.application.endpoints:
            path = re.sub(r"{\w+(:path)?}", "x", endpoint.path)
            answer = api.call(endpoint.method, path, key=None)
            if answer.status_code != 401:
                open_to_all.add(endpoint.path)
        assert open_to_all == {"/livez", "/readyz", "/metrics", "/v1/retrievers/stages"}

    def test_the_body_is_not_looked_at_before_the_key(self, api: Api) -> None:
        unauthorized(api.post(INTERACTIONS, content=b"\xff" * (2 << 20), key=None))

    @pytest.mark.parametrize("kind", ["admin", "server", "read", "public"])
    def test_each_kind_may_do_what_it_is_for(self, api: Api, kind: str) -> None:
        """Every endpoint, every kind: refused with 403 exactly where it may not."""
        for endpoint in api.application.endpoints:
            if endpoint.access is None:
                continue
            path = re.sub(r"{\w+(:path)?}", "x", endpoint.path)
            headers = {"X-Namespace": api.namespace.name}
            answer = api.call(endpoint.method, path, key=kind, headers=headers)
            may = allowed(KeyKind(kind), endpoint.access)
            assert (answer.status_code != 403) is may, (endpoint.method, endpoint.path)
            if not may:
                check_envelope(answer, 403, "forbidden")

    def test_what_each_kind_is_for(self) -> None:
        granted = {kind: {access for access in Access if allowed(kind, access)} for kind in KeyKind}
        assert granted == {
            KeyKind.ADMIN: {Access.ADMIN, Access.WRITE, Access.READ, Access.RECORD},
            KeyKind.SERVER: {Access.WRITE, Access.READ, Access.RECORD},
            KeyKind.READ: {Access.READ},
            KeyKind.PUBLIC: set(),
        }

    def test_revoked_is_401_at_once_where_it_was_revoked(self, api: Api) -> None:
        key, token = add_key(api.engine, KeyKind.SERVER, api.namespace, "second")
        assert api.get("/v1/retrievers", key=token).status_code == 200
        with api.engine.storage.write() as session:
            assert session.catalog.revoke_key(key.key_id, session.now())
        api.engine.directory.forget()
        unauthorized(api.get("/v1/retrievers", key=token))
        assert api.get("/v1/retrievers").status_code == 200

    def test_is_not_kept_anywhere(self, api: Api) -> None:
        with api.engine.storage.read() as session:
            stored = repr(session.catalog.api_keys())
        assert not any(token in stored for token in api.keys)


class TestNamespaces:
    def test_own_by_id_and_by_name(self, api: Api) -> None:
        created = api.record()
        path = f"{INTERACTIONS}/{created['interaction_id']}"
        for key in ("server", "read", "admin"):
            for named in (api.namespace.namespace_id, api.namespace.name):
                assert created == done(api.get(path, key=key, headers={"X-Namespace": named}))

    def test_foreign_is_404_as_unknown(self, api: Api) -> None:
        other = api.backend.api().namespace
        answers = {}
        for named in (other.namespace_id, other.name, "ns_" + "0" * 32, "never-made"):
            answer = api.get("/v1/retrievers", headers={"X-Namespace": named})
            check_envelope(answer, 404, "not_found")
            answers[named] = answer.text.replace(named, "…")
        assert len(set(answers.values())) == 1

    def test_admin_without_a_header_works_in_default(self, api: Api) -> None:
        created = done(api.post(INTERACTIONS, click(), key="admin"))
        path = f"{INTERACTIONS}/{created['interaction_id']}"
        headers = {"X-Namespace": "default"}
        assert created == done(api.get(path, key="admin", headers=headers))
        assert api.get(path).status_code == 404

    def test_admin_chooses_by_header(self, api: Api) -> None:
        headers = {"X-Namespace": api.namespace.name}
        created = done(api.post(INTERACTIONS, click(), key="admin", headers=headers))
        assert created == api.read(created["interaction_id"])

    @pytest.mark.parametrize("named", ["", " ", "nobody", "NS", "é", "a, b", "%00", "default "])
    def test_unknown_is_404(self, api: Api, named: str) -> None:
        headers = [(b"X-Namespace", named.encode())]
        answer = api.get("/v1/retrievers", key="admin", headers=headers)
        if named.strip() != "default":
            check_envelope(answer, 404, "not_found")

    def test_a_nul_is_404(self, api: Api) -> None:
        answer = api.get("/v1/retrievers", headers=[(b"X-Namespace", b"a\x00b")])
        check_envelope(answer, 404, "not_found")

    def test_two_headers_are_404(self, api: Api) -> None:
        pair = (b"X-Namespace", api.namespace.name.encode())
        check_envelope(api.get("/v1/retrievers", headers=[pair, pair]), 404)


class TestLimits:
    """A fixed window of a minute, in real time: a test takes a small part of one."""

    def test_none_by_default(self, api: Api) -> None:
        assert "x-ratelimit-limit" not in api.get("/v1/retrievers").headers

    def test_headers_count_down(self, api: Api) -> None:
        limited = api.under(key_requests_per_minute=3)
        seen = [limited.get("/v1/retrievers").headers for _ in range(3)]
        assert [headers["x-ratelimit-remaining"] for headers in seen] == ["2", "1", "0"]
        assert {("3", "60")} == {
            (headers["x-ratelimit-limit"], headers["x-ratelimit-window"]) for headers in seen
        }
        assert all(headers["x-ratelimit-reset"].isdigit() for headers in seen)

    def test_too_many_is_429_with_every_way_to_say_when(self, api: Api) -> None:
        limited = api.under(key_requests_per_minute=2)
        for _ in range(2):
            limited.record()
        answer = limited.post(INTERACTIONS, click())
        details = check_envelope(answer, 429, "rate_limited")["details"]
        assert (details["limit"], details["window"], details["api_name"]) == (2, 60, "key")
        assert details["retry_after"] == details["retry_after_seconds"]
        assert 0 < details["retry_after_seconds"] <= 60
        assert abs(int(answer.headers["retry-after"]) - details["retry_after"]) <= 1
        assert answer.headers["x-ratelimit-remaining"] == "0"
        assert len(api.list()["results"]) == 2

    def test_each_key_has_its_own(self, api: Api) -> None:
        limited = api.under(key_requests_per_minute=1)
        for key in ("server", "read", "admin"):
            assert limited.get("/v1/retrievers", key=key).status_code == 200
            assert limited.get("/v1/retrievers", key=key).status_code == 429

    def test_refused_and_failed_requests_count(self, api: Api) -> None:
        limited = api.under(key_requests_per_minute=2)
        limited.post(INTERACTIONS, {})
        limited.get("/v1/retrievers/nobody")
        check_envelope(limited.post(INTERACTIONS, click()), 429)

    def test_health_is_never_limited(self, api: Api) -> None:
        limited = api.under(address_requests_per_minute=1)
        assert {200} == {limited.get("/livez", address="10.1.1.1").status_code for _ in range(5)}

    def test_by_address(self, api: Api) -> None:
        limited = api.under(address_requests_per_minute=2)
        one, two = "10.0.0.1", "10.0.0.2"
        for key in ("server", "read"):
            assert limited.get("/v1/retrievers", address=one, key=key).status_code == 200
        answer = limited.get("/v1/retrievers", address=one)
        assert check_envelope(answer, 429)["details"]["api_name"] == "address"
        assert limited.get("/v1/retrievers", address=two).status_code == 200

    def test_forwarding_headers_change_nothing_by_default(self, api: Api) -> None:
        limited = api.under(address_requests_per_minute=2, dedup_window_seconds=299)
        statuses = [
            limited.get(
                "/v1/retrievers",
                address="10.2.2.2",
                headers={"X-Forwarded-For": f"9.9.9.{n}", "Forwarded": f"for=9.9.9.{n}"},
            ).status_code
            for n in range(3)
        ]
        assert statuses == [200, 200, 429]

    @pytest.mark.parametrize(
        ("address", "forwarded", "client"),
        [
            ("10.9.0.1", "9.9.9.1", "9.9.9.1"),
            ("10.9.0.1", "6.6.6.6, 9.9.9.2", "9.9.9.2"),
            ("10.9.0.1", "9.9.9.3, 10.9.0.7, 192.168.7.7", "9.9.9.3"),
            ("10.9.0.1", "", "10.9.0.1"),
            ("10.9.0.1", "10.9.0.5, 10.9.0.6", "10.9.0.5"),
            ("10.9.0.1", "2001:db8::1", "2001:db8::1"),
            ("8.8.4.4", "9.9.9.4", "8.8.4.4"),
        ],
    )
    def test_forwarding_headers_count_behind_a_trusted_proxy(
        self, api: Api, address: str, forwarded: str, client: str
    ) -> None:
        """The nearest address that is no proxy of ours: what it says of others may be a lie."""
        limited = api.under(
            address_requests_per_minute=1000, trusted_proxy="10.9.0.0/16, 192.168.7.7"
        )
        scope = {"client": (address, 1)}
        headers = {b"x-forwarded-for": forwarded.encode()}
        assert client == limited.application.limits.address_of(scope, headers)

    def test_two_forwarding_headers_are_one_list(self, api: Api) -> None:
        limited = api.under(address_requests_per_minute=1, trusted_proxy="10.9.0.0/16")
        pairs = [(b"X-Forwarded-For", b"6.6.6.6"), (b"X-Forwarded-For", b"7.7.7.7")]
        first = limited.get("/v1/retrievers", headers=pairs, address="10.9.0.1")
        again = limited.get(
            "/v1/retrievers", headers={"X-Forwarded-For": "7.7.7.7"}, address="10.9.0.2"
        )
        assert (first.status_code, again.status_code) == (200, 429)

    def test_failed_logins_are_limited_by_address(self, api: Api) -> None:
        limited = api.under(failed_logins_per_minute=3)
        address = "10.3.3.3"
        for _ in range(3):
            unauthorized(limited.get("/v1/retrievers", key="nonsense", address=address))
        answer = limited.get("/v1/retrievers", key="nonsense", address=address)
        assert check_envelope(answer, 429)["details"]["api_name"] == "failed_logins"
        assert limited.get("/v1/retrievers", address=address).status_code == 200
        unauthorized(limited.get("/v1/retrievers", key="nonsense", address="10.3.3.4"))

    def test_a_strange_address_is_just_another_name(self, api: Api) -> None:
        limited = api.under(address_requests_per_minute=1000, trusted_proxy="10.9.0.0/16")
        for forwarded in ("nonsense", ",,,", "[::1]:80", "x" * 5000, "é"):
            answer = limited.get(
                "/v1/retrievers",
                headers=[(b"X-Forwarded-For", forwarded.encode())],
                address="10.9.0.1",
            )
            assert answer.status_code == 200
