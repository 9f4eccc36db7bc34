"""Simulated robots: each does one thing that no person does."""

from __future__ import annotations

from collections.abc import Callable

from desirepath.testing.clock import START
from tests.unit.engine.analysing.traffic import DAY, SECOND, Traffic

__all__ = ["ROBOTS", "Robot", "crawler"]

Robot = Callable[[Traffic, str], None]
RETRIEVER = "ret_2"


def crawler(traffic: Traffic, name: str = "robot") -> None:
    """Clicks all that it finds, slowly."""
    for number in range(25):
        at = START + number * 900 * SECOND
        execution_id = traffic.search(name, at, retriever_id=RETRIEVER)
        for place in range(10):
            wait = int(traffic.rng.exponential(9) * SECOND)
            traffic.click(execution_id, place, at + place * 20 * SECOND + wait)


def _instant(traffic: Traffic, name: str) -> None:
    """Clicks two documents of each list, before it could be read."""
    for number in range(80):
        at = START + int(traffic.rng.integers(DAY))
        execution_id = traffic.search(name, at, retriever_id=RETRIEVER)
        for place in (number % 3, 4 + number % 5):
            traffic.click(execution_id, place, at + 30_000)


def _flood(traffic: Traffic, name: str) -> None:
    """Clicks twice a second for some minutes."""
    execution_id = traffic.search(name, START, retriever_id=RETRIEVER)
    for number in range(1_500):
        pause = int(traffic.rng.integers(SECOND))
        traffic.click(execution_id, number % 5, START + number * SECOND // 2 + pause)


def _monitor(traffic: Traffic, name: str) -> None:
    """Clicks once a minute, as a monitor does."""
    for number in range(150):
        at = START + number * 60 * SECOND + 123_456
        execution_id = traffic.search(name, at - 5 * SECOND, retriever_id=RETRIEVER)
        traffic.click(execution_id, 0, at + int(traffic.rng.integers(SECOND)))


def _promoter(traffic: Traffic, name: str) -> None:
    """Searches for one document, and clicks it, all day."""
    for _ in range(250):
        at = START + int(traffic.rng.integers(DAY))
        execution_id = traffic.search(name, at, "q0", RETRIEVER)
        wait = int((2 + traffic.rng.exponential(5)) * SECOND)
        traffic.click(execution_id, 7, at + wait)


ROBOTS: dict[str, Robot] = {
    "clicks_everything": crawler,
    "clicks_at_once": _instant,
    "inhuman_rate": _flood,
    "regular_clicks": _monitor,
    "one_document": _promoter,
}
"""By what marks them."""
