"""Open the log of a namespace to questions."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ibis.expr.types import Table
from msgspec import Struct
from msgspec.structs import replace

from desirepath.analysis.engines import AnalysisEngine, DuckDB, Limits, open_analysis_engine
from desirepath.analysis.impressions import impressions, impressions_after_changes, with_people
from desirepath.analysis.log import Log, log_of
from desirepath.engine.analysing.copying import CopyProgress, Snapshot, WorkOut, snapshot
from desirepath.engine.analysing.files import CopyFiles
from desirepath.engine.engine import Engine
from desirepath.errors import Overloaded
from desirepath.storage.base import Namespace

__all__ = ["OpenLog", "open_log"]

_AT_ONCE = threading.BoundedSemaphore(2)  # each takes memory and cores
_WAIT_SECONDS = 5.0
_FEW = 500_000
"""Rows of a log whose tables are worked out as it is opened: to compile them into each question
would take longer. On Spark they always are: its plans would grow too deep."""


class OpenLog(Struct, frozen=True, kw_only=True, eq=False):
    """The log of a namespace at one moment, and what answers questions to it."""

    log: Log
    engine: AnalysisEngine


@contextmanager
def open_log(
    engine: Engine,
    namespace: Namespace,
    *,
    on: str = "duckdb",
    progress: CopyProgress | None = None,
) -> Iterator[OpenLog]:
    """Copy what is new in the log, and open it to questions.

    Parameters
    ----------
    on
        ``duckdb`` (in this process), ``spark`` (on this machine), or the URL of a Spark master.
    progress
        Told now and then how many more rows were copied.

    Raises
    ------
    MissingDependency
        The extra ``spark`` is not installed.
    Overloaded
        Others are asking, and did not end in time.
    """
    limits = _limits(engine)
    files = CopyFiles(engine.analysis_folder / namespace.namespace_id)
    if not _AT_ONCE.acquire(timeout=_WAIT_SECONDS):
        raise Overloaded()
    with ExitStack() as stack:
        stack.callback(_AT_ONCE.release)
        with engine.storage.read() as session:  # not held while questions are answered
            copy = snapshot(files, session, namespace.number, _work_out(limits), progress)
            copied = stack.enter_context(copy)
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="desirepath-"))
        runner = open_analysis_engine(on, limits, Path(scratch))
        stack.callback(runner.close)
        shown = _impressions(runner, copied)
        is_kept = runner.name == "spark" or copied.n_rows < _FEW
        if is_kept:
            shown = stack.enter_context(runner.kept(shown))
        log = log_of(*_tables(runner, copied.folder), shown)
        if is_kept:
            linked = stack.enter_context(runner.kept(log.interactions))
            log = replace(log, interactions=linked)
        yield OpenLog(log=log, engine=runner)


def _work_out(limits: Limits) -> WorkOut:
    def work_out(folder: Path, target: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="desirepath-") as scratch:
            runner = DuckDB(limits, Path(scratch))
            try:
                runner.write(impressions(*_tables(runner, folder)), target)
            finally:
                runner.close()

    return work_out


def _tables(runner: AnalysisEngine, folder: Path) -> tuple[Table, Table, Table]:
    """Interactions, executions and what those returned."""
    interactions = runner.read(folder / "interactions")
    executions = with_people(runner.read(folder / "executions"), interactions)
    return interactions, executions, runner.read(folder / "returned")


def _impressions(runner: AnalysisEngine, copied: Snapshot) -> Table:
    folder = copied.folder
    tables = _tables(runner, folder)
    if not copied.has_impressions:
        return impressions(*tables)
    keys = ("execution_id", "session_id", "user_id")
    changed = runner.read(folder / "new_interactions").select(keys)
    changed = changed.union(runner.read(folder / "new_executions").select(keys))
    return impressions_after_changes(runner.read(folder / "impressions"), changed, *tables)


def _limits(engine: Engine) -> Limits:
    rules = engine.analysis
    return Limits(memory_bytes=rules.memory_bytes, threads=rules.threads)
