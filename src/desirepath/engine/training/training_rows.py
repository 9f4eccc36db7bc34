"""The lists that rankers are trained on: what was counted as seen, with what was done with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
from ibis import _
from ibis.expr.types import Table
from msgspec.structs import replace

from desirepath.analysis.ranking_features import (
    FeatureTables,
    feature_columns,
    feature_tables,
    moment_of,
)
from desirepath.domain.ranking_features import FeatureLayout
from desirepath.engine.analysing.asking import OpenLog
from desirepath.engine.analysing.part import Part
from desirepath.engine.training.document_fields import DocumentTables

__all__ = ["features_of", "opened_tables", "training_rows"]

_SHARES = pa.schema([("path", pa.string()), ("value", pa.string()), ("share", pa.float64())])
_OF_SEARCH = ("query", "user_id", "session_id", "moment")


def training_rows(part: Part) -> Table:
    """Impressions of known searches, as :func:`feature_columns` takes them, with their outcome.

    Beside what it takes: ``acts``, ``reward`` and ``retriever_id``. Who searched is what the search
    itself said: what only later clicks tell is not known when a list is ranked.
    """
    searches = part.log.executions
    who = {
        name: ibis.ifelse(searches.says_who, searches[name], ibis.null(str))
        for name in ("user_id", "session_id")
    }
    searches = searches.select("execution_id", "query", **who, moment=moment_of(searches))
    counted = part.log.counted.filter(_.is_known).select(
        "execution_id",
        "document_id",
        "position",
        "score",
        "scores",
        "acts",
        "reward",
        "retriever_id",
    )
    rows = counted.inner_join(searches, "execution_id")
    features = part.log.returned.select("execution_id", "document_id", "features")
    joined = rows.left_join(features, ["execution_id", "document_id"], rname="{name}_again")
    return joined.drop(*(name for name in joined.columns if name.endswith("_again")))


@contextmanager
def opened_tables(
    opened: OpenLog, layout: FeatureLayout, documents: DocumentTables
) -> Iterator[FeatureTables]:
    """What the features of a layout are worked out from, over the whole log.

    Who looks like a robot counts here: serving cannot know who will.
    """
    with TemporaryDirectory(prefix="desirepath-") as scratch:
        shares = None
        if documents.values is not None:
            pq.write_table(_shares(layout.value_shares), Path(scratch, "rows.parquet"))
            shares = opened.engine.read(Path(scratch))
        tables = feature_tables(
            opened.log, layout, numbers=documents.numbers, values=documents.values, shares=shares
        )
        with opened.engine.kept(tables.exposures) as exposures:
            yield replace(tables, exposures=exposures)


def _shares(shares: Mapping[str, Mapping[str, float]]) -> pa.Table:
    rows = [(path, *item) for path, of_path in shares.items() for item in of_path.items()]
    columns = zip(*rows, strict=True) if rows else ((), (), ())
    return pa.Table.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, _SHARES, strict=True)],
        schema=_SHARES,
    )


def features_of(
    opened: OpenLog, rows: Table, tables: FeatureTables, layout: FeatureLayout
) -> pa.Table:
    """Rows with their features, list by list in order of time, each list from the top.

    Features are ``f_N``, null where missing.
    """
    newest = opened.engine.arrow(rows.agg(newest=_.moment.max()))["newest"][0].as_py() or 0
    found = feature_columns(rows, tables, layout, newest)
    return opened.engine.arrow(found.order_by("moment", "execution_id", "position"))
