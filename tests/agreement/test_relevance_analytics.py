"""Relevance analytics equal a plain count of the same log, on both databases."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from desirepath.domain.funnel_steps import DEFAULT_STEPS
from desirepath.domain.grouping import read_grouping
from desirepath.domain.scope import Scope
from desirepath.engine.analysing.asking import open_log
from desirepath.engine.analysing.comparing import Compared, compared
from desirepath.engine.analysing.document_rates import document_rates
from desirepath.engine.analysing.figures import Mean, Share
from desirepath.engine.analysing.funnel import funnels
from desirepath.engine.analysing.position_rates import position_rates
from desirepath.engine.analysing.query_rates import query_rates
from desirepath.engine.analysing.relevance import Funnel, Order
from desirepath.engine.engine import Engine
from tests.agreement.shop_log import (
    DAY,
    SECOND,
    START,
    Impression,
    Search,
    ShopLog,
    random_shop_log,
    tally,
)
from tests.unit.engine.importing_helpers import run_import, write_lines

WEEK = START + 7 * DAY
ACTED = {"click", "return_to_results", "add_to_cart", "purchase", "dwell"}
HALF_HOUR = 30 * 60 * SECOND
SEEDS = (1, 2)


@contextmanager
def opened(
    engine: Engine, tmp_path: Path, log: ShopLog, scope: Scope, earlier: Scope | None = None
) -> Iterator[Compared]:
    result = run_import(engine, write_lines(tmp_path / "log.jsonl", log.rows), format="jsonl")
    assert result.rejected == 0
    namespace = engine.directory.namespace("default")
    assert namespace is not None
    with open_log(engine, namespace) as found:
        yield compared(found, scope, earlier)


def pair(share: Share | None) -> tuple[int, int]:
    return (0, 0) if share is None else (share.count, share.of)


def before(share: Share | None) -> tuple[int, int]:
    return (
        (0, 0) if share is None or share.before is None else (share.before.count, share.before.of)
    )


@pytest.mark.parametrize(
    ("seed", "group_by"),
    list(enumerate([None, "configuration", "metadata.device", "day", "query"], start=1)),
)
def test_positions(engine: Engine, tmp_path: Path, seed: int, group_by: str | None) -> None:
    log = random_shop_log(seed)

    def group(search: Search, one: Impression) -> str | None:
        match group_by:
            case "configuration":
                return search.configuration
            case "metadata.device":
                return search.device
            case "query":
                return search.query
            case "day":
                return f"2025-06-{1 + (one.at - START) // DAY:02d}"
        return None

    expected = tally(
        ((group(search, one), one.position), "click" in one.types)
        for search, one in log.all_counted()
    )
    with opened(engine, tmp_path, log, Scope()) as asked:
        found = position_rates(asked, read_grouping(group_by))
    rates = {(row.group, row.position): pair(row.click_through) for row in found.results}
    assert rates == expected
    assert found.coverage.basis == "mixed"
    assert found.coverage.impressions == sum(of for _, of in expected.values())
    every = [one for search in log.searches for one in search.impressions.values()]
    left_out = len(every) - found.coverage.impressions
    assert found.coverage.impressions_left_out == left_out
    clicked = sum("click" in one.types for one in every)
    assert found.coverage.clicked + found.coverage.clicked_left_out == clicked


@pytest.mark.parametrize("seed", SEEDS)
def test_queries(engine: Engine, tmp_path: Path, seed: int) -> None:
    """The second week, beside the first."""
    log = random_shop_log(seed, 120)
    with opened(engine, tmp_path, log, Scope(since=WEEK), Scope(before=WEEK)) as asked:
        found = query_rates(asked, Order(sort="searches", size=100))
    late = log.within(lambda search: search.at >= WEEK)
    early = log.within(lambda search: search.at < WEEK)
    assert {row.query for row in found.results} == {search.query for search in late.searches}
    assert found.total == len(found.results)
    for row in found.results:
        now, then = (_figures(part, row.query) for part in (late, early))
        shares = {
            "click_through": row.click_through,
            "zero_results": row.zero_results,
            "clicked": row.clicked,
            "abandoned": row.abandoned,
            "refined": row.refined,
            "skipped": row.skipped,
            "returned": row.returned,
        }
        assert {name: pair(share) for name, share in shares.items()} == now["shares"]
        for name, share in shares.items():
            if share is not None:
                assert before(share) == then["shares"][name]
        assert (row.searches.count, row.searches.before) == (now["searches"], then["searches"])
        _same_mean(row.click_rank, now["ranks"], then["ranks"])
        _same_mean(row.seconds_to_click, now["waits"], then["waits"])


def _figures(log: ShopLog, query: str | None) -> dict[str, Any]:
    searches = [search for search in log.searches if search.query == query]
    with_results = [
        search
        for search in searches
        if search.n_results != 0 and (search.is_known or log.counted(search))
    ]
    known = [search for search in searches if search.is_known]
    counted = [one for search in searches for one in log.counted(search)]

    def so(search: Search, types: set[str]) -> bool:
        return any(types & one.types for one in search.impressions.values())

    waits = []
    for search in known:
        clicks = [one.clicked_at for one in search.impressions.values() if one.clicked_at]
        if clicks and min(clicks) - search.at <= HALF_HOUR:
            waits.append((min(clicks) - search.at) / SECOND)
    of = len(with_results)
    return {
        "searches": len(searches),
        "shares": {
            "click_through": (sum("click" in one.types for one in counted), len(counted)),
            "zero_results": (sum(s.n_results == 0 for s in searches), len(searches)),
            "clicked": (sum(so(s, {"click"}) for s in with_results), of),
            "abandoned": (sum(not so(s, ACTED) for s in with_results), of),
            "refined": (sum(s.is_refined for s in known), len(known)),
            "skipped": (sum(so(s, {"skip"}) for s in with_results), of),
            "returned": (sum(so(s, {"return_to_results"}) for s in with_results), of),
        },
        "ranks": [
            one.position + 1
            for search in searches
            for one in search.impressions.values()
            if "click" in one.types
        ],
        "waits": waits,
    }


def _same_mean(mean: Mean | None, values: list[float], values_before: list[float]) -> None:
    if not values:
        assert mean is None
        return
    assert mean is not None
    assert mean.n == len(values)
    assert mean.mean == pytest.approx(statistics.fmean(values))
    if len(values) > 1:
        spread = 1.959963984540054 * statistics.stdev(values) / len(values) ** 0.5
        assert mean.low == pytest.approx(mean.mean - spread, abs=1e-9)
        assert mean.high == pytest.approx(mean.mean + spread, abs=1e-9)
    if values_before:
        assert mean.before is not None
        assert mean.before.mean == pytest.approx(statistics.fmean(values_before))


@pytest.mark.parametrize("seed", SEEDS)
def test_documents(engine: Engine, tmp_path: Path, seed: int) -> None:
    log = random_shop_log(seed, 120)
    pairs = list(log.all_counted())
    position_to_rate = {
        position: clicks / n
        for position, (clicks, n) in tally(
            (one.position, "click" in one.types) for _, one in pairs
        ).items()
    }
    moments = [one.at for _, one in pairs]
    middle = min(moments) + (max(moments) - min(moments)) // 2 + 1
    with opened(engine, tmp_path, log, Scope()) as asked:
        found = document_rates(asked, Order(sort="click_through", size=100))
    assert {row.document_id for row in found.results} == {one.document for _, one in pairs}
    for row in found.results:
        ones = [one for _, one in pairs if one.document == row.document_id]
        assert pair(row.click_through) == (sum("click" in one.types for one in ones), len(ones))
        assert row.impressions.count == len(ones)
        assert row.average_position is not None
        assert row.average_position.mean == pytest.approx(
            statistics.fmean(one.position for one in ones)
        )
        assert (row.skips, row.returns, row.acted) == (
            sum("skip" in one.types for one in ones),
            sum("return_to_results" in one.types for one in ones),
            sum(bool(ACTED & one.types) for one in ones),
        )
        assert row.clicks_over_expected is not None
        assert row.clicks_over_expected.expected == pytest.approx(
            sum(position_to_rate[one.position] for one in ones)
        )
        ratio, shrunk = row.clicks_over_expected.ratio, row.clicks_over_expected.shrunk
        assert min(1.0, ratio) <= shrunk <= max(1.0, ratio)
        halves = tally((one.at >= middle, "click" in one.types) for one in ones)
        for rate, half in ((row.trend.earlier, False), (row.trend.later, True)):
            assert rate is not None
            assert (rate.count, rate.of) == halves[half]
    rates = [row.click_through.rate for row in found.results if row.click_through]
    assert rates == sorted(rates, reverse=True)


@pytest.mark.parametrize("seed", SEEDS)
def test_funnels(engine: Engine, tmp_path: Path, seed: int) -> None:
    log = random_shop_log(seed, 120)
    with opened(engine, tmp_path, log, Scope()) as asked:
        shown, acted = funnels(asked, DEFAULT_STEPS), funnels(asked, ("click", "purchase"))
    every = [(s, one) for s in log.searches for one in s.impressions.values()]
    counted = list(log.all_counted())
    assert _counts(shown.results[0]) == _reached([one.types for _, one in counted], DEFAULT_STEPS)
    assert _counts(acted.results[0]) == _reached(
        [one.types for _, one in every], ("click", "purchase")
    )
    sessions = _by_session(every)
    seen = {search.session for search, _ in counted}
    own = [types for session, types in sessions.items() if session in seen]
    assert _counts(shown.results[1]) == _reached(own, DEFAULT_STEPS)
    assert _counts(acted.results[1]) == _reached(list(sessions.values()), ("click", "purchase"))
    assert shown.without_session == sum(search.session is None for search, _ in counted)


def _counts(funnel: Funnel) -> list[int]:
    return [step.reached.count for step in funnel.steps]


def _by_session(pairs: list[tuple[Search, Impression]]) -> dict[str, set[str]]:
    sessions: dict[str, set[str]] = {}
    for search, one in pairs:
        if search.session is not None:
            sessions.setdefault(search.session, set()).update(one.types)
    return sessions


def _reached(units: list[set[str]], steps: tuple[str, ...]) -> list[int]:
    counts = []
    for number in range(len(steps)):
        needed = set(steps[: number + 1]) - {"impression"}
        counts.append(sum(needed <= types for types in units))
    return counts
