"""Pages by number, of lists that are short enough to be had whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from desirepath.api.endpoint import Call, page_link, read_query
from desirepath.api.schemas import ListQuery, PaginationResponse

__all__ = ["DEFAULT_PAGE_SIZE", "page_of", "pagination_of", "place_of"]

DEFAULT_PAGE_SIZE = 50

T = TypeVar("T")


class Wanted(Protocol):
    """Query parameters that say which page."""

    @property
    def limit(self) -> int | None: ...
    @property
    def page_size(self) -> int | None: ...
    @property
    def offset(self) -> int | None: ...
    @property
    def page(self) -> int | None: ...


def page_of(call: Call, found: Sequence[T]) -> tuple[Sequence[T], PaginationResponse]:
    """The page that a request asks for, and where it lies.

    Raises
    ------
    InvalidQuery
        A query parameter cannot be used.
    """
    query = read_query(call.query_string, ListQuery)
    start, size = place_of(query)
    pagination = pagination_of(call, start, size, len(found), tell=bool(query.include_total))
    return found[start : start + size], pagination


def place_of(query: Wanted) -> tuple[int, int]:
    """Where the page that is wanted starts, and how long it is."""
    size = query.limit or query.page_size or DEFAULT_PAGE_SIZE
    return query.offset if query.offset is not None else ((query.page or 1) - 1) * size, size


def pagination_of(
    call: Call, start: int, size: int, n: int, *, tell: bool = True
) -> PaginationResponse:
    """Where a page of ``n`` lies, which it may ``tell``."""
    number = start // size + 1 if start % size == 0 else None
    return PaginationResponse(
        total=n if tell else None,
        page=number,
        page_size=size,
        total_pages=-(-n // size) if tell else None,
        next_page=page_link(call, number, 1) if start + size < n else None,
        previous_page=page_link(call, number, -1) if number and number > 1 else None,
    )
