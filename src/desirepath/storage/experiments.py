"""What the engine asks of a database about experiments; the docstrings are the contract."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from desirepath.domain.experiment import Decision

__all__ = ["ActedOn", "Experiments", "LoggedTrial", "Traffic"]


class LoggedTrial(NamedTuple):
    """A search of an experiment; ``shown`` and ``trial`` as stored."""

    id: bytes
    execution_id: str
    shown: str
    trial: bytes


class ActedOn(NamedTuple):
    """An interaction with what a search showed; ``types`` joined by commas."""

    id: bytes
    execution_id: str
    feature_id: str
    types: str
    reward: float


class Traffic(NamedTuple):
    """How many searches of an experiment the log holds, and which were first and last."""

    experiment_id: str
    n_searches: int
    first_id: bytes
    last_id: bytes


class Experiments(Protocol):
    """Searches of experiments, which are executions, and what was decided by them."""

    def traffic(self, namespace: int, retriever_id: str) -> list[Traffic]:
        """Of each experiment of a retriever that the log knows, the first begun first."""
        ...

    def trials(
        self, namespace: int, experiment_id: str, chunk: int = 2_000
    ) -> Iterator[Sequence[LoggedTrial]]:
        """All searches of an experiment in order of id, in chunks."""
        ...

    def acted_on(self, namespace: int, execution_ids: Sequence[str]) -> list[ActedOn]:
        """Interactions with what searches showed, in any order."""
        ...

    def decide(self, namespace: int, decision: Decision) -> None:
        """Store a decision, unless there is one of the experiment already."""
        ...

    def decision(self, namespace: int, experiment_id: str) -> Decision | None: ...

    def decisions(self, namespace: int, retriever_id: str) -> list[Decision]:
        """Those of a retriever, in any order."""
        ...

    def delete_of_retriever(self, namespace: int, retriever_id: str) -> int:
        """Remove the decisions of a retriever; how many there were."""
        ...

    def clear(self, namespace: int) -> None:
        """Remove all decisions."""
        ...
