"""Wire shapes of what-ifs, and how domain values become them."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct, to_builtins

from desirepath.domain.assessment import Assessment
from desirepath.domain.checks import below, check_time, convert, refuse_unknown
from desirepath.domain.clock import format_time
from desirepath.domain.job import JobStatus
from desirepath.domain.what_if import (
    MOST_DRAWS,
    MOST_K,
    NewPolicy,
    WhatIfResult,
    WhatIfSettings,
    check_policy,
)
from desirepath.engine.what_if.asking import WhatIfRequest
from desirepath.errors import InvalidSetting

__all__ = [
    "StartWhatIf",
    "WhatIfListQuery",
    "WhatIfListResponse",
    "WhatIfRecord",
    "WhatIfStarted",
    "present_what_if",
    "read_what_if",
    "result_of",
]


class StartWhatIf(Struct, frozen=True, kw_only=True):
    """What is asked: what this retriever's searches would have earned by another policy."""

    policy: Annotated[
        NewPolicy,
        Meta(
            description="One of: weights or a fusion (or both), a ranker, another retriever.",
            examples=[{"weights": {"text://title": 0.7, "text://body": 0.3}}],
        ),
    ]
    k: Annotated[
        int, Meta(ge=1, le=MOST_K, description="A list earns what its first k results earn.")
    ] = 10
    n_draws: Annotated[
        int, Meta(ge=2, le=MOST_DRAWS, description="Draws of weights for each search.")
    ] = 50
    seed: Annotated[int, Meta(ge=0, le=2**53, description="Of all that is left to chance.")] = 0
    start_date: Annotated[
        str | None, Meta(description="Searches from here on, ISO 8601 (no zone: UTC).")
    ] = None
    end_date: Annotated[str | None, Meta(description="Searches before this.")] = None


class WhatIfStarted(Struct, frozen=True, kw_only=True):
    """A what-if that was left to the workers."""

    task_id: str
    what_if_id: str
    task_type: str
    status: str
    created_at: str


class WhatIfListQuery(Struct, frozen=True, kw_only=True):
    """Which page."""

    page: Annotated[int, Meta(ge=1, le=1_000_000_000)] = 1
    page_size: Annotated[int, Meta(ge=1, le=1000)] = 20


class WhatIfRecord(Struct, frozen=True, kw_only=True):
    """A what-if: how it stands, and what came out."""

    what_if_id: str
    retriever_id: str
    namespace_id: str
    status: Annotated[str, Meta(description="pending, in_progress, completed, failed, canceled")]
    task_id: Annotated[
        str | None, Meta(description="Null: it was done where it was asked for, without a task.")
    ]
    policy: Annotated[dict[str, Any], Meta(description="As it was asked for.")]
    settings: dict[str, Any]
    verdict: Annotated[str | None, Meta(description="better, worse or cannot tell; in words.")]
    result: Annotated[
        dict[str, Any] | None, Meta(description="Estimates with intervals, and what they rest on.")
    ]
    error_message: Annotated[
        str | None, Meta(description="Why it is refused, with what is missing.")
    ]
    progress: dict[str, Any]
    created_at: str
    completed_at: str | None


class WhatIfListResponse(Struct, frozen=True, kw_only=True):
    """A page of what-ifs, newest first."""

    what_ifs: list[WhatIfRecord]
    total: int
    page: int
    page_size: int


def read_what_if(plain: object, *, lenient: bool = False) -> WhatIfRequest:
    """Read a request.

    Raises
    ------
    InvalidSetting
        A rule is broken; the location says where.
    """
    if not isinstance(plain, dict):
        raise InvalidSetting("What is asked is a JSON object.")
    values = dict(plain)
    refuse_unknown(values, StartWhatIf.__struct_fields__, InvalidSetting, lenient)
    if isinstance(values.get("policy"), dict):
        with below("policy"):
            policy = dict(values["policy"])
            refuse_unknown(policy, NewPolicy.__struct_fields__, InvalidSetting, lenient)
            values["policy"] = policy
    body = convert(values, StartWhatIf, InvalidSetting)
    with below("policy"):
        check_policy(body.policy)
    since, before = (
        None if text is None else check_time(text, name, InvalidSetting)
        for text, name in ((body.start_date, "start_date"), (body.end_date, "end_date"))
    )
    return WhatIfRequest(
        policy=body.policy,
        settings=WhatIfSettings(
            k=body.k, n_draws=body.n_draws, seed=body.seed, since=since, before=before
        ),
    )


def result_of(one: Assessment) -> WhatIfResult | None:
    """What came out; None: nothing yet, or it was refused."""
    return None if one.result is None else convert(one.result, WhatIfResult, InvalidSetting)


def present_what_if(one: Assessment, namespace_id: str) -> WhatIfRecord:
    """The wire shape of a what-if."""
    result = result_of(one)
    request = convert(one.request, WhatIfRequest, InvalidSetting)
    return WhatIfRecord(
        what_if_id=one.assessment_id,
        retriever_id=one.retriever_id,
        namespace_id=namespace_id,
        status=one.status.value.lower(),
        task_id=one.task_id,
        policy=to_builtins(request.policy),
        settings=to_builtins(request.settings),
        verdict=None if result is None else result.sentence,
        result=None if result is None else to_builtins(result),
        error_message=one.error if one.status is JobStatus.FAILED else None,
        progress={"done": one.done, "total": one.total, "words": one.words},
        created_at=format_time(one.created_at),
        completed_at=None if one.completed_at is None else format_time(one.completed_at),
    )
