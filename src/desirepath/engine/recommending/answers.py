"""What is recommended, and why."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

__all__ = [
    "Because",
    "Choice",
    "RecommendedDocument",
    "RecommendedDocuments",
    "ServedBy",
    "SimilarDocuments",
    "SimilarUser",
    "SimilarUsers",
]


class Choice(Struct, frozen=True, kw_only=True):
    """Which documents may be recommended.

    ``filters`` is a filter as of the list of documents; ``exclude_document_ids`` are left out.
    """

    limit: int = 10
    filters: dict[str, Any] | None = None
    case_sensitive: bool = False
    exclude_document_ids: tuple[str, ...] = ()
    return_payload: bool = False


class ServedBy(Struct, frozen=True, kw_only=True):
    """The model that answered."""

    name: str
    version: int
    is_stale: Annotated[
        bool, Meta(description="Something it learned from was deleted since: train it again.")
    ]


class Because(Struct, frozen=True, kw_only=True):
    """A document that somebody reacted to, and its share of the reason."""

    document_id: str
    share: Annotated[float, Meta(description="Of what speaks for the recommendation, at most 1.")]


class RecommendedDocument(Struct, frozen=True, kw_only=True):
    """A document with its score, which orders one answer and means nothing beside others."""

    document_id: str
    score: float
    because: Annotated[
        list[Because],
        Meta(description="The documents it is due to, at most three; none: it is popular."),
    ] = []
    payload: dict[str, Any] | None = None


class RecommendedDocuments(Struct, frozen=True, kw_only=True):
    """Documents for somebody, the best first."""

    documents: list[RecommendedDocument]
    basis: Annotated[
        str,
        Meta(description="history: what they reacted to; popularity: nothing is known of them."),
    ]
    model: ServedBy
    notes: list[str] = []


class SimilarDocuments(Struct, frozen=True, kw_only=True):
    """Documents like another one, the most alike first; scores are 1 at most."""

    documents: list[RecommendedDocument]
    model: ServedBy
    notes: list[str] = []


class SimilarUser(Struct, frozen=True, kw_only=True):
    """Somebody like another one."""

    user_id: Annotated[str, Meta(description="A session_id, where no user is known.")]
    score: Annotated[float, Meta(description="Cosine of what they reacted to, above 0.")]
    because: Annotated[
        list[Because], Meta(description="Documents that both reacted to, at most three.")
    ] = []


class SimilarUsers(Struct, frozen=True, kw_only=True):
    """People like another one, the most alike first."""

    users: list[SimilarUser]
    model: ServedBy
    notes: list[str] = []
