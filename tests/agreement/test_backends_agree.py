"""The same calls on both back ends have the same answers, and leave the same rows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from desirepath.domain.clock import MICROSECONDS, format_time
from desirepath.domain.execution import Execution
from desirepath.domain.interaction import INTERACTION_TYPES, Interaction
from desirepath.domain.plain_json import encode_json
from desirepath.engine.engine import Engine
from desirepath.engine.listing import FIELDS, ListRequest, list_interactions
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
from desirepath.errors import DesirepathError, InvalidInput
from desirepath.storage.base import Session, Storage
from desirepath.testing.clock import START, ClockedStorage, TestingClock
from desirepath.testing.examples import CountingIds, sent_execution, sent_interaction

RULES = RecordingRules()

ODD = (
    *("a", "A", "é", "e\u0301", "İ", "%", "_", "\\", "/", '"', "'", "\n", "\x01", "\u2028", "😀"),
    *("\U0010ffff", "null", "1", "a,b", "x" * 256, "é" * 128),
)
texts = st.sampled_from([text for text in ODD if not text.isspace()]) | st.text(
    min_size=1, max_size=8
).filter(lambda text: "\x00" not in text and not text.isspace())
numbers = st.sampled_from(
    (0, 1, -1, 2**53 + 1, 2**63 - 1, -(2**63), 0.0, -0.0, 0.1, 1e300, -1e-300, 5e-324, 2.0**63)
)
scalars: st.SearchStrategy[Any] = st.none() | st.booleans() | numbers | texts | st.just("")
plain: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(texts | st.sampled_from(("query", "color", "reward_value")), plain,
                          max_size=4)  # fmt: skip
# Few names, so that steps meet: repeats, conflicts, late executions, erased users.
names = st.sampled_from(("1", "2", "é"))
times = st.sampled_from((START - MICROSECONDS, START, START + 10**12)).map(format_time)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


sent_interactions = st.builds(
    sent_interaction,
    feature_id=names | texts,
    interaction_type=st.lists(st.sampled_from(INTERACTION_TYPES[:3]), min_size=1, max_size=3),
    position=st.sampled_from((0, 1, 2**31, 2**63 - 1)),
    metadata=maybe(objects),
    user_id=maybe(names | texts),
    session_id=maybe(texts),
    execution_id=maybe(names),
    retriever_id=maybe(names),
    query_snapshot=maybe(objects),
    document_score=maybe(numbers.map(float)),
    result_set_size=maybe(st.sampled_from((1, 10, 2**63 - 1))),
    feature_uri=maybe(texts),
    event_id=maybe(names),
    occurred_at=maybe(times),
)
sent_executions = st.builds(
    sent_execution,
    retriever_id=names,
    documents=st.lists(names | texts, max_size=4, unique=True).flatmap(
        lambda ids: st.tuples(
            *(
                st.fixed_dictionaries(
                    {"document_id": st.just(id)},
                    optional={
                        "score": numbers.map(float),
                        "scores": st.dictionaries(texts, numbers.map(float), max_size=3),
                        "features": st.dictionaries(texts, numbers.map(float), max_size=3),
                    },
                )
                for id in ids
            )
        ).map(list)
    ),
    execution_id=maybe(names),
    inputs=maybe(objects),
    user_id=maybe(names),
    session_id=maybe(texts),
    configuration=maybe(texts),
    metadata=maybe(objects),
    offset=maybe(st.sampled_from((0, 10, 2**63 - 1))),
    total=maybe(st.sampled_from((0, 2**63 - 1))),
    occurred_at=maybe(times),
)


class Request(Struct, frozen=True):
    """A submission without its namespace, which every example has of its own."""

    executions: Sequence[SentExecution]
    interactions: Sequence[SentInteraction]
    deduplicate: bool
    suppress: bool
    key: str | None
    digest: bytes

    def submission(self, namespace: int) -> Submission:
        idempotency = None
        if self.key is not None:
            idempotency = Idempotency(self.key, self.digest, write_answer)
        return Submission(
            namespace=namespace,
            executions=self.executions,
            interactions=self.interactions,
            deduplicate=self.deduplicate,
            suppress=self.suppress,
            idempotency=idempotency,
        )


def write_answer(outcomes: Sequence[Outcome]) -> str:
    return repr([comparable(outcome) for outcome in outcomes])


def comparable(answer: object) -> object:
    """What two back ends must have in common: values as JSON, errors by class and message."""
    if isinstance(answer, DesirepathError):
        return type(answer).__name__, answer.message
    if isinstance(answer, list):
        return [comparable(part) for part in answer]
    if isinstance(answer, Outcome):
        value = answer.interaction or answer.execution
        return answer.repeated, comparable(answer.error), comparable(value)
    if isinstance(answer, Interaction | Execution):
        fields = {name: getattr(answer, name) for name in answer.__struct_fields__}
        return encode_json(fields)
    return answer


requests = st.builds(
    Request,
    st.lists(sent_executions, max_size=2),
    st.lists(sent_interactions, max_size=4),
    st.booleans(),
    st.booleans(),
    maybe(names),
    st.sampled_from((b"1" * 32, b"2" * 32)),
)


class Back:
    """One back end in one example: two namespaces, its own ids, a clock."""

    def __init__(self, engine: Engine, clock: TestingClock, namespaces: tuple[int, int]) -> None:
        self.engine = engine
        self.clock = clock
        self.namespaces = namespaces
        self.make_id = CountingIds()

    def record(self, group: Sequence[tuple[int, Request]]) -> object:
        submissions = [request.submission(self.namespaces[at]) for at, request in group]
        with self.engine.storage.write() as session:
            answers = record(session, submissions, RULES, self.make_id, lambda *_: None)
        return [
            answer.body if isinstance(answer, Replay) else comparable(answer) for answer in answers
        ]

    def wait(self, seconds: float) -> object:
        self.clock.advance(seconds=seconds)
        return None

    def delete(self, number: int, *, executions: bool) -> object:
        with self.engine.storage.write() as session:
            log = session.executions if executions else session.interactions
            ids = [row.id for row in log.scan(self.namespaces[0])]
            return log.delete(self.namespaces[0], ids[number : number + 2])

    def erase(self, user_id: str) -> object:
        with self.engine.storage.write() as session:
            digest = user_digest(self.namespaces[0], user_id)
            session.receipts.suppress_user(self.namespaces[0], digest, session.now())
            ids = session.interactions.ids_of_user(self.namespaces[0], user_id, 100)
            return session.interactions.delete(self.namespaces[0], ids)

    def expire(self) -> object:
        with self.engine.storage.write() as session:
            session.receipts.expire(session.now() - RULES.dedup_window, session.now())
        return None

    def pages(self, request: ListRequest) -> object:
        """Every page of a list."""
        pages: list[object] = []
        while True:
            try:
                page = list_interactions(self.engine, self.namespaces[0], request)
            except InvalidInput as error:
                return comparable(error)
            pages.append(([comparable(row) for row in page.interactions], page.total))
            if page.next_cursor is None or len(pages) > 20:
                return pages
            request = ListRequest(
                **{name: getattr(request, name) for name in request.__struct_fields__}
                | {"cursor": page.next_cursor}
            )

    def rows(self) -> object:
        with self.engine.storage.read() as session:
            return [part for number in self.namespaces for part in self._rows(session, number)]

    @staticmethod
    def _rows(session: Session, number: int) -> list[object]:
        executions = list(session.executions.scan(number))
        keys = [(number, execution.execution_id) for execution in executions]
        return [
            [comparable(row) for row in session.interactions.scan(number)],
            [comparable(row) for row in executions],
            sorted(
                (key, encode_json([shown.inputs_json, list(shown.document_to_score.items())]))
                for key, shown in session.executions.shown_lists(keys).items()
            ),
            sorted(map(repr, session.summaries.tally(number))),
            sorted(session.summaries.lists(number)),
            session.receipts.suppressed_users(number),
        ]


Step = Callable[[Back], object]

list_requests = st.builds(
    ListRequest,
    interaction_type=maybe(st.sampled_from(INTERACTION_TYPES[:3])),
    equals=st.dictionaries(st.sampled_from(("user_id", "feature_id", "execution_id")), names,
                           max_size=1),
    filters=maybe(
        st.fixed_dictionaries(
            {"field": st.sampled_from(("user_id", "feature_id", "metadata.color", "warning")),
             "operator": st.sampled_from(("eq", "ne", "gt", "contains", "starts_with")),
             "value": texts}
        )
    ),
    search=maybe(texts),
    sort_field=st.sampled_from((*FIELDS, "metadata.color", "query_snapshot.query", "unknown")),
    descending=st.booleans(),
    page_size=st.sampled_from((1, 3, 50)),
    start=st.sampled_from((0, 0, 2)),
    include_total=st.booleans(),
)  # fmt: skip

steps: st.SearchStrategy[Step] = st.one_of(
    st.lists(st.tuples(st.sampled_from((0, 0, 1)), requests), min_size=1, max_size=3).map(
        lambda group: lambda back: back.record(group)
    ),
    st.sampled_from((0.001, 60.0, 299.999, 300.0, 100_000.0, -5.0)).map(
        lambda seconds: lambda back: back.wait(seconds)
    ),
    st.tuples(st.integers(0, 3), st.booleans()).map(
        lambda which: lambda back: back.delete(which[0], executions=which[1])
    ),
    names.map(lambda user_id: lambda back: back.erase(user_id)),
    st.just(lambda back: back.expire()),
    list_requests.map(lambda request: lambda back: back.pages(request)),
)
recording_steps = st.lists(
    st.tuples(st.sampled_from((0, 0, 1)), requests), min_size=1, max_size=3
).map(lambda group: lambda back: back.record(group))


@pytest.fixture(scope="module")
def backs(both_storages: dict[str, Storage]) -> Iterator[Callable[[], list[Back]]]:
    """Give both back ends, with namespaces that nothing was stored in and equal clocks."""
    numbers = itertools.count(10, 2)
    clocks = {name: TestingClock() for name in both_storages}
    engines = {
        name: Engine(ClockedStorage(storage, clocks[name]), clocks[name], RULES)
        for name, storage in both_storages.items()
    }

    def make() -> list[Back]:
        number = next(numbers)
        for clock in clocks.values():
            clock.advance(microseconds=START - clock.now())
        return [Back(engines[name], clocks[name], (number, number + 1)) for name in engines]

    for engine in engines.values():
        with engine.storage.write() as session:
            session.catalog.secret("cursor")
    yield make
    for engine in engines.values():
        with closing(engine):
            pass


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(taken=st.lists(recording_steps | steps, min_size=1, max_size=12))
def test_steps_have_equal_answers_and_leave_equal_rows(
    taken: list[Step], backs: Callable[[], list[Back]]
) -> None:
    sqlite, postgres = backs()
    for step in taken:
        assert step(sqlite) == step(postgres)
    assert sqlite.rows() == postgres.rows()
