"""What a retriever is asked with: the names, types and defaults of its inputs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta, Struct

from desirepath.domain import clock
from desirepath.domain.checks import convert
from desirepath.domain.ids import is_plain_id
from desirepath.errors import InvalidRetriever, InvalidSearch, MissingInput

__all__ = [
    "InputField",
    "InputSchema",
    "InputType",
    "ResolvedInputs",
    "breaking_changes",
    "plain_schema",
    "read_input_schema",
    "resolve_inputs",
]

MAX_FIELDS = 256


class InputType(StrEnum):
    """What an input is. The kinds of files are texts here: an address, or the content."""

    STRING = "string"
    NUMBER = "number"
    INTEGER = "integer"
    FLOAT = "float"
    BOOLEAN = "boolean"
    OBJECT = "object"
    ARRAY = "array"
    DATE = "date"
    DATETIME = "datetime"
    TEXT = "text"
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    PDF = "pdf"
    EXCEL = "excel"
    DOCUMENT_REFERENCE = "document_reference"


class InputField(Struct, frozen=True, kw_only=True):
    """One input. Other keys are kept and mean nothing."""

    type: InputType
    required: Annotated[bool, Meta(description="A search without it is refused.")] = False
    default: Annotated[Any, Meta(description="Taken by a search that leaves it out.")] = None
    enum: Annotated[list[Any] | None, Meta(description="The values there are.")] = None
    items: Annotated[InputField | None, Meta(description="Of an array: its elements.")] = None
    properties: Annotated[
        dict[str, InputField] | None, Meta(description="Of an object: its fields.")
    ] = None
    description: str | None = None
    examples: list[Any] | None = None


InputSchema = Mapping[str, InputField]
"""Fields by name; an empty one takes any inputs."""

Location = tuple[str | int, ...]


class ResolvedInputs(Struct, frozen=True, kw_only=True):
    """The inputs of a search, checked and completed.

    ``values`` are what was sent, with ``inferred`` defaults; inputs that the schema does not
    declare are kept, since templates and learning may read them. ``ignored_keys`` are those that
    nothing reads. ``left_out`` are declared, not required and without a value.
    """

    values: dict[str, Any]
    provided_keys: list[str]
    ignored_keys: list[str]
    inferred: dict[str, Any]
    left_out: frozenset[str] = frozenset()


# Reading a schema


def plain_schema(plain: object) -> dict[str, Any]:
    """A schema as fields by name, which the old form keeps under ``properties``.

    Raises
    ------
    InvalidRetriever
        It is no object.

    Examples
    --------
    >>> plain_schema({"properties": {"query": {"type": "text"}}, "required": ["query"]})
    {'query': {'type': 'text', 'required': True}}
    """
    if not isinstance(plain, dict):
        raise InvalidRetriever("input_schema is an object: fields by name.", ("input_schema",))
    properties = plain.get("properties")
    if not isinstance(properties, dict) or isinstance(properties.get("type"), str):
        return plain
    required = plain.get("required")
    names = required if isinstance(required, list) else []
    return {
        name: {**field, "required": True} if name in names and isinstance(field, dict) else field
        for name, field in properties.items()
    }


def read_input_schema(plain: Mapping[str, Any]) -> dict[str, InputField]:
    """Check the fields of a schema.

    Raises
    ------
    InvalidRetriever
        A field has no type or an unknown one, or its default does not fit it. The message says
        which by its number: its name is the sender's.

    Examples
    --------
    >>> read_input_schema({"k": {"type": "integer", "default": 10}})["k"].default
    10
    """
    if len(plain) > MAX_FIELDS:
        raise InvalidRetriever(f"A schema has at most {MAX_FIELDS} fields.", ("input_schema",))
    schema = {}
    for number, (name, field) in enumerate(plain.items(), 1):
        if not name or name.isspace():
            raise InvalidRetriever("An input has a name.", ("input_schema",))
        try:
            schema[name] = _read_field(field)
        except InvalidRetriever as error:
            raise InvalidRetriever(
                f"Input {number}: {error.message}", ("input_schema", *error.location)
            ) from error
    return schema


def _read_field(plain: object) -> InputField:
    try:
        field = convert(plain, InputField, InvalidRetriever)
    except InvalidRetriever as error:
        if error.location[-1:] != ("type",):
            raise
        message = f"{error.message.rstrip('.')}; the types are {', '.join(InputType)}."
        raise InvalidRetriever(message, error.location) from error
    if any(not _fits(field, value) for value in field.enum or ()):
        raise InvalidRetriever("A value of enum is not of the input's type.", ("enum",))
    if field.default is not None and _problem(field, field.default) is not None:
        raise InvalidRetriever("default is no value that this input may have.", ("default",))
    return field


def _shown(name: str) -> str:
    return name if is_plain_id(name) else "(unprintable)"


# Resolving inputs


def resolve_inputs(
    schema: InputSchema, inputs: Mapping[str, Any], *, used: Collection[str] = ()
) -> ResolvedInputs:
    """Check the inputs of a search and fill in defaults. Null is as good as left out.

    Parameters
    ----------
    schema
        What the retriever declares; when it declares nothing, anything goes.
    inputs
        As they were sent.
    used
        Other names that something reads. Where nothing is declared or read, nothing is ignored.

    Raises
    ------
    MissingInput
        One that is required is not there.
    InvalidSearch
        One is not of its type or none of its values; the location names it.

    Examples
    --------
    >>> schema = read_input_schema(
    ...     {"query": {"type": "text", "required": True}, "k": {"type": "integer", "default": 10}}
    ... )
    >>> resolved = resolve_inputs(schema, {"query": "shoes", "colour": "red"})
    >>> resolved.values, resolved.ignored_keys
    ({'query': 'shoes', 'colour': 'red', 'k': 10}, ['colour'])
    """
    given = {name: value for name, value in inputs.items() if value is not None}
    inferred: dict[str, Any] = {}
    left_out = set()
    for name, field in schema.items():
        if name in given:
            _check(field, given[name], ("inputs", _shown(name)))
        elif field.default is not None:
            inferred[name] = field.default
        elif field.required:
            raise MissingInput(f"inputs.{_shown(name)}")
        else:
            left_out.add(name)
    known = {*schema, *used} or {*inputs}
    return ResolvedInputs(
        values={**given, **inferred},
        provided_keys=list(inputs),
        ignored_keys=[name for name in inputs if name not in known],
        inferred=inferred,
        left_out=frozenset(left_out),
    )


def _check(field: InputField, value: object, at: Location) -> None:
    problem = _problem(field, value)
    if problem is not None:
        raise InvalidSearch(*problem.at(at))


class _Problem(Struct, frozen=True):
    """What is wrong with a value, and where in it."""

    message: str
    path: Location = ()

    def at(self, location: Location) -> tuple[str, Location]:
        return self.message, (*location, *self.path)

    def inside(self, step: str | int) -> _Problem:
        return _Problem(self.message, (step, *self.path))


def _problem(field: InputField, value: object) -> _Problem | None:
    """What keeps a value from being one of a field; None when nothing does."""
    if not _fits(field, value):
        return _Problem(f"This input is of type {field.type}.")
    if field.enum is not None and not _is_among(value, field.enum):
        return _Problem("This input is none of the values that the retriever takes.")
    return next(_problems_inside(field, value), None)


def _problems_inside(field: InputField, value: object) -> Iterator[_Problem]:
    if field.items is not None and isinstance(value, list):
        for index, item in enumerate(value):
            problem = _problem(field.items, item)
            if problem is not None:
                yield problem.inside(index)
    if field.properties is not None and isinstance(value, dict):
        for name, inner in field.properties.items():
            item = value.get(name)
            if item is None and inner.required:
                yield _Problem("This input lacks a field that it must have.", (_shown(name),))
            problem = None if item is None else _problem(inner, item)
            if problem is not None:
                yield problem.inside(_shown(name))


def _fits(field: InputField, value: object) -> bool:
    """Whether a value is of the field's type, whatever lies inside it."""
    match field.type:
        case InputType.INTEGER:
            return isinstance(value, int) and not isinstance(value, bool)
        case InputType.NUMBER | InputType.FLOAT:
            return isinstance(value, int | float) and not isinstance(value, bool)
        case InputType.BOOLEAN:
            return isinstance(value, bool)
        case InputType.OBJECT:
            return isinstance(value, dict)
        case InputType.ARRAY:
            return isinstance(value, list)
        case InputType.DOCUMENT_REFERENCE:
            return isinstance(value, dict) and isinstance(value.get("document_id"), str)
        case InputType.DATE | InputType.DATETIME:
            return isinstance(value, str) and _is_time(value)
        case _:
            return isinstance(value, str)


