"""Types of interactions that came, and come no more."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from ibis.expr.types import Table
from msgspec import Struct
from numpy.typing import NDArray

from desirepath.analysis.engines import AnalysisEngine
from desirepath.analysis.event_health import by_type
from desirepath.domain.acts import types_of

__all__ = ["StoppedType", "StoppedTypes", "find_stopped", "poisson_upper"]

_HOUR = 3_600_000_000
_DAY = 24 * _HOUR
_MOST = 28  # periods before the last one: four weeks of days
_LEAST = 3
_FALL = 0.5
_Z = 3.090232306167813  # one-sided 99.9%


class StoppedType(Struct, frozen=True, kw_only=True):
    """A type of one retriever: how often it came in the last period, and was expected to."""

    type: str
    retriever_id: str | None
    n: int
    expected: float
    last_at: int
    last_id: bytes

    def sentence(self, period: str) -> str:
        """What happened, for people."""
        return (
            f"{self.type} came {self.n:,} times in the last {period} (at most "
            f"{poisson_upper(self.n):,.1f}, by its 99.9 % limit), and {self.expected:,.1f} times "
            "were expected by those before."
        )


class StoppedTypes(Struct, frozen=True, kw_only=True):
    """What was found among ``n_judged`` types, period by period (``day`` or ``hour``)."""

    stopped: tuple[StoppedType, ...] = ()
    n_judged: int = 0
    period: str = "day"
    missing: str | None = None


def find_stopped(engine: AnalysisEngine, events: Table, first: int, last: int) -> StoppedTypes:
    """Types that came less than half as often in the last period as those before let expect.

    What is expected is the mean of up to 28 periods before, in proportion to how many events of all
    other kinds came: a quiet night, or the end of the log, stops no type. A type has stopped if the
    upper 99.9% limit of its last count is below half of that, and its rate below half of the lowest
    before. It takes periods of a day, or of an hour where the log has no four days.

    Parameters
    ----------
    first, last
        When the first and the last event occurred.
    """
    length = _DAY if last - first >= (_LEAST + 1) * _DAY else _HOUR
    n_periods = min((last - first) // length, _MOST + 1)
    if n_periods <= _LEAST:
        return StoppedTypes(missing="It takes a log of four days, or of four hours at least.")
    rows = engine.arrow(by_type(events, last, length, n_periods)).to_pylist()
    totals = np.zeros(n_periods)
    counts: defaultdict[tuple[str | None, str], NDArray[np.float64]] = defaultdict(
        lambda: np.zeros(n_periods)
    )
    latest: dict[tuple[str | None, str], tuple[int, bytes]] = {}
    for row in rows:
        totals[row["period"]] += row["n"]
        for type in types_of(row["acts"]):
            key = (row["retriever_id"], type)
            counts[key][row["period"]] += row["n"]
            latest[key] = max(latest.get(key, (0, b"")), (row["last_at"], row["last_id"]))
    stopped, n_judged = [], 0
    for key, numbers in counts.items():
        expected = _expected(numbers, totals - numbers)
        if _FALL * expected < poisson_upper(0) or not numbers[1:].all():
            continue
        n_judged += 1
        if _has_stopped(numbers, totals - numbers, expected):
            (retriever_id, type), (last_at, last_id) = key, latest[key]
            stopped.append(
                StoppedType(
                    type=type,
                    retriever_id=retriever_id,
                    n=int(numbers[0]),
                    expected=expected,
                    last_at=last_at,
                    last_id=last_id,
                )
            )
    stopped.sort(key=lambda one: (-one.expected, one.type, one.retriever_id or ""))
    return StoppedTypes(
        stopped=tuple(stopped), n_judged=n_judged, period="day" if length == _DAY else "hour"
    )


def poisson_upper(n: int) -> float:
    """The upper one-sided 99.9% limit of a rate of which ``n`` came.

    Exact for 0, else Byar's approximation, which is within two hundredths of it.

    References
    ----------
    Breslow & Day (1987), Statistical Methods in Cancer Research II, section 2.3.

    Examples
    --------
    >>> round(poisson_upper(0), 2), round(poisson_upper(10), 1)
    (6.91, 24.2)
    """
    if n == 0:
        return -math.log(0.001)
    m = n + 1
    return float(m * (1 - 1 / (9 * m) + _Z / (3 * math.sqrt(m))) ** 3)


def _expected(numbers: Sequence[float] | NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """How many of the last period were to be expected by those before it."""
    before = float(np.mean(numbers[1:]))
    of_others = float(np.mean(others[1:]))
    return before * float(others[0]) / of_others if of_others else before


def _has_stopped(
    numbers: NDArray[np.float64], others: NDArray[np.float64], expected: float
) -> bool:
    exposure = others if others.all() else np.ones(len(others))
    rates = numbers / exposure
    is_lowest = rates[0] < _FALL * rates[1:].min()
    return bool(is_lowest and poisson_upper(int(numbers[0])) < _FALL * expected)
