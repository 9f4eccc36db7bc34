"""What every back end must do: the contract of ``storage/base.py`` as tests.

A back end runs it by inheriting the classes into a test module and giving two fixtures:
``storage``, an open migrated database whose namespaces 1 (``default``) and 2 (``other``) are
empty, and ``open_another``, which opens the same database once more, as another process would.
The module needs pytest.

Examples
--------
::

    class TestInteractionLog(InteractionLogContract):
        pass
"""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest
from msgspec.structs import replace

from desirepath.domain.access import Key, KeyKind
from desirepath.domain.clock import MICROSECONDS
from desirepath.domain.execution import Execution, ShownDocument
from desirepath.domain.filters import Condition, FieldKind, Filter, Not, Or
from desirepath.domain.ids import first_id_at, format_id, time_of
from desirepath.domain.interaction import INTERACTION_TYPES, Interaction, dedup_key
from desirepath.domain.retriever import RetrieverDraft
from desirepath.errors import AlreadyExists, InvalidSetting, QueryTooSlow
from desirepath.storage.base import (
    Counts,
    Event,
    InteractionQuery,
    Rejection,
    Session,
    Storage,
)
from desirepath.testing.clock import START
from desirepath.testing.examples import an_execution, an_interaction, documents, new_id

__all__ = [
    "CatalogContract",
    "ExecutionLogContract",
    "InteractionLogContract",
    "ReceiptsContract",
    "RejectionsContract",
    "SessionContract",
    "SummariesContract",
]

OpenAnother = Callable[[], Storage]
T = TypeVar("T")

DEFAULT, OTHER = 1, 2
DAY = 86_400 * MICROSECONDS
WINDOW = 300 * MICROSECONDS
DIGEST, OTHER_DIGEST = b"d" * 32, b"e" * 32
LONGEST_ID = "é" * 128  # 256 bytes
ODD_TEXTS = (
    " leading and trailing ",
    "%_/\\'\"`;--",
    "\x01\x1f\x7f\t\n\r\u2028",
    "İıſßﬁÅA\u030a",
    "日本語 हिन्दी עברית \u202e",
    "😀👩‍👩‍👧\U0010ffff",
    "\ufeff\ufffe\uffff\u200b",
    LONGEST_ID,
)
MAX, MIN = 2**63 - 1, -(2**63)
FLOATS = (0.0, -0.0, 0.1, 1e-320, 5e-324, 1e308, -1.7976931348623157e308, 2.0**53 + 2, 1 / 3)


def deepest_object() -> dict[str, Any]:
    """An object of 32 levels, as deep as is accepted."""
    value: dict[str, Any] = {"leaf": [1]}
    for _ in range(29):
        value = {"level": value}
    return {"top": value}


ODD_OBJECT: dict[str, Any] = {
    "": "empty key",
    "null": None,
    "flags": [True, False],
    "integers": [MAX, MIN, 0, -1],
    "floats": list(FLOATS),
    "texts": list(ODD_TEXTS),
    "empty": [{}, [], ""],
    "reward_value": "ours to set, but stored as given",
} | {text: text for text in ODD_TEXTS}

FULL_INTERACTION: dict[str, Any] = {
    "types": ("long_view", "click", "view"),
    "position": 7,
    "metadata": {"device": "phone"},
    "user_id": "user_1",
    "session_id": "session_1",
    "execution_id": "exec_1",
    "retriever_id": "ret_1",
    "query_snapshot": {"query": "red shoes"},
    "document_score": 0.25,
    "result_set_size": 10,
    "feature_uri": "text://title",
    "event_id": "event_1",
    "occurred_at": START - 1,
    "live": False,
    "reward": -2.5,
    "warning": "A warning.",
}

INTERACTION_CHANGES: dict[str, Mapping[str, Any]] = {
    "only what is required": {},
    "every field": FULL_INTERACTION,
    "every type": {"types": INTERACTION_TYPES},
    "largest integers": {
        "position": MAX,
        "result_set_size": MAX,
        "occurred_at": 253402300799999999,
    },
    "smallest integers": {"result_set_size": 0, "occurred_at": -62135596800000000},
    "empty objects": {"metadata": {}, "query_snapshot": {}},
    "odd objects": {"metadata": ODD_OBJECT, "query_snapshot": ODD_OBJECT},
    "deepest objects": {"metadata": deepest_object(), "query_snapshot": deepest_object()},
    **{
        f"odd ids {number}": {
            name: text
            for name in (
                "feature_id",
                "user_id",
                "session_id",
                "execution_id",
                "retriever_id",
                "feature_uri",
                "event_id",
                "warning",
            )
        }
        for number, text in enumerate(ODD_TEXTS)
    },  # fmt: skip
    **{f"float {number!r}": {"document_score": number, "reward": number} for number in FLOATS},
}

EXECUTION_CHANGES: dict[str, Mapping[str, Any]] = {
    "no document": {"documents": ()},
    "only what is required": {"inputs": None},
    "every field": {
        "user_id": "user_1",
        "session_id": "session_1",
        "configuration": "engine 1.2",
        "metadata": {"device": "phone"},
        "offset": 10,
        "total": 1234,
        "occurred_at": START - 1,
        "live": False,
    },
    "largest integers": {"offset": MAX, "total": MAX},
    "empty objects": {"inputs": {}, "metadata": {}},
    "odd objects": {"inputs": ODD_OBJECT, "metadata": ODD_OBJECT},
    "deepest objects": {"inputs": deepest_object(), "metadata": deepest_object()},
    "scores": {
        "documents": (
            ShownDocument(document_id="a", score=1.5, scores={"text://title": 3.0}),
            ShownDocument(document_id="b", features={"price": 9.99, LONGEST_ID: -1e300}),
            ShownDocument(document_id="c", scores=dict.fromkeys(ODD_TEXTS, 1 / 3)),
            ShownDocument(document_id="d", score=0.0),
        )
    },
    "empty scores": {"documents": documents("a", "b", scores={}, features={})},
    "empty scores of one": {
        "documents": (*documents("a", scores={}), *documents("b", features={"x": 1.0}))
    },
    "odd ids": {
        "documents": documents(*ODD_TEXTS),
        "execution_id": LONGEST_ID,
        "retriever_id": LONGEST_ID,
        "user_id": ODD_TEXTS[1],
        "session_id": ODD_TEXTS[2],
        "configuration": ODD_TEXTS[3],
    },
    "floats": {
        "documents": tuple(
            ShownDocument(document_id=repr(n), score=n, scores={"a": n}, features={"b": n})
            for n in FLOATS
        )
    },
    "many documents": {"documents": documents(*(f"document-{n}" for n in range(10_000)))},
}


def store(storage: Storage, *values: Interaction | Execution) -> None:
    """Append interactions and executions in one transaction."""
    with storage.write() as session:
        executions = [value for value in values if isinstance(value, Execution)]
        session.executions.claim([(e.namespace, e.execution_id, DIGEST, e.id) for e in executions])
        session.executions.append(executions)
        session.interactions.append([v for v in values if isinstance(v, Interaction)])


def found(storage: Storage, limit: int = 1000, offset: int = 0, **query: Any) -> list[bytes]:
    """The ids that a query finds, in order."""
    with storage.read() as session:
        asked = InteractionQuery(**({"namespace": DEFAULT} | query))
        return [value.id for value in session.interactions.find(asked, limit, offset)]


def counted(storage: Storage, **query: Any) -> int:
    with storage.read() as session:
        return session.interactions.count(InteractionQuery(**({"namespace": DEFAULT} | query)))


