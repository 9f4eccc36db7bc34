"""A document: something that a search can return, with its words and vectors."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from enum import StrEnum
from math import hypot, isfinite
from typing import Annotated, Any

from msgspec import Meta, Struct
from msgspec.json import encode as encode_json

from desirepath.domain.checks import Id, check_id, convert, drop_foreign, refuse_unknown
from desirepath.domain.filters import FieldKind, Filter, parse_filter
from desirepath.domain.plain_json import at_path, check_plain
from desirepath.domain.text_embedding import TextEmbedding, read_text_embedding
from desirepath.domain.words import has_words
from desirepath.errors import InvalidDocument, MalformedJSON

__all__ = [
    "DOCUMENT_FIELDS",
    "FOREIGN_FIELDS",
    "MAX_BYTES",
    "MAX_DIMENSION",
    "MAX_INDEXED_CHARACTERS",
    "MAX_INDEXES",
    "MAX_NAME_BYTES",
    "Document",
    "DocumentDraft",
    "Metric",
    "Name",
    "VectorIndex",
    "as_float32",
    "check_name",
    "check_size",
    "check_vector",
    "document_record",
    "read_document",
    "read_document_filter",
    "read_vector_index",
    "shortest_decimals",
    "texts_of",
]

MAX_DIMENSION = 16_000
MAX_INDEXES = 100
"""Text fields, and likewise vector indexes, that a namespace may have: each is a table or two."""
MAX_NAME_BYTES = 200
MAX_INDEXED_CHARACTERS = 100_000
"""Of a longer text the rest is kept and not searched."""
MAX_BYTES = 16 << 20
"""What changes may let a document become, as JSON and without its vectors: as much as one call can
bring."""
_LARGEST = 1e12  # 32-bit sums of squares of 16,000 of them do not overflow
_SHORTEST = 1e-12

Name = Annotated[str, Meta(min_length=1, max_length=MAX_NAME_BYTES)]
"""Of a text field or vector index: 1 to 200 bytes, so that ``vector://`` before it is an id."""
Vector = Annotated[list[float], Meta(min_length=1, max_length=MAX_DIMENSION)]


class Metric(StrEnum):
    """How two vectors are compared."""

    COSINE = "cosine"
    DOT_PRODUCT = "dot_product"
    EUCLIDEAN = "euclidean"


_METRIC_ALIASES = {"dot": "dot_product", "l2": "euclidean"}


class VectorIndex(Struct, frozen=True, kw_only=True):
    """A name under which documents of a namespace have a vector."""

    name: Name
    dimension: Annotated[int, Meta(ge=1, le=MAX_DIMENSION, description="Numbers in a vector.")]
    metric: Annotated[Metric, Meta(description="dot and l2 are other names of two of them.")] = (
        Metric.COSINE
    )
    embedder: Annotated[
        TextEmbedding | None,
        Meta(description="Makes the vectors that documents and searches come without."),
    ] = None


class DocumentDraft(Struct, frozen=True, kw_only=True):
    """A document as it is sent."""

    document_id: Id
    vectors: Annotated[
        dict[Name, Vector],
        Meta(description="Numbers by index name; kept as 32-bit floats."),
    ] = {}
    payload: Annotated[
        dict[str, Any],
        Meta(description="Anything. Its texts are searched, see text_fields of the namespace."),
    ] = {}
    metadata: Annotated[
        dict[str, Any], Meta(description="Anything, kept beside the payload and never searched.")
    ] = {}
    text: Annotated[
        dict[Name, str],
        Meta(description="Texts to search, by field; kept apart from the payload."),
    ] = {}


class Document(Struct, frozen=True, kw_only=True):
    """A document as it is stored.

    ``vectors`` hold 32-bit floats, and are empty where they were not asked for. Times are
    microseconds since 1970.
    """

    document_id: str
    payload: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    text: dict[str, str] = {}
    vectors: dict[str, tuple[float, ...]] = {}
    created_at: int
    updated_at: int


