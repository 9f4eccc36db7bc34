"""What the stages of one search did, and how long they took."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

__all__ = ["AdapterRun", "Profile", "StageRun", "Status", "pack_profile", "unpack_profile"]

Status = str
"""``completed``, or ``degraded`` where a stage failed and was skipped."""


class AdapterRun(Struct, frozen=True, array_like=True, kw_only=True):
    """Which version of a query adapter turned the vectors that a feature was searched with."""

    feature_uri: str
    model: str
    model_version: int


class StageRun(Struct, frozen=True, array_like=True, kw_only=True):
    """What a stage did: from how many documents to how many, and why it was skipped, if it was.

    ``model`` and ``model_version`` say which trained ranker ordered them, if one did, and
    ``query_adapters`` what was applied to vectors before they were searched with.
    """

    name: str
    stage_id: str
    n_in: int
    n_out: int
    milliseconds: float
    error: str | None = None
    model: str | None = None
    model_version: int | None = None
    query_adapters: tuple[AdapterRun, ...] = ()


class Profile(Struct, frozen=True, array_like=True, kw_only=True):
    """A search that was served here; ``milliseconds`` from its inputs to what is shown.

    ``filters`` are those of the search itself, as they were sent: with the inputs they are what it
    takes to ask it again.
    """

    stages: tuple[StageRun, ...]
    milliseconds: float
    warnings: tuple[str, ...] = ()
    filters: dict[str, Any] | None = None

    @property
    def status(self) -> Status:
        """How it went."""
        return "completed" if all(run.error is None for run in self.stages) else "degraded"


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Profile).decode


def pack_profile(profile: Profile) -> bytes:
    """As it is stored."""
    return _encode(profile)


def unpack_profile(packed: bytes) -> Profile:
    """What :func:`pack_profile` wrote."""
    return _decode(packed)
