"""What only a real server shows: sockets, raw requests, several processes, logs."""

from __future__ import annotations

import gzip
import json
import re
import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from desirepath.domain.access import KeyKind
from desirepath.errors import InvalidSetting
from desirepath.server import listen
from desirepath.settings import load_settings
from tests.api.client import INTERACTIONS, click
from tests.api.live import LiveServer, start

CANARY = "canary-6e1f"


@pytest.fixture
def client(live: LiveServer) -> Iterator[httpx.Client]:
    """Give a connection that signs in with the key of a new namespace."""
    with live.client(live.new_key()[2]) as client:
        yield client


class TestServer:
    def test_says_when_it_is_ready_and_never_shows_a_chosen_key(self, live: LiveServer) -> None:
        assert live.output().splitlines()[0] == f"ready {live.url}"
        assert live.admin_key not in live.output()

    def test_records_and_reads_back(self, client: httpx.Client) -> None:
        created = client.post(INTERACTIONS, json=click(user_id="é\N{GRINNING FACE}"))
        assert created.status_code == 200
        path = f"{INTERACTIONS}/{created.json()['interaction_id']}"
        assert created.json() == client.get(path).json()

    def test_the_databases_clock_is_near_ours(self, client: httpx.Client) -> None:
        before = time.time()
        answer = client.post(INTERACTIONS, json=click(age_ms=0)).json()
        stamp = time.mktime(time.strptime(answer["timestamp"][:19], "%Y-%m-%dT%H:%M:%S"))
        assert abs(stamp - time.timezone - before) < 5

    def test_answers_carry_no_server_software(self, client: httpx.Client) -> None:
        for path in ("/livez", "/nothing", "/"):
            assert not {"server", "x-powered-by"} & set(client.get(path).headers)

    def test_a_taken_port_is_named_with_a_way_out(self, live_sqlite: LiveServer) -> None:
        port = live_sqlite.address[1]
        with pytest.raises(InvalidSetting, match=f"port {port}.*PORT={port + 1}"):
            listen(load_settings({"port": port}, {}))

    def test_a_proxy_that_is_no_address_is_named(self) -> None:
        with pytest.raises(InvalidSetting, match="trusted_proxy"):
            listen(load_settings({"port": 0, "trusted_proxy": "10.0.0.0/8, nonsense"}, {}))


