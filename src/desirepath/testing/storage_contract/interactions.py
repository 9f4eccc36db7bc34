"""The interaction log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from msgspec.structs import replace

from desirepath.domain.filters import Condition, FieldKind, Filter, Not, Or
from desirepath.domain.ids import first_id_at, time_of
from desirepath.domain.interaction import INTERACTION_TYPES, Interaction
from desirepath.storage.base import Event, InteractionQuery, Storage
from desirepath.testing.clock import START
from desirepath.testing.examples import an_execution, an_interaction, new_id
from desirepath.testing.storage_contract.common import (
    DAY,
    DEFAULT,
    DIGEST,
    FLOATS,
    MAX,
    ODD_OBJECT,
    ODD_TEXTS,
    OTHER,
    WINDOW,
    counted,
    deepest_object,
    found,
    held_at_once,
    ids_of,
    mark_of,
    store,
)

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

_MINUTE = 60_000_000

TEXT_FIELDS = (
    *("feature_id", "user_id", "session_id", "execution_id", "retriever_id", "feature_uri"),
    *("event_id", "warning"),
)
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
        f"odd texts {number}": dict.fromkeys(TEXT_FIELDS, text)
        for number, text in enumerate(ODD_TEXTS)
    },
    **{f"float {number!r}": {"document_score": number, "reward": number} for number in FLOATS},
}


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

    @pytest.mark.parametrize("column", ["user_id", "session_id"])
    def test_last_clicks_are_the_latest_before_a_moment(
        self, storage: Storage, column: str
    ) -> None:
        def stored(name: str, minute: int, **changes: Any) -> Interaction:
            values = {"feature_id": name, "id": new_id(START + minute * _MINUTE), column: "ada"}
            return an_interaction(**(values | changes))

        store(
            storage,
            stored("first", 1),
            stored("old", 2, live=False, occurred_at=START),
            stored("twice", 3, types=("view", "click")),
            stored("viewed", 4, types=("view", "long_view")),
            stored("bob's", 5, **{column: "bob"}),
            stored("other's", 6, namespace=OTHER),
            stored("twice", 7, occurred_at=START - 1),  # live: it counts when it was recorded
            stored("late", 8),
        )
        with storage.read() as session:

            def last(before: int, limit: int) -> list[str]:
                return session.interactions.last_clicks(DEFAULT, column, "ada", before, limit)

            assert last(START + 8 * _MINUTE, 9) == ["twice", "twice", "first", "old"]
            assert last(START + 9 * _MINUTE, 2) == ["late", "twice"]
            assert last(START, 9) == []
            assert session.interactions.last_clicks(DEFAULT, column, "nobody", MAX, 9) == []

    def test_last_clicks_that_are_not_live_are_in_order_too(self, storage: Storage) -> None:
        rows = [
            an_interaction(
                feature_id=f"d{n}",
                id=new_id(START + DAY + n),
                live=False,
                occurred_at=START - n,
                user_id="ada",
            )
            for n in range(12)
        ]
        store(storage, *rows)
        with storage.read() as session:
            clicks = session.interactions.last_clicks(DEFAULT, "user_id", "ada", START + DAY, 3)
        assert clicks == ["d0", "d1", "d2"]

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
        text = "x" * 5_000
        store(storage, *(an_interaction(metadata={"text": text}) for _ in range(200)))
        with storage.read() as session:
            n_rows, n_held = held_at_once(session.interactions.scan(DEFAULT, 20), len(text))
        assert n_rows == 200
        assert 20 <= n_held <= 2 * 20

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
            replace(empty, retriever_id="r", query_json='{"query":"x"}'),
            replace(partly, query_json='{"query":"x"}'),
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
        elsewhere = (OTHER, "event 1", DIGEST, new_id())
        with storage.write() as session:
            assert session.receipts.claim_marks(marks, START, WINDOW) == set()
            assert session.receipts.claim_events([*events, elsewhere]) == {}
            assert session.interactions.delete(DEFAULT, ids_of(clicks)) == len(clicks)
        with storage.write() as session:
            assert session.receipts.claim_marks(marks, START, WINDOW) == {mark_of(kept)}
            assert session.receipts.claim_events([*events, elsewhere]) == {
                (DEFAULT, "kept"): Event(DIGEST, kept.id),
                elsewhere[:2]: Event(DIGEST, elsewhere[3]),
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

    def test_the_latest_of_a_user_are_theirs_and_those_of_their_executions(
        self, storage: Storage
    ) -> None:
        theirs = [
            an_interaction(user_id="u"),
            an_interaction(execution_id="e"),
            an_interaction(user_id="u", execution_id="e"),
            an_interaction(user_id="u", execution_id="unknown"),
        ]
        store(
            storage,
            an_execution(execution_id="e", user_id="u"),
            an_execution(execution_id="e", user_id="u", namespace=OTHER),
            an_execution(execution_id="f", user_id="v"),
            *theirs[::-1],
            an_interaction(execution_id="e", user_id="v"),
            an_interaction(execution_id="f"),
            an_interaction(user_id="u", namespace=OTHER),
            an_interaction(),
        )
        with storage.read() as session:
            log = session.interactions
            for limit in (1, 2, 4, 10):
                latest = log.latest_of_user(DEFAULT, "u", limit)
                assert latest == theirs[::-1][:limit]
            assert log.latest_of_user(DEFAULT, "nobody", 10) == []
            assert log.latest_of_user(OTHER, "v", 10) == []

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
