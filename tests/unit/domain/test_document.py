"""Which documents are accepted, and what they are found by."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from desirepath.domain.document import (
    MAX_DIMENSION,
    Metric,
    VectorIndex,
    as_float32,
    check_vector,
    document_record,
    read_document,
    read_document_filter,
    read_vector_index,
    texts_of,
)
from desirepath.domain.filters import compile_filter
from desirepath.errors import InvalidDocument, InvalidFilter
from desirepath.testing.examples import a_document

FULL: dict[str, Any] = {
    "document_id": "doc 1",
    "vectors": {"title": [1.0, -0.5], "image": [0.0]},
    "payload": {"title": "Red shoe", "sizes": [41, 42], "": {"a": None}},
    "metadata": {"source": {"feed": 3}},
    "text": {"body": "Comfortable."},
}
COSINE = VectorIndex(name="title", dimension=2)


def refusal(plain: object) -> InvalidDocument:
    with pytest.raises(InvalidDocument) as caught:
        read_document(plain)
    return caught.value


class TestRead:
    def test_an_id_is_enough(self) -> None:
        draft, ignored = read_document({"document_id": "a"})
        assert (draft.payload, draft.metadata, draft.text, draft.vectors) == ({}, {}, {}, {})
        assert ignored == ()

    def test_every_field_is_read(self) -> None:
        draft, _ = read_document(FULL)
        assert {name: getattr(draft, name) for name in FULL} == FULL

    def test_null_is_nothing(self) -> None:
        nulls = dict.fromkeys(("vectors", "payload", "metadata", "text"))
        assert read_document({"document_id": "a", **nulls}) == read_document({"document_id": "a"})

    def test_what_the_sdk_may_add_is_left_out_when_it_says_nothing(self) -> None:
        said: dict[str, Any] = {"acl": None, "source_type": "direct_upsert", "lineage_chain": []}
        assert read_document(FULL | said) == read_document(FULL)

    @pytest.mark.parametrize(
        ("name", "value"),
        [("acl", {"read": ["x"]}), ("source_type", "bucket"), ("content_hash", "x")],
    )
    def test_what_is_not_available_is_named(self, name: str, value: object) -> None:
        error = refusal(FULL | {name: value})
        assert error.location == (name,)
        assert error.message == f"{name} is not available here; leave it out."

    def test_unknown_keys_are_refused_or_ignored(self) -> None:
        assert "colour" in refusal(FULL | {"colour": "red"}).message
        draft, ignored = read_document(FULL | {"colour": "red"}, lenient=True)
        assert (draft.document_id, ignored) == ("doc 1", ("colour",))

    @pytest.mark.parametrize("vector", [[[1.0, 2.0], [3.0, 4.0]], {"indices": [1], "values": [2]}])
    def test_other_kinds_of_vectors_are_refused_by_name(self, vector: object) -> None:
        error = refusal({"document_id": "a", "vectors": {"v": vector}})
        assert "sparse and multi-vectors are not available" in error.message
        assert error.location == ("vectors",)

    @pytest.mark.parametrize(
        ("changes", "location"),
        [
            ({"document_id": ""}, ("document_id",)),
            ({"document_id": " "}, ("document_id",)),
            ({"document_id": "é" * 129}, ("document_id",)),
            ({"document_id": 7}, ("document_id",)),
            ({"vectors": {"v": []}}, ("vectors",)),
            ({"vectors": {"v": [0.0] * (MAX_DIMENSION + 1)}}, ("vectors",)),
            ({"vectors": {"v": ["1"]}}, ("vectors",)),
            ({"vectors": {"v": [True]}}, ("vectors",)),
            ({"vectors": [1.0]}, ("vectors",)),
            ({"payload": []}, ("payload",)),
            ({"metadata": "x"}, ("metadata",)),
            ({"text": {"body": 1}}, ("text",)),
            ({"text": {"x" * 201: "y"}}, ("text",)),
            ({"text": {" ": "y"}}, ()),
            ({"vectors": {"é" * 101: [1.0]}}, ()),
            ({"payload": {"a": "\x00"}}, ()),
            ({"payload": {"a": float("nan")}}, ()),
        ],
    )
    def test_what_breaks_a_rule_is_refused_with_its_place(
        self, changes: dict[str, Any], location: tuple[str, ...]
    ) -> None:
        assert refusal(FULL | changes).location == location

    @pytest.mark.parametrize("plain", [None, [], "a", 1, {}])
    def test_anything_else_is_no_document(self, plain: object) -> None:
        refusal(plain)


class TestVectors:
    def test_are_kept_as_the_nearest_32_bit_floats(self) -> None:
        assert as_float32([0.5, 1 / 3, 16_777_217.0]) == (0.5, 0.3333333432674408, 16_777_216.0)

    @pytest.mark.parametrize(
        ("name", "metric"),
        [
            (None, "cosine"),
            ("cosine", "cosine"),
            ("dot", "dot_product"),
            ("dot_product", "dot_product"),
            ("l2", "euclidean"),
            ("euclidean", "euclidean"),
        ],
    )
    def test_a_metric_has_two_names(self, name: str | None, metric: str) -> None:
        index = read_vector_index({"name": "v", "dimension": 3, "metric": name})
        assert index == VectorIndex(name="v", dimension=3, metric=Metric(metric))

    @pytest.mark.parametrize(
        "plain",
        [
            {"name": "v"},
            {"name": "v", "dimension": 0},
            {"name": "v", "dimension": MAX_DIMENSION + 1},
            {"name": "", "dimension": 1},
            {"name": "v", "dimension": 1, "metric": "hamming"},
            {"name": "v", "dimension": 1, "type": "sparse"},
            "v",
        ],
    )
    def test_an_index_that_cannot_be_is_refused(self, plain: object) -> None:
        with pytest.raises(InvalidDocument):
            read_vector_index(plain)

    def test_another_length_is_refused_with_both(self) -> None:
        with pytest.raises(InvalidDocument, match="has 3 numbers and its index 2"):
            check_vector(COSINE, [1.0, 2.0, 3.0])

    @pytest.mark.parametrize("number", [2e12, -2e12, float("inf"), float("nan"), 1e308])
    def test_a_number_that_32_bits_cannot_work_with_is_refused(self, number: float) -> None:
        with pytest.raises(InvalidDocument, match="beyond ±1e12"):
            check_vector(COSINE, [number, 1.0])

    def test_only_the_cosine_needs_a_direction(self) -> None:
        for metric in (Metric.DOT_PRODUCT, Metric.EUCLIDEAN):
            check_vector(replace(COSINE, metric=metric), [0.0, 0.0])
        with pytest.raises(InvalidDocument, match="no direction"):
            check_vector(COSINE, [0.0, 1e-13])
        check_vector(COSINE, [0.0, 1e-11])


PAYLOAD: dict[str, Any] = {
    "title": "Red shoe",
    "tags": ["sale", "new"],
    "price": 9,
    "mixed": ["a", 1],
    "none": None,
    "empty": "",
    "marks": "–…!",
    "nothing": [],
    "details": {"colour": "red", "inner": {"x": "deep"}},
    "a.b": "dotted",
    "x" * 201: "cannot be named",
}


class TestTexts:
    def test_every_text_at_the_top_of_a_payload(self) -> None:
        assert texts_of(a_document(payload=PAYLOAD), None) == {
            "title": "Red shoe",
            "tags": "sale\nnew",
            "a.b": "dotted",
        }

    def test_only_the_fields_that_are_named(self) -> None:
        fields = ["title", "details.colour", "details.inner.x", "details.inner", "price", "a.b"]
        assert texts_of(a_document(payload=PAYLOAD), fields) == {
            "title": "Red shoe",
            "details.colour": "red",
            "details.inner.x": "deep",
        }

    @pytest.mark.parametrize("fields", [None, [], ["title"]])
    def test_the_documents_own_text_counts_always_and_more(self, fields: list[str] | None) -> None:
        document = a_document(payload={"title": "old"}, text={"title": "new", "body": "b"})
        assert texts_of(document, fields) == {"title": "new", "body": "b"}

    def test_an_empty_own_text_hides_the_payloads(self) -> None:
        assert texts_of(a_document(payload={"title": "old"}, text={"title": ""}), None) == {}

    def test_a_very_long_text_is_found_by_its_beginning(self) -> None:
        document = a_document(text={"body": "a " * 100_000})
        assert len(texts_of(document, None)["body"]) == 100_000


class TestFilters:
    document = a_document(
        payload={"color": "red", "metadata": "mine", "nested": {"n": [1, 2]}},
        metadata={"source": "feed"},
    )

    @pytest.mark.parametrize(
        ("raw", "expected"),
        [
            ({"color": "red"}, True),
            ({"payload.color": "red"}, True),
            ({"color": "blue"}, False),
            ({"color": ["red", "blue"]}, True),
            ({"color": {"contains": "RE"}}, True),
            ({"color": {"contains": "RE"}, "case_sensitive": True}, False),
            ({"nested.n": 2}, True),
            ({"metadata.source": "feed"}, True),
            ({"payload.metadata": "mine"}, True),
            ({"document_id": "doc_1"}, True),
            ({"payload.document_id": "a"}, False),
            ({"field": "color", "operator": "ne", "value": "red"}, False),
            ({"NOT": [{"missing": {"exists": True}}]}, True),
        ],
    )
    def test_reach_into_payload_and_metadata(self, raw: dict[str, Any], expected: bool) -> None:
        filter = read_document_filter(raw)
        assert filter is not None
        assert compile_filter(filter)(document_record(self.document)) is expected

    @pytest.mark.parametrize("raw", [None, {}])
    def test_nothing_is_no_filter(self, raw: object) -> None:
        assert read_document_filter(raw) is None

    @pytest.mark.parametrize("raw", [{"": 1}, {"a..b": 1}, {".a": 1}, {"document_id.x": 1}, [1]])
    def test_a_path_that_cannot_be_is_refused(self, raw: object) -> None:
        with pytest.raises(InvalidFilter):
            read_document_filter(raw)

    def test_the_place_of_an_error_has_no_name_that_was_sent(self) -> None:
        with pytest.raises(InvalidFilter) as caught:
            read_document_filter({"secret": {"gt": []}})
        assert "secret" not in repr((caught.value.message, caught.value.location))
