"""What runs the expressions: DuckDB in this process, or Spark; the answers are the same."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, cast

import ibis
import pyarrow as pa
from ibis.expr.operations import Node
from ibis.expr.types import Table
from msgspec import Struct

from desirepath.extras import needs_extra

__all__ = ["AnalysisEngine", "DuckDB", "Limits", "Spark", "open_analysis_engine"]


class Limits(Struct, frozen=True, kw_only=True):
    """What an analysis may take of this machine.

    Parameters
    ----------
    memory_bytes
        What does not fit is kept on disk meanwhile.
    threads
        0: one a core.
    """

    memory_bytes: int = 2 << 30
    threads: int = 0


class AnalysisEngine(Protocol):
    """Runs Ibis expressions over Parquet files; used by one thread, and closed by it."""

    name: str

    def read(self, folder: Path) -> Table:
        """The rows of a folder of Parquet files of one schema; there is at least one."""
        ...

    def arrow(self, table: Table) -> pa.Table:
        """Run an expression."""
        ...

    def kept(self, table: Table) -> AbstractContextManager[Table]:
        """Run an expression once, for others to be built on for as long as the ``with`` lasts."""
        ...

    def close(self) -> None: ...


class DuckDB:
    """DuckDB in this process.

    Parameters
    ----------
    limits
        Memory and threads.
    scratch
        Where to keep what does not fit into memory.
    """

    name = "duckdb"

    def __init__(self, limits: Limits, scratch: Path) -> None:
        options: dict[str, Any] = {
            "memory_limit": f"{limits.memory_bytes}B",
            "temp_directory": str(scratch),
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,  # nothing is fetched behind anybody's back
            "autoload_known_extensions": False,
        }
        if limits.threads:
            options["threads"] = limits.threads
        scratch.mkdir(parents=True, exist_ok=True)
        self._scratch = scratch
        self._connection = ibis.duckdb.connect(**options)
        self._folder_to_table: dict[Path, Table] = {}
        self._n_kept = 0

    def read(self, folder: Path) -> Table:
        if folder not in self._folder_to_table:
            # Named by their order, and bound to no connection: what is asked alike of two logs is
            # one expression, whose SQL is known.
            name = f"rows_{len(self._folder_to_table)}"
            rows = self._connection.read_parquet(str(folder / "*.parquet"), table_name=name)
            self._folder_to_table[folder] = ibis.table(rows.schema(), name=name)
        return self._folder_to_table[folder]

    def arrow(self, table: Table) -> pa.Table:
        rows = self._connection.con.sql(_sql(table.op())).to_arrow_table()
        return rows.cast(table.schema().to_pyarrow())

    def write(self, table: Table, path: Path) -> None:
        """Run an expression into a Parquet file."""
        self._connection.con.sql(_sql(table.op())).write_parquet(str(path), compression="zstd")

    @contextmanager
    def kept(self, table: Table) -> Iterator[Table]:
        name = f"kept_{self._n_kept}"
        self._n_kept += 1
        self._connection.con.execute(f"CREATE TEMP TABLE {name} AS {_sql(table.op())}")
        try:
            # A sum is wider than 64 bits here.
            yield ibis.table(self._connection.table(name).schema(), name=name).cast(table.schema())
        finally:
            self._connection.con.execute(f"DROP TABLE {name}")

    def close(self) -> None:
        self._connection.disconnect()


@lru_cache(maxsize=128)
def _sql(expression: Node) -> str:
    """What DuckDB is told: worked out once, since that takes longer than a small log to answer."""
    return str(ibis.to_sql(expression.to_expr(), dialect="duckdb", pretty=False))


class Spark:
    """A Spark session; its executors read the same files under the same paths.

    Parameters
    ----------
    master
        Such as ``local[2]`` or ``spark://host:7077``.
    """

    name = "spark"

    def __init__(self, master: str) -> None:
        with needs_extra("spark"):
            from pyspark.sql import SparkSession
        builder = cast(Any, SparkSession.builder)
        self._session = (
            builder.master(master)
            .appName("desirepath")
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.sql.ansi.enabled", "true")
            .config("spark.ui.enabled", "false")
            .config("spark.sql.shuffle.partitions", "8")
            .getOrCreate()
        )
        self._connection = ibis.pyspark.connect(self._session)

    def read(self, folder: Path) -> Table:
        return self._connection.read_parquet(str(folder))

    def arrow(self, table: Table) -> pa.Table:
        # Ibis would go through pandas, which has no maps.
        found = self._session.sql(self._connection.compile(table)).toArrow()
        return found.cast(table.schema().to_pyarrow())

    @contextmanager
    def kept(self, table: Table) -> Iterator[Table]:
        # A checkpoint also ends the plan, which Spark takes long to look through when it is deep.
        rows = self._session.sql(self._connection.compile(table)).localCheckpoint()
        name = f"kept_{uuid.uuid4().hex}"
        rows.createOrReplaceTempView(name)
        try:
            yield self._connection.table(name)
        finally:
            self._session.catalog.dropTempView(name)

    def close(self) -> None:
        self._session.stop()


def open_analysis_engine(name: str, limits: Limits, scratch: Path) -> AnalysisEngine:
    """An engine by name: ``duckdb``, ``spark`` (on this machine), or the URL of a Spark master.

    Raises
    ------
    MissingDependency
        Its extra is not installed.
    """
    if name == "duckdb":
        return DuckDB(limits, scratch)
    return Spark("local[*]" if name == "spark" else name)
