"""Judgments: how relevant documents are to queries, in datasets that rankings are measured by."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct

from desirepath.domain.checks import Id, check_id, convert, refuse_unknown
from desirepath.domain.plain_json import check_plain
from desirepath.errors import InvalidDataset, MalformedJSON

__all__ = [
    "HIGHEST_GRADE",
    "Dataset",
    "DatasetDraft",
    "DatasetSource",
    "GroundTruth",
    "JudgedQuery",
    "Judgment",
    "check_dataset_name",
    "judged_query_of",
    "query_id_of",
    "read_dataset",
]

HIGHEST_GRADE = 5
"""Of the scale that datasets may use; clicks are graded from 0 to 3."""

DatasetName = Annotated[str, Meta(min_length=1, max_length=200)]
Grade = Annotated[int, Meta(ge=0, le=HIGHEST_GRADE)]


class Judgment(Struct, frozen=True, kw_only=True):
    """What is held of one document and one query.

    Parameters
    ----------
    is_relevant
        For measures that know no grades.
    grade
        0 (bad) to 5; None: nobody said.
    relevance, low, high
        What a click model believes, in [0, 1], with a 95 % interval; None: no model was asked.
    impressions, clicks
        Evidence, in weights of searches; None: not from a log.
    features
        Mean score by feature URI, where the document was shown for the query.
    """

    document_id: str
    is_relevant: bool
    grade: int | None = None
    relevance: float | None = None
    low: float | None = None
    high: float | None = None
    impressions: float | None = None
    clicks: float | None = None
    features: dict[str, float] | None = None


class JudgedQuery(Struct, frozen=True, kw_only=True):
    """A query with its judgments; ``query_input`` is what a search of it takes as inputs."""

    query_id: str
    query_input: dict[str, Any]
    judgments: tuple[Judgment, ...]


class DatasetSource(Struct, frozen=True, kw_only=True):
    """Where the judgments of a dataset are from.

    Parameters
    ----------
    kind
        ``sent``: somebody's own, over HTTP or from a file; ``interactions``: from the log.
    model
        What made grades of the log.
    parameters
        Its settings.
    fit
        How well it foretold searches that it was not fitted to, beside click-through rates.
    retriever_id
        Whose log it was; None: everybody's, or none.
    seen_before
        Of the log, what was recorded before this moment was seen; microseconds since 1970.
    """

    kind: str = "sent"
    model: str | None = None
    parameters: dict[str, Any] = {}
    fit: dict[str, Any] | None = None
    retriever_id: str | None = None
    seen_before: int | None = None


class Dataset(Struct, frozen=True, kw_only=True):
    """A dataset, without its queries.

    Parameters
    ----------
    stale_at
        When something that it may have seen was deleted from the log; None: nothing was.
    """

    namespace: int
    id: bytes
    dataset_id: str
    name: str
    description: str | None = None
    metadata: dict[str, Any] | None = None
    source: DatasetSource = DatasetSource()
    n_queries: int = 0
    n_judgments: int = 0
    created_at: int = 0
    updated_at: int = 0
    stale_at: int | None = None


class GroundTruth(Struct, frozen=True, kw_only=True):
    """A query and what is relevant to it, as it is sent."""

    query_id: Annotated[Id, Meta(description="Unique in the dataset.")]
    query_input: Annotated[
        dict[str, Any], Meta(description='What a search takes as inputs: {"query": "shoes"}.')
    ]
    relevant_documents: Annotated[list[Id], Meta(description="Ids; may be empty.")]
    relevance_scores: Annotated[
        dict[Id, Grade] | None,
        Meta(description="Grade by document, 0 to 5: for measures that know grades."),
    ] = None


class DatasetDraft(Struct, frozen=True, kw_only=True):
    """A dataset as it is sent."""

    dataset_name: Annotated[DatasetName, Meta(description="Unique in the namespace.")]
    queries: Annotated[list[GroundTruth], Meta(min_length=1)]
    description: str | None = None
    metadata: dict[str, Any] | None = None


def read_dataset(plain: object, *, lenient: bool = False) -> DatasetDraft:
    """Check a dataset.

    Raises
    ------
    InvalidDataset
        A rule is broken; the location says where.
    """
    if not isinstance(plain, Mapping):
        raise InvalidDataset("A dataset is a JSON object.")
    values = dict(plain)
    try:
        check_plain(values)
    except MalformedJSON as error:
        raise InvalidDataset(error.message) from error
    refuse_unknown(values, DatasetDraft.__struct_fields__, InvalidDataset, lenient)
    if isinstance(values.get("queries"), list):
        values["queries"] = [_known_keys(query, lenient) for query in values["queries"]]
    draft = convert(values, DatasetDraft, InvalidDataset)
    check_dataset_name(draft.dataset_name)
    seen = set()
    for number, query in enumerate(draft.queries):
        check_id(query.query_id, "query_id", InvalidDataset)
        if query.query_id in seen:
            raise InvalidDataset(
                "query_id is that of an earlier query.", ("queries", number, "query_id")
            )
        seen.add(query.query_id)
        for document_id in (*query.relevant_documents, *(query.relevance_scores or ())):
            check_id(document_id, "document_id", InvalidDataset)
    return draft


def check_dataset_name(name: str) -> None:
    """Refuse names that could be taken for an id or cannot be written in a path.

    Raises
    ------
    InvalidDataset
        The name is blank, longer than 200 characters, begins with ``ds_`` or has a slash.
    """
    if not 0 < len(name) <= 200 or name.isspace() or name.startswith("ds_") or "/" in name:
        raise InvalidDataset(
            "dataset_name is 1 to 200 characters, does not start with ds_ and has no slash.",
            ("dataset_name",),
        )


def judged_query_of(truth: GroundTruth) -> JudgedQuery:
    """What was sent, as judgments: the relevant documents first, in their order."""
    grades = truth.relevance_scores or {}
    relevant = list(dict.fromkeys(truth.relevant_documents))
    judgments = [
        Judgment(document_id=id, is_relevant=True, grade=grades.get(id)) for id in relevant
    ]
    known = set(relevant)
    judgments += [
        Judgment(document_id=id, is_relevant=False, grade=grade)
        for id, grade in grades.items()
        if id not in known
    ]
    return JudgedQuery(
        query_id=truth.query_id, query_input=truth.query_input, judgments=tuple(judgments)
    )


def query_id_of(query: str) -> str:
    """The id of a query in datasets from the log: the same for the same text, without spaces.

    >>> query_id_of("red shoes")
    'q_ea9addb87ec054ac'
    """
    return f"q_{hashlib.blake2b(query.encode(), digest_size=8).hexdigest()}"


def _known_keys(query: object, lenient: bool) -> object:
    if isinstance(query, dict):
        query = dict(query)
        refuse_unknown(query, GroundTruth.__struct_fields__, InvalidDataset, lenient)
    return query