def ids_of(values: Iterable[Interaction | Execution]) -> list[bytes]:
    return [value.id for value in values]


def at_once(*tasks: Callable[[], T]) -> list[T]:
    """Run tasks in threads that start together; their results in order."""
    barrier = threading.Barrier(len(tasks))

    def run(task: Callable[[], T]) -> T:
        barrier.wait(10)
        return task()

    with ThreadPoolExecutor(len(tasks)) as pool:
        return list(pool.map(run, tasks))


class DeliberateError(Exception):
    """What a test raises inside a transaction."""


class SessionContract:
    """Transactions, and what belongs to the database as a whole."""

    def test_others_see_a_write_after_its_commit_and_not_before(
        self, storage: Storage, open_another: OpenAnother
    ) -> None:
        other = open_another()
        click = an_interaction()
        with storage.write() as session:
            session.interactions.append([click])
            assert found(other) == []
        assert found(other) == [click.id]
        assert found(storage) == [click.id]

    def test_a_write_sees_what_it_wrote(self, storage: Storage) -> None:
        click = an_interaction(event_id="event_1")
        with storage.write() as session:
            session.interactions.append([click])
            key = (DEFAULT, click.id)
            assert session.interactions.get([key]) == {key: click}
            assert list(session.interactions.scan(DEFAULT)) == [click]

    @pytest.mark.parametrize("error", [DeliberateError, KeyboardInterrupt])
    def test_an_error_inside_a_write_leaves_nothing(
        self, storage: Storage, error: type[BaseException]
    ) -> None:
        click, execution = an_interaction(), an_execution()
        with pytest.raises(error), storage.write() as session:
            self._write_everything(session, click, execution)
            raise error
        with storage.read() as session:
            assert list(session.interactions.scan(DEFAULT)) == []
            assert list(session.executions.scan(DEFAULT)) == []
            assert session.executions.get(DEFAULT, execution.execution_id) is None
            assert session.receipts.suppressed_users(DEFAULT) == frozenset()
            assert [space.name for space in session.catalog.namespaces()] == ["default", "other"]
            assert session.catalog.find_key(DIGEST) is None
            assert session.catalog.retrievers(DEFAULT) == []
            assert session.rejections.find(DEFAULT, 10) == []
        with storage.write() as session:  # nothing is claimed
            self._write_everything(session, click, execution)

    @staticmethod
    def _write_everything(session: Session, click: Interaction, execution: Execution) -> None:
        claim = (DEFAULT, execution.execution_id, DIGEST, execution.id)
        assert session.executions.claim([claim]) == {}
        session.executions.append([execution])
        assert session.receipts.claim_events([(DEFAULT, "event_1", DIGEST, click.id)]) == {}
        assert session.receipts.claim_marks([(b"m" * 16, click.id)], START, WINDOW) == set()
        assert session.receipts.claim_key(DEFAULT, "key_1", DIGEST, START) is None
        session.receipts.keep_answer(DEFAULT, "key_1", "answer")
        session.receipts.suppress_user(DEFAULT, DIGEST, START)
        session.interactions.append([click])
        session.catalog.create_namespace("ns_new", "new", START)
        session.catalog.add_key(a_key(), DIGEST)
        session.catalog.create_retriever(DEFAULT, new_id(), RetrieverDraft(retriever_name="r"), 1)
        rejection = Rejection(id=new_id(), source="api", reason="why", raw="{}")
        session.rejections.keep(DEFAULT, [rejection])

    def test_an_error_in_the_database_inside_a_write_leaves_nothing(self, storage: Storage) -> None:
        click = an_interaction()
        store(storage, click)
        other = an_interaction()
        with pytest.raises(Exception, match=r"(?i)unique"), storage.write() as session:
            session.interactions.append([other])
            session.interactions.append([click])  # its id is not new
        assert found(storage) == [click.id]
        store(storage, other)  # the storage goes on
        assert counted(storage) == 2

    def test_a_reader_sees_one_moment(self, storage: Storage, open_another: OpenAnother) -> None:
        other = open_another()
        first, second = an_interaction(), an_interaction()
        store(storage, first)
        with storage.read() as session:
            assert ids_of(session.interactions.scan(DEFAULT)) == [first.id]
            store(other, second, an_execution(execution_id="exec_1"))
            assert ids_of(session.interactions.scan(DEFAULT)) == [first.id]
            assert session.executions.get(DEFAULT, "exec_1") is None
            assert session.summaries.counts(DEFAULT).n_interactions == 1
        assert counted(storage) == 2

    def test_a_reader_changes_nothing(self, storage: Storage) -> None:
        click = an_interaction()
        with suppress(Exception), storage.read() as session:  # it may refuse
            session.interactions.append([click])
        assert found(storage) == []
        store(storage, click)
        assert found(storage) == [click.id]

    def test_an_error_inside_a_read_is_the_callers(self, storage: Storage) -> None:
        with pytest.raises(DeliberateError), storage.read():
            raise DeliberateError
        assert found(storage) == []

    def test_reads_go_on_beside_a_write(self, storage: Storage) -> None:
        store(storage, an_interaction())
        with storage.write() as session:
            session.interactions.append([an_interaction()])
            with ThreadPoolExecutor(4) as pool:
                counts = list(pool.map(lambda _: counted(storage), range(8)))
        assert counts == [1] * 8

    def test_threads_and_processes_write_side_by_side(
        self, storage: Storage, open_another: OpenAnother
    ) -> None:
        other = open_another()

        def write(target: Storage) -> Callable[[], list[bytes]]:
            def task() -> list[bytes]:
                clicks = [an_interaction() for _ in range(10)]
                for click in clicks:
                    store(target, click)
                return ids_of(clicks)

            return task

        written = at_once(*(write(target) for target in (storage, other) * 2))
        expected = sorted(id for ids in written for id in ids)
        assert found(storage, descending=False) == expected

    def test_what_is_written_survives_the_process(
        self, storage: Storage, open_another: OpenAnother
    ) -> None:
        click = an_interaction(**FULL_INTERACTION)
        store(storage, click)
        storage.close()
        with open_another().read() as session:
            assert list(session.interactions.scan(DEFAULT)) == [click]

    def test_the_clock_is_one_for_all_processes(
        self, storage: Storage, open_another: OpenAnother
    ) -> None:
        with storage.write() as session:
            before = session.now()
        with open_another().read() as session:
            between = session.now()
        with storage.read() as session:
            after = session.now()
        assert 0 < before <= between <= after < before + 60 * MICROSECONDS

    def test_a_statement_that_runs_too_long_ends(self, storage: Storage) -> None:
        text = "x" * 2000
        store(storage, *(an_interaction(metadata={"text": text}) for _ in range(300)))
        slow = Or(
            tuple(
                Condition(("metadata", "text"), None, "contains", f"x{number}y", False)
                for number in range(50)
            )
        )
        with pytest.raises(QueryTooSlow), storage.read(seconds=0.002) as session:
            session.interactions.count(InteractionQuery(namespace=DEFAULT, filter=slow))
        with storage.read(seconds=30) as session:
            asked = InteractionQuery(namespace=DEFAULT, filter=slow)
            assert session.interactions.count(asked) == 0
        assert counted(storage) == 300

    def test_health_says_what_a_write_meets(self, storage: Storage) -> None:
        health = storage.health()
        assert health.backend
        assert health.version
        assert health.schema
        assert health.durability
        assert health.size_bytes is None or health.size_bytes > 0

    def test_housekeeping_keeps_every_row(self, storage: Storage) -> None:
        clicks = [an_interaction(id=new_id(START + day * DAY)) for day in range(0, 120, 7)]
        store(storage, *clicks[:9])
        for _ in range(2):
            storage.tidy(START)
            storage.scrub()
        store(storage, *clicks[9:])
        storage.tidy(START + 60 * DAY)
        assert found(storage, descending=False) == ids_of(clicks)

    def test_a_backup_is_whole_or_says_what_to_use(self, storage: Storage, tmp_path: Path) -> None:
        store(storage, an_interaction())
        target = tmp_path / "copy.db"
        try:
            steps = list(storage.backup(str(target)))
        except InvalidSetting as error:
            assert "own tools" in error.message
            return
        assert steps[-1][0] == steps[-1][1] > 0
        assert all(done <= total for done, total in steps)
        assert target.stat().st_size > 0
        with pytest.raises(InvalidSetting):
            list(storage.backup(str(target)))  # a backup never overwrites


