"""Who shares a transaction, and who pays when one fails."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing

import pytest

from desirepath.engine import group_commit
from desirepath.engine.group_commit import GroupCommit
from desirepath.errors import InvalidInteraction, StorageFull, StorageUnavailable

Groups = GroupCommit[int, int]


class Handler:
    """Doubles numbers; remembers the groups it was given; can be held up."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.entered = threading.Event()
        self.proceed = threading.Event()
        self.proceed.set()
        self.fail: Callable[[Sequence[int]], None] = lambda _: None

    def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.groups.append(list(numbers))
        self.entered.set()
        assert self.proceed.wait(60)
        self.fail(numbers)
        return [2 * number for number in numbers]

    def hold(self) -> None:
        self.entered.clear()
        self.proceed.clear()


@pytest.fixture
def handler() -> Handler:
    return Handler()


@pytest.fixture
def groups(handler: Handler) -> Iterator[Groups]:
    with closing(GroupCommit(handler, "test")) as groups:
        yield groups
        handler.proceed.set()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(32) as pool:
        yield pool


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def call_while_busy(
    groups: Groups, handler: Handler, pool: ThreadPoolExecutor, numbers: Sequence[int]
) -> list[Future[int]]:
    """Call with each number while another group is on its way, so that they form the next."""
    handler.hold()
    first = pool.submit(groups.call, 0)
    assert handler.entered.wait(60)
    futures = []
    for count, number in enumerate(numbers, start=1):
        futures.append(pool.submit(groups.call, number))
        until(lambda count=count: len(groups._waiting) == count)  # type: ignore[misc]
    handler.proceed.set()
    assert first.result(60) == 0
    return futures


def test_a_lone_request_is_a_group_of_one(groups: Groups, handler: Handler) -> None:
    assert groups.call(21) == 42
    assert groups.call(4) == 8
    assert handler.groups == [[21], [4]]


def test_what_arrives_during_a_commit_forms_the_next_group_in_order(
    groups: Groups, handler: Handler, pool: ThreadPoolExecutor
) -> None:
    futures = call_while_busy(groups, handler, pool, [5, 3, 4])
    assert [future.result(60) for future in futures] == [10, 6, 8]
    assert handler.groups == [[0], [5, 3, 4]]


def test_a_group_has_a_largest_size(
    groups: Groups, handler: Handler, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "_MAX_GROUP", 3)
    futures = call_while_busy(groups, handler, pool, range(1, 8))
    assert [future.result(60) for future in futures] == [2, 4, 6, 8, 10, 12, 14]
    assert handler.groups == [[0], [1, 2, 3], [4, 5, 6], [7]]


def test_one_bad_request_costs_only_itself(
    groups: Groups, handler: Handler, pool: ThreadPoolExecutor
) -> None:
    def refuse_four(numbers: Sequence[int]) -> None:
        if 4 in numbers:
            raise InvalidInteraction("four")

    handler.fail = refuse_four
    futures = call_while_busy(groups, handler, pool, [3, 4, 5])
    assert [futures[0].result(60), futures[2].result(10)] == [6, 10]
    with pytest.raises(InvalidInteraction, match="four"):
        futures[1].result(60)
    assert handler.groups == [[0], [3, 4, 5], [3], [4], [5]]
    assert groups.call(1) == 2  # and life goes on


def test_a_lone_bad_request_is_not_tried_again(groups: Groups, handler: Handler) -> None:
    def refuse(numbers: Sequence[int]) -> None:
        raise InvalidInteraction("no")

    handler.fail = refuse
    with pytest.raises(InvalidInteraction):
        groups.call(1)
    assert handler.groups == [[1]]


def test_nobody_waits_again_for_a_database_that_is_gone(
    groups: Groups, handler: Handler, pool: ThreadPoolExecutor
) -> None:
    def vanish(numbers: Sequence[int]) -> None:
        if len(numbers) > 1:
            raise StorageUnavailable

    handler.fail = vanish
    futures = call_while_busy(groups, handler, pool, [1, 2, 3])
    assert [type(future.exception(60)) for future in futures] == [StorageUnavailable] * 3
    assert handler.groups == [[0], [1, 2, 3]]


def test_a_disk_too_full_for_the_group_may_have_room_for_one(
    groups: Groups, handler: Handler, pool: ThreadPoolExecutor
) -> None:
    def overflow(numbers: Sequence[int]) -> None:
        if len(numbers) > 1 or 2 in numbers:
            raise StorageFull

    handler.fail = overflow
    futures = call_while_busy(groups, handler, pool, [1, 2, 3])
    assert [type(future.exception(60)) for future in futures] == [
        type(None),
        StorageFull,
        type(None),
    ]


