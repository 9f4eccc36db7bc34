"""Tables that a question needs more than once."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ibis.expr.types import Table

from desirepath.engine.analysing.part import Part

__all__ = ["worked_out"]


@contextmanager
def worked_out(part: Part, table: Table) -> Iterator[Table]:
    """A table with its rows in a file, for as long as the ``with`` lasts.

    What is built on it is shorter to compile, and is not worked out from the log each time. Spark
    gets the expression as it is: its executors may not see a temporary file.
    """
    if part.engine.name != "duckdb":
        yield table
        return
    with tempfile.TemporaryDirectory(prefix="desirepath-") as folder:
        part.engine.write(table, Path(folder, "rows.parquet"))
        # A sum is wider than 64 bits in DuckDB, and a number with a point in its Parquet files.
        yield part.engine.read(Path(folder)).cast(table.schema())
