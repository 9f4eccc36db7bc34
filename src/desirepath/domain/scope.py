"""Which part of the log a question is about."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

__all__ = ["MOST_VERSIONS", "Scope"]

MOST_VERSIONS = (1 << 31) - 1  # a column of 32 bits


class Scope(Struct, frozen=True, kw_only=True):
    """What a question is asked of; what is left out is not asked for.

    Parameters
    ----------
    retriever_id
        Of the searches.
    since, before
        When the search was made, microseconds since 1970; the first inclusive.
    configuration
        Label of the engine, ranker or version that searches were logged with.
    version
        Of the retriever.
    metadata
        Fields of the search's metadata, by dot path, and the text that each has.
    exclude_flagged
        Leave out identities that look like robots.
    """

    retriever_id: str | None = None
    since: int | None = None
    before: int | None = None
    configuration: str | None = None
    version: Annotated[int, Meta(ge=1, le=MOST_VERSIONS)] | None = None
    metadata: dict[str, str] = {}
    exclude_flagged: bool = True
