"""Judgments from the log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import numpy as np
import pytest

from desirepath.domain.acts import TYPE_TO_BIT
from desirepath.domain.scope import Scope
from desirepath.engine.analysing.asking import open_log
from desirepath.engine.analysing.click_sessions import read_click_log
from desirepath.engine.analysing.judged_datasets import store_judgments
from desirepath.engine.analysing.judging import (
    MODELS,
    JudgingOptions,
    judge_part,
    worth_labelling,
)
from desirepath.engine.analysing.part import Part, part_of
from desirepath.engine.deleting import delete_interaction, erase_user
from desirepath.engine.engine import Engine
from desirepath.engine.seen_log import log_changes
from desirepath.errors import InvalidDataset, NotEnoughData
from desirepath.methods.levels import FloatArray
from desirepath.testing.clock import START
from desirepath.testing.examples import an_execution, an_interaction, documents, new_id
from desirepath.testing.storage_contract.common import store
from tests.unit.engine.analysing.simulated_searches import (
    N_DOCUMENTS,
    N_QUERIES,
    simulate,
    store_searches,
)

CLICK = TYPE_TO_BIT["click"]
DAY = 86_400_000_000


@contextmanager
def part(engine: Engine, **scope: Any) -> Iterator[Part]:
    namespace = engine.directory.namespace("default")
    assert namespace is not None
    with open_log(engine, namespace) as opened:
        yield part_of(opened, Scope(**scope))


def a_search(*names: str, clicked: str = "", at: int = START, **changes: Any) -> list[Any]:
    """A search that showed documents of one letter, with the clicked ones."""
    execution = an_execution(
        **{"documents": documents(*names), "id": new_id(at), "occurred_at": at} | changes
    )
    return [
        execution,
        *(
            an_interaction(
                id=new_id(at),
                feature_id=name,
                position=execution.offset + names.index(name),
                execution_id=execution.execution_id,
                retriever_id="ret_1",
            )
            for name in clicked
        ),
    ]


# From the log to arrays


def test_lists_become_arrays(engine: Engine) -> None:
    store(
        engine.storage,
        *a_search("b", "a", "c", clicked="c"),
        *a_search("a", "b", clicked="ab", inputs={"q": " hats "}, offset=10, at=START + 1),
    )
    with part(engine) as whole:
        log = read_click_log(whole, acts=CLICK)
    names = list(
        zip(log.pairs["query"].to_pylist(), log.pairs["document_id"].to_pylist(), strict=True)
    )
    assert names == [("hats", "a"), ("hats", "b"), *(("shoes", name) for name in "abc")]
    assert log.queries.tolist() == [0, 0, 1, 1, 1]
    sessions = log.sessions
    lists = [
        [
            (*names[sessions.pairs[row]], int(sessions.ranks[row]), bool(sessions.clicked[row]))
            for row in range(sessions.starts[number], sessions.starts[number + 1])
        ]
        for number in range(sessions.n_sessions)
    ]
    assert sorted(lists) == [
        [("hats", "a", 11, True), ("hats", "b", 12, True)],
        [("shoes", "b", 1, False), ("shoes", "a", 2, False), ("shoes", "c", 3, True)],
    ]
    assert sessions.weights is None


def test_lists_are_cut_at_a_rank_and_it_says_what_is_lost(engine: Engine) -> None:
    store(
        engine.storage,
        *a_search("a", "b", "c", "d", clicked="d"),
        *a_search("a", inputs=None, at=START + 1),
        an_interaction(session_id="s", feature_id="x"),  # of a search that nobody logged
    )
    with part(engine) as whole:
        log = read_click_log(whole, acts=CLICK, max_rank=2)
    assert log.sessions.ranks.tolist() == [1, 2]
    assert not log.sessions.clicked.any()
    assert msgspec.to_builtins(log.losses) == {
        "n_impressions": 6,
        "n_used": 2,
        "n_unknown_lists": 1,
        "n_without_query": 1,
        "n_too_deep": 2,
        "n_same_place": 0,
    }


def test_without_executions_impressions_make_the_lists(engine: Engine) -> None:
    """Two documents cannot have one place: the clicked one keeps it."""
    events = [("a", "impression", 0), ("b", "impression", 1), ("c", "click", 1)]
    common: dict[str, Any] = {"session_id": "s", "query_snapshot": {"query": "shoes"}}
    store(
        engine.storage,
        *(
            an_interaction(feature_id=name, types=(type,), position=position, **common)
            for name, type, position in events
        ),
    )
    with part(engine) as whole:
        log = read_click_log(whole, acts=CLICK)
    assert log.pairs["document_id"].take(log.sessions.pairs.tolist()).to_pylist() == ["a", "c"]
    assert log.sessions.clicked.tolist() == [False, True]
    assert log.losses.n_same_place == 1


def test_an_older_search_counts_less(engine: Engine) -> None:
    store(engine.storage, *a_search("a"), *a_search("a", at=START - 7 * DAY))
    with part(engine) as whole:
        log = read_click_log(whole, acts=CLICK, half_life_days=7.0)
    assert sorted(log.sessions.session_weights) == [0.5, 1.0]


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ([], "searches (send executions, or impressions)"),
        ([an_interaction(session_id="s")], "searches that say what was shown"),
        (a_search("a", inputs=None), "searches with a text"),
        (a_search("a", offset=30), "documents shown at rank 20 or above"),
    ],
    ids=["empty", "no lists", "no query", "too deep"],
)
def test_what_is_missing_is_said(engine: Engine, values: list[Any], missing: str) -> None:
    store(engine.storage, *values)
    with part(engine) as whole, pytest.raises(NotEnoughData) as error:
        judge_part(whole)
    assert missing in error.value.message


# Judgments


def test_impressions_without_clicks_and_one_search_are_too_little(engine: Engine) -> None:
    store(engine.storage, *a_search("a", "b"))
    with part(engine) as whole, pytest.raises(NotEnoughData, match="clicks"):
        judge_part(whole)
    store(engine.storage, *a_search("a", "b", clicked="a", at=START + 1))
    with part(engine) as whole, pytest.raises(NotEnoughData, match="shown 10 times"):
        judge_part(whole)
    with part(engine) as whole:
        result = judge_part(whole, JudgingOptions(min_impressions=1))
    assert result.fit is not None
    assert (result.n_judgments, result.fit.n_lists) == (2, 0)


@pytest.mark.parametrize("model", MODELS)
def test_every_model_judges_with_its_evidence(engine: Engine, model: str) -> None:
    _, queries, lists, clicked = simulate(1, 600)
    store_searches(engine.storage, queries, lists, clicked)
    options = JudgingOptions(model=model, min_impressions=5, min_interactions=2)
    with part(engine) as whole:
        result = judge_part(whole, options)
    judged = list(result.queries())
    assert len(judged) == result.n_queries == N_QUERIES
    assert sum(len(query.judgments) for query in judged) == result.n_judgments
    (first,) = [query for query in judged if query.query_input == {"q": "query 0"}]
    searched = (queries == 0).nonzero()[0]
    clicks_of = {
        f"doc {number}": float(((lists == number) & clicked)[searched].sum())
        for number in range(N_DOCUMENTS)
    }
    for one in first.judgments:
        assert one.clicks == clicks_of[one.document_id]
        assert one.is_relevant == (one.grade != 0)
        if model == "counts":
            assert (one.impressions, one.low) == (None, None)
            continue
        assert one.impressions == len(searched)
        assert one.relevance is not None
        assert one.low is not None
        assert one.high is not None
        assert 0.0 <= one.low <= one.relevance <= one.high <= 1.0
        assert one.features == {"text://title": 0.5}
    relevance = [one.relevance or 0.0 for one in first.judgments]
    assert relevance == sorted(relevance, reverse=True)
    assert {query.query_id for query in judged} == {query.query_id for query in result.queries()}


def _right_pairs(truth: FloatArray, result: Any) -> FloatArray:
    """By query, which share of pairs of documents is in the order of the truth."""
    shares = np.zeros(N_QUERIES)
    for query in result.queries():
        number = int(query.query_input["q"].removeprefix("query "))
        judged = {one.document_id: one.relevance for one in query.judgments}
        guessed = np.array([judged[f"doc {document}"] for document in range(N_DOCUMENTS)])
        upper = np.triu_indices(N_DOCUMENTS, 1)
        right = np.sign(np.subtract.outer(guessed, guessed)) == np.sign(
            np.subtract.outer(truth[number], truth[number])
        )
        shares[number] = right[upper].mean()
    return shares


def test_judgments_of_a_click_model_rank_better_than_click_through(
    engine: Engine, figure: Callable[[str], None]
) -> None:
    """Simulated searches; 95 % interval of the mean difference over queries, by bootstrap."""
    seed, n_searches = 7, 3_000
    truth, queries, lists, clicked = simulate(seed, n_searches)
    store_searches(engine.storage, queries, lists, clicked)
    with part(engine) as whole:
        by_model = {
            model: judge_part(whole, JudgingOptions(model=model)) for model in ("pbm", "dctr")
        }
    right = {model: _right_pairs(truth, result) for model, result in by_model.items()}
    gain = right["pbm"] - right["dctr"]
    draws = np.random.default_rng(seed).choice(gain, (2_000, N_QUERIES)).mean(axis=1)
    low, high = np.quantile(draws, [0.025, 0.975])
    figure(
        f"pairs of documents in the right order: pbm {right['pbm'].mean():.3f}, click-through "
        f"{right['dctr'].mean():.3f}, gain {gain.mean():+.3f} [{low:+.3f}, {high:+.3f}] over "
        f"{N_QUERIES} queries, {n_searches:,} simulated searches, seed {seed}"
    )
    assert low > 0.0
    fit = by_model["pbm"].fit
    assert fit is not None
    assert fit.n_lists == n_searches // 5
    assert fit.model.perplexity < fit.click_through.perplexity
    assert fit.model.log_likelihood > fit.click_through.log_likelihood


def test_an_option_that_is_none_is_refused(engine: Engine) -> None:
    store(engine.storage, *a_search("a", clicked="a"))
    with part(engine) as whole:
        for options in (
            JudgingOptions(model="gctr"),
            JudgingOptions(positive_types=("clicked",)),
            JudgingOptions(positive_types=()),
        ):
            with pytest.raises(InvalidDataset):
                judge_part(whole, options)
        with pytest.raises(InvalidDataset, match="how sure"):
            worth_labelling(whole, 5, JudgingOptions(model="counts"))


@pytest.mark.parametrize("model", ["dctr", "counts"])
def test_lists_that_nobody_searched_for_are_one_query(engine: Engine, model: str) -> None:
    store(
        engine.storage,
        *a_search("a", "b", clicked="a", inputs=None),
        *a_search("a", "b", clicked="a", at=START + 1),
    )
    options = JudgingOptions(model=model, min_impressions=1, one_query=True)
    with part(engine) as whole:
        (query,) = judge_part(whole, options).queries()
    assert query.query_input == {}
    assert query.judgments[0].document_id == "a"
    assert query.judgments[0].clicks == 2.0


# What to label


def test_what_is_seen_often_and_uncertain_is_worth_a_label(engine: Engine) -> None:
    _, queries, lists, clicked = simulate(2, 400)
    store_searches(engine.storage, queries, lists, clicked)
    with part(engine) as whole:
        chosen = worth_labelling(whole, 25)
        everything = worth_labelling(whole, 10_000)
    assert chosen == everything[:25]
    assert len(everything) == N_QUERIES * N_DOCUMENTS
    worth = [one.worth for one in everything]
    assert worth == sorted(worth, reverse=True)
    assert worth[-1] > 0.0
    assert all(one.low <= one.relevance <= one.high for one in everything)


# Datasets of it


def test_judgments_are_stored_and_become_stale(engine: Engine) -> None:
    _, queries, lists, clicked = simulate(3, 300)
    store_searches(engine.storage, queries, lists, clicked)
    namespace = engine.directory.namespace("default")
    assert namespace is not None
    changes = log_changes(engine, namespace.number)
    with part(engine, retriever_id="ret_1") as whole:
        result = judge_part(whole)
    scope = Scope(retriever_id="ret_1")
    dataset = store_judgments(engine, namespace, "clicks", result, scope, changes)
    assert (dataset.n_queries, dataset.n_judgments) == (result.n_queries, result.n_judgments)
    assert (dataset.source.model, dataset.stale_at) == ("pbm", None)
    assert dataset.source.fit is not None
    with engine.storage.read() as session:
        stored = list(session.evaluations.queries(namespace.number, dataset.id))
    assert stored == list(result.queries())
    erase_user(engine, namespace.number, "nobody")
    again = store_judgments(engine, namespace, "again", result, scope, changes)
    with engine.storage.write() as session:
        interaction = next(session.interactions.scan(namespace.number))
    assert delete_interaction(engine, namespace.number, interaction.id)
    late = store_judgments(engine, namespace, "late", result, scope, changes)
    with engine.storage.read() as session:
        found = session.evaluations.datasets(namespace.number, 10)
    assert {one.name for one in found if one.stale_at is not None} == {"clicks", "again", "late"}
    assert (again.stale_at, late.stale_at is None) == (None, False)