def test_tasks_get_their_answers_on_their_own_loop(groups: Groups) -> None:
    async def ask_all() -> list[int]:
        thread = threading.get_ident()

        async def ask(number: int) -> int:
            answer = await groups.acall(number)
            assert threading.get_ident() == thread
            return answer

        return await asyncio.gather(*map(ask, range(100)))

    assert asyncio.run(ask_all()) == [2 * number for number in range(100)]


def test_a_task_gets_the_error_of_its_request(groups: Groups, handler: Handler) -> None:
    def refuse_odd(numbers: Sequence[int]) -> None:
        if any(number % 2 for number in numbers):
            raise InvalidInteraction("odd")

    handler.fail = refuse_odd

    async def ask_all() -> list[int | BaseException]:
        return await asyncio.gather(*map(groups.acall, range(6)), return_exceptions=True)

    answers = asyncio.run(ask_all())
    assert answers[::2] == [0, 4, 8]
    assert [type(answer) for answer in answers[1::2]] == [InvalidInteraction] * 3


def test_tasks_of_several_loops_and_threads_share_a_group(
    groups: Groups, handler: Handler, pool: ThreadPoolExecutor
) -> None:
    handler.hold()
    first = pool.submit(groups.call, 0)
    assert handler.entered.wait(60)

    async def ask(number: int) -> int:
        return await groups.acall(number)

    futures = [pool.submit(lambda n=n: asyncio.run(ask(n))) for n in (1, 2)]  # type: ignore[misc]
    futures.append(pool.submit(groups.call, 3))
    until(lambda: len(groups._waiting) == 3)
    handler.proceed.set()
    assert [future.result(60) for future in (first, *futures)] == [0, 2, 4, 6]
    assert sorted(handler.groups[1]) == [1, 2, 3]


def test_a_task_that_gave_up_disturbs_nobody(
    groups: Groups, handler: Handler, pool: ThreadPoolExecutor
) -> None:
    async def give_up_on_one() -> int:
        handler.hold()
        blocker = pool.submit(groups.call, 0)
        assert await asyncio.to_thread(handler.entered.wait, 10)
        impatient = asyncio.create_task(groups.acall(1))
        patient = asyncio.create_task(groups.acall(2))
        await asyncio.sleep(0)
        impatient.cancel()
        await asyncio.sleep(0)
        handler.proceed.set()
        answer = await patient
        assert impatient.cancelled()
        assert blocker.result(60) == 0
        return answer

    assert asyncio.run(give_up_on_one()) == 4
    assert groups.call(3) == 6


def test_a_loop_that_ended_disturbs_nobody(
    groups: Groups, handler: Handler, pool: ThreadPoolExecutor
) -> None:
    handler.hold()
    blocker = pool.submit(groups.call, 0)
    assert handler.entered.wait(60)

    async def leave() -> None:
        waiting = asyncio.ensure_future(groups.acall(1))
        await asyncio.sleep(0)
        waiting.cancel()

    asyncio.run(leave())
    assert len(groups._waiting) == 1
    future = pool.submit(groups.call, 2)
    until(lambda: len(groups._waiting) == 2)
    handler.proceed.set()
    assert (blocker.result(60), future.result(10)) == (0, 4)


def test_closing_answers_what_waits(
    groups: Groups, handler: Handler, pool: ThreadPoolExecutor
) -> None:
    futures = call_while_busy(groups, handler, pool, [1, 2])
    groups.close()
    assert [future.result(60) for future in futures] == [2, 4]


def test_after_closing_nothing_is_taken(groups: Groups) -> None:
    groups.close()
    groups.close()  # again is no error
    with pytest.raises(StorageUnavailable):
        groups.call(1)
    with pytest.raises(StorageUnavailable):
        asyncio.run(groups.acall(1))


def test_a_request_that_meets_the_closing_is_answered_or_refused(handler: Handler) -> None:
    for _ in range(20):
        groups = GroupCommit(handler, "test")
        with ThreadPoolExecutor(1) as pool:
            with groups._wake:  # the request has begun when the thread ends
                future = pool.submit(groups.call, 1)
                time.sleep(0.002)
                groups._closed = True
                groups._wake.notify()
            groups.close()
            error = future.exception(60)
        assert error is None or isinstance(error, StorageUnavailable)


def test_too_many_waiting_are_refused(
    groups: Groups, handler: Handler, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "_MAX_WAITING", 2)
    handler.hold()
    blocker = pool.submit(groups.call, 0)
    assert handler.entered.wait(60)
    futures = [pool.submit(groups.call, number) for number in (1, 2)]
    until(lambda: len(groups._waiting) == 2)
    with pytest.raises(StorageUnavailable):
        groups.call(3)
    handler.proceed.set()
    assert [future.result(60) for future in (blocker, *futures)] == [0, 2, 4]


def test_many_threads_each_get_their_own_answer(groups: Groups, pool: ThreadPoolExecutor) -> None:
    numbers = list(range(1000))
    assert list(pool.map(groups.call, numbers)) == [2 * number for number in numbers]
