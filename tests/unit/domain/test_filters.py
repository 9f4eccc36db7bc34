"""What filters accept, refuse and match."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from desirepath.domain import filters
from desirepath.domain.filters import (
    OPERATORS,
    And,
    Condition,
    FieldKind,
    Filter,
    Not,
    Or,
    compile_filter,
    needs_narrowing,
    parse_filter,
    search_matches,
)
from desirepath.domain.filters.text import fold, split_words, stem
from desirepath.errors import InvalidFilter

FIELDS = {
    "interaction_id": FieldKind.TEXT,
    "feature_id": FieldKind.TEXT,
    "interaction_type": FieldKind.TEXT_ARRAY,
    "position": FieldKind.INTEGER,
    "metadata": FieldKind.OBJECT,
    "user_id": FieldKind.TEXT,
    "document_score": FieldKind.NUMBER,
    "timestamp": FieldKind.TIME,
    "deduplicated": FieldKind.BOOLEAN,
}
ALIASES = {"created_at": "timestamp", "document_id": "feature_id"}

RECORD: dict[str, object] = {
    "interaction_id": "int_1",
    "feature_id": "doc_7",
    "interaction_type": ["view", "click"],
    "position": 3,
    "metadata": {
        "title": "Red Running Shoes",
        "device": {"name": "phone", "width": 390},
        "tags": ["sale", "Summer"],
        "sizes": [41, 42.5],
        "empty": [],
        "gone": None,
        "flag": True,
        "items": [{"color": "red", "stock": 1}, {"color": "blue"}, "loose", {"color": None}],
        "grid": [[1, 2], [3, 4]],
    },
    "user_id": None,
    "document_score": 0.5,
    "timestamp": datetime(2026, 3, 1, 12, tzinfo=UTC),
    "deduplicated": False,
}


def parse(raw: object, **options: Any) -> Filter:
    return parse_filter(raw, FIELDS, ALIASES, **options)


def matches(raw: object, record: Mapping[str, object] = RECORD) -> bool:
    return compile_filter(parse(raw))(record)


def holds(field: str, operator: str, value: object, **more: object) -> bool:
    return matches({"field": field, "operator": operator, "value": value, **more})


def on(value: object, operator: str, operand: object, **more: object) -> bool:
    """Whether a value inside metadata satisfies a condition."""
    raw = {"field": "metadata.x", "operator": operator, "value": operand, **more}
    return matches(raw, {"metadata": {"x": value}})


def refusal(raw: object, **options: Any) -> InvalidFilter:
    with pytest.raises(InvalidFilter) as refused:
        parse(raw, **options)
    return refused.value


def attempt(raw: object) -> Filter | InvalidFilter:
    try:
        return parse(raw)
    except InvalidFilter as error:
        return error


CANARY = "kanarie"

# Strategies: JSON, and filters that are well formed.

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
)
JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("ab0.é", max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)
GRAMMAR_WORDS = st.sampled_from(
    [
        "AND",
        "OR",
        "NOT",
        "field",
        "operator",
        "value",
        "case_sensitive",
        "type",
        "dynamic",
        "(",
        "$",
        "$in",
        "geo_radius",
        "metadata.a",
        "metadata.a.0",
        "metadata.",
        "created_at",
        "2026-01-01",
        "0001-01-01T00:00+14:00",
        *FIELDS,
        *OPERATORS,
        "",
    ]
)
FILTER_LIKE: st.SearchStrategy[Any] = st.recursive(
    SCALARS | GRAMMAR_WORDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(GRAMMAR_WORDS | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=25,
)
PLAIN_WORDS = st.sampled_from(["red", "Red", "re", "shoes", "red shoes", "", "blue's"])
OPERANDS = st.none() | st.booleans() | st.integers(-2, 2) | st.just(1.0) | PLAIN_WORDS
CONDITIONS = st.one_of(
    st.tuples(
        st.sampled_from(["eq", "ne", "gt", "gte", "lt", "lte"]),
        OPERANDS,
    ),
    st.tuples(st.sampled_from(["in", "nin"]), st.lists(OPERANDS, max_size=3)),
    st.tuples(st.sampled_from(["contains", "starts_with", "ends_with", "text"]), PLAIN_WORDS),
    st.tuples(st.sampled_from(["exists", "is_null"]), st.booleans()),
).map(lambda pair: {"field": "metadata.x", "operator": pair[0], "value": pair[1]})
FILTERS: st.SearchStrategy[Any] = st.recursive(
    CONDITIONS,
    lambda inner: st.dictionaries(
        st.sampled_from(["AND", "OR", "NOT"]), st.lists(inner, max_size=3), max_size=2
    ),
    max_leaves=6,
)
RECORDS = st.fixed_dictionaries(
    {"metadata": st.fixed_dictionaries({}, optional={"x": OPERANDS | st.lists(OPERANDS)})}
)


def test_exported_names_are_sorted_and_exist() -> None:
    # As ruff sorts them (RUF022): constants, then classes, then functions.
    order = sorted(
        filters.__all__,
        key=lambda name: (not name.isupper(), not name[0].isupper(), name),
    )
    assert order == filters.__all__
    assert all(hasattr(filters, name) for name in filters.__all__)


class TestGrammar:
    def test_a_condition_becomes_a_frozen_value(self) -> None:
        parsed = parse({"field": "position", "operator": "lte", "value": 5})
        assert Condition(("position",), FieldKind.INTEGER, "lte", 5, False) == parsed
        with pytest.raises(AttributeError):
            parsed.operator = "gt"  # type: ignore[misc]

    def test_the_operator_is_eq_when_left_out_or_null(self) -> None:
        assert parse({"field": "position", "value": 5}) == parse({"position": 5})
        assert parse({"field": "position", "operator": None, "value": 5}) == parse({"position": 5})

    def test_a_condition_as_the_generated_sdk_sends_it_is_a_condition(self) -> None:
        sent = {"case_sensitive": False, "field": "position", "operator": "lte", "value": 5}
        assert parse({"position": {"lte": 5}}) == parse(sent)
        assert parse({"AND": [sent], "case_sensitive": False}) == And((parse(sent),))

    def test_null_groups_are_left_out(self) -> None:
        sent = {"AND": None, "OR": None, "NOT": None, "case_sensitive": None}
        assert And(()) == parse(sent)
        assert parse({"position": 5}) == parse({**sent, "field": "position", "value": 5})

    def test_shorthand_is_equality(self) -> None:
        expected = Condition(("metadata", "title"), None, "eq", "x", False)
        assert expected == parse({"metadata.title": "x"})

    def test_shorthand_with_an_array_means_one_of_them(self) -> None:
        expected = Condition(
            ("interaction_type",), FieldKind.TEXT_ARRAY, "in", ("click", "share"), False
        )
        assert expected == parse({"interaction_type": ["click", "share"]})

    def test_several_operators_in_an_object_must_all_hold(self) -> None:
        low, high = parse({"position": {"gte": 1}}), parse({"position": {"lt": 4}})
        assert And((low, high)) == parse({"position": {"gte": 1, "lt": 4}})

    @pytest.mark.parametrize("operator", OPERATORS)
    def test_operators_may_wear_a_dollar(self, operator: str) -> None:
        value = {"in": ["a"], "nin": ["a"], "exists": True, "is_null": True}.get(operator, "a")
        plain = parse({"field": "user_id", "operator": operator, "value": value})
        assert isinstance(plain, Condition)
        assert operator == plain.operator
        assert plain == parse({"user_id": {f"${operator}": value}})
        assert plain == parse({"field": "user_id", "operator": f"${operator}", "value": value})

    def test_several_keys_and_groups_must_all_hold(self) -> None:
        one, two, three = ({"position": number} for number in (1, 2, 3))
        parsed = parse({"user_id": "u", "AND": [one, two], "OR": [two, three], "NOT": [three]})
        first, second, third = map(parse, (one, two, three))
        expected = And(
            (parse({"user_id": "u"}), And((first, second)), Or((second, third)), Not((third,)))
        )
        assert expected == parsed

    def test_not_takes_an_array_or_one_filter(self) -> None:
        assert Not((parse({"position": 1}),)) == parse({"NOT": {"position": 1}})
        assert Not((parse({"position": 1}),)) == parse({"NOT": [{"position": 1}]})

    def test_aliases_become_the_fields_own_name(self) -> None:
        assert parse({"feature_id": "d"}) == parse({"document_id": "d"})
        assert parse({"timestamp": "2026-01-01"}) == parse({"created_at": "2026-01-01"})

    def test_an_object_of_operators_is_one_only_if_every_key_is_an_operator(self) -> None:
        mixed = parse({"metadata.x": {"gte": 1, "unit": "cm"}})
        assert Condition(("metadata", "x"), None, "eq", {"gte": 1, "unit": "cm"}, False) == mixed
        assert Condition(("metadata", "x"), None, "eq", {}, False) == parse({"metadata.x": {}})
        whole = Condition(("metadata",), FieldKind.OBJECT, "eq", {"a": 1}, False)
        assert whole == parse({"metadata": {"a": 1}})

    def test_values_are_copied_and_cannot_change_afterwards(self) -> None:
        sent: dict[str, Any] = {"metadata.x": {"deep": ["a"]}}
        parsed = parse(sent)
        sent["metadata.x"]["deep"].append("b")
        assert Condition(("metadata", "x"), None, "eq", {"deep": ("a",)}, False) == parsed

    def test_case_sensitivity_is_inherited_and_overridden(self) -> None:
        raw = {
            "case_sensitive": True,
            "user_id": "a",
            "AND": [
                {"field": "user_id", "value": "b"},
                {"field": "user_id", "value": "c", "case_sensitive": False},
                {"case_sensitive": False, "OR": [{"user_id": "d"}]},
                {"field": "user_id", "value": "e", "case_sensitive": None},
            ],
        }
        found: dict[object, bool] = {}

        def collect(node: Filter) -> None:
            if isinstance(node, Condition):
                found[node.value] = node.case_sensitive
            else:
                for child in node.children:
                    collect(child)

        collect(parse(raw))
        assert found == {"a": True, "b": True, "c": False, "d": False, "e": True}

    def test_nothing_is_case_sensitive_by_itself(self) -> None:
        parsed = parse({"user_id": "a"})
        assert isinstance(parsed, Condition)
        assert parsed.case_sensitive is False

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
            ("2026-01-31T12:30:00", datetime(2026, 1, 31, 12, 30, tzinfo=UTC)),
            ("2026-01-31T12:30:00Z", datetime(2026, 1, 31, 12, 30, tzinfo=UTC)),
            ("2026-01-31T12:30:00.000001+02:00", datetime(2026, 1, 31, 10, 30, 0, 1, tzinfo=UTC)),
        ],
    )
    def test_times_are_read_as_utc(self, text: str, expected: datetime) -> None:
        parsed = parse({"timestamp": text})
        assert isinstance(parsed, Condition)
        assert parsed.value == expected
        assert isinstance(parsed.value, datetime)
        assert parsed.value.tzinfo is UTC

    def test_times_are_read_inside_lists_too(self) -> None:
        parsed = parse({"timestamp": ["2026-01-31", None]})
        assert isinstance(parsed, Condition)
        assert parsed.value == (datetime(2026, 1, 31, tzinfo=UTC), None)


class TestRefusal:
    @pytest.mark.parametrize("raw", [None, [], "position", 5, True, [{"position": 5}]])
    def test_what_is_no_object_is_refused(self, raw: object) -> None:
        assert refusal(raw).location == ()

    def test_an_unknown_field_is_answered_with_the_fields_and_aliases(self) -> None:
        error = refusal({"AND": [{"colour": "red"}]})
        assert error.location == ("AND", 0)
        assert ", ".join(sorted({*FIELDS, *ALIASES})) in error.message
        assert refusal({"field": "colour", "value": "red"}).location == ("field",)

    @pytest.mark.parametrize("field", [5, None, ["position"], {"a": 1}, "", ".", ".position"])
    def test_a_field_that_is_no_name_is_refused(self, field: object) -> None:
        assert refusal({"field": field, "value": 1}).location == ("field",)

    @pytest.mark.parametrize("name", ["position.x", "timestamp.year", "interaction_type.0"])
    def test_nothing_lies_below_a_field_that_is_no_object(self, name: str) -> None:
        error = refusal({name: 1})
        assert error.message == f"{name.partition('.')[0]} is no object: nothing lies below it."

    @pytest.mark.parametrize(
        "name", ["metadata.", "metadata..x", "metadata" + ".a" * 33, "metadata.\0"]
    )
    def test_a_path_that_no_value_can_have_is_refused(self, name: str) -> None:
        refusal({name: 1})

    def test_an_unknown_operator_is_answered_with_the_operators(self) -> None:
        operators: list[object] = ["equals", "$", "$$eq", "EQ", 5, ["eq"], {}]
        for operator in operators:
            error = refusal({"field": "position", "operator": operator, "value": 1})
            assert error.location == ("operator",)
            assert ", ".join(OPERATORS) in error.message

    @pytest.mark.parametrize("value", [{}, {"equals": 1}, {"gte": 1, "equals": 1}])
    def test_an_object_for_a_plain_field_holds_operators_only(self, value: object) -> None:
        error = refusal({"position": value})
        assert error.location == ("position",)
        assert ", ".join(OPERATORS) in error.message

    @pytest.mark.parametrize("operator", ["geo_radius", "geo_bounding_box", "geo_polygon"])
    def test_geo_operators_have_no_field(self, operator: str) -> None:
        raw = {"field": "metadata.place", "operator": operator, "value": {"lat": 1}}
        assert "No field holds a place" in refusal(raw).message
        shorthand: dict[str, object] = {"metadata.place": {f"${operator}": {}}}
        assert refusal(shorthand).location == ("metadata", f"${operator}")

    @pytest.mark.parametrize(
        "raw",
        [
            {"user_id": {"type": "dynamic", "field": "inputs.user_id"}},
            {"metadata.user": {"type": "dynamic", "field": "inputs.user_id"}},
            {"user_id": [{"type": "dynamic", "field": "inputs.user_id"}]},
            {"field": "user_id", "value": {"type": "dynamic", "field": "inputs.user_id"}},
            {"timestamp": {"gt": {"type": "dynamic", "field": "inputs.since"}}},
        ],
    )
    def test_dynamic_values_are_refused(self, raw: object) -> None:
        assert "dynamic" in refusal(raw).message

    def test_a_condition_needs_a_value(self) -> None:
        error = refusal({"OR": [{"field": "user_id", "operator": "exists"}]})
        assert error.message == "A condition needs a value."
        assert error.location == ("OR", 0)

    def test_a_condition_takes_nothing_else(self) -> None:
        refusal({"field": "position", "value": 5, "user_id": "u"})
        refusal({"field": "position", "value": 5, "AND": []})

    @pytest.mark.parametrize("name", ["AND", "OR"])
    def test_and_and_or_take_arrays(self, name: str) -> None:
        assert refusal({name: {"position": 1}}).location == (name,)
        assert refusal({"NOT": "x"}).location == ("NOT",)

    @pytest.mark.parametrize("flag", ["true", 1, 0, [], {}])
    def test_case_sensitive_is_a_boolean(self, flag: object) -> None:
        raw = {"AND": [{"field": "user_id", "value": "u", "case_sensitive": flag}]}
        assert refusal(raw).location == ("AND", 0, "case_sensitive")
        assert refusal({"case_sensitive": flag}).location == ("case_sensitive",)

    @pytest.mark.parametrize("operator", ["exists", "is_null"])
    @pytest.mark.parametrize("value", ["true", 1, None, []])
    def test_null_tests_take_booleans(self, operator: str, value: object) -> None:
        assert refusal({"user_id": {operator: value}}).location == ("user_id", operator)

    @pytest.mark.parametrize("operator", ["in", "nin"])
    @pytest.mark.parametrize("value", ["a", None, {"a": 1}, 5])
    def test_lists_of_values_are_arrays(self, operator: str, value: object) -> None:
        assert refusal({"user_id": {operator: value}}).location == ("user_id", operator)

    @pytest.mark.parametrize("operator", ["gt", "gte", "lt", "lte"])
    @pytest.mark.parametrize("value", [[1], {"a": 1}])
    def test_arrays_and_objects_have_no_order(self, operator: str, value: object) -> None:
        refusal({"metadata.x": {operator: value}})

    @pytest.mark.parametrize(
        "operator", ["contains", "starts_with", "ends_with", "regex", "text", "phrase", "words"]
    )
    @pytest.mark.parametrize("value", [5, None, True, ["a"], {"a": 1}])
    def test_text_operators_take_text(self, operator: str, value: object) -> None:
        refusal({"metadata.x": {operator: value}})

    @pytest.mark.parametrize(
        "operator", ["contains", "starts_with", "ends_with", "regex", "text", "phrase", "words"]
    )
    def test_text_operators_do_not_look_at_times(self, operator: str) -> None:
        assert "this field is a time" in refusal({"created_at": {operator: "2026"}}).message

    @pytest.mark.parametrize("operator", ["phrase", "words"])
    @pytest.mark.parametrize("value", ["", "  ", "!?"])
    def test_word_operators_need_a_word(self, operator: str, value: str) -> None:
        refusal({"user_id": {operator: value}})

    @pytest.mark.parametrize(
        "value",
        [
            "yesterday",
            "2026-02-30",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-14:00",
            "",
            "9" * 99,
            1767225600,
            True,
        ],
    )
    def test_what_is_no_time_is_refused(self, value: object) -> None:
        assert "ISO 8601" in refusal({"timestamp": {"gte": value}}).message
        assert refusal({"timestamp": ["2026-01-01", value]}).location == ("timestamp", 1)

    def test_an_array_or_object_is_no_time(self) -> None:
        for value in ({"a": 1}, ["2026-01-01"]):
            assert "ISO 8601" in refusal({"timestamp": {"eq": value}}).message

    @pytest.mark.parametrize("pattern", ["(", "a{2,1}", "(?=a)", r"(a)\1", "a" * 1001, "[[:x:]]"])
    def test_patterns_that_re2_cannot_use_are_refused(self, pattern: str) -> None:
        assert refusal({"user_id": {"regex": pattern}}).location == ("user_id", "regex")

    @pytest.mark.parametrize("pattern", [r"(\pL{20}){40}", r"\pL{9}", "(.{1,30}){1,30}"])
    def test_patterns_that_cost_too_much_are_refused(self, pattern: str) -> None:
        refusal({"user_id": {"regex": pattern}})

    def test_a_refused_pattern_is_not_written_to_stderr(
        self, capfd: pytest.CaptureFixture[str]
    ) -> None:
        refusal({"user_id": {"regex": "(secret"}})
        assert capfd.readouterr().err == ""

    @pytest.mark.parametrize(
        "value", [float("nan"), float("inf"), 2**63, "\ud800", "\0", b"x", (1,), {1: 2}]
    )
    def test_what_no_database_keeps_is_refused(self, value: object) -> None:
        refusal({"field": "metadata.x", "value": value})

    def test_deep_values_are_refused(self) -> None:
        value: list[object] = []
        for _ in range(100_000):
            value = [value]
        refusal({"field": "metadata.x", "value": value})

    def test_groups_nest_ten_deep_and_no_deeper(self) -> None:
        def nested(depth: int) -> dict[str, Any]:
            return {"NOT": nested(depth - 1)} if depth else {"position": 3}

        assert matches(nested(10)) is True
        assert refusal(nested(11)).location == ("NOT",) * 11
        assert refusal(nested(100)).location == ("NOT",) * 11
        parse(nested(2), max_depth=2)
        assert "2 deep" in refusal(nested(3), max_depth=2).message

    def test_a_filter_has_a_thousand_parts_and_no_more(self) -> None:
        parse({"OR": [{"field": "position", "value": n} for n in range(999)]})
        error = refusal({"OR": [{"field": "position", "value": n} for n in range(1000)]})
        assert error.location == ("OR", 999, "value")
        refusal({"AND": [{}] * 1000})
        refusal({f"metadata.{n}": n for n in range(1000)})

    def test_in_takes_ten_thousand_values_and_no_more(self) -> None:
        parse({"position": list(range(10_000))})
        refusal({"position": list(range(10_001))})

    def test_paths_and_patterns_may_be_as_long_as_the_limits(self) -> None:
        parse({"metadata" + ".a" * 32: 1})
        parse({"user_id": {"regex": "a" * 1000}})

    @given(FILTER_LIKE | JSON)
    def test_only_invalid_filter_is_ever_raised(self, raw: object) -> None:
        parsed = attempt(raw)
        if isinstance(parsed, InvalidFilter):
            assert parsed.message
            assert all(isinstance(step, str | int) for step in parsed.location)
        else:
            assert isinstance(compile_filter(parsed)(RECORD), bool)

    @given(FILTER_LIKE)
    def test_refusals_of_any_kind_never_show_what_was_sent(self, raw: object) -> None:
        for sent in (_mark(raw), {"AND": [_mark(raw)]}, {"metadata.x": _mark(raw)}):
            refused = attempt(sent)
            if isinstance(refused, InvalidFilter):
                assert CANARY not in refused.message
                assert CANARY not in repr(refused.location)

    @pytest.mark.parametrize(
        "raw",
        [
            CANARY,
            {CANARY: 1},
            {f"position.{CANARY}": 1},
            {f"metadata..{CANARY}": 1},
            {"field": CANARY, "value": 1},
            {"field": "position", "operator": CANARY, "value": 1},
            {"field": "position", "value": 1, CANARY: 1},
            {"position": {CANARY: 1}},
            {"metadata.x": {"regex": f"({CANARY}"}},
            {"metadata.x": {"in": CANARY}},
            {"metadata.x": {"exists": CANARY}},
            {"metadata.x": {"type": "dynamic", "field": CANARY}},
            {f"metadata.{CANARY}": {"gte": []}},
            {"timestamp": CANARY},
            {"timestamp": [CANARY]},
            {"case_sensitive": CANARY},
            {"OR": CANARY},
        ],
    )
    def test_no_refusal_shows_what_was_sent(self, raw: object) -> None:
        error = refusal(raw)
        assert CANARY not in error.message
        assert CANARY not in repr(error.location)


def _mark(value: Any) -> Any:
    """Put a word that must not come back into every key and text that is not the grammar's."""
    known = {"AND", "OR", "NOT", "field", "operator", "value", "case_sensitive", "type", "dynamic"}
    if isinstance(value, str):
        return value if value in known or value in OPERATORS else value + CANARY
    if isinstance(value, list):
        return [_mark(item) for item in value]
    if isinstance(value, dict):
        return {_mark(key): _mark(item) for key, item in value.items()}
    return value


