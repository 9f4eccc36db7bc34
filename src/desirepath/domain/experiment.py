"""Experiments: two retrievers compared on live traffic, and what a search had to do with one."""

from __future__ import annotations

import zlib
from enum import StrEnum
from hashlib import blake2b
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from desirepath.domain.checks import Id
from desirepath.domain.ranking import Ranking
from desirepath.domain.stage_kinds.base import inside, read_struct
from desirepath.errors import InvalidRetriever

__all__ = [
    "Decision",
    "Experiment",
    "Mode",
    "Trial",
    "experiment_id_of",
    "is_unit_of",
    "pack_trial",
    "read_experiment",
    "unit_of",
    "unpack_trial",
]


class Mode(StrEnum):
    """Who sees what."""

    INTERLEAVE = "interleave"
    """Everybody sees both, in one list."""

    SPLIT = "split"
    """Each user sees one of both."""

    OFF = "off"
    """Nobody sees the challenger: how an experiment is ended."""


class Experiment(Struct, frozen=True, kw_only=True):
    """What a retriever is compared with on live traffic."""

    mode: Annotated[
        Mode,
        Meta(
            description="interleave: everybody sees both in one list. split: each user sees one of "
            "both. off ends an experiment."
        ),
    ] = Mode.INTERLEAVE
    challenger: Annotated[
        Id | None, Meta(description="The other retriever, by id or name; kept by id.")
    ] = None
    share: Annotated[
        float, Meta(gt=0, lt=1, description="Of users who see the challenger, in a split.")
    ] = 0.5
    days: Annotated[
        int,
        Meta(ge=1, le=90, description="From a user's first search on, what counts in a split."),
    ] = 7
    matters: Annotated[
        float,
        Meta(
            ge=0,
            le=6,
            description="A difference in reward below which it does not matter who wins; with 0 "
            "each one matters.",
        ),
    ] = 0.0


def read_experiment(plain: object, *, lenient: bool) -> Experiment:
    """Check an experiment.

    Raises
    ------
    InvalidRetriever
        A rule is broken; the location says where.
    """
    with inside("experiment"):
        experiment = read_struct(plain, Experiment, lenient)
        if experiment.mode is not Mode.OFF and experiment.challenger is None:
            raise InvalidRetriever(
                "An experiment names a challenger: the id or name of another retriever.",
                ("challenger",),
            )
        return experiment


def experiment_id_of(
    experiment: Experiment, live: tuple[str, int], challenger: tuple[str, int]
) -> str:
    """What an experiment is known by: another whenever either retriever is another.

    It is no moment's, as other ids are: every worker makes the same, and each change of a
    retriever, also that which starts an experiment, gives it a new version.

    Parameters
    ----------
    live, challenger
        Id and version of each.
    """
    names = f"{experiment.mode}\x00{live[0]}\x00{live[1]}\x00{challenger[0]}\x00{challenger[1]}"
    return f"exp_{blake2b(names.encode(), digest_size=16).hexdigest()}"


def unit_of(mode: Mode, session_id: str | None, user_id: str | None, day: int) -> str | None:
    """Whose searches share their coins, and are counted as one; None: nobody is known.

    Parameters
    ----------
    day
        The UTC day, counted from 1970.

    Examples
    --------
    >>> unit_of(Mode.INTERLEAVE, None, "kim", 20_000)
    'day:20000:kim'
    """
    user = None if user_id is None else f"user:{user_id}"
    session = None if session_id is None else f"session:{session_id}"
    if mode is Mode.SPLIT:
        return user or session
    return session or (None if user_id is None else f"day:{day}:{user_id}")


def is_unit_of(unit: str, session_id: str | None, user_id: str | None) -> bool:
    """Whether a unit is of a session or user, on whichever day.

    Examples
    --------
    >>> is_unit_of("day:20000:kim", None, "kim"), is_unit_of("user:kim", "kim", None)
    (True, False)
    """
    kind, _, name = unit.partition(":")
    if kind == "day":
        name = name.partition(":")[2]
    return name == (session_id if kind == "session" else user_id)


class Trial(Struct, frozen=True, array_like=True, kw_only=True):
    """What a search had to do with an experiment.

    Parameters
    ----------
    experiment
        As it was; the challenger by id.
    unit
        See :func:`unit_of`.
    coin
        In a split, whether the unit sees the challenger; interleaved, whether that picked first.
    teams : one for each document that is shown
        Whose pick it is: -1 live, 0 neither's, 1 the challenger's.
    live_version, challenger_version
        Of the retrievers.
    ranking
        How the challenger ranked; None: it did not, or where that cannot be said.
    problem
        Why the challenger was not shown where it should have been.
    """

    experiment_id: str
    experiment: Experiment
    unit: str
    coin: bool
    live_version: int
    challenger_version: int
    teams: tuple[int, ...] = ()
    ranking: Ranking | None = None
    problem: str | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Trial).decode


def pack_trial(trial: Trial) -> bytes:
    """As it is stored."""
    return zlib.compress(_encode(trial), 1)


def unpack_trial(packed: bytes) -> Trial:
    """What :func:`pack_trial` wrote."""
    return _decode(zlib.decompress(packed))


class Decision(Struct, frozen=True, kw_only=True):
    """What an experiment came to, as it was when one might first stop.

    Parameters
    ----------
    result
        All numbers that it was decided by, as plain JSON: no person is in it.
    decided_at
        Microseconds since 1970.
    """

    experiment_id: str
    retriever_id: str
    result: dict[str, object]
    decided_at: int
