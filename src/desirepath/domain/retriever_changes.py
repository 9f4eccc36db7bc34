"""What may be changed about a retriever, and what a copy of one may have of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct
from msgspec.structs import replace

from desirepath.domain.checks import Id, convert
from desirepath.domain.experiment import Experiment, Mode
from desirepath.domain.input_schema import breaking_changes, read_input_schema
from desirepath.domain.retriever import (
    OTHER_FIELDS,
    BudgetLimits,
    Retriever,
    RetrieverDraft,
    check_name,
    plain_fields,
)
from desirepath.errors import InvalidRetriever

__all__ = [
    "RetrieverClone",
    "RetrieverPatch",
    "changed",
    "cloned",
    "read_clone",
    "read_patch",
    "without_ended",
]

_Stages = Annotated[
    list[dict[str, Any]] | None, Meta(description="All stages, instead of those there are.")
]


class RetrieverPatch(Struct, frozen=True, kw_only=True):
    """Changes of a retriever; what is left out or null stays as it is."""

    retriever_name: Id | None = None
    description: str | None = None
    stages: _Stages = None
    collection_identifiers: list[str] | None = None
    input_schema: Annotated[
        dict[str, Any] | None,
        Meta(description="The whole schema; nothing that works today may break by it."),
    ] = None
    tags: list[str] | None = None
    metadata: dict[str, Any] | None = None
    display_config: dict[str, Any] | None = None
    experiment: Annotated[
        Experiment | None,
        Meta(description="Starts an experiment, in place of one that runs; mode off ends it."),
    ] = None


FIELDS = RetrieverPatch.__struct_fields__
_PATCHED = frozenset({*FIELDS, *OTHER_FIELDS})


class RetrieverClone(Struct, frozen=True, kw_only=True):
    """A copy of a retriever; what is left out or null is copied."""

    retriever_name: Annotated[Id, Meta(description="Of the copy; unique in the namespace.")]
    description: str | None = None
    stages: _Stages = None
    collection_identifiers: list[str] | None = None
    input_schema: dict[str, Any] | None = None
    budget_limits: BudgetLimits | None = None
    tags: list[str] | None = None
    metadata: dict[str, Any] | None = None
    display_config: dict[str, Any] | None = None


def read_patch(plain: object, *, lenient: bool = False) -> RetrieverPatch:
    """Check changes. Keys that are no fields are ignored, but not those inside of stages.

    Raises
    ------
    InvalidRetriever
        A rule is broken, ``budget_limits`` would change, or there is nothing to change.
    """
    if isinstance(plain, Mapping):
        if plain.get("budget_limits") is not None:
            raise InvalidRetriever(
                "budget_limits cannot be changed; clone the retriever to have others.",
                ("budget_limits",),
            )
        plain = {name: value for name, value in plain.items() if name in _PATCHED}
    values = plain_fields(plain, FIELDS, lenient)
    patch = convert(values, RetrieverPatch, InvalidRetriever)
    if not values:
        raise InvalidRetriever(f"Nothing to change: send one of {', '.join(FIELDS)}.")
    if patch.retriever_name is not None:
        check_name(patch.retriever_name)
    return patch


def changed(retriever: Retriever, patch: RetrieverPatch) -> RetrieverDraft:
    """The retriever with the changes.

    Raises
    ------
    InvalidRetriever
        The schema would refuse searches that it takes now; each reason is named.
    """
    if patch.input_schema is not None:
        after = read_input_schema(patch.input_schema)
        problems = breaking_changes(retriever.input_schema, after)
        if problems:
            raise InvalidRetriever(
                f"input_schema would break searches that work now: {' '.join(problems)} Clone the "
                "retriever to have another schema.",
                ("input_schema",),
            )
    return without_ended(replace(retriever.draft, **_given(patch)))


def read_clone(plain: object, *, lenient: bool = False) -> RetrieverClone:
    """Check what a copy has of its own.

    Raises
    ------
    InvalidRetriever
        A rule is broken; the location says where.
    """
    values = plain_fields(plain, RetrieverClone.__struct_fields__, lenient)
    clone = convert(values, RetrieverClone, InvalidRetriever)
    check_name(clone.retriever_name)
    return clone


def cloned(retriever: Retriever, clone: RetrieverClone) -> RetrieverDraft:
    """The copy; it is in no experiment."""
    return replace(retriever.draft, experiment=None, **_given(clone))


def without_ended(draft: RetrieverDraft) -> RetrieverDraft:
    """The retriever, with an experiment only if that is on."""
    is_off = draft.experiment is not None and draft.experiment.mode is Mode.OFF
    return replace(draft, experiment=None) if is_off else draft


def _given(values: RetrieverPatch | RetrieverClone) -> dict[str, Any]:
    return {
        name: value
        for name in values.__struct_fields__
        if (value := getattr(values, name)) is not None
    }
