"""The report of a namespace, on both back ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from desirepath.domain.clock import MICROSECONDS, format_time, parse_time, to_datetime
from desirepath.domain.retriever import RetrieverDraft
from desirepath.engine.engine import Engine
from desirepath.engine.recording import SentExecution, SentInteraction, Submission
from desirepath.engine.reporting import Fault, Report, report, wilson_rate
from desirepath.storage.base import Namespace
from desirepath.testing.clock import START
from desirepath.testing.examples import new_id, sent_execution, sent_interaction

HOUR = 3600 * MICROSECONDS
DEFAULT = Namespace(number=1, namespace_id="ns_default", name="default", created_at=START)


def store(
    engine: Engine,
    interactions: Sequence[SentInteraction] = (),
    executions: Sequence[SentExecution] = (),
    *,
    namespace: int = 1,
) -> None:
    engine.submit(Submission(namespace=namespace, interactions=interactions, executions=executions))


def event(*types: str, **changes: Any) -> SentInteraction:
    return sent_interaction(**{"interaction_type": list(types) or ["click"]} | changes)


def look(engine: Engine) -> Report:
    return report(engine, DEFAULT, START)


def fault(engine: Engine, name: str) -> Fault:
    return next(fault for fault in look(engine).faults if fault.name == name)


def rates(engine: Engine) -> list[tuple[int, int, int]]:
    """(position, clicks, impressions)"""
    return [
        (rate.position, rate.click_through.count, rate.click_through.of)
        for rate in look(engine).positions.rates
    ]


def test_of_nothing(engine: Engine) -> None:
    store(engine, [event()], [sent_execution()], namespace=2)
    found = look(engine)
    assert found.is_empty
    assert (found.interactions, found.executions, found.first_at, found.last_at) == (
        0, 0, None, None,
    )  # fmt: skip
    assert (found.click_through, found.zero_results, found.hours) == (None, None, ())
    assert (found.positions.basis, found.positions.rates) == ("none", ())
    assert (found.queries, found.zero_result_queries, found.skipped_documents) == ((), (), ())
    assert {fault.count for fault in found.faults} == {0}
    assert found.recent == ()


def test_knows_its_namespace_and_its_moment(engine: Engine) -> None:
    found = look(engine)
    assert (found.namespace, found.namespace_id) == ("default", "ns_default")
    assert found.generated_at == to_datetime(START)


def test_is_plain_json(engine: Engine) -> None:
    store(engine, [event(execution_id="e")], [sent_execution(execution_id="e")])
    plain = msgspec.json.decode(msgspec.json.encode(look(engine)))
    assert plain["generated_at"] == "2026-01-01T00:00:00Z"
    assert plain["positions"]["rates"][0]["click_through"]["rate"] == 1.0
    assert msgspec.convert(plain, Report) == look(engine)


def test_counts_by_type_count_an_interaction_for_each_of_its_types(engine: Engine) -> None:
    store(engine, [event("click"), event("view", "click"), event("purchase", "click")])
    found = look(engine)
    assert found.interactions == 3
    assert [(count.type, count.n) for count in found.types] == [
        ("click", 3), ("purchase", 1), ("view", 1),
    ]  # fmt: skip


def test_hours_end_with_the_last_event(engine: Engine) -> None:
    times = [START - 60 * HOUR, START - 50 * HOUR, START - 4 * HOUR + 1, START - 4 * HOUR + 2]
    types = ["click", "click", "impression", "click"]
    store(
        engine,
        [
            event(type, occurred_at=format_time(time))
            for type, time in zip(types, times, strict=True)
        ],
    )
    hours = look(engine).hours
    assert len(hours) == 48
    assert hours[-1].hour == to_datetime(START - 4 * HOUR)
    assert (hours[-1].n, hours[-1].n_shown) == (2, 1)
    assert hours[-1].types == {"impression": 1, "click": 1}
    assert hours[1].hour == to_datetime(START - 50 * HOUR)
    assert hours[1].n == 1
    assert sum(hour.n for hour in hours) == 3


@pytest.mark.parametrize(
    "time", ["1969-12-31T23:59:59.999999Z", "1969-12-31T23:00:00Z", "0001-01-01T00:30:00Z"]
)
def test_hours_of_long_ago(engine: Engine, time: str) -> None:
    store(engine, [event(occurred_at=time)])
    hours = look(engine).hours
    assert len(hours) == 48
    (found,) = [hour for hour in hours if hour.n]
    assert found.hour == to_datetime(parse_time(time)).replace(minute=0, second=0, microsecond=0)


class TestPositions:
    def test_are_a_share_of_what_was_returned_while_nothing_says_what_was_seen(
        self, engine: Engine
    ) -> None:
        store(
            engine,
            [
                event(execution_id="a"),
                event(execution_id="a"),
                event("purchase", "click", execution_id="a"),
                event("purchase", execution_id="b", feature_id="doc_2", position=1),
            ],
            [sent_execution(execution_id=name) for name in "abc"]
            + [sent_execution(execution_id="page two", offset=1)],
        )
        assert look(engine).positions.basis == "returned"
        assert rates(engine) == [(0, 1, 3), (1, 0, 4), (2, 0, 1)]

    def test_are_a_share_of_what_was_shown_once_impressions_arrive(self, engine: Engine) -> None:
        store(
            engine,
            [
                event("impression", execution_id="a"),
                event("click", execution_id="a"),
                event("impression", execution_id="b"),
                event("skip", execution_id="b", feature_id="doc_2", position=1),
            ],
            [sent_execution(execution_id=name) for name in "abc"],
        )
        found = look(engine)
        assert (found.positions.basis, found.positions.since) == ("shown", None)
        assert rates(engine) == [(0, 1, 2), (1, 0, 1)]
        assert found.click_through is not None
        assert (found.click_through.count, found.click_through.of) == (1, 3)

    def test_leave_out_what_came_before_the_first_impression(self, engine: Engine) -> None:
        store(
            engine,
            [
                event(execution_id="a", occurred_at=format_time(START - 2 * HOUR)),
                event("view", execution_id="b", occurred_at=format_time(START - HOUR)),
                event("click", execution_id="b"),
            ],
            [sent_execution(execution_id=name) for name in "ab"],
        )
        found = look(engine)
        assert found.positions.since == to_datetime(START - HOUR)
        assert rates(engine) == [(0, 1, 1)]

    def test_need_no_known_execution_to_know_what_was_shown(self, engine: Engine) -> None:
        store(engine, [event("impression", execution_id="x"), event("click", execution_id="x")])
        assert rates(engine) == [(0, 1, 1)]

    def test_choose_the_denominator_by_retriever(self, engine: Engine) -> None:
        with engine.storage.write() as session:
            draft = RetrieverDraft(retriever_name="seen", stages=[])
            seen = session.catalog.create_retriever(1, new_id(), draft, START).retriever_id
        store(
            engine,
            [
                event("impression", execution_id="a", retriever_id="seen"),
                event("click", execution_id="a", retriever_id="seen"),
                event("click", execution_id="b"),
            ],
            [
                sent_execution(seen, execution_id="a"),
                sent_execution("unseen", execution_id="b"),
                sent_execution("unseen", execution_id="c"),
            ],
        )
        assert look(engine).positions.basis == "mixed"
        assert rates(engine) == [(0, 2, 3), (1, 0, 2)]

    def test_never_exceed_one(self, engine: Engine) -> None:
        store(
            engine,
            [
                event(execution_id="a", feature_id="doc_1"),
                event(execution_id="a", feature_id="doc_2"),
                event(execution_id="a", feature_id="doc_3", position=7),
                event(execution_id="unknown"),
            ],
            [sent_execution(execution_id="a")],
        )
        assert rates(engine) == [(0, 1, 1), (1, 0, 1)]

    def test_leave_out_what_is_about_the_query(self, engine: Engine) -> None:
        store(
            engine,
            [
                event("impression", execution_id="a"),
                event("filter_toggle", execution_id="a", feature_id="_query"),
                event("query_refinement", execution_id="b", feature_id="_query"),
            ],
            [sent_execution(execution_id=name) for name in "ab"],
        )
        assert rates(engine) == [(0, 0, 1)]

    def test_end_at_fifty(self, engine: Engine) -> None:
        documents = [{"document_id": f"d{number}"} for number in range(80)]
        largest = 2**63 - 1
        store(
            engine,
            [event("impression", execution_id="a", position=largest, retriever_id="other")],
            [
                sent_execution(documents=documents),
                sent_execution(offset=largest, retriever_id="third"),
            ],
        )
        assert rates(engine) == [(position, 0, 1) for position in range(50)]


class TestQueries:
    def test_have_executions_clicks_and_the_share_of_executions_with_a_click(
        self, engine: Engine
    ) -> None:
        shoes, boots = {"q": "shoes"}, {"q": "boots", "page": 2}
        store(
            engine,
            [
                event(execution_id="a"),
                event(execution_id="a"),
                event(execution_id="a", feature_id="doc_2"),
                event("view", execution_id="b"),
                event(execution_id="d"),
            ],
            [sent_execution(execution_id=name, inputs=shoes) for name in "abc"]
            + [sent_execution(execution_id=name, inputs=boots) for name in "de"],
        )
        found = [
            (rate.query, rate.executions, rate.clicks, rate.click_through)
            for rate in look(engine).queries
        ]
        assert found == [("shoes", 3, 2, 1 / 3), ("boots", 2, 1, 1 / 2)]

    def test_without_executions_are_those_of_the_clicks(self, engine: Engine) -> None:
        store(
            engine,
            [event(query_snapshot={"text": "shoes"}), event(query_snapshot={"text": "shoes"})],
        )
        (found,) = look(engine).queries
        assert (found.query, found.executions, found.clicks) == ("shoes", 0, 2)
        assert found.click_through is None

    @pytest.mark.parametrize(
        ("inputs", "name"),
        [
            ({"text": "c", "q": "b", "query": "a"}, "a"),
            ({"text": "c", "q": "b", "query": {"not": "text"}}, "b"),
            ({"text": "c", "query": None, "q": 3}, "c"),
            ({"limit": 10, "terms": "d", "other": "e"}, "d"),
            ({"vector": [1, 2]}, '{"vector":[1,2]}'),
            ({"query": "  shoes\t"}, "shoes"),
            ({"query": "<script>\u202e'\"\\"}, "<script>\u202e'\"\\"),
        ],
    )
    def test_are_named_by_their_text(
        self, engine: Engine, inputs: dict[str, Any], name: str
    ) -> None:
        store(engine, [event(execution_id="a")], [sent_execution(execution_id="a", inputs=inputs)])
        (found,) = look(engine).queries
        assert (found.query, found.executions, found.clicks) == (name, 1, 1)

    def test_are_the_ten_most_frequent(self, engine: Engine) -> None:
        store(
            engine,
            executions=[
                sent_execution(inputs={"query": f"query {number}"})
                for number in range(12)
                for _ in range(number + 1)
            ],
        )
        found = look(engine).queries
        assert [rate.executions for rate in found] == [12, 11, 10, 9, 8, 7, 6, 5, 4, 3]

    def test_that_find_nothing_are_counted_once_a_search(self, engine: Engine) -> None:
        nothing: dict[str, Any] = {"result_set_size": 0, "feature_id": "_query"}
        store(
            engine,
            [
                event("zero_results", execution_id="a", **nothing),
                event("zero_results", execution_id="unknown", query_snapshot={"query": "hats"}),
                event("zero_results", execution_id="unknown", query_snapshot={"query": "hats"}),
                event("zero_results", query_snapshot={"query": "hats"}, **nothing),
            ],
            [
                sent_execution(execution_id="a", documents=[]),
                sent_execution(execution_id="b", documents=[]),
                sent_execution(execution_id="c"),
            ],
        )
        found = look(engine)
        assert [(query.query, query.searches) for query in found.zero_result_queries] == [
            ("hats", 2), ("shoes", 2),
        ]  # fmt: skip
        assert found.zero_results is not None
        assert (found.zero_results.count, found.zero_results.of) == (2, 3)

    def test_find_something_when_the_total_says_so_or_a_page_lies_beyond_the_end(
        self, engine: Engine
    ) -> None:
        store(
            engine,
            executions=[
                sent_execution(documents=[], total=7),
                sent_execution(documents=[], offset=10),
                sent_execution(documents=[], inputs=None),
                sent_execution(documents=[], total=0),
            ],
        )
        found = look(engine)
        assert [query.searches for query in found.zero_result_queries] == [1]
        assert found.zero_results is not None
        assert (found.zero_results.count, found.zero_results.of) == (1, 3)


def test_skipped_documents_most_first(engine: Engine) -> None:
    skips = [event("skip", feature_id=name) for name in ("a", "b", "b", "c")]
    store(engine, [*skips, event(feature_id="d")])
    found = [(document.document_id, document.skips) for document in look(engine).skipped_documents]
    assert found == [("b", 2), ("a", 1), ("c", 1)]


def test_recent_interactions_newest_first_with_their_warnings(engine: Engine) -> None:
    for number in range(21):
        store(engine, [event(feature_id=f"doc {number}", query_snapshot={"query": "shoes"})])
    store(engine, [event("filter_toggle", feature_id="_query")])
    recent = look(engine).recent
    assert len(recent) == 20
    assert (recent[0].document_id, recent[0].position, recent[0].query) == (None, None, None)
    assert [one.document_id for one in recent[1:3]] == ["doc 20", "doc 19"]
    assert recent[1].query == "shoes"
    assert recent[1].warning is not None
    assert recent[1].warning.startswith("Recorded, but nothing can be learned from it")
    assert recent[1].interaction_id.startswith("int_")


class TestFaults:
    def test_each_has_a_fix_of_one_sentence(self, engine: Engine) -> None:
        for found in look(engine).faults:
            assert found.fix.endswith(".")
            assert found.title

    def test_the_largest_share_comes_first(self, engine: Engine) -> None:
        store(engine, [event(session_id="s"), event()])
        shares = [found.share for found in look(engine).faults]
        assert shares == sorted(shares, reverse=True)
        assert shares[:2] == [1.0, 0.5]

    def test_no_execution(self, engine: Engine) -> None:
        store(
            engine,
            [event(), event(execution_id="e"), event("filter_toggle", feature_id="_query")],
        )
        found = fault(engine, "no_execution")
        assert (found.count, found.of, found.share) == (1, 2, 0.5)

    def test_unknown_execution(self, engine: Engine) -> None:
        store(
            engine,
            [event(execution_id="e"), event(execution_id="x"), event("view", execution_id="x")],
            [sent_execution(execution_id="e")],
        )
        found = fault(engine, "unknown_execution")
        assert (found.count, found.of) == (2, 3)

    def test_positions_counted_from_one(self, engine: Engine) -> None:
        store(engine, [event(position=position) for position in (1, 2) for _ in range(20)])
        store(engine, [event("filter_toggle", feature_id="_query")])
        found = fault(engine, "one_based_positions")
        assert (found.count, found.of) == (40, 40)

    @pytest.mark.parametrize(("at_first", "at_second"), [(1, 20), (0, 19)])
    def test_positions_that_may_be_counted_from_zero(
        self, engine: Engine, at_first: int, at_second: int
    ) -> None:
        store(engine, [event(position=0)] * at_first + [event(position=1)] * at_second)
        assert fault(engine, "one_based_positions").count == 0

    def test_positions_counted_from_one_by_one_retriever(self, engine: Engine) -> None:
        store(engine, [event(position=1, retriever_id="one")] * 20)
        store(engine, [event(position=0, retriever_id="zero")] * 20)
        assert fault(engine, "one_based_positions").count == 20

    def test_position_outside_the_results(self, engine: Engine) -> None:
        store(
            engine,
            [
                event(position=9, result_set_size=10),
                event(position=10, result_set_size=10),
                event(position=2, execution_id="e"),
                event(position=2, execution_id="e", result_set_size=3, feature_id="doc_2"),
            ],
            [sent_execution(execution_id="e")],
        )
        assert fault(engine, "position_outside_results").count == 2

    def test_document_not_shown(self, engine: Engine) -> None:
        ids = ("doc", "doc_10", '"doc_1"', "doc_3")
        store(engine, [event(feature_id=name, execution_id="late") for name in ids])
        store(
            engine,
            [event(execution_id="late"), event(execution_id="unknown", feature_id="doc_3")],
            [sent_execution(execution_id="late")],
        )
        found = fault(engine, "document_not_shown")
        assert (found.count, found.of) == (3, 5)  # '"doc_1"' is written otherwise in JSON

    def test_one_identity(self, engine: Engine) -> None:
        store(engine, [event(user_id="robot")] * 30 + [event()] * 69)
        assert fault(engine, "one_identity").count == 0
        store(engine, [event(session_id="s")])
        found = fault(engine, "one_identity")
        assert (found.count, found.of, found.subject) == (30, 100, "robot")

    def test_one_session_without_a_user_is_an_identity_too(self, engine: Engine) -> None:
        store(engine, [event(session_id="s")] * 30 + [event()] * 70)
        assert fault(engine, "one_identity").subject == "s"

    def test_no_session(self, engine: Engine) -> None:
        store(
            engine,
            [
                event(session_id="s"),
                event(execution_id="with"),
                event(execution_id="without"),
                event(execution_id="unknown"),
                event(),
            ],
            [
                sent_execution(execution_id="with", session_id="s"),
                sent_execution(execution_id="without"),
            ],
        )
        found = fault(engine, "no_session")
        assert (found.count, found.of) == (3, 5)

    def test_time_in_the_future(self, engine: Engine) -> None:
        store(engine, [event(occurred_at="2199-01-01T00:00:00Z"), event()])
        found = fault(engine, "future_time")
        assert (found.count, found.of) == (1, 2)


def test_wilson_rate_keeps_within_bounds() -> None:
    nothing, everything = wilson_rate(0, 10), wilson_rate(10, 10)
    assert (nothing.low, everything.high) == (0.0, 1.0)
    assert round(nothing.high, 4) == 0.2775  # 1.96² / (10 + 1.96²)
    assert round(everything.low, 4) == 0.7225
