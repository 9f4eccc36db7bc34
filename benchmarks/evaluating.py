"""How long an evaluation takes: 1,000 judged queries over the products of Amazon's ESCI labels.

The searches are those of ``search``: words in two fields and vectors of 256 numbers, fused by the
mean of learned weights. The 150 queries of the labels are taken again and again, with all metrics
at four cutoffs, and the result is stored. Beside it stand the same bare searches by themselves, in
the same process, without fusion and measures.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from statistics import median
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.bench import BATCH, Bench
from benchmarks.report import Row, at_most
from benchmarks.serving import TOP_K, text, vector
from benchmarks.text_relevance import DATA, Judged
from benchmarks.text_relevance import load as load_judged
from benchmarks.vector_search import embed
from desirepath.api.in_process import Desirepath
from desirepath.domain.evaluation import METRICS, EvaluationConfig
from desirepath.domain.judgment import JudgedQuery, Judgment
from desirepath.engine.datasets import find_dataset, store_dataset
from desirepath.engine.engine import Engine
from desirepath.engine.evaluating.running import evaluate_and_store
from desirepath.engine.retrievers import find_retriever
from desirepath.server import open_engine
from desirepath.settings import load_settings
from desirepath.storage.base import Namespace

QUERIES = 1_000
CONFIG = EvaluationConfig(metrics=METRICS)


def evaluate(bench: Bench) -> list[Row]:
    """Evaluate a retriever by 1,000 queries, beside the searches alone."""
    if not DATA.is_dir():
        bench.note(f"evaluate: the ESCI sample is not in {DATA}")
        return []
    judged = load_judged()
    products, vectors = embed(judged, np.random.default_rng(1))
    queries = list(itertools.islice(_queries(judged, vectors), QUERIES))
    cpu_seconds = []
    with _opened(bench.new_sqlite().url) as (engine, namespace):
        _fill(engine, namespace, judged, products, queries)
        pairs = []
        with machine.watch_foreign([]) as foreign:
            for _ in range(bench.sizes.rounds):
                bare_seconds, began = _bare_seconds(engine, queries), time.process_time()
                pairs.append((bare_seconds, _seconds(engine, namespace)))
                cpu_seconds.append(time.process_time() - began)
    bare, evaluated = (median(seconds) for seconds in zip(*pairs, strict=True))
    bench.say(f"  {median(cpu_seconds):.1f} s of processor time")
    return [
        Row(
            what=f"evaluate {QUERIES:,} queries, {len(judged.products):,} products, sqlite",
            unit="s",
            value=evaluated,
            against=bare,
            against_name="bare searches",
            target=at_most(30),
            foreign_share=foreign.share,
            detail={"rounds": pairs, "cpu_seconds": cpu_seconds},
        )
    ]


@contextmanager
def _opened(url: str) -> Iterator[tuple[Engine, Namespace]]:
    with closing(open_engine(load_settings({"database": url}, {}), migrate=True)) as engine:
        namespace = engine.directory.namespace("default")
        assert namespace is not None
        yield engine, namespace


def _queries(judged: Judged, vectors: Any) -> Iterator[JudgedQuery]:
    asked = list(zip(judged.grades, vectors.round(4).tolist(), strict=True))
    for number in itertools.count():
        words, numbers = asked[number % len(asked)]
        yield JudgedQuery(
            query_id=f"query {number}",
            query_input={"query": words, "vector": numbers},
            judgments=tuple(
                Judgment(document_id=id, is_relevant=grade > 0, grade=grade)
                for id, grade in judged.grades[words].items()
            ),
        )


def _fill(
    engine: Engine,
    namespace: Namespace,
    judged: Judged,
    products: Any,
    queries: Sequence[JudgedQuery],
) -> None:
    here = Desirepath(engine)
    documents = [
        {"document_id": id, "payload": dict(judged.products[id]), "vectors": {"image": numbers}}
        for id, numbers in zip(sorted(judged.products), products.round(4).tolist(), strict=True)
    ]
    for start in range(0, len(documents), BATCH):
        here.documents.upsert(documents[start : start + BATCH])
    searches = [text("title"), text("text"), vector("image")]
    parameters = {"searches": searches, "fusion": "learned"}
    config = {"stage_id": "feature_search", "parameters": parameters}
    here.retrievers.create("bench", stages=[{"stage_name": "search", "config": config}])
    store_dataset(engine, namespace, "bench", queries)


def _seconds(engine: Engine, namespace: Namespace) -> float:
    began = time.perf_counter()
    retriever = find_retriever(engine, namespace.number, "bench")
    dataset = find_dataset(engine, namespace.number, "bench")
    _, result = evaluate_and_store(engine, namespace, retriever, dataset, CONFIG)
    assert result.n_evaluated == QUERIES
    return time.perf_counter() - began


def _bare_seconds(engine: Engine, queries: Sequence[JudgedQuery]) -> float:
    began = time.perf_counter()
    for query in queries:
        words, numbers = query.query_input["query"], query.query_input["vector"]
        with engine.storage.read() as session:
            session.documents.search_text(1, ("title",), words, TOP_K)
            session.documents.search_text(1, ("text",), words, TOP_K)
            session.documents.search_vector(1, "image", numbers, TOP_K)
    return time.perf_counter() - began
