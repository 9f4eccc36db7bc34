"""A circuit breaker: what keeps failing is left alone for a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable

from msgspec import Struct

__all__ = ["CircuitBreaker"]

_MOST_FAILURES = 3
_OPEN_SECONDS = 5.0


class _State(Struct):
    failures: int = 0
    open_until: float = 0.0
    is_trying: bool = False


class CircuitBreaker:
    """Closed: all is tried. Open, after three failures in a row: nothing is, for five seconds.

    Then half open: one is tried, and decides.

    Parameters
    ----------
    monotonic
        Seconds on a clock that never goes back.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._states: dict[Hashable, _State] = {}

    def state(self, key: Hashable) -> str:
        """closed, open or half_open."""
        state = self._states.get(key)
        if state is None or state.failures < _MOST_FAILURES:
            return "closed"
        return "open" if self._monotonic() < state.open_until else "half_open"

    def is_closed(self, key: Hashable) -> bool:
        """Whether to try now; in a half-open circuit the first who asks is told to."""
        state = self._states.get(key)
        if state is None or state.failures < _MOST_FAILURES:
            return True
        if self._monotonic() < state.open_until or state.is_trying:
            return False
        state.is_trying = True
        return True

    def failed(self, key: Hashable) -> None:
        state = self._states.setdefault(key, _State())
        state.failures += 1
        state.is_trying = False
        state.open_until = self._monotonic() + _OPEN_SECONDS

    def succeeded(self, key: Hashable) -> None:
        self._states.pop(key, None)