class TestGroups:
    def test_an_empty_filter_matches_everything(self) -> None:
        assert matches({}) is True
        assert matches({}, {}) is True

    def test_empty_groups_follow_logic(self) -> None:
        assert matches({"AND": []}) is True
        assert matches({"NOT": []}) is True
        assert matches({"OR": []}) is False

    def test_and_needs_all_or_needs_one_not_needs_none(self) -> None:
        yes, no = {"position": 3}, {"position": 4}
        assert [matches({"AND": [a, b]}) for a in (yes, no) for b in (yes, no)] == [
            True,
            False,
            False,
            False,
        ]
        assert [matches({"OR": [a, b]}) for a in (yes, no) for b in (yes, no)] == [
            True,
            True,
            True,
            False,
        ]
        assert [matches({"NOT": [a, b]}) for a in (yes, no) for b in (yes, no)] == [
            False,
            False,
            False,
            True,
        ]

    @given(FILTERS, RECORDS)
    def test_negating_twice_changes_nothing(self, raw: object, record: dict[str, object]) -> None:
        assert matches({"NOT": [{"NOT": [raw]}]}, record) is matches(raw, record)

    @given(FILTERS, FILTERS, RECORDS)
    def test_not_any_is_all_not(self, one: object, two: object, record: dict[str, object]) -> None:
        none_of = matches({"NOT": [one, two]}, record)
        assert none_of is (not matches({"OR": [one, two]}, record))
        assert none_of is matches({"AND": [{"NOT": one}, {"NOT": two}]}, record)

    @given(st.lists(FILTERS, max_size=4), st.randoms(use_true_random=False), RECORDS)
    def test_the_order_of_children_does_not_matter(
        self, children: list[object], rng: random.Random, record: dict[str, object]
    ) -> None:
        shuffled = rng.sample(children, len(children))
        for name in ("AND", "OR", "NOT"):
            assert matches({name: children}, record) is matches({name: shuffled}, record)


