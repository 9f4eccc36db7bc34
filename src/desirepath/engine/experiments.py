"""Experiments of a retriever: which there are, and what they came to."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from desirepath.domain.clock import format_time
from desirepath.domain.experiment import Decision, Experiment, Mode, Trial, unpack_trial
from desirepath.domain.ids import time_of
from desirepath.domain.retriever import Retriever
from desirepath.engine.comparing.results import About, ExperimentResult, result_of
from desirepath.engine.comparing.units import read_units
from desirepath.engine.drafting import Running, running_experiment
from desirepath.engine.engine import Engine
from desirepath.errors import NotFound
from desirepath.storage.base import Session

__all__ = ["ExperimentSummary", "find_experiment", "list_experiments"]


class ExperimentSummary(Struct, frozen=True, kw_only=True):
    """An experiment of a retriever."""

    experiment_id: str
    mode: Mode
    challenger_id: str
    is_on: Annotated[bool, Meta(description="Whether it is served now.")]
    n_searches: Annotated[int, Meta(description="That the log holds.")]
    began_at: Annotated[str | None, Meta(description="When the first of them was recorded.")] = None
    ended_at: Annotated[str | None, Meta(description="When the last one was.")] = None
    outcome: Annotated[
        str | None, Meta(description="What was decided: challenger, live or alike; null: nothing.")
    ] = None
    decided_at: str | None = None


def find_experiment(engine: Engine, retriever: Retriever, experiment_id: str) -> ExperimentResult:
    """What an experiment has come to by now, as a function of the log.

    The first time that one may stop, that is stored as the decision. It stays with its numbers
    whatever is recorded or erased later, and after the log it was taken from is gone.

    Raises
    ------
    NotFound
        The retriever has no such experiment.
    """
    namespace = retriever.namespace
    running = running_experiment(engine, retriever)
    with engine.storage.read() as session:
        decision = session.experiments.decision(namespace, experiment_id)
        about = _about(session, retriever, running, experiment_id)
        if decision is not None and decision.retriever_id != retriever.retriever_id:
            about = decision = None
        if about is None and decision is None:
            raise NotFound("experiment", experiment_id)
        if about is None:
            assert decision is not None
            return _as_decided(msgspec.convert(decision.result, ExperimentResult), decision)
        window = engine.rules.session_window
        result = result_of(about, read_units(session, namespace, experiment_id, window))
        now = session.now()
    if decision is None and result.may_stop:
        decision = Decision(
            experiment_id=experiment_id,
            retriever_id=retriever.retriever_id,
            result=msgspec.to_builtins(result),
            decided_at=now,
        )
        with engine.storage.write() as session:
            session.experiments.decide(namespace, decision)
            decision = session.experiments.decision(namespace, experiment_id)
    return result if decision is None else _as_decided(result, decision)


def _as_decided(result: ExperimentResult, decision: Decision) -> ExperimentResult:
    kept = {name: value for name, value in decision.result.items() if name != "path"}
    return replace(result, decided_at=format_time(decision.decided_at), decision=kept)


def list_experiments(engine: Engine, retriever: Retriever) -> list[ExperimentSummary]:
    """Experiments of a retriever, the last begun first; one that is on counts as begun last."""
    namespace, retriever_id = retriever.namespace, retriever.retriever_id
    running = running_experiment(engine, retriever)
    with engine.storage.read() as session:
        decisions = {
            one.experiment_id: one for one in session.experiments.decisions(namespace, retriever_id)
        }
        traffic = session.experiments.traffic(namespace, retriever_id)
        trials = {
            one.experiment_id: _first_trial(session, namespace, one.experiment_id)
            for one in traffic
        }
    found = [_of_decision(one) for name, one in decisions.items() if name not in trials]
    for one in traffic:
        trial = trials[one.experiment_id]
        if trial is None:  # deleted a moment ago
            continue
        decided = decisions.get(one.experiment_id)
        found.append(
            ExperimentSummary(
                experiment_id=one.experiment_id,
                mode=trial.experiment.mode,
                challenger_id=trial.experiment.challenger or "",
                is_on=running is not None and running.experiment_id == one.experiment_id,
                n_searches=one.n_searches,
                began_at=format_time(time_of(one.first_id)),
                ended_at=format_time(time_of(one.last_id)),
                outcome=None if decided is None else str(decided.result["outcome"]),
                decided_at=None if decided is None else format_time(decided.decided_at),
            )
        )
    if running is not None and running.experiment_id not in trials:
        found.append(
            ExperimentSummary(
                experiment_id=running.experiment_id,
                mode=running.experiment.mode,
                challenger_id=running.challenger.retriever_id,
                is_on=True,
                n_searches=0,
            )
        )
    return found[::-1]


def _of_decision(decision: Decision) -> ExperimentSummary:
    """An experiment of which only the decision is left."""
    result = msgspec.convert(decision.result, ExperimentResult)
    return ExperimentSummary(
        experiment_id=decision.experiment_id,
        mode=result.mode,
        challenger_id=result.challenger_id,
        is_on=False,
        n_searches=0,
        began_at=result.began_at,
        ended_at=result.ended_at,
        outcome=result.outcome,
        decided_at=format_time(decision.decided_at),
    )


def _first_trial(session: Session, namespace: int, experiment_id: str) -> Trial | None:
    for chunk in session.experiments.trials(namespace, experiment_id, chunk=1):
        return unpack_trial(chunk[0].trial)
    return None


def _about(
    session: Session, retriever: Retriever, running: Running | None, experiment_id: str
) -> About | None:
    """Which experiment it is, by the log or as it is on; None: none of this retriever's."""
    is_on = running is not None and running.experiment_id == experiment_id
    of_retriever = session.experiments.traffic(retriever.namespace, retriever.retriever_id)
    if any(one.experiment_id == experiment_id for one in of_retriever):
        trial = _first_trial(session, retriever.namespace, experiment_id)
        if trial is not None:
            versions = (trial.live_version, trial.challenger_version)
            return _about_of(retriever, experiment_id, trial.experiment, versions, is_on)
    if running is not None and is_on:
        versions = (retriever.version, running.challenger.version)
        return _about_of(retriever, experiment_id, running.experiment, versions, True)
    return None


def _about_of(
    retriever: Retriever,
    experiment_id: str,
    experiment: Experiment,
    versions: tuple[int, int],
    is_on: bool,
) -> About:
    return About(
        experiment_id=experiment_id,
        experiment=experiment,
        retriever_id=retriever.retriever_id,
        versions=versions,
        is_on=is_on,
    )
