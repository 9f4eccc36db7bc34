"""Values to test with: valid as they are, changed field by field."""

from __future__ import annotations

import threading
from typing import Any

from desirepath.domain.document import Document
from desirepath.domain.execution import Execution, ShownDocument, read_execution
from desirepath.domain.ids import IdGenerator, format_id
from desirepath.domain.interaction import Interaction, read_interaction
from desirepath.domain.plain_json import object_text
from desirepath.domain.ranking import Ranking
from desirepath.engine.recording import SentExecution, SentInteraction
from desirepath.testing.clock import START

__all__ = [
    "CountingIds",
    "a_document",
    "a_ranking",
    "an_execution",
    "an_interaction",
    "documents",
    "new_id",
    "sent_execution",
    "sent_interaction",
]

_ids = IdGenerator()


class CountingIds(IdGenerator):
    """Ids that depend on nothing but the times they are asked for: the same in every run."""

    def __init__(self) -> None:
        super().__init__()
        self._count = 0
        self._count_lock = threading.Lock()

    def next(self, now: int) -> bytes:
        with self._count_lock:
            self._count += 1
            count = self._count
        (id,) = super().take(now, 1)
        return id[:8] + (0b10 << 62 | count).to_bytes(8)

    def take(self, now: int, count: int) -> list[bytes]:
        return [self.next(now) for _ in range(count)]


def new_id(moment: int = START) -> bytes:
    """An id of a moment; ids of one moment rise."""
    return _ids.next(moment)


def an_interaction(**changes: Any) -> Interaction:
    """A click on the first document, as it is stored."""
    values: dict[str, Any] = {
        "namespace": 1,
        "feature_id": "doc_1",
        "types": ("click",),
        "position": 0,
        "occurred_at": START,
        "live": True,
        "reward": 1.0,
    }
    values.update(changes)
    for name, written in (("metadata", "metadata_json"), ("query_snapshot", "query_json")):
        if name in values:
            values[written] = object_text(values.pop(name))
    if "id" not in values:
        values["id"] = new_id()
    return Interaction(**values)


def an_execution(**changes: Any) -> Execution:
    """A search that showed two documents, as it is stored."""
    values: dict[str, Any] = {
        "namespace": 1,
        "retriever_id": "ret_1",
        "documents": documents("doc_1", "doc_2"),
        "inputs": {"query": "shoes"},
        "occurred_at": START,
        "live": True,
    }
    values.update(changes)
    if "id" not in values:
        values["id"] = new_id()
    values.setdefault("execution_id", format_id("exec", values["id"]))
    return Execution(**values)


def a_ranking(**changes: Any) -> Ranking:
    """How two documents were ranked by one feature, as it is stored; nothing learns from it."""
    values: dict[str, Any] = {
        "version": 1,
        "stages_hash": "0123456789abcdef",
        "fusion": "rrf",
        "features": ("text://title",),
        "ordinals": (0,),
        "weights": (1.0,),
        "minima": (0.0,),
        "maxima": (2.0,),
        "pool": ("doc_1", "doc_2"),
        "levels": bytes([255, 255, 0, 0]),
    }
    return Ranking(**(values | changes))


def a_document(**changes: Any) -> Document:
    """A document without anything to find it by, as it is stored."""
    values: dict[str, Any] = {"document_id": "doc_1", "created_at": START, "updated_at": START}
    return Document(**(values | changes))


def documents(*document_ids: str, **common: Any) -> tuple[ShownDocument, ...]:
    """A result list, best first."""
    return tuple(ShownDocument(document_id=id, **common) for id in document_ids)


def sent_interaction(**changes: Any) -> SentInteraction:
    """A click on the first document, as it is sent; a field set to None is left out."""
    plain = {"feature_id": "doc_1", "interaction_type": ["click"], "position": 0} | changes
    draft, ignored = read_interaction({k: v for k, v in plain.items() if v is not None})
    return SentInteraction(draft, ignored)


def sent_execution(retriever_id: str = "ret_1", **changes: Any) -> SentExecution:
    """A search that showed two documents, as it is sent; a field set to None is left out."""
    plain: dict[str, Any] = {
        "documents": [{"document_id": "doc_1"}, {"document_id": "doc_2"}],
        "inputs": {"query": "shoes"},
    }
    plain |= changes
    draft, _ = read_execution({k: v for k, v in plain.items() if v is not None})
    return SentExecution(draft, retriever_id)