class TestEquality:
    @pytest.mark.parametrize(
        ("value", "operand", "expected"),
        [
            ("a", "a", True),
            ("a", "A", False),
            ("é", "e\u0301", False),  # NFC and NFD are other code points
            (1, 1.0, True),
            (0, -0.0, True),
            (2**53 + 1, float(2**53), False),  # exactly, not as floats
            (1, "1", False),
            (1, True, False),
            (0, False, False),
            (True, True, True),
            (None, None, True),
            (None, False, False),
            ("", None, False),
            ([1, 2], [1, 2], True),
            ([1, 2], [2, 1], False),
            ([1, 2], 2, True),
            ([1, 2], [2], False),
            ([[1, 2], 3], [1, 2], True),
            ([[[1, 2]]], [1, 2], False),
            ([1, None], None, False),
            ([], None, False),
            ([], [], True),
            ([1], [True], False),
            ({"a": 1, "b": [2]}, {"b": [2.0], "a": 1}, True),
            ({"a": 1}, {"a": 1, "b": None}, False),
            ({"a": True}, {"a": 1}, False),
            ([{"a": 1}], {"a": 1}, True),
        ],
    )
    def test_eq(self, value: object, operand: object, expected: bool) -> None:
        assert on(value, "eq", operand) is expected
        assert on(value, "in", ["other", operand]) is expected
        assert on(value, "ne", operand) is not expected
        assert on(value, "nin", [operand, "other"]) is not expected

    def test_equality_always_looks_at_case(self) -> None:
        assert on("Red", "eq", "red", case_sensitive=False) is False

    def test_in_nothing_never_holds_and_not_in_nothing_always(self) -> None:
        values: list[object] = [1, None, "a", []]
        for value in values:
            assert on(value, "in", []) is False
            assert on(value, "nin", []) is True

    def test_types_match_by_membership(self) -> None:
        assert matches({"interaction_type": "click"}) is True
        assert matches({"interaction_type": ["share", "view"]}) is True
        assert matches({"interaction_type": {"ne": "click"}}) is False
        assert matches({"interaction_type": {"nin": ["share"]}}) is True
        assert holds("interaction_type", "eq", ["view", "click"]) is True
        assert holds("interaction_type", "eq", ["view"]) is False

    def test_arrays_may_be_tuples(self) -> None:
        assert matches({"interaction_type": "click"}, {"interaction_type": ("click",)}) is True
        whole = {"field": "interaction_type", "value": ["click"]}
        assert matches(whole, {"interaction_type": ("click",)}) is True

    @given(JSON)
    def test_every_value_equals_itself(self, value: object) -> None:
        copy = json.loads(json.dumps(value))
        raw = {"field": "metadata.x", "operator": "eq", "value": copy}
        assert matches(raw, {"metadata": {"x": value}}) is True

    @given(OPERANDS | st.lists(OPERANDS, max_size=3), RECORDS)
    def test_ne_and_nin_negate_exactly(self, value: object, record: dict[str, object]) -> None:
        values = value if isinstance(value, list) else [value]
        for operator, opposite, operand in (("eq", "ne", value), ("in", "nin", values)):
            holds = matches({"metadata.x": {operator: operand}}, record)
            assert matches({"metadata.x": {opposite: operand}}, record) is not holds

    @given(st.lists(OPERANDS, max_size=4), RECORDS)
    def test_in_is_eq_with_any(self, values: list[object], record: dict[str, object]) -> None:
        any_eq = {"OR": [{"field": "metadata.x", "value": value} for value in values]}
        one_of = {"field": "metadata.x", "operator": "in", "value": values}
        assert matches(one_of, record) is matches(any_eq, record)


