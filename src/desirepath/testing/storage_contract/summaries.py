"""Grouped counts."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from desirepath.domain.clock import MICROSECONDS
from desirepath.domain.warnings import CLAMPED
from desirepath.storage.base import ListChecks, QueryCount, Storage, Tally
from desirepath.testing.clock import START
from desirepath.testing.examples import an_execution, an_interaction, new_id
from desirepath.testing.storage_contract.common import DEFAULT, ODD_OBJECT, OTHER, store

__all__ = ["SummariesContract"]

SHOES, BOOTS = {"query": "shoes"}, {"query": "boots"}


def a_tally(**changes: object) -> Tally:
    """One click at position 2 with everything in order."""
    values: dict[str, object] = {
        "types": "click",
        "retriever_id": None,
        "n": 1,
        "no_execution": 0,
        "no_session": 0,
        "first_position": 0,
        "second_position": 0,
        "beyond_results": 0,
        "clamped": 0,
        "first_occurred_at": START,
        "last_occurred_at": START,
    }
    return Tally(**(values | changes))  # type: ignore[arg-type]


class SummariesContract:
    """See :class:`~desirepath.storage.base.Summaries`."""

    def test_an_empty_namespace_has_counts_of_nothing(self, storage: Storage) -> None:
        store(
            storage,
            an_interaction(namespace=OTHER, execution_id="e", query_snapshot=SHOES, user_id="u"),
            an_interaction(namespace=OTHER, execution_id="unknown", types=("zero_results",)),
            an_execution(namespace=OTHER, execution_id="e", session_id="s"),
        )
        with storage.read() as session:
            summaries = session.summaries
            lists: list[Sequence[object]] = [
                summaries.tally(DEFAULT),
                summaries.by_hour(DEFAULT, 0),
                summaries.lists(DEFAULT),
                summaries.by_position(DEFAULT, ["click"], [], [None], {}, 9, known=True),
                summaries.by_position(DEFAULT, ["click"], [], [None], {}, 9, known=False),
                summaries.searches(DEFAULT, 10),
                summaries.searches(DEFAULT, 10, empty_only=True),
                summaries.reactions(DEFAULT, ["click"], 10, None),
                summaries.recent_searches(DEFAULT, 10),
                list(summaries.interaction_counts(DEFAULT, ["click"], 0, 10, ["doc_1"])),
                summaries.misses(DEFAULT, ["click", "zero_results"], 10),
                summaries.documents(DEFAULT, ["click"], 10),
                summaries.identities(DEFAULT, 10),
            ]
            assert lists == [[]] * len(lists)
            assert summaries.list_checks(DEFAULT, ["click"], 10) == ListChecks(0, 0, 0)
            assert summaries.unknown_executions(DEFAULT) == 0
            assert summaries.sessions_of_executions(DEFAULT) == 0

    def test_every_interaction_is_in_one_tally(self, storage: Storage) -> None:
        sound = {"execution_id": "e", "session_id": "s", "position": 2, "result_set_size": 3}
        store(
            storage,
            *(an_interaction(**(sound | {"types": types})) for types in (("view", "click"),) * 2),
            an_interaction(**(sound | {"types": ("click", "view"), "occurred_at": START - 1})),
            an_interaction(**(sound | {"types": ("click", "view"), "occurred_at": START + 1})),
            an_interaction(**(sound | {"retriever_id": "r"})),
            an_interaction(**(sound | {"retriever_id": "R"})),
            an_interaction(**sound),
            an_interaction(**(sound | {"namespace": OTHER})),
        )
        with storage.read() as session:
            tallies = session.summaries.tally(DEFAULT)
        assert sorted(tallies, key=lambda t: (t.types, t.retriever_id or "")) == [
            a_tally(),
            a_tally(retriever_id="R"),
            a_tally(retriever_id="r"),
            a_tally(
                types="click,view",
                n=2,
                first_occurred_at=START - 1,
                last_occurred_at=START + 1,
            ),
            a_tally(types="view,click", n=2),
        ]

    def test_a_tally_counts_what_lacks_or_contradicts(self, storage: Storage) -> None:
        sound = {"execution_id": "e", "session_id": "s", "position": 2, "result_set_size": 3}
        changes: dict[str, list[dict[str, object]]] = {
            "no_execution": [{"execution_id": None}],
            "no_session": [{"session_id": None}] * 2,
            "first_position": [{"position": 0}] * 3,
            "second_position": [{"position": 1}] * 4,
            "beyond_results": [{"position": 3}, {"position": 2**62}],
            "clamped": [{"warning": f"Another sentence. {CLAMPED}"}],
            "nothing": [{}, {"result_set_size": None}, {"warning": "Another sentence."}],
        }
        store(
            storage,
            *(
                an_interaction(**(sound | change))
                for listed in changes.values()
                for change in listed
            ),
        )
        with storage.read() as session:
            tallies = session.summaries.tally(DEFAULT)
        counts = {name: len(listed) for name, listed in changes.items() if name != "nothing"}
        assert tallies == [a_tally(n=sum(map(len, changes.values())), **counts)]

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

    def test_lists_by_retriever_offset_and_length(self, storage: Storage) -> None:
        store(
            storage,
            an_execution(),
            an_execution(),
            an_execution(offset=10),
            an_execution(documents=()),
            an_execution(retriever_id="ret_2"),
        )
        with storage.read() as session:
            lists = session.summaries.lists(DEFAULT)
        assert sorted(lists) == [
            ("ret_1", 0, 0, 1),
            ("ret_1", 0, 2, 2),
            ("ret_1", 10, 2, 1),
            ("ret_2", 0, 2, 1),
        ]

    def test_by_position_counts_a_document_of_an_execution_once(self, storage: Storage) -> None:
        self._store_outcomes(storage)
        with storage.read() as session:

            def ask(*, known: bool) -> list[tuple[int, int, int]]:
                types, retrievers = ["click", "view"], [None, "r"]
                return sorted(
                    session.summaries.by_position(
                        DEFAULT, types, ["click"], retrievers, {}, 9, known=known
                    )
                )

            assert ask(known=True) == [(0, 2, 2), (1, 1, 0)]
            assert ask(known=False) == [(0, 3, 3), (1, 1, 0)]

    @staticmethod
    def _store_outcomes(storage: Storage) -> None:
        e = {"execution_id": "e"}
        store(
            storage,
            an_execution(execution_id="e"),
            an_execution(execution_id="f", namespace=OTHER),
            # doc_1 is viewed and clicked: one pair at its least position
            an_interaction(**e),
            an_interaction(**e),
            an_interaction(**e, types=("view",), position=3),
            an_interaction(**e, feature_id="doc_2", position=1, types=("view",)),
            an_interaction(**e, feature_id="doc_3", retriever_id="r"),
            an_interaction(**e, feature_id="far", position=9),
            an_interaction(**e, feature_id="other type", types=("skip",)),
            an_interaction(**e, feature_id="other retriever", retriever_id="s"),
            an_interaction(execution_id="f"),  # of another namespace, so unknown here
            an_interaction(),
        )

    def test_by_position_looks_at_retrievers_since_a_moment(self, storage: Storage) -> None:
        e = {"execution_id": "e"}
        store(
            storage,
            an_interaction(**e, retriever_id="r", occurred_at=START),
            an_interaction(**e, retriever_id="r", occurred_at=START - 1, feature_id="early"),
            an_interaction(**e, retriever_id="s", occurred_at=START - 1, feature_id="s"),
            an_interaction(**e, occurred_at=START - 1, feature_id="none"),
        )
        with storage.read() as session:

            def ask(since: dict[str | None, int]) -> list[tuple[int, int, int]]:
                return session.summaries.by_position(
                    DEFAULT, ["click"], [], ["r", "s", None], since, 9, known=False
                )

            assert ask({}) == [(0, 4, 0)]
            assert ask({"r": START}) == [(0, 3, 0)]
            assert ask({"r": START, None: START}) == [(0, 2, 0)]

    def test_list_checks(self, storage: Storage) -> None:
        e = {"execution_id": "e"}
        store(
            storage,
            an_execution(execution_id="e", offset=10),
            an_interaction(**e, position=9),  # before the list
            an_interaction(**e, position=10),
            an_interaction(**e, position=11, feature_id="doc_2"),
            an_interaction(**e, position=12),  # after it
            an_interaction(**e, position=12, result_set_size=100),
            an_interaction(**e, position=10, feature_id="doc"),  # not listed
            an_interaction(**e, position=10, feature_id="doc_1", types=("view",)),
            an_interaction(execution_id="unknown"),
            an_interaction(),
        )
        with storage.read() as session:
            checks = session.summaries.list_checks
            assert checks(DEFAULT, ["click"], 100) == ListChecks(6, 1, 2)
            assert checks(DEFAULT, ["click", "view"], 100) == ListChecks(7, 1, 2)
            assert checks(DEFAULT, ["view"], 100) == ListChecks(1, 0, 0)
            assert checks(DEFAULT, ["click"], 2) == ListChecks(1, 1, 0)

    def test_executions_that_are_not_known(self, storage: Storage) -> None:
        store(
            storage,
            an_execution(execution_id="e"),
            an_execution(execution_id="f", namespace=OTHER),
            an_interaction(execution_id="e"),
            an_interaction(execution_id="f"),
            an_interaction(execution_id="f"),
            an_interaction(execution_id="g"),
            an_interaction(),
        )
        with storage.read() as session:
            assert session.summaries.unknown_executions(DEFAULT) == 3

    def test_sessions_that_only_the_execution_has(self, storage: Storage) -> None:
        store(
            storage,
            an_execution(execution_id="with", session_id="s"),
            an_execution(execution_id="without"),
            an_interaction(execution_id="with"),
            an_interaction(execution_id="with", session_id="own"),
            an_interaction(execution_id="without"),
            an_interaction(execution_id="unknown"),
            an_interaction(),
        )
        with storage.read() as session:
            assert session.summaries.sessions_of_executions(DEFAULT) == 1

    def test_searches_by_query(self, storage: Storage) -> None:
        store(
            storage,
            an_execution(inputs=SHOES),
            an_execution(inputs=SHOES | {"page": 2}, documents=()),
            an_execution(inputs=BOOTS, documents=()),
            an_execution(inputs=None),
            an_execution(inputs=SHOES, namespace=OTHER),
        )
        with storage.read() as session:
            searches = session.summaries.searches
            assert searches(DEFAULT, 10) == [QueryCount("shoes", 2, 1), QueryCount("boots", 1, 1)]
            assert searches(DEFAULT, 1) == [QueryCount("shoes", 2, 1)]
            assert searches(DEFAULT, 10, empty_only=True) == [
                QueryCount("boots", 1, 1),
                QueryCount("shoes", 1, 1),
            ]

    def test_what_found_nothing(self, storage: Storage) -> None:
        store(
            storage,
            an_execution(documents=()),
            an_execution(documents=(), total=0),
            an_execution(documents=(), total=5),  # shown elsewhere
            an_execution(documents=(), offset=10),  # past the last page
            an_execution(total=0),
            an_execution(),
            an_execution(documents=(), inputs=None),
            an_execution(documents=(), namespace=OTHER),
            an_interaction(types=("zero_results",)),
        )
        with storage.read() as session:
            assert session.summaries.zero_results(DEFAULT) == (6, 2)
            assert session.summaries.zero_results(3) == (0, 0)
            shoes = session.summaries.searches(DEFAULT, 10)
            empty = session.summaries.searches(DEFAULT, 10, empty_only=True)
        assert shoes == [QueryCount("shoes", 6, 2)]
        assert empty == [QueryCount("shoes", 2, 2)]

    @pytest.mark.parametrize(
        ("inputs", "query"),
        [
            ({"query": "a", "q": "b", "text": "c"}, "a"),
            ({"query": None, "q": "b", "text": "c"}, "b"),
            ({"query": 1, "q": ["b"], "text": "c"}, "c"),
            ({"query": {"query": "a"}}, '{"query":{"query":"a"}}'),
            ({"query": ""}, ""),
            ({"query": 'é "quoted" \\ \n😀'}, 'é "quoted" \\ \n😀'),
            ({"Query": "a"}, '{"Query":"a"}'),
            ({}, "{}"),
        ],
    )
    def test_the_query_is_the_first_text_under_its_usual_names(
        self, storage: Storage, inputs: dict[str, object], query: str
    ) -> None:
        store(storage, an_execution(inputs=inputs), an_interaction(query_snapshot=inputs))
        with storage.read() as session:
            assert session.summaries.searches(DEFAULT, 9) == [QueryCount(query, 1, 0)]
            reactions = session.summaries.reactions(DEFAULT, ["click"], 9, None)
            assert [reaction.query for reaction in reactions] == [query]

    def test_an_object_without_a_query_stands_for_itself(self, storage: Storage) -> None:
        store(storage, an_execution(inputs=ODD_OBJECT), an_execution(inputs=ODD_OBJECT))
        with storage.read() as session:
            ((query, n, m),) = [(c.query, c.n, c.m) for c in session.summaries.searches(DEFAULT, 9)]
        assert query.startswith('{"":"empty key",')
        assert (n, m) == (2, 0)

    def test_reactions_by_query(self, storage: Storage) -> None:
        store(
            storage,
            an_interaction(query_snapshot=SHOES, execution_id="e"),
            an_interaction(query_snapshot=SHOES, execution_id="e"),
            an_interaction(query_snapshot=SHOES, execution_id="e", feature_id="doc_2"),
            an_interaction(query_snapshot=SHOES, execution_id="f"),
            an_interaction(query_snapshot=SHOES, execution_id="f", types=("view",)),
            an_interaction(query_snapshot=SHOES, execution_id="g", types=("view",)),
            an_interaction(query_snapshot=BOOTS, execution_id="h"),
            an_interaction(query_snapshot=BOOTS),
            an_interaction(query_snapshot=BOOTS),
            an_interaction(execution_id="i"),
        )
        with storage.read() as session:
            reactions = session.summaries.reactions
            shoes, boots = QueryCount("shoes", 3, 2), QueryCount("boots", 3, 1)
            assert reactions(DEFAULT, ["click"], 10, None) == [boots, shoes]
            assert reactions(DEFAULT, ["click"], 1, None) == [boots]
            assert reactions(DEFAULT, ["click"], 10, ["boots", "unknown"]) == [boots]
            assert reactions(DEFAULT, ["click"], 10, []) == []
            assert reactions(DEFAULT, ["view"], 10, None) == [QueryCount("shoes", 2, 2)]

    def test_misses_by_query(self, storage: Storage) -> None:
        missed = {"types": ("zero_results",), "query_snapshot": SHOES}
        store(
            storage,
            an_execution(execution_id="empty", documents=()),
            an_execution(execution_id="full"),
            an_execution(execution_id="past the end", documents=(), offset=10),
            an_interaction(**missed, execution_id="past the end"),
            an_interaction(**missed, execution_id="empty"),  # known to be empty: no news
            an_interaction(**missed, execution_id="full"),
            an_interaction(**missed, execution_id="full"),
            an_interaction(**missed, execution_id="unknown"),
            an_interaction(**missed),
            an_interaction(**missed),
            an_interaction(types=("zero_results",), query_snapshot=BOOTS),
            an_interaction(query_snapshot=SHOES),
            an_interaction(types=("zero_results",)),
        )
        with storage.read() as session:
            misses = session.summaries.misses
            assert misses(DEFAULT, ["zero_results"], 10) == [("shoes", 5), ("boots", 1)]
            assert misses(DEFAULT, ["zero_results"], 1) == [("shoes", 5)]

    def test_documents_of_a_type_most_first(self, storage: Storage) -> None:
        ids = ("b", "b", "a", "c", "c", "c", "A")
        store(
            storage,
            *(an_interaction(feature_id=id, types=("view", "click")) for id in ids),
            an_interaction(feature_id="d", types=("long_view",)),
        )
        with storage.read() as session:
            top = session.summaries.documents
            both = ["view,click", "long_view"]
            assert top(DEFAULT, both[:1], 10) == [("c", 3), ("b", 2), ("A", 1), ("a", 1)]
            assert top(DEFAULT, both, 2) == [("c", 3), ("b", 2)]
            assert top(DEFAULT, ["long_view"], 2) == [("d", 1)]
            assert top(DEFAULT, ["click"], 2) == []

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

    def test_recent_searches_newest_first(self, storage: Storage) -> None:
        store(
            storage,
            an_execution(execution_id="a", inputs=SHOES, user_id="u", session_id="s"),
            an_execution(execution_id="b", inputs=BOOTS, session_id="s"),
            an_execution(execution_id="c", inputs=SHOES),
            an_execution(execution_id="d", inputs=None, user_id="u"),
            an_execution(inputs=SHOES, namespace=OTHER),
        )
        with storage.read() as session:
            recent = session.summaries.recent_searches
            assert recent(DEFAULT, 10) == [("shoes", "c"), ("boots", "s"), ("shoes", "u")]
            assert recent(DEFAULT, 2) == [("shoes", "c"), ("boots", "s")]

    def test_an_identity_counts_once_for_a_document(self, storage: Storage) -> None:
        store(
            storage,
            an_interaction(feature_id="a", user_id="u", session_id="s"),
            an_interaction(feature_id="a", user_id="u", session_id="t"),
            an_interaction(feature_id="a", user_id="v", session_id="t"),
            an_interaction(feature_id="a", session_id="s"),
            an_interaction(feature_id="a", session_id="s"),
            an_interaction(feature_id="a"),
            an_interaction(feature_id="a"),
            an_interaction(feature_id="b", user_id="u"),
            an_interaction(feature_id="c", user_id="u"),
            an_interaction(feature_id="a", user_id="w", namespace=OTHER),
        )
        with storage.read() as session:
            count = session.summaries.interaction_counts
            assert count(DEFAULT, ["click"], 0, 100, ["a", "b", "none"]) == {"a": 5, "b": 1}
            assert count(DEFAULT, ["click"], 0, 100, []) == {}

    def test_interactions_are_counted_by_any_of_their_types(self, storage: Storage) -> None:
        kinds = (("view", "click"), ("click", "share"), ("view",), ("long_view",), ("share",))
        store(
            storage, *(an_interaction(feature_id=",".join(types), types=types) for types in kinds)
        )
        ids = [",".join(types) for types in kinds]
        with storage.read() as session:
            count = session.summaries.interaction_counts
            assert count(DEFAULT, ["view"], 0, 100, ids) == {"view,click": 1, "view": 1}
            both = {"view,click": 1, "click,share": 1, "share": 1}
            assert count(DEFAULT, ["click", "share"], 0, 100, ids) == both
            assert count(DEFAULT, ["purchase"], 0, 100, ids) == {}

    def test_interactions_are_counted_since_a_moment_and_newest_first(
        self, storage: Storage
    ) -> None:
        minute = 60 * MICROSECONDS
        for n, moment in enumerate(START + n * minute for n in (-2, -1, 0, 1)):
            store(storage, an_interaction(feature_id=str(n), id=new_id(moment), occurred_at=moment))
        backfilled = {"id": new_id(START + 2 * minute), "occurred_at": START - 1}
        store(storage, an_interaction(feature_id="old", **backfilled))
        recorded_before = {"id": new_id(START - minute), "occurred_at": START}
        store(storage, an_interaction(feature_id="1", **recorded_before))
        ids = ["0", "1", "2", "3", "old"]
        with storage.read() as session:
            count = session.summaries.interaction_counts
            assert count(DEFAULT, ["click"], START, 100, ids) == {"2": 1, "3": 1}
            assert count(DEFAULT, ["click"], START, 2, ids) == {"3": 1}
            everything = dict.fromkeys(ids, 1) | {"1": 2}
            assert count(DEFAULT, ["click"], 0, 100, ids) == everything
            assert count(DEFAULT, ["click"], 0, 100) == everything

    def test_every_count_is_an_integer(self, storage: Storage) -> None:
        store(
            storage,
            an_interaction(query_snapshot={}, execution_id="e", user_id="u"),
            an_execution(execution_id="e"),
        )
        with storage.read() as session:
            summaries = session.summaries
            (reaction,) = summaries.reactions(DEFAULT, ["click"], 1, None)
            (search,) = summaries.searches(DEFAULT, 1)
            rows: list[Sequence[object]] = [
                *summaries.by_hour(DEFAULT, 0),
                *summaries.lists(DEFAULT),
                *summaries.by_position(DEFAULT, ["click"], ["click"], [None], {}, 9, known=True),
                *summaries.misses(DEFAULT, ["click"], 1),
                *summaries.documents(DEFAULT, ["click"], 1),
                *summaries.identities(DEFAULT, 1),
                *summaries.interaction_counts(DEFAULT, ["click"], 0, 9, ["doc_1"]).items(),
                (reaction.n, reaction.m, search.n, search.m),
            ]
        assert len(rows) == 8
        assert {type(value) for row in rows for value in row} == {int, str}
