"""Documents: stored once, found through the tables of words and vectors of the dialect."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, Table, delete, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite

from desirepath.domain.document import (
    MAX_INDEXES,
    Document,
    Metric,
    VectorIndex,
    check_vector,
    document_record,
    texts_of,
)
from desirepath.domain.filters import Filter, compile_filter
from desirepath.domain.plain_json import encode_json
from desirepath.domain.text_embedding import TextEmbedding
from desirepath.domain.words import search_words
from desirepath.errors import AlreadyExists, InvalidDocument, NotFound
from desirepath.storage.relational import tables
from desirepath.storage.relational.bulk import Bulk
from desirepath.storage.relational.narrowing import narrow_documents
from desirepath.storage.relational.searching import Hit, TextTables, VectorTables

__all__ = ["RelationalDocumentIndex"]

_D = tables.documents
_F = tables.text_fields
_V = tables.vector_indexes
_MAX_WORDS = 64
_IN_LIST = 500  # ids in one IN (…)
_LOOKED_AT = 200  # documents that a filter decides on at a time
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode
_decode_embedder = msgspec.json.Decoder(TextEmbedding).decode
_decode_text = msgspec.json.Decoder(dict[str, str]).decode


class RelationalDocumentIndex:
    """See :class:`~desirepath.storage.base.DocumentIndex`."""

    def __init__(
        self, connection: Connection, bulk: Bulk, texts: TextTables, vectors: VectorTables
    ) -> None:
        self._connection = connection
        self._bulk = bulk
        self._texts = texts
        self._vectors = vectors

    # What there is to search

    def vector_indexes(self, namespace: int) -> list[VectorIndex]:
        return [index for _, index in self._indexes(namespace).values()]

    def _indexes(self, namespace: int) -> dict[str, tuple[int, VectorIndex]]:
        rows = self._connection.execute(
            select(_V).where(_V.c.namespace == namespace).order_by(_V.c.name)
        )
        return {
            row.name: (
                row.number,
                VectorIndex(
                    name=row.name,
                    dimension=row.dimension,
                    metric=Metric(row.metric),
                    embedder=None if row.embedder is None else _decode_embedder(row.embedder),
                ),
            )
            for row in rows
        }

    def define_vector(self, namespace: int, index: VectorIndex) -> None:
        if self._count_of(_V, namespace) >= MAX_INDEXES:
            raise InvalidDocument(f"A namespace has at most {MAX_INDEXES} vector indexes.")
        values = {
            "namespace": namespace,
            "name": index.name,
            "dimension": index.dimension,
            "metric": index.metric.value,
            "generation": secrets.randbits(62),  # unlike that of one whose number it may get
            "embedder": None if index.embedder is None else encode_json(index.embedder).decode(),
        }
        number = self._register(_V, values)
        if number is None:
            raise AlreadyExists("A vector index of this name exists.")
        self._vectors.make(number, index)

    def text_fields(self, namespace: int) -> list[str]:
        return [name for name, n in self._fields(namespace).items() if not self._texts.is_empty(n)]

    def _fields(self, namespace: int) -> dict[str, int]:
        return {row[0]: row[1] for row in self._bulk.text_fields(namespace)}

    def _make_fields(self, namespace: int, names: set[str]) -> dict[str, int]:
        """All text fields of the namespace, with these among them."""
        fields = self._fields(namespace)
        for name in sorted(names - fields.keys()):  # one order for all processes
            if len(fields) >= MAX_INDEXES:
                raise InvalidDocument(
                    f"A namespace has at most {MAX_INDEXES} text fields: name those to search as "
                    "text_fields when creating it.",
                )
            number = self._register(_F, {"namespace": namespace, "name": name})
            if number is not None:
                self._texts.make(number)
            fields[name] = number or self._fields(namespace)[name]
        return fields

    def _register(self, table: Table, values: Mapping[str, Any]) -> int | None:
        """The number of a new row; None when its name is taken."""
        insert = self._insert(table).values(values)
        statement = insert.on_conflict_do_nothing(index_elements=["namespace", "name"])
        number: int | None = self._connection.scalar(statement.returning(table.c.number))
        return number

    def _insert(self, table: Table) -> Any:
        """An INSERT that can say what to do on a conflict, which each dialect writes alike."""
        dialect = postgresql if self._connection.dialect.name == "postgresql" else sqlite
        return dialect.insert(table)

    def _count_of(self, table: Table, namespace: int) -> int:
        statement = select(func.count()).select_from(table).where(table.c.namespace == namespace)
        return int(self._connection.scalar(statement) or 0)

    # Documents

    def upsert(
        self,
        namespace: int,
        documents: Sequence[Document],
        *,
        text_fields: Sequence[str] | None = None,
    ) -> None:
        if not documents:
            return
        indexes = self._indexes(namespace)
        _check_vectors(indexes, documents)
        texts = [texts_of(document, text_fields) for document in documents]
        fields = self._make_fields(namespace, set().union(*texts))
        id_to_number = self._store(namespace, documents)
        numbers = [id_to_number[document.document_id] for document in documents]
        said = list(zip(numbers, texts, strict=True))
        self._texts.replace(
            numbers,
            {
                table: [(number, texts[field]) for number, texts in said if field in texts]
                for field, table in fields.items()
            },
        )
        for name, (table, _) in indexes.items():
            vectors = [
                (number, document.document_id, document.vectors[name])
                for number, document in zip(numbers, documents, strict=True)
                if name in document.vectors
            ]
            self._vectors.replace(table, numbers, vectors)

    def _store(self, namespace: int, documents: Sequence[Document]) -> dict[str, int]:
        """The rows of documents; the numbers by id."""
        rows = [
            {
                "namespace": namespace,
                "document_id": document.document_id,
                "created_at": document.created_at,
                "updated_at": document.updated_at,
                "metadata": encode_json(document.metadata).decode(),
                "text": encode_json(document.text).decode(),
                "payload": encode_json(document.payload).decode(),
            }
            for document in sorted(documents, key=lambda one: one.document_id)
        ]
        insert = self._insert(_D)
        changed = ("updated_at", "metadata", "text", "payload")
        statement = insert.on_conflict_do_update(
            index_elements=["namespace", "document_id"],
            set_={name: insert.excluded[name] for name in changed},
        )
        stored = self._connection.execute(statement.returning(_D.c.document_id, _D.c.number), rows)
        return {row.document_id: row.number for row in stored}

    def get(
        self,
        namespace: int,
        document_ids: Sequence[str],
        *,
        with_vectors: bool = False,
        hold: bool = False,
    ) -> dict[str, Document]:
        wanted = sorted(set(document_ids))
        rows = self._held(namespace, wanted) if hold else self._bulk.documents(namespace, wanted)
        vectors: dict[int, dict[str, tuple[float, ...]]] = {row[0]: {} for row in rows}
        if with_vectors and rows:
            for name, (table, _) in self._indexes(namespace).items():
                for number, vector in self._vectors.get(table, list(vectors)).items():
                    vectors[number][name] = vector
        documents = (_document(row, vectors[row[0]]) for row in rows)
        return {document.document_id: document for document in documents}

    def _held(self, namespace: int, document_ids: Sequence[str]) -> list[Any]:
        """Rows that nobody else changes; SQLite has one writer, and does not know the words."""
        rows: list[Any] = []
        for ids in _parts(document_ids):
            statement = select(_D).where(_D.c.namespace == namespace, _D.c.document_id.in_(ids))
            held = statement.order_by(_D.c.document_id).with_for_update()
            rows += self._connection.execute(held).all()
        return rows

    def delete(self, namespace: int, document_ids: Sequence[str]) -> int:
        numbers = [
            number
            for ids in _parts(sorted(set(document_ids)))
            for number in self._connection.scalars(
                delete(_D)
                .where(_D.c.namespace == namespace, _D.c.document_id.in_(ids))
                .returning(_D.c.number)
            )
        ]
        if numbers:
            self._texts.replace(numbers, dict.fromkeys(self._fields(namespace).values(), ()))
            for table, _ in self._indexes(namespace).values():
                self._vectors.replace(table, numbers, ())
        return len(numbers)

    def find(
        self, namespace: int, *, filter: Filter | None = None, after: str | None = None, limit: int
    ) -> list[Document]:
        statement = select(_D).where(_D.c.namespace == namespace)
        if after is not None:
            statement = statement.where(_D.c.document_id > after)
        condition = None if filter is None else narrow_documents(filter).condition
        if condition is not None:
            statement = statement.where(condition)
        rows = self._connection.execute(statement.order_by(_D.c.document_id).limit(limit))
        return [_document(row, {}) for row in rows]

    def is_narrowed(self, filter: Filter) -> bool:
        return narrow_documents(filter).condition is not None

    def count(self, namespace: int) -> int:
        return self._count_of(_D, namespace)

    def clear(self, namespace: int) -> None:
        for field in self._fields(namespace).values():
            self._texts.drop(field)
        for index, _ in self._indexes(namespace).values():
            self._vectors.drop(index)
        for table in (_F, _V, _D):
            self._connection.execute(delete(table).where(table.c.namespace == namespace))

    # Search

    def search_text(
        self,
        namespace: int,
        fields: Sequence[str],
        query: str,
        limit: int,
        filter: Filter | None = None,
    ) -> list[tuple[str, float]]:
        known = self._fields(namespace)
        for field in fields:
            if field not in known:
                raise NotFound("text field", field)
        words = list(dict.fromkeys(search_words(query)))[:_MAX_WORDS]
        if not words or not fields:
            return []
        numbers = [known[field] for field in dict.fromkeys(fields)]
        if filter is None:
            return _best(self._texts.best(numbers, words, limit), limit) if limit else []
        hits = self._texts.hits(numbers, words)
        statement = (
            select(_D.c.number, _D.c.document_id, hits.c.score)
            .join_from(hits, _D, _D.c.number == hits.c.number)
            .order_by(hits.c.score.desc(), _D.c.document_id)
        )
        condition = narrow_documents(filter).condition
        if condition is not None:
            statement = statement.where(condition)
        return _best(self._holding(filter, self._hits(statement)), limit)

    def search_vector(
        self,
        namespace: int,
        index: str,
        vector: Sequence[float],
        limit: int,
        filter: Filter | None = None,
    ) -> list[tuple[str, float]]:
        found = self._indexes(namespace).get(index)
        if found is None:
            raise NotFound("vector index", index)
        number, described = found
        check_vector(described, vector)
        if filter is None:
            return _best(self._vectors.nearest(number, described, vector, limit), limit)
        condition = narrow_documents(filter).condition
        ranked = self._vectors.ranked(number, described, vector, condition)
        return _best(self._holding(filter, ranked), limit)

    def sample(self, namespace: int, limit: int, filter: Filter | None = None) -> list[str]:
        statement = (
            select(_D.c.number, _D.c.document_id, literal(0.0))
            .where(_D.c.namespace == namespace)
            .order_by(func.random())
        )
        if filter is None:
            return [hit.document_id for hit in self._hits(statement.limit(limit))]
        condition = narrow_documents(filter).condition
        if condition is not None:
            statement = statement.where(condition)
        return [id for id, _ in _best(self._holding(filter, self._hits(statement)), limit)]

    def _hits(self, statement: Select[Any]) -> Iterator[Hit]:
        return (Hit(*row) for row in self._connection.execute(statement))

    def _holding(self, filter: Filter, hits: Iterable[Hit]) -> Iterator[Hit]:
        """Those of the documents of which the filter holds, in order."""
        holds = compile_filter(filter)
        hits = iter(hits)
        while part := list(islice(hits, _LOOKED_AT)):
            rows = self._connection.execute(
                select(_D).where(_D.c.number.in_([hit.number for hit in part]))
            )
            holding = {row.number for row in rows if holds(document_record(_document(row, {})))}
            yield from (hit for hit in part if hit.number in holding)


def _check_vectors(
    indexes: Mapping[str, tuple[int, VectorIndex]], documents: Sequence[Document]
) -> None:
    for number, document in enumerate(documents):
        for name, vector in document.vectors.items():
            if name not in indexes:
                raise NotFound("vector index", name)
            try:
                check_vector(indexes[name][1], vector)
            except InvalidDocument as error:
                raise InvalidDocument(error.message, (number, *error.location)) from error


def _best(hits: Iterable[Hit], limit: int) -> list[tuple[str, float]]:
    return [(hit.document_id, hit.score) for hit in islice(hits, limit)]


def _document(row: Sequence[Any], vectors: dict[str, tuple[float, ...]]) -> Document:
    _, _, document_id, created_at, updated_at, metadata, text, payload = row
    return Document(
        document_id=document_id,
        payload=_decode_object(payload),
        metadata=_decode_object(metadata),
        text=_decode_text(text),
        vectors=vectors,
        created_at=created_at,
        updated_at=updated_at,
    )


def _parts(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), _IN_LIST):
        yield items[start : start + _IN_LIST]
