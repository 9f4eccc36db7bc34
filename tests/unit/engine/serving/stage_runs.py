"""What tests of stages need: documents, hits, and a way to run one stage."""

from __future__ import annotations

from typing import Any

from desirepath.domain.document import VectorIndex
from desirepath.domain.stage import read_stages
from desirepath.engine.serving.hits import Hit, StageContext
from desirepath.engine.serving.stages import run_stage
from desirepath.storage.base import Session, Storage
from desirepath.testing.clock import START
from desirepath.testing.examples import a_document

__all__ = ["PAYLOADS", "context_of", "hits_of", "ids", "run", "store_documents"]

PAYLOADS: dict[str, dict[str, Any]] = {
    "a": {"brand": "x", "price": 30, "tags": ["red"], "size": {"eu": 40}},
    "b": {"brand": "y", "price": 10, "tags": ["red", "new"]},
    "c": {"brand": "x", "price": 20, "sale": True},
    "d": {"price": 5.5, "brand": "Z"},
    "e": {},
}
VECTORS = {"a": (1.0, 0.0), "b": (1.0, 0.1), "c": (0.0, 1.0), "d": (-1.0, 0.0)}


def store_documents(storage: Storage) -> None:
    """Store the documents, all but ``e`` with a vector."""
    with storage.write() as session:
        session.documents.define_vector(1, VectorIndex(name="image", dimension=2))
        session.documents.upsert(
            1,
            [
                a_document(
                    document_id=id,
                    payload=payload,
                    metadata={"rank": n},
                    vectors={"image": VECTORS[id]} if id in VECTORS else {},
                )
                for n, (id, payload) in enumerate(PAYLOADS.items())
            ],
        )


def hits_of(*ids: str, **changes: Any) -> list[Hit]:
    """Hits in this order, with falling scores: 1, 0.5, 0.25, …"""
    values: list[dict[str, Any]] = [
        {"document_id": id, "score": 0.5**n} | changes for n, id in enumerate(ids)
    ]
    return [Hit(**value) for value in values]


def context_of(session: Session, **changes: Any) -> StageContext:
    values: dict[str, Any] = {"inputs": {}, "namespace": 1, "session": session, "now": START}
    return StageContext(**(values | changes))


def run(
    storage: Storage,
    stage_id: str,
    hits: list[Hit],
    /,
    pre_filters: dict[str, Any] | None = None,
    context: dict[str, Any] | None = None,
    **parameters: Any,
) -> list[Hit]:
    """What goes on from one stage."""
    config = {"stage_id": stage_id, "parameters": parameters, "pre_filters": pre_filters}
    (stage,) = read_stages([{"stage_name": "x", "config": config}])
    with storage.read() as session:
        return run_stage(stage, hits, context_of(session, **(context or {})))


def ids(hits: list[Hit]) -> str:
    return "".join(hit.document_id for hit in hits)
