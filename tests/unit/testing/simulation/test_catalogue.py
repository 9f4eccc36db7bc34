"""The made-up catalogue: stable, well-formed, and worth learning from."""

from __future__ import annotations

import math

import numpy as np
import pytest

from desirepath.domain.document import read_document
from desirepath.testing.simulation.catalogue import (
    DIMENSION,
    FEATURES,
    Catalogue,
    Need,
    make_catalogue,
)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return make_catalogue()


def test_the_same_seed_is_the_same_catalogue(catalogue: Catalogue) -> None:
    again = make_catalogue()
    assert again.documents == catalogue.documents
    assert [(q.text, q.vector, q.grades) for q in again.queries] == [
        (q.text, q.vector, q.grades) for q in catalogue.queries
    ]
    assert make_catalogue(2).documents != catalogue.documents


def test_every_product_has_texts_fields_and_a_vector_of_unit_length(catalogue: Catalogue) -> None:
    for document in catalogue.documents:
        payload = document["payload"]
        assert list(payload) == [
            "title",
            "description",
            "tags",
            "brand",
            "category",
            "colour",
            "price",
            "rating",
            "released",
        ]
        assert payload["price"] > 0
        assert 1 <= payload["rating"] <= 5
        vector = document["vectors"]["purpose"]
        assert len(vector) == DIMENSION
        assert math.isclose(np.linalg.norm(vector), 1.0, abs_tol=1e-3)
    ids = {document["document_id"] for document in catalogue.documents}
    assert len(ids) == len(catalogue.documents) == 400


def test_every_query_has_something_just_right_among_the_products(catalogue: Catalogue) -> None:
    ids = {document["document_id"] for document in catalogue.documents}
    texts = [query.text for query in catalogue.queries]
    assert len(set(texts)) == len(texts)
    for query in catalogue.queries:
        assert max(query.grades.values()) == 3
        assert set(query.grades.values()) <= {1, 2, 3}
        assert query.grades.keys() <= ids
        assert len(query.vector) == DIMENSION


@pytest.mark.parametrize(("need", "least", "most"), [(Need.PURPOSE, 0.7, 1.0), (Need.NAME, 0, 0.3)])
def test_vectors_know_purposes_and_no_names(
    catalogue: Catalogue, need: Need, least: float, most: float
) -> None:
    """The share of the best four by vector that are worth something."""
    ids = [document["document_id"] for document in catalogue.documents]
    vectors = np.array([document["vectors"]["purpose"] for document in catalogue.documents])
    shares = []
    for query in catalogue.queries:
        if query.need is need:
            best = np.argsort(-(vectors @ np.array(query.vector)))[:4]
            shares.append(np.mean([ids[row] in query.grades for row in best]))
    assert least <= np.mean(shares) <= most


def test_features_are_those_that_documents_have(catalogue: Catalogue) -> None:
    document = catalogue.documents[0]
    for uri in FEATURES:
        kind, _, name = uri.partition("://")
        assert name in document["payload" if kind == "text" else "vectors"]


def test_the_documents_are_such_as_the_api_takes(catalogue: Catalogue) -> None:
    for document in catalogue.documents:
        draft, ignored = read_document(document)
        assert (draft.document_id, ignored) == (document["document_id"], ())
