"""A filter picks the same rows on every database: SQL narrows only, one evaluator decides."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desirepath.domain.clock import MICROSECONDS, format_time
from desirepath.domain.filters import OPERATORS, compile_filter, parse_filter
from desirepath.domain.ids import IdGenerator, format_id, time_of
from desirepath.domain.interaction import INTERACTION_TYPES, Interaction
from desirepath.engine.listing import ALIASES, FIELDS, as_record
from desirepath.storage.base import InteractionQuery, Storage
from desirepath.testing.clock import START
from desirepath.testing.examples import an_interaction, new_id

# What databases are apt to see differently: case, LIKE's signs, JSON's escapes, Unicode.
TEXTS = (
    *("", "a", "A", "ab", "aB", "Ab", "b", "É", "é", "e\u0301", "ß", "ss", "İ", "i", "ı", "K"),
    *("\u212a", "%", "_", "a%", "a_", "a\\", "\\", "/", "a/b", "'", '"', 'a"b', "\n", "\x01"),
    *("\x7f", "\u2028", "😀", "\U0010ffff", "\uffff", "click", "long_view", "view,click", "int_"),
    *("Red shoes", "red-shoes", "don't", "null", "true", "1", "1.0", "u0041", "\\u0041", "[", "{"),
    *(",", " ", "a,b"),
)
IDS = tuple(text for text in TEXTS if text and not text.isspace())
INTEGERS = (0, 1, 2, 3, -1, 2**31, 5_000_000_000, 2**53 - 1, 2**53, 2**53 + 1, 2**63 - 1, -(2**63))
FLOATS = (0.0, -0.0, 0.5, 1.0, 1.5, 2.5, -2.5, 0.1, 1e-300, 1e300, 2.0**53, 2.0**63, 5e9)
DAY = 86_400 * MICROSECONDS
TIMES = (
    *(START + offset for offset in (0, 1, -1, MICROSECONDS // 2, -DAY, 366 * DAY)),
    *(0, -1, 1, -62135596800000000, 253402300799999999),  # and years 1 and 9999
)
RECORDED_AT = tuple(time for time in TIMES if 0 <= time <= START + 366 * DAY)

texts = st.sampled_from(TEXTS) | st.text(max_size=6).filter(lambda text: "\x00" not in text)
ids = st.sampled_from(IDS)
numbers = st.sampled_from((*INTEGERS, *FLOATS))
scalars: st.SearchStrategy[Any] = st.none() | st.booleans() | numbers | texts
keys = st.sampled_from(("a", "b", "A", "0", "é"))
plain: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(keys | st.just("reward_value"), plain, max_size=4)
types = st.sampled_from((*INTERACTION_TYPES[:4], "long_view"))

changes = st.fixed_dictionaries(
    {
        "feature_id": ids,
        "types": st.lists(types, min_size=1, max_size=3, unique=True).map(tuple),
        "position": st.sampled_from([number for number in INTEGERS if number >= 0]),
        "metadata": st.none() | objects,
        "user_id": st.none() | ids,
        "session_id": st.none() | ids,
        "execution_id": st.none() | ids,
        "retriever_id": st.none() | ids,
        "query_snapshot": st.none() | objects,
        "document_score": st.none() | st.sampled_from((*map(float, INTEGERS), *FLOATS)),
        "result_set_size": st.none() | st.sampled_from((0, 1, 2, 5_000_000_000, 2**53 + 1)),
        "feature_uri": st.none() | ids,
        "event_id": st.none() | ids,
        "occurred_at": st.sampled_from(TIMES),
        "live": st.booleans(),
        "reward": st.sampled_from(FLOATS),
        "warning": st.none() | ids,
        "recorded_at": st.sampled_from(RECORDED_AT),
    }
)

NUMBER_PATHS = ("position", "document_score", "result_set_size", "metadata.reward_value")
TIME_PATHS = ("timestamp", "created_at", "occurred_at")
TEXT_PATHS = ("feature_id", "document_id", "user_id", "session_id", "warning", "event_id")
INNER_PATHS = (
    *("metadata.a", "metadata.b", "metadata.A", "metadata.a.b", "metadata.a.0", "metadata.0"),
    *("metadata.é", "query_snapshot.a", "query_snapshot.a.a"),
)
ODD_PATHS = (
    *("interaction_id", "metadata", "query_snapshot", "live", "deduplicated"),
    *("metadata.reward_value.a", "query_snapshot.reward_value"),
)
TEXT_OPERATORS = ("contains", "starts_with", "ends_with", "text", "phrase", "words", "regex")
OTHER_OPERATORS = tuple(operator for operator in OPERATORS if operator not in TEXT_OPERATORS)

path_and_operands: dict[tuple[str, ...], st.SearchStrategy[Any]] = {
    NUMBER_PATHS: numbers | numbers | numbers | scalars,
    TIME_PATHS: st.sampled_from(TIMES).map(format_time) | st.none(),
    TEXT_PATHS: ids | texts | plain,
    INNER_PATHS: texts | plain,
    ("interaction_type",): types | types.map(str.upper) | st.lists(types, max_size=2) | plain,
    ODD_PATHS: scalars | plain | st.builds(new_id).map(lambda id: format_id("int", id)),
}
text_values = {
    "phrase": st.sampled_from(("a", "red shoes", "SHOE", "é", "don't")),
    "words": st.sampled_from(("a", "red shoes", "SHOE", "é", "don't")),
    "regex": st.sampled_from(("a", "^A", "[é%]", "b$", "", ".")),
}


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a condition that the grammar accepts: any path with any operator."""
    paths, operands = draw(st.sampled_from(list(path_and_operands.items())))
    operator = draw(st.sampled_from(OTHER_OPERATORS if paths is TIME_PATHS else OPERATORS))
    if operator in ("exists", "is_null"):
        values: st.SearchStrategy[Any] = st.booleans()
    elif operator in TEXT_OPERATORS:
        values = text_values.get(operator, texts)
    elif operator in ("in", "nin"):
        values = st.lists(operands, max_size=4)
    elif operator in ("eq", "ne"):
        values = operands
    else:
        values = operands.filter(lambda value: not isinstance(value, list | dict))
    node: dict[str, Any] = {"field": draw(st.sampled_from(paths)), "operator": operator}
    if draw(st.booleans()):
        node["case_sensitive"] = draw(st.booleans())
    return node | {"value": draw(values)}


