"""How an OpenAI-compatible endpoint is asked for embeddings, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import msgspec
from msgspec import Struct

from desirepath.domain.plain_json import encode_json
from desirepath.engine.embedding.base import Vector
from desirepath.errors import EmbedderFailed

__all__ = ["read_answer", "write_question"]


class _Question(Struct, frozen=True, kw_only=True):
    model: str
    input: Sequence[str]
    encoding_format: str = "float"


class _Embedding(Struct, frozen=True, kw_only=True):
    index: int
    embedding: list[float]


class _Answer(Struct, frozen=True, kw_only=True):
    data: list[_Embedding]


_decode = msgspec.json.Decoder(_Answer).decode


def write_question(model: str, texts: Sequence[str]) -> bytes:
    """The body that asks for the vectors of texts."""
    return encode_json(_Question(model=model, input=texts))


def read_answer(body: bytes, n_texts: int) -> list[Vector]:
    """The vectors, in the order of the texts.

    Raises
    ------
    EmbedderFailed
        It is another answer, has not one vector for each text, or they are not of one length.

    Examples
    --------
    >>> read_answer(b'{"data": [{"index": 0, "embedding": [1, 0.5]}]}', 1)
    [[1.0, 0.5]]
    """
    try:
        data = _decode(body).data
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise EmbedderFailed("The embedder does not answer as OpenAI's API does.") from error
    by_index = {one.index: one.embedding for one in data}
    if len(data) != n_texts or by_index.keys() != set(range(n_texts)):
        raise EmbedderFailed("The embedder did not answer with one vector for each text.")
    vectors = [by_index[index] for index in range(n_texts)]
    if len({len(vector) for vector in vectors}) != 1 or not vectors[0]:
        raise EmbedderFailed("The embedder's vectors are not of one length.")
    if not all(isfinite(number) for vector in vectors for number in vector):
        raise EmbedderFailed("The embedder's vectors have numbers that are none.")
    return [*vectors]
