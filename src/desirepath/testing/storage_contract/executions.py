"""The execution log."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from msgspec.structs import replace

from desirepath.domain.execution import ExecutionSummary, ShownDocument
from desirepath.domain.experiment import Experiment, Mode, Trial
from desirepath.domain.filters import FieldKind, Filter, parse_filter
from desirepath.domain.ids import NIL, first_id_at
from desirepath.domain.plain_json import object_text
from desirepath.domain.profile import Profile, StageRun
from desirepath.domain.ranking import unpack_ranking
from desirepath.storage.base import Event, ExecutionQuery, Session, Storage
from desirepath.testing.clock import START
from desirepath.testing.examples import a_ranking, an_execution, an_interaction, documents, new_id
from desirepath.testing.storage_contract.common import (
    DAY,
    DEFAULT,
    DIGEST,
    FLOATS,
    LONGEST_ID,
    MAX,
    ODD_OBJECT,
    ODD_TEXTS,
    OTHER,
    OTHER_DIGEST,
    OpenAnother,
    at_once,
    deepest_object,
    held_at_once,
    ids_of,
    store,
)

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
    "a profile": {
        "profile": Profile(
            stages=(
                StageRun(name="find", stage_id="feature_search", n_in=0, n_out=9, milliseconds=1.5),
                StageRun(
                    name=ODD_TEXTS[0],
                    stage_id="limit",
                    n_in=9,
                    n_out=9,
                    milliseconds=0.0,
                    error=ODD_TEXTS[1],
                ),
            ),
            milliseconds=2.25,
            warnings=(ODD_TEXTS[2],),
            filters=ODD_OBJECT,
        )
    },
    "a trial": {
        "trial": Trial(
            experiment_id="exp_1",
            experiment=Experiment(mode=Mode.INTERLEAVE, challenger="ret_2", matters=0.5),
            unit=f"session:{ODD_TEXTS[0]}",
            coin=True,
            live_version=3,
            challenger_version=MAX,
            teams=(1, -1, 0),
            problem=ODD_TEXTS[1],
        )
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


_FIELDS = {
    "user_id": FieldKind.TEXT,
    "total": FieldKind.INTEGER,
    "inputs": FieldKind.OBJECT,
}


def _filter(**shorthand: Any) -> Filter:
    return parse_filter(shorthand, _FIELDS)


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
        assert shown.inputs_json == object_text(execution.inputs)
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

    @pytest.mark.parametrize("execution_first", [True, False])
    def test_the_second_half_of_a_pair_sees_the_first(
        self, storage: Storage, open_another: OpenAnother, execution_first: bool
    ) -> None:
        other, name = open_another(), {(DEFAULT, "e")}

        def bring_execution(session: Session) -> set[str]:
            session.executions.meet(name, set())
            execution = an_execution(execution_id="e")
            session.executions.claim([(DEFAULT, "e", DIGEST, execution.id)])
            session.executions.append([execution])
            return session.interactions.unlinked(DEFAULT, ["e"])

        def bring_interaction(session: Session) -> set[str]:
            session.executions.meet(set(), name)
            session.interactions.append([an_interaction(execution_id="e")])
            return {id for _, id in session.executions.shown_lists(name)}

        def bring_second() -> set[str]:
            with other.write() as session:
                return (bring_interaction if execution_first else bring_execution)(session)

        with ThreadPoolExecutor(1) as pool:
            with storage.write() as session:
                assert (bring_execution if execution_first else bring_interaction)(session) == set()
                future = pool.submit(bring_second)
                time.sleep(0.1)
                assert not future.done()
            assert future.result(20) == {"e"}

    def test_many_meet_in_any_order(self, storage: Storage, open_another: OpenAnother) -> None:
        names = [(DEFAULT, f"e{number}") for number in range(1000)]

        def meet(target: Storage, arriving: slice, awaited: slice) -> Callable[[], None]:
            def task() -> None:
                for _ in range(5):
                    with target.write() as session:
                        session.executions.meet(set(names[arriving]), set(names[awaited]))

            return task

        other, low, high, none = open_another(), slice(600), slice(400, None), slice(0)
        at_once(
            meet(storage, low, high),
            meet(other, high, low),
            meet(storage, none, low),
            meet(other, high, none),
            meet(storage, none, none),
        )

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

    def test_a_list_goes_through_a_retriever_by_time(self, storage: Storage) -> None:
        theirs = [an_execution(retriever_id="r", total=n, user_id="u") for n in range(7)]
        others = (an_execution(), an_execution(retriever_id="r", namespace=OTHER))
        store(storage, *theirs[::-1], *others)
        query = ExecutionQuery(namespace=DEFAULT, retriever_id="r")

        def listed(limit: int = 10, offset: int = 0, **changes: Any) -> list[int | None]:
            with storage.read() as session:
                found = session.executions.find(replace(query, **changes), limit, offset)
            return [one.total for one in found]

        assert listed() == [6, 5, 4, 3, 2, 1, 0]
        assert listed(2, 3) == [3, 2]
        assert listed(after=theirs[2].id) == [1, 0]
        assert listed(after=theirs[4].id, descending=False) == [5, 6]
        assert listed(ceiling=theirs[1].id) == [1, 0]
        assert listed(filter=_filter(total={"gte": 5}, user_id="u")) == [6, 5]
        assert listed(filter=_filter(user_id="U")) == []
        with storage.read() as session:
            assert session.executions.count(query) == 7
            narrowed = replace(query, filter=_filter(total={"gte": 5}))
            assert session.executions.count(narrowed) == 2
            assert session.executions.is_exact(narrowed)
            guessed = replace(query, filter=_filter(inputs={"exists": True}))
            assert not session.executions.is_exact(guessed)
            assert session.executions.count(guessed) == 7

    @pytest.mark.parametrize("changes", EXECUTION_CHANGES.values(), ids=EXECUTION_CHANGES)
    def test_a_list_says_what_is_stored(self, storage: Storage, changes: Mapping[str, Any]) -> None:
        stored = an_execution(**changes)
        store(storage, stored)
        query = ExecutionQuery(namespace=DEFAULT, retriever_id=stored.retriever_id)
        with storage.read() as session:
            (listed,) = session.executions.find(query, 10)
        for name in ExecutionSummary.__struct_fields__:
            if name != "n_documents":
                assert getattr(listed, name) == getattr(stored, name), name
        assert listed.n_documents == len(stored.documents)

    @pytest.mark.parametrize("chunk", [1, 3, 500])
    def test_a_scan_gives_everything_in_id_order(self, storage: Storage, chunk: int) -> None:
        executions = [an_execution() for _ in range(7)]
        store(storage, *executions[::-1], an_execution(namespace=OTHER))
        with storage.read() as session:
            assert list(session.executions.scan(DEFAULT, chunk)) == executions

    def test_a_scan_holds_one_chunk_at_a_time(self, storage: Storage) -> None:
        text = "x" * 5_000
        store(storage, *(an_execution(metadata={"text": text}) for _ in range(200)))
        with storage.read() as session:
            n_rows, n_held = held_at_once(session.executions.scan(DEFAULT, 20), len(text))
        assert n_rows == 200
        assert 20 <= n_held <= 2 * 20

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

    def test_the_ranked_ones_of_a_retriever_come_whether_they_teach_or_not(
        self, storage: Storage
    ) -> None:
        taught = a_ranking(algorithm="thompson_sampling")
        one, other = an_execution(ranking=taught), an_execution(ranking=a_ranking())
        unranked, elsewhere = an_execution(), an_execution(retriever_id="ret_2", ranking=taught)
        store(storage, one, other, unranked, elsewhere)
        with storage.read() as session:
            learned = session.learned
            found = learned.ranked_after(DEFAULT, "ret_1", NIL, 10)
            assert [row.id for row in found] == [one.id, other.id]
            assert unpack_ranking(found[1].ranking) == other.ranking
            assert learned.ranked_after(DEFAULT, "ret_1", NIL, 1) == found[:1]
            assert learned.ranked_after(DEFAULT, "ret_1", one.id, 10) == found[1:]
            assert learned.lists_after(DEFAULT, "ret_1", NIL, 10) == found[:1]
            assert learned.ranked_after(OTHER, "ret_1", NIL, 10) == []

    def test_ids_before_a_moment(self, storage: Storage) -> None:
        executions = [an_execution(id=new_id(START + day * DAY)) for day in (-400, -1, 0, 400)]
        store(storage, *executions)
        with storage.read() as session:
            log = session.executions
            assert log.ids_before(DEFAULT, first_id_at(START), 10) == ids_of(executions[:2])
            assert log.ids_before(DEFAULT, first_id_at(START), 1) == ids_of(executions[:1])
            assert log.ids_before(OTHER, b"\xff" * 16, 10) == []
