"""A retriever: a named way to search, whose executions and interactions belong together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct

from desirepath.domain.checks import Id, check_plain_id, convert, refuse_unknown
from desirepath.domain.plain_json import check_plain
from desirepath.errors import InvalidRetriever, MalformedJSON

__all__ = ["ROUTE_WORDS", "Retriever", "RetrieverDraft", "check_name", "read_retriever"]

ROUTE_WORDS = frozenset(
    {
        "batch",
        "benchmarks",
        "debug-inference",
        "evaluations",
        "execute",
        "executions",
        "interactions",
        "list",
        "public",
        "stages",
        "templates",
        "typeahead",
    }
)
"""Path words under /v1/retrievers that a name would hide behind."""


class RetrieverDraft(Struct, frozen=True, kw_only=True):
    """A retriever as it is sent."""

    retriever_name: Annotated[Id, Meta(description="Unique in its namespace.")]
    stages: Annotated[
        list[dict[str, Any]],
        Meta(
            max_length=50,
            description="How it searches. Empty when another engine does and only logs here.",
        ),
    ] = []
    description: str | None = None
    collection_identifiers: list[str] = []
    input_schema: dict[str, Any] | None = None
    budget_limits: dict[str, Any] | None = None
    tags: list[str] = []
    metadata: dict[str, Any] | None = None
    display_config: dict[str, Any] | None = None


FIELDS = tuple(RetrieverDraft.__struct_fields__)


class Retriever(Struct, frozen=True, kw_only=True):
    """A retriever as it is stored."""

    id: bytes
    namespace: int
    retriever_id: str
    draft: RetrieverDraft
    version: int
    created_at: int
    updated_at: int


def read_retriever(plain: object, *, lenient: bool = False) -> RetrieverDraft:
    """Check a retriever.

    Raises
    ------
    InvalidRetriever
        A rule is broken; the location says where.
    """
    if not isinstance(plain, Mapping):
        raise InvalidRetriever("A retriever is a JSON object.")
    values = dict(plain)
    try:
        check_plain(values)
    except MalformedJSON as error:
        raise InvalidRetriever(error.message) from error
    if "collection_ids" in values:
        values.setdefault("collection_identifiers", values.pop("collection_ids"))
    refuse_unknown(values, FIELDS, InvalidRetriever, lenient)
    draft = convert(values, RetrieverDraft, InvalidRetriever)
    check_name(draft.retriever_name)
    return draft


def check_name(name: str) -> None:
    """Refuse a name that a path could not tell from a route or an id.

    Raises
    ------
    InvalidRetriever
        A route word, one of our ids, blank, or with a slash.
    """
    check_plain_id(name, "retriever_name", InvalidRetriever)
    if name in ROUTE_WORDS or name.startswith("ret_") or "/" in name:
        raise InvalidRetriever(
            "retriever_name may not start with ret_, contain a slash, or be one of "
            f"{', '.join(sorted(ROUTE_WORDS))}.",
            ("retriever_name",),
        )
