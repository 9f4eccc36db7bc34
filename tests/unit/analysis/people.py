"""Made-up sessions, recorded as anybody would record them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from desirepath.domain.clock import format_time
from desirepath.domain.ids import format_id
from desirepath.domain.scope import Scope
from desirepath.engine.analysing.asking import open_log
from desirepath.engine.analysing.part import Part, part_of
from desirepath.engine.engine import Engine
from desirepath.engine.recording import Submission
from desirepath.testing.clock import START
from desirepath.testing.examples import sent_execution, sent_interaction

__all__ = ["WINDOW", "People", "asked"]

WINDOW = 3_600_000_000
_NAMESPACE = 1


@contextmanager
def asked(engine: Engine, scope: Scope | None = None, on: str = "duckdb") -> Iterator[Part]:
    """The log of the first namespace, or a part of it."""
    namespace = engine.directory.namespace("default")
    assert namespace is not None
    with open_log(engine, namespace, on=on) as opened:
        yield part_of(opened, scope or Scope())


class People:
    """Records what people do; times are seconds after the start of testing clocks."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def search(
        self, session_id: str | None, at: float, query: str | None, n: int = 2, **more: Any
    ) -> str:
        """A search that returned ``d0``, ``d1``, …; its execution."""
        sent = sent_execution(
            documents=[{"document_id": f"d{place}"} for place in range(n)],
            inputs=None if query is None else {"query": query},
            session_id=session_id,
            occurred_at=_time(at),
            **more,
        )
        (outcome,) = self._submit(executions=[sent])
        assert outcome.execution is not None
        id: str = outcome.execution.execution_id
        return id

    def act(self, execution_id: str | None, at: float, *types: str, **more: Any) -> str:
        """Something with the first document, or with the one that ``position`` says."""
        values: dict[str, Any] = {"position": 0, "execution_id": execution_id} | more
        values.setdefault("feature_id", f"d{values['position']}")
        sent = sent_interaction(
            interaction_type=list(types or ("click",)), occurred_at=_time(at), **values
        )
        (outcome,) = self._submit(interactions=[sent])
        assert outcome.interaction is not None
        return format_id("int", outcome.interaction.id)

    def say(self, session_id: str | None, at: float, type: str, **more: Any) -> str:
        """Something about the query: ``query``, ``metadata`` and ``execution_id`` may be given."""
        query = more.pop("query", None)
        snapshot = None if query is None else {"query": query}
        more = {"execution_id": None, "query_snapshot": snapshot, "session_id": session_id} | more
        return self.act(more.pop("execution_id"), at, type, feature_id="_query", **more)

    def _submit(self, **what: Any) -> list[Any]:
        outcomes = self._engine.submit(Submission(namespace=_NAMESPACE, **what))
        assert isinstance(outcomes, list)
        return outcomes


def _time(seconds: float) -> str:
    return format_time(START - 86_400_000_000 + round(seconds * 1_000_000))
