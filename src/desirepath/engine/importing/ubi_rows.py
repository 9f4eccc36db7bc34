"""Rows of UBI files, and what can be read from one by itself."""

from __future__ import annotations

from typing import Any, NamedTuple

from desirepath.domain.plain_json import canonical_json, decode_json
from desirepath.domain.retriever import check_name
from desirepath.engine.importing.cells import as_text
from desirepath.engine.importing.field_map import value_at
from desirepath.engine.importing.identity import hash_id
from desirepath.errors import InvalidInput

__all__ = [
    "UbiEvent",
    "UbiQuery",
    "document_of",
    "hits_of",
    "metadata_of",
    "rank_of",
    "response_id_of",
    "retriever_name_of",
    "window_of",
]


_LONGEST_NAME = 60


class UbiQuery(NamedTuple):
    """A row of a queries file."""

    file: int
    line: int
    application: str
    row: dict[str, Any]


class UbiEvent(NamedTuple):
    """A row of an events file that is an interaction."""

    file: int
    line: int
    application: str
    row: dict[str, Any]
    event_id: str
    type: str
    ordinal: int | None


def rank_of(query: UbiQuery) -> tuple[int, str, str, bytes]:
    """The response that events refer to comes first."""
    row = query.row
    time = str(row.get("timestamp"))
    return -len(hits_of(row)), time, str(row.get("query_response_id")), canonical_json(row)


def hits_of(row: dict[str, Any]) -> list[str]:
    hits = row.get("query_response_hit_ids")
    if not isinstance(hits, list):
        return []
    return list(dict.fromkeys(str(hit) for hit in hits))


def window_of(row: dict[str, Any]) -> tuple[int, int | None]:
    """The position of the first hit and how many were asked for, if the engine's query says so."""
    query = row.get("query")
    if not isinstance(query, str) or not query.startswith("{"):
        return 0, None
    try:
        body = decode_json(query.encode())
    except InvalidInput:
        return 0, None
    start, size = body.get("from"), body.get("size")
    return (
        start if type(start) is int and start >= 0 else 0,
        size if type(size) is int else None,
    )


def response_id_of(query: UbiQuery) -> str:
    id = query.row.get("query_response_id")
    return str(id) if id else hash_id(b"ubi", canonical_json(query.row))


def document_of(row: dict[str, Any]) -> str | None:
    found = value_at(row, "event_attributes.object.object_id")
    return as_text(found, "object_id")


def metadata_of(row: dict[str, Any]) -> dict[str, Any] | None:
    """The browser, and what else the event says of itself."""
    attributes = row.get("event_attributes")
    others = attributes if isinstance(attributes, dict) else {}
    metadata = {name: v for name, v in others.items() if name not in ("object", "position")}
    if row.get("client_id"):
        metadata["client_id"] = row["client_id"]
    return metadata or None


def retriever_name_of(application: str) -> str:
    """An application's name as a retriever's."""
    name = application.replace("/", "-")[:_LONGEST_NAME]
    for candidate in (name, f"ubi-{name}"):
        try:
            check_name(candidate)
        except InvalidInput:
            continue
        return candidate
    return "ubi"
