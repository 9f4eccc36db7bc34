"""Templates: places in the stages of a retriever that a search fills in.

``{{ INPUT.query }}`` is a path into what a search was asked with. A text that is one placeholder
and nothing else becomes the value itself, so that a list stays a list; anything else becomes text.

The syntax is that of Jinja2, cut down to paths and one filter: there is nothing here that could
run, repeat, or reach into an object, and what a search fills in is never read as a template again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from msgspec import Struct

from desirepath.domain.ids import is_plain_id
from desirepath.domain.plain_json import decode_json, encode_json
from desirepath.errors import InvalidRetriever, InvalidSearch, MalformedJSON, MissingInput

__all__ = [
    "NAMESPACES",
    "Template",
    "Variable",
    "Variables",
    "as_template",
    "read_template",
    "render",
    "variables_in",
]

NAMESPACES: Mapping[str, str] = {
    "input": "inputs",
    "inputs": "inputs",
    "doc": "doc",
    "context": "context",
    "stage": "stage",
}
"""Names before the first dot, in lower case: inputs of the search, the document at hand, results
that a stage keeps under its ``output_alias``, and results of earlier stages by their name."""

MAX_CHARACTERS = 10_000
MAX_RENDERED_CHARACTERS = 1_000_000
_HOW = "A placeholder is {{INPUT.name}}, or {{INPUT.name | default('value')}}"
_ROOTS = "INPUT, DOC, CONTEXT and STAGE"
_PATH = re.compile(r"\s*([A-Za-z]+)((?:\.[\w\-]+|\[\s*(?:'[^']*'|\"[^\"]*\"|\d+)\s*\])+)\s*")
_STEP = re.compile(r"\.([\w\-]+)|\[\s*(?:'([^']*)'|\"([^\"]*)\"|(\d+))\s*\]")
_DEFAULT = re.compile(r"\s*(?:default|d)\s*\((.*)\)\s*", re.DOTALL)
_WORDS = {"True": True, "False": False, "None": None, "none": None}


class Variables(Struct, frozen=True, kw_only=True):
    """What placeholders stand for, by namespace."""

    inputs: Mapping[str, Any]
    doc: Mapping[str, Any] = {}
    context: Mapping[str, Any] = {}
    stage: Mapping[str, Any] = {}


class Variable(Struct, frozen=True, kw_only=True):
    """A placeholder: a namespace, the path in it, and what to take when nothing is there."""

    namespace: str
    steps: tuple[str, ...]
    default: Any = None
    has_default: bool = False

    @property
    def name(self) -> str:
        """How it is called in messages."""
        return ".".join((self.namespace, *self.steps))

    def value(self, variables: Variables) -> Any:
        """What it stands for; null counts as nothing.

        Raises
        ------
        MissingInput
            Nothing is there, and it has no default.
        """
        value: Any = getattr(variables, self.namespace)
        for step in self.steps:
            value = _step_into(value, step)
        if value is not None:
            return value
        if not self.has_default:
            raise MissingInput(self.name if is_plain_id(self.name) else self.namespace)
        return self.default


def _step_into(value: object, step: str) -> object:
    if isinstance(value, Mapping):
        return value.get(step)
    if isinstance(value, list | tuple) and step.isascii() and step.isdigit():
        number = int(step[:9])
        return value[number] if number < len(value) else None
    return None


class Template(Struct, frozen=True):
    """A text with placeholders, in its parts."""

    parts: tuple[str | Variable, ...]

    def render(self, variables: Variables) -> Any:
        """The value of its only placeholder, else a text.

        Raises
        ------
        MissingInput
            A placeholder has no value and no default.
        """
        if len(self.parts) == 1 and isinstance(self.parts[0], Variable):
            return self.parts[0].value(variables)
        return "".join(
            part if isinstance(part, str) else _as_text(part.value(variables))
            for part in self.parts
        )


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else encode_json(value).decode()


@lru_cache(maxsize=4096)
def read_template(text: str) -> Template | None:
    """The placeholders of a text; None when it has none.

    Raises
    ------
    InvalidRetriever
        A placeholder is not closed, is no path, or asks for what there is not.

    Examples
    --------
    >>> template = read_template("{{ INPUT.tags }}")
    >>> template.render(Variables(inputs={"tags": ["red", "new"]}))
    ['red', 'new']
    >>> read_template("{{inputs.a}} and {{inputs.b | default(2)}}").render(
    ...     Variables(inputs={"a": 1})
    ... )
    '1 and 2'
    >>> read_template("no placeholder") is None
    True
    """
    if "{{" not in text and "{%" not in text:
        return None
    if len(text) > MAX_CHARACTERS:
        raise InvalidRetriever(
            f"A text with placeholders has at most {MAX_CHARACTERS:,} characters."
        )
    if "{%" in text or "{#" in text:
        raise InvalidRetriever("Templates have placeholders only: no {% … %} and no {# … #}.")
    parts: list[str | Variable] = []
    rest = text
    while rest:
        before, opened, rest = rest.partition("{{")
        if before:
            parts.append(before)
        if opened:
            inside, closed, rest = rest.partition("}}")
            if not closed:
                raise InvalidRetriever("A placeholder is opened with {{ and not closed with }}.")
            parts.append(_read_variable(inside))
    return Template(tuple(parts))


def _read_variable(text: str) -> Variable:
    path = _PATH.match(text)
    if path is None:
        raise InvalidRetriever(f"{_HOW}.")
    namespace = NAMESPACES.get(path[1].lower())
    if path[1].lower() == "secret":
        raise InvalidRetriever("There are no secrets to put into a template.")
    if namespace is None:
        raise InvalidRetriever(f"A placeholder begins with one of {_ROOTS}.")
    steps = tuple(
        name or single or double or number
        for name, single, double, number in _STEP.findall(path[2])
    )
    rest = text[path.end() :]
    if not rest:
        return Variable(namespace=namespace, steps=steps)
    default = _DEFAULT.fullmatch(rest[1:]) if rest.startswith("|") else None
    if default is None:
        raise InvalidRetriever(f"{_HOW}; there are no other filters.")
    return Variable(
        namespace=namespace, steps=steps, default=_read_literal(default[1]), has_default=True
    )


def _read_literal(text: str) -> Any:
    text = text.strip()
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > 1 and text[0] == text[-1] == "'" and "'" not in text[1:-1]:
        return text[1:-1]
    try:
        literal = decode_json(text.encode())
    except (MalformedJSON, UnicodeEncodeError):
        literal = ()
    if not isinstance(literal, str | int | float | None):
        raise InvalidRetriever("A default is a 'text', a number, true, false or null.")
    return literal


def as_template(value: object) -> Template | None:
    """The template that a value is: a text with placeholders, or the SDK's dynamic value.

    Raises
    ------
    InvalidRetriever
        It is one that cannot be read.

    Examples
    --------
    >>> as_template({"type": "dynamic", "field": "inputs.user_id"}).parts[0].name
    'inputs.user_id'
    """
    if isinstance(value, str):
        return read_template(value)
    if isinstance(value, dict) and value.get("type") == "dynamic" and value.keys() <= _DYNAMIC_KEYS:
        field = value.get("field")
        if isinstance(field, str):
            return Template((_read_variable(field),))
    return None


_DYNAMIC_KEYS = {"type", "field"}


def variables_in(value: object) -> Iterator[Variable]:
    """Every placeholder in a JSON value; keys of objects are no templates.

    Raises
    ------
    InvalidRetriever
        One cannot be read.
    """
    template = as_template(value)
    if template is not None:
        yield from (part for part in template.parts if isinstance(part, Variable))
    elif isinstance(value, dict):
        for item in value.values():
            yield from variables_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from variables_in(item)


def render(value: object, variables: Variables) -> Any:
    """A JSON value with its placeholders filled in.

    Raises
    ------
    MissingInput
        A placeholder has no value and no default.
    InvalidSearch
        The texts become longer than a million characters.

    Examples
    --------
    >>> render({"brand": "{{INPUT.brand}}", "price": {"lt": 5}}, Variables(inputs={"brand": "x"}))
    {'brand': 'x', 'price': {'lt': 5}}
    """
    return _Renderer(variables).render(value)


class _Renderer:
    """Fills in one value, and counts the texts that it makes."""

    def __init__(self, variables: Variables) -> None:
        self._variables = variables
        self._left = MAX_RENDERED_CHARACTERS

    def render(self, value: object) -> Any:
        template = as_template(value)
        if template is not None:
            filled = template.render(self._variables)
            self._left -= len(filled) if isinstance(filled, str) else 0
            if self._left < 0:
                raise InvalidSearch("The inputs make the texts of a stage too long.", ("inputs",))
            return filled
        if isinstance(value, dict):
            return {key: self.render(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.render(item) for item in value]
        return value
