"""Pages by number, of lists that are short enough to be had whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from desirepath.api.endpoint import Call, page_link, read_query
from desirepath.api.schemas import ListQuery, PaginationResponse

__all__ = ["DEFAULT_PAGE_SIZE", "page_of"]

DEFAULT_PAGE_SIZE = 50

T = TypeVar("T")


def page_of(call: Call, found: Sequence[T]) -> tuple[Sequence[T], PaginationResponse]:
    """The page that a request asks for, and where it lies.

    Raises
    ------
    InvalidQuery
        A query parameter cannot be used.
    """
    query = read_query(call.query_string, ListQuery)
    size = query.limit or query.page_size or DEFAULT_PAGE_SIZE
    start = query.offset if query.offset is not None else ((query.page or 1) - 1) * size
    number = start // size + 1 if start % size == 0 else None
    pagination = PaginationResponse(
        total=len(found) if query.include_total else None,
        page=number,
        page_size=size,
        total_pages=-(-len(found) // size) if query.include_total else None,
        next_page=page_link(call, number, 1) if start + size < len(found) else None,
        previous_page=page_link(call, number, -1) if number and number > 1 else None,
    )
    return found[start : start + size], pagination