class TestOrder:
    @pytest.mark.parametrize(
        ("value", "operand", "holding"),
        [
            (1, 2, {"lt", "lte"}),
            (2, 2.0, {"lte", "gte"}),
            (2.5, 2, {"gt", "gte"}),
            (2**53 + 1, float(2**53), {"gt", "gte"}),
            ("a", "b", {"lt", "lte"}),
            ("B", "a", {"lt", "lte"}),  # by code point, not as in a dictionary
            ("\uffff", "\U00010000", {"lt", "lte"}),  # not by UTF-16 unit
            ("10", "9", {"lt", "lte"}),
            ("1", 2, set()),
            (1, "2", set()),
            (True, 0, set()),
            (1, False, set()),
            (True, False, set()),
            (None, 0, set()),
            (1, None, set()),
            ({"a": 1}, 0, set()),
            ([1, 9], 5, {"gt", "gte", "lt", "lte"}),  # one element each way
            ([], 5, set()),
            (["9", True], 5, set()),
        ],
    )
    def test_order(self, value: object, operand: object, holding: set[str]) -> None:
        found = {name for name in ("gt", "gte", "lt", "lte") if on(value, name, operand)}
        assert found == holding

    @given(st.text(), st.text())
    def test_text_orders_as_its_utf8_bytes(self, one: str, two: str) -> None:
        assume("\0" not in two)
        assert on(one, "lt", two) is (one.encode() < two.encode())

    def test_times_compare_as_instants(self) -> None:
        assert matches({"timestamp": {"eq": "2026-03-01T13:00:00+01:00"}}) is True
        assert matches({"timestamp": ["2026-03-01T12:00:00Z"]}) is True
        assert matches({"created_at": {"gte": "2026-03-01", "lt": "2026-03-02"}}) is True
        assert matches({"created_at": {"lte": "2026-03-01"}}) is False  # midnight is its start
        assert matches({"timestamp": {"gt": None}}) is False
        assert matches({"timestamp": {"ne": "2026-03-01T12:00:00"}}) is False

    def test_a_missing_time_is_null(self) -> None:
        assert matches({"timestamp": {"lt": "2026-03-01"}}, {}) is False
        assert matches({"timestamp": None}, {}) is True
        assert matches({"timestamp": {"ne": "2026-03-01"}}, {}) is True

    def test_a_value_of_another_type_is_no_error(self) -> None:
        assert matches({"position": {"lt": "5"}}) is False
        assert matches({"position": {"contains": "3"}}) is False
        assert matches({"position": {"ne": "3"}}) is True


