"""An OpenAI-compatible endpoint: asked in batches, tried again, and given up in time."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from desirepath.domain.document import as_float32
from desirepath.engine.embedding.base import NoEmbedder
from desirepath.engine.embedding.endpoint import EndpointEmbedder
from desirepath.engine.embedding.http import read_address
from desirepath.engine.embedding.memory import RememberingEmbedder
from desirepath.errors import (
    EmbedderError,
    EmbedderFailed,
    EmbedderUnavailable,
    InvalidSetting,
)
from tests import embedding_server as faults
from tests.embedding_server import (
    DIMENSION,
    KEY,
    MODEL,
    EmbeddingServer,
    serve_embeddings,
    vector_of,
)


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with serve_embeddings() as server:
        yield server


def embedder_at(url: str, key: str | None = KEY, seconds: float = 5.0) -> EndpointEmbedder:
    return EndpointEmbedder(read_address(url, "embedder_url"), key, seconds, batch_size=3)


class TestAsking:
    def test_vectors_come_in_the_order_of_the_texts(self, server: EmbeddingServer) -> None:
        texts = [f"text {n}" for n in range(7)]
        assert embedder_at(server.url).embed(MODEL, texts) == [vector_of(text) for text in texts]
        assert [len(batch) for batch in server.batches] == [3, 3, 1]
        assert server.requests[0].keys() == {"model", "input", "encoding_format"}
        assert set(server.keys) == {f"Bearer {KEY}"}

    def test_no_key_is_no_header(self, server: EmbeddingServer) -> None:
        embedder_at(server.url, key=None).embed(MODEL, ["a"])
        assert server.keys == [None]

    def test_nothing_is_asked_for_nothing(self, server: EmbeddingServer) -> None:
        assert embedder_at(server.url).embed(MODEL, []) == []
        assert server.batches == []

    def test_any_text_arrives_as_it_is(self, server: EmbeddingServer) -> None:
        texts = ['"quoted"\n', "é😀", "\u2028"]
        embedder_at(server.url).embed(MODEL, texts)
        assert server.texts == texts


class TestTryingAgain:
    @pytest.mark.parametrize(
        "fault",
        [
            faults.status(429),
            faults.status(500),
            faults.status(503, Retry_After="0"),
            faults.hang_up,
        ],
        ids=["429", "500", "503", "hang up"],
    )
    def test_what_may_pass_is_tried_again(
        self, server: EmbeddingServer, fault: faults.Fault
    ) -> None:
        server.faults = [fault, fault]
        assert embedder_at(server.url).embed(MODEL, ["a"]) == [vector_of("a")]
        assert len(server.batches) == 3

    def test_four_times_and_not_more(self, server: EmbeddingServer) -> None:
        server.faults = [faults.status(503, Retry_After="0")] * 9
        with pytest.raises(EmbedderUnavailable):
            embedder_at(server.url).embed(MODEL, ["a"])
        assert len(server.batches) == 4

    def test_not_when_it_is_asked_to_wait_longer_than_there_is_time(
        self, server: EmbeddingServer
    ) -> None:
        server.faults = [faults.status(429, Retry_After="60")]
        with pytest.raises(EmbedderUnavailable):
            embedder_at(server.url).embed(MODEL, ["a"])
        assert len(server.batches) == 1

    @pytest.mark.parametrize("fault", [faults.hang, faults.drip], ids=["hangs", "drips"])
    def test_the_time_is_kept_whatever_the_endpoint_does(
        self, server: EmbeddingServer, fault: faults.Fault
    ) -> None:
        server.faults = [fault] * 4
        with pytest.raises(EmbedderUnavailable):  # or this would not end
            embedder_at(server.url, seconds=0.3).embed(MODEL, ["a"])

    def test_nobody_listens(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
            with pytest.raises(EmbedderUnavailable):
                embedder_at(url).embed(MODEL, ["a"])

    def test_after_three_failures_it_is_left_alone(self, server: EmbeddingServer) -> None:
        embedder = embedder_at(server.url)
        server.faults = [faults.status(429, Retry_After="60")] * 3
        for _ in range(5):
            with pytest.raises(EmbedderUnavailable):
                embedder.embed(MODEL, ["a"])
        assert len(server.batches) == 3


class TestRefusals:
    @pytest.mark.parametrize(
        ("fault", "says"),
        [
            (faults.status(401), "embedder_key"),
            (faults.status(404), "no such model"),
            (faults.status(400), "status 400"),
            (faults.status(307, Location="http://127.0.0.1:1/"), "status 307"),
            (faults.body(b"<html>"), "as OpenAI's"),
            (faults.body(b'{"data": [{"index": 0, "embedding": "AAAA"}]}'), "as OpenAI's"),
            (faults.body(b"\xff"), "as OpenAI's"),
            (faults.vectors(), "one vector for each"),
            (faults.vectors([1.0]), "one vector for each"),
            (faults.vectors([1.0], [1.0], [1.0]), "one vector for each"),
            (faults.vectors([1.0], [1.0, 2.0]), "not of one length"),
            (faults.vectors([], []), "not of one length"),
            (faults.body(b'{"data": [{"index": 0, "embedding": [NaN]}]}'), "as OpenAI's"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_what_will_not_pass_is_said_at_once(
        self, server: EmbeddingServer, fault: faults.Fault, says: str
    ) -> None:
        server.faults = [fault]
        with pytest.raises(EmbedderFailed, match=says) as caught:
            embedder_at(server.url).embed(MODEL, ["secret text", "b"])
        assert "secret" not in caught.value.message
        assert len(server.batches) == 1

    def test_a_wrong_model_or_key(self, server: EmbeddingServer) -> None:
        with pytest.raises(EmbedderFailed, match="no such model"):
            embedder_at(server.url).embed("another", ["a"])
        with pytest.raises(EmbedderFailed, match="refuses our key"):
            embedder_at(server.url, key="sk-wrong").embed(MODEL, ["a"])

    def test_more_than_a_vector_takes_is_not_read(self, server: EmbeddingServer) -> None:
        server.faults = [faults.body(b" " * (2 << 20))] * 4
        with pytest.raises(EmbedderUnavailable):
            embedder_at(server.url).embed(MODEL, ["a"])

    def test_without_one_the_setting_is_named(self) -> None:
        with pytest.raises(EmbedderFailed, match="embedder_url"):
            NoEmbedder().embed(MODEL, ["a"])


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8080/v1",
        "ftp://host/v1",
        "file:///etc/passwd",
        "http://",
        "http://user:secret@host/v1",
        "http://host/v1?key=secret",
        "http://host:port/v1",
        "http://host/\u00e9",
        "http://[::1/v1",
    ],
)
def test_an_address_is_a_plain_url(url: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        read_address(url, "embedder_url")
    assert "secret" not in caught.value.message


class TestMemory:
    def test_a_text_is_asked_for_once(self, server: EmbeddingServer) -> None:
        embedder = RememberingEmbedder(embedder_at(server.url), 1 << 20)
        first = embedder.embed(MODEL, ["a", "b", "a"])
        assert first[0] == first[2]
        again = embedder.embed(MODEL, ["c", "b"])
        assert [list(vector) for vector in again] == [vector_of("c"), vector_of("b")]
        assert server.batches == [["a", "b"], ["c"]]

    def test_models_have_vectors_of_their_own(self, server: EmbeddingServer) -> None:
        embedder = RememberingEmbedder(embedder_at(server.url), 1 << 20)
        embedder.embed(MODEL, ["a"])
        with pytest.raises(EmbedderError):
            embedder.embed("another", ["a"])

    def test_what_was_not_used_longest_is_forgotten(self, server: EmbeddingServer) -> None:
        room = 2 * (260 + 1 + 4 * DIMENSION)
        embedder = RememberingEmbedder(embedder_at(server.url), room)
        for text in ("a", "b", "a", "c", "a", "b"):
            embedder.embed(MODEL, [text])
        assert server.texts == ["a", "b", "c", "b"]

    def test_numbers_are_those_that_documents_keep(self, server: EmbeddingServer) -> None:
        server.faults = [faults.vectors([0.1, 0.2])]
        embedder = RememberingEmbedder(embedder_at(server.url), 1 << 20)
        (vector,) = embedder.embed(MODEL, ["a"])
        assert tuple(vector) == as_float32([0.1, 0.2])

    def test_a_failure_is_not_remembered(self, server: EmbeddingServer) -> None:
        server.faults = [faults.status(400)]
        embedder = RememberingEmbedder(embedder_at(server.url), 1 << 20)
        with pytest.raises(EmbedderFailed):
            embedder.embed(MODEL, ["a"])
        assert [list(vector) for vector in embedder.embed(MODEL, ["a"])] == [vector_of("a")]
