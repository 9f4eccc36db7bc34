"""A filter picks the same documents on every database, in lists and in searches."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desirepath.domain.document import (
    Document,
    VectorIndex,
    as_float32,
    document_record,
    read_document_filter,
)
from desirepath.domain.filters import OPERATORS, compile_filter
from desirepath.storage.base import Storage
from desirepath.testing.examples import a_document
from tests.properties.test_filters_agree import (
    OTHER_OPERATORS,
    groups,
    ids,
    numbers,
    objects,
    plain,
    text_values,
    texts,
)

PATHS = (
    *("a", "b", "A", "a.b", "a.0", "é", "payload.a", "payload.b.a", "missing"),
    *("metadata.a", "metadata.b", "metadata.a.b", "document_id", "payload", "metadata"),
)
WORDS = ("red", "shoe", "hat", "é", "a")

documents = st.lists(
    st.builds(
        lambda id, payload, metadata, words, vector: a_document(
            document_id=id,
            payload=payload,
            metadata=metadata,
            text={"title": " ".join(words)},
            vectors={"v": as_float32(vector)},
        ),
        id=ids,
        payload=objects,
        metadata=objects,
        words=st.lists(st.sampled_from(WORDS), max_size=6),
        vector=st.tuples(st.sampled_from((1.0, 2.0, -1.0)), st.sampled_from((1.0, 0.0, 3.0))),
    ),
    min_size=1,
    max_size=10,
    unique_by=lambda document: document.document_id,
)


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a condition on a document: any path with any operator."""
    operator = draw(st.sampled_from(OPERATORS))
    operands = texts | numbers | plain
    if operator in ("exists", "is_null"):
        values: st.SearchStrategy[Any] = st.booleans()
    elif operator not in OTHER_OPERATORS:
        values = text_values.get(operator, texts)
    elif operator in ("in", "nin"):
        values = st.lists(operands, max_size=4)
    elif operator in ("eq", "ne"):
        values = operands
    else:
        values = operands.filter(lambda value: not isinstance(value, list | dict))
    node = {"field": draw(st.sampled_from(PATHS)), "operator": operator, "value": draw(values)}
    return node | ({"case_sensitive": True} if draw(st.booleans()) else {})


raw_filters = st.recursive(conditions(), groups, max_leaves=5)


@pytest.fixture(scope="module")
def namespaces() -> Iterator[int]:
    """Give numbers of namespaces that nothing was stored in."""
    return itertools.count(10)


def _passing(storage: Storage, namespace: int, raw: Any, stored: list[Document]) -> object:
    """What a filter lets through; fail unless that is what the evaluator accepts."""
    filter = read_document_filter(raw)
    if filter is None:
        return None
    holds = compile_filter(filter)
    matching = {one.document_id for one in stored if holds(document_record(one))}
    with storage.read() as session:
        index = session.documents
        listed = index.find(namespace, filter=filter, limit=100)
        passed = [one.document_id for one in listed if holds(document_record(one))]
        assert passed == sorted(matching, key=str.encode), ("lost", raw)
        if not index.is_narrowed(filter):
            assert len(listed) == len(stored), ("narrowed", raw)
        found = []
        for search in (
            partial(index.search_text, namespace, ["title"], "red shoe é"),
            partial(index.search_vector, namespace, "v", [1.0, 0.5]),
        ):
            everything = [id for id, _ in search(limit=100) if id in matching]
            for limit in (1, 100):
                hits = [id for id, _ in search(limit=limit, filter=filter)]
                assert hits == everything[:limit], (limit, raw)
            found.append(everything)
    return passed, found


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(stored=documents, raws=st.lists(raw_filters, min_size=4, max_size=16))
def test_any_filter_picks_the_same_documents(
    stored: list[Document],
    raws: list[Any],
    both_storages: dict[str, Storage],
    namespaces: Iterator[int],
) -> None:
    namespace = next(namespaces)
    answers = []
    for storage in both_storages.values():
        with storage.write() as session:
            if "title" not in session.documents.text_fields(namespace):
                filler = a_document(document_id="filler", text={"title": "red"})
                session.documents.upsert(namespace, [filler], text_fields=[])
                session.documents.delete(namespace, ["filler"])
            session.documents.define_vector(namespace, VectorIndex(name="v", dimension=2))
            session.documents.upsert(namespace, stored, text_fields=[])
        answers.append([_passing(storage, namespace, raw, stored) for raw in raws])
        with storage.write() as session:
            session.documents.clear(namespace)
    assert answers[0] == answers[1]
