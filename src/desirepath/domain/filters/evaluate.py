"""The one evaluator: a filter becomes a test on plain values."""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeAlias

from desirepath.domain.filters.text import compile_pattern, fold, split_words, stem
from desirepath.domain.filters.tree import And, Condition, Filter, Not, Or
from desirepath.domain.plain_json import encode_json

__all__ = ["compile_filter", "needs_narrowing", "search_matches"]

Record: TypeAlias = Mapping[str, object]
Test: TypeAlias = Callable[[Record], bool]
ValueTest: TypeAlias = Callable[[object], bool]

_NARROWED_OPERATORS = ("regex", "words")
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
_FAMILIES: tuple[tuple[type, ...], ...] = ((str,), (int, float), (datetime,))
_MOST_INDEX_DIGITS = 9


def needs_narrowing(filter: Filter) -> bool:
    """Whether it tests something so slow that other conditions should narrow the rows first.

    >>> needs_narrowing(Not((Condition(("user_id",), None, "regex", "^a", False),)))
    True
    """
    if isinstance(filter, Condition):
        return filter.operator in _NARROWED_OPERATORS
    return any(map(needs_narrowing, filter.children))


def compile_filter(filter: Filter) -> Test:
    """Turn a filter into a test of records.

    Parameters
    ----------
    filter
        From :func:`~desirepath.domain.filters.grammar.parse_filter`.

    Returns
    -------
    callable
        Takes a record: fields by name as the response shows them, with times as aware datetimes.
        A field that is not in it is null. Threads may share it.

    Examples
    --------
    >>> clicked = compile_filter(Condition(("interaction_type",), None, "eq", "click", False))
    >>> clicked({"interaction_type": ["view", "click"]}), clicked({})
    (True, False)
    """
    if isinstance(filter, Condition):
        return _compile_condition(filter)
    # Tests have no effects, so the slow ones may come last.
    tests = [compile_filter(child) for child in sorted(filter.children, key=needs_narrowing)]
    match filter:
        case And():
            return lambda record: all(test(record) for test in tests)
        case Or():
            return lambda record: any(test(record) for test in tests)
        case Not():
            return lambda record: not any(test(record) for test in tests)


def _compile_condition(condition: Condition) -> Test:
    find = _finder(condition.path)
    value = condition.value
    match condition.operator:
        case "exists" | "is_null":
            present = value is (condition.operator == "exists")
            return lambda record: bool(find(record)) is present
        case "eq" | "in" | "ne" | "nin":
            values = value if condition.operator in ("in", "nin") else (value,)
            assert isinstance(values, tuple)
            return _membership(find, values, condition.operator in ("eq", "in"))
        case "gt" | "gte" | "lt" | "lte":
            holds = _order(_COMPARISONS[condition.operator], value)
        case _:
            assert isinstance(value, str)
            holds = _on_text(_text_test(condition.operator, value, condition.case_sensitive))
    return lambda record: any(_any_holds(holds, found) for found in find(record))


def _any_holds(holds: ValueTest, value: object) -> bool:
    """Whether the value, or an element of it, satisfies the test."""
    return holds(value) or (isinstance(value, list | tuple) and any(map(holds, value)))


def _finder(path: tuple[str, ...]) -> Callable[[Record], Sequence[object]]:
    """What finds the values at a path; nulls are not found."""
    field, *steps = path
    return lambda record: _follow(record.get(field), steps)


def _follow(value: object, steps: Sequence[str]) -> Sequence[object]:
    for done, step in enumerate(steps):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list | tuple):
            return _follow_into(value, steps[done:])
        else:
            return ()
    return () if value is None else (value,)


def _follow_into(items: Sequence[object], steps: Sequence[str]) -> Sequence[object]:
    """Step into an array: by index to one element, by key to all its objects."""
    step = steps[0]
    if step.isascii() and step.isdigit():
        known = len(step) <= _MOST_INDEX_DIGITS and int(step) < len(items)
        return _follow(items[int(step)], steps[1:]) if known else ()
    return [found for item in items if isinstance(item, dict) for found in _follow(item, steps)]


def _membership(
    find: Callable[[Record], Sequence[object]], values: tuple[object, ...], wanted: bool
) -> Test:
    keys = frozenset(_key(value) for value in values if value is not None)
    if_null = (None in values) is wanted

    def known(value: object) -> bool:
        return _key(value) in keys

    def matches(record: Record) -> bool:
        found = find(record)
        if not found:
            return if_null
        return any(_any_holds(known, value) for value in found) is wanted

    return matches


def _key(value: object) -> Hashable:
    """Equal for equal values and only for them; Python says that True is 1, JSON does not."""
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, str | int | float | datetime):
        return value
    if isinstance(value, list | tuple):
        return ("array", tuple(map(_key, value)))
    if isinstance(value, dict | MappingProxyType):
        return ("object", frozenset((key, _key(item)) for key, item in value.items()))
    return None


def _order(compare: Callable[[Any, Any], bool], bound: object) -> ValueTest:
    family = next((family for family in _FAMILIES if _is_of(family, bound)), ())
    return lambda value: _is_of(family, value) and compare(value, bound)


def _is_of(family: tuple[type, ...], value: object) -> bool:
    return isinstance(value, family) and not isinstance(value, bool)


def _on_text(test: Callable[[str], bool]) -> ValueTest:
    return lambda value: isinstance(value, str) and test(value)


def _text_test(operator: str, value: str, case_sensitive: bool) -> Callable[[str], bool]:
    if operator == "regex":
        return compile_pattern(value, case_sensitive)
    if operator == "words":
        return _words_test(value)
    seen = str if case_sensitive and operator != "text" else fold
    value = seen(value)
    match operator:
        case "contains" | "text":
            return lambda text: value in seen(text)
        case "starts_with":
            return lambda text: seen(text).startswith(value)
        case "ends_with":
            return lambda text: seen(text).endswith(value)
        case "phrase":
            phrase = _spaced(value)
            return lambda text: phrase in _spaced(seen(text))
        case _:
            raise ValueError("not an operator on text")


def _spaced(text: str) -> str:
    """The words with a space around each, so that whole words are found by a plain search."""
    return f" {' '.join(split_words(text))} "


def _words_test(value: str) -> Callable[[str], bool]:
    wanted = {stem(word) for word in split_words(fold(value))}
    initials = {word[0] for word in wanted}  # stemming is slow and keeps the first character

    def matches(text: str) -> bool:
        words = split_words(fold(text))
        return wanted <= {stem(word) for word in words if word[0] in initials}

    return matches


def search_matches(metadata: object, words: Sequence[str]) -> bool:
    """Whether every word occurs, whatever its ASCII case, somewhere in the values of metadata.

    Keys are not searched. Numbers, ``true`` and ``false`` are searched as JSON writes them; null
    holds nothing. Each word may occur in another value.

    Examples
    --------
    >>> search_matches({"query": "Red shoes", "filters": [{"size": 42}]}, ["red", "42"])
    True
    >>> search_matches({"query": "Red shoes"}, ["query"])
    False
    """
    missing = {fold(word) for word in words}
    unread = [metadata]
    while unread and missing:
        value = unread.pop()
        if isinstance(value, dict):
            unread.extend(value.values())
        elif isinstance(value, list | tuple):
            unread.extend(value)
        elif value is not None:
            text = fold(value) if isinstance(value, str) else encode_json(value).decode()
            missing = {word for word in missing if word not in text}
    return not missing
