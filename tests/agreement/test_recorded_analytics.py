"""Recorded logs through every report of relevance; what can be counted directly is counted."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from desirepath.domain.funnel_steps import DEFAULT_STEPS
from desirepath.domain.grouping import read_grouping
from desirepath.domain.scope import Scope
from desirepath.engine.analysing.asking import open_log
from desirepath.engine.analysing.comparing import Compared, compared
from desirepath.engine.analysing.document_rates import document_rates
from desirepath.engine.analysing.figures import Share
from desirepath.engine.analysing.funnel import funnels
from desirepath.engine.analysing.position_rates import position_rates
from desirepath.engine.analysing.query_rates import query_rates
from desirepath.engine.analysing.relevance import (
    DocumentRates,
    Funnels,
    Order,
    PositionRates,
    QueryRates,
)
from desirepath.engine.engine import Engine
from desirepath.engine.reporting import wilson_rate
from tests.agreement.shop_log import tally
from tests.unit.engine.importing_helpers import run_import

Find = Callable[[str], Path]
Reports = tuple[PositionRates, QueryRates, DocumentRates, Funnels]


@contextmanager
def asked(engine: Engine) -> Iterator[Compared]:
    namespace = engine.directory.namespace("default")
    assert namespace is not None
    with open_log(engine, namespace) as opened:
        yield compared(opened, Scope())


def every_report(engine: Engine) -> Reports:
    with asked(engine) as log:
        return (
            position_rates(log),
            query_rates(log, Order(sort="searches", size=100_000)),
            document_rates(log, Order(sort="impressions", size=100_000)),
            funnels(log, DEFAULT_STEPS),
        )


def check(reports: Reports) -> None:
    """What holds of any log: parts add up to the whole, and all of it can be written as JSON."""
    positions, queries, documents, steps = reports
    whole = (positions.coverage.clicked, positions.coverage.impressions)
    for shares in (
        [row.click_through for row in positions.results],
        [row.click_through for row in queries.results],
        [row.click_through for row in documents.results],
    ):
        found = [share for share in shares if share is not None]
        assert whole == (sum(share.count for share in found), sum(share.of for share in found))
    expected = sum(
        row.clicks_over_expected.expected for row in documents.results if row.clicks_over_expected
    )
    assert expected == pytest.approx(whole[0])
    for funnel in steps.results:
        counts = [step.reached.count for step in funnel.steps]
        assert counts == sorted(counts, reverse=True)
    assert b"NaN" not in msgspec.json.encode(reports)


def figures(share: Share | None) -> tuple[float, ...]:
    assert share is not None
    return share.count, share.of, share.rate, share.low, share.high


def direct(count: int, of: int) -> tuple[float, ...]:
    rate = wilson_rate(count, of)
    return rate.count, rate.of, rate.rate, rate.low, rate.high


@pytest.mark.needs_data
def test_open_bandit_equals_a_direct_count(
    engine: Engine, tmp_path: Path, shared_data: Find
) -> None:
    """A row is one shown item at one of three places; both policies are there."""
    rows = []
    for policy in ("random", "bts"):
        path = shared_data("obd") / f"{policy}_women.csv.gz"
        with gzip.open(path, "rt", newline="") as file:
            rows += [{**row, "policy": policy} for row in csv.DictReader(file)]
    table = tmp_path / "obd.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["execution_id", "document", "position", "clicked", "time", "configuration"]
        )
        for number, row in enumerate(rows):
            place = int(row["position"]) - 1
            values = (row["item_id"], place, row["click"], row["timestamp"], row["policy"])
            writer.writerow([f"row-{number}", *values])
    assert run_import(engine, table, format="csv").rejected == 0
    with asked(engine) as log:
        by_position = position_rates(log, read_grouping("configuration"))
        by_item = document_rates(
            log, Order(sort="clicks", size=1000), read_grouping("configuration")
        )
    place_to_count = tally(
        ((row["policy"], int(row["position"]) - 1), row["click"] == "1") for row in rows
    )
    assert {
        (row.group, row.position): figures(row.click_through) for row in by_position.results
    } == {key: direct(*counts) for key, counts in place_to_count.items()}
    item_to_count = tally(((row["policy"], row["item_id"]), row["click"] == "1") for row in rows)
    assert {
        (row.group, row.document_id): figures(row.click_through) for row in by_item.results
    } == {key: direct(*counts) for key, counts in item_to_count.items()}
    assert by_position.coverage.basis == "shown"
    assert (by_position.coverage.clicked, by_position.coverage.impressions) == (92, 20_000)


@pytest.mark.needs_data
def test_ranklens(engine: Engine, tmp_path: Path, shared_data: Find) -> None:
    """The figures are those of the data's own description; its clicks have no queries."""
    path = tmp_path / "events.jsonl.gz"
    path.write_bytes((shared_data("ranklens") / "events_train.jsonl.gz").read_bytes())
    run_import(engine, path, format="metarank")
    reports = every_report(engine)
    check(reports)
    positions, queries, _, _ = reports
    assert [row.click_through.of for row in positions.results] == [7_873] * 24
    assert positions.coverage.clicked == 36_513
    assert positions.coverage.basis == "returned"
    assert [row.query for row in queries.results] == [None]
    assert queries.results[0].searches.count == 7_873


@pytest.mark.needs_data
def test_ubi(engine: Engine, tmp_path: Path, shared_data: Find) -> None:
    """Impressions that repeat a document are one; six searches are known by their events only."""
    paths = []
    for name in ("ubi_queries.ndjson.gz", "ubi_events.ndjson.gz"):
        paths.append(tmp_path / name)
        paths[-1].write_bytes((shared_data("ubi_esci") / name).read_bytes())
    run_import(engine, *paths, format="ubi")
    reports = every_report(engine)
    check(reports)
    positions, queries, _, steps = reports
    assert positions.coverage.basis == "shown"
    assert positions.coverage.executions == 473
    assert sum(row.searches.count for row in queries.results) == 473 + 6
    documents, sessions = steps.results
    assert [step.reached.count for step in documents.steps] == [1_954, 184, 124, 0]
    assert sessions.steps[0].reached.count == 215
