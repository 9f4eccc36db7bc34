"""Evaluation datasets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from desirepath.domain.ids import format_id
from desirepath.domain.judgment import Dataset, DatasetSource, JudgedQuery, Judgment
from desirepath.errors import AlreadyExists
from desirepath.storage.base import Storage
from desirepath.testing.clock import START
from desirepath.testing.examples import an_interaction, new_id
from desirepath.testing.storage_contract.common import (
    DEFAULT,
    FLOATS,
    ODD_OBJECT,
    ODD_TEXTS,
    OTHER,
    OpenAnother,
    at_once,
    held_at_once,
    store,
)

SEEN = START + 1_000_000
WHOLE = Judgment(
    document_id="doc_1",
    is_relevant=True,
    grade=3,
    relevance=1 / 3,
    low=0.1,
    high=0.9,
    impressions=12.5,
    clicks=4.0,
    features={"text://title": 0.25},
)


def a_dataset(**changes: Any) -> Dataset:
    """A dataset of sent judgments."""
    id = new_id()
    values: dict[str, Any] = {
        "namespace": DEFAULT,
        "id": id,
        "dataset_id": format_id("ds", id),
        "name": id.hex(),
        "created_at": START,
        "updated_at": START,
    }
    return Dataset(**(values | changes))


def from_log(retriever_id: str | None = None, **changes: Any) -> Dataset:
    """A dataset that saw what was recorded before SEEN."""
    source = DatasetSource(kind="interactions", retriever_id=retriever_id, seen_before=SEEN)
    return a_dataset(source=source, **changes)


def a_query(number: int = 0, *judgments: Judgment, **query_input: Any) -> JudgedQuery:
    return JudgedQuery(query_id=f"q{number}", query_input=query_input, judgments=judgments)


class EvaluationsContract:
    """See :class:`~desirepath.storage.evaluations.Evaluations`."""

    @staticmethod
    def _create(storage: Storage, dataset: Dataset, *queries: JudgedQuery) -> Dataset:
        with storage.write() as session:
            return session.evaluations.create(dataset, queries)

    @staticmethod
    def _queries(storage: Storage, dataset: Dataset, chunk: int = 500) -> list[JudgedQuery]:
        with storage.read() as session:
            return list(session.evaluations.queries(dataset.namespace, dataset.id, chunk))

    @staticmethod
    def _stale_at(storage: Storage, dataset: Dataset) -> int | None:
        with storage.read() as session:
            found = session.evaluations.find(dataset.namespace, dataset.dataset_id)
        assert found is not None
        return found.stale_at

    def test_a_dataset_reads_back_equal(self, storage: Storage) -> None:
        source = DatasetSource(
            kind="interactions",
            model="pbm",
            parameters=ODD_OBJECT,
            fit={"perplexity": 1.25},
            retriever_id="ret_1",
            seen_before=START,
        )
        sent = a_dataset(name="ümlaut", description="why", metadata=ODD_OBJECT, source=source)
        others = [
            Judgment(document_id=text, is_relevant=False, relevance=number)
            for text, number in zip(ODD_TEXTS, FLOATS, strict=False)
        ]
        queries = [a_query(0, WHOLE, *others, **ODD_OBJECT), a_query(1)]
        created = self._create(storage, sent, *queries)
        assert (created.n_queries, created.n_judgments) == (2, 1 + len(others))
        with storage.read() as session:
            assert session.evaluations.find(DEFAULT, created.dataset_id) == created
            assert session.evaluations.find(DEFAULT, "ümlaut") == created
            assert session.evaluations.find(OTHER, "ümlaut") is None
            assert session.evaluations.find(DEFAULT, "\x00") is None
        assert self._queries(storage, created) == queries

    def test_queries_keep_their_order_however_they_are_read(self, storage: Storage) -> None:
        queries = [a_query(number, WHOLE, query=str(number)) for number in range(1203)]
        dataset = self._create(storage, a_dataset(), *queries)
        assert self._queries(storage, dataset, chunk=7) == queries
        assert self._queries(storage, dataset) == queries

    def test_reading_takes_constant_memory(self, storage: Storage) -> None:
        size = 100_000
        queries = [a_query(number, query=f"{number:06}" * (size // 6)) for number in range(64)]
        dataset = self._create(storage, a_dataset(), *queries)

        def texts() -> Iterator[str]:
            with storage.read() as session:
                for query in session.evaluations.queries(DEFAULT, dataset.id, chunk=4):
                    yield query.query_input["query"]

        n, most = held_at_once(texts(), size)
        assert n == 64
        assert most <= 16

    def test_a_name_is_taken_once_in_a_namespace(self, storage: Storage) -> None:
        first = self._create(storage, a_dataset(name="gold"), a_query())
        with pytest.raises(AlreadyExists):
            self._create(storage, a_dataset(name="gold"), a_query(), a_query(1))
        self._create(storage, a_dataset(name="gold", namespace=OTHER), a_query())
        with storage.read() as session:
            assert session.evaluations.count(DEFAULT) == 1
            assert session.evaluations.find(DEFAULT, "gold") == first

    def test_one_of_two_at_once_gets_the_name(
        self, storage: Storage, open_another: OpenAnother
    ) -> None:
        def create(here: Storage) -> bool:
            try:
                self._create(here, a_dataset(name="gold"), a_query(0, WHOLE))
            except AlreadyExists:
                return False
            return True

        another = open_another()
        assert sorted(at_once(lambda: create(storage), lambda: create(another))) == [False, True]

    def test_the_newest_come_first_in_pages(self, storage: Storage) -> None:
        created = [self._create(storage, a_dataset(), a_query()) for _ in range(5)]
        self._create(storage, a_dataset(namespace=OTHER), a_query())
        with storage.read() as session:
            assert session.evaluations.datasets(DEFAULT, 100) == created[::-1]
            assert session.evaluations.datasets(DEFAULT, 2, 2) == created[2:0:-1]
            assert session.evaluations.count(DEFAULT) == 5

    def test_a_deleted_one_takes_its_queries_along(self, storage: Storage) -> None:
        gone, kept = (self._create(storage, a_dataset(), a_query(0, WHOLE)) for _ in range(2))
        with storage.write() as session:
            assert session.evaluations.delete(DEFAULT, gone.id)
            assert not session.evaluations.delete(DEFAULT, gone.id)
            assert not session.evaluations.delete(OTHER, kept.id)
        assert self._queries(storage, gone) == []
        assert self._queries(storage, kept) == [a_query(0, WHOLE)]

    def test_those_of_a_retriever_and_of_a_namespace_can_be_removed(self, storage: Storage) -> None:
        gone = self._create(storage, from_log("ret_1"), a_query())
        kept = self._create(storage, from_log("ret_2"), a_query())
        whole = self._create(storage, from_log(), a_query())
        elsewhere = self._create(storage, from_log("ret_1", namespace=OTHER), a_query())
        with storage.write() as session:
            assert session.evaluations.delete_of_retriever(DEFAULT, "ret_1") == 1
        assert self._queries(storage, gone) == []
        with storage.write() as session:
            assert session.evaluations.datasets(DEFAULT, 10) == [whole, kept]
            session.evaluations.clear(DEFAULT)
            assert session.evaluations.datasets(DEFAULT, 10) == []
            assert session.evaluations.datasets(OTHER, 10) == [elsewhere]
        assert self._queries(storage, kept) == []
        assert self._queries(storage, elsewhere) == [a_query()]

    def test_those_that_saw_it_become_stale_once(self, storage: Storage) -> None:
        sent = self._create(storage, a_dataset(), a_query())
        whole = self._create(storage, from_log(), a_query())
        first = self._create(storage, from_log("ret_1"), a_query())
        second = self._create(storage, from_log("ret_2"), a_query())
        with storage.write() as session:
            mark = session.evaluations.mark_stale
            assert mark(DEFAULT, ["ret_1"], SEEN, START + 5) == 0  # recorded afterwards
            assert mark(OTHER, ["ret_1"], START, START + 5) == 0
            assert mark(DEFAULT, ["ret_1"], START, START + 6) == 2
            assert mark(DEFAULT, ["ret_1"], START, START + 7) == 0
            assert mark(DEFAULT, [], START, START + 8) == 0
        stale = [self._stale_at(storage, one) for one in (sent, whole, first, second)]
        assert stale == [None, START + 6, START + 6, None]

    def test_what_was_deleted_since_the_log_was_read_makes_it_stale(self, storage: Storage) -> None:
        interaction = an_interaction(id=new_id())
        store(storage, interaction)
        with storage.read() as session:
            before = session.extracts.changes(DEFAULT)
        with storage.write() as session:
            fresh = session.evaluations.create(from_log(), [a_query()], before)
        with storage.write() as session:
            session.interactions.delete(DEFAULT, [interaction.id])
        with storage.write() as session:
            stale = session.evaluations.create(from_log(), [a_query()], before)
        assert (fresh.stale_at, stale.stale_at) == (None, START)
        assert self._stale_at(storage, stale) == START

    def test_a_deletion_at_the_same_moment_is_never_missed(
        self, storage: Storage, open_another: OpenAnother
    ) -> None:
        another = open_another()
        for _ in range(10):
            interaction = an_interaction(id=new_id())
            store(storage, interaction)
            with storage.read() as session:
                before = session.extracts.changes(DEFAULT)
            dataset = from_log()

            def create(dataset: Dataset = dataset, before: Any = before) -> None:
                with storage.write() as session:
                    session.evaluations.create(dataset, [a_query(0, WHOLE)], before)

            def remove(id: bytes = interaction.id) -> None:
                with another.write() as session:
                    session.interactions.delete(DEFAULT, [id])
                    session.evaluations.mark_stale(DEFAULT, [], START, START + 1)

            at_once(create, remove)
            assert self._stale_at(storage, dataset) is not None

    def test_queries_that_mention_somebody_go(self, storage: Storage) -> None:
        named = a_query(0, WHOLE, WHOLE, user_id="al_ce")
        others = [a_query(1, WHOLE, query="alice"), a_query(2, query="AL_CE")]
        dataset = self._create(storage, a_dataset(), named, *others)
        elsewhere = self._create(storage, a_dataset(namespace=OTHER), named)
        with storage.write() as session:
            assert session.evaluations.delete_mentions(DEFAULT, '"al_ce"') == 1
            assert session.evaluations.delete_mentions(DEFAULT, '"al_ce"') == 0
            left = session.evaluations.find(DEFAULT, dataset.dataset_id)
        assert left is not None
        assert (left.n_queries, left.n_judgments) == (2, 1)
        assert self._queries(storage, dataset) == others
        assert self._queries(storage, elsewhere) == [named]
