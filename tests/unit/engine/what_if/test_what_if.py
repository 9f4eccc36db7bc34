"""What-if on a simulated log whose truth is known, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from desirepath.domain.assessment import AssessmentKind
from desirepath.domain.ids import NIL
from desirepath.domain.job import JobStatus
from desirepath.domain.ranking import Ranking, pack_ranking, unpack_ranking
from desirepath.domain.retriever import Retriever, read_retriever
from desirepath.domain.what_if import NewPolicy, WhatIfResult, WhatIfSettings
from desirepath.engine.assessing import find_assessment
from desirepath.engine.engine import Engine
from desirepath.engine.retrievers import create_retriever
from desirepath.engine.tasks.running import run_task
from desirepath.engine.what_if.asking import WhatIfRequest, run_what_if, start_what_if, what_if
from desirepath.errors import InvalidSetting, NotEnoughData, NotFound
from desirepath.storage.base import Namespace
from desirepath.testing.clock import START
from desirepath.testing.drawn_logs import DrawnLog, SimulatedSearches, fill_drawn_log

TITLE, BODY, NOISE = SimulatedSearches().features
BETTER = NewPolicy(weights={TITLE: 2.0, BODY: 1.0})
WORSE = NewPolicy(weights={NOISE: 3.0, BODY: 1.0, TITLE: 1.0})
SHORT = SimulatedSearches(n_found=10, n_shown=4, spread=0.25)
N = 1_500
SEED = 11


@pytest.fixture
def namespace(engine: Engine) -> Namespace:
    with engine.storage.read() as session:
        return session.catalog.namespaces()[0]


def a_retriever(engine: Engine, name: str = "shop", **parameters: Any) -> Retriever:
    search = {
        "searches": [{"feature_uri": uri, "query": "{{INPUT.query}}"} for uri in (TITLE, BODY)],
        "fusion": "learned",
    }
    stage = {
        "stage_name": "find",
        "config": {"stage_id": "feature_search", "parameters": search | parameters},
    }
    draft = read_retriever({"retriever_name": name, "stages": [stage]})
    return create_retriever(engine, 1, draft[0] if isinstance(draft, tuple) else draft)


@pytest.fixture
def retriever(engine: Engine) -> Retriever:
    return a_retriever(engine)


@pytest.fixture
def log(engine: Engine, retriever: Retriever) -> DrawnLog:
    return fill_drawn_log(engine.storage, retriever, N, SEED, SHORT)


def ask(
    engine: Engine,
    retriever: Retriever,
    policy: NewPolicy,
    **settings: Any,
) -> WhatIfResult:
    with engine.storage.read() as session:
        namespace = session.catalog.namespaces()[0]
    return what_if(engine, namespace, retriever, policy, WhatIfSettings(**settings))


def test_a_better_and_a_worse_policy_are_told_apart_and_the_truth_is_in_the_intervals(
    engine: Engine, retriever: Retriever, figure: Callable[[str], None]
) -> None:
    n = 3_000
    log = fill_drawn_log(engine.storage, retriever, n, SEED)
    for policy, weights, verdict in (
        (BETTER, [2.0, 1.0, 0.0], "better"),
        (WORSE, [1.0, 1.0, 3.0], "worse"),
    ):
        result = ask(engine, retriever, policy)
        truth = log.worth(np.array(weights) / sum(weights))
        assert result.verdict == verdict
        assert (result.n_lists, result.n_people, result.pool_share) == (n, 500, 1.0)
        assert result.left_out == ()
        (item,) = [one for one in result.estimates if one.estimator == "item-position"]
        assert item.value is not None
        # Where the log cannot tell it counts as no change, so the truth may lie a little further.
        figure(
            f"simulation, seed {SEED}, {n} lists: {result.sentence} told {item.told_share:.3f}, "
            f"effective sample {item.effective_sample:.0f}; truth {truth:.3f}"
        )
        assert item.value.low - 0.05 <= truth <= item.value.high + 0.05
        assert (item.value.value > result.live.value) == (truth > result.live.value)


def test_the_same_seed_is_the_same_answer(
    engine: Engine, retriever: Retriever, log: DrawnLog
) -> None:
    assert ask(engine, retriever, BETTER, seed=3) == ask(engine, retriever, BETTER, seed=3)
    assert ask(engine, retriever, BETTER, seed=3) != ask(engine, retriever, BETTER, seed=4)


def test_every_estimator_says_what_it_assumes_and_refuses_with_numbers(
    engine: Engine, retriever: Retriever, log: DrawnLog
) -> None:
    result = ask(engine, retriever, BETTER)
    assert [one.estimator for one in result.estimates] == [
        "ips",
        "snips",
        "doubly robust",
        "reward-interaction",
        "item-position",
    ]
    for one in result.estimates:
        assert one.assumes
        assert (one.value is None) == (one.refusal is not None)
        assert one.refusal is None or "found" in one.refusal
        assert sum(each.n for each in one.weights) == N
        assert one.largest_weight <= 51
    decided = next(one for one in result.estimates if one.estimator == result.decided_by)
    assert decided.verdict == result.verdict
    assert "fusion learned with text://title 0.67" in result.sentence
    assert 0.0 < result.same_share < 1.0


def test_short_lists_recur_whole_and_then_what_assumes_nothing_decides(
    engine: Engine, retriever: Retriever
) -> None:
    two = SimulatedSearches(n_found=4, n_shown=2, spread=0.3)
    log = fill_drawn_log(engine.storage, retriever, N, SEED, two)
    result = ask(engine, retriever, BETTER, k=2)
    truth = log.worth(np.array([2.0, 1.0, 0.0]) / 3)
    assert result.decided_by == "doubly robust"
    assert {one.refusal for one in result.estimates} == {None}
    for one in result.estimates:
        assert one.value is not None
        assert one.value.low <= truth <= one.value.high
    plain, robust = result.estimates[0].difference, result.estimates[2].difference
    assert plain is not None
    assert robust is not None
    assert robust.high - robust.low < plain.high - plain.low


def test_the_live_policy_itself_is_no_different(
    engine: Engine, retriever: Retriever, log: DrawnLog
) -> None:
    result = ask(engine, retriever, NewPolicy(weights=dict.fromkeys((TITLE, BODY, NOISE), 1.0)))
    assert result.verdict == "cannot tell"
    assert "lists if that difference is right" in result.sentence


def test_people_are_what_is_counted(engine: Engine, retriever: Retriever) -> None:
    alone = replace(SHORT, n_people=1)
    fill_drawn_log(engine.storage, retriever, N, SEED, alone)
    with pytest.raises(NotEnoughData, match="30 needed, 1 found"):
        ask(engine, retriever, WORSE)


def test_weights_far_from_the_live_ones_are_refused(engine: Engine, retriever: Retriever) -> None:
    narrow = SimulatedSearches(spread=0.005)
    fill_drawn_log(engine.storage, retriever, 500, SEED, narrow)
    with pytest.raises(NotEnoughData, match="exploration_floor") as refusal:
        ask(engine, retriever, NewPolicy(weights={NOISE: 1.0}))
    assert refusal.value.found < refusal.value.needed


def test_pools_that_hold_too_little_are_refused(engine: Engine) -> None:
    cut = SimulatedSearches(n_found=60, depth=12, spread=0.3)
    shallow = a_retriever(engine, "shallow", learning_config={"log_pool_depth": 12})
    fill_drawn_log(engine.storage, shallow, 300, SEED, cut)
    with pytest.raises(NotEnoughData, match="log_pool_depth") as refusal:
        ask(engine, shallow, NewPolicy(weights={NOISE: 1.0}))
    assert (refusal.value.needed, refusal.value.what) == (
        90,
        "percent of the new results in the logged pools",
    )


def changed(engine: Engine, retriever: Retriever, change: Callable[[Ranking], Ranking]) -> None:
    """Change how all searches are said to have been ranked."""
    with engine.storage.write() as session:
        rows = session.learned.ranked_after(1, retriever.retriever_id, NIL, 10_000)
        rankings = {row.id: pack_ranking(change(unpack_ranking(row.ranking))) for row in rows}
        session.executions.trim(1, rankings, rows[-1].id)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fusion": "rrf"}, "no propensities"),
        ({"draw": None}, "no propensities"),
        ({"shadow_weights": (0.2, 0.3, 0.5)}, "no propensities"),
        ({"weights": (0.0, 0.0, 1.0)}, "ordered these lists anew"),
    ],
)
def test_lists_without_propensities_are_refused_with_what_to_do(
    engine: Engine, retriever: Retriever, change: dict[str, Any], words: str
) -> None:
    fill_drawn_log(engine.storage, retriever, 40, SEED)
    changed(engine, retriever, lambda ranking: replace(ranking, **change))
    with pytest.raises(NotEnoughData, match=words) as refusal:
        ask(engine, retriever, BETTER)
    assert "interleaving" in refusal.value.message


def test_what_cannot_be_used_is_counted(engine: Engine, retriever: Retriever) -> None:
    fill_drawn_log(engine.storage, retriever, N, SEED, SHORT)
    numbers = iter(range(N))

    def of_three_kinds(ranking: Ranking) -> Ranking:
        match next(numbers) % 5:
            case 0:
                return replace(ranking, fusion="rrf")
            case 1:
                return replace(ranking, features=(TITLE, BODY, "text://else"))
        return ranking

    changed(engine, retriever, of_three_kinds)
    near = NewPolicy(weights={TITLE: 1.0, BODY: 1.0, NOISE: 0.8})
    result = ask(engine, retriever, near)
    assert {one.reason: one.n for one in result.left_out} == {"static": N / 5, "features": N / 5}
    assert result.n_lists == 3 * N / 5


def test_an_empty_log_and_another_time_have_nothing(engine: Engine, retriever: Retriever) -> None:
    with pytest.raises(NotEnoughData, match="No search is in the log"):
        ask(engine, retriever, BETTER)
    fill_drawn_log(engine.storage, retriever, 40, SEED)
    with pytest.raises(NotEnoughData, match="No search is in the log"):
        ask(engine, retriever, BETTER, before=START)


@pytest.mark.parametrize(
    "policy",
    [
        NewPolicy(),
        NewPolicy(weights={TITLE: 1.0}, retriever="other"),
        NewPolicy(fusion="rrf", ranker="best"),
        NewPolicy(fusion="rrf", ranker_version=1),
        NewPolicy(weights={"text://price": 1.0}),
        NewPolicy(weights={TITLE: 0.0}),
        NewPolicy(weights={TITLE: -1.0, BODY: 2.0}),
        NewPolicy(weights={TITLE: float("nan")}),
    ],
)
def test_what_is_no_policy_is_refused(
    engine: Engine, retriever: Retriever, policy: NewPolicy
) -> None:
    fill_drawn_log(engine.storage, retriever, 10, SEED)
    with pytest.raises(InvalidSetting):
        ask(engine, retriever, policy)


@pytest.mark.parametrize("policy", [NewPolicy(retriever="nobody"), NewPolicy(ranker="nobody")])
def test_what_is_not_there_is_not_found(
    engine: Engine, retriever: Retriever, policy: NewPolicy
) -> None:
    with pytest.raises(NotFound):
        ask(engine, retriever, policy)


def test_another_fusion_and_another_retriever_are_asked(
    engine: Engine, retriever: Retriever, log: DrawnLog
) -> None:
    by_fusion = ask(engine, retriever, NewPolicy(fusion="dbsf", weights={TITLE: 2.0, BODY: 1.0}))
    by_weights = ask(engine, retriever, BETTER)
    assert by_fusion.live == by_weights.live
    assert by_fusion.estimates == by_weights.estimates
    other = a_retriever(engine, "static", fusion="dbsf")
    by_retriever = ask(engine, retriever, NewPolicy(retriever="static"))
    equal = ask(engine, retriever, NewPolicy(weights={TITLE: 1.0, BODY: 1.0}))
    assert by_retriever.estimates == equal.estimates
    assert other.retriever_id not in by_retriever.sentence
    ranks = ask(engine, retriever, NewPolicy(fusion="rrf"))
    assert ranks.policy == "fusion rrf with the weights of the stage"


def test_a_retriever_with_other_features_or_stages_is_refused(
    engine: Engine, retriever: Retriever
) -> None:
    fill_drawn_log(engine.storage, retriever, 10, SEED)
    search = [{"feature_uri": "text://price", "query": "{{INPUT.query}}"}]
    a_retriever(engine, "other features", searches=search)
    with pytest.raises(InvalidSetting, match="has not logged"):
        ask(engine, retriever, NewPolicy(retriever="other features"))


def test_a_task_stores_what_came_out(
    engine: Engine, namespace: Namespace, retriever: Retriever, log: DrawnLog
) -> None:
    request = WhatIfRequest(policy=BETTER, settings=WhatIfSettings(seed=3))
    started = start_what_if(engine, namespace, retriever, request)
    assert run_task(engine)
    kind = AssessmentKind.WHAT_IF
    stored = find_assessment(engine, 1, kind, started.assessment_id)
    assert stored.status is JobStatus.COMPLETED
    here = run_what_if(engine, namespace, retriever, request)
    assert here.result == stored.result
    assert here.request == stored.request
    assert here.task_id is None
    assert stored.result is not None
    assert stored.result["sentence"] == ask(engine, retriever, BETTER, seed=3).sentence
    assert stored.total == N


def test_a_task_that_cannot_tell_fails_with_the_reason(
    engine: Engine, namespace: Namespace, retriever: Retriever
) -> None:
    started = start_what_if(
        engine, namespace, retriever, WhatIfRequest(policy=NewPolicy(fusion="rrf"))
    )
    assert run_task(engine)
    stored = find_assessment(engine, 1, AssessmentKind.WHAT_IF, started.assessment_id)
    assert stored.status is JobStatus.FAILED
    assert stored.error is not None
    assert "1 needed, 0 found" in stored.error
