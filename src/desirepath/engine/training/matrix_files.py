"""Write matrices for other tools that learn to rank."""

from __future__ import annotations

from enum import StrEnum
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from desirepath.engine.output_files import open_output
from desirepath.methods.ranking.matrix import Matrix

__all__ = ["MatrixFormat", "write_matrix"]


class MatrixFormat(StrEnum):
    """How lists are written."""

    LIBSVM = "libsvm"
    """A line a document: ``grade qid:list 1:value … # document_id``, as SVMrank and RankLib read;
    missing values are left out."""
    PARQUET = "parquet"
    """A row a document; a column a feature, null where missing."""


def write_matrix(matrix: Matrix, target: str, form: MatrixFormat) -> int:
    """Write every list; how many rows.

    Parameters
    ----------
    target
        A file, or ``-`` for standard output.
    """
    with open_output(target) as stream:
        if form is MatrixFormat.LIBSVM:
            _write_lines(matrix, stream)
        else:
            pq.write_table(_table(matrix), stream)
    return matrix.n_rows


def _write_lines(matrix: Matrix, stream: IO[bytes]) -> None:
    names = "  ".join(f"{place} {name}" for place, name in enumerate(matrix.names, 1))
    stream.write(f"# {names}\n".encode())
    lists = matrix.lists
    for row, (grade, values) in enumerate(zip(matrix.grades, matrix.values, strict=True)):
        known = np.flatnonzero(~np.isnan(values))
        pairs = " ".join(f"{place + 1}:{values[place]:.7g}" for place in known)
        document = "" if matrix.document_ids is None else f" # {matrix.document_ids[row]}"
        line = f"{grade} qid:{lists[row] + 1} {pairs}{document}"
        stream.write(line.replace("\r", " ").replace("\n", " ").encode() + b"\n")


def _table(matrix: Matrix) -> pa.Table:
    lists = matrix.lists
    columns: dict[str, pa.Array] = {}
    if matrix.list_ids is not None:
        columns["execution_id"] = pa.array(matrix.list_ids[lists], pa.string())
    if matrix.document_ids is not None:
        columns["document_id"] = pa.array(matrix.document_ids, pa.string())
    if matrix.queries is not None:
        columns["query"] = pa.array(matrix.queries[lists], pa.string())
    columns["occurred_at"] = pa.array(matrix.times[lists], pa.timestamp("us", "UTC"))
    columns["position"] = pa.array(matrix.positions)
    columns["grade"] = pa.array(matrix.grades)
    for place, name in enumerate(matrix.names):
        columns[name] = pa.array(matrix.values[:, place], from_pandas=True)
    return pa.table(columns)
