"""What is remembered of keys, namespaces and retrievers, and for how long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from desirepath.domain.access import Key, KeyKind, hash_token, make_token
from desirepath.domain.retriever import RetrieverDraft
from desirepath.engine import directory as directory_module
from desirepath.engine.directory import FRESH_SECONDS, Directory
from desirepath.storage.base import Session, Storage
from desirepath.testing.clock import START, ClockedStorage, TestingClock
from desirepath.testing.examples import new_id


class MonotonicTime:
    """The monotonic clock, moved by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


class CountingStorage(ClockedStorage):
    """A storage that counts its read sessions."""

    def __init__(self, storage: Storage) -> None:
        super().__init__(storage, TestingClock())
        self.n_reads = 0
        self.before_answer: Callable[[], None] = lambda: None

    @contextmanager
    def read(self, seconds: float | None = None) -> Iterator[Session]:
        self.n_reads += 1
        with super().read(seconds) as session:
            yield session
        self.before_answer()


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> MonotonicTime:
    moment = MonotonicTime()
    monkeypatch.setattr(directory_module, "time", moment)
    return moment


@pytest.fixture
def counting(storage: Storage, moment: MonotonicTime) -> CountingStorage:
    return CountingStorage(storage)


@pytest.fixture
def directory(counting: CountingStorage) -> Directory:
    return Directory(counting)


def add_key(storage: Storage) -> tuple[str, Key]:
    token = make_token(KeyKind.SERVER)
    key = Key(key_id="key_1", kind=KeyKind.SERVER, namespace=1, name="shop", created_at=START)
    with storage.write() as session:
        session.catalog.add_key(key, hash_token(token))
    return token, key


def test_everything_is_found_by_what_it_is_called(storage: Storage, directory: Directory) -> None:
    token, key = add_key(storage)
    with storage.write() as session:
        draft = RetrieverDraft(retriever_name="shop")
        retriever = session.catalog.create_retriever(1, new_id(), draft, START)
    assert directory.key(token) == key
    default = directory.namespace("default")
    assert default is not None
    assert default.number == 1
    assert directory.namespace("ns_default") == default
    assert directory.namespace_of(1) == default
    assert directory.retriever_id(1, "shop")
    assert directory.retriever_id(1, retriever.retriever_id)


def test_what_is_not_there_is_none_or_false(directory: Directory) -> None:
    assert directory.key(make_token(KeyKind.ADMIN)) is None
    assert directory.namespace("unknown") is None
    assert directory.namespace_of(99) is None
    assert not directory.retriever_id(1, "shop")


def test_retrievers_belong_to_namespaces(storage: Storage, directory: Directory) -> None:
    with storage.write() as session:
        draft = RetrieverDraft(retriever_name="shop")
        session.catalog.create_retriever(1, new_id(), draft, START)
    assert directory.retriever_id(1, "shop")
    assert not directory.retriever_id(2, "shop")


def test_the_database_is_asked_once_in_the_fresh_time(
    storage: Storage, counting: CountingStorage, directory: Directory, moment: MonotonicTime
) -> None:
    token, _ = add_key(storage)
    for _ in range(3):
        directory.key(token)
        directory.namespace("default")
        directory.namespace_of(1)
        directory.retriever_id(1, "unknown")
    assert counting.n_reads == 4
    moment.seconds += FRESH_SECONDS
    directory.key(token)
    assert counting.n_reads == 4
    moment.seconds += 0.001
    directory.key(token)
    assert counting.n_reads == 5


def test_misses_are_remembered_too(
    storage: Storage, directory: Directory, moment: MonotonicTime
) -> None:
    assert directory.namespace("new") is None
    with storage.write() as session:
        session.catalog.create_namespace("ns_new", "new", START)
    assert directory.namespace("new") is None
    moment.seconds += 1
    assert directory.namespace("new") is not None


def test_a_revoked_key_works_for_less_than_a_second(
    storage: Storage, directory: Directory, moment: MonotonicTime
) -> None:
    token, key = add_key(storage)
    assert directory.key(token) == key
    with storage.write() as session:
        session.catalog.revoke_key("key_1", START)
    moment.seconds += 1
    assert directory.key(token) is None


def test_an_answer_is_as_old_as_its_question(
    counting: CountingStorage, directory: Directory, moment: MonotonicTime
) -> None:
    def take_half_a_second() -> None:
        moment.seconds += 0.5

    counting.before_answer = take_half_a_second
    assert directory.namespace("default") is not None
    moment.seconds += FRESH_SECONDS - 0.4
    assert directory.peek_namespace("default") is None


def test_forgetting_asks_again_at_once(storage: Storage, directory: Directory) -> None:
    token, key = add_key(storage)
    assert directory.key(token) == key
    assert directory.namespace_of(1) is not None
    assert directory.namespace("other") is not None
    assert not directory.retriever_id(1, "shop")
    with storage.write() as session:
        session.catalog.revoke_key("key_1", START)
        session.catalog.set_retention(1, 30)
        session.catalog.delete_namespace(2)
        session.catalog.create_retriever(1, new_id(), RetrieverDraft(retriever_name="shop"), START)
    directory.forget()
    assert directory.key(token) is None
    namespace = directory.namespace_of(1)
    assert namespace is not None
    assert namespace.retention_days == 30
    assert directory.namespace("other") is None
    assert directory.retriever_id(1, "shop")


def test_peeking_never_asks_the_database(
    storage: Storage, counting: CountingStorage, directory: Directory, moment: MonotonicTime
) -> None:
    token, key = add_key(storage)
    assert directory.peek_key(token) is None
    assert directory.peek_namespace("default") is None
    assert directory.peek_namespace_of(1) is None
    assert counting.n_reads == 0
    directory.key(token)
    directory.namespace("default")
    directory.namespace_of(1)
    assert directory.peek_key(token) == (key,)
    assert directory.peek_namespace("default") == (directory.namespace("default"),)
    assert directory.peek_namespace_of(1) == (directory.namespace_of(1),)
    moment.seconds += 1
    assert directory.peek_key(token) is None


def test_a_known_miss_can_be_told_from_what_is_not_known(directory: Directory) -> None:
    token = make_token(KeyKind.READ)
    assert directory.peek_key(token) is None
    directory.key(token)
    assert directory.peek_key(token) == (None,)


@pytest.mark.parametrize("token", ["dp_admin_", "dp_", "dp_server_" + "a" * 36, "dp_x"])
def test_a_mistyped_key_costs_no_look_up(
    counting: CountingStorage, directory: Directory, token: str
) -> None:
    assert directory.key(token) is None
    assert counting.n_reads == 0


@pytest.mark.parametrize("token", ["", "sk_live_123", "é", "x" * 10_000])
def test_a_key_of_the_operators_own_making_is_looked_up(
    storage: Storage, directory: Directory, token: str
) -> None:
    assert directory.key(token) is None
    key = Key(key_id="own", kind=KeyKind.ADMIN, namespace=None, name="own", created_at=START)
    with storage.write() as session:
        session.catalog.add_key(key, hash_token(token))
    directory.forget()
    assert directory.key(token) == key


def test_guessing_does_not_fill_the_memory(
    directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory_module, "_MAX_ENTRIES", 10)
    for number in range(100):
        directory.key(f"guess {number}")
        assert len(directory._keys._entries) <= 10