class InteractionLogContract:
    """See :class:`~desirepath.storage.base.InteractionLog`."""

    @pytest.mark.parametrize("changes", INTERACTION_CHANGES.values(), ids=INTERACTION_CHANGES)
    def test_a_value_reads_back_equal(self, storage: Storage, changes: Mapping[str, Any]) -> None:
        click = an_interaction(**changes)
        store(storage, click)
        key = (DEFAULT, click.id)
        with storage.read() as session:
            assert session.interactions.get([key]) == {key: click}
            assert session.interactions.find(InteractionQuery(namespace=DEFAULT), 9) == [click]
            assert list(session.interactions.scan(DEFAULT)) == [click]

    def test_the_time_of_recording_is_part_of_the_id(self, storage: Storage) -> None:
        click = an_interaction(id=new_id(START + 123_456))
        store(storage, click)
        with storage.read() as session:
            (stored,) = session.interactions.scan(DEFAULT)
        assert stored.recorded_at == time_of(click.id)

    def test_nothing_can_be_appended(self, storage: Storage) -> None:
        store(storage)
        assert found(storage) == []

    def test_unknown_ids_are_left_out(self, storage: Storage) -> None:
        click = an_interaction()
        store(storage, click)
        key = (DEFAULT, click.id)
        with storage.read() as session:
            assert session.interactions.get([]) == {}
            assert session.interactions.get([(DEFAULT, new_id())]) == {}
            assert session.interactions.get([(OTHER, click.id), key]) == {key: click}

    def test_many_are_got_at_once(self, storage: Storage) -> None:
        clicks = [an_interaction(position=number) for number in range(1200)]
        store(storage, *clicks)
        with storage.read() as session:
            got = session.interactions.get([(DEFAULT, click.id) for click in clicks])
        assert got == {(DEFAULT, click.id): click for click in clicks}

    def test_the_newest_come_first_unless_asked(self, storage: Storage) -> None:
        clicks = [an_interaction(id=new_id(START + day * DAY)) for day in (0, 40, 400)]
        store(storage, *clicks[::-1])
        assert found(storage) == ids_of(clicks[::-1])
        assert found(storage, descending=False) == ids_of(clicks)

    @pytest.mark.parametrize("descending", [True, False])
    def test_ties_of_occurred_at_are_ordered_by_id(
        self, storage: Storage, descending: bool
    ) -> None:
        clicks = self._clicks_with_ties()
        store(storage, *clicks)
        expected = sorted(clicks, key=lambda c: (c.occurred_at, c.id), reverse=descending)
        assert found(storage, sort="occurred_at", descending=descending) == ids_of(expected)

    @staticmethod
    def _clicks_with_ties() -> list[Interaction]:
        return [an_interaction(occurred_at=START - number % 3) for number in range(10)]

    @pytest.mark.parametrize("descending", [True, False])
    @pytest.mark.parametrize("sort", ["id", "occurred_at"])
    @pytest.mark.parametrize("page_size", [1, 3])
    def test_pages_after_the_last_row_seen_cover_everything_once(
        self, storage: Storage, sort: str, descending: bool, page_size: int
    ) -> None:
        clicks = self._clicks_with_ties()
        store(storage, *clicks, an_interaction(namespace=OTHER))
        whole = found(storage, sort=sort, descending=descending)
        assert len(whole) == len(clicks)
        pages: list[bytes] = []
        id_to_click = {click.id: click for click in clicks}
        after = None
        while page := found(storage, page_size, sort=sort, descending=descending, after=after):
            assert len(page) <= page_size
            pages += page
            after = (id_to_click[page[-1]].occurred_at, page[-1])
        assert pages == whole

    def test_limit_and_offset_cut_a_slice(self, storage: Storage) -> None:
        clicks = [an_interaction() for _ in range(5)]
        store(storage, *clicks)
        newest_first = ids_of(clicks[::-1])
        assert found(storage, limit=2) == newest_first[:2]
        assert found(storage, limit=2, offset=1) == newest_first[1:3]
        assert found(storage, limit=2, offset=4) == newest_first[4:]
        assert found(storage, limit=2, offset=5) == []

    def test_nothing_above_the_ceiling_is_found(self, storage: Storage) -> None:
        clicks = [an_interaction() for _ in range(4)]
        store(storage, *clicks)
        ceiling = clicks[2].id
        assert found(storage, ceiling=ceiling) == ids_of(clicks[2::-1])
        assert found(storage, ceiling=ceiling, descending=False) == ids_of(clicks[:3])
        assert counted(storage, ceiling=ceiling) == 3

    @pytest.mark.parametrize(
        "name",
        ["feature_id", "user_id", "session_id", "execution_id", "retriever_id", "feature_uri",
         "event_id"],
    )  # fmt: skip
    def test_equals_are_exact(self, storage: Storage, name: str) -> None:
        texts = ("Alice", "alice", "ALICE", "alice ", "al_ce", "al%", "", "Ålice")
        clicks = {text: an_interaction(**{name: text}) for text in texts}
        store(storage, *clicks.values())
        for text, click in clicks.items():
            assert found(storage, equals={name: text}) == [click.id]
            assert counted(storage, equals={name: text}) == 1
        assert found(storage, equals={name: "nobody"}) == []

    def test_equals_all_hold(self, storage: Storage) -> None:
        both = an_interaction(user_id="u", session_id="s")
        store(storage, both, an_interaction(user_id="u"), an_interaction(session_id="s"))
        assert found(storage, equals={"user_id": "u", "session_id": "s"}) == [both.id]

    @pytest.mark.parametrize("type", INTERACTION_TYPES)
    def test_a_type_is_one_of_the_types_and_no_part_of_one(
        self, storage: Storage, type: str
    ) -> None:
        alone = [an_interaction(types=(name,)) for name in INTERACTION_TYPES]
        first = an_interaction(types=(type, *(set(INTERACTION_TYPES) - {type})))
        last = an_interaction(types=("impression", "rating", type))
        without = an_interaction(types=tuple(set(INTERACTION_TYPES) - {type}))
        store(storage, *alone, first, last, without)
        expected = [click.id for click in (*alone, first, last) if type in click.types]
        assert found(storage, interaction_type=type, descending=False) == expected
        assert counted(storage, interaction_type=type) == len(expected)

    def test_a_filter_never_loses_a_match(self, storage: Storage) -> None:
        red, blue = (an_interaction(metadata={"color": color}) for color in ("Red", "blue"))
        store(storage, red, blue)
        is_red = Condition(("metadata", "color"), None, "eq", "Red", False)
        assert red.id in found(storage, filter=is_red)
        assert blue.id in found(storage, filter=Not((is_red,)))
        assert counted(storage, filter=is_red) == len(found(storage, filter=is_red))

    def test_exact_queries_find_the_matches_and_nothing_else(self, storage: Storage) -> None:
        first, third = an_interaction(position=0), an_interaction(position=2)
        store(storage, first, third)
        on_top = Condition(("position",), FieldKind.INTEGER, "lt", 1, False)
        asked = InteractionQuery(namespace=DEFAULT, filter=on_top)
        with storage.read() as session:
            assert session.interactions.is_exact(InteractionQuery(namespace=DEFAULT))
            assert session.interactions.is_exact(asked)
            assert ids_of(session.interactions.find(asked, 10)) == [first.id]

    def test_a_query_is_narrowed_by_any_condition_that_rows_can_fail(
        self, storage: Storage
    ) -> None:
        def narrowed(filter: Filter | None = None, **query: Any) -> bool:
            asked = InteractionQuery(namespace=DEFAULT, filter=filter, **query)
            with storage.read() as session:
                return session.interactions.is_narrowed(asked)

        assert not narrowed()
        assert narrowed(equals={"user_id": "u"})
        assert narrowed(interaction_type="click")
        assert narrowed(Condition(("user_id",), FieldKind.TEXT, "eq", "u", False))
        slow = Condition(("user_id",), FieldKind.TEXT, "regex", "^u", False)
        assert not narrowed(slow)
        assert not narrowed(Or((slow, Condition(("position",), FieldKind.INTEGER, "eq", 1, False))))
        assert not narrowed(Not(()))

    def test_namespaces_never_mix(self, storage: Storage) -> None:
        values: dict[str, Any] = {"user_id": "u", "execution_id": "e", "retriever_id": "r"}
        here, there = (an_interaction(namespace=n, **values) for n in (DEFAULT, OTHER))
        store(storage, here, there)
        assert found(storage) == [here.id]
        assert found(storage, namespace=OTHER) == [there.id]
        assert counted(storage) == 1
        assert found(storage, equals={"user_id": "u"}) == [here.id]
        assert found(storage, namespace=3) == []
        with storage.write() as session:
            log = session.interactions
            assert list(log.scan(OTHER)) == [there]
            assert log.ids_of_user(DEFAULT, "u", 10) == [here.id]
            assert log.ids_of_retriever(OTHER, "r", 10) == [there.id]
            assert log.ids_before(DEFAULT, b"\xff" * 16, 10) == [here.id]
            assert log.unlinked(OTHER, ["e"]) == {"e"}
            log.link_execution(DEFAULT, "e", "r", "{}")
            assert log.unlinked(DEFAULT, ["e"]) == set()
            assert log.unlinked(OTHER, ["e"]) == {"e"}
            assert log.delete(DEFAULT, [there.id]) == 0
            assert log.delete(OTHER, [there.id]) == 1
        assert counted(storage) == 1

    @pytest.mark.parametrize("chunk", [1, 3, 7, 2000])
    def test_a_scan_gives_everything_in_id_order(self, storage: Storage, chunk: int) -> None:
        clicks = [an_interaction() for _ in range(7)]
        store(storage, *clicks[::-1], an_interaction(namespace=OTHER))
        with storage.read() as session:
            assert list(session.interactions.scan(DEFAULT, chunk)) == clicks

    def test_a_scan_holds_one_chunk_at_a_time(self, storage: Storage) -> None:
        text = "x" * 2000
        store(storage, *(an_interaction(metadata={"text": text}) for _ in range(1500)))
        with storage.read() as session:
            next(session.interactions.scan(DEFAULT, 50))
            tracemalloc.start()
            try:
                n_rows = sum(1 for _ in session.interactions.scan(DEFAULT, 50))
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
        assert n_rows == 1500
        assert peak < 1500 * len(text) / 3

    def test_unlinked_names_executions_whose_interactions_lack_something(
        self, storage: Storage
    ) -> None:
        whole = {"retriever_id": "r", "query_snapshot": {}}
        store(
            storage,
            an_interaction(execution_id="no retriever", query_snapshot={"query": "x"}),
            an_interaction(execution_id="no query", retriever_id="r"),
            an_interaction(execution_id="whole", **whole),
            an_interaction(execution_id="one of two", **whole),
            an_interaction(execution_id="one of two"),
            an_interaction(execution_id="not asked"),
        )
        asked = ["no retriever", "no query", "whole", "one of two", "unknown"]
        asked += [f"unknown {number}" for number in range(1200)]
        with storage.read() as session:
            assert session.interactions.unlinked(DEFAULT, []) == set()
            unlinked = session.interactions.unlinked(DEFAULT, asked)
        assert unlinked == {"no retriever", "no query", "one of two"}

    def test_linking_fills_what_is_missing_and_nothing_else(self, storage: Storage) -> None:
        empty = an_interaction(execution_id="e", warning="kept")
        partly = an_interaction(execution_id="e", retriever_id="own")
        whole = an_interaction(execution_id="e", retriever_id="own", query_snapshot={})
        stranger = an_interaction(execution_id="another")
        unrelated = an_interaction()
        store(storage, empty, partly, whole, stranger, unrelated)
        with storage.write() as session:
            session.interactions.link_execution(DEFAULT, "e", "r", '{"query":"x"}')
        with storage.read() as session:
            stored = list(session.interactions.scan(DEFAULT))
        assert stored == [
            replace(empty, retriever_id="r", query_snapshot={"query": "x"}),
            replace(partly, query_snapshot={"query": "x"}),
            whole,
            stranger,
            unrelated,
        ]

    def test_an_execution_without_inputs_links_its_retriever(self, storage: Storage) -> None:
        click = an_interaction(execution_id="e")
        store(storage, click)
        with storage.write() as session:
            session.interactions.link_execution(DEFAULT, "e", "r", None)
        with storage.read() as session:
            assert list(session.interactions.scan(DEFAULT)) == [replace(click, retriever_id="r")]

    def test_delete_says_how_many_there_were(self, storage: Storage) -> None:
        clicks = [an_interaction() for _ in range(3)]
        store(storage, *clicks)
        with storage.write() as session:
            assert session.interactions.delete(DEFAULT, []) == 0
            assert session.interactions.delete(DEFAULT, [new_id()]) == 0
            assert session.interactions.delete(DEFAULT, [clicks[0].id, new_id()]) == 1
            assert session.interactions.delete(DEFAULT, [clicks[0].id]) == 0
        assert found(storage, descending=False) == ids_of(clicks[1:])

    def test_delete_removes_marks_and_event_ids(self, storage: Storage) -> None:
        many = range(600)
        clicks = [an_interaction(execution_id=f"e{n}", event_id=f"event {n}") for n in many]
        kept = an_interaction(execution_id="kept", event_id="kept")
        store(storage, *clicks, kept)
        marks = [(mark_of(click), click.id) for click in (*clicks, kept)]
        events = [(DEFAULT, str(c.event_id), DIGEST, c.id) for c in (*clicks, kept)]
        with storage.write() as session:
            assert session.receipts.claim_marks(marks, START, WINDOW) == set()
            assert session.receipts.claim_events(events) == {}
            assert session.interactions.delete(DEFAULT, ids_of(clicks)) == len(clicks)
        with storage.write() as session:
            assert session.receipts.claim_marks(marks, START, WINDOW) == {mark_of(kept)}
            assert session.receipts.claim_events(events) == {
                (DEFAULT, "kept"): Event(DIGEST, kept.id)
            }

    def test_delete_leaves_the_mark_of_a_later_interaction(self, storage: Storage) -> None:
        old, new = an_interaction(execution_id="e"), an_interaction(execution_id="e")
        store(storage, old, new)
        mark = mark_of(old)
        with storage.write() as session:
            session.receipts.claim_marks([(mark, old.id)], START, WINDOW)
            session.receipts.claim_marks([(mark, new.id)], START + WINDOW, WINDOW)
            session.interactions.delete(DEFAULT, [old.id])
            lost = session.receipts.claim_marks([(mark, new_id())], START + WINDOW, WINDOW)
        assert lost == {mark}

    def test_ids_of_a_user_are_theirs_and_those_of_their_executions(self, storage: Storage) -> None:
        theirs = [
            an_interaction(user_id="u"),
            an_interaction(execution_id="e"),
            an_interaction(user_id="someone else", execution_id="e"),
            an_interaction(user_id="u", execution_id="e"),
        ]
        store(
            storage,
            *theirs,
            an_interaction(),
            an_interaction(user_id="U"),
            an_interaction(execution_id="f", user_id="v"),
            an_execution(execution_id="e", user_id="u"),
            an_execution(execution_id="f", user_id="v"),
            an_execution(execution_id="e", user_id="v", namespace=OTHER),
        )
        with storage.read() as session:
            log = session.interactions
            assert sorted(log.ids_of_user(DEFAULT, "u", 10)) == ids_of(theirs)
            for limit in (1, 2, 3):
                some = log.ids_of_user(DEFAULT, "u", limit)
                assert len(set(some)) == len(some) == limit
                assert set(some) <= set(ids_of(theirs))
            assert log.ids_of_user(DEFAULT, "nobody", 10) == []

    def test_ids_of_a_retriever(self, storage: Storage) -> None:
        clicks = [an_interaction(retriever_id="r") for _ in range(3)]
        store(storage, *clicks, an_interaction(), an_interaction(retriever_id="R"))
        with storage.read() as session:
            assert sorted(session.interactions.ids_of_retriever(DEFAULT, "r", 10)) == ids_of(clicks)
            assert len(session.interactions.ids_of_retriever(DEFAULT, "r", 2)) == 2

    def test_ids_before_a_moment(self, storage: Storage) -> None:
        clicks = [an_interaction(id=new_id(START + day * DAY)) for day in (-400, -1, 0, 1, 400)]
        store(storage, *clicks)
        with storage.read() as session:
            log = session.interactions
            assert log.ids_before(DEFAULT, first_id_at(START), 10) == ids_of(clicks[:2])
            assert log.ids_before(DEFAULT, first_id_at(START + DAY), 10) == ids_of(clicks[:3])
            assert log.ids_before(DEFAULT, first_id_at(START), 1) == ids_of(clicks[:1])
            assert log.ids_before(DEFAULT, first_id_at(0), 10) == []


