"""Which interactions are accepted, and what is made of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desirepath.domain.ids import time_of
from desirepath.domain.interaction import (
    INTERACTION_TYPES,
    QUERY_LEVEL_TYPES,
    InteractionDraft,
    dedup_key,
    read_interaction,
)
from desirepath.errors import InvalidInteraction
from desirepath.testing.examples import an_interaction

CLICK: dict[str, Any] = {"feature_id": "doc_1", "interaction_type": ["click"], "position": 0}
FULL: dict[str, Any] = CLICK | {
    "metadata": {"device": {"name": "phone"}},
    "user_id": "u",
    "session_id": "s",
    "execution_id": "e",
    "retriever_id": "r",
    "query_snapshot": {"query": "shoes"},
    "document_score": 0.5,
    "result_set_size": 10,
    "feature_uri": "text://title",
    "occurred_at": "2026-01-31T12:00:00Z",
    "event_id": "v",
}
ID_FIELDS = (
    *("feature_id", "user_id", "session_id", "execution_id", "retriever_id", "feature_uri"),
    "event_id",
)


def read(plain: object, **options: bool) -> InteractionDraft:
    draft, ignored = read_interaction(plain, **options)
    assert ignored == ()
    return draft


def refusal(plain: object, **options: bool) -> InvalidInteraction:
    with pytest.raises(InvalidInteraction) as caught:
        read_interaction(plain, **options)
    return caught.value


def test_what_is_required_is_enough() -> None:
    draft = read(CLICK)
    assert (draft.feature_id, draft.types, draft.position) == ("doc_1", ("click",), 0)
    rest = {name: getattr(draft, name) for name in draft.__struct_fields__ if name not in CLICK}
    assert set(rest.values()) == {None}


def test_every_field_is_read() -> None:
    draft = read(FULL)
    for name, value in FULL.items():
        assert getattr(draft, name) == value
    assert draft.occurred_at_us == 1_769_860_800_000_000


def test_null_is_as_good_as_left_out() -> None:
    nulls = dict.fromkeys(set(FULL) - set(CLICK)) | {"age_ms": None}
    assert read(CLICK | nulls) == read(CLICK)


@pytest.mark.parametrize("name", CLICK)
def test_what_is_required_must_be_there(name: str) -> None:
    assert name in refusal({k: v for k, v in CLICK.items() if k != name}).message
    assert refusal(CLICK | {name: None}).location == (name,)


def test_the_types_are_the_22_of_the_contract() -> None:
    assert len(INTERACTION_TYPES) == 22
    assert set(INTERACTION_TYPES) > QUERY_LEVEL_TYPES
    assert read(CLICK | {"interaction_type": list(INTERACTION_TYPES)}).types == INTERACTION_TYPES


@pytest.mark.parametrize(
    "types",
    [
        [],
        None,
        "click",
        ["Click"],
        ["CLICK"],
        ["click "],
        ["copy"],
        [""],
        [None],
        [1],
        [["click"]],
        [{}],
        {"click": True},
        ["click", "tap"],
        ["click"] * 65,
    ],
)
def test_other_types_are_refused(types: object) -> None:
    assert refusal(CLICK | {"interaction_type": types}).location[0] == "interaction_type"


def test_repeated_types_collapse() -> None:
    types = ["view", "click", "view", "click", "share"]
    assert read(CLICK | {"interaction_type": types}).types == ("view", "click", "share")


@pytest.mark.parametrize("position", [0, 1, 2**63 - 1])
def test_a_position_counts_from_zero(position: int) -> None:
    assert read(CLICK | {"position": position}).position == position


@pytest.mark.parametrize("position", [-1, 2**63, 1.0, 0.5, True, "0", [0], {}, float("nan")])
def test_a_position_is_a_whole_number(position: object) -> None:
    refusal(CLICK | {"position": position})


@pytest.mark.parametrize("name", ID_FIELDS)
@pytest.mark.parametrize(
    "id",
    ["a", " a ", "x" * 256, "é" * 128, "😀" * 64, "../../etc/passwd", "%_'", "\u202e", "\x01"],
)
def test_any_text_of_up_to_256_bytes_is_an_id(name: str, id: str) -> None:
    assert getattr(read(CLICK | {name: id}), name) == id


@pytest.mark.parametrize("name", ID_FIELDS)
@pytest.mark.parametrize(
    "id", ["", " ", "\t\n", "\u2003", "x" * 257, "é" * 129, "😀" * 65, "\x00", "a\x00", "\ud800", 1,
           ["a"], {}, True]
)  # fmt: skip
def test_an_id_that_is_blank_too_long_or_no_text_is_refused(name: str, id: object) -> None:
    refusal(CLICK | {name: id})


def test_two_spellings_that_look_alike_are_two_ids() -> None:
    composed, decomposed = (read(CLICK | {"feature_id": id}) for id in ("é", "e\u0301"))
    assert composed.feature_id != decomposed.feature_id
    assert composed.digest() != decomposed.digest()


def test_document_id_is_another_name_for_feature_id() -> None:
    plain = {"document_id": "doc_1", "interaction_type": ["click"], "position": 0}
    assert read(plain) == read(CLICK) == read(CLICK | {"document_id": "doc_1"})
    assert plain["document_id"] == "doc_1"  # what was passed in is left alone


def test_both_names_with_different_values_are_refused() -> None:
    assert refusal(CLICK | {"document_id": "doc_2"}).location == ("document_id",)


@pytest.mark.parametrize("name", ["metadata", "query_snapshot"])
@pytest.mark.parametrize("value", [{}, {"a": {"b": [1, None, "\x01"]}}, {"": 0}])
def test_objects_are_any_objects(name: str, value: dict[str, Any]) -> None:
    assert getattr(read(CLICK | {name: value}), name) == value


@pytest.mark.parametrize("name", ["metadata", "query_snapshot"])
@pytest.mark.parametrize(
    "value",
    ["{}", [], 1, [{}], {"a": "\x00"}, {"a": float("nan")}, {"a": 2**63}, {"\ud800": 1}, {1: 2}],
)
def test_objects_that_a_database_would_change_are_refused(name: str, value: object) -> None:
    refusal(CLICK | {name: value})


@pytest.mark.parametrize("score", [0, 0.5, -1e308, 5e-324, 2**53 + 1])
def test_a_score_is_any_finite_number(score: float) -> None:
    assert read(CLICK | {"document_score": score}).document_score == float(score)


@pytest.mark.parametrize("score", [float("nan"), float("inf"), "0.5", True, [], 2**70])
def test_a_score_that_is_none_is_refused(score: object) -> None:
    refusal(CLICK | {"document_score": score})


@pytest.mark.parametrize("types", [["zero_results"], ["zero_results", "click"]])
def test_an_empty_result_set_needs_zero_results(types: list[str]) -> None:
    assert read(CLICK | {"result_set_size": 0, "interaction_type": types}).result_set_size == 0
    assert refusal(CLICK | {"result_set_size": 0}).location == ("result_set_size",)
    assert read(CLICK | {"result_set_size": 1}).result_set_size == 1


@pytest.mark.parametrize("occurred_at", ["yesterday", "", 1767225600, "2026-02-30", "\x00", True])
def test_a_time_is_iso_8601(occurred_at: object) -> None:
    assert refusal(CLICK | {"occurred_at": occurred_at})


def test_a_time_and_an_age_exclude_each_other() -> None:
    assert read(CLICK | {"age_ms": 0}).age_ms == 0
    error = refusal(CLICK | {"age_ms": 5, "occurred_at": "2026-01-31"})
    assert error.location == ("age_ms",)


@pytest.mark.parametrize("age", [-1, 0.5, "5", 2**63])
def test_an_age_is_a_whole_number_of_milliseconds(age: object) -> None:
    refusal(CLICK | {"age_ms": age})


@pytest.mark.parametrize("name", ["reward", "id", "timestamp", "deduplicated", "namespace", "Type"])
def test_unknown_keys_are_refused_or_ignored(name: str) -> None:
    error = refusal(CLICK | {name: 1})
    assert error.location == (name,)
    assert "feature_id" in error.message
    assert read_interaction(CLICK | {name: 1}, lenient=True) == (read(CLICK), (name,))


def test_an_unknown_key_that_is_prose_is_not_repeated() -> None:
    error = refusal(CLICK | {"<script>": 1})
    assert "script" not in error.message
    assert error.location == ()
    _, ignored = read_interaction(CLICK | {"<script>": 1}, lenient=True)
    assert ignored == ("(unprintable)",)


@pytest.mark.parametrize("plain", [None, [], "click", 1, [CLICK], True])
def test_an_interaction_is_an_object(plain: object) -> None:
    refusal(plain)


def test_messages_hold_nothing_that_was_sent() -> None:
    secret = "secret"
    plains: list[dict[str, Any]] = [
        CLICK | {"position": secret},
        CLICK | {"interaction_type": [secret]},
        CLICK | {"occurred_at": secret},
        CLICK | {"metadata": secret},
        CLICK | {"user_id": secret + "\x00"},
        CLICK | {"user_id": secret * 100},
        CLICK | {"document_score": {secret: secret}},
    ]
    for plain in plains:
        assert secret not in refusal(plain).message
        assert secret not in refusal(plain).location


def test_a_value_that_was_decoded_needs_no_second_look() -> None:
    assert read(FULL, checked=True) == read(FULL)


def test_the_digest_is_of_the_content() -> None:
    turned = dict(reversed((FULL | {"metadata": {"b": 1, "a": [1, 2]}}).items()))
    same = FULL | {"metadata": {"a": [1, 2], "b": 1}}
    assert read(turned).digest() == read(same).digest()
    assert len(read(CLICK).digest()) == 32


@pytest.mark.parametrize("name", FULL)
def test_every_field_counts_in_the_digest(name: str) -> None:
    other: dict[str, object] = {
        "interaction_type": ["view"],
        "position": 1,
        "metadata": {},
        "query_snapshot": {},
        "document_score": 0.25,
        "result_set_size": 11,
        "occurred_at": "2026-02-01",
    }
    assert read(FULL).digest() != read(FULL | {name: other.get(name, "other")}).digest()


def test_the_age_does_not_count_in_the_digest() -> None:
    ages = [read(CLICK | {"age_ms": age}).digest() for age in (0, 10**6)]
    assert {*ages, read(CLICK).digest()} == {ages[0]}


def test_a_stored_interaction_was_recorded_when_its_id_says() -> None:
    click = an_interaction()
    assert click.recorded_at == time_of(click.id)


names = st.text(min_size=1, max_size=4).filter(lambda text: "\x00" not in text)
types = st.lists(st.sampled_from(INTERACTION_TYPES[:4]), min_size=1, max_size=3, unique=True)


@given(
    a=st.tuples(st.integers(1, 30), names, names, types),
    b=st.tuples(st.integers(1, 30), names, names, types),
)
def test_dedup_keys_are_equal_for_equal_parts_and_a_set_of_types(
    a: tuple[int, str, str, list[str]], b: tuple[int, str, str, list[str]]
) -> None:
    same = (*a[:3], set(a[3])) == (*b[:3], set(b[3]))
    keys = [dedup_key(*parts[:3], tuple(parts[3])) for parts in (a, b)]
    assert (keys[0] == keys[1]) == same
    assert dedup_key(*a[:3], tuple(reversed(a[3]))) == keys[0]


def test_there_is_no_dedup_key_without_an_execution() -> None:
    assert dedup_key(1, None, "doc_1", ("click",)) is None


def test_parts_of_dedup_keys_do_not_run_together() -> None:
    parts = [(1, "ab", "c"), (1, "a", "bc"), (11, "ab", "c"), (1, "1ab", "c")]
    assert len({dedup_key(*part, ("click",)) for part in parts}) == 4


def test_a_dedup_key_is_short_however_long_the_ids_are() -> None:
    key = dedup_key(2**62, "é" * 128, "x" * 256, INTERACTION_TYPES)
    assert key is not None
    assert len(key) <= 64
