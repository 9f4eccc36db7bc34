"""Vectors in SQLite: a plain table an index, walked from end to end, or kept in memory. Exact."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from functools import partial
from math import hypot
from typing import Any

import numpy as np
from sqlalchemy import BigInteger, ColumnElement, Connection, Double, Subquery, Text, text

from desirepath.domain.document import Metric, VectorIndex
from desirepath.storage.relational.searching import Hit, best_first, vector_table
from desirepath.storage.sqlite.vector_cache import VectorCache, VectorMatrix

__all__ = ["SqliteVectorTables"]

_BYTES_EACH = 4
_CHANGE = "UPDATE vector_indexes SET generation = generation + 1 WHERE number = ?"
_GENERATION = "SELECT generation FROM vector_indexes WHERE number = ?"
_SCORES = {
    Metric.COSINE: "1 - vec_distance_cosine(vector, :wanted)",
    # There is no function for it. A vector of zeros has no cosine, and every product with it is 0.
    Metric.DOT_PRODUCT: (
        "coalesce((1 - vec_distance_cosine(vector, :wanted)) * length * :length, 0)"
    ),
    Metric.EUCLIDEAN: "1 / (1 + vec_distance_l2(vector, :wanted))",
}


class SqliteVectorTables:
    """See :class:`~desirepath.storage.relational.searching.VectorTables`."""

    def __init__(self, connection: Connection, raw: Any, cache: VectorCache | None) -> None:
        self._connection = connection
        self._raw = raw
        self._cache = cache  # None in a session that writes: what it changes may be undone

    def make(self, number: int, index: VectorIndex) -> None:
        del index  # float32 blobs are as long as they are
        self._raw.execute(
            f"CREATE TABLE {vector_table(number)} (number INTEGER NOT NULL PRIMARY KEY, "
            "document_id TEXT NOT NULL, length REAL NOT NULL, vector BLOB NOT NULL)"
        )

    def drop(self, number: int) -> None:
        self._raw.execute(f"DROP TABLE {vector_table(number)}")

    def replace(
        self,
        number: int,
        documents: Sequence[int],
        vectors: Sequence[tuple[int, str, Sequence[float]]],
    ) -> None:
        name = vector_table(number)
        forgotten = self._raw.executemany(
            f"DELETE FROM {name} WHERE number = ?", [(document,) for document in documents]
        )
        if forgotten.rowcount or vectors:
            self._raw.execute(_CHANGE, (number,))
        self._raw.executemany(
            f"INSERT INTO {name} VALUES (?, ?, ?, ?)",
            [(document, id, hypot(*vector), _blob(vector)) for document, id, vector in vectors],
        )

    def get(self, number: int, documents: Sequence[int]) -> dict[int, tuple[float, ...]]:
        statement = f"SELECT vector FROM {vector_table(number)} WHERE number = ?"
        rows = ((n, self._raw.execute(statement, (n,)).fetchone()) for n in documents)
        return {n: tuple(array("f", row[0])) for n, row in rows if row is not None}

    def nearest(
        self, number: int, index: VectorIndex, vector: Sequence[float], limit: int
    ) -> Iterable[Hit]:
        if self._cache is not None:
            (generation,) = self._raw.execute(_GENERATION, (number,)).fetchone()
            matrix = self._cache.matrix(number, generation, partial(self._load, number, index))
            if matrix is not None:
                return matrix.nearest(index.metric, vector, limit)
        statement = best_first(_scored(number, index, vector), None).limit(limit)
        return (Hit(*row) for row in self._connection.execute(statement))

    def _load(self, number: int, index: VectorIndex, most_bytes: int) -> VectorMatrix | None:
        """All vectors of an index; None when they take more than so many bytes."""
        name = vector_table(number)
        (n,) = self._raw.execute(f"SELECT count(*) FROM {name}").fetchone()
        if n * index.dimension * _BYTES_EACH > most_bytes:
            return None
        rows = self._raw.execute(f"SELECT number, document_id, length, vector FROM {name}")
        numbers, ids, lengths, blobs = zip(*rows, strict=True) if n else ((), (), (), ())
        vectors = np.frombuffer(b"".join(blobs), "<f4").reshape(n, index.dimension)
        return VectorMatrix(
            numbers=numbers, document_ids=ids, vectors=vectors, lengths=np.array(lengths)
        )

    def ranked(
        self,
        number: int,
        index: VectorIndex,
        vector: Sequence[float],
        condition: ColumnElement[bool] | None,
    ) -> Iterable[Hit]:
        statement = best_first(_scored(number, index, vector), condition)
        return (Hit(*row) for row in self._connection.execute(statement))


def _scored(number: int, index: VectorIndex, vector: Sequence[float]) -> Subquery:
    """All vectors of an index with their scores."""
    score = _SCORES[index.metric]
    statement = text(f"SELECT number, document_id, {score} AS score FROM {vector_table(number)}")
    statement = statement.bindparams(wanted=_blob(vector))
    if index.metric is Metric.DOT_PRODUCT:
        statement = statement.bindparams(length=hypot(*vector))
    columns = {"number": BigInteger, "document_id": Text, "score": Double}
    return statement.columns(**columns).subquery("scored")


def _blob(vector: Sequence[float]) -> bytes:
    return array("f", vector).tobytes()
