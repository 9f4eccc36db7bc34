"""What a kind of stage is, and how its parameters are read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, TypeVar

from msgspec import Struct

from desirepath.domain.checks import convert, refuse_unknown
from desirepath.errors import InvalidRetriever

__all__ = [
    "CostTier",
    "Parameters",
    "StageKind",
    "StageType",
    "check_score_field",
    "inside",
    "read_struct",
]

Location = tuple[str | int, ...]
T = TypeVar("T", bound=Struct)


class StageType(StrEnum):
    """What becomes of the documents that come in."""

    FILTER = "filter"
    """Some of them go on."""
    SORT = "sort"
    """They go on in another order."""
    REDUCE = "reduce"
    """They go on as a summary."""
    APPLY = "apply"
    """They go on with something added, or as several."""
    ENRICH = "enrich"
    """They go on with fields computed for each."""


class CostTier(StrEnum):
    """How long it takes, beside other stages."""

    CHEAP = "cheap"
    MODERATE = "moderate"


class Parameters(Struct, frozen=True, kw_only=True):
    """What a stage is told, checked."""


class StageKind(Struct, frozen=True, kw_only=True):
    """One kind of stage.

    Parameters
    ----------
    parameters
        The Struct of its parameters; descriptions of its fields are the reference.
    read
        Turns plain parameters into it; the second argument says whether unknown keys are ignored.
        Raises InvalidRetriever with a location from the parameters inwards.
    icon
        A name of the Lucide icon set.
    example
        Parameters that it takes.
    """

    stage_id: str
    stage_type: StageType
    parameters: type[Parameters]
    read: Callable[[Mapping[str, Any], bool], Parameters]
    description: str
    icon: str
    use_cases: tuple[str, ...]
    example: Mapping[str, Any]
    cost_tier: CostTier = CostTier.CHEAP
    reads_documents: bool = True


def read_struct(
    plain: object,
    kind: type[T],
    lenient: bool,
    *,
    keep_null: Collection[str] = (),
) -> T:
    """Read an object; a null is as good as a field that is left out.

    Parameters
    ----------
    keep_null
        Fields for which null says something.

    Raises
    ------
    InvalidRetriever
        It is no object, has unknown keys, or a field of another type or outside its limits.
    """
    if not isinstance(plain, Mapping):
        raise InvalidRetriever("Takes an object.")
    values = {
        name: value for name, value in plain.items() if value is not None or name in keep_null
    }
    refuse_unknown(values, kind.__struct_encode_fields__, InvalidRetriever, lenient)
    return convert(values, kind, InvalidRetriever)


_ANSWERED = frozenset({"document_id", "payload", "metadata", "position", "attribution"})


def check_score_field(path: str, name: str) -> None:
    """Refuse a path for a new score that other parts of an answer stand at.

    Raises
    ------
    InvalidRetriever
        It is one of them, or a step of it is empty.
    """
    if path.split(".", maxsplit=1)[0] in _ANSWERED or "" in path.split("."):
        raise InvalidRetriever(
            f"A score cannot be written there; another path will do, but none that begins with "
            f"{', '.join(sorted(_ANSWERED))}.",
            (name,),
        )


@contextmanager
def inside(*location: str | int) -> Iterator[None]:
    """Say where a refusal comes from."""
    try:
        yield
    except InvalidRetriever as error:
        raise InvalidRetriever(error.message, (*location, *error.location)) from error
