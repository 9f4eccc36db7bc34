"""What all questions to the log have in common over HTTP: which part of it they are about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from desirepath.api.endpoint import Call
from desirepath.domain.checks import check_time
from desirepath.domain.clock import parse_time
from desirepath.domain.scope import MOST_VERSIONS, Scope
from desirepath.errors import InvalidQuery, MissingDependency, Overloaded
from desirepath.extras import needs_extra

if TYPE_CHECKING:
    from desirepath.engine.analysing.asking import OpenLog
    from desirepath.engine.analysing.part import Part

__all__ = [
    "ANALYTICS_ERRORS",
    "TAG",
    "ScopeQuery",
    "SearchesQuery",
    "asked",
    "opened",
    "read_moment",
    "read_scope",
]

TAG = "Analytics"
ANALYTICS_ERRORS = (InvalidQuery, MissingDependency, Overloaded)


class SearchesQuery(Struct, kw_only=True):
    """Which searches, as query parameters."""

    retriever_id: Annotated[str | None, Meta(description="Of one retriever, by its id.")] = None
    start_date: Annotated[
        str | None, Meta(description="Searches from here on, ISO 8601 (no zone: UTC).")
    ] = None
    end_date: Annotated[str | None, Meta(description="Searches before this.")] = None
    configuration: Annotated[
        str | None, Meta(description="Searches that were logged with this configuration.")
    ] = None
    version: Annotated[
        Annotated[int, Meta(ge=1, le=MOST_VERSIONS)] | None,
        Meta(description="Searches of this version of the retriever."),
    ] = None
    metadata: Annotated[
        str | None,
        Meta(
            description="Searches with these fields of their metadata, as path:value, several "
            "separated by commas: device:phone,market:de."
        ),
    ] = None


class ScopeQuery(SearchesQuery, kw_only=True):
    """Which searches, and of whom."""

    exclude_flagged: Annotated[
        bool, Meta(description="Leave out identities that look like robots.")
    ] = True


def read_scope(query: ScopeQuery) -> Scope:
    """The part of the log that query parameters name.

    Raises
    ------
    InvalidQuery
        A time cannot be read, or metadata is not path:value.
    """
    return Scope(
        retriever_id=query.retriever_id,
        since=read_moment(query.start_date, "start_date"),
        before=read_moment(query.end_date, "end_date"),
        configuration=query.configuration,
        version=query.version,
        metadata=read_fields(query.metadata),
        exclude_flagged=query.exclude_flagged,
    )


@contextmanager
def asked(call: Call, query: ScopeQuery) -> Iterator[Part]:
    """The part of the log that a call is about, for as long as the ``with`` lasts.

    Raises
    ------
    InvalidQuery
        A parameter cannot be read.
    MissingDependency
        The extra ``analysis`` is not installed.
    Overloaded
        Others are asking, and did not end in time.
    """
    scope = read_scope(query)
    with opened(call) as log:
        from desirepath.engine.analysing.part import part_of

        yield part_of(log, scope)


@contextmanager
def opened(call: Call) -> Iterator[OpenLog]:
    """The whole log of the namespace of a call, for as long as the ``with`` lasts.

    Raises
    ------
    MissingDependency
        The extra ``analysis`` is not installed.
    Overloaded
        Others are asking, and did not end in time.
    """
    with needs_extra("analysis"):
        from desirepath.engine.analysing.asking import open_log
    with open_log(call.engine, call.namespace) as log:
        yield log


def read_fields(text: str | None) -> dict[str, str]:
    """``device:phone,market:de`` as a mapping.

    Raises
    ------
    InvalidQuery
        A part of it is not path:value.
    """
    fields = {}
    for part in (text or "").split(","):
        path, colon, value = part.partition(":")
        if colon and path.strip() and value.strip():
            fields[path.strip()] = value.strip()
        elif part.strip():
            raise InvalidQuery("metadata is path:value, several separated by commas.")
    return fields


def read_moment(text: str | None, name: str) -> int | None:
    """A time, microseconds since 1970.

    Raises
    ------
    InvalidQuery
        It is none.
    """
    if text is None:
        return None
    check_time(text, name, InvalidQuery)
    return parse_time(text)
