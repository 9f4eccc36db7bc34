"""What decides whether something is new."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from desirepath.domain.clock import MICROSECONDS
from desirepath.storage.base import Event, Storage
from desirepath.testing.clock import START
from desirepath.testing.examples import new_id
from desirepath.testing.storage_contract.common import (
    DAY,
    DEFAULT,
    DIGEST,
    ODD_TEXTS,
    OTHER,
    OTHER_DIGEST,
    WINDOW,
    OpenAnother,
    at_once,
)


class ReceiptsContract:
    """See :class:`~desirepath.storage.base.Receipts`."""

    def test_an_event_id_is_won_once_in_a_namespace(
        self, storage: Storage, open_another: OpenAnother
    ) -> None:
        first = new_id()
        with storage.write() as session:
            assert session.receipts.claim_events([]) == {}
            assert session.receipts.claim_events([(DEFAULT, "event", DIGEST, first)]) == {}
        with open_another().write() as session:
            claims = [
                (DEFAULT, "event", OTHER_DIGEST, new_id()),
                (OTHER, "event", DIGEST, new_id()),
                (DEFAULT, "Event", DIGEST, new_id()),
            ]
            taken = session.receipts.claim_events(claims)
        assert taken == {(DEFAULT, "event"): Event(DIGEST, first)}

    @pytest.mark.parametrize("event_id", ODD_TEXTS)
    def test_an_odd_event_id_is_like_any_other(self, storage: Storage, event_id: str) -> None:
        first = new_id()
        with storage.write() as session:
            assert session.receipts.claim_events([(DEFAULT, event_id, DIGEST, first)]) == {}
            taken = session.receipts.claim_events([(DEFAULT, event_id, DIGEST, new_id())])
        assert taken == {(DEFAULT, event_id): Event(DIGEST, first)}

    def test_a_released_event_id_is_free(self, storage: Storage) -> None:
        with storage.write() as session:
            claims = [(n, name, DIGEST, new_id()) for n in (DEFAULT, OTHER) for name in ("a", "b")]
            session.receipts.claim_events(claims)
            session.receipts.release_events(DEFAULT, [])
            session.receipts.release_events(DEFAULT, ["a", "unknown"])
        with storage.write() as session:
            taken = session.receipts.claim_events(claims)
        assert set(taken) == {(DEFAULT, "b"), (OTHER, "a"), (OTHER, "b")}

    def test_a_mark_holds_for_its_window(self, storage: Storage) -> None:
        assert self._claim(storage, b"k", START)
        assert not self._claim(storage, b"k", START)
        assert not self._claim(storage, b"k", START + WINDOW - 1)
        assert self._claim(storage, b"k", START + WINDOW)
        assert not self._claim(storage, b"k", START + WINDOW + 1)

    def test_a_dropped_repeat_does_not_extend_the_window(self, storage: Storage) -> None:
        assert self._claim(storage, b"k", START)
        for second in range(0, 300, 60):
            assert not self._claim(storage, b"k", START + second * MICROSECONDS)
        assert self._claim(storage, b"k", START + WINDOW)

    def test_a_mark_from_a_clock_far_ahead_does_not_hold_for_ever(self, storage: Storage) -> None:
        assert self._claim(storage, b"k", START + DAY)
        assert self._claim(storage, b"k", START)
        assert not self._claim(storage, b"k", START + 1)

    def test_a_window_of_nothing_drops_nothing(self, storage: Storage) -> None:
        assert all(self._claim(storage, b"k", START, window=0) for _ in range(2))

    @staticmethod
    def _claim(storage: Storage, key: bytes, now: int, window: int = WINDOW) -> bool:
        with storage.write() as session:
            return session.receipts.claim_marks([(key * 16, new_id())], now, window) == set()

    def test_marks_of_one_call_are_decided_one_by_one(self, storage: Storage) -> None:
        keys = [number.to_bytes(16) for number in range(1200)]
        with storage.write() as session:
            assert session.receipts.claim_marks([], START, WINDOW) == set()
            old = [(key, new_id()) for key in keys[::3]]
            session.receipts.claim_marks(old, START - WINDOW, WINDOW)
            recent = [(key, new_id()) for key in keys[1::3]]
            session.receipts.claim_marks(recent, START - 1, WINDOW)
            lost = session.receipts.claim_marks([(k, new_id()) for k in keys], START, WINDOW)
        assert lost == set(keys[1::3])

    def test_a_key_gives_the_answer_it_got(self, storage: Storage) -> None:
        with storage.write() as session:
            assert session.receipts.claim_key(DEFAULT, "k", DIGEST, START) is None
            session.receipts.keep_answer(DEFAULT, "k", '{"odd":"\\u0001 😀"}')
        with storage.write() as session:
            receipt = session.receipts.claim_key(DEFAULT, "k", OTHER_DIGEST, START + 1)
            assert receipt is not None
            assert (receipt.digest, receipt.body) == (DIGEST, '{"odd":"\\u0001 😀"}')
            assert session.receipts.claim_key(OTHER, "k", OTHER_DIGEST, START) is None
            assert session.receipts.claim_key(DEFAULT, "K", OTHER_DIGEST, START) is None

    def test_an_answer_belongs_to_its_namespace(self, storage: Storage) -> None:
        with storage.write() as session:
            for namespace in (DEFAULT, OTHER):
                session.receipts.claim_key(namespace, "k", DIGEST, START)
            session.receipts.keep_answer(DEFAULT, "k", "here")
            session.receipts.keep_answer(OTHER, "k", "there")
            receipt = session.receipts.claim_key(DEFAULT, "k", DIGEST, START)
        assert receipt is not None
        assert receipt.body == "here"

    def test_expiry_forgets_what_is_older(self, storage: Storage) -> None:
        with storage.write() as session:
            receipts = session.receipts
            for age in (1, 0):
                receipts.claim_marks([(bytes([age]) * 16, new_id())], START - age, WINDOW)
                receipts.claim_key(DEFAULT, f"k{age}", DIGEST, START - age)
            receipts.claim_events([(DEFAULT, "event", DIGEST, new_id())])
            receipts.expire(marks_before=START, keys_before=START)
        with storage.write() as session:
            receipts = session.receipts
            assert receipts.claim_marks([(bytes([1]) * 16, new_id())], START, WINDOW) == set()
            assert receipts.claim_marks([(bytes([0]) * 16, new_id())], START, WINDOW) != set()
            assert receipts.claim_key(DEFAULT, "k1", DIGEST, START) is None
            assert receipts.claim_key(DEFAULT, "k0", DIGEST, START) is not None
            assert receipts.claim_events([(DEFAULT, "event", DIGEST, new_id())]) != {}

    def test_expiry_has_two_bounds(self, storage: Storage) -> None:
        with storage.write() as session:
            receipts = session.receipts
            receipts.claim_marks([(b"m" * 16, new_id())], START, WINDOW)
            receipts.claim_key(DEFAULT, "k", DIGEST, START)
            receipts.expire(marks_before=START + 1, keys_before=START)
            assert receipts.claim_marks([(b"m" * 16, new_id())], START, WINDOW) == set()
            assert receipts.claim_key(DEFAULT, "k", DIGEST, START) is not None

    def test_erased_users_are_remembered_by_namespace(self, storage: Storage) -> None:
        with storage.write() as session:
            receipts = session.receipts
            for _ in range(2):  # again is no error
                receipts.suppress_user(DEFAULT, DIGEST, START)
            receipts.suppress_user(DEFAULT, OTHER_DIGEST, START)
            receipts.suppress_user(OTHER, DIGEST, START)
        with storage.read() as session:
            assert session.receipts.suppressed_users(DEFAULT) == {DIGEST, OTHER_DIGEST}
            assert session.receipts.suppressed_users(OTHER) == {DIGEST}
            assert session.receipts.suppressed_users(3) == frozenset()

    def test_exactly_one_racer_wins_each_claim(
        self, storage: Storage, open_another: OpenAnother
    ) -> None:
        targets = (storage, open_another()) * 4
        names = [f"name {number}" for number in range(20)]

        def race(target: Storage) -> Callable[[], list[tuple[str, str]]]:
            def task() -> list[tuple[str, str]]:
                return [win for name in names for win in self._wins(target, name)]

            return task

        wins = [win for won in at_once(*map(race, targets)) for win in won]
        claims = [(kind, name) for name in names for kind in ("event", "execution", "mark", "key")]
        assert sorted(wins) == sorted(claims)

    @staticmethod
    def _wins(target: Storage, name: str) -> list[tuple[str, str]]:
        id = new_id()
        mark = name.encode().ljust(16)
        with target.write() as session:
            won = {
                "event": not session.receipts.claim_events([(DEFAULT, name, DIGEST, id)]),
                "execution": not session.executions.claim([(DEFAULT, name, DIGEST, id)]),
                "mark": not session.receipts.claim_marks([(mark, id)], START, WINDOW),
                "key": session.receipts.claim_key(DEFAULT, name, DIGEST, START) is None,
            }
        return [(kind, name) for kind, mine in won.items() if mine]

    def test_racers_with_claims_in_any_order_all_finish(
        self, storage: Storage, open_another: OpenAnother
    ) -> None:
        targets = (storage, open_another()) * 2
        names = [f"name {number}" for number in range(2000)]

        def race(target: Storage, ordered: Sequence[str]) -> Callable[[], int]:
            def task() -> int:
                claims = [(DEFAULT, name, DIGEST, new_id()) for name in ordered]
                with target.write() as session:
                    return len(claims) - len(session.receipts.claim_events(claims))

            return task

        orders = (names, names[::-1], names[1000:] + names[:1000], names[::-1])
        won = at_once(*map(race, targets, orders))
        assert sum(won) == len(names)
