"""A small server that speaks as OpenAI's embeddings API does, and fails as it is told."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["DIMENSION", "KEY", "MODEL", "EmbeddingServer", "serve_embeddings", "vector_of"]

MODEL = "words-32"
KEY = "sk-of-the-embedder"
DIMENSION = 32

Fault = Callable[["_Handler", list[str]], None]


def vector_of(text: str) -> list[float]:
    """A bag of words: texts that share words point the same way."""
    vector = [0.0] * DIMENSION
    for word in text.lower().split():
        vector[hashlib.sha256(word.encode()).digest()[0] % DIMENSION] += 1.0
    return vector


class EmbeddingServer:
    """What was asked, and what to do wrong next."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.batches: list[list[str]] = []
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.faults: list[Fault] = []
        """What to do instead of answering, for one request each."""

    def forget(self) -> None:
        """Begin anew, and answer well."""
        for one in (self.batches, self.requests, self.keys, self.faults):
            one.clear()

    @property
    def texts(self) -> list[str]:
        """All texts that vectors were asked for."""
        return [text for batch in self.batches for text in batch]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: EmbeddingServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.state.requests.append(body)
        self.state.batches.append(body["input"])
        self.state.keys.append(self.headers["Authorization"])
        if self.state.faults:
            self.state.faults.pop(0)(self, body["input"])
        elif self.path != "/v1/embeddings" or body["model"] != MODEL:
            self.answer(404, {"error": {"message": f"no model for {body['input']}"}})
        elif self.headers["Authorization"] not in (None, f"Bearer {KEY}"):
            self.answer(401, {"error": {"message": "wrong key"}})
        else:
            self.vectors([vector_of(text) for text in body["input"]])

    def vectors(self, vectors: Sequence[Sequence[float]], *, last_first: bool = True) -> None:
        """Answer with vectors; in any order, as the index says which is which."""
        data = [
            {"object": "embedding", "index": index, "embedding": vector}
            for index, vector in enumerate(vectors)
        ]
        self.answer(
            200,
            {
                "object": "list",
                "data": data[::-1] if last_first else data,
                "model": MODEL,
                "usage": {"prompt_tokens": 1, "total_tokens": 1},
            },
        )

    def answer(self, status: int, body: Any, **headers: str) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of callers that went away."""


def status(code: int, **headers: str) -> Fault:
    """Refuse with a status."""
    return lambda handler, _: handler.answer(code, {"error": {}}, **headers)


def body(raw: bytes) -> Fault:
    """Answer 200 with these bytes."""
    return lambda handler, _: handler.answer(200, raw)


def vectors(*given: Sequence[float]) -> Fault:
    """Answer with these vectors, whatever was asked."""
    return lambda handler, _: handler.vectors(given)


def hang_up(handler: _Handler, texts: list[str]) -> None:
    """End the connection without an answer."""
    handler.close_connection = True


def hang(handler: _Handler, texts: list[str]) -> None:
    """Say nothing until the caller is gone."""
    handler.rfile.read(1)
    handler.close_connection = True


def drip(handler: _Handler, texts: list[str]) -> None:
    """Answer one byte at a time until the caller is gone."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(1 << 40))
    handler.end_headers()
    with suppress(OSError):
        while True:
            handler.wfile.write(b" ")
            time.sleep(0.01)
    handler.close_connection = True


@contextmanager
def serve_embeddings() -> Iterator[EmbeddingServer]:
    """Run the server until the end of the block."""

    class Handler(_Handler):
        pass

    server = _Server(("127.0.0.1", 0), Handler)
    state = Handler.state = EmbeddingServer(f"http://127.0.0.1:{server.server_address[1]}/v1")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
