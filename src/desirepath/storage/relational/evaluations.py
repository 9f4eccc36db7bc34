"""Evaluation datasets."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec.structs import astuple, replace
from sqlalchemy import Connection, delete, func, select, update

from desirepath.domain.checks import is_storable
from desirepath.domain.ids import format_id, parse_id
from desirepath.domain.judgment import Dataset, DatasetSource, JudgedQuery, Judgment
from desirepath.domain.plain_json import encode_json
from desirepath.errors import AlreadyExists
from desirepath.storage.relational import tables
from desirepath.storage.relational.bulk import Bulk, Row
from desirepath.storage.relational.seen import has_changed, mark_stale

__all__ = ["RelationalEvaluations"]

_D = tables.evaluation_datasets
_Q = tables.evaluation_queries
_CHUNK = 500
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode
_decode_source = msgspec.json.Decoder(DatasetSource).decode
_decode_rows = msgspec.json.Decoder(list[list[Any]]).decode


class RelationalEvaluations:
    """See :class:`~desirepath.storage.evaluations.Evaluations`."""

    def __init__(self, connection: Connection, bulk: Bulk) -> None:
        self._connection = connection
        self._bulk = bulk

    def create(
        self,
        dataset: Dataset,
        queries: Iterable[JudgedQuery],
        changes: Mapping[int, int] | None = None,
    ) -> Dataset:
        n_queries = n_judgments = 0
        numbered = enumerate(queries)
        while chunk := list(itertools.islice(numbered, _CHUNK)):
            self._bulk.insert(_Q, [_query_row(dataset, number, query) for number, query in chunk])
            n_queries += len(chunk)
            n_judgments += sum(len(query.judgments) for _, query in chunk)
        self._bulk.lock(_D)  # see seen.py
        is_stale = has_changed(self._connection, dataset.namespace, changes)
        whole = replace(
            dataset,
            n_queries=n_queries,
            n_judgments=n_judgments,
            stale_at=dataset.created_at if is_stale else dataset.stale_at,
        )
        if not self._bulk.insert_new(_D, [_dataset_row(whole)])[0]:
            raise AlreadyExists("A dataset of this name exists.")
        return whole

    def find(self, namespace: int, id_or_name: str) -> Dataset | None:
        if not is_storable(id_or_name):
            return None
        id = parse_id("ds", id_or_name)
        wanted = _D.c.name == id_or_name if id is None else _D.c.id == id
        row = self._connection.execute(
            select(_D).where(_D.c.namespace == namespace, wanted)
        ).first()
        return None if row is None else _dataset(row)

    def datasets(self, namespace: int, limit: int, offset: int = 0) -> list[Dataset]:
        statement = select(_D).where(_D.c.namespace == namespace).order_by(_D.c.id.desc())
        rows = self._connection.execute(statement.limit(limit).offset(offset))
        return [_dataset(row) for row in rows]

    def count(self, namespace: int) -> int:
        counted = select(func.count()).select_from(_D).where(_D.c.namespace == namespace)
        return int(self._connection.scalar(counted) or 0)

    def queries(self, namespace: int, id: bytes, chunk: int = _CHUNK) -> Iterator[JudgedQuery]:
        last = -1
        while True:
            statement = (
                select(_Q)
                .where(_Q.c.namespace == namespace, _Q.c.dataset == id, _Q.c.number > last)
                .order_by(_Q.c.number)
                .limit(chunk)
            )
            rows = self._connection.execute(statement).all()
            yield from (_query(row) for row in rows)
            if len(rows) < chunk:
                return
            last = rows[-1].number

    def delete(self, namespace: int, id: bytes) -> bool:
        self._connection.execute(delete(_Q).where(_Q.c.namespace == namespace, _Q.c.dataset == id))
        deleted = self._connection.execute(
            delete(_D).where(_D.c.namespace == namespace, _D.c.id == id)
        )
        return deleted.rowcount == 1

    def delete_of_retriever(self, namespace: int, retriever_id: str) -> int:
        statement = select(_D.c.id).where(
            _D.c.namespace == namespace, _D.c.retriever_id == retriever_id
        )
        ids = list(self._connection.scalars(statement))
        return sum(self.delete(namespace, id) for id in ids)

    def clear(self, namespace: int) -> None:
        for table in (_Q, _D):
            self._connection.execute(delete(table).where(table.c.namespace == namespace))

    def mark_stale(
        self, namespace: int, retriever_ids: Collection[str], moment: int, now: int
    ) -> int:
        return mark_stale(self._connection, _D, namespace, retriever_ids, moment, now)

    def delete_mentions(self, namespace: int, text: str) -> int:
        mentions = func.replace(_Q.c.query_input, text, "") != _Q.c.query_input
        found = self._connection.execute(
            select(_Q.c.dataset, _Q.c.number, _Q.c.judgments).where(
                _Q.c.namespace == namespace, mentions
            )
        ).all()
        for row in found:
            n_judgments = len(_judgments(row.judgments))
            self._connection.execute(
                delete(_Q).where(
                    _Q.c.namespace == namespace,
                    _Q.c.dataset == row.dataset,
                    _Q.c.number == row.number,
                )
            )
            self._connection.execute(
                update(_D)
                .where(_D.c.namespace == namespace, _D.c.id == row.dataset)
                .values(
                    n_queries=_D.c.n_queries - 1,
                    n_judgments=_D.c.n_judgments - n_judgments,
                )
            )
        return len(found)


def _dataset_row(value: Dataset) -> Row:
    return (
        value.namespace,
        value.id,
        value.name,
        value.description,
        None if value.metadata is None else encode_json(value.metadata).decode(),
        encode_json(value.source).decode(),
        value.source.retriever_id,
        value.source.seen_before,
        value.n_queries,
        value.n_judgments,
        value.created_at,
        value.updated_at,
        value.stale_at,
    )


def _dataset(row: Any) -> Dataset:
    return Dataset(
        namespace=row.namespace,
        id=row.id,
        dataset_id=format_id("ds", row.id),
        name=row.name,
        description=row.description,
        metadata=None if row.metadata is None else _decode_object(row.metadata),
        source=_decode_source(row.source),
        n_queries=row.n_queries,
        n_judgments=row.n_judgments,
        created_at=row.created_at,
        updated_at=row.updated_at,
        stale_at=row.stale_at,
    )


def _query_row(dataset: Dataset, number: int, query: JudgedQuery) -> Row:
    judgments = zlib.compress(encode_json([astuple(one) for one in query.judgments]), 1)
    return (
        dataset.namespace,
        dataset.id,
        number,
        query.query_id,
        encode_json(query.query_input).decode(),
        judgments,
    )


def _query(row: Any) -> JudgedQuery:
    return JudgedQuery(
        query_id=row.query_id,
        query_input=_decode_object(row.query_input),
        judgments=tuple(
            Judgment(**dict(zip(Judgment.__struct_fields__, values, strict=False)))
            for values in _judgments(row.judgments)
        ),
    )


def _judgments(packed: bytes) -> list[list[Any]]:
    return _decode_rows(zlib.decompress(packed))
