"""The numbers that charts are drawn from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from desirepath.dashboard.charts import bars, hour_chart, rate_bars
from desirepath.engine.reporting import HourCount, PositionRate, wilson_rate

MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)


def hour(number: int, n: int, n_shown: int = 0) -> HourCount:
    types = {"impression": n_shown, "click": n - n_shown}
    moment = MIDNIGHT + timedelta(hours=number)
    return HourCount(
        hour=moment, n=n, n_shown=n_shown, types={type: k for type, k in types.items() if k}
    )


def test_hours_stand_on_the_ground_and_the_most_fill_the_height() -> None:
    chart = hour_chart([hour(0, 20, 15), hour(1, 40, 10), hour(2, 0)])
    first, second, third = chart.bars
    assert (first.done_y, first.done_height) == (87.5, 12.5)
    assert (first.shown_y, first.shown_height) == (50.0, 37.5)
    assert second.shown_y == 0
    assert (third.done_height, third.shown_height) == (0, 0)
    assert chart.most == 40


def test_an_hour_with_little_can_be_seen() -> None:
    chart = hour_chart([hour(0, 1_000_000), hour(1, 1)])
    assert chart.bars[1].done_height > 0.5


def test_hours_say_what_they_hold() -> None:
    chart = hour_chart([hour(0, 1), hour(1, 2_000, 500)])
    assert chart.bars[1].title == "1 Jan 01:00: 2,000 (impression 500, click 1,500)"
    assert "at most 2,000 in the hour from 1 Jan 01:00 UTC" in chart.summary
    assert hour_chart([hour(0, 1), hour(1, 0)]).bars[1].title == "1 Jan 01:00: 0"


def test_every_twelfth_hour_has_a_label() -> None:
    chart = hour_chart([hour(number, 1) for number in range(48)])
    assert chart.labels == tuple(MIDNIGHT + timedelta(hours=12 * n) for n in range(4))


def test_rates_end_within_their_intervals_and_the_chart() -> None:
    rows = [
        PositionRate(position=at, click_through=wilson_rate(n, 50)) for at, n in enumerate((9, 0))
    ]
    drawn = rate_bars(rows)
    assert max(bar.high for bar in drawn) == 100
    for bar in drawn:
        assert bar.low <= bar.width <= bar.high
    assert rate_bars([]) == ()


def test_bars_of_nothing() -> None:
    assert bars([]) == ()
    assert bars([0, 0]) == (0.0, 0.0)
