"""The API reference, from the OpenAPI document."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from msgspec import Struct

from desirepath.dashboard.prose import Block, read_prose
from desirepath.dashboard.rendering import render
from desirepath.dashboard.schema_fields import Field, Schemas, TypeName, example_of

__all__ = ["render_api_docs"]

_METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "trace")
_OTHER = "Other"
_LINE = 48  # characters of an example that fit beside its description


class Body(Struct, frozen=True, kw_only=True):
    """What a request or an answer carries."""

    type: tuple[TypeName, ...]
    fields: tuple[Field, ...]
    choices: tuple[tuple[str, ...], ...]
    required: bool = True


class Response(Struct, frozen=True, kw_only=True):
    """An answer by its status."""

    status: str
    good: bool
    description: tuple[Block, ...]
    body: Body | None


class Operation(Struct, frozen=True, kw_only=True):
    """A method on a path."""

    anchor: str
    method: str
    path: str
    summary: str
    description: tuple[Block, ...]
    deprecated: bool
    open: bool
    parameters: tuple[tuple[str, tuple[Field, ...]], ...]
    body: Body | None
    responses: tuple[Response, ...]
    example: str


class Component(Struct, frozen=True, kw_only=True):
    """A named schema."""

    name: str
    description: tuple[Block, ...]
    fields: tuple[Field, ...]
    choices: tuple[tuple[str, ...], ...]
    values: tuple[str, ...]
    type: tuple[TypeName, ...]


class Group(Struct, frozen=True, kw_only=True):
    """The operations of a tag."""

    anchor: str
    name: str
    description: tuple[Block, ...]
    operations: tuple[Operation, ...]


def render_api_docs(openapi: Mapping[str, Any], *, address: str = "http://127.0.0.1:8000") -> str:
    """The reference as one page.

    Parameters
    ----------
    openapi
        An OpenAPI 3.1 document whose schemas are in its components.
    address
        Of this service, for the example commands.
    """
    reader = _Reader(openapi, address)
    info = openapi.get("info", {})
    return render(
        "api_docs.html",
        title=info.get("title", "API"),
        version=info.get("version", ""),
        description=read_prose(info.get("description", "")),
        groups=reader.groups(),
        components=reader.components(),
        anchor_of=_schema_anchor,
    )


class _Reader:
    """One document."""

    def __init__(self, openapi: Mapping[str, Any], address: str) -> None:
        self._openapi = openapi
        self._address = address
        self._schemas = Schemas(openapi.get("components", {}).get("schemas", {}))

    def groups(self) -> tuple[Group, ...]:
        tag_to_operations: dict[str, list[Operation]] = {}
        tag_to_description = {
            tag["name"]: tag.get("description", "") for tag in self._openapi.get("tags", ())
        }
        for tag in tag_to_description:
            tag_to_operations[tag] = []
        for tag, operation in self._operations():
            tag_to_operations.setdefault(tag, []).append(operation)
        return tuple(
            Group(
                anchor=f"tag-{_slug(tag)}",
                name=tag,
                description=read_prose(tag_to_description.get(tag, "")),
                operations=tuple(operations),
            )
            for tag, operations in tag_to_operations.items()
            if operations
        )

    def components(self) -> tuple[Component, ...]:
        return tuple(
            Component(
                name=name,
                description=read_prose(schema.get("description", "")),
                fields=self._schemas.fields(schema),
                choices=self._schemas.choices(schema),
                values=tuple(json.dumps(value) for value in schema.get("enum", ())),
                type=() if "properties" in schema else tuple(self._schemas.type_of(schema)),
            )
            for name, schema in sorted(self._schemas.components.items())
        )

    def _operations(self) -> Iterator[tuple[str, Operation]]:
        for path, item in self._openapi.get("paths", {}).items():
            shared = item.get("parameters", ())
            for method in _METHODS:
                if method in item:
                    operation = item[method]
                    tag = next(iter(operation.get("tags", ())), _OTHER)
                    yield tag, self._operation(method, path, operation, shared)

    def _operation(
        self, method: str, path: str, operation: Mapping[str, Any], shared: Sequence[Any]
    ) -> Operation:
        parameters = [*shared, *operation.get("parameters", ())]
        request = operation.get("requestBody")
        secured = bool(operation.get("security", self._openapi.get("security")))
        return Operation(
            anchor=_slug(operation.get("operationId") or f"{method} {path}"),
            method=method.upper(),
            path=path,
            summary=operation.get("summary") or f"{method.upper()} {path}",
            description=read_prose(operation.get("description", "")),
            deprecated=operation.get("deprecated", False),
            open=not secured,
            parameters=tuple(self._parameters(parameters)),
            body=None if request is None else self._body(request),
            responses=tuple(
                Response(
                    status=str(status),
                    good=str(status).startswith("2"),
                    description=read_prose(response.get("description", "")),
                    body=self._body(response) if str(status).startswith("2") else None,
                )
                for status, response in operation.get("responses", {}).items()
            ),
            example=self._example(method, path, parameters, request, secured),
        )

    def _parameters(
        self, parameters: Sequence[Mapping[str, Any]]
    ) -> Iterator[tuple[str, tuple[Field, ...]]]:
        for place in ("path", "query", "header", "cookie"):
            fields = tuple(
                self._schemas.field(
                    parameter["name"],
                    parameter.get("schema", {}),
                    required=parameter.get("required", False),
                    description=parameter.get("description", ""),
                )
                for parameter in parameters
                if parameter.get("in") == place
            )
            if fields:
                yield place, fields

    def _body(self, carrier: Mapping[str, Any]) -> Body | None:
        media = _media(carrier)
        if media is None:
            return None
        schema = media.get("schema", {})
        return Body(
            type=tuple(self._schemas.type_of(schema)),
            fields=self._schemas.fields(schema),
            choices=self._schemas.choices(schema),
            required=carrier.get("required", False),
        )

    def _example(
        self,
        method: str,
        path: str,
        parameters: Sequence[Mapping[str, Any]],
        request: Mapping[str, Any] | None,
        secured: bool,
    ) -> str:
        queries = {
            parameter["name"]: example_of(self._schemas, parameter.get("schema", {}))
            for parameter in parameters
            if parameter.get("in") == "query" and parameter.get("required")
        }
        address = self._address + re.sub(r"{(\w+)}", lambda match: match[1].upper(), path)
        address += f"?{urlencode(queries, quote_via=quote)}" if queries else ""
        lines = [f"curl -s {_quoted(address)}"]
        if method not in ("get", "post") or (method == "post" and request is None):
            lines[0] = f"curl -s -X {method.upper()} {_quoted(address)}"
        if secured:
            lines.append('-H "Authorization: Bearer $DESIREPATH_KEY"')
        media = None if request is None else _media(request)
        if media is not None:
            lines.append('-H "Content-Type: application/json"')
            body = _written(self._example_body(media))
            lines.append("-d '" + body.replace("'", "'\\''") + "'")
        return " \\\n  ".join(lines)

    def _example_body(self, media: Mapping[str, Any]) -> Any:
        if "example" in media:
            return media["example"]
        for example in media.get("examples", {}).values():
            return example.get("value")
        return example_of(self._schemas, media.get("schema", {}))


def _written(value: Any, indent: int = 2) -> str:
    """JSON to read: on one line where it is short."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + indent <= _LINE or not isinstance(value, dict | list) or not value:
        return line
    inner = " " * (indent + 2)
    if isinstance(value, dict):
        items = [f"{json.dumps(key)}: {_written(one, indent + 2)}" for key, one in value.items()]
    else:
        items = [_written(one, indent + 2) for one in value]
    start, end = "{}" if isinstance(value, dict) else "[]"
    return f"{start}\n{inner}" + f",\n{inner}".join(items) + f"\n{' ' * indent}{end}"


def _media(carrier: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The JSON of a request or an answer, else whatever it carries first."""
    content: Mapping[str, Mapping[str, Any]] = carrier.get("content", {})
    return content.get("application/json") or next(iter(content.values()), None)


def _quoted(address: str) -> str:
    return f"'{address}'" if "?" in address else address


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _schema_anchor(name: str) -> str:
    return f"schema-{name}"