def mark_of(interaction: Interaction) -> bytes:
    """The dedup key of an interaction that names its execution."""
    key = dedup_key(
        interaction.namespace,
        interaction.execution_id,
        interaction.feature_id,
        interaction.types,
    )
    assert key is not None
    return key


class ExecutionLogContract:
    """See :class:`~desirepath.storage.base.ExecutionLog`."""

    @pytest.mark.parametrize("changes", EXECUTION_CHANGES.values(), ids=EXECUTION_CHANGES)
    def test_a_value_reads_back_equal(self, storage: Storage, changes: Mapping[str, Any]) -> None:
        execution = an_execution(**changes)
        store(storage, execution)
        key = (DEFAULT, execution.execution_id)
        with storage.read() as session:
            assert session.executions.get(*key) == execution
            assert list(session.executions.scan(DEFAULT)) == [execution]
            shown = session.executions.shown_lists([key])[key]
        assert shown.retriever_id == execution.retriever_id
        assert shown.inputs == execution.inputs
        assert (shown.user_id, shown.session_id) == (execution.user_id, execution.session_id)
        assert list(shown.document_to_score.items()) == [
            (document.document_id, document.score) for document in execution.documents
        ]

    def test_a_claim_is_won_once_in_a_namespace(
        self, storage: Storage, open_another: OpenAnother
    ) -> None:
        first, second = new_id(), new_id()
        with storage.write() as session:
            assert session.executions.claim([]) == {}
            assert session.executions.claim([(DEFAULT, "e", DIGEST, first)]) == {}
            assert session.executions.claim([(OTHER, "e", OTHER_DIGEST, second)]) == {}
        with open_another().write() as session:
            taken = session.executions.claim(
                [(DEFAULT, "e", OTHER_DIGEST, second), (DEFAULT, "E", DIGEST, second)]
            )
        assert taken == {(DEFAULT, "e"): Event(DIGEST, first)}

    def test_an_unknown_one_is_none_or_left_out(self, storage: Storage) -> None:
        store(storage, an_execution(execution_id="e"))
        with storage.read() as session:
            assert session.executions.get(DEFAULT, "unknown") is None
            assert session.executions.get(OTHER, "e") is None
            assert session.executions.shown_lists([]) == {}
            keys = [(OTHER, "e"), (DEFAULT, "unknown"), (DEFAULT, "e")]
            assert list(session.executions.shown_lists(keys)) == [(DEFAULT, "e")]

    def test_many_lists_are_looked_up_at_once(self, storage: Storage) -> None:
        executions = [
            an_execution(execution_id=f"e{number}", documents=documents(f"doc_{number}"))
            for number in range(1200)
        ]
        store(storage, *executions)
        with storage.read() as session:
            shown = session.executions.shown_lists((DEFAULT, e.execution_id) for e in executions)
        assert {key: list(value.document_to_score) for key, value in shown.items()} == {
            (DEFAULT, e.execution_id): [e.documents[0].document_id] for e in executions
        }

    @pytest.mark.parametrize("chunk", [1, 3, 500])
    def test_a_scan_gives_everything_in_id_order(self, storage: Storage, chunk: int) -> None:
        executions = [an_execution() for _ in range(7)]
        store(storage, *executions[::-1], an_execution(namespace=OTHER))
        with storage.read() as session:
            assert list(session.executions.scan(DEFAULT, chunk)) == executions

    def test_a_scan_holds_one_chunk_at_a_time(self, storage: Storage) -> None:
        text = "x" * 2000
        store(storage, *(an_execution(metadata={"text": text}) for _ in range(600)))
        with storage.read() as session:
            next(session.executions.scan(DEFAULT, 20))
            tracemalloc.start()
            try:
                n_rows = sum(1 for _ in session.executions.scan(DEFAULT, 20))
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
        assert n_rows == 600
        assert peak < 600 * len(text) / 3

    def test_delete_frees_the_execution_id(self, storage: Storage) -> None:
        gone, kept = an_execution(execution_id="e"), an_execution(execution_id="f")
        elsewhere = an_execution(execution_id="e", namespace=OTHER)
        store(storage, gone, kept, elsewhere)
        with storage.write() as session:
            assert session.executions.delete(OTHER, [gone.id]) == 0
            assert session.executions.delete(DEFAULT, []) == 0
            assert session.executions.delete(DEFAULT, [gone.id, new_id()]) == 1
            assert session.executions.delete(DEFAULT, [gone.id]) == 0
            assert session.executions.get(DEFAULT, "e") is None
            assert session.executions.claim([(DEFAULT, "e", DIGEST, new_id())]) == {}
        with storage.read() as session:
            assert list(session.executions.scan(DEFAULT)) == [kept]
            assert session.executions.get(OTHER, "e") == elsewhere

    def test_many_are_deleted_at_once(self, storage: Storage) -> None:
        executions = [an_execution(execution_id=f"e{number}") for number in range(1200)]
        store(storage, *executions)
        with storage.write() as session:
            assert session.executions.delete(DEFAULT, ids_of(executions)) == 1200
            claims = [(DEFAULT, e.execution_id, DIGEST, e.id) for e in executions]
            assert session.executions.claim(claims) == {}

    def test_ids_of_a_user_and_of_a_retriever(self, storage: Storage) -> None:
        theirs = [an_execution(user_id="u", retriever_id="r") for _ in range(3)]
        store(
            storage,
            *theirs,
            an_execution(user_id="U", retriever_id="R"),
            an_execution(),
            an_execution(user_id="u", retriever_id="r", namespace=OTHER),
        )
        with storage.read() as session:
            log = session.executions
            assert sorted(log.ids_of_user(DEFAULT, "u", 10)) == ids_of(theirs)
            assert sorted(log.ids_of_retriever(DEFAULT, "r", 10)) == ids_of(theirs)
            assert len(log.ids_of_user(DEFAULT, "u", 2)) == 2
            assert len(log.ids_of_retriever(DEFAULT, "r", 1)) == 1
            assert log.ids_of_user(DEFAULT, "nobody", 10) == []

    def test_ids_before_a_moment(self, storage: Storage) -> None:
        executions = [an_execution(id=new_id(START + day * DAY)) for day in (-400, -1, 0, 400)]
        store(storage, *executions)
        with storage.read() as session:
            log = session.executions
            assert log.ids_before(DEFAULT, first_id_at(START), 10) == ids_of(executions[:2])
            assert log.ids_before(DEFAULT, first_id_at(START), 1) == ids_of(executions[:1])
            assert log.ids_before(OTHER, b"\xff" * 16, 10) == []


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
        names = [f"name {number}" for number in range(50)]

        def race(target: Storage, ordered: Sequence[str]) -> Callable[[], int]:
            def task() -> int:
                claims = [(DEFAULT, name, DIGEST, new_id()) for name in ordered]
                with target.write() as session:
                    return len(claims) - len(session.receipts.claim_events(claims))

            return task

        orders = (names, names[::-1], names[25:] + names[:25], names[::-1])
        won = at_once(*map(race, targets, orders))
        assert sum(won) == len(names)


