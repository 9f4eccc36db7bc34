"""Too much at once: an answer, quickly, and room again afterwards."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import ExitStack
from time import monotonic, sleep

import pytest

from desirepath.api.threads import N_THREADS
from desirepath.server.serving import _OTHER_FILES, _room_for
from tests.api.client import INTERACTIONS, Backend, Request
from tests.api.live import LiveServer, start

MOST = 4


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """Serve with room for four connections, and all the patience in the world."""
    url = f"sqlite:///{tmp_path_factory.mktemp('small')}/d.db"
    with start(url, "--max-connections", str(MOST), "--request-seconds", "900") as server:
        yield server


def received_until_closed(server: LiveServer, sent: bytes) -> bytes:
    """All that comes back; a server that does not close in time ends in a TimeoutError."""
    with socket.create_connection(server.address, timeout=60) as connection:
        connection.sendall(sent)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def test_one_connection_too_many_gets_an_answer_at_once(small: LiveServer) -> None:
    with ExitStack() as stack:
        for _ in range(MOST):
            idle = stack.enter_context(socket.create_connection(small.address))
            idle.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b" 200 " in idle.recv(65_536)
        answer = received_until_closed(small, b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b'"code":"overloaded"' in answer
        assert b"\r\nretry-after: 1\r\n" in answer
    with small.client() as client:
        assert 'desirepath_overloaded_total{what="connections"} 1.0' in client.get("/metrics").text


def test_a_silent_connection_too_many_is_closed_early(small: LiveServer) -> None:
    with ExitStack() as stack:
        for _ in range(MOST):
            idle = stack.enter_context(socket.create_connection(small.address))
            idle.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b" 200 " in idle.recv(65_536)
        assert received_until_closed(small, b"") == b""


ASKED = 60
ASK = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * ASKED


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """Serve with a second of patience."""
    folder = tmp_path_factory.mktemp("impatient")
    with start(f"sqlite:///{folder}/d.db", "--request-seconds", "1") as server:
        yield server


@pytest.fixture
def narrow(impatient: LiveServer) -> Iterator[socket.socket]:
    """Connect with room for little of an answer, and ask for much."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(60)
        connection.connect(impatient.address)
        connection.sendall(ASK)
        yield connection


def test_a_client_that_never_reads_is_let_go(impatient: LiveServer, narrow: socket.socket) -> None:
    del narrow
    with impatient.client() as client:
        deadline = monotonic() + 60
        while "desirepath_connections 1.0" not in client.get("/metrics").text:
            assert monotonic() < deadline, "it still holds its connection"
            sleep(0.2)


def test_a_client_that_reads_slowly_gets_all(narrow: socket.socket) -> None:
    received = bytearray()
    began = monotonic()
    while received.count(b"HTTP/1.1 200 OK") < ASKED or not received.endswith(b"}"):
        if monotonic() - began < 3:  # three times as long as a client that reads nothing may take
            sleep(0.1)
        part = narrow.recv(16_384)
        assert part, "the server gave up"
        received += part


def test_a_queue_for_threads_that_is_full_is_answered_at_once(sqlite_backend: Backend) -> None:
    """Deletions wait for whoever writes; the one after the last that may wait does not."""
    api = sqlite_backend.api(max_waiting_requests=1)
    path = f"{INTERACTIONS}/int_{'0' * 32}"
    with ThreadPoolExecutor(N_THREADS + 2) as pool:
        with api.engine.storage.write():
            asked = [pool.submit(api.delete, path) for _ in range(N_THREADS + 2)]
            answered, waiting = wait(asked, timeout=60, return_when=FIRST_COMPLETED)
        (refused,) = [one.result() for one in answered]
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "overloaded"
        assert refused.json()["error"]["details"]["retryable"] is True
        assert refused.headers["retry-after"] == "1"
        assert {one.result().status_code for one in waiting} == {200}
    again = api.send(*[Request("DELETE", path, None, api.keys.server)] * N_THREADS)
    assert {one.status_code for one in again} == {200}, "there is room again"
    assert 'desirepath_overloaded_total{what="threads"} 1.0' in api.get("/metrics", key=None).text


def test_no_more_connections_than_files(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: taken.append(limits))
    for limits, room in (
        ((1024, 1_000_000), 1000),
        ((1024, resource.RLIM_INFINITY), 1000),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), 1000),
        ((512, 1024), 1024 - _OTHER_FILES),
        ((64, 64), 1),
    ):
        monkeypatch.setattr(resource, "getrlimit", lambda _, limits=limits: limits)
        assert _room_for(1000) == room
    assert taken == [(1400, 1_000_000), (1400, resource.RLIM_INFINITY), (1024, 1024), (64, 64)]
