"""Vectors in PostgreSQL: a table an index, with pgvector's HNSW where there is pgvector.

The tables hold plain arrays, so that they are there with and without the extension.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Double,
    LargeBinary,
    Text,
    select,
    text,
)

from desirepath.domain.document import Metric, VectorIndex, as_float32
from desirepath.storage.relational import tables
from desirepath.storage.relational.searching import Hit, best_first, vector_table

__all__ = ["PostgresVectorTables", "has_pgvector"]

_D = tables.documents
_MOST_DIMENSIONS = 2_000  # of pgvector's HNSW
_MOST_LOOKED_AT = 1_000  # ditto: hnsw.ef_search
_COMPARED_AT_ONCE = 2_000

_OPERATORS = {Metric.COSINE: "<=>", Metric.DOT_PRODUCT: "<#>", Metric.EUCLIDEAN: "<->"}
_CLASSES = {
    Metric.COSINE: "vector_cosine_ops",
    Metric.DOT_PRODUCT: "vector_ip_ops",
    Metric.EUCLIDEAN: "vector_l2_ops",
}
_SCORES = {  # pgvector's product is negative, so that smaller is nearer
    Metric.COSINE: "1 - ({distance})",
    Metric.DOT_PRODUCT: "-({distance})",
    Metric.EUCLIDEAN: "1 / (1 + ({distance}))",
}
# Up to 8 kB a vector lies in its row; by default PostgreSQL would move it elsewhere from 2 kB on.
_MAKE = """
CREATE TABLE {table} (
    number BIGINT NOT NULL PRIMARY KEY,
    document_id TEXT COLLATE "C" NOT NULL,
    vector REAL[] NOT NULL
) WITH (toast_tuple_target = 8160)
"""
_INDEX = "CREATE INDEX ON {table} USING hnsw ((vector::vector({dimension})) {operators})"
_STORE = (
    "INSERT INTO {table} SELECT number, document_id, vector::real[] "
    "FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS new (number, document_id, vector)"
)


def has_pgvector(connection: Any) -> bool:
    """Whether vectors can be compared in the database."""
    return bool(connection.execute("SELECT to_regtype('vector') IS NOT NULL").fetchone()[0])


class PostgresVectorTables:
    """See :class:`~desirepath.storage.relational.searching.VectorTables`."""

    def __init__(self, connection: Connection, raw: Any, *, use_extension: bool) -> None:
        self._connection = connection
        self._raw = raw
        self._use_extension = use_extension

    def make(self, number: int, index: VectorIndex) -> None:
        table = vector_table(number)
        self._raw.execute(_MAKE.format(table=table))
        if self._has_hnsw(index):
            operators = _CLASSES[index.metric]
            self._raw.execute(
                _INDEX.format(table=table, dimension=index.dimension, operators=operators)
            )

    def _has_hnsw(self, index: VectorIndex) -> bool:
        return self._use_extension and index.dimension <= _MOST_DIMENSIONS

    def drop(self, number: int) -> None:
        self._raw.execute(f"DROP TABLE {vector_table(number)}")

    def replace(
        self,
        number: int,
        documents: Sequence[int],
        vectors: Sequence[tuple[int, str, Sequence[float]]],
    ) -> None:
        table = vector_table(number)
        self._raw.execute(f"DELETE FROM {table} WHERE number = ANY(%s)", [list(documents)])
        if vectors:
            numbers, ids, values = zip(*vectors, strict=True)
            written = [f"{{{','.join(map(repr, vector))}}}" for vector in values]
            self._raw.execute(_STORE.format(table=table), [list(numbers), list(ids), written])

    def get(self, number: int, documents: Sequence[int]) -> dict[int, tuple[float, ...]]:
        rows = self._raw.execute(
            f"SELECT number, vector FROM {vector_table(number)} WHERE number = ANY(%s)",
            [list(documents)],
            binary=True,
        )
        return {document: tuple(vector) for document, vector in rows}

    def nearest(
        self, number: int, index: VectorIndex, vector: Sequence[float], limit: int
    ) -> Iterable[Hit]:
        if not self._has_hnsw(index):
            return self.ranked(number, index, vector, None)
        self._raw.execute(
            "SELECT set_config('hnsw.ef_search', %s, true), "
            "set_config('hnsw.iterative_scan', 'strict_order', true)",
            [str(min(max(2 * limit, 100), _MOST_LOOKED_AT))],
        )
        distance, score = (part(index, "%(wanted)s") for part in (_distance, _score))
        statement = (
            f"SELECT number, document_id, {score} FROM {vector_table(number)} "
            f"ORDER BY {distance}, document_id LIMIT %(limit)s"
        )
        parameters = {"wanted": _written(vector), "limit": limit}
        return [Hit(*row) for row in self._raw.execute(statement, parameters)]

    def ranked(
        self,
        number: int,
        index: VectorIndex,
        vector: Sequence[float],
        condition: ColumnElement[bool] | None,
    ) -> Iterable[Hit]:
        if not self._use_extension:
            return sorted(
                self._compared(number, index, vector, condition),
                key=lambda hit: (-hit.score, hit.document_id),
            )
        columns = {"number": BigInteger, "document_id": Text, "score": Double}
        statement = text(
            f"SELECT number, document_id, {_score(index, ':wanted')} AS score "
            f"FROM {vector_table(number)}"
        ).bindparams(wanted=_written(vector))
        scored = statement.columns(**columns).subquery("scored")
        return (Hit(*row) for row in self._connection.execute(best_first(scored, condition)))

    def _compared(
        self,
        number: int,
        index: VectorIndex,
        vector: Sequence[float],
        condition: ColumnElement[bool] | None,
    ) -> Iterator[Hit]:
        """All of which the condition holds, compared in this process, some at a time."""
        from desirepath.storage.postgres.vector_scan import compare, read_arrays

        columns = {"number": BigInteger, "document_id": Text, "sent": LargeBinary}
        statement = text(
            f"SELECT number, document_id, array_send(vector) AS sent FROM {vector_table(number)}"
        )
        stored = statement.columns(**columns).subquery("stored")
        rows = select(stored.c.number, stored.c.document_id, stored.c.sent)
        if condition is not None:
            rows = rows.join_from(stored, _D, _D.c.number == stored.c.number).where(condition)
        streamed = self._connection.execute(rows, execution_options={"stream_results": True})
        for part in streamed.partitions(_COMPARED_AT_ONCE):
            vectors = read_arrays([row.sent for row in part], index.dimension)
            scores = compare(index.metric, vectors, vector).tolist()
            for row, score in zip(part, scores, strict=True):
                yield Hit(row.number, row.document_id, score)


def _distance(index: VectorIndex, wanted: str) -> str:
    """The distance by pgvector, written as the index has it."""
    kind = f"vector({index.dimension})"
    return f"(vector::{kind} {_OPERATORS[index.metric]} CAST({wanted} AS {kind}))"


def _score(index: VectorIndex, wanted: str) -> str:
    return _SCORES[index.metric].format(distance=_distance(index, wanted))


def _written(vector: Sequence[float]) -> str:
    return f"[{','.join(map(repr, as_float32(vector)))}]"
