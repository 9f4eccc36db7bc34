"""Ask what another policy would have earned: here and now, or as a task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from desirepath.domain.assessment import Assessment, AssessmentKind
from desirepath.domain.checks import convert
from desirepath.domain.retriever import Retriever
from desirepath.domain.what_if import NewPolicy, WhatIfResult, WhatIfSettings, check_policy
from desirepath.engine.assessing import (
    assessment_of,
    finish_assessment,
    start_assessment,
    store_assessment,
)
from desirepath.engine.engine import Engine
from desirepath.engine.tasks.task import Task
from desirepath.engine.what_if.judging import judge
from desirepath.engine.what_if.logged import read_lists
from desirepath.engine.what_if.reranking import reranking_of
from desirepath.engine.what_if.weighing import weigh
from desirepath.errors import InvalidSetting, NotEnoughData, NotFound
from desirepath.storage.base import Namespace

__all__ = ["Tell", "WhatIfRequest", "run_what_if", "start_what_if", "what_if", "what_if_task"]

Tell = Callable[[int, int, str], object]
"""Told how many searches are done, of how many (0: nobody knows), and what is being done."""


class WhatIfRequest(Struct, frozen=True, kw_only=True):
    """What is asked: what a task is started with, and what is stored with its result."""

    policy: NewPolicy
    settings: WhatIfSettings = WhatIfSettings()


def what_if(
    engine: Engine,
    namespace: Namespace,
    retriever: Retriever,
    policy: NewPolicy,
    settings: WhatIfSettings = WhatIfSettings(),  # noqa: B008  # frozen
    tell: Tell = lambda done, total, words: None,
) -> WhatIfResult:
    """What a retriever's lists would have earned by another policy; nothing is stored.

    Raises
    ------
    InvalidSetting
        The policy is none, or needs what the log does not have.
    NotFound
        It names a retriever or a ranker that is not there.
    NotEnoughData
        The log cannot tell; it says why, by how much, and what would help.
    """
    check_policy(policy)
    reranking = reranking_of(engine, retriever, policy)
    rng = np.random.default_rng(settings.seed)
    left_out: Counter[str] = Counter()
    n_done, total = 0, 0
    with engine.storage.read() as session:
        total = session.learned.count_lists(namespace.number, retriever.retriever_id)

    def progress(n_more: int) -> None:
        nonlocal n_done
        n_done += n_more
        tell(n_done, max(total, n_done), "ranking logged pools anew")

    parts = read_lists(engine, retriever, settings, rng, left_out, progress)
    weighed = weigh(parts, reranking, settings.k, left_out)
    if weighed is None:
        raise _nothing_left(left_out)
    tell(n_done, n_done, "comparing")
    return judge(weighed, left_out, reranking.words, settings, rng)


def start_what_if(
    engine: Engine, namespace: Namespace, retriever: Retriever, request: WhatIfRequest
) -> Assessment:
    """Leave it to the workers, once all is checked that can be before the log is read.

    Raises
    ------
    InvalidSetting, NotFound
        As :func:`what_if`.
    """
    check_policy(request.policy)
    reranking_of(engine, retriever, request.policy)
    return start_assessment(
        engine,
        namespace,
        AssessmentKind.WHAT_IF,
        retriever.retriever_id,
        request=_plain(request),
    )


def run_what_if(
    engine: Engine,
    namespace: Namespace,
    retriever: Retriever,
    request: WhatIfRequest,
    tell: Tell = lambda done, total, words: None,
) -> Assessment:
    """Find it out here and now, and store what came out.

    Raises
    ------
    InvalidSetting, NotFound, NotEnoughData
        As :func:`what_if`; nothing is stored.
    """
    started_at = engine.clock.now()
    result = what_if(engine, namespace, retriever, request.policy, request.settings, tell)
    return store_assessment(
        engine,
        namespace,
        AssessmentKind.WHAT_IF,
        retriever.retriever_id,
        request=_plain(request),
        result=result,
        started_at=started_at,
    )


def what_if_task(engine: Engine, task: Task) -> None:
    """Do the task that :func:`start_what_if` started."""
    assessment = assessment_of(engine, task)
    request = convert(assessment.request, WhatIfRequest, InvalidSetting)
    retriever = engine.directory.retriever(assessment.namespace, assessment.retriever_id)
    if retriever is None:
        raise NotFound("retriever", assessment.retriever_id)
    result = what_if(
        engine, task.namespace, retriever, request.policy, request.settings, task.progress
    )
    finish_assessment(engine, task, assessment, result)


def _plain(request: WhatIfRequest) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(request)
    return plain


def _nothing_left(left_out: Counter[str]) -> NotEnoughData:
    """Why there is nothing to weigh, by what there is most of."""
    reason = left_out.most_common(1)[0][0] if left_out.total() else ""
    return NotEnoughData(
        "lists that were served by drawing learned weights",
        needed=1,
        found=0,
        why=_ADVICE.get(reason, "No search is in the log that could be weighed."),
    )


_ADVICE = {
    "static": "The live policy leaves nothing to chance, so its log has no propensities and cannot "
    "say what else would have earned: switch learned fusion on, which explores, or compare by "
    "interleaving.",
    "page": "Only first pages can be weighed.",
    "imported": "Only searches that were served live can be weighed: nobody knows how imported "
    "ones could have been ranked.",
    "empty": "No search showed anything.",
    "no_pool": "The candidates of these searches are not logged, or not any more: set "
    "log_pool_depth, and the setting pool_days.",
    "reordered": "Later stages ordered these lists anew, and what they would have done to other "
    "lists is not in the log: compare by interleaving.",
    "learned_from": "The ranker may have learned from all these searches: only those that come "
    "after it was trained can judge it.",
    "features": "No search has scores of all features of the new policy.",
}
