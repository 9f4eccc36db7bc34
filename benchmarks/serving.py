"""The cases of serving: searches of the built-in index, and candidates of other engines.

Searches are those of Amazon's ESCI labels over its 6,764 products, by words in two fields and by
vectors of 256 numbers (random directions of their words, weighted by how rare they are), fused with
learned weights and logged durably; 200 people searched before, and clicked.
"""

import json
import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bench import BATCH, INTERACTIONS, Bench, FixedSource, Summary
from benchmarks.load import Load, seed
from benchmarks.report import Row, at_least, at_least_times, at_most
from benchmarks.servers import HOST, DesirepathServer, Server
from benchmarks.text_relevance import Judged
from benchmarks.text_relevance import load as load_judged
from benchmarks.vector_search import embed

SEARCHERS = 200
BODIES = 2_000
TOP_K = 100
PAGE = 10
FEATURES = 3
CATALOGUE = 2_000
CONNECTIONS = 8
CANDIDATE_CONNECTIONS = 16
PATH = "/v1/retrievers/bench/execute"


class BareServer(DesirepathServer):
    """``bare_search_app`` under uvicorn with uvloop and httptools, one process."""

    def command(self) -> list[str]:
        return [self.python, "-m", "uvicorn", "--factory", "benchmarks.bare_search_app:create_app",
                "--host", HOST, "--port", str(self.port), "--loop", "uvloop", "--http", "httptools",
                "--no-access-log", "--log-level", "info"]  # fmt: skip

    def environment(self) -> dict[str, str]:
        return {"BARE_DATABASE": self.database}

    def is_ready(self) -> bool:
        return "Application startup complete" in self.log.read_text()


def search(bench: Bench) -> list[Row]:
    """Execute by two text fields and a vector, learned and logged, beside the bare searches."""
    database = bench.new_sqlite()
    judged = load_judged()
    products, queries = embed(judged, np.random.default_rng(1))
    with bench.sqlite_server(database) as server:
        fill_catalogue(server, judged, products)
        create_retriever(server, [text("title"), text("text"), vector("image")])
        bodies = list(search_bodies(judged, queries))
        teach(server, bodies)
    file = write_bodies(bench, "searches", bodies)
    with ExitStack() as stack:
        bare_folder = bench.new_folder()
        bare_folder.mkdir()
        bare = BareServer(bare_folder, bench.key, bench.pythons.desirepath, database.url)
        stack.enter_context(bare)
        served = stack.enter_context(bench.sqlite_server(database))
        summaries = bench.interleave(
            {
                "bare": round_of(bench, bare, bodies_load(bare, "/", file, CONNECTIONS)),
                "execute": round_of(bench, served, bodies_load(served, PATH, file, CONNECTIONS)),
            }
        )
    what = f"execute, {len(judged.products):,} products, BM25 on two fields and a vector, sqlite"
    return [
        row(what, "searches/s", rate, summaries, at_least_times(0.6)),
        row(f"{what}, {CONNECTIONS} at a time, p99", "ms", p99, summaries, at_most(60)),
    ]


def candidates(bench: Bench) -> list[Row]:
    """Execute with the candidates of three other engines, 100 each, learned and logged."""
    database = bench.new_sqlite()
    bodies = list(candidate_bodies())
    with bench.sqlite_server(database) as server:
        create_retriever(server, [{"feature_uri": f"mine://{n}"} for n in range(FEATURES)])
        teach(server, bodies)
        path = write_bodies(bench, "candidates", bodies)
        sent = bodies_load(server, PATH, path, CANDIDATE_CONNECTIONS)
        summaries = bench.interleave({"execute": round_of(bench, server, sent)})
    what = f"execute with candidates, {FEATURES} x {TOP_K}, sqlite"
    return [
        row(what, "searches/s", rate, summaries, at_least(1_500)),
        row(f"{what}, {CANDIDATE_CONNECTIONS} at a time, p99", "ms", p99, summaries, at_most(25)),
    ]


def rate(summary: Summary) -> float:
    return summary.median(lambda result: result.requests_per_second)


def p99(summary: Summary) -> float:
    return summary.median(lambda result: result.p99_ms)


