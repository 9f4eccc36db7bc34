"""Rows as exports write them: the wire shape, without what is empty."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from desirepath.domain.clock import format_time
from desirepath.domain.document import Document, shortest_decimals
from desirepath.domain.execution import Execution, ShownDocument
from desirepath.domain.ids import format_id
from desirepath.domain.interaction import Interaction
from desirepath.domain.retriever import BudgetLimits, Retriever

__all__ = [
    "ExportedDocument",
    "ExportedExecution",
    "ExportedInteraction",
    "ExportedRetriever",
    "exported_document",
    "exported_execution",
    "exported_interaction",
    "exported_retriever",
]


class ExportedInteraction(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="interaction"
):
    """An interaction; ``event_id`` is its sender's, else its interaction_id."""

    interaction_id: str
    feature_id: str
    interaction_type: list[str]
    position: int
    metadata: dict[str, Any] | None = None
    user_id: str | None = None
    session_id: str | None = None
    execution_id: str | None = None
    retriever_id: str | None = None
    query_snapshot: dict[str, Any] | None = None
    document_score: float | None = None
    result_set_size: int | None = None
    feature_uri: str | None = None
    occurred_at: str
    event_id: str
    timestamp: str
    live: bool
    reward: float
    warning: str | None = None


class ExportedExecution(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="execution"
):
    """An execution with what it showed."""

    execution_id: str
    retriever_id: str
    documents: list[dict[str, Any]]
    inputs: dict[str, Any] | None = None
    user_id: str | None = None
    session_id: str | None = None
    configuration: str | None = None
    metadata: dict[str, Any] | None = None
    offset: int
    total: int | None = None
    occurred_at: str
    timestamp: str
    live: bool


class ExportedDocument(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A document as the API takes it."""

    document_id: str
    payload: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    text: dict[str, str] = {}
    vectors: dict[str, list[float]] = {}


class ExportedRetriever(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="retriever"
):
    """A retriever, so that executions find theirs in another database. It begins no experiment."""

    retriever_id: str
    retriever_name: str
    stages: list[dict[str, Any]]
    description: str | None = None
    collection_identifiers: list[str] = []
    input_schema: dict[str, Any] | None = None
    budget_limits: BudgetLimits | None = None
    tags: list[str] = []
    metadata: dict[str, Any] | None = None
    display_config: dict[str, Any] | None = None


def exported_interaction(value: Interaction) -> ExportedInteraction:
    interaction_id = format_id("int", value.id)
    return ExportedInteraction(
        interaction_id=interaction_id,
        feature_id=value.feature_id,
        interaction_type=list(value.types),
        position=value.position,
        metadata=value.metadata,
        user_id=value.user_id,
        session_id=value.session_id,
        execution_id=value.execution_id,
        retriever_id=value.retriever_id,
        query_snapshot=value.query_snapshot,
        document_score=value.document_score,
        result_set_size=value.result_set_size,
        feature_uri=value.feature_uri,
        occurred_at=format_time(value.occurred_at),
        event_id=value.event_id or interaction_id,
        timestamp=format_time(value.recorded_at),
        live=value.live,
        reward=value.reward,
        warning=value.warning,
    )


def exported_execution(value: Execution) -> ExportedExecution:
    return ExportedExecution(
        execution_id=value.execution_id,
        retriever_id=value.retriever_id,
        documents=[_document(document) for document in value.documents],
        inputs=value.inputs,
        user_id=value.user_id,
        session_id=value.session_id,
        configuration=value.configuration,
        metadata=value.metadata,
        offset=value.offset,
        total=value.total,
        occurred_at=format_time(value.occurred_at),
        timestamp=format_time(value.recorded_at),
        live=value.live,
    )


def exported_document(value: Document) -> ExportedDocument:
    return ExportedDocument(
        document_id=value.document_id,
        payload=value.payload,
        metadata=value.metadata,
        text=value.text,
        vectors={name: shortest_decimals(vector) for name, vector in value.vectors.items()},
    )


def exported_retriever(value: Retriever) -> ExportedRetriever:
    names = set(ExportedRetriever.__struct_fields__) - {"retriever_id"}
    return ExportedRetriever(
        retriever_id=value.retriever_id, **{name: getattr(value.draft, name) for name in names}
    )


def _document(shown: ShownDocument) -> dict[str, Any]:
    values = {
        "document_id": shown.document_id,
        "score": shown.score,
        "scores": shown.scores,
        "features": shown.features,
    }
    return {name: value for name, value in values.items() if value is not None}
