"""A small catalogue that is made up: products with texts, fields and vectors, and hidden worth.

Every product is good for some purposes; its vector says which, and its description hints at it.
The name of its line means nothing, though it may sound as if: a ``Winter`` need not be warm. Its
tags are stuffed with words that other products are searched by, as some sellers do.

So features differ in what they are good for. The title finds what is asked for by its name, and
misleads who describes a need. The vector is the other way round. The description is fair at both,
and the tags at neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

import numpy as np
from msgspec import Struct

from desirepath.methods.levels import FloatArray

__all__ = ["DIMENSION", "FEATURES", "Catalogue", "Need", "Query", "make_catalogue"]

DIMENSION = 16
"""Numbers of a vector."""

TITLE, DESCRIPTION, TAGS = "text://title", "text://description", "text://tags"
VECTOR = "vector://purpose"
FEATURES = (TITLE, DESCRIPTION, TAGS, VECTOR)
"""What a search of the shop can ask, in this order."""

_PURPOSES = {
    "rain": ("rain", "wet", "waterproof", "storm"),
    "cold": ("warm", "winter", "insulated", "frost"),
    "travel": ("travel", "light", "packable", "journey"),
    "city": ("city", "office", "smart", "commute"),
    "trail": ("trail", "mountain", "rugged", "hike"),
    "race": ("race", "fast", "breathable", "training"),
    "home": ("home", "soft", "relaxed", "evening"),
    "night": ("night", "reflective", "visible", "lamp"),
}
"""By purpose, the words for it."""

_BRANDS = ("Alvera", "Borrow", "Cindel", "Dunmark", "Esterly", "Fjoral", "Garrone", "Halden")
_LINES = ("Winter", "Storm", "Office", "Journey", "Race", "Evening", "Summit", "Harbour", "Meadow",
          "Lantern", "Frost", "Sprint", "Terrace", "Ridge", "Voyage", "Cotton")  # fmt: skip
_KINDS = ("jacket", "shoe", "backpack", "trousers", "hat", "gloves", "shirt", "bag")
_COLOURS = ("red", "green", "blue", "black", "sand", "white")
_FIRST_DAY = date(2024, 1, 1)

_N_PRODUCTS = 400
_N_QUERIES_OF_A_NEED = 60
_NOISE_OF_PRODUCT, _NOISE_OF_DESCRIPTION, _NOISE_OF_NAME = 0.3, 0.4, 1.5
_SHARES_OF_GRADES = ((3, 4), (2, 10), (1, 24))  # of a described need: grade, up to which place


class Need(StrEnum):
    """How people say what they look for."""

    NAME = "name"
    """By the name of a product, or what they remember of it."""
    PURPOSE = "purpose"
    """By what it is for."""


class Query(Struct, frozen=True, kw_only=True, eq=False):
    """Something to search for, and what is worth finding.

    Parameters
    ----------
    vector : length DIMENSION
        What an embedder would make of the text: good for purposes, bad for names.
    grades
        By document id, 3 (just right) to 1; what is not there is 0. Only shoppers know them.
    """

    text: str
    need: Need
    vector: Sequence[float]
    grades: Mapping[str, int]


class Catalogue(Struct, frozen=True, kw_only=True, eq=False):
    """All products, as they are upserted, and what people search for."""

    seed: int
    documents: Sequence[Mapping[str, Any]]
    queries: Sequence[Query]

    @property
    def query_to_grades(self) -> dict[str, Mapping[str, int]]:
        """By the text of the query."""
        return {query.text: query.grades for query in self.queries}


def make_catalogue(seed: int = 1) -> Catalogue:
    """Make it up; the same for the same seed.

    Examples
    --------
    >>> catalogue = make_catalogue()
    >>> len(catalogue.documents), len(catalogue.queries)
    (400, 120)
    >>> [round(number, 2) for number in catalogue.documents[0]["vectors"]["purpose"]][:2]
    [-0.08, -0.56]
    """
    return _Maker(seed).make()


class _Product(Struct, frozen=True, kw_only=True, eq=False):
    """What only the maker knows of a product: ``use`` is how good it is for each purpose."""

    document_id: str
    brand: str
    line: str
    kind: str
    colour: str
    use: FloatArray

    @property
    def title(self) -> str:
        return f"{self.brand} {self.line} {self.kind} {self.colour}"


class _Maker:
    """Draws everything from one seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._rng = np.random.default_rng(seed)
        # Purposes lie at right angles to each other, turned so that no single number is one.
        self._directions = np.linalg.qr(self._rng.standard_normal((DIMENSION, DIMENSION)))[0]

    def make(self) -> Catalogue:
        products = [self._product(number) for number in range(_N_PRODUCTS)]
        documents = [self._document(product) for product in products]
        queries = [*self._by_name(products), *self._by_purpose(products)]
        return Catalogue(seed=self._seed, documents=documents, queries=queries)

    # Products

    def _product(self, number: int) -> _Product:
        line = number // 8 % len(_LINES)
        return _Product(
            document_id=f"product-{number:03}",
            brand=_BRANDS[(line + number // 128) % len(_BRANDS)],
            line=_LINES[line],
            kind=_KINDS[number % len(_KINDS)],
            colour=self._one_of(_COLOURS),
            use=self._use(),
        )

    def _use(self) -> FloatArray:
        """Two or three purposes, of unit length."""
        use = np.zeros(len(_PURPOSES))
        purposes = self._rng.choice(len(use), self._rng.integers(2, 4), replace=False)
        use[purposes] = self._rng.uniform(0.3, 1.0, len(purposes))
        return _unit(use)

    def _document(self, product: _Product) -> dict[str, Any]:
        rng = self._rng
        day = _FIRST_DAY + timedelta(days=int(rng.integers(700)))
        return {
            "document_id": product.document_id,
            "vectors": {"purpose": self._vector(product.use, _NOISE_OF_PRODUCT)},
            "payload": {
                "title": product.title,
                "description": self._description(product),
                "tags": self._tags(),
                "brand": product.brand,
                "category": product.kind,
                "colour": product.colour,
                "price": round(float(rng.lognormal(4.0, 0.5)), 2),
                "rating": round(float(rng.uniform(2.5, 5.0)), 1),
                "released": day.isoformat(),
            },
        }

    def _description(self, product: _Product) -> str:
        words = self._words_for(product.use, 4, _NOISE_OF_DESCRIPTION)
        return (
            f"A {product.colour} {product.kind} by {product.brand}. Made with "
            f"{words[0]} and {words[1]} in mind; {words[2]}, {words[3]}."
        )

    def _tags(self) -> str:
        """Whatever others are searched by."""
        words = [word for words in _PURPOSES.values() for word in words]
        tags = [self._one_of(words) for _ in range(6)]
        tags += [self._one_of(_LINES) for _ in range(2)]
        tags += [self._one_of(_BRANDS), self._one_of(_KINDS), self._one_of(_KINDS)]
        return " ".join(tags).lower()

    # Queries

    def _by_name(self, products: Sequence[_Product]) -> list[Query]:
        chosen = self._rng.choice(len(products), _N_QUERIES_OF_A_NEED, replace=False)
        queries = {}
        for number in chosen.tolist():
            product = products[number]
            text = f"{product.brand} {product.line} {product.kind}".lower()
            queries[text] = Query(
                text=text,
                need=Need.NAME,
                vector=self._vector(product.use, _NOISE_OF_NAME),
                grades=_grades_of_name(product, products),
            )
        return list(queries.values())

    def _by_purpose(self, products: Sequence[_Product]) -> list[Query]:
        queries: dict[str, Query] = {}
        uses = np.array([product.use for product in products])
        while len(queries) < _N_QUERIES_OF_A_NEED:
            wanted = self._use()
            text = " ".join(self._words_for(wanted, 3, 0.0))
            best = np.argsort(-(uses @ wanted), kind="stable").tolist()
            queries[text] = Query(
                text=text,
                need=Need.PURPOSE,
                vector=self._vector(wanted, _NOISE_OF_PRODUCT),
                grades={
                    products[row].document_id: next(
                        grade for grade, last in _SHARES_OF_GRADES if place < last
                    )
                    for place, row in enumerate(best[: _SHARES_OF_GRADES[-1][1]])
                },
            )
        return list(queries.values())

    # Draws

    def _vector(self, use: FloatArray, noise: float) -> list[float]:
        plain = np.zeros(DIMENSION)
        plain[: len(use)] = use
        plain += self._rng.standard_normal(DIMENSION) * noise / np.sqrt(DIMENSION)
        return [round(number, 4) for number in _unit(self._directions @ plain).tolist()]

    def _words_for(self, use: FloatArray, n: int, noise: float) -> list[str]:
        """Different words for a use; with noise some are for other purposes."""
        shares = use**2 + noise / len(use)
        words: list[str] = []
        while len(words) < n:
            purpose = self._rng.choice(len(use), p=shares / shares.sum())
            word = self._one_of(list(_PURPOSES.values())[purpose])
            if word not in words:
                words.append(word)
        return words

    def _one_of(self, things: Sequence[str]) -> str:
        return things[int(self._rng.integers(len(things)))]


def _grades_of_name(wanted: _Product, products: Sequence[_Product]) -> dict[str, int]:
    """3: that product; 2: others of its brand and line; 1: others of its brand and kind."""
    grades = {}
    for product in products:
        same = (product.brand == wanted.brand, product.line == wanted.line)
        if all(same):
            grades[product.document_id] = 3 if product.kind == wanted.kind else 2
        elif product.brand == wanted.brand and product.kind == wanted.kind:
            grades[product.document_id] = 1
    return grades


def _unit(vector: FloatArray) -> FloatArray:
    return np.asarray(vector / np.linalg.norm(vector))
