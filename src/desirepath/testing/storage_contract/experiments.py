"""Experiments."""

from __future__ import annotations

from typing import Any

from desirepath.domain.execution import Execution
from desirepath.domain.experiment import Decision, Experiment, Mode, Trial, unpack_trial
from desirepath.storage.base import Storage
from desirepath.testing.clock import START
from desirepath.testing.examples import an_execution, an_interaction
from desirepath.testing.storage_contract.common import DEFAULT, ODD_OBJECT, OTHER, store

EXPERIMENT = Experiment(mode=Mode.INTERLEAVE, challenger="ret_2")


def a_trial(experiment_id: str = "exp_1") -> Trial:
    return Trial(
        experiment_id=experiment_id,
        experiment=EXPERIMENT,
        unit="session:1",
        coin=True,
        live_version=1,
        challenger_version=2,
    )


def a_decision(**changes: Any) -> Decision:
    values: dict[str, Any] = {
        "experiment_id": "exp_1",
        "retriever_id": "ret_1",
        "result": ODD_OBJECT,
        "decided_at": START,
    }
    return Decision(**(values | changes))


class ExperimentsContract:
    """See :class:`~desirepath.storage.experiments.Experiments`."""

    @staticmethod
    def _searches(storage: Storage) -> list[Execution]:
        searches = [
            an_execution(trial=a_trial()),
            an_execution(trial=a_trial("exp_2")),
            an_execution(),
            an_execution(trial=a_trial()),
            an_execution(trial=a_trial()),
        ]
        store(storage, *searches)
        return searches

    def test_searches_of_an_experiment_come_in_order(self, storage: Storage) -> None:
        searches = self._searches(storage)
        expected = [one for one in searches if one.trial and one.trial.experiment_id == "exp_1"]
        with storage.read() as session:
            chunks = list(session.experiments.trials(DEFAULT, "exp_1", chunk=2))
            assert [len(chunk) for chunk in chunks] == [2, 1]
            found = [one for chunk in chunks for one in chunk]
            assert [one.execution_id for one in found] == [one.execution_id for one in expected]
            assert unpack_trial(found[0].trial) == a_trial()
            assert not list(session.experiments.trials(OTHER, "exp_1"))
            assert not list(session.experiments.trials(DEFAULT, "\x00"))

    def test_traffic_is_counted_by_experiment(self, storage: Storage) -> None:
        first, second, _, _, last = self._searches(storage)
        with storage.read() as session:
            traffic = session.experiments.traffic
            assert traffic(DEFAULT, first.retriever_id) == [
                ("exp_1", 3, first.id, last.id),
                ("exp_2", 1, second.id, second.id),
            ]
            assert not traffic(DEFAULT, "ret_of_nobody")
            assert not traffic(OTHER, first.retriever_id)

    def test_what_was_done_is_found_by_search(self, storage: Storage) -> None:
        search, other, *_ = self._searches(storage)
        click = an_interaction(execution_id=search.execution_id, types=("click", "share"))
        store(storage, click, an_interaction(execution_id=other.execution_id), an_interaction())
        names = [search.execution_id, "none", *(f"none-{number}" for number in range(600))]
        with storage.read() as session:
            assert session.experiments.acted_on(DEFAULT, names) == [
                (click.id, search.execution_id, click.feature_id, "click,share", click.reward)
            ]
            assert not session.experiments.acted_on(OTHER, names)
            assert not session.experiments.acted_on(DEFAULT, [])

    def test_the_first_decision_stays(self, storage: Storage) -> None:
        decision = a_decision()
        with storage.write() as session:
            session.experiments.decide(DEFAULT, decision)
            session.experiments.decide(DEFAULT, a_decision(result={}, decided_at=START + 1))
            session.experiments.decide(OTHER, a_decision(retriever_id="ret_2"))
        with storage.read() as session:
            assert session.experiments.decision(DEFAULT, "exp_1") == decision
            assert session.experiments.decisions(DEFAULT, "ret_1") == [decision]
            assert session.experiments.decision(DEFAULT, "exp_2") is None
            assert session.experiments.decision(DEFAULT, "\x00") is None
            assert not session.experiments.decisions(OTHER, "ret_1")

    def test_decisions_go_with_their_retriever_or_namespace(self, storage: Storage) -> None:
        with storage.write() as session:
            for number, retriever_id in enumerate(("ret_1", "ret_1", "ret_2")):
                decision = a_decision(experiment_id=f"exp_{number}", retriever_id=retriever_id)
                session.experiments.decide(DEFAULT, decision)
                session.experiments.decide(OTHER, decision)
            assert session.experiments.delete_of_retriever(DEFAULT, "ret_1") == 2
            session.experiments.clear(OTHER)
        with storage.read() as session:
            assert session.experiments.decision(DEFAULT, "exp_2") is not None
            for namespace, name in ((DEFAULT, "exp_0"), (OTHER, "exp_0"), (OTHER, "exp_2")):
                assert session.experiments.decision(namespace, name) is None
