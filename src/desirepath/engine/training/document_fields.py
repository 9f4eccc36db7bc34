"""What the features of rankers need of documents, as tables beside the log."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from ibis import _
from ibis.expr.types import Table
from msgspec import Struct

from desirepath.domain.document import Document
from desirepath.domain.plain_json import at_path
from desirepath.domain.ranking_features import (
    FeatureKind,
    FeatureLayout,
    moment_in,
    number_in,
    values_in,
)
from desirepath.engine.analysing.asking import OpenLog
from desirepath.engine.engine import Engine
from desirepath.storage.base import Namespace

__all__ = ["DocumentTables", "document_tables"]

_CHUNK = 1_000
_VALUES = pa.schema([("path", pa.string()), ("document_id", pa.string()), ("value", pa.string())])


class DocumentTables(Struct, frozen=True, kw_only=True, eq=False):
    """Fields of the documents that the log names, as they are now.

    Parameters
    ----------
    numbers
        ``document_id``, ``number_N`` and ``date_N`` (microseconds) by number of the path in the
        layout; None: the layout needs none.
    values
        ``path``, ``document_id``, ``value``; None: the layout needs none.
    """

    numbers: Table | None
    values: Table | None


@contextmanager
def document_tables(
    engine: Engine, namespace: Namespace, opened: OpenLog, layout: FeatureLayout
) -> Iterator[DocumentTables]:
    """Fields of all documents that were returned or clicked."""
    numbers = layout.arguments(FeatureKind.NUMBER)
    dates = layout.arguments(FeatureKind.AGE)
    paths = layout.arguments(FeatureKind.USER_AFFINITY, FeatureKind.SESSION_AFFINITY)
    if not (numbers or dates or paths):
        yield DocumentTables(numbers=None, values=None)
        return
    with tempfile.TemporaryDirectory(prefix="desirepath-") as scratch:
        folders = Path(scratch, "numbers"), Path(scratch, "values")
        for folder in folders:
            folder.mkdir()
        schema = _number_schema(len(numbers), len(dates))
        with (
            pq.ParquetWriter(folders[0] / "rows.parquet", schema) as number_file,
            pq.ParquetWriter(folders[1] / "rows.parquet", _VALUES) as value_file,
        ):
            for documents in _documents(engine, namespace, opened):
                number_file.write_table(_numbers(documents, numbers, dates, schema))
                value_file.write_table(_values(documents, paths))
        yield DocumentTables(
            numbers=opened.engine.read(folders[0]) if numbers or dates else None,
            values=opened.engine.read(folders[1]) if paths else None,
        )


def _documents(engine: Engine, namespace: Namespace, opened: OpenLog) -> Iterator[list[Document]]:
    returned = opened.log.returned.select("document_id")
    clicked = opened.log.sent.filter(_.document_id.notnull()).select("document_id")
    named = opened.engine.arrow(returned.union(clicked).distinct())["document_id"].to_pylist()
    for start in range(0, len(named), _CHUNK):
        with engine.storage.read() as session:
            found = session.documents.get(namespace.number, named[start : start + _CHUNK])
        yield list(found.values())


def _number_schema(n_numbers: int, n_dates: int) -> pa.Schema:
    names = [*(f"number_{n}" for n in range(n_numbers)), *(f"date_{n}" for n in range(n_dates))]
    return pa.schema([("document_id", pa.string()), *((name, pa.float64()) for name in names)])


def _numbers(
    documents: Sequence[Document], numbers: Sequence[str], dates: Sequence[str], schema: pa.Schema
) -> pa.Table:
    columns = [
        pa.array([one.document_id for one in documents], pa.string()),
        *(
            _nullable([read(at_path(one.payload, path)) for one in documents])
            for read, paths in ((number_in, numbers), (moment_in, dates))
            for path in paths
        ),
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _nullable(values: Sequence[float]) -> pa.Array:
    return pa.array(values, pa.float64(), from_pandas=True)  # NaN is null


def _values(documents: Sequence[Document], paths: Sequence[str]) -> pa.Table:
    rows = [
        (path, one.document_id, value)
        for one in documents
        for path in paths
        for value in values_in(at_path(one.payload, path))
    ]
    columns = zip(*rows, strict=True) if rows else ((), (), ())
    return pa.Table.from_arrays(
        [pa.array(column, pa.string()) for column in columns], schema=_VALUES
    )