def _is_time(text: str) -> bool:
    try:
        clock.parse_time(text)
    except (ValueError, OverflowError):
        return False
    return True


def _is_among(value: object, values: Collection[object]) -> bool:
    """Python says that True is 1, JSON does not."""
    return any(isinstance(value, bool) is isinstance(v, bool) and value == v for v in values)


# Changing a schema


def breaking_changes(before: InputSchema, after: InputSchema) -> list[str]:
    """What of a change would break a search that works today, a sentence each.

    Examples
    --------
    >>> before = read_input_schema({"query": {"type": "text"}, "k": {"type": "integer"}})
    >>> after = read_input_schema({"query": {"type": "number", "required": True}})
    >>> for change in breaking_changes(before, after):
    ...     print(change)
    query changes its type.
    query becomes required.
    k is removed.
    """
    return [
        *(
            change
            for name, field in after.items()
            for change in _breaking(_shown(name), before.get(name), field)
        ),
        *(f"{_shown(name)} is removed." for name in before if name not in after),
    ]


def _breaking(name: str, before: InputField | None, after: InputField) -> Iterator[str]:
    is_required = after.required and after.default is None
    if before is None:
        if is_required:
            yield f"{name} is new and required."
        return
    if before.type is not after.type:
        yield f"{name} changes its type."
    if is_required and not (before.required and before.default is None):
        yield f"{name} becomes required."
    if after.enum is not None and (
        before.enum is None or any(not _is_among(value, after.enum) for value in before.enum)
    ):
        yield f"{name} takes fewer values."
    if before.items is not None and after.items is not None:
        yield from _breaking(f"{name}[]", before.items, after.items)
    for change in breaking_changes(before.properties or {}, after.properties or {}):
        yield f"{name}.{change}"
