"""Times as they are read and written."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desirepath.domain.clock import (
    SystemClock,
    format_time,
    from_datetime,
    parse_time,
    to_datetime,
)

EARLIEST = -62_135_596_800_000_000  # 0001-01-01T00:00:00Z
LATEST = 253_402_300_799_999_999  # 9999-12-31T23:59:59.999999Z


@given(moment=st.integers(EARLIEST, LATEST))
def test_a_written_time_reads_back(moment: int) -> None:
    assert parse_time(format_time(moment)) == moment
    assert from_datetime(to_datetime(moment)) == moment


@given(moment=st.datetimes(timezones=st.just(UTC)))
def test_a_time_is_written_as_python_writes_it(moment: datetime) -> None:
    expected = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
    assert format_time(from_datetime(moment)) == expected


@given(moment=st.datetimes(), hours=st.integers(-14, 14), minutes=st.sampled_from((0, 30, 45)))
def test_zones_are_instants(moment: datetime, hours: int, minutes: int) -> None:
    zone = timezone(timedelta(hours=hours, minutes=minutes))
    offset = (hours * 60 + minutes) * 60_000_000
    expected = from_datetime(moment) - offset
    aware = moment.replace(tzinfo=zone)
    if EARLIEST <= expected <= LATEST:
        assert parse_time(aware.isoformat()) == from_datetime(aware) == expected
    else:
        with pytest.raises(ValueError, match="out of range"):
            parse_time(aware.isoformat())
        with pytest.raises(ValueError, match="out of range"):
            from_datetime(aware)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000000Z"),
        ("2026-01-31T12:00:00", "2026-01-31T12:00:00.000000Z"),
        ("2026-01-31 12:00", "2026-01-31T12:00:00.000000Z"),
        ("2026-01-31T12", "2026-01-31T12:00:00.000000Z"),
        ("2026-01-31", "2026-01-31T00:00:00.000000Z"),
        ("20260131T120000Z", "2026-01-31T12:00:00.000000Z"),
        ("2026-01-31T12:00:00+02:00", "2026-01-31T10:00:00.000000Z"),
        ("2026-01-31T12:00:00.5-0130", "2026-01-31T13:30:00.500000Z"),
        ("2026-01-31T12:00:00.123456789Z", "2026-01-31T12:00:00.123456Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
        ("0001-01-01T14:00:00+14:00", "0001-01-01T00:00:00.000000Z"),
        ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.000000Z"),
        ("2016-12-31T23:59:60.999Z", "2016-12-31T23:59:59.999000Z"),
        ("2017-01-01T05:29:60+05:30", "2016-12-31T23:59:59.000000Z"),
    ],
)
def test_iso_8601_is_read(text: str, expected: str) -> None:
    assert format_time(parse_time(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026",
        "2026-01",
        "2026-13-01",
        "2026-02-30",
        "2026-01-31T24:30:00",
        "2026-01-31T25:00:00",
        "2026-01-31T10:60:00",
        "2026-01-31T10:00:61",
        "2026-01-31T60:00:00",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "1767225600",
        "1767225600000",
        "2026-01-31T12:00:00ZZ",
        " 2026-01-31",
        "2026-01-31T12:00:00 Europe/Paris",
        "٢٠٢٦-01-31",
        "\ud800",
        "2026-01-31T12:00:00." + "0" * 1000,
        "9" * 100_000,
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # Python's own words
        parse_time(text)


def test_a_naive_datetime_is_utc() -> None:
    assert from_datetime(datetime(1970, 1, 1, 0, 0, 1)) == 1_000_000  # noqa: DTZ001


def test_the_system_clock_is_the_wall_clock() -> None:
    before = time.time_ns() // 1000
    now = SystemClock().now()
    assert before <= now <= time.time_ns() // 1000