FIELDS = tuple(DocumentDraft.__struct_fields__)
FOREIGN_FIELDS: Mapping[str, tuple[object, ...]] = {
    "acl": (),
    "source_type": ("direct_upsert",),
    "root_object_id": (),
    "root_bucket_id": (),
    "source_object_id": (),
    "source_document_id": (),
    "source_collection_id": (),
    "lineage_path": (),
    "lineage_chain": (),
    "content_hash": (),
}
"""What the Mixpeek SDK's document may carry and ours cannot."""


def read_document(
    plain: object, *, lenient: bool = False, checked: bool = False
) -> tuple[DocumentDraft, tuple[str, ...]]:
    """Check one document; parameters and result as
    :func:`~desirepath.domain.interaction.read_interaction`.

    Raises
    ------
    InvalidDocument
        A rule is broken; the location says where.

    Examples
    --------
    >>> draft, _ = read_document({"document_id": "a", "vectors": {"title": [1, 0.5]}})
    >>> draft.vectors
    {'title': [1.0, 0.5]}
    """
    if not isinstance(plain, Mapping):
        raise InvalidDocument("A document is a JSON object.")
    values = dict(plain)
    if not checked:
        try:
            check_plain(values)
        except MalformedJSON as error:
            raise InvalidDocument(error.message) from error
    drop_foreign(values, FOREIGN_FIELDS, InvalidDocument)
    for name in FIELDS[1:]:
        if name in values and values[name] is None:
            del values[name]
    ignored = refuse_unknown(values, FIELDS, InvalidDocument, lenient)
    _check_dense(values.get("vectors"))
    draft = convert(values, DocumentDraft, InvalidDocument)
    check_id(draft.document_id, "document_id", InvalidDocument)
    for names in (draft.vectors, draft.text):
        for name in names:
            check_name(name)
    return draft, ignored


def _check_dense(vectors: object) -> None:
    """Refuse the Mixpeek SDK's other kinds of vectors by name."""
    for vector in vectors.values() if isinstance(vectors, dict) else ():
        if isinstance(vector, dict) or (
            isinstance(vector, list) and any(isinstance(item, list) for item in vector)
        ):
            raise InvalidDocument(
                "A vector is a list of numbers; sparse and multi-vectors are not available.",
                ("vectors",),
            )


def check_name(name: str) -> None:
    """Refuse a name of a text field or vector index that a feature URI could not hold.

    Raises
    ------
    InvalidDocument
        It is blank or longer than 200 bytes.
    """
    if not _is_name(name):
        raise InvalidDocument(
            f"The name of a text field or a vector is 1 to {MAX_NAME_BYTES} bytes and not blank."
        )


def check_size(document: DocumentDraft) -> None:
    """Refuse a document that has grown, change by change, larger than any call could bring.

    Raises
    ------
    InvalidDocument
        Its payload, metadata and text have more than 16 MiB.
    """
    if len(encode_json([document.payload, document.metadata, document.text])) > MAX_BYTES:
        raise InvalidDocument(f"The document would have more than {MAX_BYTES >> 20} MiB.")


def _is_name(name: str) -> bool:
    return bool(name.strip()) and len(name.encode()) <= MAX_NAME_BYTES


def read_vector_index(plain: object) -> VectorIndex:
    """Check a vector index as a namespace names it.

    Raises
    ------
    InvalidDocument
        A rule is broken; the location says where.

    Examples
    --------
    >>> read_vector_index({"name": "image", "dimension": 3, "metric": "l2"}).metric.value
    'euclidean'
    """
    if not isinstance(plain, Mapping):
        raise InvalidDocument("A vector index is an object: name, dimension, metric, embedder.")
    values = {name: value for name, value in plain.items() if value is not None}
    refuse_unknown(values, VectorIndex.__struct_fields__, InvalidDocument, lenient=False)
    metric = values.get("metric")
    if isinstance(metric, str):
        values["metric"] = _METRIC_ALIASES.get(metric, metric)
    if "embedder" in values:
        values["embedder"] = read_text_embedding(values["embedder"])
    index = convert(values, VectorIndex, InvalidDocument)
    check_name(index.name)
    return index


