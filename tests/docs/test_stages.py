"""The reference of stages is complete, and says nothing that is not so.

On a difference the message shows the rows to write.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from msgspec import NODEFAULT

from desirepath.domain.feature_uri import FeatureKind, read_feature
from desirepath.domain.learning_config import LearningConfig
from desirepath.domain.retriever import read_retriever
from desirepath.domain.stage import StageConfig, StageDraft
from desirepath.domain.stage_kinds import STAGE_KINDS
from desirepath.domain.stage_kinds.base import StageKind, StageType
from desirepath.domain.stage_kinds.feature_search import Facet, FeatureSearch, FusionName, GroupBy
from desirepath.domain.stage_kinds.query import Query, QueryMode
from desirepath.domain.stage_kinds.rerank import RerankLearning
from desirepath.domain.template import NAMESPACES, Variables, render
from tests.docs.pages import code, reference, rows

STAGES = reference("stages")

SHAPES: dict[str, Any] = {
    "A stage": StageDraft,
    "config": StageConfig,
    "A search": FeatureSearch,
    "A query": Query,
    "facets": Facet,
    "group_by": GroupBy,
    "learning_config": LearningConfig,
    "learning_config of rerank": RerankLearning,
} | {f"`{kind.stage_id}`": kind.parameters for kind in STAGE_KINDS.values()}


def expected(kind: Any) -> list[list[str]]:
    """Rows of the table of a Struct's fields: name, default, description."""
    properties = msgspec.json.schema(kind)["$defs"][kind.__name__]["properties"]
    return [
        [
            f"`{field.encode_name}`",
            _default(field),
            properties[field.encode_name].get("description", ""),
        ]
        for field in msgspec.structs.fields(kind)
    ]


def _default(field: Any) -> str:
    value = field.default
    if field.default_factory is not NODEFAULT:
        value = field.default_factory()
    if value is NODEFAULT:
        return "required"
    if value is None or value in ((), {}, []):
        return "–"
    written = msgspec.to_builtins(value)
    return f"`{written if isinstance(written, str) else json.dumps(written)}`"


@pytest.mark.parametrize("heading", SHAPES)
def test_every_parameter_is_documented(heading: str) -> None:
    assert rows(STAGES.section(heading), "parameter") == expected(SHAPES[heading])


def test_every_stage_is_listed_with_its_type() -> None:
    documented = [tuple(row) for row in rows(STAGES.prose, "stage")]
    assert documented == [
        (f"[`{kind.stage_id}`](#{kind.stage_id})", f"`{kind.stage_type}`", kind.description)
        for kind in STAGE_KINDS.values()
    ]


@pytest.mark.parametrize("kind", STAGE_KINDS.values(), ids=STAGE_KINDS)
def test_the_example_of_a_stage_is_one_that_its_answer_has(kind: StageKind) -> None:
    examples = [json.loads(block.text) for block in STAGES.blocks if block.language == "json"]
    own = [e for e in examples if e.get("stage_id") == kind.stage_id]
    assert own == [{"stage_id": kind.stage_id, "parameters": kind.example}]
    read_retriever({"retriever_name": "x", "stages": [{"stage_name": "y", "config": own[0]}]})


def test_words_of_the_page() -> None:
    for section, words in (
        (
            "Kinds",
            [t.value for t in StageType if t in {k.stage_type for k in STAGE_KINDS.values()}],
        ),
        ("Fusion", [name.value for name in FusionName]),
        ("A query", [mode.value for mode in QueryMode]),
        ("Templates", ["INPUT", "DOC", "CONTEXT", "STAGE"]),
    ):
        lines = "\n".join(STAGES.section(section))
        assert all(f"`{word}`" in lines or f"{{{{{word}" in lines for word in words), section
    assert {name.upper() for name in NAMESPACES} <= {"INPUT", "INPUTS", "DOC", "CONTEXT", "STAGE"}


@pytest.mark.parametrize(
    ("uri", "kind"), [(code(row[0]), row[1]) for row in rows(STAGES.prose, "feature_uri")]
)
def test_feature_uris_mean_what_the_table_says(uri: str, kind: str) -> None:
    words = {FeatureKind.TEXT: "text", FeatureKind.VECTOR: "vector", FeatureKind.SENT: "sent"}
    assert words[read_feature(uri).kind] == kind


@pytest.mark.parametrize(
    ("template", "inputs", "value"),
    [tuple(map(code, row[:3])) for row in rows(STAGES.prose, "template")],
)
def test_templates_mean_what_the_table_says(template: str, inputs: str, value: str) -> None:
    assert render(template, Variables(inputs=json.loads(inputs))) == json.loads(value)
