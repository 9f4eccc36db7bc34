"""How quick vector search is, and how much of the nearest it finds.

``python -m benchmarks.vector_search [--data FOLDER] [--copies N]``: the products of ESCI as vectors
of 256 numbers (their words' random directions, weighted by how rare they are), each also as N - 1
noisy copies; 150 queries made likewise. Recall is against an exact scan by NumPy.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from statistics import fmean, median

import numpy as np
import numpy.typing as npt

from benchmarks.text_relevance import DATA, Judged, databases, load
from desirepath.domain.clock import SystemClock
from desirepath.domain.document import Document, VectorIndex, as_float32, read_document_filter
from desirepath.domain.words import search_words
from desirepath.storage.base import Storage
from desirepath.storage.postgres.storage import PostgresStorage
from desirepath.storage.sqlite.storage import SqliteStorage

DIMENSION = 256
DEPTH = 10
NOISE = 0.3
FILTER = {"kind": "rare"}
RARE = 0.05

Vectors = npt.NDArray[np.float64]
Search = Callable[[Sequence[float]], list[tuple[str, float]]]


def embed(judged: Judged, rng: np.random.Generator) -> tuple[Vectors, Vectors]:
    """Vectors of the products, in the order of their ids, and of the queries."""
    texts = [" ".join(judged.products[id].values()) for id in sorted(judged.products)]
    words = [search_words(text) for text in texts]
    n_texts = Counter(word for said in words for word in set(said))
    known = {word: n for n, word in enumerate(n_texts)}
    directions = rng.normal(size=(len(known), DIMENSION))
    weights = np.array([math.log(len(words) / n) for n in n_texts.values()])

    def vector(said: Sequence[str]) -> Vectors:
        numbers = [known[word] for word in said if word in known]
        total: Vectors = (weights[numbers, None] * directions[numbers]).sum(axis=0)
        return total if np.linalg.norm(total) else rng.normal(size=DIMENSION)

    queries = [vector(search_words(query)) for query in judged.grades]
    return _unit(np.array([vector(said) for said in words])), _unit(np.array(queries))


def _unit(vectors: Vectors) -> Vectors:
    lengths: Vectors = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / lengths


def store(storage: Storage, vectors: Vectors, rng: np.random.Generator) -> None:
    """Store documents that have nothing but a vector, and a kind that one in twenty shares."""
    with storage.write() as session:
        session.documents.define_vector(1, VectorIndex(name="v", dimension=DIMENSION))
    kinds = rng.random(len(vectors)) < RARE
    documents = [
        Document(
            document_id=str(number),
            payload={"kind": "rare" if kinds[number] else "common"},
            vectors={"v": as_float32(vector.tolist())},
            created_at=0,
            updated_at=0,
        )
        for number, vector in enumerate(vectors)
    ]
    started = time.perf_counter()
    for start in range(0, len(documents), 1000):
        with storage.write() as session:
            session.documents.upsert(1, documents[start : start + 1000], text_fields=[])
    print(f"  stored at {len(vectors) / (time.perf_counter() - started):,.0f} documents/s")


def measure(name: str, search: Search, queries: Vectors, nearest: Sequence[set[str]]) -> None:
    """Print how long a search took, and the share of the nearest that it found."""
    seconds, recalls = [], []
    for query, expected in zip(queries, nearest, strict=True):
        wanted = query.tolist()
        started = time.perf_counter()
        found = search(wanted)
        seconds.append(time.perf_counter() - started)
        recalls.append(len(expected & {id for id, _ in found}) / max(len(expected), 1))
    seconds.sort()
    slow = seconds[int(0.95 * len(seconds))]
    print(
        f"  {name:22} median {1000 * median(seconds):7.2f} ms   p95 {1000 * slow:7.2f} ms   "
        f"recall@{DEPTH} {fmean(recalls):.3f}",
        flush=True,
    )


def of_storage(storage: Storage, raw_filter: Mapping[str, str] | None = None) -> Search:
    """Search a database, perhaps with a filter."""
    filter = read_document_filter(raw_filter)

    def search(vector: Sequence[float]) -> list[tuple[str, float]]:
        with storage.read() as session:
            return session.documents.search_vector(1, "v", vector, DEPTH, filter)

    return search


def open_it(url: str, *, extension: bool) -> Storage:
    if url.startswith("sqlite"):
        return SqliteStorage(url, SystemClock(), migrate=True, vector_extension=extension)
    return PostgresStorage(url, migrate=True, vector_extension=extension)


def main() -> int:
    """Print a line for each way to search."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.vector_search")
    parser.add_argument("--data", type=Path, default=DATA, metavar="FOLDER")
    parser.add_argument("--copies", type=int, default=3, metavar="N")
    options = parser.parse_args()
    rng = np.random.default_rng(1)
    products, queries = embed(load(options.data), rng)
    spread = NOISE / math.sqrt(DIMENSION)
    copies = [rng.normal(products, spread) for _ in range(1, options.copies)]
    vectors = _unit(np.concatenate([products, *copies]))
    print(f"{len(vectors):,} vectors of {DIMENSION} numbers, {len(queries)} queries; numpy seed 1")
    order = np.argsort(-(queries @ vectors.T), axis=1)
    nearest = [{str(number) for number in row[:DEPTH]} for row in order]
    with databases() as name_to_url:
        for name, url in name_to_url.items():
            print(name)
            kinds = np.random.default_rng(2)
            with closing(open_it(url, extension=True)) as storage:
                store(storage, vectors, kinds)
                measure("with the extension", of_storage(storage), queries, nearest)
                rare = np.random.default_rng(2).random(len(vectors)) < RARE
                filtered = [{str(n) for n in [n for n in row if rare[n]][:DEPTH]} for row in order]
                measure("1 in 20 by a filter", of_storage(storage, FILTER), queries, filtered)
            with closing(open_it(url, extension=False)) as storage:
                measure("without the extension", of_storage(storage), queries, nearest)
    return 0


if __name__ == "__main__":
    sys.exit(main())