def row(what: str, unit: str, measure: Any, summaries: Any, target: Any) -> Row:
    """One figure of executing, beside that of the bare searches if they took part."""
    summary, bare = summaries["execute"], summaries.get("bare")
    return Row(
        what=what,
        unit=unit,
        value=measure(summary),
        against=None if bare is None else measure(bare),
        against_name="bare searches",
        target=target,
        faults=[text for name, one in summaries.items() for text in one.faults(name)],
        foreign_share=max(one.foreign_share for one in summaries.values()),
        detail={name: one.as_json() for name, one in summaries.items()},
    )


def round_of(bench: Bench, server: Server, load: Load) -> Any:
    return partial(bench.warm_and_measure, server, FixedSource(fixed=load))


def bodies_load(server: Server, path: str, bodies: Path, connections: int) -> Load:
    return Load(
        url=server.url + path,
        script="lines.lua",
        arguments=(str(bodies), "POST", server.key, seed()),
        connections=connections,
    )


def write_bodies(bench: Bench, name: str, bodies: Sequence[dict[str, Any]]) -> Path:
    path = bench.folder / f"{name}.jsonl"
    path.write_text("".join(json.dumps(body, separators=(",", ":")) + "\n" for body in bodies))
    return path


# --- what is searched


def text(field: str) -> dict[str, Any]:
    return {"feature_uri": f"text://{field}", "query": "{{INPUT.query}}", "top_k": TOP_K}


def vector(index: str) -> dict[str, Any]:
    query = {"input_mode": "vector", "value": "{{INPUT.vector}}"}
    return {"feature_uri": f"vector://{index}", "query": query, "top_k": TOP_K}


def create_retriever(server: Server, searches: Sequence[dict[str, Any]]) -> None:
    parameters = {"searches": searches, "fusion": "learned"}
    config = {"stage_id": "feature_search", "parameters": parameters}
    body = {"retriever_name": "bench", "stages": [{"stage_name": "search", "config": config}]}
    server.call("POST", "/v1/retrievers", body)


def fill_catalogue(server: Server, judged: Judged, products: Any) -> None:
    documents = [
        {"document_id": id, "payload": dict(judged.products[id]), "vectors": {"image": numbers}}
        for id, numbers in zip(sorted(judged.products), products.round(4).tolist(), strict=True)
    ]
    for start in range(0, len(documents), BATCH // 4):
        part = documents[start : start + BATCH // 4]
        server.call("POST", "/v1/namespaces/default/documents/upsert", {"documents": part})


def search_bodies(judged: Judged, queries: Any) -> Iterator[dict[str, Any]]:
    rng = random.Random(6)
    asked = list(zip(judged.grades, queries.round(4).tolist(), strict=True))
    for number in range(BODIES):
        query, numbers = asked[number % len(asked)]
        yield body_of(rng) | {"inputs": {"query": query, "vector": numbers}}


def candidate_bodies() -> Iterator[dict[str, Any]]:
    rng = random.Random(7)
    names = [f"product-{number:05}" for number in range(CATALOGUE)]
    for _ in range(BODIES):
        lists = {
            f"mine://{feature}": [
                {"document_id": id, "score": round(rng.random(), 6)}
                for id in rng.sample(names[: 2 * TOP_K], TOP_K)
            ]
            for feature in range(FEATURES)
        }
        yield body_of(rng) | {"candidates": lists}


def body_of(rng: random.Random) -> dict[str, Any]:
    searcher = rng.randrange(SEARCHERS)
    return {"user_id": f"user-{searcher}", "session_id": f"session-{searcher}", "limit": PAGE}


def teach(server: Server, bodies: Sequence[dict[str, Any]]) -> None:
    """Search for everybody once, and click, so that there is something to learn from."""
    rng = random.Random(8)
    for body in bodies[: 2 * SEARCHERS]:
        answer = server.call("POST", PATH, body)
        shown = [document["document_id"] for document in answer["documents"]]
        if not shown:
            continue
        position = rng.randrange(len(shown))
        click = {
            "feature_id": shown[position],
            "interaction_type": ["click"],
            "position": position,
            "execution_id": answer["execution_id"],
            "user_id": body["user_id"],
            "session_id": body["session_id"],
        }
        server.call("POST", INTERACTIONS, click)
