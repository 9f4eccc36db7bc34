"""A simulation on real products: queries of people, turned by a known matrix, and clicks by labels.

Products and queries have LSA vectors. The engine ranks the judged products of a query by its vector
with noise, as of other features that are fused with it; people look at rank r with chance 1/r, and
click what they look at with a chance that grows with the human label.
"""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from msgspec import Struct

from desirepath.methods.adapters.linear import ClickedVectors, directions
from desirepath.methods.levels import FloatArray
from tests.turned_shop import Search
from tests.unit.methods.adapters.worlds import clicked_from, rotation

__all__ = ["Products", "clicks_in", "lsa_vectors", "searches_in", "turned"]

_CLICKS = np.array([0.05, 0.15, 0.3, 0.8])
"""By label, once it is looked at."""
_EXAMINED = 1.0 / np.arange(1, 11)


class Products(Struct, frozen=True, kw_only=True, eq=False):
    """ESCI's queries and products, with what people judged.

    Parameters
    ----------
    queries : shape (N, 64)
    documents : shape (M, 64)
    labels
        Of each query by row of a product, from 0 to 3.
    """

    names: list[str]
    titles: list[str]
    queries: FloatArray
    documents: FloatArray
    labels: list[dict[int, int]]


def lsa_vectors(folder: Path) -> Products:
    """Read the products and make their vectors; queries without a known word are left out."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    with gzip.open(folder / "products.jsonl.gz", "rt") as lines:
        products = [json.loads(line) for line in lines]
    row_of = {product["asin"]: row for row, product in enumerate(products)}
    labels: dict[str, dict[int, int]] = {}
    with gzip.open(folder / "judgments.tsv.gz", "rt") as lines:
        next(lines)
        for line in lines:
            query, asin, _, grade = line.rstrip("\n").split("\t")
            labels.setdefault(query, {})[row_of[asin]] = int(grade)
    words = TfidfVectorizer(sublinear_tf=True, stop_words="english")
    titles = [f"{one['title']} {one.get('brand') or ''}" for one in products]
    lsa = TruncatedSVD(64, random_state=0)
    documents = lsa.fit_transform(words.fit_transform(titles))
    names = sorted(labels)
    queries = lsa.transform(words.transform(names))
    known = np.flatnonzero(np.linalg.norm(queries, axis=1) > 1e-6).tolist()
    return Products(
        names=[names[row] for row in known],
        titles=titles,
        queries=queries[known],
        documents=documents,
        labels=[labels[names[row]] for row in known],
    )


def turned(products: Products, angle: float, rng: np.random.Generator) -> FloatArray:
    """The vectors that are searched with: those of the queries, turned by an angle."""
    return products.queries @ rotation(products.queries.shape[1], angle, rng).T


def searches_in(
    products: Products, searched: FloatArray, rng: np.random.Generator, n_each: int = 40
) -> Iterator[Search]:
    """Each query so many times."""
    scores = directions(searched) @ directions(products.documents).T
    for query, labels in enumerate(products.labels):
        judged = np.array(sorted(labels))
        for _ in range(n_each):
            noisy = scores[query, judged] + 0.1 * rng.standard_normal(len(judged))
            shown = judged[np.argsort(-noisy)[:10]]
            odds = _CLICKS[[labels[int(row)] for row in shown]] * _EXAMINED[: len(shown)]
            places = np.flatnonzero(rng.random(len(shown)) < odds)
            yield Search(query=query, shown=shown, places=places)


def clicks_in(
    products: Products, searched: FloatArray, searches: Iterable[Search]
) -> ClickedVectors:
    """What training sees of searches, the chances of looking known."""
    looked_at: dict[tuple[int, int], float] = defaultdict(float)
    clicks: dict[tuple[int, int], float] = defaultdict(float)
    for search in searches:
        for place, row in enumerate(search.shown.tolist()):
            looked_at[search.query, row] += float(_EXAMINED[place])
        for place in search.places.tolist():
            clicks[search.query, int(search.shown[place])] += 1.0
    return clicked_from(searched, products.documents, clicks, looked_at)