class TestPaths:
    @pytest.mark.parametrize(
        "missing",
        [
            "user_id",
            "metadata.gone",
            "metadata.nowhere",
            "metadata.title.x",
            "metadata.device.name.x",
            "metadata.tags.9",
            "metadata.tags.x",
            "metadata.tags.-1",
            "metadata.tags.١",
            "metadata.items.size",
            "metadata.flag.x",
            "metadata.empty.0",
            f"metadata.tags.{'9' * 5000}",
        ],
    )
    def test_what_is_missing_is_null(self, missing: str) -> None:
        assert holds(missing, "exists", True) is False
        assert holds(missing, "exists", False) is True
        assert holds(missing, "is_null", True) is True
        assert holds(missing, "is_null", False) is False
        assert holds(missing, "eq", None) is True
        assert holds(missing, "ne", None) is False
        assert holds(missing, "ne", "x") is True
        assert holds(missing, "in", ["x", None]) is True
        assert holds(missing, "nin", ["x", None]) is False
        assert holds(missing, "contains", "") is False
        assert holds(missing, "lt", 5) is False

    @pytest.mark.parametrize(
        "present", ["position", "metadata", "metadata.empty", "metadata.flag", "metadata.device"]
    )
    def test_what_is_there_is_not_null(self, present: str) -> None:
        assert holds(present, "exists", True) is True
        assert holds(present, "is_null", True) is False
        assert holds(present, "eq", None) is False

    def test_metadata_may_be_null_or_missing(self) -> None:
        assert matches({"metadata.x": None}, {"metadata": None}) is True
        assert matches({"metadata.x": None}, {}) is True
        assert matches({"metadata": None}, {"metadata": None}) is True

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("device.width", 390),
            ("tags.1", "Summer"),
            ("sizes.1", 42.5),
            ("grid.1.0", 3),
            ("grid.1", 4),
            ("items.0.color", "red"),
            ("items.color", "red"),
            ("items.color", "blue"),
            ("items.stock", 1),
            ("items", "loose"),
        ],
    )
    def test_paths_reach_into_objects_and_arrays(self, path: str, value: object) -> None:
        assert holds(f"metadata.{path}", "eq", value) is True
        assert holds(f"metadata.{path}", "ne", value) is False

    def test_a_key_of_digits_is_a_key_in_an_object(self) -> None:
        assert matches({"metadata.0": "a"}, {"metadata": {"0": "a"}}) is True

    def test_values_found_through_an_array_may_each_match(self) -> None:
        assert holds("metadata.items.color", "starts_with", "bl") is True
        assert holds("metadata.items.color", "in", ["green", "blue"]) is True
        assert holds("metadata.items.color", "ne", "green") is True
        assert holds("metadata.items.color", "eq", ["red", "blue"]) is False  # no such array

    @given(JSON, st.lists(st.sampled_from(["a", "b", "0", "1"]), min_size=1, max_size=5))
    def test_any_path_through_any_value_is_found_or_null(
        self, value: object, steps: list[str]
    ) -> None:
        path = ".".join(["metadata", *steps])
        record: dict[str, object] = {"metadata": value}
        exists = matches({path: {"exists": True}}, record)
        assert exists is not matches({path: None}, record)