class TestRevocation:
    def seconds_until_refused(self, live: LiveServer, token: str, clients: int) -> float:
        """How long after revoking the key in another process the last answer of 200 came."""
        with live.engine() as engine:
            key = engine.directory.key(token)
            assert key is not None
            connections = [live.client(token) for _ in range(clients)]
            for connection in connections:
                assert connection.get("/v1/retrievers").status_code == 200
            with engine.storage.write() as session:
                assert session.catalog.revoke_key(key.key_id, session.now())
            revoked = last = time.monotonic()
            refused_in_a_row = 0
            while refused_in_a_row < 20 and time.monotonic() - revoked < 10:
                for connection in connections:
                    asked = time.monotonic()
                    if connection.get("/v1/retrievers").status_code == 200:
                        last, refused_in_a_row = asked, 0
                    else:
                        refused_in_a_row += 1
            for connection in connections:
                connection.close()
        return last - revoked

    def test_is_effective_within_a_second(self, live: LiveServer) -> None:
        assert self.seconds_until_refused(live, live.new_key()[2], 1) <= 1.0

    @pytest.mark.torture
    def test_is_effective_in_every_worker(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        url = f"sqlite:///{tmp_path_factory.mktemp('workers')}/desirepath.db"
        with start(url, "--workers", "2") as server:
            seconds = self.seconds_until_refused(server, server.new_key()[2], 8)
        assert seconds <= 1.0


def head(method: str, path: str, key: str, *lines: str) -> bytes:
    first = (f"{method} {path} HTTP/1.1", "Host: test", f"Authorization: Bearer {key}")
    return "\r\n".join((*first, *lines, "", "")).encode()


class TestRawRequests:
    """Requests that no client library would send."""

    @pytest.fixture(scope="class")
    @classmethod
    def key(cls, live_sqlite: LiveServer) -> str:
        return live_sqlite.new_key()[2]

    @pytest.fixture
    def body(self) -> bytes:
        return json.dumps(click(user_id="smuggled")).encode()

    def statuses(self, answer: bytes) -> list[int]:
        return [int(status) for status in re.findall(rb"HTTP/1\.\d (\d{3}) ", answer)]

    def is_well(self, server: LiveServer, key: str) -> bool:
        with server.client(key) as client:
            found = client.post(f"{INTERACTIONS}/list", json={"user_id": "smuggled"}).json()
            return server.is_alive() and found["results"] == []

    def test_two_ways_to_say_the_length_are_refused(
        self, live_sqlite: LiveServer, key: str, body: bytes
    ) -> None:
        chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        length = f"Content-Length: {len(body)}"
        requests = [
            head("POST", INTERACTIONS, key, length, "Transfer-Encoding: chunked") + chunked,
            head("POST", INTERACTIONS, key, length, "Content-Length: 3") + body,
            head("POST", INTERACTIONS, key, length, length + "0") + body,
            head("POST", INTERACTIONS, key, "Content-Length: -1") + body,
            head("POST", INTERACTIONS, key, "Content-Length: 1e2") + body,
            head("POST", INTERACTIONS, key, "Transfer-Encoding: chunked, identity") + chunked,
            head("POST", INTERACTIONS, key, "Transfer-Encoding: chunked") + b"zz\r\n" + body,
        ]
        for request in requests:
            statuses = self.statuses(live_sqlite.send_raw(request, 0.5))
            assert statuses in ([400], []), request
        assert self.is_well(live_sqlite, key)

    @pytest.mark.parametrize(
        "request_",
        [
            b"GET /livez HTTP/1.1\r\nHost: x\r\nBad\x00: y\r\n\r\n",
            b"GET /livez HTTP/1.1\r\nHost: x\r\nBad: \x00\r\n\r\n",
            b"GET /livez HTTP/1.1\r\nHost: x\r\nFolded: a\r\n b\r\n\r\n",
            b"GET /livez HTTP/1.1\r\nHost: x\r\nSpace : a\r\n\r\n",
            b"GET  /livez HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /livez\r\n\r\n",
            b"GET /livez HTTP/9.9\r\nHost: x\r\n\r\n",
            b"NONSENSE\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"\x00" * 1000,
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ],
        ids=lambda request_: repr(request_[:50]),
    )
    def test_what_is_not_http_is_400_or_closed(
        self, live_sqlite: LiveServer, key: str, request_: bytes
    ) -> None:
        statuses = self.statuses(live_sqlite.send_raw(request_, 0.5))
        assert all(status < 500 for status in statuses)
        assert statuses in ([400], [], [200])
        assert self.is_well(live_sqlite, key)

    def test_what_is_not_http_gets_the_shape_of_every_error(self, live_sqlite: LiveServer) -> None:
        head, _, body = live_sqlite.send_raw(b"NONSENSE\r\n\r\n").partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert b"content-type: application/json" in head
        assert b"connection: close" in head
        answer = json.loads(body)
        assert (answer["success"], answer["status"]) == (False, 400)
        assert answer["error"]["code"] == "malformed_request"

    @pytest.mark.parametrize("part", [b"", b'{"feature_id"'])
    def test_a_body_that_breaks_off_is_nobodys_item(
        self, live_sqlite: LiveServer, part: bytes
    ) -> None:
        key = live_sqlite.new_key()[2]
        with socket.create_connection(live_sqlite.address) as connection:
            connection.sendall(head("POST", INTERACTIONS, key, "Content-Length: 100") + part)
            time.sleep(0.2)  # the request is being answered
        with live_sqlite.client(key) as client:
            for _ in range(5):
                assert client.get(f"{INTERACTIONS}/rejected").json()["results"] == []
                time.sleep(0.05)

    @pytest.mark.parametrize(
        "lines",
        [
            ["X-Large: " + "x" * 65_536],
            [f"X-{n}: y" for n in range(2_000)],
            ["X-Request-Id: " + "x" * 10_000],
            ["Idempotency-Key: " + "x" * 10_000],
            ["Authorization: Bearer " + "x" * 10_240],
            ["X-Namespace: " + "x" * 10_000],
        ],
        ids=lambda lines: f"{len(lines)} × {lines[0][:15]}",
    )
    def test_large_headers_are_an_answer_below_500(
        self, live_sqlite: LiveServer, key: str, lines: list[str]
    ) -> None:
        request = head("GET", "/v1/retrievers", key, *lines, "Connection: close")
        statuses = self.statuses(live_sqlite.send_raw(request))
        assert all(200 <= status < 500 for status in statuses)
        assert self.is_well(live_sqlite, key)

    def test_a_very_long_path(self, live_sqlite: LiveServer, key: str) -> None:
        for path in ("/v1/retrievers/" + "x" * 60_000, "/v1/retrievers?limit=" + "1" * 60_000):
            request = head("GET", path, key, "Connection: close")
            (status,) = self.statuses(live_sqlite.send_raw(request))
            assert status in (400, 404, 414, 431)
        assert self.is_well(live_sqlite, key)

    @pytest.mark.parametrize(
        "path",
        [
            "%00",
            "%FF",
            "%ED%A0%80",
            "%C0%AF",
            "..%2F..%2Fetc%2Fpasswd",
            "%2e%2e",
            "%zz",
            "%",
            "a%0D%0Ab",
        ],
    )
    def test_odd_paths_are_404(self, live: LiveServer, path: str) -> None:
        key = live.new_key()[2]
        for prefix in ("/v1/retrievers/", f"{INTERACTIONS}/", "/v1/retrievers/x/executions/", "/"):
            request = head("GET", prefix + path, key, "Connection: close")
            answer = live.send_raw(request)
            assert self.statuses(answer) == [404], answer
            body = json.loads(answer.partition(b"\r\n\r\n")[2])
            assert body["error"]["type"] == "NotFoundError"

    def test_pipelined_requests_are_answered_in_order(
        self, live_sqlite: LiveServer, key: str
    ) -> None:
        one = head("GET", "/v1/retrievers", key)
        two = head("GET", "/v1/nothing", key, "Connection: close")
        assert self.statuses(live_sqlite.send_raw(one + two)) == [200, 404]


class TestBodies:
    def test_too_large_while_it_arrives(self, live: LiveServer) -> None:
        """A body without a length, stopped as soon as it is too long."""
        n_sent = 0

        def endless() -> Iterator[bytes]:
            nonlocal n_sent
            for _ in range(1 << 10):
                n_sent += 1 << 16
                yield b" " * (1 << 16)

        with live.client(live.new_key()[2]) as client:
            try:
                answer = client.post(INTERACTIONS, content=endless())
                assert answer.status_code == 413
                assert answer.json()["error"]["code"] == "payload_too_large"
            except httpx.WriteError:
                pass  # the server closed what it no longer wants to read
        assert live.is_alive()

    def test_a_compressed_body_is_refused(self, client: httpx.Client) -> None:
        content = gzip.compress(json.dumps(click()).encode())
        headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
        assert client.post(INTERACTIONS, content=content, headers=headers).status_code == 415

    def test_the_connection_goes_on_after_a_refusal(self, client: httpx.Client) -> None:
        for _ in range(20):
            assert client.post(INTERACTIONS, content=b"{").status_code in (415, 422)
            assert client.post(INTERACTIONS, json=click()).status_code == 200

    def test_no_content_type_is_json(self, live: LiveServer) -> None:
        body = json.dumps(click()).encode()
        request = head(
            "POST",
            INTERACTIONS,
            live.new_key()[2],
            f"Content-Length: {len(body)}",
            "Connection: close",
        )
        assert live.send_raw(request + body).startswith(b"HTTP/1.1 200 ")


class TestLogs:
    """One JSON line a request; no id of a person, no query, no key, whatever happens."""

    def test_lines_say_what_and_never_who(self, live_sqlite: LiveServer) -> None:
        server = live_sqlite
        _, _, key = server.new_key()
        with server.client(key) as client:
            ids = {
                name: f"{CANARY}-{name}"
                for name in ("feature_id", "user_id", "session_id", "execution_id", "event_id")
            }
            query = {"query": f"{CANARY} shoes"}
            for _ in range(2):
                client.post(INTERACTIONS, json=click(**ids, query_snapshot=query))
            client.post(INTERACTIONS, json=click(user_id=CANARY * 40))
            client.post(INTERACTIONS, json={CANARY: CANARY})
            client.post(INTERACTIONS, content=f'{{"{CANARY}": NaN'.encode())
            client.post(f"{INTERACTIONS}/batch", json={"interactions": [CANARY, ids]})
            client.post(f"{INTERACTIONS}/list", json={"user_id": CANARY, "search": CANARY})
            client.post(f"{INTERACTIONS}/list?cursor={CANARY}", json={})
            client.post(f"{INTERACTIONS}/list", json={"filters": {CANARY: CANARY}})
            client.get(f"{INTERACTIONS}/{CANARY}")
            client.get(f"/v1/retrievers/{CANARY}?q={CANARY}")
            client.get(f"/{CANARY}")
            client.put(f"/v1/users/{CANARY}")
            client.get("/v1/retrievers", headers={"X-Namespace": CANARY})
            client.get("/v1/retrievers", headers={"Authorization": f"Bearer {CANARY}"})
            client.get(f"/v1/retrievers?key={key}", headers={"Authorization": ""})
            client.get("/v1/retrievers", headers={"User-Agent": CANARY, "Referer": CANARY})
            client.get("/livez", headers={"X-Request-Id": "a-request-of-ours"})
        with server.client() as admin:
            admin.delete(f"/v1/users/{CANARY}-user_id")
        server.send_raw(f"GET /{CANARY} HTTP/1.1\r\nBad\x00{CANARY}: 1\r\n\r\n".encode(), 0.5)
        output = server.output()
        assert CANARY not in output
        assert key not in output
        assert server.admin_key not in output

        requests = [json.loads(line) for line in output.splitlines() if '"event"' in line]
        assert len(requests) >= 15, "where is the access log?"
        assert {"event", "method", "route", "status", "ms", "request_id"} <= set(requests[0])
        routes = {(line["method"], line["route"], line["status"]) for line in requests}
        assert ("POST", INTERACTIONS, 200) in routes
        assert ("GET", f"{INTERACTIONS}/{{interaction_id}}", 404) in routes
        assert ("GET", "/v1/retrievers", 401) in routes
        assert "a-request-of-ours" in {line["request_id"] for line in requests}

    def test_none_without_the_setting(self, live_postgres: LiveServer) -> None:
        with live_postgres.client() as client:
            client.get("/v1/retrievers")
        assert '"event"' not in live_postgres.output()


class TestKinds:
    def test_each_kind_over_a_socket(self, live: LiveServer) -> None:
        expected = {
            KeyKind.SERVER: (200, 200),
            KeyKind.READ: (403, 200),
            KeyKind.PUBLIC: (403, 403),
        }
        for kind, statuses in expected.items():
            with live.client(live.new_key(kind)[2]) as client:
                write = client.post(INTERACTIONS, json=click()).status_code
                read = client.get("/v1/retrievers").status_code
            assert statuses == (write, read)

    def test_two_authorization_headers(self, live: LiveServer) -> None:
        key = live.new_key()[2]
        request = head(
            "GET", "/v1/retrievers", key, f"Authorization: Bearer {key}", "Connection: close"
        )
        assert live.send_raw(request).startswith(b"HTTP/1.1 401 ")
