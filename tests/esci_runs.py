"""Rankings of ESCI's products by words and by LSA, to be measured by its labels."""

from __future__ import annotations

import gzip
import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tests.esci_clicks import lsa_vectors

__all__ = ["Run", "bm25_run", "labels_of", "lsa_run"]

Run = Mapping[str, list[str]]
"""Documents by query, best first."""

_DEPTH = 100
_K1, _B = 1.2, 0.75


def labels_of(folder: Path) -> dict[str, dict[str, int]]:
    """Grade by product by query, from 0 to 3."""
    labels: dict[str, dict[str, int]] = {}
    with gzip.open(folder / "judgments.tsv.gz", "rt") as lines:
        next(lines)
        for line in lines:
            query, asin, _, grade = line.rstrip("\n").split("\t")
            labels.setdefault(query, {})[asin] = int(grade)
    return labels


def bm25_run(folder: Path) -> Run:
    """The first 100 by BM25 over titles. Python alone: the same everywhere."""
    with gzip.open(folder / "products.jsonl.gz", "rt") as lines:
        titles = {one["asin"]: _words(one["title"]) for one in map(json.loads, lines)}
    average = sum(map(len, titles.values())) / len(titles)
    postings: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for asin, words in titles.items():
        norm = _K1 * (1 - _B + _B * len(words) / average)
        for word, n in Counter(words).items():
            postings[word].append((asin, n * (_K1 + 1) / (n + norm)))
    run = {}
    for query in labels_of(folder):
        scores: dict[str, float] = defaultdict(float)
        for word in _words(query):
            found = postings[word]
            rarity = math.log(1 + (len(titles) - len(found) + 0.5) / (len(found) + 0.5))
            for asin, part in found:
                scores[asin] += rarity * part
        order = sorted(scores, key=lambda asin: (-round(scores[asin], 9), asin))
        run[query] = order[:_DEPTH]
    return run


def lsa_run(folder: Path) -> Run:
    """The first 100 by the cosine of 64 numbers of LSA."""
    products = lsa_vectors(folder)
    with gzip.open(folder / "products.jsonl.gz", "rt") as lines:
        asins = [json.loads(line)["asin"] for line in lines]
    norms = np.maximum(np.linalg.norm(products.documents, axis=1), 1e-12)
    run = {}
    for name, vector in zip(products.names, products.queries, strict=True):
        order = np.argsort(-(products.documents @ vector) / norms, kind="stable")[:_DEPTH]
        run[name] = [asins[row] for row in order.tolist()]
    return run


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())
