"""A small shop with human judgments, and the searches that a fusion can choose from.

150 queries and 6,764 products of Amazon's ESCI data. The judgments say which products are exact
(grade 3), substitutes (2), complements (1) or irrelevant (0). ``query_id`` of a product would say
for which queries it was judged, and is not looked at.
"""

import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import bm25s
import numpy as np
from numpy.typing import NDArray

from desirepath.methods.fusion.candidates import FoundList

LIST_LENGTH = 100
DENSE_DIMENSIONS = 128
QueryToList = Mapping[str, FoundList]


@dataclass(frozen=True)
class Shop:
    """Products, queries and what each query's products are worth.

    Parameters
    ----------
    query_to_grades
        Grade of each judged product, 0 … 3.
    """

    products: Sequence[Mapping[str, Any]]
    query_to_grades: Mapping[str, Mapping[str, int]]

    @property
    def queries(self) -> list[str]:
        return list(self.query_to_grades)

    @cached_property
    def asins(self) -> list[str]:
        return [product["asin"] for product in self.products]

    @cached_property
    def title(self) -> QueryToList:
        return self._bm25(lambda product: product["title"])

    @cached_property
    def description(self) -> QueryToList:
        return self._bm25(lambda product: f"{product['description']} {product['bullet_points']}")

    @cached_property
    def brand(self) -> QueryToList:
        """Brand, colour and category."""
        return self._bm25(
            lambda product: " ".join(
                filter(None, [product["brand"], product["color"], *product["category"]])
            )
        )

    @cached_property
    def dense(self) -> QueryToList:
        """Cosines of reduced TF-IDF vectors of title and description: no exact words needed."""
        from sklearn.decomposition import TruncatedSVD  # takes seconds to import
        from sklearn.feature_extraction.text import TfidfVectorizer

        texts = [f"{product['title']} {product['description']}" for product in self.products]
        vectorizer = TfidfVectorizer(sublinear_tf=True, stop_words="english", min_df=2)
        svd = TruncatedSVD(DENSE_DIMENSIONS, random_state=0)
        documents = _unit(svd.fit_transform(vectorizer.fit_transform(texts)))
        queries = _unit(svd.transform(vectorizer.transform(self.queries)))
        return {
            query: self._best(documents @ vector)
            for query, vector in zip(self.queries, queries, strict=True)
        }

    def noise(self, others: Sequence[QueryToList], seed: int) -> QueryToList:
        """What the others found, in an order that means nothing."""
        rng = np.random.default_rng(seed)
        return self._reordered(others, lambda asins: rng.random(len(asins)))

    def popularity(self, others: Sequence[QueryToList]) -> QueryToList:
        """What the others found, in the order of how many people rated it."""
        asin_to_count = {product["asin"]: product["rating_count"] for product in self.products}

        def places(asins: list[str]) -> NDArray[np.float64]:
            counts = np.array([asin_to_count[asin] or 0 for asin in asins])
            return counts.argsort(kind="stable").argsort(kind="stable").astype(np.float64)

        return self._reordered(others, places)

    def _bm25(self, text_of: Callable[[Mapping[str, Any]], str]) -> QueryToList:
        index = bm25s.BM25()
        index.index(_words([text_of(product) for product in self.products]), show_progress=False)
        return {
            query: self._best(index.get_scores(words), above=0.0)
            for query, words in zip(self.queries, _words(self.queries), strict=True)
        }

    def _best(self, scores: NDArray[Any], above: float = -np.inf) -> FoundList:
        best = np.argsort(-scores, kind="stable")[:LIST_LENGTH]
        best = best[scores[best] > above]
        return FoundList(
            document_ids=[self.asins[row] for row in best],
            scores=scores[best].astype(float).tolist(),
        )

    def _reordered(
        self,
        others: Sequence[QueryToList],
        scores_of: Callable[[list[str]], NDArray[np.float64]],
    ) -> QueryToList:
        query_to_list = {}
        for query in self.queries:
            asins = sorted(set().union(*(other[query].document_ids for other in others)))
            scores = scores_of(asins)
            best = np.argsort(-scores, kind="stable")[:LIST_LENGTH]
            query_to_list[query] = FoundList(
                document_ids=[asins[row] for row in best], scores=scores[best].tolist()
            )
        return query_to_list


def read_shop(folder: Path) -> Shop:
    """Read ``products.jsonl.gz`` and ``judgments.tsv.gz``."""
    with gzip.open(folder / "products.jsonl.gz", "rt", encoding="utf-8") as lines:
        products = [json.loads(line) for line in lines]
    query_to_grades: dict[str, dict[str, int]] = {}
    with gzip.open(folder / "judgments.tsv.gz", "rt", encoding="utf-8") as lines:
        next(lines)
        for line in lines:
            query, asin, _, grade = line.rstrip("\n").split("\t")
            query_to_grades.setdefault(query, {})[asin] = int(grade)
    return Shop(products=products, query_to_grades=query_to_grades)


def _words(texts: list[str]) -> list[list[str]]:
    words: list[list[str]] = bm25s.tokenize(
        texts, stopwords="english", return_ids=False, show_progress=False
    )
    return words


def _unit(vectors: NDArray[Any]) -> NDArray[Any]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1.0))