def check_vector(index: VectorIndex, vector: Sequence[float]) -> None:
    """Refuse a vector that an index cannot compare.

    Raises
    ------
    InvalidDocument
        It has another length, a number that is no number or beyond ±1e12, or, for the cosine, no
        direction.
    """
    if len(vector) != index.dimension:
        raise InvalidDocument(
            f"The vector has {len(vector)} numbers and its index {index.dimension}.", ("vectors",)
        )
    length = hypot(*vector)
    if not isfinite(length) or max(vector) > _LARGEST or min(vector) < -_LARGEST:
        raise InvalidDocument("A number of a vector lies beyond ±1e12.", ("vectors",))
    if index.metric is Metric.COSINE and length < _SHORTEST:
        raise InvalidDocument("A vector of zeros has no direction to compare.", ("vectors",))


def as_float32(vector: Sequence[float]) -> tuple[float, ...]:
    """The 32-bit floats next to some numbers.

    >>> as_float32([0.5, 0.1])
    (0.5, 0.10000000149011612)
    """
    return tuple(array("f", vector))


def shortest_decimals(vector: Sequence[float]) -> list[float]:
    """The shortest decimal numbers whose next 32-bit floats are these.

    >>> shortest_decimals(as_float32([0.1, 1 / 3, 1e12]))
    [0.1, 0.33333334, 1000000000000.0]
    """
    return [_shortest_decimal(value) for value in vector]


def _shortest_decimal(value: float) -> float:
    for digits in (6, 7, 8):
        number = float(f"{value:.{digits}g}")
        if as_float32((number,)) == (value,):
            return number
    return float(f"{value:.9g}")  # always enough


def texts_of(
    document: DocumentDraft | Document, text_fields: Sequence[str] | None
) -> dict[str, str]:
    """What a document is found by, by field.

    Parameters
    ----------
    document
        Its own ``text`` counts always, and more than a payload field of the same name.
    text_fields
        Paths into the payload, ``.`` between steps, of texts or lists of texts; None for every
        one at its top level.

    Examples
    --------
    >>> document = Document(
    ...     document_id="a",
    ...     payload={"title": "Red shoe", "tags": ["sale", "new"], "price": 9},
    ...     created_at=0,
    ...     updated_at=0,
    ... )
    >>> texts_of(document, None)
    {'title': 'Red shoe', 'tags': 'sale\\nnew'}
    >>> texts_of(document, ["tags", "details.colour"])
    {'tags': 'sale\\nnew'}
    """
    if text_fields is None:
        found = {name: value for name, value in document.payload.items() if _is_name(name)}
    else:
        found = {path: at_path(document.payload, path) for path in text_fields}
    texts = {name: _as_text(value) for name, value in (found | document.text).items()}
    return {name: text for name, text in texts.items() if has_words(text)}


def _as_text(value: object) -> str:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        value = "\n".join(value)
    return value[:MAX_INDEXED_CHARACTERS] if isinstance(value, str) else ""


# Filters

DOCUMENT_FIELDS: Mapping[str, FieldKind] = {
    "document_id": FieldKind.TEXT,
    "payload": FieldKind.OBJECT,
    "metadata": FieldKind.OBJECT,
}
"""What documents can be filtered by; any other name is one inside the payload."""


def read_document_filter(raw: object, *, case_sensitive: bool = False) -> Filter | None:
    """Read a filter on documents; None when there is nothing to hold.

    Raises
    ------
    InvalidFilter
        See :func:`~desirepath.domain.filters.parse_filter`.

    Examples
    --------
    >>> read_document_filter({"color": "red"}).path
    ('payload', 'color')
    """
    if not raw:
        return None
    if isinstance(raw, Mapping):
        raw = {"case_sensitive": case_sensitive, **raw}
    return parse_filter(raw, DOCUMENT_FIELDS, inside="payload")


def document_record(document: Document) -> dict[str, object]:
    """A document as filters see it."""
    return {
        "document_id": document.document_id,
        "payload": document.payload,
        "metadata": document.metadata,
    }
