"""Wire shapes, and how domain values become them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import Meta, Raw, Struct, field, to_builtins

from desirepath.api.execution_schemas import stage_statistics
from desirepath.domain.clock import format_time
from desirepath.domain.document import Document, DocumentDraft, VectorIndex, shortest_decimals
from desirepath.domain.execution import Execution, ExecutionDraft
from desirepath.domain.ids import format_id
from desirepath.domain.interaction import Interaction, InteractionDraft
from desirepath.domain.plain_json import encode_json
from desirepath.storage.base import Namespace

__all__ = [
    "BatchResponse",
    "DocumentDeleted",
    "DocumentListRequest",
    "DocumentListResponse",
    "DocumentPatch",
    "DocumentQuery",
    "DocumentResponse",
    "DocumentUpsertRequest",
    "DocumentsStored",
    "ExecutionBatchRequest",
    "ExecutionBatchResponse",
    "ExecutionDetail",
    "InteractionBatchRequest",
    "InteractionListRequest",
    "InteractionListResponse",
    "InteractionResponse",
    "ListQuery",
    "NamespaceListResponse",
    "NamespaceResponse",
    "PaginationResponse",
    "SortOption",
    "UpsertOptions",
    "batch_errors",
    "present_document",
    "present_execution",
    "present_interaction",
    "present_namespace",
]


class InteractionResponse(Struct, frozen=True, kw_only=True):
    """An interaction as it was recorded."""

    feature_id: Annotated[str, Meta(description="The document.")]
    interaction_type: list[str]
    position: Annotated[int, Meta(ge=0, description="0 is the first.")]
    metadata: Annotated[
        dict[str, Any] | None, Meta(description="As sent, with reward_value: what this teaches.")
    ] = None
    user_id: str | None = None
    session_id: str | None = None
    execution_id: str | None = None
    retriever_id: str | None = None
    query_snapshot: dict[str, Any] | None = None
    document_score: float | None = None
    result_set_size: int | None = None
    feature_uri: str | None = None
    occurred_at: Annotated[str | None, Meta(description="When it happened, ISO 8601.")] = None
    interaction_id: Annotated[
        str | None, Meta(description="Null when the interaction was dropped as a repeat.")
    ] = None
    deduplicated: Annotated[
        bool, Meta(description="Nothing new was stored: it repeats one that is.")
    ] = False
    timestamp: Annotated[str | None, Meta(description="When it was recorded, ISO 8601.")] = None
    warning: Annotated[
        str | None, Meta(description="Why it may not do what you hope, in words.")
    ] = None
    event_id: Annotated[str | None, Meta(description="The sender's id of the event.")] = None
    live: Annotated[
        bool, Meta(description="It was sent as it happened, so it adapts its session.")
    ] = True


def present_interaction(value: Interaction, *, deduplicated: bool = False) -> InteractionResponse:
    """The wire shape of an interaction; one without an id was dropped as a repeat."""
    return InteractionResponse(
        feature_id=value.feature_id,
        interaction_type=list(value.types),
        position=value.position,
        metadata=_with_reward(value),
        user_id=value.user_id,
        session_id=value.session_id,
        execution_id=value.execution_id,
        retriever_id=value.retriever_id,
        query_snapshot=_written(value.query_json),
        document_score=value.document_score,
        result_set_size=value.result_set_size,
        feature_uri=value.feature_uri,
        occurred_at=format_time(value.occurred_at),
        interaction_id=format_id("int", value.id) if value.id else None,
        deduplicated=deduplicated,
        timestamp=format_time(value.recorded_at) if value.id else None,
        warning=value.warning,
        event_id=value.event_id,
        live=value.live,
    )


def _with_reward(value: Interaction) -> Any:
    """Metadata with the reward beside what was sent, spliced and not read."""
    reward = encode_json(value.reward).decode()
    text = value.metadata_json or "{}"
    comma = "" if text == "{}" else ","
    return _written(f'{text[:-1]}{comma}"reward_value":{reward}}}')


def _written(text: str | None) -> Any:
    """JSON that is written already, for an encoder to pass on as it is."""
    return None if text is None else Raw(text)


class InteractionBatchRequest(Struct, frozen=True):
    """Interactions of one or many searches."""

    interactions: Annotated[list[InteractionDraft], Meta(min_length=1, max_length=1000)]


class ItemResult(Struct, frozen=True, kw_only=True):
    """What became of one item."""

    index: int
    interaction_id: str
    status: Annotated[str, Meta(description="created, or duplicate (event_id was stored before).")]


class BatchResponse(Struct, frozen=True, kw_only=True):
    """created + duplicates + failed is the number of items sent."""

    created: int
    duplicates: int = 0
    failed: int = 0
    errors: Annotated[
        list[str] | None, Meta(description="One sentence an item that failed, with its index.")
    ] = None
    results: Annotated[
        list[ItemResult] | None, Meta(description="The items that are stored, in order.")
    ] = None


class PaginationResponse(Struct, frozen=True, kw_only=True):
    """Where this page lies."""

    total: Annotated[int | None, Meta(description="Only with include_total=true.")] = None
    page: int | None = None
    page_size: int | None = None
    total_pages: int | None = None
    next_page: Annotated[str | None, Meta(description="Path and query of the next page.")] = None
    previous_page: str | None = None
    next_cursor: Annotated[str | None, Meta(description="Send as cursor; null at the end.")] = None


class ListQuery(Struct, frozen=True, kw_only=True):
    """Which page: by number, by offset, or (best while rows arrive) by cursor."""

    limit: Annotated[int, Meta(ge=1, le=1000)] | None = None
    page_size: Annotated[int, Meta(ge=1, le=1000)] | None = None
    offset: Annotated[int, Meta(ge=0, le=10_000)] | None = None
    page: Annotated[int, Meta(ge=1, le=1_000_000_000)] | None = None
    cursor: str | None = None
    next_cursor: str | None = None
    after: str | None = None
    include_total: bool | None = None


class SortOption(Struct, frozen=True, kw_only=True):
    """An order; equal values are ordered by id."""

    field: str
    direction: Annotated[str, Meta(pattern="^(asc|desc)$")] | None = None


class InteractionListRequest(Struct, frozen=True, kw_only=True):
    """Conditions, all of which hold."""

    execution_id: str | None = None
    retriever_id: str | None = None
    session_id: str | None = None
    user_id: str | None = None
    feature_id: str | None = None
    interaction_type: Annotated[str | None, Meta(description="One of the interaction's types.")] = (
        None
    )
    filters: Annotated[
        dict[str, Any] | None,
        Meta(
            description="A filter: {field, operator, value}, shorthand such as "
            '{"position": {"lte": 5}}, and AND, OR, NOT over lists of filters.'
        ),
    ] = None
    sort: SortOption | None = None
    search: Annotated[
        Annotated[str, Meta(max_length=1000)] | None,
        Meta(description="Words that all occur in metadata."),
    ] = None
    include_total: bool | None = None
    case_sensitive: bool = False


class InteractionListResponse(Struct, frozen=True, kw_only=True):
    """A page of interactions."""

    results: list[InteractionResponse]
    items: Annotated[list[InteractionResponse], Meta(description="Deprecated: read results.")]
    pagination: PaginationResponse


class ExecutionDetail(Struct, frozen=True, kw_only=True):
    """A search as it was logged."""

    execution_id: str
    retriever_id: str
    status: str
    documents: list[dict[str, Any]]
    pagination: dict[str, Any]
    created_at: str
    completed_at: str
    inputs: dict[str, Any] | None = None
    user_id: str | None = None
    session_id: str | None = None
    configuration: str | None = None
    metadata: dict[str, Any] | None = None
    offset: int = 0
    total: int | None = None
    occurred_at: str | None = None
    timestamp: str | None = None
    documents_retained: bool = True
    total_returned: int | None = None
    stage_statistics: Annotated[
        dict[str, Any] | None, Meta(description="What its stages did, if it was served here.")
    ] = None
    budget: dict[str, Any] | None = None
    warnings: list[str] = []
    stages_completed: int = 0
    total_stages: int = 0
    parent_execution_id: Annotated[
        str | None, Meta(description="The execution of which this is a further page.")
    ] = None
    duplicate: Annotated[
        bool, Meta(description="This execution_id was stored before with the same content.")
    ] = False


def present_execution(value: Execution, *, duplicate: bool = False) -> ExecutionDetail:
    """The wire shape of an execution."""
    documents = [
        {
            "document_id": document.document_id,
            "position": value.offset + index,
            "score": document.score,
            "scores": document.scores,
            "features": document.features,
        }
        for index, document in enumerate(value.documents)
    ]
    occurred_at = format_time(value.occurred_at)
    n_documents = len(documents)
    profile = value.profile
    n_stages = 0 if profile is None else len(profile.stages)
    return ExecutionDetail(
        execution_id=value.execution_id,
        retriever_id=value.retriever_id,
        status=value.status,
        documents=documents,
        pagination={
            "total": value.total if value.total is not None else value.offset + n_documents,
            "returned": n_documents,
            "has_next": value.total is not None and value.total > value.offset + n_documents,
        },
        created_at=occurred_at,
        completed_at=occurred_at,
        inputs=value.inputs,
        user_id=value.user_id,
        session_id=value.session_id,
        configuration=value.configuration,
        metadata=value.metadata,
        offset=value.offset,
        total=value.total,
        occurred_at=occurred_at,
        timestamp=format_time(value.recorded_at),
        total_returned=n_documents,
        stage_statistics=None if profile is None else stage_statistics(profile),
        budget=None
        if profile is None
        else {"credits_used": 0.0, "credits_remaining": None, "time_used_ms": profile.milliseconds},
        warnings=[] if profile is None else list(profile.warnings),
        stages_completed=n_stages,
        total_stages=n_stages,
        parent_execution_id=value.parent_id,
        duplicate=duplicate,
    )


class ExecutionBatchRequest(Struct, frozen=True):
    """Searches of one retriever."""

    executions: Annotated[list[ExecutionDraft], Meta(min_length=1, max_length=1000)]


class ExecutionResult(Struct, frozen=True, kw_only=True):
    """What became of one execution."""

    index: int
    execution_id: str
    status: Annotated[str, Meta(description="created, or duplicate.")]


class ExecutionBatchResponse(Struct, frozen=True, kw_only=True):
    """created + duplicates + failed is the number of executions sent."""

    created: int
    duplicates: int = 0
    failed: int = 0
    errors: list[str] | None = None
    results: list[ExecutionResult] | None = None


class NamespaceResponse(Struct, frozen=True, kw_only=True):
    """A namespace."""

    namespace_id: str
    namespace_name: str
    description: str | None
    vector_configs: list[VectorIndex]
    dynamic_vector_indexes: Annotated[
        bool, Meta(description="A vector of a new name makes its index.")
    ]
    text_fields: Annotated[
        list[str] | None, Meta(description="Null: every text at the top level of a payload.")
    ]
    retention_days: int | None
    document_count: int
    created_at: str
    mode: str = "standalone"
    status: str = "active"
    object: str = "namespace"


def present_namespace(
    value: Namespace, indexes: Sequence[VectorIndex], document_count: int
) -> NamespaceResponse:
    """The wire shape of a namespace."""
    return NamespaceResponse(
        namespace_id=value.namespace_id,
        namespace_name=value.name,
        description=value.description,
        vector_configs=list(indexes),
        dynamic_vector_indexes=not value.fixed_vectors,
        text_fields=None if value.text_fields is None else list(value.text_fields),
        retention_days=value.retention_days,
        document_count=document_count,
        created_at=format_time(value.created_at),
    )


class NamespaceListResponse(Struct, frozen=True, kw_only=True):
    """Namespaces, oldest first."""

    results: list[NamespaceResponse]
    pagination: PaginationResponse
    total_count: int


class UpsertOptions(Struct, frozen=True, kw_only=True):
    """Taken for the Mixpeek SDK's sake: what is stored is seen at once, and may be sent again."""

    write_token: bool | None = None
    idempotency_key: str | None = None


