"""What a trained ranker adds to a search: the same execute with and without its stage.

Another engine's 100 candidates of 2,000 products, ten of them shown, for 200 people who clicked
before, one search at a time. The ranker has 300 trees over 16 features of every kind: numbers and
dates of the documents, counters of documents and of pairs with the query, and what the person and
the session clicked. All trees are grown on noise, so that they split by every feature.
"""

import random
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np

from benchmarks.bench import BATCH, Bench, Summary
from benchmarks.report import Row, Target, at_most
from benchmarks.servers import Server
from benchmarks.serving import (
    BODIES,
    CATALOGUE,
    PATH,
    TOP_K,
    bodies_load,
    body_of,
    create_retriever,
    round_of,
    teach,
    write_bodies,
)
from desirepath.domain.artifact import ArtifactDraft
from desirepath.domain.ranking_features import FeatureLayout, boundary
from desirepath.engine.models import deploy_model, store_model
from desirepath.engine.ranker_files import RANKER, RankerParts, pack_ranker
from desirepath.methods.ranking.counters import CounterSnapshot
from desirepath.server import open_engine
from desirepath.settings import load_settings

URI = "mine://engine"
COLOURS = ("red", "blue", "green", "grey", "black", "white")
BRANDS = tuple(f"brand-{number}" for number in range(50))
QUERIES = tuple(f"query {number}" for number in range(100))
NAMES = (
    *("rank", "document_score", f"score:{URI}", "field:price", "field:rating", "age:made"),
    *("ctr", "ctr_of_pair", "popularity", "exposure", "days_since_click", "days_known"),
    *("user_affinity:brand", "user_affinity:colour"),
    *("session_affinity:brand", "session_affinity:colour"),
)
TREES, LEAVES = 300, 15


def rerank(bench: Bench) -> list[Row]:
    """Execute with a stage that orders 100 documents by a ranker, beside the same without it."""
    database = bench.new_sqlite()
    bodies = list(search_bodies())
    with bench.sqlite_server(database) as server:
        fill(server)
        create_retriever(server, [{"feature_uri": URI}])
        teach(server, bodies)
    store_ranker(database.url)
    with bench.sqlite_server(database) as server:
        create_ranked(server)
        file = write_bodies(bench, "reranked", bodies)
        paths = {"plain": PATH, "ranked": PATH.replace("bench", "ranked")}
        summaries = bench.interleave(
            {
                name: round_of(bench, server, bodies_load(server, path, file, 1))
                for name, path in paths.items()
            }
        )
    return [
        row(summaries, "p50", at_most(5)),
        row(summaries, "p99", at_most(12)),
    ]


def row(summaries: dict[str, Summary], quantile: str, target: Target) -> Row:
    """How much later the answer comes."""

    def milliseconds(name: str) -> float:
        return summaries[name].median(lambda result: float(getattr(result, f"{quantile}_ms")))

    return Row(
        what=f"a ranker orders {TOP_K} documents, added to execute, sqlite, {quantile}",
        unit="ms",
        value=milliseconds("ranked") - milliseconds("plain"),
        against=milliseconds("plain"),
        against_name="execute without it",
        target=target,
        faults=[text for name, one in summaries.items() for text in one.faults(name)],
        foreign_share=max(one.foreign_share for one in summaries.values()),
        detail={name: one.as_json() for name, one in summaries.items()},
    )


def fill(server: Server) -> None:
    rng = random.Random(9)
    documents = [
        {
            "document_id": f"product-{number:05}",
            "payload": {
                "title": f"Product {number}",
                "price": round(rng.random() * 100, 2),
                "rating": round(rng.random() * 5, 1),
                "made": f"20{rng.randrange(10, 26)}-0{rng.randrange(1, 10)}-1{rng.randrange(10)}",
                "brand": rng.choice(BRANDS),
                "colour": rng.sample(COLOURS, 2),
                "text": "words " * 50,
            },
        }
        for number in range(CATALOGUE)
    ]
    for start in range(0, len(documents), BATCH // 2):
        part = documents[start : start + BATCH // 2]
        server.call("POST", "/v1/namespaces/default/documents/upsert", {"documents": part})


def search_bodies() -> Iterator[dict[str, Any]]:
    rng = random.Random(10)
    for _ in range(BODIES):
        chosen = rng.sample(range(CATALOGUE), TOP_K)
        found = [
            {"document_id": f"product-{number:05}", "score": round(rng.random(), 6)}
            for number in chosen
        ]
        yield body_of(rng) | {"inputs": {"query": rng.choice(QUERIES)}, "candidates": {URI: found}}


def store_ranker(url: str) -> None:
    with closing(open_engine(load_settings({"database": url}, {}), migrate=True)) as engine:
        with engine.storage.read() as session:
            namespace = session.catalog.find_namespace("default")
            origin = boundary(session.now()) - 3_600_000_000
        assert namespace is not None
        draft = ArtifactDraft(kind=RANKER, name="best", manifest={}, files=files(origin))
        store_model(engine, namespace, draft)
        deploy_model(engine, namespace.number, "best")


def files(origin: int) -> dict[str, bytes]:
    """A ranker that learned nothing; what was clicked, serving reads from the log."""
    import lightgbm

    rng = np.random.default_rng(11)
    values, labels = rng.normal(size=(5_000, len(NAMES))), rng.normal(size=5_000)
    parameters = {"objective": "regression", "num_leaves": LEAVES, "verbosity": -1, "seed": 1}
    trees = lightgbm.train(parameters, lightgbm.Dataset(values, labels), TREES)
    shares = {"brand": dict.fromkeys(BRANDS, 1 / 50), "colour": dict.fromkeys(COLOURS, 1 / 3)}
    none, never = np.zeros(0), np.zeros(0, np.int64)
    keys = np.zeros(0, np.uint64)
    return pack_ranker(
        RankerParts(
            trees=str(trees.model_to_string()),
            layout=FeatureLayout(names=NAMES, value_shares=shares),
            counters=CounterSnapshot(
                origin=origin,
                keys=keys,
                exposed=none,
                clicks=none,
                first_at=never,
                last_click=never,
                pair_keys=keys,
                pair_exposed=none,
                pair_clicks=none,
            ),
        )
    )


def create_ranked(server: Server) -> None:
    search = {
        "stage_id": "feature_search",
        "parameters": {
            "searches": [{"feature_uri": URI}],
            "fusion": "learned",
            "final_top_k": TOP_K,
        },
    }
    rerank = {"stage_id": "rerank", "parameters": {"inference_name": "best", "max_candidates": 100}}
    stages = [
        {"stage_name": "search", "config": search},
        {"stage_name": "rerank", "config": rerank},
    ]
    server.call("POST", "/v1/retrievers", {"retriever_name": "ranked", "stages": stages})
