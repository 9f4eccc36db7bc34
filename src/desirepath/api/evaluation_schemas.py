"""Wire shapes of evaluation datasets, and how domain values become them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from desirepath.domain.checks import convert
from desirepath.domain.clock import format_time
from desirepath.domain.judgment import Dataset, JudgedQuery, Judgment
from desirepath.errors import InvalidDataset
from desirepath.storage.base import Namespace

__all__ = [
    "DatasetListQuery",
    "DatasetListResponse",
    "DatasetQuery",
    "EvaluationDataset",
    "GenerateFromInteractions",
    "present_dataset",
    "read_generate",
]

POSITIVE_TYPES = ("click", "purchase", "positive_feedback", "bookmark", "share")


class JudgmentModel(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is held of a document; from a log it says how sure that is, and on what evidence."""

    document_id: str
    grade: Annotated[int | None, Meta(description="0 to 5; from a log 0 to 3.")] = None
    relevance: Annotated[float | None, Meta(description="0 to 1, by the click model.")] = None
    low: Annotated[float | None, Meta(description="Of its 95 % interval.")] = None
    high: float | None = None
    impressions: Annotated[float | None, Meta(description="How often it was shown.")] = None
    clicks: float | None = None
    features: Annotated[dict[str, float] | None, Meta(description="Mean score by feature URI.")] = (
        None
    )


class GroundTruthQuery(Struct, frozen=True, kw_only=True):
    """A query and what is relevant to it."""

    query_id: str
    query_input: dict[str, Any]
    relevant_documents: list[str]
    relevance_scores: dict[str, int] | None
    judgments: Annotated[
        list[JudgmentModel],
        Meta(description="The same, with what is known beyond grades. Ours, not of the contract."),
    ]


class SourceModel(Struct, frozen=True, kw_only=True):
    """Where judgments are from."""

    kind: Annotated[str, Meta(description="sent or interactions.")]
    model: str | None
    parameters: dict[str, Any]
    fit: Annotated[
        dict[str, Any] | None,
        Meta(description="How well it foretold lists it did not see, beside click-through rates."),
    ]
    retriever_id: str | None


class EvaluationDataset(Struct, frozen=True, kw_only=True):
    """A dataset of judged queries."""

    dataset_id: str
    dataset_name: str
    description: str | None
    queries: list[GroundTruthQuery]
    created_at: str
    updated_at: str
    namespace_id: str
    internal_id: Annotated[str, Meta(description="The same as namespace_id.")]
    query_count: int
    metadata: dict[str, Any] | None
    judgment_count: int
    source: SourceModel
    stale_since: Annotated[
        str | None,
        Meta(description="Since when something is deleted that it may have been made from."),
    ]


class DatasetQuery(Struct, frozen=True, kw_only=True):
    """How to read a dataset."""

    include_queries: Annotated[
        bool, Meta(description="Ours: false leaves queries empty; query_count says how many.")
    ] = True


class DatasetListQuery(DatasetQuery, frozen=True, kw_only=True):
    """Which datasets."""

    page: Annotated[int, Meta(ge=1, le=10_000)] = 1
    page_size: Annotated[int, Meta(ge=1, le=1000)] = 20


class DatasetListResponse(Struct, frozen=True, kw_only=True):
    """Datasets of the namespace, newest first."""

    datasets: list[EvaluationDataset]
    total: int
    page: int
    page_size: int


class GenerateFromInteractions(Struct, frozen=True, kw_only=True):
    """How to make a dataset of what people did; keys that are not named here are ignored."""

    dataset_name: Annotated[
        Annotated[str, Meta(min_length=1, max_length=200)] | None,
        Meta(description="auto_{retriever_id}_{date} when left out."),
    ] = None
    min_interactions: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="Positive interactions that a query must have; 5 when left out."),
    ] = None
    lookback_days: Annotated[
        Annotated[int, Meta(ge=1, le=365)] | None,
        Meta(description="How far to look back; 30 when left out."),
    ] = None
    positive_interaction_types: Annotated[
        list[str] | None,
        Meta(description=f"What counts as positive; {', '.join(POSITIVE_TYPES)} when left out."),
    ] = None
    model: Annotated[
        str | None,
        Meta(description="Ours: counts (when left out), dctr, pbm, cascade or sdbn."),
    ] = None
    min_impressions: Annotated[
        Annotated[float, Meta(ge=0)] | None,
        Meta(description="Ours: documents shown less are not judged; 10 when left out."),
    ] = None
    half_life_days: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="Ours: a search that is so much older than the newest counts half."),
    ] = None
    max_rank: Annotated[
        Annotated[int, Meta(ge=1, le=1000)] | None,
        Meta(description="Ours: lists are cut below it; 20 when left out."),
    ] = None


def read_generate(plain: object) -> GenerateFromInteractions:
    """Check a request to make a dataset; unknown keys are ignored, as the contract has it.

    Raises
    ------
    InvalidDataset
        A value is not of its type or outside its limits.
    """
    return convert(plain, GenerateFromInteractions, InvalidDataset)


def present_dataset(
    value: Dataset, namespace: Namespace, queries: Iterable[JudgedQuery]
) -> EvaluationDataset:
    """The wire shape of a dataset."""
    source = value.source
    return EvaluationDataset(
        dataset_id=value.dataset_id,
        dataset_name=value.name,
        description=value.description,
        queries=[_present_query(query) for query in queries],
        created_at=format_time(value.created_at),
        updated_at=format_time(value.updated_at),
        namespace_id=namespace.namespace_id,
        internal_id=namespace.namespace_id,
        query_count=value.n_queries,
        metadata=value.metadata,
        judgment_count=value.n_judgments,
        source=SourceModel(
            kind=source.kind,
            model=source.model,
            parameters=source.parameters,
            fit=source.fit,
            retriever_id=source.retriever_id,
        ),
        stale_since=None if value.stale_at is None else format_time(value.stale_at),
    )


def _present_query(query: JudgedQuery) -> GroundTruthQuery:
    grades = {one.document_id: one.grade for one in query.judgments if one.grade is not None}
    return GroundTruthQuery(
        query_id=query.query_id,
        query_input=query.query_input,
        relevant_documents=[one.document_id for one in query.judgments if one.is_relevant],
        relevance_scores=grades or None,
        judgments=[_present_judgment(one) for one in query.judgments],
    )


def _present_judgment(one: Judgment) -> JudgmentModel:
    return msgspec.convert(one, JudgmentModel, from_attributes=True)