class DocumentUpsertRequest(Struct, frozen=True, kw_only=True):
    """Documents to store."""

    documents: Annotated[list[DocumentDraft], Meta(min_length=1, max_length=1000)]
    collection_id: Annotated[str | None, Meta(description="Any name.")] = None
    options: UpsertOptions | None = None


class DocumentsStored(Struct, frozen=True, kw_only=True):
    """What was stored."""

    inserted: int
    document_ids: list[str]
    write_token: str | None = None
    warnings: list[str] = []


class InternalFields(Struct, frozen=True, kw_only=True):
    """Where the Mixpeek SDK looks for what is not the payload."""

    namespace_id: str
    document_id: str
    collection_id: str
    created_at: str
    updated_at: str
    metadata: dict[str, Any]


class DocumentResponse(Struct, frozen=True, kw_only=True):
    """A document; its payload's fields are also beside these, where their names are free."""

    document_id: str
    collection_id: Annotated[str, Meta(description="The namespace's id: it has one collection.")]
    payload: dict[str, Any]
    metadata: dict[str, Any]
    text: dict[str, str]
    vectors: Annotated[
        dict[str, list[float]] | None,
        Meta(description="Only with return_vectors; 32-bit floats in their shortest form."),
    ]
    created_at: str
    updated_at: str
    internal: InternalFields = field(name="_internal")


