"""Counting what people reacted to, not oftener than needed."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import pytest

from desirepath.engine.serving import popularity as popularity_module
from desirepath.engine.serving.popularity import FRESH_SECONDS, Popularity
from desirepath.storage.base import Session, Storage
from desirepath.testing.clock import START
from desirepath.testing.examples import an_interaction
from desirepath.testing.storage_contract.common import store


class MonotonicTime:
    """The monotonic clock, moved by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> MonotonicTime:
    moment = MonotonicTime()
    monkeypatch.setattr(popularity_module, "time", moment)
    return moment


def count(
    storage: Storage, popularity: Popularity, namespace: int = 1, *types: str, days: int = 30
) -> Mapping[str, int]:
    with storage.read() as session:
        return popularity.counts(session, namespace, types or ("click",), days, START)


def test_counts_are_kept_for_a_minute(storage: Storage, moment: MonotonicTime) -> None:
    popularity = Popularity()
    store(storage, an_interaction(feature_id="a"))
    assert count(storage, popularity) == {"a": 1}
    store(storage, an_interaction(feature_id="b"))
    moment.seconds += FRESH_SECONDS - 1
    assert count(storage, popularity) == {"a": 1}
    moment.seconds += 2
    assert count(storage, popularity) == {"a": 1, "b": 1}


def test_each_question_has_counts_of_its_own(storage: Storage) -> None:
    popularity = Popularity()
    day = 86_400_000_000
    store(
        storage,
        an_interaction(feature_id="a"),
        an_interaction(feature_id="a", types=("share",)),
        an_interaction(feature_id="old", occurred_at=START - 3 * day),
        an_interaction(feature_id="other", namespace=2),
    )
    assert count(storage, popularity) == {"a": 1, "old": 1}
    assert count(storage, popularity, 1, "share", "click") == {"a": 2, "old": 1}
    assert count(storage, popularity, 1, "click", "share") == {"a": 2, "old": 1}
    assert count(storage, popularity, days=1) == {"a": 1}
    assert count(storage, popularity, 2) == {"other": 1}


def test_while_one_search_counts_the_others_take_the_old(
    storage: Storage, moment: MonotonicTime
) -> None:
    popularity = Popularity()
    store(storage, an_interaction(feature_id="a"))
    old = count(storage, popularity)
    store(storage, an_interaction(feature_id="b"))
    moment.seconds += FRESH_SECONDS + 1
    counting, go_on = threading.Event(), threading.Event()

    class Slow:
        """A session whose count takes until it is told to end."""

        def __init__(self, session: Session) -> None:
            self._session = session

        @property
        def summaries(self) -> Slow:
            return self

        def interaction_counts(self, *asked: object) -> dict[str, int]:
            counting.set()
            assert go_on.wait(60)
            return self._session.summaries.interaction_counts(*asked)  # type: ignore[arg-type]

    found: list[Mapping[str, int]] = []

    def search() -> None:
        with storage.read() as session:
            slow = Slow(session)
            found.append(popularity.counts(slow, 1, ("click",), 30, START))  # type: ignore[arg-type]

    thread = threading.Thread(target=search)
    thread.start()
    assert counting.wait(60)
    assert count(storage, popularity) == old
    go_on.set()
    thread.join(60)
    assert found == [{"a": 1, "b": 1}]
    assert count(storage, popularity) == {"a": 1, "b": 1}
