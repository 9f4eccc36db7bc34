"""What a dialect does by itself to find documents: tables of words and tables of vectors.

Each text field and each vector index has a table, known by its number. Documents are known here by
theirs. All of it happens inside the session's transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from sqlalchemy import ColumnElement, Select, Subquery, select

from desirepath.domain.document import VectorIndex
from desirepath.storage.relational import tables

__all__ = [
    "BEST",
    "K1",
    "B",
    "Hit",
    "TextTables",
    "VectorTables",
    "best_first",
    "text_table",
    "vector_table",
]

_D = tables.documents
K1, B = 1.2, 0.75
"""BM25's constants; FTS5 has them built in."""


BEST = (
    "WITH hits (number, score) AS MATERIALIZED ({hits}) "
    "SELECT documents.number, document_id, score FROM hits JOIN documents USING (number) "
    "WHERE score >= coalesce("
    "(SELECT score FROM hits ORDER BY score DESC LIMIT 1 OFFSET {limit} - 1), -1e300) "
    "ORDER BY score DESC, document_id LIMIT {limit}"
)
"""Only documents of the best are looked up, however many said a word."""


class Hit(NamedTuple):
    """A document that was found."""

    number: int
    document_id: str
    score: float


class TextTables(Protocol):
    """Words of documents, a table a field."""

    def make(self, field: int) -> None: ...

    def drop(self, field: int) -> None: ...

    def is_empty(self, field: int) -> bool: ...

    def replace(
        self, documents: Sequence[int], field_to_texts: Mapping[int, Sequence[tuple[int, str]]]
    ) -> None:
        """Forget what these documents said, and store (number, text) of those that say something.

        Every field in which they may have said something is in the mapping.
        """
        ...

    def best(self, fields: Sequence[int], words: Sequence[str], limit: int) -> Iterable[Hit]:
        """The best of :meth:`hits`, at least one."""
        ...

    def hits(self, fields: Sequence[int], words: Sequence[str]) -> Subquery:
        """``number`` and ``score`` of every document with one of the words, of at least one."""
        ...


class VectorTables(Protocol):
    """Vectors of documents, a table an index."""

    def make(self, number: int, index: VectorIndex) -> None: ...

    def drop(self, number: int) -> None: ...

    def replace(
        self,
        number: int,
        documents: Sequence[int],
        vectors: Sequence[tuple[int, str, Sequence[float]]],
    ) -> None:
        """Forget vectors of these documents, and store (number, document_id, vector)."""
        ...

    def get(self, number: int, documents: Sequence[int]) -> dict[int, tuple[float, ...]]:
        """Vectors by document; those that have none are left out."""
        ...

    def nearest(
        self, number: int, index: VectorIndex, vector: Sequence[float], limit: int
    ) -> Iterable[Hit]:
        """The best, perhaps approximately."""
        ...

    def ranked(
        self,
        number: int,
        index: VectorIndex,
        vector: Sequence[float],
        condition: ColumnElement[bool] | None,
    ) -> Iterable[Hit]:
        """All of which the condition on ``documents`` holds, best first, exactly."""
        ...


def best_first(scored: Subquery, condition: ColumnElement[bool] | None) -> Select[Any]:
    """Select what was scored (number, document_id, score) and holds, best first."""
    found = scored.c
    statement = select(found.number, found.document_id, found.score)
    if condition is not None:
        statement = statement.join_from(scored, _D, _D.c.number == found.number).where(condition)
    return statement.order_by(found.score.desc(), found.document_id)


def text_table(field: int) -> str:
    """
    >>> text_table(3)
    'document_text_3'
    """
    return f"document_text_{int(field)}"


def vector_table(number: int) -> str:
    """
    >>> vector_table(3)
    'document_vectors_3'
    """
    return f"document_vectors_{int(number)}"
