"""Which namespaces are accepted."""

from __future__ import annotations

from typing import Any

import pytest

from desirepath.domain.document import Metric, VectorIndex
from desirepath.domain.namespace import read_namespace
from desirepath.errors import InvalidNamespace


def refusal(plain: object) -> InvalidNamespace:
    with pytest.raises(InvalidNamespace) as caught:
        read_namespace(plain)
    return caught.value


def test_a_name_is_enough() -> None:
    draft = read_namespace({"namespace_name": "shop 1"})
    assert (draft.name, draft.namespace_id, draft.vector_configs) == ("shop 1", None, None)


def test_an_id_is_a_name_too() -> None:
    assert read_namespace({"namespace_id": "shop-1"}).name == "shop-1"
    assert read_namespace({"namespace_id": "ns_1"}).name == "ns_1"
    assert read_namespace({"namespace_id": "ns_1", "namespace_name": "shop"}).name == "shop"


def test_every_field_is_read() -> None:
    draft = read_namespace(
        {
            "namespace_id": "a",
            "namespace_name": "b",
            "description": "Shoes.",
            "vector_configs": [
                {"name": "x", "dimension": 2},
                {"name": "y", "dimension": 3, "metric": "l2"},
            ],
            "text_fields": ["title", "details.colour"],
            "retention_days": 30,
        }
    )
    assert draft.vector_configs == [
        VectorIndex(name="x", dimension=2),
        VectorIndex(name="y", dimension=3, metric=Metric.EUCLIDEAN),
    ]
    assert (draft.text_fields, draft.retention_days) == (["title", "details.colour"], 30)
    assert (draft.name, draft.description) == ("b", "Shoes.")


def test_what_the_sdk_may_add_is_left_out_when_it_says_nothing() -> None:
    name = {"namespace_name": "a"}
    said: dict[str, Any] = {
        "mode": "standalone",
        "namespace_type": "standard",
        "scope": "org",
        "features": [],
        "auto_create_indexes": True,
        "tiering": {},
        "infrastructure": None,
    }
    assert read_namespace(name | said) == read_namespace(name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("feature_extractors", [{"feature_extractor_name": "x", "version": "v1"}]),
        ("ttl_seconds", 3600),
        ("trusted_issuers", [{}]),
        ("scope", "system"),
    ],
)
def test_what_is_not_available_is_named(name: str, value: object) -> None:
    error = refusal({"namespace_name": "a", name: value})
    assert error.location == (name,)
    assert name in error.message


@pytest.mark.parametrize(
    ("plain", "location"),
    [
        ({}, ("namespace_name",)),
        ({"namespace_name": ""}, ("namespace_name",)),
        ({"namespace_name": " "}, ("namespace_name",)),
        ({"namespace_name": "x" * 65}, ("namespace_name",)),
        ({"namespace_id": "x" * 65}, ("namespace_name",)),
        ({"namespace_name": "a/b"}, ("namespace_name",)),
        ({"namespace_name": "Läden"}, ("namespace_name",)),
        ({"namespace_name": "ns_1"}, ("namespace_name",)),
        ({"namespace_name": "a\x00"}, ()),
        ({"namespace_id": "-a"}, ("namespace_id",)),
        ({"namespace_id": "a b"}, ("namespace_id",)),
        ({"namespace_id": "a\n"}, ("namespace_id",)),
        ({"namespace_name": "a", "vector_configs": [{"name": "v"}]}, ("vector_configs", 0)),
        (
            {"namespace_name": "a", "vector_configs": [{"name": "v", "dimension": 1}] * 2},
            ("vector_configs",),
        ),
        ({"namespace_name": "a", "vector_configs": {}}, ("vector_configs",)),
        ({"namespace_name": "a", "text_fields": ["x", " "]}, ("text_fields", 1)),
        ({"namespace_name": "a", "text_fields": ["x..y"]}, ("text_fields",)),
        ({"namespace_name": "a", "text_fields": "x"}, ("text_fields",)),
        ({"namespace_name": "a", "retention_days": 0}, ("retention_days",)),
        ({"namespace_name": "a", "colour": "red"}, ("colour",)),
        ([], ()),
    ],
)
def test_what_breaks_a_rule_is_refused_with_its_place(
    plain: object, location: tuple[Any, ...]
) -> None:
    assert refusal(plain).location == location