def groups(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists = st.lists(children, max_size=3)
    shorthand = st.sampled_from(("user_id", "metadata.a", "feature_id", "interaction_type"))
    return st.one_of(
        st.builds(lambda name, inner: {name: inner}, st.sampled_from(("AND", "OR", "NOT")), lists),
        st.builds(lambda inner: {"NOT": inner}, children),
        st.builds(lambda a, b, c: {"AND": a, "OR": b, "NOT": c}, lists, lists, lists),
        st.builds(lambda path, value: {path: value}, shorthand, st.lists(texts, max_size=3)),
    )


raw_filters = st.recursive(conditions(), groups, max_leaves=5)


@pytest.fixture(scope="module")
def namespaces() -> Iterator[int]:
    """Give numbers of namespaces that nothing was stored in."""
    return itertools.count(10)


def rows_of(namespace: int, rows: Sequence[dict[str, Any]]) -> list[Interaction]:
    """Make interactions; their ids rise unless it is said when each was recorded."""
    ids = IdGenerator()
    return [
        an_interaction(
            namespace=namespace,
            # An id of its own generator has its time to the microsecond.
            id=IdGenerator().next(row["recorded_at"]) if "recorded_at" in row else ids.next(START),
            **{name: value for name, value in row.items() if name != "recorded_at"},
        )
        for row in rows
    ]


def check(
    storages: dict[str, Storage], stored: Sequence[Interaction], raws: Sequence[Any]
) -> list[list[str]]:
    """Compare what each database lets through with what the evaluator accepts.

    Returns
    -------
    list of list of str
        Of each filter the documents of the rows that match, in the order of their ids.
    """
    answers = []
    for name, storage in storages.items():
        with storage.write() as session:
            session.interactions.append(stored)
        answers.append([_match(name, storage, stored, raw) for raw in raws])
    assert answers.count(answers[0]) == len(answers)
    return answers[0]


def _match(name: str, storage: Storage, stored: Sequence[Interaction], raw: Any) -> list[str]:
    filter = parse_filter(raw, FIELDS, ALIASES)
    holds = compile_filter(filter)
    query = InteractionQuery(namespace=stored[0].namespace, filter=filter, descending=False)
    with storage.read() as session:
        log = session.interactions
        rows = list(log.scan(query.namespace))
        passed = log.find(query, limit=len(rows) + 1)
        count = log.count(query)
        exact, narrowed = log.is_exact(query), log.is_narrowed(query)
    matching = [row for row in rows if holds(as_record(row))]
    assert [row for row in passed if holds(as_record(row))] == matching, (name, "lost", raw)
    assert count == len(passed)
    if exact:
        assert passed == matching, (name, "not exact", raw)
    if not narrowed:
        assert passed == rows, (name, "narrowed", raw)
    return [row.feature_id for row in matching]


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    rows=st.lists(changes, min_size=1, max_size=10),
    raws=st.lists(raw_filters, min_size=4, max_size=16),
)
def test_any_filter_picks_the_same_rows(
    rows: list[dict[str, Any]],
    raws: list[Any],
    both_storages: dict[str, Storage],
    namespaces: Iterator[int],
) -> None:
    check(both_storages, rows_of(next(namespaces), rows), raws)


