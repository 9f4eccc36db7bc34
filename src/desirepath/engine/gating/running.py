"""Judge a candidate beside what is live, and let it serve if it passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from desirepath.domain.artifact import Artifact
from desirepath.domain.assessment import Assessment, AssessmentKind
from desirepath.domain.evaluation import EvaluationConfig
from desirepath.domain.fusion_controls import ShippedWeightSet
from desirepath.domain.gate import GateVerdict, WhatIfSays, judge_candidate
from desirepath.domain.retriever import Retriever
from desirepath.engine.assessing import start_assessment, store_assessment
from desirepath.engine.datasets import find_dataset
from desirepath.engine.engine import Engine
from desirepath.engine.evaluating.comparing import compare_evaluations
from desirepath.engine.evaluating.measuring import JUDGED
from desirepath.engine.evaluating.results import EvaluationComparison, EvaluationResult
from desirepath.engine.evaluating.running import (
    Tell,
    check_can_search,
    evaluate,
    evaluation_request,
    read_queries,
)
from desirepath.engine.gates import RANKERS, WEIGHTS, gated_users, has_passed
from desirepath.engine.gating.candidates import Candidate, candidate_of
from desirepath.engine.gating.live import Live, live_now
from desirepath.engine.gating.shipping import ship
from desirepath.engine.models import find_newest
from desirepath.errors import (
    Conflict,
    InvalidEvaluation,
    InvalidModel,
    NotEnoughData,
    RankerUnavailable,
)
from desirepath.storage.base import Namespace, Session

__all__ = [
    "AskLog",
    "Gated",
    "judge",
    "let_serve",
    "run_gate",
    "start_gate",
    "store_baseline",
]

AskLog = Callable[[Engine, Namespace, Retriever, Candidate], WhatIfSays]
"""What the log says of a candidate."""


class Gated(Struct, frozen=True, kw_only=True):
    """What a gate found.

    Parameters
    ----------
    baseline, candidate
        Evaluations of what was live, and of the candidate.
    comparison
        The two, query by query.
    held_against
        What was live when it began.
    """

    verdict: GateVerdict
    baseline: EvaluationResult
    candidate: EvaluationResult
    comparison: EvaluationComparison
    held_against: Live

    def plain(self, baseline_evaluation_id: str) -> dict[str, Any]:
        """As it is stored with the candidate's evaluation."""
        result: dict[str, Any] = msgspec.to_builtins(self.candidate)
        return {
            **result,
            "gate_verdict": msgspec.to_builtins(self.verdict),
            "baseline_evaluation_id": baseline_evaluation_id,
        }


def judge(
    engine: Engine,
    namespace: Namespace,
    live: Retriever,
    candidate: Candidate,
    ask_log: AskLog,
    tell: Tell = lambda done, total, words: None,
) -> Gated:
    """Hold a candidate against what is live; nothing is stored, and nothing changes.

    Both are evaluated by the same queries, as strangers are served, and compared by those that both
    could be evaluated by, at the cutoff of the primary metric.

    Raises
    ------
    NotFound
        The dataset is gone.
    NotEnoughData
        There is no query that both can be evaluated by.
    InvalidEvaluation
        The retriever cannot search, or the candidate cannot be loaded here.
    """
    _check_loads(engine, candidate.artifact)
    queries = read_queries(engine, find_dataset(engine, namespace.number, candidate.dataset))
    engine.directory.forget()  # what is live is looked up anew, and not as it was a second ago
    with engine.storage.read() as session:
        held_against = live_now(session, live, candidate.artifact)

    def tell_first(done: int, total: int, words: str) -> None:
        tell(done, 2 * total, "evaluating what is live")

    def tell_second(done: int, total: int, words: str) -> None:
        tell(total + done, 2 * total, "evaluating the candidate")

    config = EvaluationConfig()
    baseline = evaluate(engine, live, queries, config, tell=tell_first)
    found = evaluate(
        engine, candidate.retriever, queries, config, weights=candidate.weights, tell=tell_second
    )
    comparison = compare_evaluations(baseline, found)
    at_primary = {
        f"{one.metric}@{one.k}": one
        for one in comparison.measures
        if one.k == comparison.k and one.metric != JUDGED
    }
    verdict = judge_candidate(
        {name: one.baseline for name, one in at_primary.items()},
        {name: one.candidate for name, one in at_primary.items()},
        f"{comparison.metric}@{comparison.k}",
        ask_log(engine, namespace, live, candidate),
    )
    return Gated(
        verdict=verdict,
        baseline=baseline,
        candidate=found,
        comparison=comparison,
        held_against=held_against,
    )


def _check_loads(engine: Engine, artifact: Artifact) -> None:
    """Refuse a model that cannot serve: searches go on without one, and may be better for it."""
    which = artifact.namespace, artifact.name, artifact.version
    try:
        if artifact.kind in RANKERS:
            engine.rankers.get(*which)
        elif artifact.kind not in WEIGHTS:
            engine.adapters.get(*which)
    except (RankerUnavailable, InvalidModel) as problem:
        raise InvalidEvaluation(f"The candidate cannot serve: {problem.message}") from problem


