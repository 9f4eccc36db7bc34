"""Features of rankers equal what plain Python makes of the log, and see nothing that came later."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ibis import _
from msgspec.structs import replace

from desirepath.analysis.engines import AnalysisEngine, DuckDB
from desirepath.analysis.impressions import impressions, with_people
from desirepath.analysis.log import Log, log_of
from desirepath.analysis.ranking_features import (
    FeatureTables,
    clicks_of,
    counts,
    exposures_of,
    feature_groups,
    value_shares,
)
from desirepath.domain.acts import CLICKED
from desirepath.domain.ranking_features import DAY, HISTORY, STEP, FeatureLayout, boundary
from tests.unit.analysis.logs import Rows, duckdb, random_log, write_log

CUT = 6_000_000_000  # a third of the way through the log
LAYOUT = FeatureLayout(
    names=(
        "rank",
        "document_score",
        "score:text://title",
        "feature:margin",
        "field:price",
        "age:made",
        "ctr",
        "ctr_of_pair",
        "popularity",
        "exposure",
        "days_since_click",
        "days_known",
        "user_affinity:genre",
        "session_affinity:genre",
        "recommender:tastes@1",
    ),
    retriever_id="r1",
    half_life_days=0.05,
    smoothing=2.0,
    propensities=(1.0, 0.5, 0.25),
    value_shares={"genre": {"drama": 0.5, "crime": 0.2, "comedy": 0.1}},
    learned_before={"tastes@1": CUT},
)
ALWAYS_THERE = {"rank", "document_score", "popularity", "exposure"}
DOCUMENTS: Mapping[str, dict[str, Any]] = {
    "d0": {"price": 3.0, "made": 0.0, "genre": ["drama"]},
    "d1": {"price": None, "made": 5.0 * DAY, "genre": ["drama", "crime"]},
    "d2": {"price": 7.0, "made": None, "genre": ["unheard of", "comedy"]},
    "d3": {"price": 7.0, "made": None, "genre": ["unheard of"]},
    "d4": {"price": 1.0, "made": 1.0, "genre": []},
}
# The recommender does not know d4; alike need not be the same in both directions.
ALIKE = {("d0", "d1"): 0.5, ("d1", "d0"): 0.25, ("d2", "d0"): 0.75, ("d0", "d2"): 0.125}
KNOWN = ("d0", "d1", "d2", "d3")


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[DuckDB]:
    with closing(duckdb(tmp_path)) as runner:
        yield runner


def log_with_times(seed: int) -> dict[str, Rows]:
    log = random_log(seed, n_searches=60, n_events=400)
    draw = random.Random(seed)
    for row in (*log["executions"], *log["interactions"]):
        row["live"] = draw.random() < 0.5
        row["recorded_at"] = row["occurred_at"] + draw.randrange(0, 10 * STEP)
    for row in log["returned"]:
        row["features"] = draw.choice((None, [("margin", 0.5)], [("rerank.rank", 4.0)]))
    return log


def opened(runner: AnalysisEngine, folder: Path, log: Mapping[str, Rows]) -> Log:
    write_log(folder, **log)
    names = ("interactions", "executions", "returned")
    interactions, executions, returned = (runner.read(folder / name) for name in names)
    executions = with_people(executions, interactions)
    found = impressions(interactions, executions, returned)
    return log_of(interactions, executions, returned, found)


def document_tables(runner: AnalysisEngine, folder: Path) -> dict[str, Any]:
    numbers = [(id, one["price"], one["made"]) for id, one in DOCUMENTS.items()]
    values = [("genre", id, value) for id, one in DOCUMENTS.items() for value in one["genre"]]
    shares = [("genre", *item) for item in LAYOUT.value_shares["genre"].items()]
    itself = {(id, id): 0.0 for id in KNOWN}
    likeness = [("tastes@1", *pair, alike) for pair, alike in (itself | ALIKE).items()]
    tables: dict[str, tuple[tuple[str, ...], list[tuple[Any, ...]]]] = {
        "numbers": (("document_id", "number_0", "date_0"), numbers),
        "values": (("path", "document_id", "value"), values),
        "shares": (("path", "value", "share"), shares),
        "likeness": (("recommender", "document_id", "other_id", "alike"), likeness),
    }
    for name, (columns, rows) in tables.items():
        (folder / name).mkdir()
        table = pa.table(dict(zip(columns, zip(*rows, strict=True), strict=True)))
        pq.write_table(table, folder / name / "1.parquet")
    return {name: runner.read(folder / name) for name in tables}


def feature_tables(log: Log, documents: dict[str, Any]) -> FeatureTables:
    exposures = exposures_of(log, LAYOUT)
    return FeatureTables(exposures=exposures, clicks=clicks_of(log), **documents)


def found_features(runner: AnalysisEngine, folder: Path, log: Mapping[str, Rows]) -> dict[Any, Any]:
    whole = opened(runner, folder, log)
    searches = whole.executions.mutate(moment=_.live.ifelse(_.recorded_at, _.occurred_at))
    searches = searches.select("execution_id", "query", "user_id", "session_id", "moment")
    rows = whole.returned.inner_join(searches, "execution_id")
    tables = feature_tables(whole, document_tables(runner, folder))
    in_order = ibis.window(order_by=["execution_id", "document_id"])
    rows = rows.mutate(row=ibis.row_number().over(in_order))
    found: dict[Any, list[float | None]] = {}
    with runner.kept(rows) as rows, runner.kept(tables.exposures) as exposures:
        kept = runner.arrow(rows.order_by("row")).to_pylist()
        for row in kept:
            found[row["execution_id"], row["document_id"]] = [None] * len(LAYOUT.names)
        tables = replace(tables, exposures=exposures)
        for group in feature_groups(rows, tables, LAYOUT, 20 * STEP):
            for row in runner.arrow(group).to_pylist():
                features = found[kept[row["row"]]["execution_id"], kept[row["row"]]["document_id"]]
                for name in row.keys() - {"row"}:
                    features[int(name.removeprefix("f_"))] = row[name]
    return found


def numbers(values: Iterable[float | None]) -> list[float]:
    return [math.nan if value is None else value for value in values]


def close_to(values: Iterable[float | None]) -> Any:
    return pytest.approx(numbers(values), rel=1e-9, abs=1e-9, nan_ok=True)


# What plain Python makes of it


def moment(row: Mapping[str, Any]) -> int:
    return int(row["recorded_at"] if row["live"] else row["occurred_at"])


class Expected:
    def __init__(self, log: Mapping[str, Rows]) -> None:
        self.searches = {row["execution_id"]: row for row in log["executions"]}
        self.log = log
        self.clicks = [
            row for row in log["interactions"] if row["document_id"] and row["acts"] & CLICKED
        ]

    def counted(self, document: str | None, query: str | None, before: int) -> tuple[Any, ...]:
        """Exposures, clicks, first exposure, last click."""
        exposed = clicks = 0.0
        first = last = None
        for row in self.log["returned"]:
            search = self.searches[row["execution_id"]]
            if search["retriever_id"] != "r1" or document not in (None, row["document_id"]):
                continue
            if query is not None and search["query"] != query:
                continue
            shown = moment(search)
            if shown < before:
                share = LAYOUT.propensity(row["position"])
                exposed += share * 2 ** ((shown - before) / DAY / LAYOUT.half_life_days)
                first = shown if first is None else min(first, shown)
            moments = [
                moment(click)
                for click in self.clicks
                if click["execution_id"] == row["execution_id"]
                and click["document_id"] == row["document_id"]
            ]
            if moments and (at := max(min(moments), shown)) < before:
                clicks += 2 ** ((at - before) / DAY / LAYOUT.half_life_days)
                last = at if last is None else max(last, at)
        return exposed, clicks, first, last

    def history(self, who: str, name: str, at: int) -> list[dict[str, Any]]:
        theirs = [row for row in self.clicks if row[who] == name and moment(row) < at]
        return sorted(theirs, key=lambda row: (moment(row), row["id"]))[-HISTORY:]

    def alike(self, name: str | None, document: str, at: int) -> float | None:
        if name is None or at < CUT or document not in KNOWN:
            return None
        clicked = [row["document_id"] for row in self.history("user_id", name, at)]
        known = [id for id in clicked if id in KNOWN]
        return sum(ALIKE.get((id, document), 0.0) for id in known) / len(known) if known else None

    def affinity(self, who: str, name: str | None, document: str, at: int) -> float | None:
        if name is None:
            return None
        theirs = self.history(who, name, at)
        shares = LAYOUT.value_shares["genre"]
        genres = {id: one["genre"] for id, one in DOCUMENTS.items()}
        lifts = []
        for value in genres.get(document, ()):
            if value in shares and theirs:
                n_liked = sum(value in genres.get(one["document_id"], ()) for one in theirs)
                share, k = shares[value], LAYOUT.smoothing
                lifts.append(math.log((n_liked + k * share) / (len(theirs) + k) / share))
        return sum(lifts) / len(lifts) if lifts else None

    def features(self, row: Mapping[str, Any]) -> tuple[float | None, ...]:
        search, document = self.searches[row["execution_id"]], row["document_id"]
        at = moment(search)
        before, k = boundary(at), LAYOUT.smoothing
        exposed, clicks, first, last = self.counted(document, None, before)
        all_exposed, all_clicks, *_rest = self.counted(None, None, before)
        ctr = pair = None
        if all_exposed:
            ctr = (clicks + k * all_clicks / all_exposed) / (exposed + k)
            if search["query"] is not None:
                of_pair = self.counted(document, search["query"], before)
                pair = (of_pair[1] + k * ctr) / (of_pair[0] + k)
        fields = DOCUMENTS.get(document, {})
        made, logged = fields.get("made"), dict(row["features"] or ())
        return (
            logged.get("rerank.rank", float(row["position"])),
            row["score"],
            dict(row["scores"] or ()).get("text://title"),
            logged.get("margin"),
            fields.get("price"),
            None if made is None else (at - made) / DAY,
            ctr,
            pair,
            math.log1p(clicks),
            math.log1p(exposed),
            None if last is None else (before - last) / DAY,
            None if first is None else (before - first) / DAY,
            self.affinity("user_id", search["user_id"], document, at),
            self.affinity("session_id", search["session_id"], document, at),
            self.alike(search["user_id"], document, at),
        )


def without_people_seen(log: dict[str, Rows]) -> dict[str, Rows]:
    """Searches of nobody belong to nobody, whatever their interactions say."""
    for row in log["executions"]:
        if row["user_id"] is None and row["session_id"] is None:
            row["user_id"] = "u3"
    return log


@pytest.mark.parametrize("seed", range(2))
def test_features_are_those_of_plain_python(runner: DuckDB, tmp_path: Path, seed: int) -> None:
    log = without_people_seen(log_with_times(seed))
    found = found_features(runner, tmp_path, log)
    expected = Expected(log)
    assert len(found) == len(log["returned"])
    for row in log["returned"]:
        key = (row["execution_id"], row["document_id"])
        assert numbers(found[key]) == close_to(expected.features(row))
    for name, column in zip(LAYOUT.names, zip(*found.values(), strict=True), strict=True):
        assert any(value is not None for value in column), name
        assert name in ALWAYS_THERE or None in column, name


def test_what_comes_later_changes_nothing(runner: DuckDB, tmp_path: Path) -> None:
    """The features of a search are the same whether the log ends with it or not."""
    log = without_people_seen(log_with_times(2))
    times = sorted(moment(row) for row in log["executions"])
    middle = times[len(times) // 2]
    early = {row["execution_id"] for row in log["executions"] if moment(row) <= middle}
    half = {
        "executions": [row for row in log["executions"] if row["execution_id"] in early],
        "interactions": [row for row in log["interactions"] if moment(row) < middle],
        "returned": [row for row in log["returned"] if row["execution_id"] in early],
    }
    (tmp_path / "whole").mkdir()
    (tmp_path / "half").mkdir()
    whole = found_features(runner, tmp_path / "whole", log)
    for key, features in found_features(runner, tmp_path / "half", half).items():
        assert numbers(features) == close_to(whole[key])


def test_shares_of_values_and_counts(runner: DuckDB, tmp_path: Path) -> None:
    log = log_with_times(3)
    whole = opened(runner, tmp_path, log)
    tables = feature_tables(whole, document_tables(runner, tmp_path))
    assert tables.values is not None
    rows = runner.arrow(value_shares(tables.exposures, tables.values)).to_pylist()
    searches = {row["execution_id"]: row for row in log["executions"]}
    shown = [
        (row["document_id"], LAYOUT.propensity(row["position"]))
        for row in log["returned"]
        if searches[row["execution_id"]]["retriever_id"] == "r1"
    ]
    total = sum(share for _document, share in shown)
    for row in rows:
        of_value = sum(
            share
            for document, share in shown
            if row["value"] in DOCUMENTS.get(document, {"genre": ()})["genre"]
        )
        assert row["share"] == pytest.approx(of_value / total)
    origin = 10**12
    expected = Expected(log)
    for row in runner.arrow(counts(tables.exposures, LAYOUT, origin, ["document_id"])).to_pylist():
        exposed, clicks, first, last = expected.counted(row["document_id"], None, origin)
        assert (row["exposed"], row["clicks"]) == pytest.approx((exposed, clicks))
        assert (row["first_at"], row["last_click"]) == (first, last)