def picks(
    storages: dict[str, Storage], namespace: int, raw: Any, **values: Sequence[Any]
) -> list[Any]:
    """Store one row per value of a field; which of the values the filter picks."""
    ((name, listed),) = values.items()
    rows = [{"feature_id": str(number), name: value} for number, value in enumerate(listed)]
    (matching,) = check(storages, rows_of(namespace, rows), [raw])
    return [listed[int(number)] for number in matching]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"position": {"in": [3, 2.5]}}, [3]),
        ({"position": {"in": [2.5, 3]}}, [3]),
        ({"position": {"lt": 2.5}}, [0, 1, 2]),
        ({"position": {"gt": 2.5}}, [3, 5_000_000_000, 2**53, 2**53 + 1]),
        (
            {"position": {"nin": [3, 2.5, "1", True, None]}},
            [0, 1, 2, 5_000_000_000, 2**53, 2**53 + 1],
        ),
        ({"position": {"in": [1, 5_000_000_000]}}, [1, 5_000_000_000]),
        ({"position": 2.0**53}, [2**53]),
        ({"position": 2**53 + 1}, [2**53 + 1]),
        ({"position": -0.0}, [0]),
    ],
)
def test_integers_and_decimals_compare_by_value(
    raw: Any, expected: list[int], both_storages: dict[str, Storage], namespaces: Iterator[int]
) -> None:
    positions = [0, 1, 2, 3, 5_000_000_000, 2**53, 2**53 + 1]
    assert picks(both_storages, next(namespaces), raw, position=positions) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"document_score": {"in": [1, 2.5]}}, [1.0, 2.5]),
        ({"document_score": {"in": [1, 5_000_000_000]}}, [1.0, 5e9]),
        ({"document_score": {"lt": 1}}, [0.0]),
        ({"document_score": {"ne": 1}}, [None, 0.0, 2.5, 5e9]),
        ({"NOT": [{"document_score": {"gt": 1}}]}, [None, 0.0, 1.0]),
        ({"document_score": {"in": [None, 1]}}, [None, 1.0]),
        ({"document_score": {"nin": [None, 1]}}, [0.0, 2.5, 5e9]),
        ({"NOT": {"OR": [{"document_score": {"lt": 1}}, {"document_score": None}]}},
         [1.0, 2.5, 5e9]),
    ],
)  # fmt: skip
def test_a_score_that_is_missing_is_null(
    raw: Any,
    expected: list[float | None],
    both_storages: dict[str, Storage],
    namespaces: Iterator[int],
) -> None:
    scores = [None, 0.0, 1.0, 2.5, 5e9]
    assert picks(both_storages, next(namespaces), raw, document_score=scores) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"field": "metadata", "operator": "exists", "value": True}, [None, {}, {"a": 1}]),
        ({"field": "metadata", "operator": "is_null", "value": True}, []),
        ({"metadata": None}, []),
        ({"metadata": {"ne": None}}, [None, {}, {"a": 1}]),
        ({"NOT": [{"field": "metadata", "operator": "is_null", "value": True}]},
         [None, {}, {"a": 1}]),
        ({"metadata.reward_value": {"gte": 0}}, [None, {}, {"a": 1}]),
        ({"metadata.a": {"in": [{}, "x", 1]}}, [{"a": 1}]),
    ],
)  # fmt: skip
def test_metadata_is_never_null_because_of_its_reward(
    raw: Any, expected: list[Any], both_storages: dict[str, Storage], namespaces: Iterator[int]
) -> None:
    metadata = [None, {}, {"a": 1}]
    assert picks(both_storages, next(namespaces), raw, metadata=metadata) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"user_id": {"contains": "%"}}, ["a%b"]),
        ({"user_id": {"contains": "_"}}, ["a_b"]),
        ({"user_id": {"contains": "\\"}}, ["a\\b"]),
        ({"user_id": {"contains": "/"}}, ["a/b"]),
        ({"user_id": {"contains": "É"}}, ["É"]),
        ({"user_id": {"starts_with": "A"}}, ["a%b", "a_b", "a\\b", "a/b"]),
        ({"user_id": {"gt": "é"}}, ["😀", "\uffff"]),
        ({"user_id": {"ne": "É"}}, [None, "a%b", "a_b", "a\\b", "a/b", "é", "😀", "\uffff"]),
    ],
)
def test_text_compares_by_code_point_and_folds_ascii_only(
    raw: Any, expected: list[Any], both_storages: dict[str, Storage], namespaces: Iterator[int]
) -> None:
    user_ids = [None, "a%b", "a_b", "a\\b", "a/b", "É", "é", "😀", "\uffff"]
    assert picks(both_storages, next(namespaces), raw, user_id=user_ids) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"user_id": {"contains": "b"}, "case_sensitive": True}, [0, 3]),
        ({"user_id": {"starts_with": "c"}}, [0, 2, 3]),
        ({"user_id": {"ends_with": "a"}}, [1, 2, 3]),
        ({"metadata.x": "red"}, [1, 2, 3]),
        ({"metadata.x": {"contains": "ed"}}, [1, 2, 3]),
        ({"metadata.x": {"in": ["red", "blue"]}}, [1, 3]),
        ({"interaction_type": "click"}, [2, 3]),
        ({"interaction_type": {"in": ["click,view"]}}, [0, 1, 2, 3]),
        ({"metadata.x": {"regex": "^re"}}, [1, 2, 3]),
        ({"OR": [{"metadata.x": "blue"}, {"user_id": "cab"}]}, [0, 3]),
        ({"AND": [{"metadata.x": "blue"}, {"user_id": "Abc"}]}, [0, 1, 3]),
        ({"NOT": [{"metadata.x": "red"}, {"user_id": "cab"}]}, [0, 1]),
    ],
)
def test_not_passes_what_sql_can_only_guess_at(
    raw: Any, expected: list[int], both_storages: dict[str, Storage], namespaces: Iterator[int]
) -> None:
    rows: list[dict[str, Any]] = [
        {"user_id": "ABa", "types": ("click", "view"), "metadata": {"x": "red"}},
        {"user_id": "cab", "types": ("click",), "metadata": {"y": "red"}},
        {"user_id": "Abc", "types": ("view",), "metadata": {"x": ["blue"]}},
        {"user_id": None, "types": ("long_view",), "metadata": None},
    ]
    stored = rows_of(next(namespaces), [row | {"feature_id": str(n)} for n, row in enumerate(rows)])
    (matching,) = check(both_storages, stored, [{"NOT": [raw]}])
    assert list(map(int, matching)) == expected


