"""The client of a simulation, against small HTTP servers that answer as told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from desirepath.errors import DesirepathError
from desirepath.testing.simulation.service import Refused, Service

Answer = tuple[int, dict[str, str], bytes]
REFUSAL = json.dumps({"error": {"message": "No."}}).encode()


@contextmanager
def answering(*answers: Answer) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Give each answer in turn, the last one again and again; and what was asked."""
    asked: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
            status, headers, content = answers[min(len(asked), len(answers) - 1)]
            asked.append({**self.headers, "path": self.path, "body": body})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def test_it_sends_key_namespace_and_body_and_reads_the_answer() -> None:
    with answering((200, {}, b'{"a": 1}')) as (url, asked), Service(url + "/", "key") as service:
        assert service.within("shop").call("POST", "/v1/x", {"b": [2]}) == {"a": 1}
        service.call("POST", "/v1/y", {})
    assert (asked[0]["path"], json.loads(asked[0]["body"])) == ("/v1/x", {"b": [2]})
    assert (asked[0]["Authorization"], asked[0]["X-Namespace"]) == ("Bearer key", "shop")
    assert "X-Namespace" not in asked[1]


def test_told_to_come_later_it_does() -> None:
    later: Answer = (429, {"Retry-After": "0.01"}, REFUSAL)
    with answering(later, later, (200, {}, b"{}")) as (url, asked), Service(url, "k") as service:
        assert service.call("POST", "/", {}) == {}
    assert len(asked) == 3


def test_told_so_again_and_again_it_gives_up() -> None:
    answer: Answer = (503, {"Retry-After": "0.01"}, REFUSAL)
    with (
        answering(answer) as (url, asked),
        Service(url, "k") as service,
        pytest.raises(Refused, match="No") as refused,
    ):
        service.call("POST", "/", {})
    assert refused.value.status == 503
    assert len(asked) == 5


def test_a_connection_that_was_closed_meanwhile_is_made_anew() -> None:
    answer: Answer = (200, {"Connection": "close"}, b"{}")
    with answering(answer) as (url, asked), Service(url, "k") as service:
        for _ in range(3):
            service.call("POST", "/", {})
    assert len(asked) == 3


@pytest.mark.parametrize("content", [b"<html>", b"[]", b"\xff"])
def test_something_else_is_told_apart(content: bytes) -> None:
    with (
        answering((200, {}, content)) as (url, _),
        Service(url, "k") as service,
        pytest.raises(DesirepathError, match="no Desirepath"),
    ):
        service.call("POST", "/", {})


@pytest.mark.parametrize("url", ["", "localhost", "ftp://host", "http://", "http://host:port"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(DesirepathError, match="looks like http"):
        Service(url, "k")


def test_nobody_there() -> None:
    with (
        Service("http://127.0.0.1:1", "k") as service,
        pytest.raises(DesirepathError, match="Nothing answers"),
    ):
        service.call("GET", "/")
