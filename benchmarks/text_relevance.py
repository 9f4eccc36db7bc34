"""How good text search is: nDCG@10 on judged product searches, beside a BM25 library.

``python -m benchmarks.text_relevance [--data FOLDER]`` on Amazon's ESCI labels, a small part of
them. Title and text (description and bullet points) are two fields whose scores are added, in the
databases and in the library, which gets its words divided and stemmed alike.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from statistics import fmean, median
from typing import Any

import bm25s
import numpy as np
import numpy.typing as npt
from msgspec import Struct
from snowballstemmer import stemmer

from benchmarks import postgres
from desirepath.domain.clock import SystemClock
from desirepath.domain.document import Document
from desirepath.domain.words import search_words
from desirepath.storage.base import Storage
from desirepath.storage.open import open_storage

__all__ = [
    "FIELDS",
    "MOST_APART",
    "Judged",
    "Search",
    "databases",
    "library",
    "load",
    "ndcg",
    "of_storage",
    "store",
]

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "esci_small"
FIELDS = ("title", "text")
DEPTH = 10
MOST_APART = 0.02
K1, B = 1.2, 0.75

Search = Callable[[str], Sequence[str]]
"""From a query to document ids, best first."""


class Judged(Struct, frozen=True, kw_only=True):
    """Products by id, and grades (0 to 3) by query and product."""

    products: Mapping[str, Mapping[str, str]]
    grades: Mapping[str, Mapping[str, int]]


def load(folder: Path = DATA) -> Judged:
    """Read the products and their labels, but for ``query_id``, which gives labels away."""
    products = {}
    with gzip.open(folder / "products.jsonl.gz", "rt") as lines:
        for line in lines:
            row = json.loads(line)
            text = "\n".join(filter(None, (row.get("description"), _joined(row["bullet_points"]))))
            products[row["asin"]] = {"title": row["title"] or "", "text": text}
    grades: dict[str, dict[str, int]] = {}
    with gzip.open(folder / "judgments.tsv.gz", "rt") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            grades.setdefault(row["query"], {})[row["asin"]] = int(row["grade"])
    return Judged(products=products, grades=grades)


def _joined(value: object) -> str:
    return "\n".join(value) if isinstance(value, list) else str(value or "")


def ndcg(found: Sequence[str], grades: Mapping[str, int]) -> float:
    """nDCG@10 with gains 2^grade - 1 and discounts log2(rank + 1); what is not judged gains 0.

    >>> ndcg(["b", "a"], {"a": 1, "b": 3})
    1.0
    """
    best = sorted(grades.values(), reverse=True)
    ideal = _dcg(best)
    return _dcg([grades.get(id, 0) for id in found]) / ideal if ideal else 0.0


def _dcg(grades: Sequence[int]) -> float:
    return math.fsum((2**grade - 1) / math.log2(n + 2) for n, grade in enumerate(grades[:DEPTH]))


def store(storage: Storage, judged: Judged, namespace: int = 1) -> None:
    """Store the products, a thousand at a time."""
    documents = [
        Document(document_id=id, payload=dict(fields), created_at=0, updated_at=0)
        for id, fields in judged.products.items()
    ]
    for start in range(0, len(documents), 1000):
        with storage.write() as session:
            part = documents[start : start + 1000]
            session.documents.upsert(namespace, part, text_fields=FIELDS)


def of_storage(storage: Storage, namespace: int = 1) -> Search:
    """Search a database."""

    def search(query: str) -> Sequence[str]:
        with storage.read() as session:
            hits = session.documents.search_text(namespace, FIELDS, query, DEPTH)
        return [id for id, _ in hits]

    return search


def library(judged: Judged) -> Search:
    """Search with bm25s: the same words, Porter's stems, k1 and b, and the same sum."""
    stem = cache(stemmer("porter").stemWord)

    def words(text: str) -> list[str]:
        return [stem(word) for word in search_words(text)]

    ids = np.array(sorted(judged.products))
    indexes = []
    for field in FIELDS:
        index = bm25s.BM25(k1=K1, b=B, method="lucene")
        index.index([words(judged.products[id][field]) for id in ids], show_progress=False)
        indexes.append(index)

    def search(query: str) -> Sequence[str]:
        wanted = list(dict.fromkeys(words(query)))
        scores = np.sum([_scores(index, wanted) for index in indexes], axis=0)
        best = np.argsort(-scores, kind="stable")[:DEPTH]  # equal scores by id
        return [str(ids[n]) for n in best if scores[n] > 0]

    return search


def _scores(index: Any, words: Sequence[str]) -> npt.NDArray[np.float64]:
    known = [word for word in words if word in index.vocab_dict]
    if not known:
        return np.zeros(index.scores["num_docs"])
    return np.asarray(index.get_scores(known), np.float64)


def measure(name: str, search: Search, judged: Judged) -> float:
    """Print mean nDCG@10 over all queries and how long a search took."""
    values, seconds = [], []
    for query, grades in judged.grades.items():
        started = time.perf_counter()
        found = search(query)
        seconds.append(time.perf_counter() - started)
        values.append(ndcg(found, grades))
    seconds.sort()
    slow = seconds[int(0.95 * len(seconds))]
    print(
        f"{name:12} nDCG@{DEPTH} {fmean(values):.4f}   "
        f"median {1000 * median(seconds):6.2f} ms   p95 {1000 * slow:6.2f} ms",
        flush=True,
    )
    return fmean(values)


@contextmanager
def databases() -> Iterator[Mapping[str, str]]:
    """Name and URL of an empty database of each kind."""
    with (
        tempfile.TemporaryDirectory(prefix="desirepath-bench-") as folder,
        postgres.running(Path(folder)) as server,
    ):
        name_to_url = {"sqlite": f"sqlite:///{folder}/documents.db"}
        yield name_to_url | {"postgresql": server.create("documents")}


def main() -> int:
    """Print a line for each; 1 when SQLite is further than 0.02 below the library."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.text_relevance")
    parser.add_argument("--data", type=Path, default=DATA, metavar="FOLDER")
    judged = load(parser.parse_args().data)
    print(f"{len(judged.products):,} products, {len(judged.grades)} queries", flush=True)
    values = {"bm25s": measure("bm25s", library(judged), judged)}
    with databases() as name_to_url:
        for name, url in name_to_url.items():
            with closing(open_storage(url, SystemClock(), migrate=True)) as storage:
                started = time.perf_counter()
                store(storage, judged)
                rate = len(judged.products) / (time.perf_counter() - started)
                values[name] = measure(name, of_storage(storage), judged)
                print(f"{'':12} stored at {rate:,.0f} documents/s", flush=True)
    return 0 if values["sqlite"] >= values["bm25s"] - MOST_APART else 1


if __name__ == "__main__":
    sys.exit(main())
