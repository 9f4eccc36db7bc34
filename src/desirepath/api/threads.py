"""Threads for what may take long, so few and with so short a queue that nothing else waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from desirepath.errors import Overloaded

__all__ = ["N_THREADS", "Threads"]

N_THREADS = 12
"""Less than a database has connections: recording needs one as well."""

T = TypeVar("T")


class Threads:
    """Runs functions that may wait.

    Parameters
    ----------
    most_waiting
        How many may wait for a thread.
    """

    def __init__(self, most_waiting: int) -> None:
        self._room = N_THREADS + most_waiting
        self._limiter = CapacityLimiter(N_THREADS)

    async def run(self, function: Callable[..., T], *arguments: object) -> T:
        """The result of a function, worked out in a thread.

        Raises
        ------
        Overloaded
            Too many wait already.
        """
        if not self._room:
            raise Overloaded()
        self._room -= 1
        try:
            return await run_sync(function, *arguments, limiter=self._limiter)
        finally:
            self._room += 1