class TestText:
    @pytest.mark.parametrize(
        ("operator", "operand"),
        [
            ("contains", "running"),
            ("starts_with", "red "),
            ("ends_with", "SHOES"),
            ("text", "D RUN"),
            ("phrase", "red running"),
            ("regex", "RUN+ing"),
        ],
    )
    def test_case_matters_only_when_asked(self, operator: str, operand: str) -> None:
        assert holds("metadata.title", operator, operand) is True
        sensitive = holds("metadata.title", operator, operand, case_sensitive=True)
        assert sensitive is (operator == "text")
        assert holds("metadata.title", operator, operand, case_sensitive=False) is True

    @pytest.mark.parametrize(
        ("operator", "operand"),
        [
            ("contains", "d R"),
            ("starts_with", "Red"),
            ("ends_with", "Shoes"),
            ("phrase", "Running Shoes"),
            ("regex", "^Red"),
        ],
    )
    def test_the_same_case_matches_when_case_matters(self, operator: str, operand: str) -> None:
        assert holds("metadata.title", operator, operand, case_sensitive=True) is True

    def test_position_in_the_text_counts(self) -> None:
        assert on("abc", "starts_with", "b") is False
        assert on("abc", "ends_with", "b") is False
        assert on("abc", "contains", "ac") is False
        for operator in ("contains", "starts_with", "ends_with", "text"):
            assert on("abc", operator, "abc") is True
            assert on("abc", operator, "") is True
            assert on("abc", operator, "abcd") is False

    def test_special_characters_are_plain(self) -> None:
        assert on("50% off_", "contains", "%") is True
        assert on("50 off", "contains", "%") is False
        assert on("50 off", "contains", "5_") is False
        assert on("a.b", "contains", "a.b") is True
        assert on("axb", "contains", "a.b") is False

    def test_folding_is_ascii(self) -> None:
        assert on("CAFÉ", "contains", "cafÉ") is True
        assert on("CAFÉ", "contains", "café") is False
        assert on("\N{KELVIN SIGN}", "contains", "k") is False

    def test_patterns_fold_as_re2_does(self) -> None:
        assert on("CAFÉ", "regex", "café") is True
        assert on("CAFÉ", "regex", "café", case_sensitive=True) is False

    def test_elements_of_an_array_match_each(self) -> None:
        assert holds("interaction_type", "contains", "lic") is True
        assert holds("interaction_type", "starts_with", "vi") is True
        assert holds("metadata.tags", "ends_with", "MER") is True
        assert holds("metadata.tags", "words", "sale summer") is False  # not in one element
        assert holds("metadata.sizes", "contains", "4") is False

    @pytest.mark.parametrize("value", [5, True, None, {"a": "abc"}, [5], [["abc"]]])
    @pytest.mark.parametrize(
        "operator", ["contains", "starts_with", "ends_with", "text", "phrase", "words", "regex"]
    )
    def test_what_is_no_text_never_matches(self, operator: str, value: object) -> None:
        assert on(value, operator, "abc") is False

    @given(st.text(), st.text(max_size=3).filter(lambda text: "\0" not in text))
    def test_contains_agrees_with_folding_by_hand(self, text: str, part: str) -> None:
        def by_hand(text: str) -> str:
            return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)

        assert fold(text) == by_hand(text)
        assert on(text, "contains", part) is (by_hand(part) in by_hand(text))
        assert on(text, "contains", part, case_sensitive=True) is (part in text)

    @given(st.text(alphabet="aBé Z'", max_size=6), st.text(alphabet="abÉ z'", max_size=3))
    def test_ascii_case_never_changes_an_insensitive_answer(self, text: str, part: str) -> None:
        for operator in ("contains", "starts_with", "ends_with", "text"):
            answers = {
                on(t, operator, p)
                for t in (text, fold(text))
                for p in (part, fold(part), part.translate({97: 65, 98: 66, 122: 90}))
            }
            assert len(answers) == 1


