"""What recording stores, repeats, joins, warns of and refuses, on both back ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, ClassVar

import pytest
from msgspec.structs import replace

from desirepath.domain.clock import MICROSECONDS, format_time
from desirepath.domain.execution import Execution
from desirepath.domain.ids import IdGenerator, format_id
from desirepath.domain.interaction import Interaction
from desirepath.domain.plain_json import object_text
from desirepath.domain.retriever import RetrieverDraft
from desirepath.domain.warnings import (
    CLAMPED,
    NOT_SHOWN,
    OTHER_RETRIEVER,
    TEACHES_NOTHING,
    UNKNOWN_EXECUTION,
    UNKNOWN_RETRIEVER,
)
from desirepath.engine.engine import Engine
from desirepath.engine.recording import (
    Idempotency,
    Outcome,
    RecordingRules,
    Replay,
    SentExecution,
    SentInteraction,
    Submission,
    record,
    user_digest,
)
from desirepath.errors import (
    DesirepathError,
    EventConflict,
    IdempotencyConflict,
    InvalidExecution,
    InvalidInteraction,
)
from desirepath.storage.base import Storage
from desirepath.testing.clock import START, TestingClock
from desirepath.testing.examples import sent_execution, sent_interaction
from desirepath.testing.storage_contract.common import at_once
from tests.storage_fixtures import Database

DEFAULT, OTHER = 1, 2
MINUTE = 60 * MICROSECONDS
DAY = 1440 * MINUTE


def submit(
    engine: Engine,
    *sent: SentInteraction | SentExecution,
    namespace: int = DEFAULT,
    **options: Any,
) -> list[Outcome]:
    """Submit executions and interactions as one request."""
    answer = engine.submit(submission(*sent, namespace=namespace, **options))
    assert isinstance(answer, list)
    return answer


def submission(
    *sent: SentInteraction | SentExecution, namespace: int = DEFAULT, **options: Any
) -> Submission:
    return Submission(
        namespace=namespace,
        executions=[one for one in sent if isinstance(one, SentExecution)],
        interactions=[one for one in sent if isinstance(one, SentInteraction)],
        **options,
    )


def create(engine: Engine, namespace: int = DEFAULT, **fields: Any) -> Outcome:
    """Create one interaction, as a single request does: repeats are dropped."""
    (outcome,) = submit(engine, sent_interaction(**fields), namespace=namespace, deduplicate=True)
    return outcome


def created(engine: Engine, namespace: int = DEFAULT, **fields: Any) -> Interaction:
    outcome = create(engine, namespace, **fields)
    assert not outcome.repeated
    return interaction_of(outcome)


def interaction_of(outcome: Outcome) -> Interaction:
    assert outcome.interaction is not None, outcome.error
    return outcome.interaction


def execution_of(outcome: Outcome) -> Execution:
    assert outcome.execution is not None, outcome.error
    return outcome.execution


def error_of(outcome: Outcome) -> DesirepathError:
    assert outcome.error is not None
    assert outcome.interaction is None
    assert outcome.execution is None
    return outcome.error


def stored(storage: Storage, namespace: int = DEFAULT) -> list[Interaction]:
    with storage.read() as session:
        return list(session.interactions.scan(namespace))


def delete(engine: Engine, *ids: bytes) -> None:
    with engine.storage.write() as session:
        assert session.interactions.delete(DEFAULT, ids) == len(ids)


class TestTimes:
    def test_what_happens_now_is_live(self, engine: Engine, clock: TestingClock) -> None:
        clock.advance(seconds=12.345678)
        click = created(engine)
        assert (click.occurred_at, click.recorded_at) == (clock.now(), clock.now())
        assert click.live
        assert stored(engine.storage) == [click]

    def test_a_backfill_keeps_its_time_and_is_not_live(
        self, engine: Engine, clock: TestingClock
    ) -> None:
        click = created(engine, occurred_at="2025-06-01T12:00:00.000001+02:00")
        assert format_time(click.occurred_at) == "2025-06-01T10:00:00.000001Z"
        assert click.recorded_at == clock.now()
        assert not click.live

    @pytest.mark.parametrize("text", ["2025-06-01T12:00:00", "2025-06-01 12:00", "20250601T12"])
    def test_a_time_without_zone_is_utc(self, engine: Engine, text: str) -> None:
        click = created(engine, occurred_at=text)
        assert format_time(click.occurred_at) == "2025-06-01T12:00:00.000000Z"

    def test_a_time_before_1970_is_kept(self, engine: Engine) -> None:
        click = created(engine, occurred_at="0001-01-01T00:00:00Z")
        assert stored(engine.storage) == [click]
        assert format_time(click.occurred_at) == "0001-01-01T00:00:00.000000Z"

    @pytest.mark.parametrize("ahead", [1, MINUTE, 365 * DAY])
    def test_a_time_in_the_future_is_set_to_now_with_a_warning(
        self, engine: Engine, clock: TestingClock, ahead: int
    ) -> None:
        click = created(engine, occurred_at=format_time(clock.now() + ahead))
        assert click.occurred_at == clock.now()
        assert not click.live
        assert CLAMPED in (click.warning or "")

    def test_now_is_no_future(self, engine: Engine, clock: TestingClock) -> None:
        click = created(engine, occurred_at=format_time(clock.now()), feature_uri="text://a")
        assert click.occurred_at == clock.now()
        assert click.warning is None

    def test_an_age_is_counted_back_from_now(self, engine: Engine, clock: TestingClock) -> None:
        click = created(engine, age_ms=1500)
        assert click.occurred_at == clock.now() - 1_500_000
        assert click.recorded_at == clock.now()
        assert click.live

    @pytest.mark.parametrize(
        ("age_ms", "live"), [(0, True), (3_600_000, True), (3_600_001, False), (2**63 - 1, False)]
    )
    def test_what_is_older_than_a_session_is_not_live(
        self, engine: Engine, age_ms: int, live: bool
    ) -> None:
        click = created(engine, age_ms=age_ms)
        assert click.live is live
        assert click.occurred_at >= 0
        assert stored(engine.storage) == [click]

    def test_the_session_window_is_a_setting(self, engine: Engine) -> None:
        engine.rules = RecordingRules(session_window=MINUTE)
        assert not created(engine, age_ms=60_001).live
        assert created(engine, age_ms=60_000).live


class TestRepeats:
    E: ClassVar[dict[str, Any]] = {"execution_id": "e"}

    def test_a_repeat_is_dropped_and_echoed(self, engine: Engine, clock: TestingClock) -> None:
        first = created(engine, **self.E, metadata={"a": 1})
        clock.advance(seconds=1)
        outcome = create(engine, **self.E, metadata={"a": 2}, position=7)
        assert outcome.repeated
        echo = interaction_of(outcome)
        assert (echo.id, echo.warning) == (b"", None)
        assert (echo.feature_id, echo.types, echo.position) == ("doc_1", ("click",), 7)
        assert stored(engine.storage) == [first]

    @pytest.mark.parametrize("types", [["click", "view"], ["view", "click", "view"]])
    def test_types_are_a_set(self, engine: Engine, types: list[str]) -> None:
        created(engine, **self.E, interaction_type=["view", "click"])
        assert create(engine, **self.E, interaction_type=types).repeated

    @pytest.mark.parametrize(
        "other",
        [
            {"interaction_type": ["view"]},
            {"interaction_type": ["click", "view"]},
            {"feature_id": "doc_2"},
            {"feature_id": "Doc_1"},
            {"execution_id": "f"},
            {"execution_id": "E"},
            {"namespace": OTHER},
        ],
    )
    def test_another_execution_document_set_of_types_or_namespace_is_no_repeat(
        self, engine: Engine, other: dict[str, Any]
    ) -> None:
        created(engine, **self.E)
        assert not create(engine, **(self.E | other)).repeated

    def test_who_did_it_makes_no_difference(self, engine: Engine) -> None:
        created(engine, **self.E, user_id="u", session_id="s")
        assert create(engine, **self.E, user_id="v", session_id="t").repeated

    def test_without_an_execution_nothing_is_a_repeat(self, engine: Engine) -> None:
        for _ in range(3):
            created(engine, user_id="u", session_id="s")
        assert len(stored(engine.storage)) == 3

    def test_the_window_counts_from_the_stored_one(
        self, engine: Engine, clock: TestingClock
    ) -> None:
        created(engine, **self.E)
        clock.advance(seconds=299.999999)
        assert create(engine, **self.E).repeated
        clock.advance(microseconds=1)
        assert not create(engine, **self.E).repeated
        assert create(engine, **self.E).repeated

    def test_a_dropped_repeat_does_not_extend_the_window(
        self, engine: Engine, clock: TestingClock
    ) -> None:
        outcomes = []
        for _ in range(11):
            outcomes.append(create(engine, **self.E).repeated)
            clock.advance(seconds=60)
        assert outcomes == [False, True, True, True, True] * 2 + [False]

    def test_the_window_is_on_the_time_of_recording(
        self, engine: Engine, clock: TestingClock
    ) -> None:
        created(engine, **self.E, occurred_at="2025-01-01")
        assert create(engine, **self.E, occurred_at="2025-06-01").repeated

    def test_the_window_is_a_setting(self, engine: Engine, clock: TestingClock) -> None:
        engine.rules = RecordingRules(dedup_window=10)
        created(engine, **self.E)
        clock.advance(microseconds=10)
        created(engine, **self.E)
        engine.rules = RecordingRules(dedup_window=0)
        created(engine, **self.E)
        created(engine, **self.E)

    def test_a_clock_that_was_set_back_by_more_than_the_window_drops_nothing(
        self, engine: Engine, clock: TestingClock
    ) -> None:
        created(engine, **self.E)
        clock.advance(seconds=-3600)
        created(engine, **self.E)
        assert create(engine, **self.E).repeated

    def test_deleting_the_stored_one_makes_room(self, engine: Engine) -> None:
        first = created(engine, **self.E)
        assert create(engine, **self.E).repeated
        delete(engine, first.id)
        second = created(engine, **self.E)
        assert stored(engine.storage) == [second]
        assert create(engine, **self.E).repeated

    def test_a_batch_repeats_as_it_likes(self, engine: Engine) -> None:
        click = sent_interaction(**self.E)
        assert not any(outcome.repeated for outcome in submit(engine, click, click))
        assert not any(outcome.repeated for outcome in submit(engine, click, click))
        assert len(stored(engine.storage)) == 4

    def test_a_batch_leaves_no_marks(self, engine: Engine) -> None:
        submit(engine, sent_interaction(**self.E))
        created(engine, **self.E)
        assert create(engine, **self.E).repeated

    def test_the_first_of_a_group_is_stored(self, engine: Engine) -> None:
        group = [submission(sent_interaction(**self.E), deduplicate=True) for _ in range(3)]
        answers = in_one_group(engine, group)
        repeated = [outcomes_of(answer)[0].repeated for answer in answers]
        assert sorted(repeated) == [False, True, True]
        assert len(stored(engine.storage)) == 1


def outcomes_of(answer: object) -> list[Outcome]:
    assert isinstance(answer, list)
    return answer


def in_one_group(engine: Engine, submissions: Sequence[Submission]) -> list[object]:
    """Submit at the same moment, so that all of them share a transaction.

    Returns
    -------
    list
        The answers, or the errors that were raised instead.
    """
    busy, release = threading.Event(), threading.Event()

    def wait(_: Sequence[Outcome]) -> str:
        busy.set()
        assert release.wait(60)
        return ""

    def ask(one: Submission) -> object:
        try:
            return engine.submit(one)
        except Exception as error:
            return error

    blocker = Submission(namespace=DEFAULT, idempotency=Idempotency("blocker", b"", wait))
    with ThreadPoolExecutor(len(submissions) + 1) as pool:
        pool.submit(ask, blocker)
        assert busy.wait(60)
        futures = []
        for number, one in enumerate(submissions, start=1):
            futures.append(pool.submit(ask, one))
            wait_for(engine, number)  # so that they stand in the order given
        release.set()
        return [future.result(60) for future in futures]


def wait_for(engine: Engine, n_waiting: int) -> None:
    end = time.monotonic() + 60
    while len(engine._recorder._waiting) < n_waiting:
        assert time.monotonic() < end
        time.sleep(0.001)


class TestEvents:
    def test_the_same_event_gets_the_first_answer(
        self, engine: Engine, clock: TestingClock
    ) -> None:
        sent: dict[str, Any] = {"event_id": "v", "metadata": {"a": 1, "b": [2, None]}}
        first = created(engine, **sent)
        clock.advance(seconds=30 * 86_400)
        again = create(engine, event_id="v", metadata={"b": [2, None], "a": 1})
        assert again.repeated
        assert interaction_of(again) == first
        assert stored(engine.storage) == [first]

    def test_a_retry_is_recognised_though_it_is_older(
        self, engine: Engine, clock: TestingClock
    ) -> None:
        first = created(engine, event_id="v", age_ms=10)
        clock.advance(seconds=5)
        assert interaction_of(create(engine, event_id="v", age_ms=5010)) == first

    @pytest.mark.parametrize(
        "other",
        [
            {"feature_id": "doc_2"},
            {"position": 1},
            {"interaction_type": ["click", "view"]},
            {"metadata": {"a": 1}},
            {"user_id": "u"},
            {"occurred_at": "2025-01-01"},
        ],
    )
    @pytest.mark.parametrize("in_batch", [False, True])
    def test_other_content_is_a_conflict(
        self, engine: Engine, other: dict[str, Any], in_batch: bool
    ) -> None:
        first = created(engine, event_id="v")
        sent = sent_interaction(event_id="v", **other)
        (outcome,) = submit(engine, sent, deduplicate=not in_batch)
        assert isinstance(error_of(outcome), EventConflict)
        assert stored(engine.storage) == [first]

    def test_the_same_event_twice_in_one_batch_is_stored_once(self, engine: Engine) -> None:
        event, other = (sent_interaction(event_id=id) for id in ("v", "w"))
        outcomes = submit(engine, event, other, event, event)
        ids = [interaction_of(outcome).id for outcome in outcomes]
        assert ids[0] == ids[2] == ids[3] != ids[1]
        assert [outcome.repeated for outcome in outcomes] == [False, False, True, True]
        assert len(stored(engine.storage)) == 2

    def test_a_conflict_inside_one_batch_costs_the_later_one(self, engine: Engine) -> None:
        outcomes = submit(
            engine,
            sent_interaction(event_id="v"),
            sent_interaction(event_id="v", position=1),
            sent_interaction(),
        )
        assert isinstance(error_of(outcomes[1]), EventConflict)
        assert [row.position for row in stored(engine.storage)] == [0, 0]

    def test_the_same_event_twice_in_one_group_is_stored_once(self, engine: Engine) -> None:
        group = [submission(sent_interaction(event_id="v"), deduplicate=True) for _ in range(4)]
        outcomes = [outcomes_of(answer)[0] for answer in in_one_group(engine, group)]
        assert len({interaction_of(outcome).id for outcome in outcomes}) == 1
        assert [outcome.repeated for outcome in outcomes].count(False) == 1
        assert len(stored(engine.storage)) == 1

    def test_namespaces_have_events_of_their_own(self, engine: Engine) -> None:
        created(engine, event_id="v")
        created(engine, namespace=OTHER, event_id="v", position=1)

    def test_a_deleted_event_can_be_sent_again(self, engine: Engine) -> None:
        delete(engine, created(engine, event_id="v").id)
        second = created(engine, event_id="v", position=3)
        assert stored(engine.storage) == [second]

    def test_a_retry_is_no_repeat_within_the_window(self, engine: Engine) -> None:
        first = created(engine, event_id="v", execution_id="e")
        again = create(engine, event_id="v", execution_id="e")
        assert again.repeated
        assert interaction_of(again) == first

    def test_an_event_dropped_as_a_repeat_is_not_used_up(
        self, engine: Engine, clock: TestingClock
    ) -> None:
        created(engine, event_id="v", execution_id="e")
        assert interaction_of(create(engine, event_id="w", execution_id="e")).id == b""
        assert interaction_of(create(engine, event_id="w", execution_id="e")).id == b""
        clock.advance(seconds=300)
        assert created(engine, event_id="w", execution_id="e").event_id == "w"

    def test_the_event_of_a_dropped_repeat_is_free_when_the_stored_one_is_deleted(
        self, engine: Engine
    ) -> None:
        first = created(engine, execution_id="e")
        assert create(engine, execution_id="e", event_id="v").repeated
        delete(engine, first.id)
        assert created(engine, execution_id="e", event_id="v").event_id == "v"


def keyed(
    key: str, *sent: SentInteraction, digest: bytes = b"d", namespace: int = DEFAULT
) -> Submission:
    """A request with an Idempotency-Key, whose answer is the ids it made."""

    def write(outcomes: Sequence[Outcome]) -> str:
        return ",".join(interaction_of(outcome).id.hex() for outcome in outcomes)

    return submission(*sent, namespace=namespace, idempotency=Idempotency(key, digest, write))


class TestIdempotencyKeys:
    def test_the_same_request_gets_the_same_answer(
        self, engine: Engine, clock: TestingClock
    ) -> None:
        request = keyed("k", sent_interaction(), sent_interaction(position=1))
        first = outcomes_of(engine.submit(request))
        ids = ",".join(interaction_of(outcome).id.hex() for outcome in first)
        clock.advance(seconds=23 * 3600)
        assert engine.submit(request) == Replay(ids)
        assert engine.submit(request) == Replay(ids)
        assert len(stored(engine.storage)) == 2

    def test_another_request_is_a_conflict(self, engine: Engine) -> None:
        engine.submit(keyed("k", sent_interaction()))
        with pytest.raises(IdempotencyConflict):
            engine.submit(keyed("k", sent_interaction(position=1), digest=b"e"))
        assert len(stored(engine.storage)) == 1

    def test_the_same_request_twice_in_one_group_is_recorded_once(self, engine: Engine) -> None:
        request = keyed("k", sent_interaction())
        answers = in_one_group(engine, [request] * 3)
        (row,) = stored(engine.storage)
        fresh = [answer for answer in answers if not isinstance(answer, Replay)]
        assert [interaction_of(outcomes_of(answer)[0]) for answer in fresh] == [row]
        assert answers.count(Replay(row.id.hex())) == 2

    def test_a_conflict_in_one_group_costs_the_later_one(self, engine: Engine) -> None:
        requests = [keyed("k", sent_interaction(), digest=digest) for digest in (b"d", b"e")]
        first, second = in_one_group(engine, requests)
        assert outcomes_of(first)
        assert isinstance(second, IdempotencyConflict)
        assert len(stored(engine.storage)) == 1

    def test_namespaces_have_keys_of_their_own(self, engine: Engine) -> None:
        for namespace in (DEFAULT, OTHER):
            outcomes_of(engine.submit(keyed("k", sent_interaction(), namespace=namespace)))
        assert [len(stored(engine.storage, n)) for n in (DEFAULT, OTHER)] == [1, 1]

    def test_a_request_that_failed_may_be_sent_again(self, engine: Engine) -> None:
        def fail(_: Sequence[Outcome]) -> str:
            raise RuntimeError("no answer")

        request = submission(sent_interaction(), idempotency=Idempotency("k", b"d", fail))
        with pytest.raises(RuntimeError, match="no answer"):
            engine.submit(request)
        assert stored(engine.storage) == []
        outcomes_of(engine.submit(keyed("k", sent_interaction())))
        assert len(stored(engine.storage)) == 1

    def test_keys_and_requests_without_one_share_a_group(self, engine: Engine) -> None:
        engine.submit(keyed("old", sent_interaction(feature_id="old")))
        answers = in_one_group(
            engine,
            [
                submission(sent_interaction(feature_id="a")),
                keyed("old", sent_interaction(feature_id="old")),
                keyed("z", sent_interaction(feature_id="z")),
                submission(sent_interaction(feature_id="b")),
                keyed("c", sent_interaction(feature_id="c")),
            ],
        )
        assert isinstance(answers[1], Replay)
        names = [
            [interaction_of(outcome).feature_id for outcome in outcomes_of(answer)]
            for answer in (answers[0], *answers[2:])
        ]
        assert names == [["a"], ["z"], ["b"], ["c"]]
        assert len(stored(engine.storage)) == 5


class TestExecutions:
    def test_an_execution_without_an_id_gets_ours(
        self, engine: Engine, clock: TestingClock
    ) -> None:
        (outcome,) = submit(engine, sent_execution("ret_1", user_id="u", total=9))
        execution = execution_of(outcome)
        assert execution.execution_id == format_id("exec", execution.id)
        assert (execution.retriever_id, execution.user_id, execution.total) == ("ret_1", "u", 9)
        assert (execution.occurred_at, execution.recorded_at) == (clock.now(), clock.now())
        assert execution.live
        with engine.storage.read() as session:
            assert session.executions.get(DEFAULT, execution.execution_id) == execution

    def test_its_time_is_clamped_to_now(self, engine: Engine, clock: TestingClock) -> None:
        past, future = (format_time(clock.now() + offset) for offset in (-MINUTE, MINUTE))
        outcomes = submit(engine, *(sent_execution(occurred_at=t) for t in (past, future)))
        executions = list(map(execution_of, outcomes))
        assert [e.occurred_at for e in executions] == [clock.now() - MINUTE, clock.now()]
        assert [e.live for e in executions] == [False, False]

    def test_the_same_content_again_gets_the_first_answer(
        self, engine: Engine, clock: TestingClock
    ) -> None:
        sent = sent_execution(execution_id="e", inputs={"a": 1, "b": 2})
        (first,) = submit(engine, sent)
        clock.advance(seconds=86_400)
        (again,) = submit(engine, sent_execution(execution_id="e", inputs={"b": 2, "a": 1}))
        assert again.repeated
        assert execution_of(again) == execution_of(first)

    @pytest.mark.parametrize(
        "other",
        [
            {"inputs": {"query": "boots"}},
            {"documents": [{"document_id": "doc_2"}, {"document_id": "doc_1"}]},
            {"retriever_id": "ret_2"},
            {"offset": 10},
        ],
    )
    def test_other_content_is_a_conflict(self, engine: Engine, other: dict[str, Any]) -> None:
        (first,) = submit(engine, sent_execution(execution_id="e"))
        (outcome,) = submit(engine, sent_execution(execution_id="e", **other))
        assert isinstance(error_of(outcome), EventConflict)
        with engine.storage.read() as session:
            assert list(session.executions.scan(DEFAULT)) == [execution_of(first)]

    def test_our_own_id_cannot_be_taken(self, engine: Engine) -> None:
        (ours,) = submit(engine, sent_execution())
        id = execution_of(ours).execution_id
        (outcome,) = submit(engine, sent_execution(execution_id=id))
        assert isinstance(error_of(outcome), EventConflict)

    def test_the_same_execution_twice_in_one_batch_is_stored_once(self, engine: Engine) -> None:
        same = sent_execution(execution_id="e")
        outcomes = submit(engine, same, same, sent_execution(execution_id="e", offset=1))
        assert execution_of(outcomes[0]) == execution_of(outcomes[1])
        assert [outcome.repeated for outcome in outcomes[:2]] == [False, True]
        assert isinstance(error_of(outcomes[2]), EventConflict)

    def test_namespaces_have_executions_of_their_own(self, engine: Engine) -> None:
        submit(engine, sent_execution(execution_id="e"))
        (outcome,) = submit(engine, sent_execution(execution_id="e", offset=5), namespace=OTHER)
        assert not outcome.repeated
        assert execution_of(outcome).offset == 5

    def test_many_without_an_id_are_all_stored(self, engine: Engine) -> None:
        outcomes = submit(engine, *[sent_execution()] * 5)
        assert len({execution_of(outcome).execution_id for outcome in outcomes}) == 5


class TestJoining:
    def test_an_interaction_takes_retriever_and_query_from_its_execution(
        self, engine: Engine
    ) -> None:
        submit(engine, sent_execution("ret_1", execution_id="e", user_id="u", session_id="s"))
        click = created(engine, execution_id="e")
        assert (click.retriever_id, click.query_snapshot) == ("ret_1", {"query": "shoes"})
        assert click.warning is None
        assert stored(engine.storage) == [click]

    def test_the_record_shows_what_was_sent_of_user_and_session(self, engine: Engine) -> None:
        submit(engine, sent_execution(execution_id="e", user_id="u", session_id="s"))
        click = created(engine, execution_id="e")
        assert (click.user_id, click.session_id) == (None, None)

    @pytest.mark.parametrize("query", [{"query": "boots"}, {}])
    def test_what_was_sent_is_kept(self, engine: Engine, query: dict[str, Any]) -> None:
        submit(engine, sent_execution("ret_1", execution_id="e"))
        click = created(engine, execution_id="e", retriever_id="ret_2", query_snapshot=query)
        assert (click.retriever_id, click.query_snapshot) == ("ret_2", query)
        assert OTHER_RETRIEVER in (click.warning or "")

    def test_an_execution_of_the_same_request_is_found(self, engine: Engine) -> None:
        outcomes = submit(
            engine, sent_interaction(execution_id="e"), sent_execution("ret_1", execution_id="e")
        )
        assert outcomes[0].execution is not None  # executions come first in the answer
        assert interaction_of(outcomes[1]).retriever_id == "ret_1"
        assert interaction_of(outcomes[1]).warning is None

    def test_an_execution_of_the_same_group_is_found(self, engine: Engine) -> None:
        answers = in_one_group(
            engine,
            [
                submission(sent_interaction(execution_id="e"), deduplicate=True),
                submission(sent_execution("ret_1", execution_id="e")),
            ],
        )
        assert interaction_of(outcomes_of(answers[0])[0]).retriever_id == "ret_1"

    def test_an_execution_of_another_namespace_is_not(self, engine: Engine) -> None:
        submit(engine, sent_execution("ret_1", execution_id="e"), namespace=OTHER)
        click = created(engine, execution_id="e")
        assert click.retriever_id is None
        assert UNKNOWN_EXECUTION in (click.warning or "")

    def test_a_late_execution_is_joined(self, engine: Engine) -> None:
        early = [
            created(engine, execution_id="e"),
            created(engine, execution_id="e", retriever_id="own", interaction_type=["view"]),
            created(engine, execution_id="e", query_snapshot={}, interaction_type=["skip"]),
            created(engine, execution_id="f"),
            created(engine),
        ]
        elsewhere = created(engine, namespace=OTHER, execution_id="e")
        submit(engine, sent_execution("ret_1", execution_id="e", inputs={"query": "é"}))
        query = {"query": "é"}
        assert stored(engine.storage) == [
            replace(early[0], retriever_id="ret_1", query_json=object_text(query)),
            replace(early[1], query_json=object_text(query)),
            replace(early[2], retriever_id="ret_1"),
            *early[3:],
        ]
        assert stored(engine.storage, OTHER) == [elsewhere]

    def test_the_warning_stays_as_it_was_given(self, engine: Engine) -> None:
        warning = created(engine, execution_id="e").warning
        assert UNKNOWN_EXECUTION in (warning or "")
        submit(engine, sent_execution(execution_id="e"))
        (row,) = stored(engine.storage)
        assert row.warning == warning

    def test_a_late_execution_without_inputs_gives_its_retriever(self, engine: Engine) -> None:
        early = created(engine, execution_id="e")
        submit(engine, sent_execution("ret_1", execution_id="e", inputs=None))
        assert stored(engine.storage) == [replace(early, retriever_id="ret_1")]

    def test_a_refused_execution_is_not_joined(self, engine: Engine) -> None:
        submit(engine, sent_execution("ret_1", execution_id="e"))
        click = created(engine, execution_id="e")
        submit(engine, sent_execution("ret_2", execution_id="e", inputs={"query": "x"}))
        assert stored(engine.storage) == [click]

    def test_the_first_answer_of_an_event_shows_what_was_joined_since(self, engine: Engine) -> None:
        created(engine, execution_id="e", event_id="v")
        submit(engine, sent_execution("ret_1", execution_id="e"))
        again = create(engine, execution_id="e", event_id="v")
        assert interaction_of(again).retriever_id == "ret_1"


class TestWarnings:
    """Which sentences there are is tested with ``domain/warnings``; here that they are given."""

    def test_a_sound_interaction_has_none(self, engine: Engine) -> None:
        submit(engine, sent_execution(execution_id="e"))
        assert created(engine, execution_id="e").warning is None

    def test_it_is_answered_and_stored(self, engine: Engine) -> None:
        click = created(engine, retriever_id="unknown", occurred_at="9999-01-01")
        assert click.warning == f"{CLAMPED} {UNKNOWN_RETRIEVER} {TEACHES_NOTHING}"
        assert stored(engine.storage) == [click]

    def test_the_list_of_the_execution_is_looked_at(self, engine: Engine) -> None:
        submit(engine, sent_execution(execution_id="e"))
        assert created(engine, execution_id="e", feature_id="doc_9").warning == NOT_SHOWN

    def test_a_retriever_is_known_by_id_and_by_name(self, engine: Engine) -> None:
        with engine.storage.write() as session:
            retriever = session.catalog.create_retriever(
                DEFAULT, engine.make_id.next(START), RetrieverDraft(retriever_name="shop"), START
            )
        for name in ("shop", retriever.retriever_id):
            click = created(engine, retriever_id=name, feature_uri="text://title")
            assert click.warning is None
            assert click.retriever_id == retriever.retriever_id
        click = created(engine, namespace=OTHER, retriever_id="shop", feature_uri="text://title")
        assert click.warning == UNKNOWN_RETRIEVER
        assert click.retriever_id == "shop"

    def test_ignored_keys_are_named(self, engine: Engine) -> None:
        draft = sent_interaction(feature_uri="text://title").draft
        (outcome,) = submit(engine, SentInteraction(draft, ("colour",)))
        assert interaction_of(outcome).warning == "Unknown keys were ignored: colour."


class TestRewards:
    @pytest.mark.parametrize(
        ("types", "reward"),
        [
            (["click"], 1.0),
            (["impression"], 0.0),
            (["view", "click", "purchase"], 5.0),
            (["click", "return_to_results"], 0.0),
            (["negative_feedback", "skip"], -2.0),
        ],
    )
    def test_types_decide(self, engine: Engine, types: list[str], reward: float) -> None:
        assert created(engine, interaction_type=types).reward == reward

    @pytest.mark.parametrize("forged", [1e9, -5, "x", None, {"reward_value": 7}])
    def test_a_senders_reward_is_dropped(self, engine: Engine, forged: object) -> None:
        click = created(engine, metadata={"reward_value": forged, "color": {"reward_value": 3}})
        assert click.metadata == {"color": {"reward_value": 3}}
        assert click.reward == 1.0
        assert stored(engine.storage) == [click]

    def test_metadata_is_stored_as_sent(self, engine: Engine) -> None:
        for metadata in ({}, {"a": None}, None, {"reward_values": 1}):
            assert created(engine, metadata=metadata).metadata == metadata

    def test_repeated_types_collapse_in_the_order_sent(self, engine: Engine) -> None:
        click = created(engine, interaction_type=["view", "click", "view", "click"])
        assert click.types == ("view", "click")

    def test_zero_has_no_sign(self, engine: Engine) -> None:
        click = created(engine, document_score=-0.0, interaction_type=["impression"])
        assert [repr(row.document_score) for row in (click, *stored(engine.storage))] == ["0.0"] * 2
        assert repr(click.reward) == "0.0"


class TestRefusals:
    def test_an_item_that_broke_a_rule_costs_only_itself(self, engine: Engine) -> None:
        error = InvalidInteraction("position is missing.", ("position",))
        outcomes = submit(
            engine,
            sent_interaction(feature_id="a"),
            SentInteraction(None, (), error),
            sent_interaction(feature_id="b"),
            SentExecution(None, "ret_1", InvalidExecution("no documents")),
            sent_execution(execution_id="e"),
        )
        assert isinstance(error_of(outcomes[0]), InvalidExecution)
        assert execution_of(outcomes[1]).execution_id == "e"
        assert interaction_of(outcomes[2]).feature_id == "a"
        assert error_of(outcomes[3]) is error
        assert interaction_of(outcomes[4]).feature_id == "b"
        assert [row.feature_id for row in stored(engine.storage)] == ["a", "b"]

    def test_nothing_can_be_submitted(self, engine: Engine) -> None:
        assert submit(engine) == []

    def test_an_execution_id_may_be_required_with_a_retriever(self, engine: Engine) -> None:
        engine.rules = RecordingRules(require_execution_id=True)
        sent: list[dict[str, Any]] = [
            {"retriever_id": "ret_1"},
            {"retriever_id": "ret_1", "execution_id": "e"},
            {},
        ]
        outcomes = submit(engine, *(sent_interaction(**fields) for fields in sent))
        error = error_of(outcomes[0])
        assert isinstance(error, InvalidInteraction)
        assert error.location == ("execution_id",)
        assert [outcome.error for outcome in outcomes[1:]] == [None, None]

    def test_a_refused_item_uses_up_neither_event_id_nor_mark(self, engine: Engine) -> None:
        engine.rules = RecordingRules(require_execution_id=True)
        assert create(engine, retriever_id="r", event_id="v").error is not None
        engine.rules = RecordingRules()
        created(engine, retriever_id="r", event_id="v")

    def test_an_erased_user_is_not_imported_again(self, engine: Engine) -> None:
        with engine.storage.write() as session:
            session.receipts.suppress_user(DEFAULT, user_digest(DEFAULT, "u"), START)
        sent: list[SentInteraction | SentExecution] = [
            sent_execution(execution_id="e", user_id="u"),
            sent_execution(execution_id="f", user_id="v"),
            sent_interaction(user_id="u"),
            sent_interaction(user_id="U"),
            sent_interaction(),
        ]
        outcomes = submit(engine, *sent, suppress=True)
        assert isinstance(error_of(outcomes[0]), InvalidExecution)
        assert isinstance(error_of(outcomes[2]), InvalidInteraction)
        assert [outcomes[index].error for index in (1, 3, 4)] == [None] * 3
        assert [row.user_id for row in stored(engine.storage)] == ["U", None]

    def test_what_an_erased_user_does_now_is_recorded(self, engine: Engine) -> None:
        with engine.storage.write() as session:
            session.receipts.suppress_user(DEFAULT, user_digest(DEFAULT, "u"), START)
        created(engine, user_id="u")

    def test_an_erased_user_of_another_namespace_is_somebody_else(self, engine: Engine) -> None:
        with engine.storage.write() as session:
            session.receipts.suppress_user(OTHER, user_digest(OTHER, "u"), START)
        (outcome,) = submit(engine, sent_interaction(user_id="u"), suppress=True)
        assert outcome.error is None

    def test_user_digests_tell_nothing_and_never_meet(self) -> None:
        digests = {user_digest(*who) for who in [(1, "u"), (11, "u"), (1, "1u"), (1, "U")]}
        assert len(digests) == 4
        assert {len(digest) for digest in digests} == {32}


class TestGroups:
    def test_a_request_that_fails_costs_only_itself(self, engine: Engine) -> None:
        def fail(_: Sequence[Outcome]) -> str:
            raise RuntimeError("no answer")

        group = [
            submission(sent_interaction(feature_id="a", event_id="a")),
            submission(sent_interaction(feature_id="b"), idempotency=Idempotency("k", b"", fail)),
            submission(sent_interaction(feature_id="c", execution_id="e"), deduplicate=True),
        ]
        first, second, third = in_one_group(engine, group)
        assert not outcomes_of(first)[0].repeated
        assert isinstance(second, RuntimeError)
        assert not outcomes_of(third)[0].repeated
        assert [row.feature_id for row in stored(engine.storage)] == ["a", "c"]

    def test_answers_go_to_those_who_asked(self, engine: Engine) -> None:
        group = [
            submission(*(sent_interaction(feature_id=f"{n}.{m}") for m in range(n)))
            for n in range(6)
        ]
        answers = in_one_group(engine, group)
        names = [
            [interaction_of(outcome).feature_id for outcome in outcomes_of(answer)]
            for answer in answers
        ]
        assert names == [[f"{n}.{m}" for m in range(n)] for n in range(6)]

    def test_ids_rise_in_the_order_of_recording(self, engine: Engine) -> None:
        outcomes = submit(engine, *(sent_interaction(position=n) for n in range(50)))
        ids = [interaction_of(outcome).id for outcome in outcomes]
        assert ids == sorted(set(ids))
        assert [row.position for row in stored(engine.storage)] == list(range(50))


@pytest.fixture
def racers(
    database: Database, storage: Storage, clock: TestingClock
) -> Callable[[Callable[[Engine], Any]], list[Any]]:
    """Run a call eight times at once, through two engines on one database."""

    def race(call: Callable[[Engine], Any]) -> list[Any]:
        with (
            closing(Engine(storage, clock, RecordingRules())) as first,
            closing(Engine(database.open(clock), clock, RecordingRules())) as second,
        ):
            return at_once(*(lambda engine=engine: call(engine) for engine in (first, second) * 4))

    return race


Race = Callable[[Callable[[Engine], Any]], list[Any]]


class TestRaces:
    """Threads, and processes (here: two engines on one database), that record the same thing."""

    N_ROUNDS = 5

    def test_an_event_is_stored_once(
        self, racers: Race, open_another: Callable[[], Storage]
    ) -> None:
        def call(engine: Engine) -> list[Outcome]:
            return [create(engine, event_id=str(number)) for number in range(self.N_ROUNDS)]

        outcomes = [outcome for answer in racers(call) for outcome in answer]
        rows = stored(open_another())
        assert sorted(str(row.event_id) for row in rows) == list(map(str, range(self.N_ROUNDS)))
        assert {interaction_of(outcome).id for outcome in outcomes} == {row.id for row in rows}
        assert [outcome.repeated for outcome in outcomes].count(False) == self.N_ROUNDS

    def test_a_repeat_is_dropped(self, racers: Race, open_another: Callable[[], Storage]) -> None:
        def call(engine: Engine) -> list[Outcome]:
            return [create(engine, execution_id=str(number)) for number in range(self.N_ROUNDS)]

        outcomes = [outcome for answer in racers(call) for outcome in answer]
        assert [outcome.repeated for outcome in outcomes].count(False) == self.N_ROUNDS
        rows = stored(open_another())
        assert sorted(str(row.execution_id) for row in rows) == list(map(str, range(self.N_ROUNDS)))

    def test_an_idempotency_key_is_used_once(
        self, racers: Race, open_another: Callable[[], Storage]
    ) -> None:
        def call(engine: Engine) -> list[list[Outcome] | Replay]:
            keys = map(str, range(self.N_ROUNDS))
            return [engine.submit(keyed(key, sent_interaction(feature_id=key))) for key in keys]

        answers = [answer for listed in racers(call) for answer in listed]
        rows = stored(open_another())
        assert sorted(row.feature_id for row in rows) == list(map(str, range(self.N_ROUNDS)))
        replays = {answer.body for answer in answers if isinstance(answer, Replay)}
        assert replays == {row.id.hex() for row in rows}
        assert sum(isinstance(answer, list) for answer in answers) == self.N_ROUNDS

    def test_an_execution_is_stored_once(
        self, racers: Race, open_another: Callable[[], Storage]
    ) -> None:
        def call(engine: Engine) -> list[Outcome]:
            ids = map(str, range(self.N_ROUNDS))
            return [submit(engine, sent_execution(execution_id=id))[0] for id in ids]

        outcomes = [outcome for answer in racers(call) for outcome in answer]
        assert [outcome.repeated for outcome in outcomes].count(False) == self.N_ROUNDS
        with open_another().read() as session:
            rows = list(session.executions.scan(DEFAULT))
        assert sorted(row.execution_id for row in rows) == list(map(str, range(self.N_ROUNDS)))
        assert {execution_of(outcome).id for outcome in outcomes} == {row.id for row in rows}

    def test_batches_in_any_order_are_stored_once(
        self, racers: Race, open_another: Callable[[], Storage]
    ) -> None:
        events = [sent_interaction(event_id=str(number)) for number in range(50)]
        turn = iter(range(8))

        def call(engine: Engine) -> list[Outcome]:
            start = 6 * next(turn)
            return submit(engine, *events[start:], *events[:start])

        outcomes = [outcome for answer in racers(call) for outcome in answer]
        rows = stored(open_another())
        assert sorted(int(row.event_id or "") for row in rows) == list(range(50))
        assert {interaction_of(outcome).id for outcome in outcomes} == {row.id for row in rows}

    def test_groups_with_the_same_keys_in_any_order_all_finish(
        self, storage: Storage, open_another: Callable[[], Storage]
    ) -> None:
        keys = [str(number) for number in range(60)]
        make_id, rules = IdGenerator(), RecordingRules()

        def call(target: Storage, ordered: list[str]) -> Callable[[], int]:
            def task() -> int:
                group = [keyed(key, sent_interaction()) for key in ordered]
                with target.write() as session:
                    answers = record(session, group, rules, make_id, lambda *_: None)
                return sum(isinstance(answer, list) for answer in answers)

            return task

        targets = (storage, open_another()) * 2
        orders = (keys, keys[::-1], keys[30:] + keys[:30], keys[::-1])
        assert sum(at_once(*map(call, targets, orders))) == len(keys)
        assert len(stored(storage)) == len(keys)

    @pytest.mark.parametrize("execution_first", [True, False])
    def test_an_execution_and_its_interaction_that_arrive_together_are_joined(
        self, storage: Storage, open_another: Callable[[], Storage], execution_first: bool
    ) -> None:
        other, make_id, rules = open_another(), IdGenerator(), RecordingRules()
        halves: list[SentInteraction | SentExecution] = [
            sent_interaction(execution_id="e"),
            sent_execution("ret_1", execution_id="e"),
        ]
        first, second = halves[::-1] if execution_first else halves

        def bring(target: Storage, sent: SentInteraction | SentExecution) -> None:
            with target.write() as session:
                record(session, [submission(sent)], rules, make_id, lambda *_: None)

        with ThreadPoolExecutor(1) as pool:
            with storage.write() as session:
                record(session, [submission(first)], rules, make_id, lambda *_: None)
                future = pool.submit(bring, other, second)
                time.sleep(0.3)  # it ends now, or waits for us
            future.result(60)
        assert [row.retriever_id for row in stored(storage)] == ["ret_1"]
