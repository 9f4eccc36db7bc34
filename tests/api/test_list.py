"""List interactions: fields, filters, order, search, and pages that hold still."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.api.client import INTERACTIONS, Api, click, done

PATH = f"{INTERACTIONS}/list"
PAGINATION = {
    "total",
    "page",
    "page_size",
    "total_pages",
    "next_page",
    "previous_page",
    "next_cursor",
}

ROWS: list[dict[str, Any]] = [
    click(
        feature_id="a",
        position=0,
        user_id="ada",
        session_id="s1",
        metadata={"device": "phone", "tags": ["x", "y"], "size": 42},
        query_snapshot={"query": "Red Shoes"},
        document_score=0.9,
        result_set_size=10,
        feature_uri="text://title",
        occurred_at="2025-01-01T00:00:00Z",
    ),
    click(
        feature_id="b",
        interaction_type=["view", "purchase"],
        position=1,
        user_id="ada",
        session_id="s2",
        metadata={"device": "desktop", "note": "Running fast"},
        query_snapshot={"query": "blue shoes"},
        document_score=0.5,
        occurred_at="2025-01-03T00:00:00Z",
        event_id="event-b",
    ),
    click(
        feature_id="c",
        interaction_type=["skip"],
        position=5,
        user_id="Bob",
        session_id="s2",
        execution_id="exec-c",
        retriever_id="ret-c",
        metadata={"device": None, "deep": {"er": [{"k": 1}, {"k": 2}]}},
        occurred_at="2025-01-02T00:00:00Z",
    ),
    click(feature_id="d", position=9, user_id="Élodie"),
]


@pytest.fixture
def four(api: Api) -> Api:
    """Give four interactions, a second apart, the last of them live."""
    for row in ROWS:
        api.clock.advance(seconds=1)
        done(api.post(INTERACTIONS, row))
    api.clock.advance(seconds=1)
    return api


def found(api: Api, query: str = "", **body: Any) -> str:
    """The documents of a list, in its order: ``"dcba"``."""
    return "".join(row["feature_id"] for row in api.list(query, **body)["results"])


def filtered(api: Api, filters: object) -> str:
    """The documents that a filter finds, in alphabetical order."""
    return "".join(sorted(found(api, filters=filters)))


def error_of(api: Api, query: str = "", /, **body: Any) -> dict[str, Any]:
    """The error of a list that cannot be: 400 for what is in the query, 422 in the body."""
    answer = api.post(f"{PATH}?{query}", body)
    assert (400 if query else 422) == answer.status_code, answer.text
    error = answer.json()["error"]
    assert isinstance(error, dict)
    return error


class TestShape:
    def test_answer_has_exactly_the_documented_fields(self, four: Api) -> None:
        answer = four.list()
        assert set(answer) == {"results", "items", "pagination"}
        assert answer["results"] == answer["items"]
        assert set(answer["pagination"]) == PAGINATION

    def test_whole_body_is_optional(self, four: Api) -> None:
        for content in (None, b"", b"{}"):
            assert len(done(four.post(PATH, content=content))["results"]) == 4

    def test_newest_first(self, four: Api) -> None:
        assert found(four) == "dcba"

    def test_an_empty_list(self, api: Api) -> None:
        answer = api.list("include_total=true")
        assert (
            answer["results"],
            answer["items"],
            answer["pagination"]["total"],
            answer["pagination"]["total_pages"],
            answer["pagination"]["next_cursor"],
        ) == ([], [], 0, 0, None)

    def test_unknown_keys_are_refused_or_ignored(self, four: Api) -> None:
        message = error_of(four, limit=1)["message"]
        assert all(name in message for name in ("filters", "sort", "search", "user_id"))
        assert found(four.under(unknown_keys="lenient"), limit=1) == "dcba"

    def test_body_must_be_an_object(self, four: Api) -> None:
        bodies: tuple[object, ...] = ([], "x", 1, [{}])
        for body in bodies:
            assert four.post(PATH, body).status_code == 422


class TestSimpleFields:
    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ({"user_id": "ada"}, "ba"),
            ({"user_id": "bob"}, ""),
            ({"user_id": "Élodie"}, "d"),
            ({"session_id": "s2"}, "cb"),
            ({"execution_id": "exec-c"}, "c"),
            ({"retriever_id": "ret-c"}, "c"),
            ({"feature_id": "b"}, "b"),
            ({"interaction_type": "click"}, "da"),
            ({"interaction_type": "purchase"}, "b"),
            ({"interaction_type": "share"}, ""),
            ({"user_id": "ada", "session_id": "s2"}, "b"),
            ({"user_id": "ada", "filters": {"position": {"gte": 1}}}, "b"),
            ({"user_id": None, "filters": None, "sort": None, "search": None}, "dcba"),
            ({"user_id": "a%"}, ""),
            ({"user_id": "ad_"}, ""),
        ],
        ids=json.dumps,
    )
    def test_all_hold(self, four: Api, body: dict[str, Any], expected: str) -> None:
        assert expected == found(four, **body)

    def test_unknown_type_is_refused(self, four: Api) -> None:
        error = error_of(four, interaction_type="scroll")
        assert "click" in error["message"]

    @pytest.mark.parametrize("name", ["user_id", "execution_id", "interaction_type", "search"])
    def test_of_a_wrong_type_is_refused(self, four: Api, name: str) -> None:
        wrongs: tuple[object, ...] = (1, ["ada"], {})
        for wrong in wrongs:
            answer = four.post(PATH, {name: wrong})
            assert answer.status_code == 422, answer.text


FILTERS: list[tuple[object, str]] = [
    # shorthand
    ({"user_id": "ada"}, "ab"),
    ({"position": 0}, "a"),
    ({"position": {"lte": 1}}, "ab"),
    ({"position": {"gt": 0, "lt": 9}}, "bc"),
    ({"user_id": "ada", "position": 1}, "b"),
    ({"interaction_type": ["click", "skip"]}, "acd"),
    ({"metadata.device": "phone"}, "a"),
    ({"metadata": {"eq": {"reward_value": 1.0}}}, "d"),
    ({}, "abcd"),
    # conditions, and the SDK's way to write one
    ({"field": "position", "operator": "lte", "value": 1}, "ab"),
    ({"field": "user_id", "value": "ada"}, "ab"),
    ({"case_sensitive": False, "field": "position", "operator": "lte", "value": 5}, "abc"),
    (
        {
            "case_sensitive": False,
            "AND": [
                {"case_sensitive": False, "field": "position", "operator": "lte", "value": 5},
                {
                    "case_sensitive": False,
                    "field": "interaction_type",
                    "operator": "in",
                    "value": ["click", "purchase"],
                },
            ],
        },
        "ab",
    ),
    # groups
    ({"AND": [{"user_id": "ada"}, {"position": 1}]}, "b"),
    ({"OR": [{"user_id": "ada"}, {"position": 9}]}, "abd"),
    ({"NOT": [{"user_id": "ada"}, {"position": 9}]}, "c"),
    ({"NOT": {"user_id": "ada"}}, "cd"),
    ({"AND": [{"OR": [{"position": 0}, {"position": 5}]}], "NOT": [{"user_id": "Bob"}]}, "a"),
    ({"user_id": "ada", "OR": [{"position": 1}, {"position": 2}]}, "b"),
    ({"AND": []}, "abcd"),
    ({"OR": []}, ""),
    ({"NOT": []}, "abcd"),
    # every operator
    ({"user_id": {"eq": "ada"}}, "ab"),
    ({"user_id": {"ne": "ada"}}, "cd"),
    ({"document_score": {"gt": 0.5}}, "a"),
    ({"document_score": {"gte": 0.5}}, "ab"),
    ({"document_score": {"lt": 0.9}}, "b"),
    ({"document_score": {"lte": 0.9}}, "ab"),
    ({"feature_id": {"in": ["a", "d", "z"]}}, "ad"),
    ({"feature_id": {"nin": ["a", "d"]}}, "bc"),
    ({"feature_id": {"$in": ["a"]}}, "a"),
    ({"query_snapshot.query": {"contains": "SHOES"}}, "ab"),
    ({"query_snapshot.query": {"starts_with": "red"}}, "a"),
    ({"query_snapshot.query": {"ends_with": "shoes"}}, "ab"),
    ({"query_snapshot.query": {"text": "ed sh"}}, "a"),
    ({"query_snapshot.query": {"phrase": "blue shoes"}}, "b"),
    ({"user_id": "ada", "metadata.note": {"words": "run"}}, "b"),
    ({"user_id": {"in": ["ada", "Bob"]}, "query_snapshot.query": {"regex": "^(red|blue) "}}, "ab"),
    ({"document_score": {"exists": True}}, "ab"),
    ({"document_score": {"is_null": True}}, "cd"),
    ({"metadata.device": {"exists": False}}, "cd"),
    # case
    ({"user_id": {"contains": "BO"}}, "c"),
    ({"user_id": {"contains": "BO"}, "case_sensitive": True}, ""),
    ({"field": "user_id", "operator": "contains", "value": "Bo", "case_sensitive": True}, "c"),
    ({"user_id": {"contains": "é"}}, ""),  # folding is ASCII
    # arrays match by any element; missing is null; nothing is equal across types
    ({"metadata.tags": "x"}, "a"),
    ({"metadata.tags": {"contains": "y"}}, "a"),
    ({"metadata.deep.er.k": 2}, "c"),
    ({"metadata.deep.er.1.k": 2}, "c"),
    ({"metadata.size": "42"}, ""),
    ({"metadata.size": 42.0}, "a"),
    ({"metadata.size": {"gt": "0"}}, ""),
    ({"metadata.missing": None}, "abcd"),
    ({"metadata.device": None}, "cd"),
    # times
    ({"occurred_at": {"gte": "2025-01-02"}}, "bcd"),
    ({"occurred_at": "2025-01-01T01:00:00+01:00"}, "a"),
    ({"timestamp": {"lt": "2020-01-01T00:00:00Z"}}, ""),
    ({"created_at": {"gte": "2020-01-01T00:00:00Z"}}, "abcd"),
    # fields of the record
    ({"event_id": "event-b"}, "b"),
    ({"live": True}, "d"),
    ({"deduplicated": False}, "abcd"),
    ({"deduplicated": True}, ""),
    ({"warning": {"contains": "nothing can be learned"}}, "bd"),
    ({"result_set_size": 10}, "a"),
    ({"feature_uri": "text://title"}, "a"),
    ({"document_id": "b"}, "b"),
    ({"interaction_type": "purchase"}, "b"),
    ({"interaction_type": {"nin": ["purchase", "skip"]}}, "ad"),
]


class TestFilters:
    @pytest.mark.parametrize(("filters", "expected"), FILTERS, ids=json.dumps)
    def test_finds(self, four: Api, filters: object, expected: str) -> None:
        assert expected == filtered(four, filters)

    def test_interaction_id(self, four: Api) -> None:
        interaction_id = four.list()["results"][0]["interaction_id"]
        assert filtered(four, {"interaction_id": interaction_id}) == "d"
        assert filtered(four, {"NOT": [{"interaction_id": interaction_id}]}) == "abc"

    def test_case_of_the_whole_request(self, four: Api) -> None:
        assert found(four, filters={"user_id": {"contains": "BO"}}, case_sensitive=True) == ""

    def test_nesting_up_to_ten(self, four: Api) -> None:
        def nested(depth: int) -> dict[str, Any]:
            filters: dict[str, Any] = {"user_id": "ada"}
            for _ in range(depth):
                filters = {"AND": [filters]}
            return filters

        assert filtered(four, nested(10)) == "ab"
        assert error_of(four, filters=nested(11))["code"] == "invalid_filter"

    @pytest.mark.parametrize(
        "filters",
        [
            [],
            "x",
            1,
            {"color": "red"},
            {"position": {"almost": 1}},
            {"field": "position"},
            {"field": "position", "operator": "eq"},
            {"field": "color", "value": 1},
            {"field": 1, "value": 1},
            {"field": "position", "operator": "near", "value": 1},
            {"field": "position", "value": 1, "color": 1},
            {"AND": {"position": 1}},
            {"OR": "x"},
            {"AND": [1]},
            {"NOT": 1},
            {"user_id.x": "a"},
            {"metadata.": 1},
            {"metadata..x": 1},
            {"occurred_at": {"gt": "soon"}},
            {"occurred_at": {"gt": 5}},
            {"occurred_at": {"contains": "2025"}},
            {"document_score": {"exists": 1}},
            {"user_id": {"in": "ada"}},
            {"user_id": {"contains": 1}},
            {"position": {"gt": [1]}},
            {"user_id": "ada", "metadata.note": {"regex": "("}},
            {"user_id": "ada", "metadata.note": {"regex": "(?=x)"}},
            {"user_id": "ada", "metadata.note": {"words": "!!"}},
            {"metadata.place": {"geo_radius": {"lat": 0, "lon": 0, "radius": 1}}},
            {"metadata.note": {"regex": "run"}},
            {"metadata.note": {"words": "run"}},
            {"NOT": [{"metadata.note": {"regex": "run"}}]},
            {"user_id": {"type": "dynamic", "field": "inputs.user_id"}},
            {"case_sensitive": 1},
        ],
        ids=json.dumps,
    )
    def test_refuses(self, four: Api, filters: object) -> None:
        error = error_of(four, filters=filters)
        assert error["type"] == "ValidationError"

    def test_too_many_conditions(self, four: Api) -> None:
        error_of(four, filters={"OR": [{"position": n} for n in range(1001)]})

    def test_no_refusal_repeats_what_was_sent(self, four: Api) -> None:
        canary = "canary-51c2"
        for filters in (
            {canary: 1},
            {"field": canary, "value": 1},
            {"position": {canary: 1}},
            {"field": "position", "operator": canary, "value": 1},
            {"user_id": "a", "metadata.x": {"regex": f"({canary}"}},
            {"occurred_at": {"gt": canary}},
            {f"metadata.{canary}.": 1},
            {f"user_id.{canary}": 1},
        ):
            assert canary not in json.dumps(error_of(four, filters=filters))
        assert canary not in json.dumps(error_of(four, sort={"field": canary}))
        assert canary not in json.dumps(error_of(four, interaction_type=canary))


class TestSort:
    @pytest.mark.parametrize(
        ("sort", "expected"),
        [
            ({"field": "timestamp", "direction": "asc"}, "abcd"),
            ({"field": "timestamp", "direction": "desc"}, "dcba"),
            ({"field": "timestamp"}, "abcd"),
            ({"field": "created_at", "direction": "desc"}, "dcba"),
            ({"field": "interaction_id", "direction": "desc"}, "dcba"),
            ({"field": "occurred_at", "direction": "asc"}, "acbd"),
            ({"field": "occurred_at", "direction": "desc"}, "dbca"),
            ({"field": "position", "direction": "desc"}, "dcba"),
            ({"field": "position", "direction": "asc"}, "abcd"),
            ({"field": "user_id", "direction": "asc"}, "cabd"),
            ({"field": "document_score", "direction": "asc"}, "badc"),
            ({"field": "document_score", "direction": "desc"}, "abdc"),
            ({"field": "metadata.device", "direction": "asc"}, "badc"),
            ({"field": "query_snapshot.query", "direction": "asc"}, "abdc"),
            ({"field": "metadata.reward_value", "direction": "desc"}, "bdac"),
            ({"field": "document_id", "direction": "desc"}, "dcba"),
        ],
        ids=json.dumps,
    )
    def test_orders(self, four: Api, sort: dict[str, str], expected: str) -> None:
        assert expected == found(four, sort=sort)

    @pytest.mark.parametrize(
        "sort",
        [
            {"field": "color"},
            {"field": ""},
            {"field": "timestamp", "direction": "up"},
            {"field": "timestamp", "direction": "DESC"},
            {"direction": "asc"},
            {"field": 1},
            [{"field": "timestamp"}],
            "timestamp",
        ],
        ids=json.dumps,
    )
    def test_refuses(self, four: Api, sort: object) -> None:
        error_of(four, sort=sort)

    def test_equal_values_are_ordered_by_id(self, api: Api) -> None:
        for name in "abcd":
            api.record(feature_id=name, position=1)
        assert found(api, sort={"field": "position", "direction": "asc"}) == "abcd"
        assert found(api, sort={"field": "position", "direction": "desc"}) == "dcba"


class TestSearch:
    @pytest.mark.parametrize(
        ("search", "expected"),
        [
            ("phone", "a"),
            ("PHONE", "a"),
            ("hon", "a"),
            ("running desktop", "b"),
            ("running phone", ""),
            ("42", "a"),
            ("device", ""),
            ("", "dcba"),
            ("  ", "dcba"),
            ("%", ""),
        ],
    )
    def test_looks_in_the_values_of_metadata(self, four: Api, search: str, expected: str) -> None:
        assert expected == found(four, search=search)

    def test_too_long(self, four: Api) -> None:
        error_of(four, search="x" * 1001)


@pytest.fixture
def twelve(api: Api) -> Api:
    """Give twelve interactions, ``a`` to ``l``."""
    body = {
        "interactions": [
            click(feature_id=name, position=n % 3, occurred_at=f"2025-01-{1 + n % 5:02}")
            for n, name in enumerate("abcdefghijkl")
        ]
    }
    done(api.post(f"{INTERACTIONS}/batch", body))
    return api


def pages_by_cursor(api: Api, size: int, name: str = "cursor", **body: Any) -> Iterator[str]:
    """Follow the cursors to the end."""
    query = f"page_size={size}"
    for _ in range(50):
        page = api.list(query, **body)
        yield "".join(row["feature_id"] for row in page["results"])
        cursor = page["pagination"]["next_cursor"]
        if cursor is None:
            return
        query = f"page_size={size}&{name}={cursor}"
    raise AssertionError("the cursors never end")


SORTS: list[dict[str, str]] = [
    {"field": "timestamp", "direction": "desc"},
    {"field": "timestamp", "direction": "asc"},
    {"field": "occurred_at", "direction": "desc"},
    {"field": "occurred_at", "direction": "asc"},
    {"field": "interaction_id", "direction": "asc"},
    {"field": "position", "direction": "asc"},
    {"field": "position", "direction": "desc"},
    {"field": "metadata.none", "direction": "asc"},
]


class TestPages:
    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("", "lkjihgfedcba"),
            ("limit=3", "lkj"),
            ("page_size=3", "lkj"),
            ("page_size=5&page=2", "gfedc"),
            ("page_size=5&page=3", "ba"),
            ("page_size=5&page=4", ""),
            ("page_size=5&offset=1", "kjihg"),
            ("limit=2&offset=11", "a"),
            ("offset=10000", ""),
            ("limit=2&page_size=7", "lk"),
            ("page=1&page_size=1000", "lkjihgfedcba"),
            ("page_size=&page=", "lkjihgfedcba"),
            ("unknown=1&page_size=1", "l"),
        ],
    )
    def test_by_number_and_offset(self, twelve: Api, query: str, expected: str) -> None:
        assert expected == found(twelve, query)

    def test_says_where_it_is(self, twelve: Api) -> None:
        pagination = twelve.list("page_size=5&page=2")["pagination"]
        assert (
            pagination["page"],
            pagination["page_size"],
            pagination["total"],
            pagination["total_pages"],
        ) == (2, 5, None, None)

    def test_links_lead_to_the_neighbours(self, twelve: Api) -> None:
        middle = twelve.list("page_size=5&page=2")["pagination"]
        links = {step: middle[f"{step}_page"] for step in ("next", "previous")}
        for step, expected in (("next", "ba"), ("previous", "lkjih")):
            answer = done(twelve.post(links[step]))
            assert expected == "".join(row["feature_id"] for row in answer["results"])
        assert parse_qs(urlsplit(links["next"]).query) == {"page_size": ["5"], "page": ["3"]}
        assert twelve.list("page_size=5&page=1")["pagination"]["previous_page"] is None
        assert twelve.list("page_size=5&page=3")["pagination"]["next_page"] is None

    def test_total_is_counted_only_on_request(self, twelve: Api) -> None:
        for query, body in (("include_total=true", {}), ("", {"include_total": True})):
            pagination = twelve.list(f"page_size=5&{query}", **body)["pagination"]
            assert (pagination["total"], pagination["total_pages"]) == (12, 3)
        assert twelve.list("include_total=false")["pagination"]["total"] is None

    def test_total_counts_the_matches(self, twelve: Api) -> None:
        for body in (
            {"filters": {"position": 0}},
            {"filters": {"metadata.reward_value": 1}, "search": "1.0"},
        ):
            total = twelve.list("include_total=true&limit=1", **body)["pagination"]["total"]
            assert total == len(twelve.list(**body)["results"])

    @pytest.mark.parametrize(
        "query",
        [
            "limit=0",
            "limit=1001",
            "limit=-1",
            "limit=1.5",
            "limit=ten",
            "limit=0x10",
            "page_size=0",
            "page_size=1001",
            "offset=-1",
            "offset=10001",
            "page=0",
            "page=-1",
            "page=9223372036854775807",
            "page=9223372036854775807&page_size=1000",
            "page=99999999999999999999999",
            "include_total=maybe",
            "limit=%00",
            "limit=%FF",
            "cursor=%00",
            "cursor=%ED%A0%80",
        ],
    )
    def test_refuses_numbers_out_of_range(self, twelve: Api, query: str) -> None:
        error = error_of(twelve, query)
        assert error["type"] == "BadRequestError"


class TestCursor:
    @pytest.mark.parametrize("sort", SORTS, ids=json.dumps)
    @pytest.mark.parametrize("size", [1, 4, 5, 12, 13])
    def test_pages_are_the_whole_list(self, twelve: Api, sort: dict[str, str], size: int) -> None:
        pages = list(pages_by_cursor(twelve, size, sort=sort))
        assert found(twelve, sort=sort) == "".join(pages)
        assert all(len(page) == size for page in pages[:-1])
        assert pages[-1] != ""

    @pytest.mark.parametrize("name", ["cursor", "next_cursor", "after"])
    def test_has_three_names(self, twelve: Api, name: str) -> None:
        assert "".join(pages_by_cursor(twelve, 5, name)) == "lkjihgfedcba"

    @pytest.mark.parametrize("sort", SORTS, ids=json.dumps)
    def test_holds_still_while_rows_are_added(self, twelve: Api, sort: dict[str, str]) -> None:
        """Nothing that was there is left out or seen twice."""
        before = found(twelve, sort=sort)
        seen = ""
        for page in pages_by_cursor(twelve, 3, sort=sort):
            seen += page
            twelve.clock.advance(seconds=1)
            twelve.record(feature_id="+", position=0, occurred_at="2025-01-03")
            twelve.record(feature_id="+", position=2)
        assert before == seen.replace("+", "")

    def test_holds_still_while_rows_are_deleted(self, twelve: Api) -> None:
        first = twelve.list("page_size=4")
        done(twelve.delete(f"{INTERACTIONS}/{first['results'][-1]['interaction_id']}"))
        rest = twelve.list(f"page_size=20&cursor={first['pagination']['next_cursor']}")
        assert "".join(row["feature_id"] for row in rest["results"]) == "hgfedcba"

    def test_goes_with_filters(self, twelve: Api) -> None:
        filters = {"NOT": [{"position": 1}]}
        assert "".join(pages_by_cursor(twelve, 3, filters=filters)) == "ljigfdca"

    def test_goes_with_a_search(self, twelve: Api) -> None:
        assert "".join(pages_by_cursor(twelve, 5, search="1.0")) == ""
        for name in "mnopq":
            twelve.record(feature_id=name, metadata={"note": "needle"})
        assert "".join(pages_by_cursor(twelve, 2, search="needle")) == "qponm"

    @pytest.mark.parametrize("sort", [SORTS[0], SORTS[5]], ids=json.dumps)
    def test_tampered_with_is_400(self, twelve: Api, sort: dict[str, str]) -> None:
        cursor = twelve.list("page_size=3", sort=sort)["pagination"]["next_cursor"]
        raw = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        tampered = ["x", cursor[:-1], cursor + "A", cursor[1:], "AAAA" * 20, "int_" + "0" * 32]
        for index in range(len(raw)):
            raw[index] ^= 1
            tampered.append(base64.urlsafe_b64encode(raw).decode().rstrip("="))
            raw[index] ^= 1
        for text in tampered:
            error = error_of(twelve, f"page_size=3&cursor={text}", sort=sort)
            assert (error["type"], error["code"]) == ("BadRequestError", "invalid_cursor")

    @pytest.mark.parametrize(
        "body",
        [
            {"user_id": "ada"},
            {"interaction_type": "click"},
            {"filters": {"position": 1}},
            {"search": "x"},
            {"sort": {"field": "timestamp", "direction": "asc"}},
            {"sort": {"field": "position", "direction": "desc"}},
        ],
        ids=json.dumps,
    )
    def test_belongs_to_its_list(self, twelve: Api, body: dict[str, Any]) -> None:
        cursor = twelve.list("page_size=3")["pagination"]["next_cursor"]
        assert error_of(twelve, f"cursor={cursor}", **body)["code"] == "invalid_cursor"

    def test_is_opaque_about_what_is_in_it(self, twelve: Api) -> None:
        cursor = twelve.list("page_size=3", search="1")["pagination"]["next_cursor"]
        assert cursor is None or "feature" not in cursor


class TestTooSlow:
    """A list that cannot answer in time says 503, and which condition would help."""

    @pytest.fixture
    def slow(self, api: Api) -> Api:
        for _ in range(3):
            body = {"interactions": [click(user_id="u", session_id="s")] * 1000}
            done(api.post(f"{INTERACTIONS}/batch", body))
        return api.under(list_seconds=0.000_001)

    @pytest.mark.parametrize(
        ("filters", "field"),
        [
            ({}, "retriever_id"),
            ({"retriever_id": {"ne": "r"}}, "session_id"),
            ({"retriever_id": {"ne": "r"}, "session_id": "s"}, "user_id"),
        ],
        ids=json.dumps,
    )
    def test_names_a_field_to_add(self, slow: Api, filters: dict[str, Any], field: str) -> None:
        body = {"filters": filters, "sort": {"field": "metadata.x"}, "search": "1"}
        answer = slow.post(PATH, body)
        assert answer.status_code == 503, answer.text
        error = answer.json()["error"]
        assert (error["code"], error["details"]) == ("query_too_slow", {"retryable": False})
        assert f"add a condition on {field}." in error["message"]
        assert "retry-after" not in answer.headers

    def test_does_not_break_the_connection(self, slow: Api) -> None:
        body = {"search": "nothing", "sort": {"field": "metadata.x"}}
        for _ in range(20):
            assert slow.post(PATH, body).status_code == 503
        patient = slow.under()
        assert len(patient.list("limit=1000")["results"]) == 1000