def a_key(**changes: Any) -> Key:
    values: dict[str, Any] = {
        "key_id": "key_1",
        "kind": KeyKind.SERVER,
        "namespace": DEFAULT,
        "name": "shop",
        "created_at": START,
    }
    return Key(**(values | changes))


class CatalogContract:
    """See :class:`~desirepath.storage.base.Catalog`."""

    def test_a_secret_is_made_once(self, storage: Storage, open_another: OpenAnother) -> None:
        def ask(target: Storage) -> Callable[[], bytes]:
            def task() -> bytes:
                with target.write() as session:
                    return session.catalog.secret("cursor")

            return task

        (secret,) = set(at_once(*map(ask, (storage, open_another()) * 2)))
        assert len(secret) == 32
        with storage.read() as session:
            assert session.catalog.secret("cursor") == secret
        with storage.write() as session:
            assert session.catalog.secret("another") != secret

    def test_namespaces_are_found_by_id_and_by_name(self, storage: Storage) -> None:
        with storage.write() as session:
            new = session.catalog.create_namespace("ns_new", "Läden 1", START)
        assert (new.namespace_id, new.name, new.created_at) == ("ns_new", "Läden 1", START)
        assert new.retention_days is None
        with storage.read() as session:
            catalog = session.catalog
            assert [space.name for space in catalog.namespaces()] == ["default", "other", "Läden 1"]
            assert [space.number for space in catalog.namespaces()] == [1, 2, new.number]
            assert catalog.find_namespace("ns_new") == new
            assert catalog.find_namespace("Läden 1") == new
            assert catalog.find_namespace("läden 1") is None
            assert catalog.find_namespace("") is None

    @pytest.mark.parametrize(
        ("namespace_id", "name"), [("ns_a", "default"), ("ns_default", "a"), ("ns_a", "ns_default")]
    )
    def test_a_namespace_has_a_name_and_an_id_of_its_own(
        self, storage: Storage, namespace_id: str, name: str
    ) -> None:
        with pytest.raises(AlreadyExists), storage.write() as session:
            session.catalog.create_namespace(namespace_id, name, START)
        with storage.read() as session:
            assert len(session.catalog.namespaces()) == 2

    def test_one_of_two_racers_creates_a_namespace(
        self, storage: Storage, open_another: OpenAnother
    ) -> None:
        def create(target: Storage, namespace_id: str) -> Callable[[], bool]:
            def task() -> bool:
                try:
                    with target.write() as session:
                        session.catalog.create_namespace(namespace_id, "new", START)
                except AlreadyExists:
                    return False
                return True

            return task

        targets = (storage, open_another()) * 2
        tasks = [create(target, f"ns_{number}") for number, target in enumerate(targets)]
        assert sorted(at_once(*tasks)) == [False, False, False, True]

    def test_retention_is_set_and_lifted(self, storage: Storage) -> None:
        for days in (90, None):
            with storage.write() as session:
                session.catalog.set_retention(DEFAULT, days)
            with storage.read() as session:
                here, there = session.catalog.namespaces()
            assert here.retention_days == days
            assert there.retention_days is None

    def test_a_deleted_namespace_takes_its_keys_and_nothing_else(self, storage: Storage) -> None:
        with storage.write() as session:
            catalog = session.catalog
            for number, digest in ((DEFAULT, DIGEST), (OTHER, OTHER_DIGEST)):
                catalog.add_key(a_key(key_id=f"key_{number}", namespace=number), digest)
                session.receipts.suppress_user(number, DIGEST, START)
                session.receipts.claim_key(number, "k", DIGEST, START)
            catalog.add_key(a_key(key_id="admin", kind=KeyKind.ADMIN, namespace=None), b"a" * 32)
            catalog.delete_namespace(OTHER)
        with storage.write() as session:
            assert [space.name for space in session.catalog.namespaces()] == ["default"]
            assert session.catalog.find_namespace("other") is None
            assert session.catalog.find_key(OTHER_DIGEST) is None
            assert session.catalog.find_key(DIGEST) is not None
            assert session.catalog.find_key(b"a" * 32) is not None
            assert session.receipts.suppressed_users(OTHER) == frozenset()
            assert session.receipts.claim_key(DEFAULT, "k", DIGEST, START) is not None
            assert session.receipts.claim_key(OTHER, "k", DIGEST, START) is None

    @pytest.mark.parametrize("kind", KeyKind)
    def test_a_key_reads_back_equal(self, storage: Storage, kind: KeyKind) -> None:
        namespace = None if kind is KeyKind.ADMIN else DEFAULT
        key = a_key(kind=kind, namespace=namespace, name="shop 😀")
        with storage.write() as session:
            session.catalog.add_key(key, DIGEST)
        with storage.read() as session:
            assert session.catalog.find_key(DIGEST) == key
            assert session.catalog.find_key(OTHER_DIGEST) is None
            assert session.catalog.api_keys() == [key]

    def test_a_revoked_key_is_not_found_but_listed(self, storage: Storage) -> None:
        with storage.write() as session:
            catalog = session.catalog
            catalog.add_key(a_key(key_id="a", created_at=START), DIGEST)
            catalog.add_key(a_key(key_id="b", created_at=START + 1), OTHER_DIGEST)
            assert catalog.revoke_key("a", START + 5)
            assert not catalog.revoke_key("a", START + 6)  # it was revoked before
            assert not catalog.revoke_key("unknown", START)
        with storage.read() as session:
            assert session.catalog.find_key(DIGEST) is None
            assert session.catalog.find_key(OTHER_DIGEST) is not None
            revoked_at = {key.key_id: key.revoked_at for key in session.catalog.api_keys()}
        assert revoked_at == {"a": START + 5, "b": None}

    def test_a_retriever_is_found_by_id_and_by_name(self, storage: Storage) -> None:
        draft = RetrieverDraft(
            retriever_name=ODD_TEXTS[3],
            stages=[{"stage": ODD_OBJECT}, {}],
            description=ODD_TEXTS[2],
            collection_identifiers=["a"],
            input_schema={},
            budget_limits=None,
            tags=["", "b"],
            metadata=deepest_object(),
        )
        id = new_id()
        with storage.write() as session:
            made = session.catalog.create_retriever(DEFAULT, id, draft, START)
        assert (made.id, made.namespace, made.draft) == (id, DEFAULT, draft)
        assert made.retriever_id == format_id("ret", id)
        assert (made.version, made.created_at, made.updated_at) == (1, START, START)
        with storage.read() as session:
            catalog = session.catalog
            assert catalog.find_retriever(DEFAULT, made.retriever_id) == made
            assert catalog.find_retriever(DEFAULT, ODD_TEXTS[3]) == made
            assert catalog.retrievers(DEFAULT) == [made]
            assert catalog.find_retriever(OTHER, made.retriever_id) is None
            assert catalog.find_retriever(OTHER, ODD_TEXTS[3]) is None
            assert catalog.retrievers(OTHER) == []
            assert catalog.find_retriever(DEFAULT, "unknown") is None
            assert catalog.find_retriever(DEFAULT, format_id("ret", new_id())) is None

    def test_a_retrievers_name_is_unique_in_its_namespace(self, storage: Storage) -> None:
        self._create(storage, DEFAULT, "shop")
        self._create(storage, OTHER, "shop")
        self._create(storage, DEFAULT, "Shop")
        with pytest.raises(AlreadyExists):
            self._create(storage, DEFAULT, "shop")
        with storage.read() as session:
            names = [r.draft.retriever_name for r in session.catalog.retrievers(DEFAULT)]
        assert names == ["shop", "Shop"]

    def test_one_of_two_racers_creates_a_retriever(
        self, storage: Storage, open_another: OpenAnother
    ) -> None:
        def create(target: Storage) -> Callable[[], bool]:
            def task() -> bool:
                try:
                    self._create(target, DEFAULT, "shop")
                except AlreadyExists:
                    return False
                return True

            return task

        wins = at_once(*map(create, (storage, open_another()) * 2))
        assert sorted(wins) == [False, False, False, True]

    @staticmethod
    def _create(storage: Storage, namespace: int, name: str) -> bytes:
        id = new_id()
        with storage.write() as session:
            draft = RetrieverDraft(retriever_name=name)
            session.catalog.create_retriever(namespace, id, draft, START)
        return id

    def test_a_hidden_retriever_is_gone_but_its_name_is_free(self, storage: Storage) -> None:
        id = self._create(storage, DEFAULT, "shop")
        with storage.write() as session:
            session.catalog.hide_retriever(DEFAULT, id, START)
        with storage.read() as session:
            assert session.catalog.find_retriever(DEFAULT, "shop") is None
            assert session.catalog.find_retriever(DEFAULT, format_id("ret", id)) is None
            assert session.catalog.retrievers(DEFAULT) == []
            assert session.catalog.hidden_retrievers() == [(DEFAULT, id)]
        successor = self._create(storage, DEFAULT, "shop")
        with storage.write() as session:
            session.catalog.hide_retriever(DEFAULT, successor, START)
            session.catalog.delete_retriever(DEFAULT, id)
            assert session.catalog.hidden_retrievers() == [(DEFAULT, successor)]
            session.catalog.delete_retriever(OTHER, successor)
            assert session.catalog.hidden_retrievers() == [(DEFAULT, successor)]


