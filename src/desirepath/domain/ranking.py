"""How a search was ranked: what it takes to serve it again, to explain it, and to learn from it."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import msgspec
from msgspec import Struct

__all__ = ["Contexts", "Draw", "Ranking", "day_of", "pack_ranking", "unpack_ranking"]

_DAY = 86_400_000_000  # microseconds


class Contexts(Struct, frozen=True, array_like=True):
    """Whose weights a search asked for, fixed when it was served.

    Parameters
    ----------
    personal, segment
        Keys of the levels beside the global one; None where a level takes no part.
    identity
        Who is counted once a day in shared levels: the person, else the session, else nobody.
    """

    personal: str | None = None
    segment: str | None = None
    identity: str | None = None


class Draw(Struct, frozen=True, array_like=True):
    """The draw of learned weights that a search was served with.

    Parameters
    ----------
    parameters
        Of the posterior that it was drawn from; see ``methods/bandits/base.py``.
    exploration
        Factor on the posterior's variance.
    bounds
        Smallest and largest weight, if any were set.
    seed
        For audit; a search is served again from its weights.
    level
        The narrowest level that spoke: personal, segment, global, session, or none.
    lists
        By level, on how many lists (after forgetting) it spoke.
    """

    parameters: bytes
    exploration: float
    bounds: tuple[float, float] | None
    seed: int
    level: str
    lists: Mapping[str, float] = {}


class Ranking(Struct, frozen=True, array_like=True, kw_only=True):
    """What was ranked by what. F features, P documents in the pool.

    Parameters
    ----------
    version, stages_hash
        Of the retriever.
    fusion
        What was served: learned, rrf, dbsf, weighted or max.
    features : length F
        URIs, in the order of weights and levels.
    ordinals : length F
        What the retriever counts them by for ever.
    weights : length F
        What was served.
    minima, maxima : length F
        Scores that level 0 and the largest level stand for.
    pool : length P
        Documents that could have been shown, those that were among them; the best first.
    levels
        Normalised scores of the pool, shape (P, F), unsigned 16 bit, little-endian.
    algorithm
        What learns from it; None: nothing does.
    contexts
        Whose weights they were.
    draw
        Where learned weights were drawn, served or not (shadow).
    shadow_weights : length F
        What learned weights would have been, where static ones were served.
    needs_feature_uri
        Whether only interactions that name a feature teach.
    """

    version: int
    stages_hash: str
    fusion: str
    features: tuple[str, ...]
    ordinals: tuple[int, ...]
    weights: tuple[float, ...]
    minima: tuple[float, ...]
    maxima: tuple[float, ...]
    pool: tuple[str, ...]
    levels: bytes
    algorithm: str | None = None
    contexts: Contexts = Contexts()
    draw: Draw | None = None
    shadow_weights: tuple[float, ...] | None = None
    needs_feature_uri: bool = False


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Ranking).decode


def pack_ranking(ranking: Ranking) -> bytes:
    """As it is stored."""
    return zlib.compress(_encode(ranking), 1)


def unpack_ranking(packed: bytes) -> Ranking:
    """What :func:`pack_ranking` wrote."""
    return _decode(zlib.decompress(packed))


def day_of(moment: int) -> int:
    """The UTC day of a moment in microseconds since 1970, counted from that year's first.

    >>> day_of(86_400_000_000)
    1
    """
    return moment // _DAY