@pytest.mark.parametrize("past", [0, 1])
@pytest.mark.parametrize("operator", ["gt", "gte", "lt", "lte"])
def test_recording_times_compare_to_the_microsecond(
    operator: str, past: int, both_storages: dict[str, Storage], namespaces: Iterator[int]
) -> None:
    moments = [START + 7 * DAY + offset for offset in (-1, 0, 1, 2)]
    rows = [
        {"feature_id": str(moment), "recorded_at": moment} for moment in moments for _ in range(3)
    ]
    stored = rows_of(next(namespaces), rows)
    bound = moments[1] + past
    (matching,) = check(both_storages, stored, [{"timestamp": {operator: format_time(bound)}}])
    compare = {"gt": int.__gt__, "gte": int.__ge__, "lt": int.__lt__, "lte": int.__le__}[operator]
    by_id = sorted(stored, key=lambda row: row.id)
    assert [time_of(row.id) for row in by_id] == sorted(moments * 3)
    assert matching == [row.feature_id for row in by_id if compare(time_of(row.id), bound)]


def condition(field: str, operator: str, value: Any) -> dict[str, Any]:
    return {"field": field, "operator": operator, "value": value}


MANY = range(990)
USERS = [f"user {number}" for number in range(10_000)]
LARGE: dict[str, Any] = {
    "10,000 texts": {"user_id": {"in": USERS}},
    "80,000 texts": {"AND": [{"user_id": {"in": USERS}}] * 8},
    "10,000 numbers": {"position": {"in": list(range(10_000))}},
    "10,000 types": {"interaction_type": {"in": [*USERS[1:], "click"]}},
    "10,000 texts inside": {"metadata.a": {"in": USERS}},
    "one of many holds": {"OR": [condition("user_id", "eq", f"user {n}") for n in MANY]},
    "all of many hold": {"AND": [condition("position", "ne", -n - 1) for n in MANY]},
    "none of many holds": {"NOT": [condition("user_id", "gt", f"z {n}") for n in MANY]},
    "a long text": {"OR": [condition("user_id", "contains", "%" * 200_000), {"user_id": "user 1"}]},
    "a long text inside": {
        "OR": [condition("metadata.a", "contains", "\x01é" * 100_000), {"user_id": "user 1"}]
    },
    "a long text that differs": {"metadata.a": {"ne": "user 1" + "x" * 500_000}},
}


@pytest.mark.parametrize("raw", LARGE.values(), ids=LARGE)
def test_the_largest_filters_are_answered(
    raw: Any, both_storages: dict[str, Storage], namespaces: Iterator[int]
) -> None:
    rows = [{"user_id": "user 1", "metadata": {"a": "user 1"}, "feature_id": "the one"}]
    assert check(both_storages, rows_of(next(namespaces), rows), [raw]) == [["the one"]]


@pytest.mark.parametrize(
    "raw",
    [
        {"session_id": "s"},
        {"AND": [{"session_id": "s"}, {"metadata.a": {"regex": "x"}}]},
        {"NOT": [{"NOT": [{"session_id": "s"}]}]},
    ],
)
def test_a_text_too_long_to_compare_is_no_reason_to_fail(
    raw: Any, both_storages: dict[str, Storage], namespaces: Iterator[int]
) -> None:
    rows: list[dict[str, Any]] = [
        {"session_id": "s", "metadata": {"a": "x" * 100_000}},
        {"session_id": "t", "feature_id": "another"},
    ]
    assert check(both_storages, rows_of(next(namespaces), rows), [raw]) == [["doc_1"]]