class RejectionsContract:
    """See :class:`~desirepath.storage.base.Rejections`."""

    @staticmethod
    def _keep(storage: Storage, *raws: str, namespace: int = DEFAULT) -> list[Rejection]:
        rejections = [
            Rejection(id=new_id(), source="batch", reason="position: why", raw=raw) for raw in raws
        ]
        with storage.write() as session:
            session.rejections.keep(namespace, rejections)
        return rejections

    @staticmethod
    def _raws(storage: Storage, namespace: int = DEFAULT) -> list[str]:
        with storage.read() as session:
            return [rejection.raw for rejection in session.rejections.find(namespace, 100)]

    def test_the_newest_come_first_and_read_back_equal(self, storage: Storage) -> None:
        kept = self._keep(storage, "", *ODD_TEXTS, "x" * 8192)
        self._keep(storage, "elsewhere", namespace=OTHER)
        self._keep(storage)
        with storage.read() as session:
            assert session.rejections.find(DEFAULT, 100) == kept[::-1]
            assert session.rejections.find(DEFAULT, 2) == kept[:-3:-1]
            page = session.rejections.find(DEFAULT, 2, before=kept[3].id)
        assert page == [kept[2], kept[1]]

    def test_old_ones_expire_everywhere(self, storage: Storage) -> None:
        for namespace in (DEFAULT, OTHER):
            rejections = [
                Rejection(id=new_id(START + day * DAY), source="s", reason="r", raw=str(day))
                for day in (-2, -1, 0)
            ]
            with storage.write() as session:
                session.rejections.keep(namespace, rejections)
        with storage.write() as session:
            session.rejections.expire(first_id_at(START - DAY))
        assert self._raws(storage) == ["0", "-1"]
        assert self._raws(storage, OTHER) == ["0", "-1"]

    def test_mentions_are_deleted_by_exact_text(self, storage: Storage) -> None:
        self._keep(storage, '{"user_id":"al_ce"}', "al_ce", "alice", "AL_CE", "al_c", "é")
        self._keep(storage, "al_ce", namespace=OTHER)
        with storage.write() as session:
            assert session.rejections.delete_mentions(DEFAULT, "al_ce") == 2
            assert session.rejections.delete_mentions(DEFAULT, "É") == 0
            assert session.rejections.delete_mentions(DEFAULT, "nobody") == 0
        assert self._raws(storage) == ["é", "al_c", "AL_CE", "alice"]
        assert self._raws(storage, OTHER) == ["al_ce"]

    def test_stored_answers_that_mention_it_are_deleted(self, storage: Storage) -> None:
        with storage.write() as session:
            for key, body in (("a", '{"user_id":"u%1"}'), ("b", '{"user_id":"ux1"}')):
                session.receipts.claim_key(DEFAULT, key, DIGEST, START)
                session.receipts.keep_answer(DEFAULT, key, body)
            session.receipts.claim_key(DEFAULT, "unanswered", DIGEST, START)
            assert session.rejections.delete_mentions(DEFAULT, "u%1") == 1
            assert session.receipts.claim_key(DEFAULT, "b", DIGEST, START) is not None
            assert session.receipts.claim_key(DEFAULT, "unanswered", DIGEST, START) is not None
            assert session.receipts.claim_key(DEFAULT, "a", DIGEST, START) is None