class TestRegex:
    @pytest.mark.parametrize(
        ("text", "pattern", "expected"),
        [
            ("abc", "b", True),
            ("abc", "^b", False),
            ("abc", "^a.c$", True),
            ("a\nb", "a.b", False),
            ("a\nb", "(?s)a.b", True),
            ("a\nb", "^b", False),
            ("héllo", "^h.llo$", True),  # a character, not a byte
            ("日本", r"^\p{Han}{2}$", True),
            ("", "", True),
            ("abc", "(?i)B", True),
        ],
    )
    def test_a_pattern_is_searched(self, text: str, pattern: str, expected: bool) -> None:
        assert on(text, "regex", pattern, case_sensitive=True) is expected

    def test_a_text_that_no_utf8_can_hold_is_no_error(self) -> None:
        assert on("\ud800a", "regex", "a") is True
        assert on("\ud800 é", "words", "é") is True

    @pytest.mark.timeout(100)
    def test_patterns_that_ruin_backtracking_take_linear_time(self) -> None:
        assert on("a" * 100_000, "regex", "^(a+)+$b") is False


class TestWords:
    @pytest.mark.parametrize(
        ("text", "words", "expected"),
        [
            ("Red Running Shoes", "shoe run", True),  # any order, by stem
            ("Red Running Shoes", "RUNS", True),
            ("Red Running Shoes", "red hat", False),
            ("Reddish", "red", False),  # whole words
            ("The dog's bowl", "dogs", True),
            ("The dog\u2019s bowl", "dog", True),
            ("organization", "organizations", True),
            ("study-room", "studies", True),
            ("Crème brûlée", "brûlée", True),
            ("Crème brûlée", "brule", False),
            ("version 2", "2", True),
        ],
    )
    def test_every_word_must_be_there(self, text: str, words: str, expected: bool) -> None:
        assert on(text, "words", words) is expected
        assert on(text, "words", words, case_sensitive=True) is expected

    @pytest.mark.parametrize(
        ("text", "phrase", "expected"),
        [
            ("Red Running Shoes", "running shoes", True),
            ("Red Running Shoes", "red shoes", False),  # consecutive
            ("Red Running Shoes", "shoes running", False),
            ("Red Running Shoes", "running shoe", False),  # no stems
            ("Red Running Shoes", "ed running", False),  # whole words
            ("red, running... shoes!", "RED RUNNING SHOES", True),
            ("don\u2019t stop", "don't stop", True),
            ("don't stop", "t stop", False),
            ("a b a b c", "a b c", True),
            ("e\u0301te\u0301", "t", False),  # a mark belongs to its word
        ],
    )
    def test_a_phrase_is_whole_words_in_a_row(self, text: str, phrase: str, expected: bool) -> None:
        assert on(text, "phrase", phrase) is expected

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", []),
            ("'' - '", []),
            ("rock 'n' roll", ["rock", "n", "roll"]),
            ("O'Neil's", ["O'Neil's"]),
            ("snake_case 3.14", ["snake_case", "3", "14"]),
            ("हिन्दी में", ["हिन्दी", "में"]),
            ("naïve\u00a0É—b", ["naïve", "É", "b"]),
            ("ab\0cd", ["ab", "cd"]),
        ],
    )
    def test_words_are_split(self, text: str, words: list[str]) -> None:
        assert split_words(text) == words

    @given(st.text(st.characters(max_codepoint=127)))
    def test_ascii_text_splits_alike_on_both_ways(self, text: str) -> None:
        # A letter that is not ASCII, kept apart, sends the same text down the other way.
        assert [*split_words(text), "é"] == split_words(f"{text} é")

    @given(st.from_regex(r"[a-z0-9_é]+('[a-z0-9_]+)*", fullmatch=True))
    def test_a_stem_begins_as_its_word(self, word: str) -> None:
        # What lets the words operator stem only words with a wanted first character.
        assert stem(word)[0] == word[0]

    @pytest.mark.timeout(100)
    def test_a_wall_of_letters_is_not_stemmed(self) -> None:
        assert on("y" * 1_000_000, "words", "y" * 1_000_000) is True

    @given(st.lists(PLAIN_WORDS.filter(bool), min_size=1, max_size=3), st.text(max_size=5))
    def test_a_phrase_is_found_inside_a_sentence_and_so_are_its_words(
        self, words: list[str], rest: str
    ) -> None:
        phrase = " ".join(words)
        assert on(f"{rest} {phrase} {rest}", "phrase", phrase) is True
        assert on(f"{rest} {phrase} {rest}", "words", phrase) is True


