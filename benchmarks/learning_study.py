"""One run of the study of learning: a scenario, simulated shoppers, an engine, and how good it is.

Shoppers are a simulation (:mod:`desirepath.testing.shoppers`). What is measured is nDCG@10 of human
judgments, gain ``2^grade - 1``, what was not judged 0.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from benchmarks.learning_engines import Context, Engine, QueryLists
from benchmarks.shop import QueryToList, Shop
from desirepath.methods.bandits.weights import uniform
from desirepath.methods.fusion.base import Fusion, fuse
from desirepath.methods.fusion.candidates import Candidates, gather
from desirepath.methods.fusion.learned import learned
from desirepath.methods.fusion.rrf import rrf
from desirepath.methods.levels import SCALE, FloatArray
from desirepath.testing.shoppers import (
    Cascade,
    Examination,
    PositionBased,
    Segment,
    Shoppers,
)
from desirepath.testing.simulation.judging import Judge, best_weights

CHECKPOINTS = (100, 300, 1_000, 3_000, 10_000)
SESSIONS_A_DAY = 100

CLICKS: Mapping[str, Examination] = {
    "PBM 1/√r": PositionBased(power=0.5),
    "PBM 1/r": PositionBased(power=1.0),
    "cascade": Cascade(),
}
TRAFFIC = {"flat": 0.0, "zipf": 1.0}
"""How much more often some queries come."""

EngineMaker = Callable[[Sequence[str], np.random.Generator], Engine]
"""From the URIs of features and randomness to an engine that knows nothing yet."""


@dataclass(frozen=True)
class Scenario:
    """Searches to fuse, by the URI of their feature."""

    name: str
    feature_to_lists: Mapping[str, QueryToList]

    @cached_property
    def query_to_lists(self) -> dict[str, QueryLists]:
        queries = next(iter(self.feature_to_lists.values()))
        return {
            query: {uri: lists[query] for uri, lists in self.feature_to_lists.items()}
            for query in queries
        }

    @cached_property
    def query_to_candidates(self) -> dict[str, Candidates]:
        return {query: gather(list(lists.values())) for query, lists in self.query_to_lists.items()}

    @property
    def features(self) -> list[str]:
        return list(self.feature_to_lists)

    @property
    def n_features(self) -> int:
        return len(self.feature_to_lists)

    def swapped(self, one: str, other: str) -> "Scenario":
        """The same after two features have changed their roles."""
        lists = dict(self.feature_to_lists)
        lists[one], lists[other] = lists[other], lists[one]
        return Scenario(f"{self.name}, swapped", lists)


def scenarios(shop: Shop) -> dict[str, Scenario]:
    """Four good features; a poor or a popular one beside them; three bad ones of five."""
    good = {
        "text://title": shop.title,
        "text://description": shop.description,
        "text://brand": shop.brand,
        "vector://dense": shop.dense,
    }
    pool = list(good.values())
    noise = {f"noise://{seed}": shop.noise(pool, seed) for seed in (1, 2)}
    popularity = {"popularity://": shop.popularity(pool)}
    two = {uri: good[uri] for uri in ("text://brand", "text://title")}
    found = [
        Scenario("G4", good),
        Scenario("G4+N", good | {"noise://1": noise["noise://1"]}),
        Scenario("G4+P", good | popularity),
        Scenario("G2+N2P", two | noise | popularity),
    ]
    return {scenario.name: scenario for scenario in found}


def of_fusion(judge: Judge, scenario: Scenario, fusion: Fusion, weights: FloatArray) -> float:
    """The mean over queries of what a fusion shows."""
    return sum(
        share * judge.ndcg(query, fuse(scenario.query_to_candidates[query], fusion, weights)
                          .document_ids)
        for query, share in judge.query_to_share.items()
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class References:
    """What does not learn."""

    rrf: float
    uniform: float
    oracle: float


def references(scenario: Scenario, judge: Judge) -> References:
    equal = uniform(scenario.n_features)
    return References(
        rrf=of_fusion(judge, scenario, rrf, np.ones(scenario.n_features)),
        uniform=of_fusion(judge, scenario, learned, equal),
        oracle=best_weights(judge, scenario.query_to_candidates, scenario.n_features)[1],
    )


@dataclass(frozen=True, kw_only=True)
class Learned:
    """What one seed of one cell came to.

    Parameters
    ----------
    ndcg
        Of the mean weights, by sessions.
    served
        Of the lists that were really shown, exploration included, less that of RRF for the same
        searches; the mean so far, by sessions.
    """

    ndcg: Mapping[int, float]
    served: Mapping[int, float]


def run(
    scenario: Scenario,
    judge: Judge,
    clicks: Examination,
    query_power: float,
    make_engine: EngineMaker,
    *,
    seed: int,
    n_sessions: int,
) -> Learned:
    """Let simulated shoppers search, click and be learned from."""
    shoppers = Shoppers(judge.query_to_grades, clicks, seed=seed, query_power=query_power)
    rrf_to_beat = {
        query: judge.ndcg(query, fuse(candidates, rrf, np.ones(scenario.n_features)).document_ids)
        for query, candidates in scenario.query_to_candidates.items()
    }
    ndcg, served, gained = {}, {}, 0.0
    with closing(make_engine(scenario.features, np.random.default_rng([seed, 1]))) as engine:
        for session, query, document_ids in _sessions(engine, scenario, shoppers, n_sessions):
            gained += judge.ndcg(query, document_ids) - rrf_to_beat[query]
            if session in CHECKPOINTS:
                ndcg[session] = of_fusion(judge, scenario, learned, engine.mean_weights(Context()))
                served[session] = gained / session
    return Learned(ndcg=ndcg, served=served)


def run_drift(
    before: Scenario,
    after: Scenario,
    judge: Judge,
    make_engine: EngineMaker,
    *,
    seed: int,
    swap_after: int,
    n_sessions: int,
    every: int,
) -> list[float]:
    """Change the scenario after some sessions; give nDCG of the mean weights from then on."""
    shoppers = Shoppers(judge.query_to_grades, CLICKS["PBM 1/√r"], seed=seed)
    with closing(make_engine(before.features, np.random.default_rng([seed, 1]))) as engine:
        for _ in _sessions(engine, before, shoppers, swap_after):
            pass
        return [
            of_fusion(judge, after, learned, engine.mean_weights(Context()))
            for session, _, _ in _sessions(engine, after, shoppers, n_sessions)
            if session % every == 0
        ]


def run_segments(
    scenario: Scenario,
    judges: Mapping[str, Judge],
    segments: Sequence[Segment],
    make_engine: EngineMaker,
    *,
    seed: int,
    n_sessions: int,
    wrong_labels: float = 0.0,
) -> dict[int, float]:
    """Two kinds of people; what the mean weights of each user are worth to that user.

    Parameters
    ----------
    judges
        By the name of the segment whose tastes they have.
    wrong_labels
        Share of users of whom the engine is told the wrong segment.
    """
    any_judge = next(iter(judges.values()))
    shoppers = Shoppers(any_judge.query_to_grades, CLICKS["PBM 1/√r"], seed=seed, segments=segments)
    told = _labels(shoppers, segments, wrong_labels, np.random.default_rng([seed, 2]))
    found = {}
    with closing(make_engine(scenario.features, np.random.default_rng([seed, 1]))) as engine:
        for session, _, _ in _sessions(engine, scenario, shoppers, n_sessions, told):
            if session in CHECKPOINTS:
                found[session] = _worth_to_users(engine, scenario, judges, shoppers, told)
    return found


def _worth_to_users(
    engine: Engine,
    scenario: Scenario,
    judges: Mapping[str, Judge],
    shoppers: Shoppers,
    told: Mapping[str, str],
) -> float:
    known: dict[tuple[str, bytes], float] = {}
    total = 0.0
    for user_id, share in shoppers.user_to_share.items():
        segment = shoppers.segment_of(user_id).name
        weights = engine.mean_weights(Context(user_id, told[user_id]))
        key = segment, weights.tobytes()
        if key not in known:
            known[key] = of_fusion(judges[segment], scenario, learned, weights)
        total += share * known[key]
    return total


def _labels(
    shoppers: Shoppers, segments: Sequence[Segment], wrong: float, rng: np.random.Generator
) -> dict[str, str]:
    labels = {}
    for user_id in shoppers.user_to_share:
        right = shoppers.segment_of(user_id)
        others = [segment for segment in segments if segment is not right]
        labels[user_id] = (others[0] if rng.random() < wrong else right).name
    return labels


def _sessions(
    engine: Engine,
    scenario: Scenario,
    shoppers: Shoppers,
    n: int,
    told: Mapping[str, str] | None = None,
) -> Iterator[tuple[int, str, list[str]]]:
    """Search, click, and give the number of the session, its query and what was shown."""
    for session, visit in zip(range(1, n + 1), shoppers.visits(), strict=False):
        context = Context(visit.user_id, told[visit.user_id]) if told else Context()
        shown = engine.search(scenario.query_to_lists[visit.query], context)
        clicked = shoppers.clicks(visit, shown.document_ids)
        if clicked:
            engine.click(shown.token, clicked)
        yield session, visit.query, shown.document_ids
        if session % SESSIONS_A_DAY == 0:
            engine.next_day()


def two_tastes(scenario: Scenario, feature: str) -> list[Segment]:
    """People who like what a feature finds, and people who like the rest."""
    column = list(scenario.feature_to_lists).index(feature)
    query_to_scores: dict[str, dict[str, float]] = {
        query: dict(
            zip(
                candidates.document_ids,
                (candidates.levels[:, column] / SCALE).tolist(),
                strict=True,
            )
        )
        for query, candidates in scenario.query_to_candidates.items()
    }

    def like(query: str, document_id: str) -> float:
        return 0.15 + 0.85 * query_to_scores[query].get(document_id, 0.0)

    def like_others(query: str, document_id: str) -> float:
        return 1.0 - 0.85 * query_to_scores[query].get(document_id, 0.0)

    return [Segment(name="likes it", liking=like), Segment(name="likes others", liking=like_others)]
