"""The API reference, from a small document."""

from __future__ import annotations

import json
from typing import Any

import pytest

from desirepath.dashboard.api_docs import render_api_docs
from desirepath.dashboard.schema_fields import Schemas, example_of
from tests.unit.dashboard.html_checks import Page

REF = "#/components/schemas/"
SCHEMAS: dict[str, Any] = {
    "Draft": {
        "title": "Draft",
        "description": "What is sent.",
        "type": "object",
        "properties": {
            "feature_id": {"type": "string", "minLength": 1, "maxLength": 256},
            "document_id": {"type": "string", "description": "Another name for `feature_id`."},
            "interaction_type": {
                "type": "array",
                "items": {"$ref": f"{REF}Kind"},
                "minItems": 1,
            },
            "position": {"type": "integer", "minimum": 0, "maximum": 2**63 - 1},
            "score": {
                "anyOf": [{"type": "number", "description": "As it was ranked."}, {"type": "null"}],
                "default": None,
            },
            "limit": {"type": "integer", "default": 50},
            "parent": {"anyOf": [{"$ref": f"{REF}Draft"}, {"type": "null"}], "default": None},
            "scores": {"type": "object", "additionalProperties": {"type": "number"}},
        },
        "required": ["interaction_type", "position"],
        "anyOf": [{"required": ["feature_id"]}, {"required": ["document_id"]}],
    },
    "Kind": {"title": "Kind", "enum": ["click", "view"]},
    "Recorded": {
        "type": "object",
        "properties": {"id": {"type": ["string", "null"]}},
        "required": ["id"],
    },
}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Desirepath", "version": "1.2.3", "description": "Relevance feedback."},
    "tags": [{"name": "Interactions", "description": "What people *did*."}, {"name": "Unused"}],
    "paths": {
        "/v1/interactions": {
            "post": {
                "operationId": "create_interaction",
                "summary": "Record an interaction",
                "description": "Stored before the answer.\n\n- One\n- Two",
                "tags": ["Interactions"],
                "security": [{"BearerAuth": []}],
                "parameters": [
                    {
                        "name": "X-Namespace",
                        "in": "header",
                        "description": "By id or name.",
                        "schema": {"type": "string"},
                    }
                ],
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": f"{REF}Draft"}}},
                },
                "responses": {
                    "200": {
                        "description": "Done.",
                        "content": {"application/json": {"schema": {"$ref": f"{REF}Recorded"}}},
                    },
                    "422": {"description": "`invalid_input`: a rule is broken."},
                },
            },
        },
        "/v1/interactions/{interaction_id}": {
            "parameters": [
                {
                    "name": "interaction_id",
                    "in": "path",
                    "required": True,
                    "schema": {"type": "string"},
                }
            ],
            "get": {"tags": ["Interactions"], "responses": {"200": {"description": "It."}}},
            "delete": {
                "tags": ["Interactions"],
                "deprecated": True,
                "responses": {"204": {"description": "Gone."}},
            },
        },
        "/livez": {
            "get": {"summary": "Alive?", "responses": {"200": {"description": "Yes."}}},
            "post": {
                "parameters": [
                    {
                        "name": "a b",
                        "in": "query",
                        "required": True,
                        "schema": {"type": "integer", "minimum": 3},
                    }
                ]
            },
        },
    },
    "components": {"schemas": SCHEMAS},
}


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(render_api_docs(DOCUMENT, address="https://search.example"))


def test_every_link_within_the_page_leads_somewhere(page: Page) -> None:
    assert len(page.ids) == len(set(page.ids))
    anchors = {link[1:] for link in page.links if link.startswith("#")}
    assert anchors <= set(page.ids)


def test_operations_are_grouped_by_tag(page: Page) -> None:
    assert "tag-interactions" in page.ids
    assert "tag-other" in page.ids
    assert "tag-unused" not in page.ids
    assert {"create-interaction", "get-livez"} <= set(page.ids)


def test_what_an_operation_says(page: Page) -> None:
    for part in (
        "Record an interaction POST /v1/interactions",
        "Stored before the answer.",
        "X-Namespace string By id or name.",
        "Answer 200 Recorded Done.",
        "422 invalid_input : a rule is broken.",
        "no key needed",
        "deprecated",
    ):
        assert part in page.text


def test_what_a_field_says(page: Page) -> None:
    for part in (
        "interaction_type array of Kind required at least 1 items",
        "position integer required at least 0",
        "feature_id string 1 to 256 characters",
        "document_id string Another name for feature_id .",
        "score number or null As it was ranked.",
        "limit integer default 50",
        "parent Draft or null",
        "scores object of number",
        'Kind one of One of "click" "view"',
        "Needs feature_id , or document_id .",
        "id string or null",
    ):
        assert part in page.text


def test_examples_are_commands(page: Page) -> None:
    body = '{ "feature_id": "doc-1", "interaction_type": ["click"], "position": 0 }'
    assert (
        "curl -s https://search.example/v1/interactions \\ "
        '-H "Authorization: Bearer $DESIREPATH_KEY" \\ '
        f"-H \"Content-Type: application/json\" \\ -d '{body}'"
    ) in page.text
    assert "curl -s https://search.example/v1/interactions/INTERACTION_ID" in page.text
    assert "curl -s -X DELETE https://search.example/v1/interactions/INTERACTION_ID" in page.text
    assert "curl -s -X POST 'https://search.example/livez?a%20b=3'" in page.text


def test_a_given_example_is_used() -> None:
    body = {"content": {"application/json": {"schema": {}, "example": {"it's": [1, 2]}}}}
    document = {"paths": {"/a": {"post": {"requestBody": body, "responses": {}}}}}
    assert "-d '{\"it'\\''s\": [1, 2]}'" in Page(render_api_docs(document)).text


def test_what_a_document_says_is_text() -> None:
    hostile = "<script>alert(1)</script>"
    document = json.loads(json.dumps(DOCUMENT).replace("Record an interaction", hostile))
    document["components"]["schemas"]["Draft"]["description"] = hostile
    document["info"]["description"] = f"`{hostile}`"
    assert Page(render_api_docs(document)).texts.count(hostile) >= 4


def test_an_empty_document_is_a_page() -> None:
    Page(render_api_docs({"openapi": "3.1.0", "info": {"title": "x", "version": "0"}}))


@pytest.mark.parametrize(
    ("schema", "example"),
    [
        ({"$ref": f"{REF}Kind"}, "click"),
        ({"type": "string", "format": "date-time"}, "2026-01-31T12:00:00Z"),
        ({"type": "array", "items": {"type": "boolean"}}, [True]),
        ({"anyOf": [{"type": "integer", "minimum": 7}, {"type": "null"}]}, 7),
        ({"type": ["number", "null"]}, 0.5),
        ({"const": "x"}, "x"),
        ({"type": "string", "examples": ["given"]}, "given"),
        ({}, "text"),
        ({"$ref": f"{REF}Missing"}, "text"),
    ],
)
def test_examples_of_schemas(schema: dict[str, Any], example: object) -> None:
    assert example_of(Schemas(SCHEMAS), schema) == example


def test_schemas_that_need_themselves_end() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": f"{REF}Node"}}, "required": ["next"]}
    loop = {"$ref": f"{REF}Loop"}
    schemas = Schemas({"Node": node, "Loop": loop})
    assert isinstance(example_of(schemas, {"$ref": f"{REF}Node"}), dict)
    assert example_of(schemas, loop) == "text"
