"""Batches: every item answered for, and no neighbour dropped."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.client import INTERACTIONS, Api, click

PATH = f"{INTERACTIONS}/batch"

BAD_ITEMS: list[Any] = [
    None,
    1,
    "click",
    [],
    {},
    {"feature_id": "doc_1"},
    click(position=-1),
    click(position=True),
    click(interaction_type=["copy"]),
    click(feature_id=""),
    click(feature_id="x" * 257),
    click(occurred_at="soon"),
    click(result_set_size=0),
    click(document_id="other"),
    click(color="red"),
    click(age_ms=1, occurred_at="2020-01-01"),
    click(metadata=[]),
]


def send(api: Api, items: object, status: int = 200) -> dict[str, Any]:
    answer = api.post(PATH, {"interactions": items})
    assert status == answer.status_code, answer.text
    body = answer.json()
    assert isinstance(body, dict)
    return body


def stored(api: Api) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.list(
        "page_size=1000", sort={"field": "interaction_id", "direction": "asc"}
    )["results"]
    return found


class TestBatch:
    def test_answer_has_exactly_the_documented_fields(self, api: Api) -> None:
        answer = send(api, [click(), click(feature_id="doc_2")])
        first, second = stored(api)
        assert answer == {
            "created": 2,
            "duplicates": 0,
            "failed": 0,
            "errors": None,
            "results": [
                {"index": 0, "interaction_id": first["interaction_id"], "status": "created"},
                {"index": 1, "interaction_id": second["interaction_id"], "status": "created"},
            ],
        }
        assert [first["feature_id"], second["feature_id"]] == ["doc_1", "doc_2"]

    def test_items_are_enriched_as_single_ones(self, api: Api) -> None:
        retriever = api.retriever()
        execution = api.execution(retriever, "doc_1", inputs={"query": "shoes"})["execution_id"]
        send(api, [click(execution_id=execution, metadata={"reward_value": 9})])
        (item,) = stored(api)
        assert (retriever, {"query": "shoes"}) == (item["retriever_id"], item["query_snapshot"])
        assert (item["warning"], item["metadata"]["reward_value"]) == (None, 1.0)

    @pytest.mark.parametrize("bad", BAD_ITEMS, ids=lambda bad: json.dumps(bad)[:60])
    def test_a_bad_item_never_drops_its_neighbours(self, api: Api, bad: object) -> None:
        items = [click(feature_id="a"), bad, click(feature_id="b"), bad, click(feature_id="c")]
        answer = send(api, items)
        assert (answer["created"], answer["duplicates"], answer["failed"]) == (3, 0, 2)
        assert [result["index"] for result in answer["results"]] == [0, 2, 4]
        assert [error.split(" ")[0] for error in answer["errors"]] == ["[1]", "[3]"]
        assert [item["feature_id"] for item in stored(api)] == ["a", "b", "c"]

    def test_counts_add_up_whatever_the_mixture(self, api: Api) -> None:
        api.record(event_id="known")
        items = [
            *BAD_ITEMS,
            click(event_id="known"),
            click(event_id="known", position=8),
            *(click(event_id=f"new-{n % 7}") for n in range(20)),
            *(click(position=n) for n in range(10)),
        ]
        answer = send(api, items)
        counted = (answer["created"], answer["duplicates"], answer["failed"])
        assert (17, 14, len(BAD_ITEMS) + 1) == counted
        assert len(items) == sum(counted)
        assert len(items) == len(answer["results"]) + len(answer["errors"])
        assert len(stored(api)) == 1 + answer["created"]

    def test_all_bad(self, api: Api) -> None:
        answer = send(api, BAD_ITEMS)
        assert (0, len(BAD_ITEMS)) == (answer["created"], answer["failed"])
        assert (answer["results"], stored(api)) == ([], [])

    def test_ids_rise_in_the_order_sent(self, api: Api) -> None:
        answer = send(api, [click(position=n) for n in range(1000)])
        ids = [result["interaction_id"] for result in answer["results"]]
        assert (1000, ids) == (answer["created"], sorted(ids))
        assert list(range(1000)) == [item["position"] for item in stored(api)]

    @pytest.mark.parametrize("size", [0, 1001])
    def test_size_outside_1_to_1000_is_422_for_all(self, api: Api, size: int) -> None:
        error = send(api, [click()] * size, 422)["error"]
        assert error["details"]["validation_errors"][0]["location"] == ["body", "interactions"]
        assert stored(api) == []

    @pytest.mark.parametrize(
        "body",
        [
            {},
            [],
            [click()],
            {"interactions": None},
            {"interactions": {}},
            {"interactions": click()},
            {"interactions": "click"},
            {"interactions": [click()], "more": 1},
            {"items": [click()]},
        ],
        ids=lambda body: json.dumps(body)[:40],
    )
    def test_malformed_is_422_for_all(self, api: Api, body: object) -> None:
        assert api.post(PATH, body).status_code == 422
        assert stored(api) == []

    def test_not_json_is_422_for_all(self, api: Api) -> None:
        for content in (b'{"interactions": [', b'{"interactions": [{"position": NaN}]}'):
            assert api.post(PATH, content=content).status_code == 422
        assert stored(api) == []

    def test_no_sentence_repeats_what_was_sent(self, api: Api) -> None:
        canary = "canary-7f3a"
        bad: list[Any] = [
            click(**{name: canary}) for name in ("position", "interaction_type", "occurred_at")
        ]
        bad += [click(metadata=canary), click(user_id=canary * 40), canary, [canary]]
        answer = send(api, bad)
        assert answer["failed"] == len(bad)
        assert canary not in json.dumps(answer)

    def test_lenient_ignores_unknown_keys_item_by_item(self, api: Api) -> None:
        lenient = api.under(unknown_keys="lenient")
        answer = send(lenient, [click(color="red", feature_uri="text://a"), click(color=1)])
        assert answer["created"] == 2
        assert stored(api)[0]["warning"] == "Unknown keys were ignored: color."

    def test_a_body_of_more_than_1_mib_is_fine_here_only(self, api: Api) -> None:
        note = {"note": "x" * 2_000}
        assert send(api, [click(metadata=note)] * 1000)["created"] == 1000
        single = api.post(INTERACTIONS, click(metadata={"note": "x" * (1 << 20)}))
        assert single.status_code == 413
