"""The lists that rankers are trained on: what was counted as seen, with what was done with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from ibis import _
from ibis.expr.types import Table
from msgspec import Struct
from numpy.typing import NDArray

from desirepath.analysis.ranking_features import (
    FeatureTables,
    clicks_of,
    feature_groups,
    moment_of,
)
from desirepath.domain.acts import CLICKED
from desirepath.domain.ranking_features import FeatureLayout
from desirepath.engine.analysing.asking import OpenLog
from desirepath.engine.analysing.part import Part
from desirepath.engine.recommender_files import RecommenderParts
from desirepath.engine.training.document_fields import DocumentTables
from desirepath.engine.training.recommender_features import write_likeness

__all__ = ["FeatureRows", "clicks_by_list", "features_of", "opened_tables", "training_rows"]

_SHARES = pa.schema([("path", pa.string()), ("value", pa.string()), ("share", pa.float64())])


def training_rows(part: Part) -> Table:
    """Impressions of known searches, as :func:`feature_groups` takes them, with their outcome.

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


def clicks_by_list(rows: Table) -> Table:
    """Of each list: ``execution_id``, ``n`` documents that count and ``clicks``.

    Parameters
    ----------
    rows
        Impressions with ``execution_id`` and ``acts``.
    """
    clicked = rows.mutate(clicked=(_.acts & CLICKED) != 0)
    return clicked.group_by("execution_id").agg(n=_.count(), clicks=_.count(where=_.clicked))


@contextmanager
def opened_tables(
    opened: OpenLog,
    layout: FeatureLayout,
    exposures: Table,
    documents: DocumentTables,
    recommenders: Mapping[str, RecommenderParts] = MappingProxyType({}),
) -> Iterator[FeatureTables]:
    """What the features of a layout are worked out from, over the whole log.

    Who looks like a robot counts here: serving cannot know who will.

    Parameters
    ----------
    recommenders
        By argument of ``recommender`` in the layout.
    """
    with TemporaryDirectory(prefix="desirepath-") as scratch:
        shares = likeness = None
        if documents.values is not None:
            folder = Path(scratch, "shares")
            folder.mkdir()
            pq.write_table(_shares(layout.value_shares), folder / "rows.parquet")
            shares = opened.engine.read(folder)
        if recommenders:
            folder = Path(scratch, "likeness")
            folder.mkdir()
            write_likeness(recommenders, folder / "rows.parquet")
            likeness = opened.engine.read(folder)
        yield FeatureTables(
            exposures=exposures,
            clicks=clicks_of(opened.log),
            numbers=documents.numbers,
            values=documents.values,
            shares=shares,
            likeness=likeness,
        )


def _shares(shares: Mapping[str, Mapping[str, float]]) -> pa.Table:
    rows = [(path, *item) for path, of_path in shares.items() for item in of_path.items()]
    columns = zip(*rows, strict=True) if rows else ((), (), ())
    return pa.Table.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, _SHARES, strict=True)],
        schema=_SHARES,
    )


class FeatureRows(Struct, frozen=True, kw_only=True, eq=False):
    """Rows list by list in order of time, each list from the top, with their features.

    Parameters
    ----------
    rows
        As they were given, without ``scores``, ``features``; N of them.
    features : shape (N, F), float32
        In the order of the layout, NaN where missing.
    """

    rows: pa.Table
    features: NDArray[np.float32]


def features_of(
    opened: OpenLog, rows: Table, tables: FeatureTables, layout: FeatureLayout
) -> FeatureRows:
    """Work out the features of rows.

    Parameters
    ----------
    rows
        See :func:`training_rows`.
    """
    in_order = ibis.window(order_by=["moment", "execution_id", "position", "document_id"])
    numbered = rows.mutate(row=ibis.row_number().over(in_order))
    with opened.engine.kept(numbered) as kept:
        plain = opened.engine.arrow(kept.drop("scores", "features").order_by("row"))
        features = np.full((len(plain), len(layout.names)), np.nan, np.float32)
        origin = pc.max(plain["moment"]).as_py() or 0
        for group in feature_groups(kept, tables, layout, origin):
            found = opened.engine.arrow(group)
            at = found["row"].to_numpy()
            for name in found.schema.names[1:]:
                column = found[name].to_numpy(zero_copy_only=False)
                features[at, int(name.removeprefix("f_"))] = column
    return FeatureRows(rows=plain.drop(["row"]), features=features)
