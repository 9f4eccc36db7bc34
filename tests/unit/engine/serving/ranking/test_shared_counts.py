"""Counts that are read on from the log, beside what the whole log says at once."""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np
import pytest

from desirepath.domain.clock import MICROSECONDS
from desirepath.domain.execution import Execution
from desirepath.domain.ids import format_id, time_of
from desirepath.domain.interaction import Interaction
from desirepath.domain.ranking_features import boundary as boundary_of
from desirepath.engine.serving.ranking import counts as counts_module
from desirepath.engine.serving.ranking import tail as tail_module
from desirepath.engine.serving.ranking.counts import NOTHING, Counts
from desirepath.engine.serving.ranking.hashes import hash_document, hash_pairs, keys_of
from desirepath.engine.serving.ranking.shared_counts import SharedCounts
from desirepath.engine.serving.ranking.tail import LogTail
from desirepath.storage.base import Storage
from desirepath.testing.clock import START
from desirepath.testing.examples import CountingIds, an_execution, an_interaction, documents
from desirepath.testing.storage_contract.common import DEFAULT, store

MINUTE = 60 * MICROSECONDS
HALF_LIFE = 5.0 * MINUTE
PROPENSITIES = np.array([1.0, 0.5, 0.25])
NAMES = [f"d{n}" for n in range(8)]
QUERIES: list[dict[str, Any] | None] = [{"query": "shoes"}, {"q": " boots "}, {"n": 1}, None]
QUERY_TEXTS = ["shoes", "boots", None, None]
MINUTES = 40

Log = tuple[list[Execution], list[Interaction]]


def a_log(seed: int) -> Log:
    """Executions of two retrievers with clicks: late and early, twice, on what was not shown."""
    rng = random.Random(seed)
    make_id = CountingIds()
    moments = sorted(rng.randrange(START, START + MINUTES * MINUTE) for _ in range(400))
    executions: list[Execution] = []
    clicks: list[Interaction] = []
    awaited: list[str] = []
    for moment in moments:
        id = make_id.next(moment)
        if rng.random() < 0.4:
            ours = rng.random() < 0.5
            name = format_id("exec", id) if ours else f"e{len(executions)}"
            if not ours and awaited and rng.random() < 0.7:
                name = awaited.pop()
            executions.append(
                an_execution(
                    id=id,
                    execution_id=name,
                    retriever_id=rng.choice(["ret_1", "ret_1", "ret_2"]),
                    documents=documents(*rng.sample(NAMES, rng.randrange(6))),
                    inputs=rng.choice(QUERIES),
                    offset=rng.choice([0, 0, 2]),
                    live=rng.random() < 0.9,
                    occurred_at=moment - rng.randrange(3 * MINUTE),
                )
            )
            continue
        known = [one.execution_id for one in executions[-10:]]
        unknown = f"x{len(clicks)}"
        named: str | None = rng.choice([*known, None, unknown])
        if named == unknown:
            awaited.append(unknown)
        clicks += [
            an_interaction(
                id=make_id.next(moment),
                feature_id=rng.choice(NAMES),
                types=rng.choice([("click",), ("view", "click"), ("view",)]),
                execution_id=named,
                occurred_at=moment - rng.randrange(MINUTE),  # live: it was sent late
            )
            for _ in range(rng.randrange(1, 4))
        ]
    return executions, clicks


def moment_of(value: Execution | Interaction) -> int:
    return time_of(value.id) if value.live else value.occurred_at


class Expected:
    """What the whole log says as of a moment, one document and one pair at a time."""

    def __init__(self, log: Log, boundary: int, retriever_id: str | None) -> None:
        self.boundary = boundary
        self.executions = [
            one
            for one in log[0]
            if time_of(one.id) < boundary and retriever_id in (None, one.retriever_id)
        ]
        by_name = {one.execution_id: one for one in self.executions}
        self.first: dict[tuple[str, str], int] = {}
        for click in log[1]:
            search = by_name.get(click.execution_id or "")
            if search is None or "click" not in click.types or time_of(click.id) >= boundary:
                continue
            if click.feature_id in {shown.document_id for shown in search.documents}:
                key = (search.execution_id, click.feature_id)
                self.first.setdefault(key, max(moment_of(click), moment_of(search)))
        self.query_of = {
            one.execution_id: QUERY_TEXTS[QUERIES.index(one.inputs)] for one in self.executions
        }

    def weight(self, moment: int) -> float:
        return float(2 ** (-(self.boundary - moment) / HALF_LIFE))

    def exposure(self, name: str, query: str | None = None) -> float:
        return sum(
            self.weight(moment_of(one)) * float(PROPENSITIES[min(one.offset + place, 2)])
            for one in self.executions
            for place, shown in enumerate(one.documents)
            if shown.document_id == name and query in (None, self.query_of[one.execution_id])
        )

    def clicks(self, name: str, query: str | None = None) -> float:
        return sum(
            self.weight(moment)
            for (execution_id, clicked), moment in self.first.items()
            if clicked == name and query in (None, self.query_of[execution_id])
        )

    def last_click(self, name: str) -> float:
        return max((at for (_, clicked), at in self.first.items() if clicked == name), default=-inf)

    def first_returned(self, name: str) -> float:
        return min(
            (
                moment_of(one)
                for one in self.executions
                if name in {shown.document_id for shown in one.documents}
            ),
            default=inf,
        )


