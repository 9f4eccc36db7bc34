"""Transactions, and what belongs to the database as a whole."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from desirepath.domain.clock import MICROSECONDS
from desirepath.domain.execution import Execution
from desirepath.domain.filters import Condition, Or
from desirepath.domain.ids import first_id_at
from desirepath.domain.interaction import Interaction
from desirepath.domain.retriever import RetrieverDraft
from desirepath.errors import InvalidSetting, QueryTooSlow
from desirepath.storage.base import InteractionQuery, Rejection, Session, Storage
from desirepath.testing.clock import START
from desirepath.testing.examples import an_execution, an_interaction, new_id
from desirepath.testing.storage_contract.common import (
    DAY,
    DEFAULT,
    DIGEST,
    OTHER,
    WINDOW,
    OpenAnother,
    a_key,
    at_once,
    counted,
    found,
    ids_of,
    store,
)
from desirepath.testing.storage_contract.interactions import FULL_INTERACTION


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

        def write_and_fail(session: Session) -> None:
            self._write_everything(session, click, execution)
            raise error

        with pytest.raises(error), storage.write() as session:
            write_and_fail(session)
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

        def write_twice(session: Session) -> None:
            session.interactions.append([other])
            session.interactions.append([click])  # its id is not new

        with pytest.raises(Exception, match=r"(?i)unique"), storage.write() as session:
            write_twice(session)
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
            assert [tally.n for tally in session.summaries.tally(DEFAULT)] == [1]
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

    def test_processes_may_keep_house_at_the_same_time(
        self, storage: Storage, open_another: OpenAnother
    ) -> None:
        def keep_house(target: Storage) -> Callable[[], None]:
            def task() -> None:
                for year in (1, 2, 3):
                    target.tidy(START + year * 366 * DAY)

            return task

        at_once(*map(keep_house, (storage, open_another()) * 2))
        click = an_interaction(id=new_id(START + 367 * DAY))
        store(storage, click)
        assert found(storage) == [click.id]

    def test_dropping_what_is_old_leaves_the_rest_and_no_loose_ends(self, storage: Storage) -> None:
        storage.tidy(START)  # partitions of months, where a back end has them
        days = (0, 14, 30, 45, 46, 59, 89)
        clicks = [
            an_interaction(id=new_id(START + day * DAY), namespace=namespace, event_id=f"e{day}")
            for day in days
            for namespace in (DEFAULT, OTHER)
        ]
        executions = [
            an_execution(id=new_id(START + day * DAY), execution_id=f"e{day}") for day in days
        ]
        store(storage, *clicks, *executions)
        events = [(c.namespace, str(c.event_id), DIGEST, c.id) for c in clicks]
        claims = [(DEFAULT, e.execution_id, DIGEST, e.id) for e in executions]
        with storage.write() as session:
            session.receipts.claim_events(events)
        bound = first_id_at(START + 46 * DAY)
        for _ in range(2):
            storage.drop_before(bound)
        with storage.write() as session:
            left = {*session.interactions.scan(DEFAULT), *session.interactions.scan(OTHER)}
            assert left >= {click for click in clicks if click.id >= bound}
            assert left <= set(clicks)
            searches = list(session.executions.scan(DEFAULT))
            assert ids_of(searches)[-3:] == ids_of(executions[-3:])
            taken = session.receipts.claim_events(events)
            assert set(taken) == {(click.namespace, click.event_id) for click in left}
            known = session.executions.claim(claims)
            assert set(known) == {(DEFAULT, execution.execution_id) for execution in searches}

    def test_a_backup_is_whole_or_says_what_to_use(self, storage: Storage, tmp_path: Path) -> None:
        store(storage, an_interaction())
        target = tmp_path / "copy.db"
        refusal = ""
        steps: list[tuple[int, int]] = []
        try:
            storage.backup(target, lambda done, total: steps.append((done, total)))
        except InvalidSetting as error:
            refusal = error.message
        if refusal:
            assert "own tools" in refusal
            return
        assert steps[-1][0] == steps[-1][1] > 0
        assert all(done <= total for done, total in steps)
        assert target.stat().st_size == steps[-1][1]
        assert target in tmp_path.iterdir()
        with pytest.raises(InvalidSetting):
            storage.backup(target, lambda done, total: None)  # a backup never overwrites
        with pytest.raises(InvalidSetting):
            storage.backup(tmp_path / "nowhere" / "copy.db", lambda done, total: None)

    def test_a_backup_that_fails_leaves_nothing(self, storage: Storage, tmp_path: Path) -> None:
        class Enough(Exception):
            """Stands for whatever may go wrong on the way."""

        def stop(done: int, total: int) -> None:
            raise Enough

        before = set(tmp_path.iterdir())
        with pytest.raises((Enough, InvalidSetting)):
            storage.backup(tmp_path / "copy.db", stop)
        assert set(tmp_path.iterdir()) - before <= {
            tmp_path / "desirepath.db-wal",
            tmp_path / "desirepath.db-shm",
        }
