"""What the log says of a candidate: of lists that it has not learned from, and honestly of others.

A simulation, seed 5: shoppers care for titles more than for texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing

import pytest
from msgspec.structs import replace

from desirepath.domain.gate import WhatIfSays
from desirepath.domain.retriever import Retriever
from desirepath.engine.bootstrap import ensure_defaults
from desirepath.engine.engine import Engine
from desirepath.engine.gating.asking_log import ask_log
from desirepath.engine.gating.candidates import Candidate
from desirepath.engine.recording import RecordingRules
from desirepath.storage.base import Storage
from desirepath.testing.clock import START, ClockedStorage, TestingClock
from desirepath.testing.drawn_logs import SimulatedSearches, fill_drawn_log
from tests.gated_shop import BODY, TITLE, default, gated_retriever, weight_set

N = 2_000
SEARCHES = SimulatedSearches(features=(TITLE, BODY), n_found=10, n_shown=4, spread=0.25)
HALF, ALL = START + N // 2 * 1_000, START + N * 1_000
GOOD, BAD = {TITLE: 0.7, BODY: 0.3}, {TITLE: 0.2, BODY: 0.8}


@pytest.fixture
def engine(storage: Storage, clock: TestingClock) -> Iterator[Engine]:
    with closing(Engine(ClockedStorage(storage, clock), clock, RecordingRules())) as engine:
        ensure_defaults(engine)
        yield engine


@pytest.fixture
def retriever(engine: Engine) -> Retriever:
    retriever = gated_retriever(engine, "judged")
    fill_drawn_log(engine.storage, retriever, N, 5, SEARCHES)
    return retriever


def asked(
    engine: Engine,
    retriever: Retriever,
    weights: Mapping[str, float],
    seen_before: int | None,
    **manifest: int | None,
) -> WhatIfSays:
    artifact = weight_set(engine, retriever, weights[TITLE], weights[BODY])
    artifact = replace(artifact, seen_before=seen_before, manifest=manifest)
    candidate = Candidate(artifact=artifact, dataset="judged", retriever=retriever, weights=weights)
    return ask_log(engine, default(engine), retriever, candidate)


@pytest.mark.parametrize(
    ("seen_before", "manifest", "n"),
    [
        (None, {}, "2,000 lists"),
        (ALL, {"learned_before": 0}, "2,000 lists"),
        (HALF, {}, "1,000 lists"),
        (HALF, {"learned_before": ALL}, "1,000 lists"),
        (ALL, {"learned_before": HALF}, "1,000 lists"),
    ],
)
def test_only_lists_that_it_has_not_learned_from_judge_it(
    engine: Engine,
    retriever: Retriever,
    seen_before: int | None,
    manifest: dict[str, int | None],
    n: str,
) -> None:
    says = asked(engine, retriever, GOOD, seen_before, **manifest)
    assert says.verdict in ("better", "cannot tell")
    assert n in says.words


@pytest.mark.parametrize("manifest", [{}, {"learned_before": None}])
def test_where_it_has_learned_from_all_it_is_not_praised_by_them(
    engine: Engine, retriever: Retriever, manifest: dict[str, int | None]
) -> None:
    says = asked(engine, retriever, GOOD, ALL, **manifest)
    assert says.verdict is None
    assert says.words.startswith("It learned from the log, so that only later searches may judge")
    assert "1 needed, 0 found" in says.words


def test_what_loses_where_it_should_shine_loses(engine: Engine, retriever: Retriever) -> None:
    says = asked(engine, retriever, BAD, ALL)
    assert says.verdict == "worse"
    assert "2,000 lists" in says.words
    assert says.words.endswith("even so it loses.")