_TAKEN = frozenset(
    (
        *DocumentResponse.__struct_encode_fields__,
        "document_blobs",  # the Mixpeek SDK reads these as its own
        "searchable_at",
        "vector_hydration_incomplete",
    )
)


def present_document(value: Document, namespace: Namespace) -> dict[str, Any]:
    """The wire shape of a document."""
    times = {
        "created_at": format_time(value.created_at),
        "updated_at": format_time(value.updated_at),
    }
    own = DocumentResponse(
        document_id=value.document_id,
        collection_id=namespace.namespace_id,
        payload=value.payload,
        metadata=value.metadata,
        text=value.text,
        vectors={name: shortest_decimals(vector) for name, vector in value.vectors.items()} or None,
        internal=InternalFields(
            namespace_id=namespace.namespace_id,
            document_id=value.document_id,
            collection_id=namespace.namespace_id,
            metadata=value.metadata,
            **times,
        ),
        **times,
    )
    free = {name: part for name, part in value.payload.items() if name not in _TAKEN}
    return {**free, **to_builtins(own)}


class DocumentQuery(Struct, frozen=True, kw_only=True):
    """How much of a document."""

    return_vectors: bool | None = None


class DocumentDeleted(Struct, frozen=True, kw_only=True):
    """A deletion."""

    success: bool
    message: str
    deleted: bool


class DocumentPatch(Struct, frozen=True, kw_only=True):
    """Changes of a document; any other key is one of the payload."""

    payload: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    text: dict[str, str | None] | None = None
    vectors: dict[str, list[float] | None] | None = None


class DocumentListRequest(Struct, frozen=True, kw_only=True):
    """Which documents."""

    filters: Annotated[
        dict[str, Any] | None,
        Meta(description="A filter over document_id, fields of the payload, and metadata.…"),
    ] = None
    case_sensitive: bool = False
    limit: Annotated[int, Meta(ge=1, le=1000)] | None = None
    page_size: Annotated[int, Meta(ge=1, le=1000)] | None = None
    offset: Annotated[int, Meta(ge=0, le=10_000)] | None = None
    cursor: str | None = None
    include_total: bool | None = None
    return_vectors: bool | None = None


class DocumentListResponse(Struct, frozen=True, kw_only=True):
    """A page of documents, by document_id."""

    results: list[dict[str, Any]]
    pagination: PaginationResponse
    total_documents: int | None = None


def batch_errors(messages: Sequence[tuple[int, str]]) -> list[str] | None:
    """Indexed sentences, or None when there are none."""
    return [f"[{index}] {message}" for index, message in messages] or None
