"""An OpenAI-compatible endpoint: asked in batches, and again where that may help."""

from __future__ import annotations

import time
from collections.abc import Sequence
from http.client import HTTPException

from desirepath.engine.circuit_breaker import CircuitBreaker
from desirepath.engine.embedding.base import Vector
from desirepath.engine.embedding.http import Address, HttpAnswer, post
from desirepath.engine.embedding.wire import read_answer, write_question
from desirepath.errors import EmbedderFailed, EmbedderUnavailable

__all__ = ["EndpointEmbedder"]

_PATH = "/embeddings"
_WORTH_RETRYING = frozenset({408, 425, 429, 500, 502, 503, 504})
_MOST_TRIES = 4
_FIRST_WAIT_SECONDS = 0.2
_MOST_BYTES_A_TEXT = 1 << 20
"""A vector of 16,000 numbers, written as long as numbers are."""


class EndpointEmbedder:
    """Asks an endpoint that speaks as OpenAI's ``/embeddings`` does.

    What fails for a reason that may pass is tried up to four times, after 0.2, 0.4 and 0.8 seconds
    or as long as the endpoint asks for, as far as the time allows. After three calls in a row that
    failed so, the endpoint is left alone for five seconds: then nobody waits for it.

    Parameters
    ----------
    address
        Of the API, without ``/embeddings``.
    key
        Sent as a bearer token; None: none.
    seconds
        How long the vectors of one batch may take, retries included.
    batch_size
        Texts in one call.
    """

    def __init__(self, address: Address, key: str | None, seconds: float, batch_size: int) -> None:
        self._address = address
        self._key = key
        self._seconds = seconds
        self._batch_size = batch_size
        self._breaker = CircuitBreaker()

    def embed(self, model: str, texts: Sequence[str]) -> list[Vector]:
        """See :class:`~desirepath.engine.embedding.base.Embedder`."""
        vectors: list[Vector] = []
        for start in range(0, len(texts), self._batch_size):
            vectors += self._embed_batch(model, texts[start : start + self._batch_size])
        return vectors

    def _embed_batch(self, model: str, texts: Sequence[str]) -> list[Vector]:
        if not self._breaker.is_closed(self._address):
            raise EmbedderUnavailable
        try:
            answer = self._ask(write_question(model, texts), _MOST_BYTES_A_TEXT * len(texts))
        except BaseException:
            self._breaker.failed(self._address)
            raise
        self._breaker.succeeded(self._address)
        if answer.status != 200:
            raise EmbedderFailed(_refused(answer.status))
        return read_answer(answer.body, len(texts))

    def _ask(self, question: bytes, most_bytes: int) -> HttpAnswer:
        """An answer that asking again would not change.

        Raises
        ------
        EmbedderUnavailable
            There was none in time.
        """
        deadline = time.monotonic() + self._seconds
        wait = _FIRST_WAIT_SECONDS
        for number in range(1, _MOST_TRIES + 1):
            asked_to_wait = None
            try:
                left = deadline - time.monotonic()
                answer = post(self._address, _PATH, question, self._key, left, most_bytes)
                if answer.status not in _WORTH_RETRYING:
                    return answer
                asked_to_wait = answer.retry_after_seconds
            except (OSError, HTTPException):
                pass
            wait_seconds = wait if asked_to_wait is None else asked_to_wait
            if number == _MOST_TRIES or time.monotonic() + wait_seconds >= deadline:
                break
            time.sleep(wait_seconds)
            wait *= 2
        raise EmbedderUnavailable


def _refused(status: int) -> str:
    """Why, as far as the status tells; the endpoint's own words may repeat what was sent."""
    if status in (401, 403):
        return "The embedder refuses our key: see the setting embedder_key."
    if status == 404:
        return "The embedder has no such model, or there is none at the embedder_url."
    return f"The embedder refused the texts, with status {status}."
