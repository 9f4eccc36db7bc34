"""Which executions are accepted, and what is made of them."""

from __future__ import annotations

from typing import Any

import pytest

from desirepath.domain.execution import MAX_DOCUMENTS, ExecutionDraft, read_execution
from desirepath.domain.ids import time_of
from desirepath.errors import InvalidExecution
from desirepath.testing.examples import an_execution

DOCUMENT: dict[str, Any] = {
    "document_id": "doc_1",
    "score": 1.5,
    "scores": {"text://title": 2.0},
    "features": {"price": 9.99},
}
SEARCH: dict[str, Any] = {"documents": [{"document_id": "doc_1"}, {"document_id": "doc_2"}]}
FULL: dict[str, Any] = {
    "documents": [DOCUMENT],
    "execution_id": "e",
    "inputs": {"query": "shoes"},
    "user_id": "u",
    "session_id": "s",
    "configuration": "engine 1.2",
    "metadata": {"device": "phone"},
    "offset": 10,
    "total": 1234,
    "occurred_at": "2026-01-31T12:00:00",
}


def read(plain: object, **options: bool) -> ExecutionDraft:
    draft, ignored = read_execution(plain, **options)
    assert ignored == ()
    return draft


def refusal(plain: object) -> InvalidExecution:
    with pytest.raises(InvalidExecution) as caught:
        read_execution(plain)
    return caught.value


def with_document(**changes: Any) -> dict[str, Any]:
    return {"documents": [DOCUMENT | changes]}


def test_documents_are_enough() -> None:
    draft = read(SEARCH)
    assert [document.document_id for document in draft.documents] == ["doc_1", "doc_2"]
    assert (draft.offset, draft.total, draft.occurred_at_us) == (0, None, None)


def test_every_field_is_read() -> None:
    draft = read(FULL)
    for name in set(FULL) - {"documents"}:
        assert getattr(draft, name) == FULL[name]
    (document,) = draft.documents
    for name, value in DOCUMENT.items():
        assert getattr(document, name) == value
    assert draft.occurred_at_us == 1_769_860_800_000_000


def test_an_empty_list_is_a_search_without_results() -> None:
    assert read({"documents": []}).documents == []


@pytest.mark.parametrize("plain", [{}, {"documents": None}, {"documents": {}}, None, [], "x"])
def test_documents_must_be_there(plain: object) -> None:
    refusal(plain)


def test_there_are_at_most_ten_thousand_documents() -> None:
    documents = [{"document_id": str(number)} for number in range(MAX_DOCUMENTS + 1)]
    assert len(read({"documents": documents[:-1]}).documents) == MAX_DOCUMENTS == 10_000
    assert refusal({"documents": documents}).location == ("documents",)


def test_a_document_is_listed_once() -> None:
    documents = [{"document_id": id} for id in ("a", "b", "a")]
    assert refusal({"documents": documents}).location == ("documents",)
    read({"documents": [{"document_id": id} for id in ("a", "A", "a ", "é", "e\u0301")]})


@pytest.mark.parametrize(
    "changes",
    [
        {"document_id": ""},
        {"document_id": " "},
        {"document_id": "é" * 129},
        {"document_id": 1},
        {"document_id": None},
        {"document_id": "\x00"},
        {"score": "1"},
        {"score": float("nan")},
        {"score": True},
        {"scores": {"a": None}},
        {"scores": {"a": float("inf")}},
        {"scores": {"": 1.0}},
        {"scores": {" ": 1.0}},
        {"scores": {"é" * 129: 1.0}},
        {"scores": [1.0]},
        {"scores": {str(n): 0.0 for n in range(257)}},
        {"features": {"a": "1"}},
        {"features": {"a": True}},
        {"features": {" ": 1}},
        {"features": {str(n): 0.0 for n in range(4097)}},
    ],
)
def test_a_document_that_breaks_a_rule_is_refused(changes: dict[str, Any]) -> None:
    refusal(with_document(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"score": None, "scores": None, "features": None},
        {"score": -0.0},
        {"score": 3},
        {"scores": {}, "features": {}},
        {"scores": {"mixpeek://clip@v1/image_embedding": -1e300}},
        {"scores": {str(n): 0.0 for n in range(256)}},
        {"features": {str(n): 0.0 for n in range(4096)}},
    ],
)
def test_a_document_within_the_rules_is_read(changes: dict[str, Any]) -> None:
    (document,) = read(with_document(**changes)).documents
    for name, value in changes.items():
        assert getattr(document, name) == value


@pytest.mark.parametrize("name", ["execution_id", "user_id", "session_id", "configuration"])
@pytest.mark.parametrize("id", ["", " ", "é" * 129, "x" * 257, 1, "\x00", "\ud800"])
def test_an_id_that_breaks_a_rule_is_refused(name: str, id: object) -> None:
    refusal(SEARCH | {name: id})


@pytest.mark.parametrize("name", ["offset", "total"])
@pytest.mark.parametrize("value", [-1, 1.0, "1", True, 2**63])
def test_offset_and_total_are_whole_numbers(name: str, value: object) -> None:
    refusal(SEARCH | {name: value})


@pytest.mark.parametrize("name", ["inputs", "metadata"])
@pytest.mark.parametrize("value", ["{}", [], {"a": float("nan")}, {"a": "\x00"}, {"a": 2**64}])
def test_objects_that_a_database_would_change_are_refused(name: str, value: object) -> None:
    refusal(SEARCH | {name: value})


@pytest.mark.parametrize("occurred_at", ["yesterday", 0, "0001-01-01T00:00:00+14:00"])
def test_a_time_is_iso_8601(occurred_at: object) -> None:
    assert refusal(SEARCH | {"occurred_at": occurred_at}).location == ("occurred_at",)


def test_unknown_keys_are_refused_or_ignored() -> None:
    assert refusal(SEARCH | {"results": []}).location == ("results",)
    draft, ignored = read_execution(SEARCH | {"results": []}, lenient=True)
    assert (draft, ignored) == (read(SEARCH), ("results",))


def test_a_place_inside_a_document_is_named() -> None:
    documents = [{"document_id": "a"}, {"document_id": "b", "score": "high"}]
    assert refusal({"documents": documents}).location == ("documents", 1, "score")


def test_the_digest_is_of_the_content() -> None:
    turned = dict(reversed((FULL | {"inputs": {"b": 1, "a": 2}}).items()))
    assert read(turned).digest() == read(FULL | {"inputs": {"a": 2, "b": 1}}).digest()
    for name in set(FULL) - {"documents"}:
        without = {key: value for key, value in FULL.items() if key != name}
        assert read(without).digest() != read(FULL).digest()
    first, second = SEARCH["documents"]
    swapped = {"documents": [second, first]}
    assert read(swapped).digest() != read(SEARCH).digest()


def test_a_stored_execution_was_recorded_when_its_id_says() -> None:
    execution = an_execution()
    assert execution.recorded_at == time_of(execution.id)