def shared_counts(retriever_id: str | None = None) -> SharedCounts:
    """Counts that begin before there was anything."""
    begin = boundary_of(START - 10 * MINUTE)
    return SharedCounts(
        Counts(begin, begin, HALF_LIFE, NOTHING),
        LogTail(
            namespace=DEFAULT,
            retriever_id=retriever_id,
            epoch=begin,
            half_life=HALF_LIFE,
            propensities=PROPENSITIES,
        ),
    )


def agree(counts: Counts, expected: Expected) -> None:
    names = [*NAMES, "none"]
    found = counts.of_documents(keys_of(map(hash_document, names)))
    np.testing.assert_allclose(found.exposure, list(map(expected.exposure, names)), rtol=1e-12)
    np.testing.assert_allclose(found.clicks, list(map(expected.clicks, names)), rtol=1e-12)
    assert found.last_click.tolist() == list(map(expected.last_click, names))
    assert found.first_returned.tolist() == list(map(expected.first_returned, names))
    for query in ("shoes", "boots", "none"):
        pairs = counts.of_pairs(keys_of(hash_pairs(query, names)))
        for seen, wanted in ((pairs.exposure, expected.exposure), (pairs.clicks, expected.clicks)):
            np.testing.assert_allclose(seen, [wanted(name, query) for name in names], rtol=1e-12)
    exposure = sum(map(expected.exposure, names))
    if exposure:
        assert counts.base == pytest.approx(sum(map(expected.clicks, names)) / exposure, rel=1e-12)
    else:
        assert np.isnan(counts.base)


def nows(seed: int) -> Sequence[int]:
    """Moments at which somebody asks, some of them twice within a minute and some after long."""
    rng = random.Random(seed)
    return sorted(rng.randrange(START, START + (MINUTES + 10) * MINUTE) for _ in range(25))


@pytest.mark.parametrize("retriever_id", [None, "ret_1"])
@pytest.mark.parametrize("at_once", [3, 2_000])
def test_reading_on_counts_what_the_whole_log_says(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, retriever_id: str | None, at_once: int
) -> None:
    monkeypatch.setattr(tail_module, "_AT_ONCE", at_once)
    log = a_log(seed=at_once)
    store(storage, *log[0], *log[1])
    shared = shared_counts(retriever_id)
    with storage.read() as session:
        for now in nows(seed=1):
            counts = shared.at(session, now, 60)
            assert counts is not None
            assert counts.boundary == boundary_of(now)
            agree(counts, Expected(log, boundary_of(now), retriever_id))


def test_putting_parts_together_changes_nothing(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counts_module, "_SETTLED_AT", 0)
    log = a_log(seed=2)
    store(storage, *log[0], *log[1])
    shared = shared_counts()
    with storage.read() as session:
        for now in nows(seed=2):
            counts = shared.at(session, now, 60)
            assert counts is not None
            agree(counts, Expected(log, boundary_of(now), None))
    assert counts is not None
    assert counts.epoch > START


def test_far_from_where_it_began_weights_are_still_finite(storage: Storage) -> None:
    log = a_log(seed=3)
    store(storage, *log[0], *log[1])
    shared = shared_counts()
    now = START + MINUTES * MINUTE + round(2_000 * HALF_LIFE)
    with storage.read() as session:
        assert shared.at(session, START + MINUTES * MINUTE, 60) is not None
        counts = shared.at(session, now, 60)
    assert counts is not None
    found = counts.of_documents(keys_of(map(hash_document, NAMES)))
    assert np.isfinite(found.exposure).all()
    assert found.exposure.max() < 1e-300


def test_a_search_that_began_before_the_minute_has_the_counts_of_before(storage: Storage) -> None:
    shared = shared_counts()
    with storage.read() as session:
        early = shared.at(session, START, 60)
        late = shared.at(session, START + MINUTE, 60)
        assert shared.at(session, START, 60) is early
        assert shared.at(session, START + MINUTE, 60) is late
        assert shared.at(session, START - MINUTE, 60) is None