def store_baseline(
    engine: Engine, namespace: Namespace, live: Retriever, candidate: Candidate, gated: Gated
) -> Assessment:
    """Keep the evaluation of what was live."""
    dataset = find_dataset(engine, namespace.number, candidate.dataset)
    return store_assessment(
        engine,
        namespace,
        AssessmentKind.EVALUATION,
        live.retriever_id,
        name=dataset.name,
        request=evaluation_request(dataset, EvaluationConfig()),
        result=gated.baseline,
        started_at=engine.clock.now(),
    )


def let_serve(
    engine: Engine,
    session: Session,
    live: Retriever,
    candidate: Candidate,
    held_against: Live,
    evaluation_id: str,
    baseline_evaluation_id: str,
) -> bool:
    """Let a candidate that passed serve, in the session that stores its verdict; whether it does.

    A model that retrievers with other gates use too serves once it has passed all of them.

    Raises
    ------
    Conflict
        Something else is live than what it was held against, and it has not won against that.
    """
    artifact = candidate.artifact
    session.learned.hold_controls(live.namespace, live.retriever_id)
    now = live_now(session, live, artifact)
    if now != held_against or now.version != live.version:
        raise Conflict("What is live was changed while the candidate was judged: judge it again.")
    if artifact.kind in WEIGHTS:
        assert candidate.weights is not None  # it is weights
        shipped = ShippedWeightSet(
            weight_set_id=artifact.artifact_id,
            weights=candidate.weights,
            evaluation_id=evaluation_id,
            baseline_evaluation_id=baseline_evaluation_id,
            shipped_at=session.now(),
        )
        ship(session, engine.make_id, live, shipped)
        return True
    others = (one for one in gated_users(session, artifact) if one.id != live.id)
    if not all(has_passed(session, one, artifact) for one in others):
        return False
    return (
        session.artifacts.deploy(artifact.namespace, artifact.name, artifact.version, session.now())
        is not None
    )


def run_gate(
    engine: Engine,
    namespace: Namespace,
    retriever: Retriever,
    id_or_name: str,
    version: int | None,
    ask_log: AskLog,
    tell: Tell = lambda done, total, words: None,
) -> tuple[Assessment, Gated]:
    """Judge a version here and now, store what was found, and let it serve if it passes.

    Raises
    ------
    NotFound
        There is no such model or dataset.
    InvalidEvaluation, NotEnoughData
        As :func:`judge` and :func:`~desirepath.engine.gating.candidates.candidate_of`.
    Conflict
        As :func:`let_serve`; the verdict is not stored.
    """
    candidate = _candidate(engine, retriever, id_or_name, version)
    gated = judge(engine, namespace, retriever, candidate, ask_log, tell)
    baseline = store_baseline(engine, namespace, retriever, candidate, gated)
    dataset = find_dataset(engine, namespace.number, candidate.dataset)

    def within(session: Session, stored: Assessment) -> None:
        if gated.verdict.passed:
            let_serve(
                engine,
                session,
                retriever,
                candidate,
                gated.held_against,
                stored.assessment_id,
                baseline.assessment_id,
            )

    stored = store_assessment(
        engine,
        namespace,
        AssessmentKind.EVALUATION,
        retriever.retriever_id,
        name=dataset.name,
        request=evaluation_request(dataset, EvaluationConfig())
        | {"weight_set_id": candidate.artifact.artifact_id},
        result=gated.plain(baseline.assessment_id),
        started_at=engine.clock.now(),
        within=within,
    )
    engine.directory.forget()
    return stored, gated


def start_gate(
    engine: Engine,
    namespace: Namespace,
    retriever: Retriever,
    id_or_name: str,
    version: int | None = None,
) -> Assessment:
    """Leave it to the workers: the evaluation of the candidate, which will have the verdict.

    Raises
    ------
    NotFound, InvalidEvaluation, NotEnoughData
        As :func:`run_gate`, as far as it can be known before.
    """
    candidate = _candidate(engine, retriever, id_or_name, version)
    dataset = find_dataset(engine, namespace.number, candidate.dataset)
    if not dataset.n_queries:
        raise NotEnoughData("queries in the dataset", needed=1, found=0)
    return start_assessment(
        engine,
        namespace,
        AssessmentKind.EVALUATION,
        retriever.retriever_id,
        name=dataset.name,
        request=evaluation_request(dataset, EvaluationConfig())
        | {"weight_set_id": candidate.artifact.artifact_id},
    )


def _candidate(
    engine: Engine, retriever: Retriever, id_or_name: str, version: int | None
) -> Candidate:
    """A version of a model by its id; or by a name and a number, of which None is the newest."""
    check_can_search(retriever)
    artifact = find_newest(engine, retriever.namespace, id_or_name, version)
    return candidate_of(engine, retriever, artifact)
