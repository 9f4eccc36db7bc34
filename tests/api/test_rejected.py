"""Refused items of an authenticated sender: kept with their reason, listed, bounded."""

from __future__ import annotations

import json
from typing import Any

import pytest

from desirepath.domain.clock import format_time
from desirepath.engine.housekeeping import keep_house
from tests.api.client import INTERACTIONS, Api, click, done

PATH = f"{INTERACTIONS}/rejected"


def rejected(api: Api, query: str = "") -> list[dict[str, Any]]:
    rows = done(api.get(f"{PATH}?{query}"))["results"]
    assert isinstance(rows, list)
    return rows


class TestRejected:
    def test_a_single_one(self, api: Api) -> None:
        body = click(position=-1, user_id="ada")
        refusal = api.post(INTERACTIONS, body)
        (row,) = rejected(api)
        assert set(row) == {"rejected_id", "rejected_at", "source", "reason", "raw"}
        assert (row["source"], body) == ("interaction", json.loads(row["raw"]))
        assert row["reason"] == refusal.json()["error"]["message"]
        assert row["rejected_at"] >= format_time(api.clock.now())
        assert row["rejected_id"].startswith("rej_")

    def test_what_is_not_json(self, api: Api) -> None:
        for content in (b'{"position": NaN}', b"\xff\x00\xfe", b"[" * 50):
            assert api.post(INTERACTIONS, content=content).status_code == 422
        raws = [row["raw"] for row in rejected(api)]
        assert raws == ["[" * 50, "\N{REPLACEMENT CHARACTER}" * 3, '{"position": NaN}']

    def test_items_of_a_batch_and_none_of_their_neighbours(self, api: Api) -> None:
        items = [click(), click(position=-1), {"é": 1}, click(), None]
        done(api.post(f"{INTERACTIONS}/batch", {"interactions": items}))
        raws = [json.loads(row["raw"]) for row in rejected(api)]
        assert [None, {"é": 1}, click(position=-1)] == raws

    def test_conflicts_of_a_batch(self, api: Api) -> None:
        api.record(event_id="e")
        body = {"interactions": [click(event_id="e", position=4)]}
        done(api.post(f"{INTERACTIONS}/batch", body))
        assert [row["reason"] for row in rejected(api)] == [
            "This event_id was used before with other content; nothing was stored."
        ]

    def test_a_conflict_of_a_single_one(self, api: Api) -> None:
        api.record(event_id="e")
        other = click(event_id="e", position=4)
        assert api.post(INTERACTIONS, other).status_code == 409
        (row,) = rejected(api)
        assert other == json.loads(row["raw"])

    def test_what_a_setting_refuses(self, api: Api) -> None:
        strict = api.under(require_execution_id=True)
        assert strict.post(INTERACTIONS, click(retriever_id="r")).status_code == 422
        (row,) = rejected(api)
        assert row["reason"] == "execution_id is required with retriever_id."

    def test_executions(self, api: Api) -> None:
        retriever = api.retriever()
        path = f"/v1/retrievers/{retriever}/executions"
        api.post(path, {"documents": 1})
        api.post(f"{path}/batch", {"executions": [{"documents": []}, {}]})
        assert [row["source"] for row in rejected(api)] == ["execution", "execution"]

    def test_nothing_of_a_stranger(self, api: Api) -> None:
        api.post(INTERACTIONS, click(position=-1), key=None)
        api.post(INTERACTIONS, click(position=-1), key="nonsense")
        api.post(INTERACTIONS, click(position=-1), key="read")
        assert rejected(api) == []

    def test_nothing_of_a_bad_list_or_a_dropped_repeat(self, api: Api) -> None:
        api.post(f"{INTERACTIONS}/list", {"filters": {"x": 1}})
        for _ in range(2):
            api.record(execution_id="e")
        assert rejected(api) == []

    def test_size_is_bounded(self, api: Api) -> None:
        api.post(INTERACTIONS, click(position=-1, metadata={"x": "é" * 100_000}))
        (row,) = rejected(api)
        assert 8000 < len(row["raw"].encode()) <= 8192 + 2

    def test_newest_first_and_by_cursor(self, api: Api) -> None:
        for n in range(7):
            api.clock.advance(seconds=1)
            api.post(INTERACTIONS, {"n": n})
        seen, query = [], "limit=3"
        for _ in range(5):
            page = done(api.get(f"{PATH}?{query}"))
            seen += [json.loads(row["raw"])["n"] for row in page["results"]]
            cursor = page["pagination"]["next_cursor"]
            if cursor is None:
                break
            query = f"limit=3&cursor={cursor}"
        assert seen == [6, 5, 4, 3, 2, 1, 0]

    @pytest.mark.parametrize("query", ["cursor=x", f"cursor=int_{'0' * 32}", "limit=0", "page=0"])
    def test_refuses(self, api: Api, query: str) -> None:
        assert api.get(f"{PATH}?{query}").status_code == 400

    def test_expire_after_seven_days(self, api: Api) -> None:
        api.post(INTERACTIONS, {"old": True})
        api.clock.advance(seconds=3600 * 24 * 6)
        api.post(INTERACTIONS, {"young": True})
        keep_house(api.engine)
        assert len(rejected(api)) == 2
        api.clock.advance(seconds=3600 * 24 + 1)
        keep_house(api.engine)
        assert [row["raw"].replace(" ", "") for row in rejected(api)] == ['{"young":true}']

    def test_belong_to_their_namespace(self, api: Api) -> None:
        api.post(INTERACTIONS, {})
        assert rejected(api.backend.api()) == []

    def test_can_be_sent_again_once_they_are_right(self, api: Api) -> None:
        """100 of 100 fixed items are stored once; sending them again adds none."""
        wrong = [click(position=-1 - n, event_id=f"event-{n}") for n in range(100)]
        answer = done(api.post(f"{INTERACTIONS}/batch", {"interactions": wrong}))
        assert answer["failed"] == 100
        kept = [json.loads(row["raw"]) for row in rejected(api, "limit=1000")]
        right = [item | {"position": -item["position"]} for item in kept]
        counts = []
        for _ in range(2):
            answer = done(api.post(f"{INTERACTIONS}/batch", {"interactions": right}))
            counts.append((answer["created"], answer["duplicates"], answer["failed"]))
        assert counts == [(100, 0, 0), (0, 100, 0)]
