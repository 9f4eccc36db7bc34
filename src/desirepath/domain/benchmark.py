"""Benchmarks as they are asked for: which sessions are replayed through which retrievers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta, Struct

from desirepath.domain.checks import Id, below, check_id, check_time, convert, refuse_unknown
from desirepath.domain.clock import parse_time
from desirepath.domain.interaction import QUERY_LEVEL_TYPES, SHOWN_TYPES, InteractionType
from desirepath.domain.plain_json import check_plain
from desirepath.domain.reward import DEFAULT_REWARDS
from desirepath.errors import InvalidBenchmark, MalformedJSON

__all__ = [
    "DEFAULT_WEIGHTS",
    "LEAST_SESSIONS",
    "MOST_SESSIONS",
    "BenchmarkDraft",
    "InteractionWeights",
    "SampleStrategy",
    "SessionFilter",
    "TimeRange",
    "read_benchmark",
]

LEAST_SESSIONS, MOST_SESSIONS = 10, 10_000
_LARGEST_WEIGHT = 1_000.0

DEFAULT_WEIGHTS: Mapping[str, float] = {
    type: reward
    for type, reward in DEFAULT_REWARDS.items()
    if reward and type not in SHOWN_TYPES | QUERY_LEVEL_TYPES
}
"""What an interaction is worth where nobody says: the default rewards. Being shown is worth
nothing, for a replay would be measured by what the log showed."""


class SampleStrategy(StrEnum):
    """Which of the sessions that a filter leaves are replayed, where they are too many."""

    RANDOM = "random"
    """Any, drawn by the seed."""
    RECENT = "recent"
    """Those that ended last."""
    STRATIFIED = "stratified"
    """Drawn apart from sessions that bought, that put something into the cart, and others, of each
    as large a share as it has, but at least one."""


class TimeRange(Struct, frozen=True, kw_only=True):
    """When searches were made; both ends count, ISO 8601."""

    start: str | None = None
    end: str | None = None

    @property
    def since(self) -> int | None:
        """The first moment that counts, in microseconds since 1970."""
        return None if self.start is None else parse_time(self.start)

    @property
    def before(self) -> int | None:
        """The first moment after it that does not."""
        return None if self.end is None else parse_time(self.end) + 1


class InteractionWeights(Struct, frozen=True, kw_only=True):
    """What interactions are worth."""

    weights: Annotated[
        dict[InteractionType, float] | None,
        Meta(description="By interaction type. Types that are left out are worth nothing."),
    ] = None


class SessionFilter(Struct, frozen=True, kw_only=True):
    """Which sessions of the log are replayed."""

    retriever_ids: Annotated[
        list[Id] | None,
        Meta(description="Searches of these retrievers, by id or name; all when left out."),
    ] = None
    taxonomy_node_ids: Annotated[
        list[str] | None, Meta(description="There are no taxonomies here: leave it out.")
    ] = None
    time_range: TimeRange | None = None
    min_interactions: Annotated[
        int, Meta(ge=1, description="That are worth something, with what the searches returned.")
    ] = 1
    interaction_types: Annotated[
        list[InteractionType] | None,
        Meta(description="Sessions with an interaction of one of these types."),
    ] = None
    sample_strategy: SampleStrategy = SampleStrategy.RANDOM
    interaction_weights: InteractionWeights | None = None

    @property
    def type_to_weight(self) -> Mapping[str, float]:
        """What an interaction of each type is worth; a type that is not there is worth nothing."""
        sent = self.interaction_weights
        if sent is None or sent.weights is None:
            return DEFAULT_WEIGHTS
        return {type.value: weight for type, weight in sent.weights.items()}


class BenchmarkDraft(Struct, frozen=True, kw_only=True):
    """A benchmark as it is asked for."""

    benchmark_name: Annotated[str, Meta(min_length=1, max_length=255)]
    baseline_retriever_id: Annotated[Id, Meta(description="What is live, by id or name.")]
    candidate_retriever_ids: Annotated[
        list[Id],
        Meta(min_length=1, max_length=20, description="What is compared with it, by id or name."),
    ]
    session_filter: SessionFilter = SessionFilter()
    session_count: Annotated[
        int,
        Meta(ge=LEAST_SESSIONS, le=MOST_SESSIONS, description="How many are replayed at most."),
    ] = 1_000
    seed: Annotated[
        int, Meta(ge=0, le=(1 << 32) - 1, description="Ours: by which sessions are drawn.")
    ] = 0


def read_benchmark(plain: object, *, lenient: bool = False) -> BenchmarkDraft:
    """Check a benchmark as it is asked for; null is as good as left out.

    Raises
    ------
    InvalidBenchmark
        A rule is broken; the location says where.
    """
    if not isinstance(plain, Mapping):
        raise InvalidBenchmark("A benchmark is a JSON object.")
    try:
        check_plain(dict(plain))
    except MalformedJSON as error:
        raise InvalidBenchmark(error.message) from error
    values = _known(plain, BenchmarkDraft, lenient)
    if isinstance(values.get("session_filter"), Mapping):
        with below("session_filter"):
            values["session_filter"] = _read_filter(values["session_filter"], lenient)
    draft = convert(values, BenchmarkDraft, InvalidBenchmark)
    _check(draft)
    return draft


def _read_filter(plain: Mapping[str, Any], lenient: bool) -> dict[str, Any]:
    values = _known(plain, SessionFilter, lenient)
    for name, kind in (("time_range", TimeRange), ("interaction_weights", InteractionWeights)):
        if isinstance(values.get(name), Mapping):
            with below(name):
                values[name] = _known(values[name], kind, lenient)
    return values


def _known(plain: Mapping[str, Any], kind: type[Struct], lenient: bool) -> dict[str, Any]:
    values = {name: value for name, value in plain.items() if value is not None}
    refuse_unknown(values, kind.__struct_fields__, InvalidBenchmark, lenient)
    return values


def _check(draft: BenchmarkDraft) -> None:
    if draft.benchmark_name.isspace():
        raise InvalidBenchmark("benchmark_name is blank.", ("benchmark_name",))
    check_id(draft.baseline_retriever_id, "baseline_retriever_id", InvalidBenchmark)
    for candidate in draft.candidate_retriever_ids:
        check_id(candidate, "candidate_retriever_ids", InvalidBenchmark)
    with below("session_filter"):
        _check_filter(draft.session_filter)


def _check_filter(wanted: SessionFilter) -> None:
    if wanted.taxonomy_node_ids:
        raise InvalidBenchmark(
            "There are no taxonomies here: leave taxonomy_node_ids out.", ("taxonomy_node_ids",)
        )
    for id in wanted.retriever_ids or ():
        check_id(id, "retriever_ids", InvalidBenchmark)
    if wanted.time_range is not None:
        with below("time_range"):
            _check_range(wanted.time_range)
    weights = wanted.type_to_weight
    with below("interaction_weights", "weights"):
        if not all(math.isfinite(w) and abs(w) <= _LARGEST_WEIGHT for w in weights.values()):
            raise InvalidBenchmark(
                f"A weight lies between -{_LARGEST_WEIGHT:g} and {_LARGEST_WEIGHT:g}."
            )
        if not any(weight > 0 for weight in weights.values()):
            raise InvalidBenchmark("At least one weight is above 0.")


def _check_range(wanted: TimeRange) -> None:
    for name in ("start", "end"):
        text = getattr(wanted, name)
        if text is not None:
            check_time(text, name, InvalidBenchmark)
    since, before = wanted.since, wanted.before
    if since is not None and before is not None and since >= before:
        raise InvalidBenchmark("start lies after end.", ("start",))
