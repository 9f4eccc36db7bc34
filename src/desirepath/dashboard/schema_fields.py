"""JSON Schema as OpenAPI 3.1 has it, in words: types, limits, and an example of each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from desirepath.dashboard.prose import Block, read_prose

__all__ = ["Field", "Schemas", "TypeName", "example_of"]

Schema = Mapping[str, Any]

_RANGES = (
    ("minimum", "maximum", ""),
    ("minLength", "maxLength", " characters"),
    ("minItems", "maxItems", " items"),
    ("minProperties", "maxProperties", " keys"),
)
_LIMITS = {
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "pattern": "matches {}",
    "format": "format {}",
}
_LARGEST_INTEGER = 2**63 - 1  # as a maximum it says no more than the type does
_SAMPLES = {
    "string": "text",
    "integer": 0,
    "number": 0.5,
    "boolean": True,
    "null": None,
}
_KNOWN_SAMPLES = {
    "document_id": "doc-1",
    "feature_id": "doc-1",
    "interaction_type": ["click"],
    "retriever_name": "shop",
    "user_id": "user-1",
}
_DEEPEST_EXAMPLE = 6


class TypeName(Struct, frozen=True):
    """A part of a type's name; ``schema`` is the component that it names, if it does."""

    text: str
    schema: str | None = None


class Field(Struct, frozen=True, kw_only=True):
    """A property or a parameter."""

    name: str
    type: tuple[TypeName, ...]
    required: bool
    limits: tuple[str, ...]
    values: tuple[str, ...]
    default: str | None
    description: tuple[Block, ...]


class Schemas:
    """The components of a document.

    Parameters
    ----------
    components
        Name to schema.
    """

    def __init__(self, components: Mapping[str, Schema]) -> None:
        self.components = components

    def resolve(self, schema: Schema) -> Schema:
        """The schema itself, following references."""
        seen: set[str] = set()
        while (name := _reference(schema)) is not None and name not in seen:
            seen.add(name)
            schema = self.components.get(name, {})
        return schema

    def fields(self, schema: Schema) -> tuple[Field, ...]:
        """The properties of an object, required ones first."""
        whole = self.resolve(schema)
        required = frozenset(whole.get("required", ()))
        fields = [
            self.field(name, part, required=name in required)
            for name, part in whole.get("properties", {}).items()
        ]
        return tuple(sorted(fields, key=lambda field: not field.required))

    def field(self, name: str, schema: Schema, *, required: bool, description: str = "") -> Field:
        """One property, or a parameter whose description stands beside its schema."""
        parts = list(_parts(schema))
        text = description or next(
            (part["description"] for part in parts if part.get("description")), ""
        )
        return Field(
            name=name,
            type=tuple(self.type_of(schema)),
            required=required,
            limits=tuple(dict.fromkeys(limit for part in parts for limit in _limits(part))),
            values=tuple(json.dumps(value) for part in parts for value in part.get("enum", ())),
            default=_default(schema),
            description=read_prose(text),
        )

    def choices(self, schema: Schema) -> tuple[tuple[str, ...], ...]:
        """Where an object needs one of several sets of properties: those sets."""
        whole = self.resolve(schema)
        if "properties" not in whole:
            return ()
        options = whole.get("anyOf") or whole.get("oneOf") or ()
        return tuple(tuple(option["required"]) for option in options if "required" in option)

    def type_of(self, schema: Schema) -> Iterator[TypeName]:
        """The name of a type, part by part."""
        name = _reference(schema)
        if name is not None:
            yield TypeName(name, name if name in self.components else None)
            return
        options = schema.get("anyOf") or schema.get("oneOf")
        if options:
            yield from self._joined(options)
            return
        kind = schema.get("type")
        if isinstance(kind, list):
            yield from self._joined([{**schema, "type": one} for one in kind])
        elif kind == "array":
            yield TypeName("array of ")
            yield from self.type_of(schema.get("items") or {})
        elif kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
            yield TypeName("object of ")
            yield from self.type_of(schema["additionalProperties"])
        elif "const" in schema:
            yield TypeName(json.dumps(schema["const"]))
        else:
            yield TypeName(str(kind or ("one of" if "enum" in schema else "anything")))

    def _joined(self, options: list[Schema]) -> Iterator[TypeName]:
        for index, option in enumerate(options):
            if index:
                yield TypeName(" or ")
            yield from self.type_of(option)


def example_of(schemas: Schemas, schema: Schema, name: str = "", depth: int = 0) -> Any:
    """Something that the schema accepts: what it gives as an example, else what it requires."""
    schema = schemas.resolve(schema)
    for key in ("example", "const"):
        if key in schema:
            return schema[key]
    if schema.get("examples"):
        return schema["examples"][0]
    if name in _KNOWN_SAMPLES:
        return _KNOWN_SAMPLES[name]
    if schema.get("enum"):
        return schema["enum"][0]
    if "properties" in schema or schema.get("type") == "object":
        return _example_object(schemas, schema, depth)
    options = schema.get("anyOf") or schema.get("oneOf")
    if options:
        return example_of(schemas, options[0], name, depth + 1)
    kind = schema.get("type", "string")
    if isinstance(kind, list):
        kind = kind[0]
    if kind == "array":
        deep = depth >= _DEEPEST_EXAMPLE
        return [] if deep else [example_of(schemas, schema.get("items") or {}, "", depth + 1)]
    if kind == "string" and schema.get("format") == "date-time":
        return "2026-01-31T12:00:00Z"
    return schema.get("minimum", _SAMPLES.get(kind)) if kind != "string" else _SAMPLES[kind]


def _example_object(schemas: Schemas, schema: Schema, depth: int) -> dict[str, Any]:
    if depth >= _DEEPEST_EXAMPLE:
        return {}
    properties = schema.get("properties", {})
    names = [*next(iter(schemas.choices(schema)), ()), *schema.get("required", ())]
    return {
        name: example_of(schemas, properties[name], name, depth + 1)
        for name in dict.fromkeys(names)
        if name in properties
    }


def _reference(schema: Schema) -> str | None:
    reference = schema.get("$ref")
    return None if reference is None else str(reference).rpartition("/")[2]


def _parts(schema: Schema) -> Iterator[Schema]:
    """A schema and those within it that describe the same value."""
    yield schema
    for option in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from _parts(option)


def _limits(schema: Schema) -> Iterator[str]:
    for least, most, unit in _RANGES:
        low, high = schema.get(least), schema.get(most)
        if high == _LARGEST_INTEGER:
            high = None
        if low is not None and high is not None:
            yield f"{low:,} to {high:,}{unit}"
        elif low is not None:
            yield f"at least {low:,}{unit}"
        elif high is not None:
            yield f"at most {high:,}{unit}"
    for key, words in _LIMITS.items():
        if key in schema:
            yield words.format(schema[key])


def _default(schema: Schema) -> str | None:
    """How a default is written; that what is left out is null needs no words."""
    value = schema.get("default")
    return None if value is None else json.dumps(value, ensure_ascii=False)
