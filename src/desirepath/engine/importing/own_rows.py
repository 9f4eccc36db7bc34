"""Rows of our own shape, or mapped to it, as drafts: each field leniently read, then checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from desirepath.domain.checks import check_plain_id
from desirepath.domain.clock import format_time
from desirepath.domain.execution import ExecutionDraft, read_execution
from desirepath.domain.ids import parse_id
from desirepath.domain.interaction import (
    INTERACTION_TYPES,
    QUERY_LEVEL_TYPES,
    InteractionDraft,
    read_interaction,
)
from desirepath.domain.retriever import RetrieverDraft, check_name, read_retriever
from desirepath.engine.importing.batches import ReadRetriever
from desirepath.engine.importing.cells import (
    as_integer,
    as_list,
    as_number,
    as_numbers,
    as_object,
    as_text,
    is_missing,
)
from desirepath.engine.importing.collecting import Collector
from desirepath.engine.importing.event_names import QUERY_FEATURE, EventNames
from desirepath.engine.importing.known import Known
from desirepath.engine.importing.times import read_time
from desirepath.errors import InvalidInput

__all__ = ["OwnRows", "kind_of", "retriever_of", "shown_document", "text_fields"]

_TEXTS = (
    "feature_id",
    "document_id",
    "user_id",
    "session_id",
    "execution_id",
    "retriever_id",
    "feature_uri",
)
_EXECUTION_TEXTS = ("execution_id", "user_id", "session_id", "configuration")
_RETRIEVER_FIELDS = RetrieverDraft.__struct_fields__
_FLAGS = frozenset((*INTERACTION_TYPES, "clicked"))
_SEPARATOR = re.compile(r"[,|]")
_KINDS = frozenset({"interaction", "execution", "retriever"})


def kind_of(values: Mapping[str, Any]) -> str:
    """What a row is: ``interaction``, ``execution``, ``retriever``, or ``shown`` (one document of
    a result list, with a column that says whether it was clicked).
    """
    kind = values.get("kind")
    if isinstance(kind, str) and kind in _KINDS:
        return kind
    if not is_missing(values.get("documents")):
        return "execution"
    if not is_missing(values.get("interaction_type")) or _FLAGS.isdisjoint(values):
        return "interaction"
    return "shown"


class OwnRows:
    """Reads rows whose columns bear our names.

    Parameters
    ----------
    collector
        Counts what is skipped and how times are written.
    names
        Event names.
    known
        Executions, for positions that a row leaves out.
    base
        What the source calls the first position.
    is_plain
        Whether texts and numbers need no second look: they came from JSON that was read strictly.
    """

    def __init__(
        self,
        collector: Collector,
        names: EventNames,
        known: Known,
        *,
        base: int = 0,
        is_plain: bool = False,
    ) -> None:
        self._collector = collector
        self._names = names
        self._known = known
        self.base = base
        self._is_plain = is_plain

    def interaction(
        self, values: Mapping[str, Any]
    ) -> tuple[InteractionDraft, bytes | None] | None:
        """An interaction, and the one of ours that it may be an export of; None when none of its
        types means anything here.

        Raises
        ------
        InvalidInput
            A rule is broken.
        """
        types = self._types(values.get("interaction_type"))
        if not types:
            return None
        wanted = text_fields(values, _TEXTS)
        wanted["interaction_type"] = types
        if QUERY_LEVEL_TYPES.issuperset(types) and not {"feature_id", "document_id"} & set(wanted):
            wanted["feature_id"] = QUERY_FEATURE
        wanted["occurred_at"] = self.time(values)[0]
        wanted["position"] = self._position(values, wanted, types)
        wanted["metadata"] = _without_reward(as_object(values.get("metadata"), "metadata"))
        wanted["query_snapshot"] = _query(values, "query_snapshot")
        wanted["document_score"] = as_number(values.get("document_score"), "document_score")
        wanted["result_set_size"] = as_integer(values.get("result_set_size"), "result_set_size")
        exported_as = as_text(values.get("interaction_id"), "interaction_id")
        event_id = as_text(values.get("event_id"), "event_id") or exported_as
        wanted["event_id"] = event_id
        draft, _ = read_interaction(wanted, checked=self._is_plain)
        first_life = parse_id("int", event_id or "") or parse_id("int", exported_as or "")
        return draft, first_life

    def execution(self, values: Mapping[str, Any]) -> tuple[ExecutionDraft, str]:
        """An execution, and its retriever's id or name, if any.

        Raises
        ------
        InvalidInput
            A rule is broken.
        """
        wanted = text_fields(values, _EXECUTION_TEXTS)
        documents = as_list(values.get("documents"), "documents") or []
        wanted["documents"] = [shown_document(item) for item in documents]
        wanted["inputs"] = _query(values, "inputs")
        wanted["metadata"] = as_object(values.get("metadata"), "metadata")
        wanted["offset"] = as_integer(values.get("offset"), "offset") or 0
        wanted["total"] = as_integer(values.get("total"), "total")
        wanted["occurred_at"] = self.time(values)[0]
        draft, _ = read_execution(wanted, checked=self._is_plain)
        return draft, retriever_of(values)

    @staticmethod
    def retriever(values: Mapping[str, Any]) -> ReadRetriever:
        """A retriever, as an export describes it.

        Raises
        ------
        InvalidInput
            A rule is broken.
        """
        wanted = {name: values[name] for name in _RETRIEVER_FIELDS if values.get(name) is not None}
        id = as_text(values.get("retriever_id"), "retriever_id") or ""
        return ReadRetriever(id, read_retriever(wanted))

    def time(self, values: Mapping[str, Any]) -> tuple[str, int]:
        """When it happened, as a text and in microseconds.

        Raises
        ------
        InvalidInput
            There is none, or it is no time.
        """
        value = values.get("occurred_at")
        if is_missing(value):
            value = values.get("timestamp")
        if is_missing(value):
            raise InvalidInput(
                "It has no time: occurred_at is missing (--map occurred_at=COLUMN names it).",
                ("occurred_at",),
            )
        try:
            moment, unit = read_time(value)
        except (ValueError, OverflowError) as error:
            raise InvalidInput(
                "occurred_at is neither an ISO 8601 time nor a number since 1970.", ("occurred_at",)
            ) from error
        self._collector.time_unit(unit)
        if unit == "iso" and isinstance(value, str) and value == value.strip():
            return value, moment
        return format_time(moment), moment

    def _types(self, value: object) -> list[str]:
        if isinstance(value, str) and not value.startswith("["):
            value = _SEPARATOR.split(value)
        found = as_list(value, "interaction_type")
        if not found and self._names.type_of("") is not None:
            found = [""]
        if not found:
            raise InvalidInput(
                "interaction_type is missing (--type-map =click says that every row is a click).",
                ("interaction_type",),
            )
        types = []
        for name in found:
            if not isinstance(name, str):
                raise InvalidInput("interaction_type is not a text.", ("interaction_type",))
            type = self._names.type_of(name)
            if type is None:
                self._collector.skip(name)
            else:
                types.append(type)
        return types

    def _position(
        self, values: Mapping[str, Any], wanted: Mapping[str, Any], types: list[str]
    ) -> int | None:
        position = as_integer(values.get("position"), "position")
        is_query_level = QUERY_LEVEL_TYPES.issuperset(types)
        if position is not None:
            return position if is_query_level else position - self.base
        if is_query_level:
            return 0
        execution_id = wanted.get("execution_id")
        document = wanted.get("feature_id") or wanted.get("document_id")
        found = None
        if execution_id is not None and document is not None:
            found = self._known.position(execution_id, document)
        if found is None:
            raise InvalidInput(
                "position is missing, and no list that is known here shows the document.",
                ("position",),
            )
        return found


def text_fields(values: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """The identifiers that a row has."""
    found: dict[str, Any] = {}
    for name in names:
        value = values.get(name)
        if type(value) is not str:
            value = as_text(value, name)
        if value is not None and value != "":
            found[name] = value
    return found


def retriever_of(values: Mapping[str, Any]) -> str:
    """Id or name of the retriever that a row names; empty when it names none.

    Raises
    ------
    InvalidInput
        No retriever could have that name.
    """
    for name in ("retriever_id", "retriever_name"):
        found = as_text(values.get(name), name)
        if found is not None:
            if not found.startswith("ret_"):
                check_name(found)
            check_plain_id(found, name, InvalidInput)
            return found
    return ""


def _query(values: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """The inputs of a search; a column ``query`` is one of them."""
    inputs = as_object(values.get(name), name)
    query = values.get("query")
    return inputs if is_missing(query) else {**(inputs or {}), "query": query}


def shown_document(item: object) -> dict[str, Any]:
    """A document of a list: its id alone, or with its scores and features."""
    if not isinstance(item, Mapping):
        return {"document_id": as_text(item, "document_id")}
    document = {
        "document_id": as_text(item.get("document_id", item.get("feature_id")), "document_id"),
        "score": as_number(item.get("score"), "score"),
        "scores": as_numbers(item.get("scores"), "scores"),
        "features": as_numbers(item.get("features"), "features"),
    }
    return {name: value for name, value in document.items() if value is not None}


def _without_reward(metadata: dict[str, Any] | None) -> dict[str, Any] | None:
    """The API shows the reward in the metadata, also where none was sent."""
    if metadata is None or "reward_value" not in metadata:
        return metadata
    return {name: value for name, value in metadata.items() if name != "reward_value"} or None