class TestNarrowing:
    @pytest.mark.parametrize("operator", OPERATORS)
    def test_only_regex_and_words_need_other_conditions(self, operator: str) -> None:
        value = {"in": ["a"], "nin": ["a"], "exists": True, "is_null": True}.get(operator, "a")
        parsed = parse({"user_id": {operator: value}})
        assert needs_narrowing(parsed) is (operator in ("regex", "words"))

    def test_they_are_found_inside_groups(self) -> None:
        assert needs_narrowing(parse({"NOT": [{"OR": [{"user_id": {"words": "a"}}]}]})) is True
        assert needs_narrowing(parse({"NOT": [{"OR": [{"user_id": "a"}]}]})) is False
        assert needs_narrowing(parse({})) is False


SEARCHED = {
    "query": "Red Shoes",
    "facets": [{"size": 42, "price": 9.5}, ["Überschuh"]],
    "sale": True,
    "gone": None,
}


class TestSearch:
    @pytest.mark.parametrize(
        "words",
        [["red"], ["SHOES", "42"], ["d sh"], ["9.5", "red"], ["true"], ["berSCHUH"], []],
    )
    def test_every_word_is_somewhere_in_the_values(self, words: list[str]) -> None:
        assert search_matches(SEARCHED, words) is True

    @pytest.mark.parametrize("words", [["query"], ["red", "blue"], ["null"], ["none"], ["über"]])
    def test_keys_and_null_are_not_searched(self, words: list[str]) -> None:
        assert search_matches(SEARCHED, words) is False

    def test_without_metadata_nothing_is_found(self) -> None:
        assert search_matches(None, ["a"]) is False
        assert search_matches({}, ["a"]) is False
        assert search_matches(None, []) is True

    @given(JSON, st.text(min_size=1, max_size=2))
    def test_a_word_is_found_in_a_text_wherever_it_lies(self, around: object, word: str) -> None:
        metadata = {"a": around, "b": [{"c": [f"<{word}>"]}]}
        assert search_matches(metadata, [word]) is True
        assert search_matches(metadata, [word.upper()]) is True or not word.isascii()
