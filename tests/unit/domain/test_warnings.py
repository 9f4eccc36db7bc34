"""One sentence for everything accepted that will not do what its sender probably hopes."""

from __future__ import annotations

from typing import Any

import pytest

from desirepath.domain.execution import ShownList
from desirepath.domain.interaction import InteractionDraft, read_interaction
from desirepath.domain.warnings import (
    BEYOND_RESULTS,
    CLAMPED,
    NOT_SHOWN,
    OTHER_RETRIEVER,
    OTHER_SCORE,
    TEACHES_NOTHING,
    UNKNOWN_EXECUTION,
    UNKNOWN_RETRIEVER,
    warning_for,
)

SHOWN = ShownList(
    retriever_id="ret_1",
    inputs_json=None,
    document_to_score={"doc_1": 0.5, "doc_2": None, "big": 1e12},
    user_id=None,
    session_id=None,
)
QUERY_LEVEL = ("query_refinement", "zero_results", "filter_toggle")


def draft(**changes: Any) -> InteractionDraft:
    plain = {"feature_id": "doc_1", "interaction_type": ["click"], "position": 0} | changes
    return read_interaction(plain)[0]


def warn(
    shown: ShownList | None = None,
    *,
    retriever_known: bool = True,
    clamped: bool = False,
    ignored_keys: tuple[str, ...] = (),
    **changes: Any,
) -> str | None:
    return warning_for(
        draft(**changes),
        shown=shown,
        retriever_id=changes.get("retriever_id") if retriever_known else None,
        clamped=clamped,
        ignored_keys=ignored_keys,
    )


def test_a_click_on_a_shown_document_needs_no_warning() -> None:
    assert warn(SHOWN, execution_id="e") is None
    assert warn(SHOWN, execution_id="e", retriever_id="ret_1", document_score=0.5) is None


def test_neither_execution_nor_feature_teaches_nothing() -> None:
    assert warn() == TEACHES_NOTHING
    assert warn(feature_uri="text://title") is None


def test_an_execution_may_arrive_later() -> None:
    assert warn(execution_id="e") == UNKNOWN_EXECUTION
    assert warn(execution_id="e", feature_uri="text://title") == UNKNOWN_EXECUTION


@pytest.mark.parametrize("type", QUERY_LEVEL)
def test_what_is_about_the_query_teaches_no_document(type: str) -> None:
    about_query: dict[str, Any] = {"interaction_type": [type], "feature_id": "_query"}
    assert warn(**about_query) is None
    assert warn(SHOWN, execution_id="e", **about_query) is None
    assert warn(interaction_type=[type, "click"]) == TEACHES_NOTHING


def test_a_document_that_was_not_shown() -> None:
    assert warn(SHOWN, execution_id="e", feature_id="doc_9") == NOT_SHOWN
    assert warn(SHOWN, execution_id="e", feature_id="DOC_1") == NOT_SHOWN


@pytest.mark.parametrize(
    ("feature_id", "score", "warned"),
    [
        ("doc_1", 0.5, False),
        ("doc_1", 0.5 + 9e-7, False),
        ("doc_1", 0.5 + 2e-6, True),
        ("doc_1", -0.5, True),
        ("doc_1", None, False),
        ("doc_2", 123.0, False),
        ("big", 1e12 + 1e5, False),
        ("big", 1e12 + 1e7, True),
    ],
)
def test_a_score_that_was_not_shown(feature_id: str, score: float | None, warned: bool) -> None:
    warning = warn(SHOWN, execution_id="e", feature_id=feature_id, document_score=score)
    assert warning == (OTHER_SCORE if warned else None)


def test_retrievers() -> None:
    feature: dict[str, Any] = {"feature_uri": "text://title"}
    assert warn(retriever_id="r", retriever_known=True, **feature) is None
    assert warn(retriever_id="r", retriever_known=False, **feature) == UNKNOWN_RETRIEVER
    assert warn(retriever_known=False, **feature) is None
    assert warn(SHOWN, execution_id="e", retriever_id="ret_2") == OTHER_RETRIEVER


@pytest.mark.parametrize(
    ("position", "size", "warned"),
    [(0, 1, False), (9, 10, False), (10, 10, True), (11, 10, True), (5, None, False)],
)
def test_a_position_outside_the_results(position: int, size: int | None, warned: bool) -> None:
    warning = warn(SHOWN, execution_id="e", position=position, result_set_size=size)
    assert warning == (BEYOND_RESULTS if warned else None)


def test_a_result_set_of_none_has_no_positions() -> None:
    assert warn(interaction_type=["zero_results"], result_set_size=0) is None


def test_a_time_in_the_future() -> None:
    assert warn(SHOWN, execution_id="e", clamped=True) == CLAMPED


def test_ignored_keys_are_named() -> None:
    warning = warn(SHOWN, execution_id="e", ignored_keys=("a", "(unprintable)"))
    assert warning == "Unknown keys were ignored: a, (unprintable)."


def test_sentences_are_joined() -> None:
    warning = warn(
        SHOWN,
        execution_id="e",
        retriever_id="ret_2",
        retriever_known=False,
        feature_id="doc_9",
        position=3,
        result_set_size=3,
        clamped=True,
        ignored_keys=("a",),
    )
    assert warning == " ".join(
        [
            "Unknown keys were ignored: a.",
            CLAMPED,
            BEYOND_RESULTS,
            UNKNOWN_RETRIEVER,
            OTHER_RETRIEVER,
            NOT_SHOWN,
        ]
    )


def test_every_sentence_is_one() -> None:
    sentences = (CLAMPED, TEACHES_NOTHING, UNKNOWN_EXECUTION, UNKNOWN_RETRIEVER, OTHER_RETRIEVER,
                 NOT_SHOWN, OTHER_SCORE, BEYOND_RESULTS)  # fmt: skip
    for sentence in sentences:
        assert sentence.endswith(".")
        assert ". " not in sentence
