"""What a transaction of an import changed, and when two executions are the same."""

from __future__ import annotations

from collections import Counter
from typing import Any

from desirepath.domain.clock import format_time
from desirepath.domain.execution import Execution, ExecutionDraft
from desirepath.domain.interaction import FIELDS, Interaction
from desirepath.engine.importing.batches import (
    PreparedInteraction,
    ReadExecution,
    ReadInteraction,
)
from desirepath.engine.importing.options import ImportResult
from desirepath.engine.recording import Outcome

__all__ = ["Changes", "is_same", "is_same_event", "is_same_search"]

_SENT = (
    "feature_id",
    "types",
    "position",
    "user_id",
    "session_id",
    "execution_id",
    "document_score",
    "result_set_size",
    "feature_uri",
    "occurred_at",
)


class Changes:
    """What a transaction did; counted when it is through."""

    def __init__(self) -> None:
        self.executions = 0
        self.interactions = 0
        self.repeated_executions = 0
        self.repeated = 0
        self.suppressed = 0
        self.replaced: set[str] = set()  # executions that a longer list was gathered for
        self.types: Counter[str] = Counter()
        self.refused: list[tuple[int, int, str, object]] = []

    def add_execution(self, read: ReadExecution, outcome: Outcome) -> None:
        if outcome.error is not None:
            self.refused.append((read.file, read.line, outcome.error.message, read.draft))
        elif outcome.repeated or read.draft.execution_id in self.replaced:
            self.repeated_executions += 1
        else:
            self.executions += 1

    def add_interaction(self, read: ReadInteraction, outcome: Outcome) -> None:
        if outcome.error is not None:
            self.refused.append((read.file, read.line, outcome.error.message, read.draft))
        elif outcome.repeated:
            self.repeated += 1
        else:
            self.interactions += 1
            self.types.update(read.draft.types)

    def refuse(self, file: int, row: PreparedInteraction, reason: str) -> None:
        self.refused.append((file, row.line, reason, _as_sent(row)))

    def count(self, result: ImportResult) -> None:
        result.executions += self.executions
        result.interactions += self.interactions
        result.repeated_executions += self.repeated_executions
        result.repeated_interactions += self.repeated
        result.suppressed += self.suppressed
        for type, number in self.types.items():
            result.types[type] = result.types.get(type, 0) + number


def is_same(stored: Execution, draft: ExecutionDraft, retriever_id: str) -> bool:
    """Whether an execution says what is stored, however its time and numbers are written."""
    return (
        is_same_search(stored, draft)
        and stored.retriever_id == retriever_id
        and stored.documents == tuple(draft.documents)
        and (stored.offset, stored.total) == (draft.offset, draft.total)
        and stored.metadata == draft.metadata
        and (stored.user_id, stored.session_id) == (draft.user_id, draft.session_id)
    )


def is_same_search(stored: Execution, draft: ExecutionDraft) -> bool:
    """Whether it is the same search, perhaps with another list."""
    return (
        stored.inputs == draft.inputs
        and stored.configuration == draft.configuration
        and stored.occurred_at == draft.occurred_at_us
    )


def is_same_event(stored: Interaction, row: PreparedInteraction) -> bool:
    """Whether an interaction says what is stored, however its time was written.

    What was taken from its execution since is not held against it.
    """
    return (
        all(getattr(stored, name) == getattr(row, name) for name in _SENT)
        and stored.metadata == row.metadata
        and row.retriever_id in (None, stored.retriever_id)
        and (row.query_json is None or stored.query_snapshot == row.query_snapshot)
    )


def _as_sent(row: PreparedInteraction) -> dict[str, Any]:
    """An interaction that was refused late, nearly as it was sent."""
    values = {name: getattr(row, name) for name in FIELDS if hasattr(row, name)}
    values["interaction_type"] = row.types
    values["occurred_at"] = format_time(row.occurred_at)
    return {name: value for name, value in values.items() if value is not None}