class SummariesContract:
    """See :class:`~desirepath.storage.base.Summaries`."""

    def test_an_empty_namespace_has_counts_of_nothing(self, storage: Storage) -> None:
        store(storage, an_interaction(namespace=OTHER), an_execution(namespace=OTHER))
        with storage.read() as session:
            summaries = session.summaries
            assert summaries.counts(DEFAULT) == Counts(
                n_interactions=0, n_executions=0, first_occurred_at=None, last_occurred_at=None
            )
            assert summaries.by_types(DEFAULT) == []
            assert summaries.by_hour(DEFAULT, 0) == []
            assert summaries.lists_by_length(DEFAULT) == []
            assert summaries.outcomes_by_position(DEFAULT) == []
            assert summaries.queries(DEFAULT) == []
            assert summaries.searches(DEFAULT) == []
            assert summaries.documents(DEFAULT, "click", 10) == []
            assert summaries.identities(DEFAULT, 10) == []
            assert set(summaries.faults(DEFAULT).values()) == {0}

    def test_counts(self, storage: Storage) -> None:
        store(
            storage,
            an_interaction(occurred_at=START + 5),
            an_interaction(occurred_at=START - 5),
            an_execution(),
            an_interaction(namespace=OTHER, occurred_at=0),
        )
        with storage.read() as session:
            counts = session.summaries.counts(DEFAULT)
        assert counts == Counts(
            n_interactions=2,
            n_executions=1,
            first_occurred_at=START - 5,
            last_occurred_at=START + 5,
        )

    def test_by_types(self, storage: Storage) -> None:
        store(
            storage,
            an_interaction(),
            an_interaction(),
            an_interaction(types=("view", "click")),
            an_interaction(types=("click", "view")),
        )
        with storage.read() as session:
            by_types = session.summaries.by_types(DEFAULT)
        assert sorted(by_types) == [("click", 2), ("click,view", 1), ("view,click", 1)]

    def test_by_hour(self, storage: Storage) -> None:
        hour = 3600 * MICROSECONDS
        store(
            storage,
            an_interaction(occurred_at=START - 1),
            an_interaction(occurred_at=START),
            an_interaction(occurred_at=START + hour - 1),
            an_interaction(occurred_at=START + hour, types=("view",)),
            an_interaction(occurred_at=START + hour),
        )
        with storage.read() as session:
            by_hour = session.summaries.by_hour(DEFAULT, START)
            whole = session.summaries.by_hour(DEFAULT, 0)
        expected = [(START, "click", 2), (START + hour, "click", 1), (START + hour, "view", 1)]
        assert sorted(by_hour) == expected
        assert sorted(whole) == [(START - hour, "click", 1), *expected]

    def test_lists_by_length(self, storage: Storage) -> None:
        store(
            storage,
            an_execution(),
            an_execution(),
            an_execution(offset=10),
            an_execution(documents=()),
        )
        with storage.read() as session:
            lists = session.summaries.lists_by_length(DEFAULT)
        assert sorted(lists) == [(0, 0, 1), (0, 2, 2), (10, 2, 1)]

    def test_outcomes_by_position_count_a_document_of_a_known_execution_once(
        self, storage: Storage
    ) -> None:
        store(
            storage,
            an_execution(execution_id="e"),
            an_execution(execution_id="f", namespace=OTHER),
            an_interaction(execution_id="e"),
            an_interaction(execution_id="e"),
            an_interaction(execution_id="e", types=("view",)),
            an_interaction(execution_id="e", feature_id="doc_2"),
            an_interaction(execution_id="e", feature_id="doc_2", position=1),
            an_interaction(execution_id="f"),
            an_interaction(execution_id="unknown"),
            an_interaction(),
        )
        with storage.read() as session:
            outcomes = session.summaries.outcomes_by_position(DEFAULT)
        assert sorted(outcomes) == [(0, "click", 2), (0, "view", 1), (1, "click", 1)]

    def test_queries_and_searches(self, storage: Storage) -> None:
        shoes, boots = {"query": "shoes"}, {"query": "boots"}
        store(
            storage,
            an_interaction(query_snapshot=shoes),
            an_interaction(query_snapshot=shoes),
            an_interaction(query_snapshot=boots, types=("view",)),
            an_interaction(),
            an_execution(inputs=shoes),
            an_execution(inputs=shoes, documents=()),
            an_execution(inputs=boots),
            an_execution(inputs=None),
        )
        with storage.read() as session:
            queries = session.summaries.queries(DEFAULT)
            searches = session.summaries.searches(DEFAULT)
        assert sorted(queries) == [
            ('{"query":"boots"}', "view", 1),
            ('{"query":"shoes"}', "click", 2),
        ]
        assert sorted(searches) == [('{"query":"boots"}', 1, 0), ('{"query":"shoes"}', 2, 1)]

    def test_documents_of_a_type_most_first(self, storage: Storage) -> None:
        ids = ("b", "b", "a", "c", "c", "c", "A")
        store(
            storage,
            *(an_interaction(feature_id=id, types=("view", "click")) for id in ids),
            an_interaction(feature_id="d", types=("long_view",)),
        )
        with storage.read() as session:
            assert session.summaries.documents(DEFAULT, "click", 10) == [
                ("c", 3), ("b", 2), ("A", 1), ("a", 1),
            ]  # fmt: skip
            assert session.summaries.documents(DEFAULT, "view", 2) == [("c", 3), ("b", 2)]
            assert session.summaries.documents(DEFAULT, "long_view", 2) == [("d", 1)]

    def test_identities_most_first(self, storage: Storage) -> None:
        store(
            storage,
            an_interaction(user_id="u", session_id="s"),
            an_interaction(user_id="u", session_id="t"),
            an_interaction(session_id="s"),
            an_interaction(),
        )
        with storage.read() as session:
            assert session.summaries.identities(DEFAULT, 10) == [("u", 2), ("s", 1)]
            assert session.summaries.identities(DEFAULT, 1) == [("u", 2)]

    def test_faults(self, storage: Storage) -> None:
        sound = {"execution_id": "e", "query_snapshot": {}, "position": 1, "result_set_size": 2}
        store(
            storage,
            an_execution(execution_id="e"),
            an_interaction(**sound),
            an_interaction(**(sound | {"execution_id": None})),
            an_interaction(**(sound | {"execution_id": "unknown"})),
            an_interaction(**(sound | {"query_snapshot": None})),
            an_interaction(**(sound | {"position": 0})),
            an_interaction(**(sound | {"result_set_size": 1})),
            an_interaction(**(sound | {"result_set_size": None})),
            an_interaction(**(sound | {"warning": "w"})),
        )
        with storage.read() as session:
            faults = session.summaries.faults(DEFAULT)
        assert faults == dict.fromkeys(
            ("no_execution", "unknown_execution", "no_query", "first_position",
             "beyond_result_set", "warned"),
            1,
        )  # fmt: skip
        assert all(type(count) is int for count in faults.values())

    def test_every_count_is_an_integer(self, storage: Storage) -> None:
        store(storage, an_interaction(query_snapshot={}, execution_id="e", user_id="u"),
              an_execution(execution_id="e"))  # fmt: skip
        with storage.read() as session:
            summaries = session.summaries
            rows: list[Sequence[object]] = [
                *summaries.by_types(DEFAULT),
                *summaries.by_hour(DEFAULT, 0),
                *summaries.lists_by_length(DEFAULT),
                *summaries.outcomes_by_position(DEFAULT),
                *summaries.queries(DEFAULT),
                *summaries.searches(DEFAULT),
                *summaries.documents(DEFAULT, "click", 1),
                *summaries.identities(DEFAULT, 1),
            ]
        assert len(rows) == 8
        assert {type(value) for row in rows for value in row} == {int, str}
