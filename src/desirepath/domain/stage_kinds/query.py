"""What one search of a feature_search stage asks: words, a vector, or a document to be like."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta, Struct

from desirepath.domain.checks import Id
from desirepath.domain.stage_kinds.base import read_struct
from desirepath.domain.template import Variables, render, variables_in
from desirepath.errors import InvalidRetriever, InvalidSearch

__all__ = ["Asked", "DocumentRef", "Query", "QueryMode", "read_query"]

MAX_NUMBERS = 16_000

Asked = str | list[float]
"""A text, the id of a document, or a vector."""


class QueryMode(StrEnum):
    """What the value of a query is."""

    TEXT = "text"
    CONTENT = "content"
    VECTOR = "vector"
    DOCUMENT = "document"


class DocumentRef(Struct, frozen=True, kw_only=True):
    """A document whose own vector is searched with."""

    document_id: Annotated[str | None, Meta(description="Of a document; may be a template.")] = None
    collection_id: Annotated[str | None, Meta(description="Accepted and not looked at.")] = None


class Query(Struct, frozen=True, kw_only=True):
    """A query in its whole form; a text alone stands for one of mode ``text``."""

    input_mode: Annotated[
        QueryMode, Meta(description="What value is; told by the other keys when left out.")
    ] = QueryMode.TEXT
    value: Annotated[
        str | Annotated[list[float], Meta(min_length=1, max_length=MAX_NUMBERS)] | None,
        Meta(description="A text or template; for mode vector also a list of numbers."),
    ] = None
    document_ref: Annotated[
        DocumentRef | str | None,
        Meta(description="For mode document: {document_id}, or a template of it."),
    ] = None
    embedding_task: Annotated[
        Id | None, Meta(description="Accepted; prefixes of the embedder say what a text is.")
    ] = None

    def asked(self, variables: Variables) -> Asked | None:
        """What a search asks; None when that is nothing: blank, or an empty list.

        Raises
        ------
        MissingInput
            A template has no value.
        InvalidSearch
            Its value is nothing that this mode can search with.
        """
        match self.input_mode:
            case QueryMode.DOCUMENT:
                return _document_id(self.document_ref, variables)
            case QueryMode.VECTOR:
                return _vector(render(self.value, variables))
            case QueryMode.CONTENT:
                value = render(self.value, variables)
                return _vector(value) if isinstance(value, list) else _text(value)
            case QueryMode.TEXT:
                return _text(render(self.value, variables))


def _text(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidSearch("A text is searched with, and the input is none.", ("inputs",))
    return str(value) if str(value).strip() else None


def _vector(value: object) -> list[float] | None:
    if not isinstance(value, list | tuple) or len(value) > MAX_NUMBERS:
        raise InvalidSearch(
            f"A vector is searched with: a list of at most {MAX_NUMBERS:,} numbers.", ("inputs",)
        )
    if not {int, float}.issuperset(map(type, value)):  # thousands of numbers at a time
        raise InvalidSearch("A vector has numbers only.", ("inputs",))
    return [float(item) for item in value] or None


def _document_id(reference: DocumentRef | str | None, variables: Variables) -> str | None:
    value: Any = reference.document_id if isinstance(reference, DocumentRef) else reference
    value = render(value, variables)
    if isinstance(value, Mapping):
        value = value.get("document_id")
    if value is not None and not isinstance(value, str):
        raise InvalidSearch("The document to search by is named by its id.", ("inputs",))
    return value or None


def read_query(plain: object, lenient: bool) -> Query:
    """Read a query in any of its forms.

    Raises
    ------
    InvalidRetriever
        It is none of them, or of a kind that is not available here.

    Examples
    --------
    >>> read_query("{{INPUT.query}}", False).value
    '{{INPUT.query}}'
    >>> read_query({"document_ref": {"document_id": "d"}}, False).input_mode.value
    'document'
    """
    if isinstance(plain, str):
        plain = {"input_mode": QueryMode.TEXT.value, "value": plain}
    if not isinstance(plain, Mapping):
        raise InvalidRetriever("A query is a text, or an object with input_mode and value.")
    values = dict(plain)
    mode = values.setdefault("input_mode", _mode_of(values))
    if mode == "multi_content":
        raise InvalidRetriever(
            "Queries of mode multi_content are not available; the modes are "
            f"{', '.join(QueryMode)}.",
            ("input_mode",),
        )
    _fold_older_names(values)
    query = read_struct(values, Query, lenient)
    _check(query)
    return query


def _mode_of(values: Mapping[str, Any]) -> str:
    if values.get("document_ref") is not None:
        return QueryMode.DOCUMENT.value
    if values.get("values") is not None:
        return "multi_content"
    if values.get("content") is not None:
        return QueryMode.CONTENT.value
    return QueryMode.VECTOR.value if isinstance(values.get("value"), list) else QueryMode.TEXT.value


def _fold_older_names(values: dict[str, Any]) -> None:
    """Put ``text`` and ``content`` of older clients, and parts of a content, under ``value``."""
    for older in ("text", "content"):
        if values.get("input_mode") == older:
            value = values.pop(older, None)
            if values.get("value") is None:
                values["value"] = value
    content = values.get("value")
    if values.get("input_mode") == QueryMode.CONTENT and isinstance(content, Mapping):
        values["value"] = content.get("url") or content.get("base64")
    if isinstance(values.get("value"), list) and any(
        isinstance(item, list) for item in values["value"]
    ):
        raise InvalidRetriever(
            "A vector is one list of numbers; several vectors at once are not available.",
            ("value",),
        )


def _check(query: Query) -> None:
    has_value = query.value is not None
    if query.input_mode is QueryMode.DOCUMENT:
        if query.document_ref is None:
            raise InvalidRetriever("A query of mode document needs a document_ref.")
    elif not has_value:
        raise InvalidRetriever(f"A query of mode {query.input_mode} needs a value.", ("value",))
    elif isinstance(query.value, list) and query.input_mode is QueryMode.TEXT:
        raise InvalidRetriever(
            "Mode text takes a text; for numbers there is mode vector.", ("value",)
        )
    elif (
        query.input_mode is QueryMode.VECTOR
        and isinstance(query.value, str)
        and next(variables_in(query.value), None) is None
    ):
        raise InvalidRetriever("A vector is a list of numbers, or a template of one.", ("value",))
