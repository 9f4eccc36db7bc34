"""OpenAPI 3.1, from the same declarations and types that serve and validate."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from desirepath.api.endpoint import Endpoint
from desirepath.api.errors import ERROR_TO_ANSWER
from desirepath.domain.access import Access
from desirepath.domain.interaction import InteractionDraft
from desirepath.errors import (
    DesirepathError,
    Forbidden,
    InvalidQuery,
    LimitExceeded,
    MalformedJSON,
    NotFound,
    Overloaded,
    PayloadTooLarge,
    StorageFull,
    StorageUnavailable,
    Unauthenticated,
    UnsupportedMediaType,
)

__all__ = ["openapi_document"]

_REF = "#/components/schemas/{name}"
_PARAMETER = re.compile(r"{(\w+)(?::path)?}")
_ALWAYS = (Unauthenticated, Forbidden, NotFound, LimitExceeded, StorageUnavailable, Overloaded)
_WITH_BODY = (MalformedJSON, PayloadTooLarge, UnsupportedMediaType)
_KEYS = {
    Access.RECORD: "a server or admin key",
    Access.WRITE: "a server or admin key",
    Access.READ: "a read, server or admin key",
    Access.ADMIN: "an admin key",
}


class ErrorBody(Struct, frozen=True):
    """What went wrong."""

    message: str
    type: str
    code: str | None = None
    details: dict[str, Any] | None = None


class ErrorResponse(Struct, frozen=True):
    """The one shape of every error."""

    success: bool
    status: int
    error: ErrorBody


def openapi_document(endpoints: Sequence[Endpoint], version: str) -> dict[str, Any]:
    """The description of the API."""
    types = {kind for e in endpoints for kind in (e.body, e.response) if kind is not None}
    ordered = sorted(types, key=str)
    _, schemas = msgspec.json.schema_components([*ordered, ErrorResponse], ref_template=_REF)
    draft = schemas[InteractionDraft.__name__]
    draft["properties"]["document_id"] = {
        "type": "string",
        "description": "Another name for feature_id; send one of the two.",
    }
    draft["required"] = [name for name in draft["required"] if name != "feature_id"]
    draft["anyOf"] = [{"required": ["feature_id"]}, {"required": ["document_id"]}]
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in sorted(endpoints, key=lambda e: (e.path, e.method)):
        path = _PARAMETER.sub(r"{\1}", endpoint.path)
        paths.setdefault(path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Desirepath",
            "version": version,
            "description": "Relevance feedback for search: record what people did with their "
            "results, and read it back.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in dict.fromkeys(e.tag for e in endpoints)],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"BearerAuth": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    description = endpoint.description
    if endpoint.access is not None:
        description += f"\n\nNeeds {_KEYS[endpoint.access]}."
    operation: dict[str, Any] = {
        "operationId": _operation_id(endpoint),
        "summary": endpoint.summary,
        "description": description.strip(),
        "tags": [endpoint.tag],
        "parameters": _parameters(endpoint),
        "responses": _responses(endpoint),
        "security": [] if endpoint.access is None else [{"BearerAuth": []}],
    }
    if endpoint.body is not None:
        operation["requestBody"] = {
            "required": endpoint.body_required,
            "content": {"application/json": {"schema": _schema(endpoint.body)}},
        }
    return operation


def _operation_id(endpoint: Endpoint) -> str:
    return str(getattr(endpoint.handler, "__name__", "")).strip("_")


def _schema(kind: Any) -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=_REF)
    return schema


def _parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(endpoint.path)
    ]
    if endpoint.query is not None:
        (_,), components = msgspec.json.schema_components([endpoint.query], ref_template=_REF)
        properties = components[endpoint.query.__name__]["properties"]
        parameters += [_query_parameter(name, schema) for name, schema in properties.items()]
    if endpoint.access is not None:
        parameters.append(
            {
                "name": "X-Namespace",
                "in": "header",
                "required": False,
                "description": "Namespace by id or name; the key's own, or default, without it.",
                "schema": {"type": "string"},
            }
        )
    if endpoint.idempotent_key:
        parameters.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": "For 24 hours the same key and body get the first answer again; "
                "the same key with another body 422.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 255},
            }
        )
    return parameters


def _query_parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter is described beside its schema, not within."""
    described = dict(schema)
    description = described.pop("description", None)
    found = {"name": name, "in": "query", "required": False, "schema": _not_null(described)}
    return found if description is None else found | {"description": description}


def _not_null(schema: dict[str, Any]) -> dict[str, Any]:
    options = [option for option in schema.get("anyOf", []) if option != {"type": "null"}]
    return options[0] if len(options) == 1 else {k: v for k, v in schema.items() if k != "default"}


def _responses(endpoint: Endpoint) -> dict[str, Any]:
    begun = "Begun; the answer says how to see it end."
    success: dict[str, Any] = {"description": begun if endpoint.status == 202 else "Done."}
    if endpoint.response is not None:
        success["content"] = {"application/json": {"schema": _schema(endpoint.response)}}
    elif endpoint.status != 204:  # which has no body
        success["content"] = {"text/plain": {"schema": {"type": "string"}}}
    responses = {str(endpoint.status): success}
    if endpoint.unready is not None:
        responses["503"] = success | {"description": endpoint.unready}
    kinds: tuple[type[DesirepathError], ...] = endpoint.errors
    if endpoint.query is not None or endpoint.idempotent_key:
        kinds += (InvalidQuery,)
    if endpoint.access is not None:
        kinds += _ALWAYS
        kinds += () if endpoint.method == "GET" else (StorageFull,)
    if endpoint.body is not None:
        kinds += _WITH_BODY
    for kind in dict.fromkeys(kinds):
        status, _, code = ERROR_TO_ANSWER[kind]
        summary = (kind.__doc__ or "").strip().splitlines()[0]
        entry = responses.setdefault(
            str(status),
            {
                "description": "",
                "content": {"application/json": {"schema": _schema(ErrorResponse)}},
            },
        )
        entry["description"] = f"{entry['description']} {code}: {summary}".strip()
    return dict(sorted(responses.items()))
