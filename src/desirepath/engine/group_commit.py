"""Many callers, one step: requests that wait at the same time share a transaction.

A durable commit costs about as much as twenty small writes. While one commit is on its way to the
disk, the requests that arrive meanwhile form the next group. Nobody waits for a timer: a lone
request is a group of one.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from desirepath.errors import StorageFull, StorageUnavailable

__all__ = ["GroupCommit"]

Request = TypeVar("Request")
Answer = TypeVar("Answer")

_MAX_GROUP = 512
_MAX_WAITING = 10_000


class GroupCommit(Generic[Request, Answer]):
    """A thread that answers requests in groups.

    Parameters
    ----------
    handle
        Answers a group, all or nothing: on an exception nothing of the group has happened, and
        each request is tried once more by itself, so that one bad request costs only itself. Not
        so when the database is gone: nobody is helped by waiting for it once more for each, and
        what was being committed as it went may have happened, which only the sender can tell.
    name
        Of the thread.
    """

    def __init__(self, handle: Callable[[Sequence[Request]], Sequence[Answer]], name: str) -> None:
        self._handle = handle
        self._waiting: deque[tuple[Request, _Delivery[Answer]]] = deque()
        self._wake = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def call(self, request: Request) -> Answer:
        """Wait for the answer in this thread."""
        future: Future[Answer] = Future()
        self._put(request, _Delivery(future, None))
        return future.result()

    async def acall(self, request: Request) -> Answer:
        """Wait for the answer in this task."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        self._put(request, _Delivery(future, loop))
        return await future

    def close(self) -> None:
        """Answer what waits, then end the thread."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join()

    def _put(self, request: Request, delivery: _Delivery[Answer]) -> None:
        with self._wake:
            if self._closed or len(self._waiting) >= _MAX_WAITING:
                raise StorageUnavailable()
            self._waiting.append((request, delivery))
            self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._waiting and not self._closed:
                    self._wake.wait()
                if not self._waiting:
                    return
                group = [
                    self._waiting.popleft() for _ in range(min(_MAX_GROUP, len(self._waiting)))
                ]
            _deliver(
                self._answer([request for request, _ in group]),
                [delivery for _, delivery in group],
            )

    def _answer(self, requests: list[Request]) -> Sequence[Answer | BaseException]:
        try:
            return self._handle(requests)
        except BaseException as error:
            gone = isinstance(error, StorageUnavailable) and not isinstance(error, StorageFull)
            if gone or len(requests) == 1:
                return [error] * len(requests)
            return [self._answer([request])[0] for request in requests]


class _Delivery(Generic[Answer]):
    """Where an answer goes: a future, and the event loop it belongs to if any."""

    __slots__ = ("future", "loop")

    def __init__(
        self,
        future: Future[Answer] | asyncio.Future[Answer],
        loop: asyncio.AbstractEventLoop | None,
    ) -> None:
        self.future = future
        self.loop = loop

    def settle(self, answer: Answer | BaseException) -> None:
        if self.future.cancelled() or self.future.done():
            return
        if isinstance(answer, BaseException):
            self.future.set_exception(answer)
        else:
            self.future.set_result(answer)


def _deliver(
    answers: Sequence[Answer | BaseException], deliveries: Sequence[_Delivery[Answer]]
) -> None:
    """Settle every future in its own thread, waking each event loop once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[_Delivery[Answer], Any]]] = {}
    for delivery, answer in zip(deliveries, answers, strict=True):
        if delivery.loop is None:
            delivery.settle(answer)
        else:
            by_loop.setdefault(delivery.loop, []).append((delivery, answer))
    for loop, settlements in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle_all, settlements)
        except RuntimeError:  # the loop has ended: nobody is waiting any more
            continue


def _settle_all(settlements: list[tuple[_Delivery[Any], Any]]) -> None:
    for delivery, answer in settlements:
        delivery.settle(answer)
