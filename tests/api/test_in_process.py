"""The database open in this process: what HTTP says, without HTTP."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import desirepath
from desirepath.errors import (
    DesirepathError,
    EventConflict,
    InvalidFilter,
    InvalidInteraction,
    InvalidSetting,
    NotFound,
)
from tests.api.client import click
from tests.storage_fixtures import Database

LOST_HALF = "\ud800"


def test_records_and_reads_what_http_would(database: Database) -> None:
    with desirepath.open(database.url) as here:
        shop = here.retrievers.create("shop")
        search = here.executions.create(
            "shop", documents=[{"document_id": "a"}], inputs={"query": "q"}
        )
        made = here.interactions.create(
            **click(feature_id="a", execution_id=search["execution_id"], event_id="e")
        )
        assert made["retriever_id"] == shop["retriever_id"]
        assert made["query_snapshot"] == {"query": "q"}
        assert made["warning"] is None
        again = here.interactions.create(
            **click(feature_id="a", execution_id=search["execution_id"], event_id="e")
        )
        assert again["deduplicated"]
        assert again["interaction_id"] == made["interaction_id"]
        with pytest.raises(EventConflict):
            here.interactions.create(**click(event_id="e", position=3))
        assert here.interactions.get(made["interaction_id"]) == made
        assert here.executions.get(search["execution_id"]) == search
        assert here.retrievers.list() == [here.retrievers.get("shop")]
        assert here.interactions.delete(made["interaction_id"])
        assert not here.interactions.delete(made["interaction_id"])
        with pytest.raises(NotFound):
            here.interactions.get(made["interaction_id"])


def test_batches_say_what_became_of_each(database: Database) -> None:
    with desirepath.open(database.url) as here:
        made = here.interactions.create_batch([click(), click(position=-1), click(nonsense=1)])
        assert [set(one) == {"error"} for one in made] == [False, True, True]
        here.retrievers.create("shop")
        items: list[dict[str, Any]] = [
            {"execution_id": "x", "documents": []},
            {"execution_id": "x", "documents": []},
            {"execution_id": "x", "documents": [{"document_id": "d"}]},
            {"documents": 1},
        ]
        logged = here.executions.create_batch("shop", items)
        assert [one.get("duplicate") for one in logged] == [False, True, None, None]
        assert ["error" in one for one in logged] == [False, False, True, True]
        with pytest.raises(NotFound):
            here.executions.create_batch("nowhere", items)


def test_lists_as_over_http(database: Database) -> None:
    with desirepath.open(database.url) as here:
        for position in range(5):
            here.interactions.create(**click(position=position, metadata={"note": f"N{position}"}))
        page = here.interactions.list(
            filters={"position": {"gte": 1}}, page_size=3, include_total=True, descending=False
        )
        assert [row["position"] for row in page["results"]] == [1, 2, 3]
        assert page["total"] == 4
        rest = here.interactions.list(
            filters={"position": {"gte": 1}},
            page_size=3,
            descending=False,
            cursor=page["next_cursor"],
        )
        assert [row["position"] for row in rest["results"]] == [4]
        assert (rest["next_cursor"], rest["total"]) == (None, None)
        (found,) = here.interactions.list(search="n3")["results"]
        assert found["position"] == 3
        with pytest.raises(InvalidFilter, match="exact"):
            here.interactions.list(colour="red")


@pytest.mark.parametrize("text", ["a\x00b", LOST_HALF])
def test_what_no_database_can_have(database: Database, text: str) -> None:
    with desirepath.open(database.url) as here:
        with pytest.raises(InvalidInteraction):
            here.interactions.create(**click(feature_id=text))
        with pytest.raises(InvalidInteraction):
            here.interactions.create(**click(metadata={text: 1}))
        for look in (here.retrievers.get, here.executions.get, here.interactions.get):
            with pytest.raises(NotFound):
                look(text)
        for other in (here.namespace, here.erase_user, here.retrievers.create):
            with pytest.raises(DesirepathError):
                other(text)
        with pytest.raises(DesirepathError):
            here.interactions.list(user_id=text)


def test_namespaces_share_nothing(database: Database) -> None:
    with desirepath.open(database.url) as here:
        made = here.namespace("other").interactions.create(**click())
        assert here.interactions.list()["results"] == []
        with pytest.raises(NotFound):
            here.interactions.get(made["interaction_id"])
        with pytest.raises(NotFound):
            here.namespace("nowhere")


def test_many_threads_at_once(database: Database) -> None:
    with desirepath.open(database.url) as here, ThreadPoolExecutor(8) as pool:
        made = list(
            pool.map(lambda n: here.interactions.create(**click(event_id=f"e{n % 10}")), range(80))
        )
        assert len({one["interaction_id"] for one in made}) == 10
        assert sum(not one["deduplicated"] for one in made) == 10


def test_with_methods_to_await(database: Database) -> None:
    async def use() -> None:
        async with desirepath.open_async(database.url) as here:
            made = await asyncio.gather(*(here.interactions.create(**click()) for _ in range(20)))
            assert len({one["interaction_id"] for one in made}) == 20
            other = await here.namespace("other")
            assert (await other.interactions.list())["results"] == []
            await here.retrievers.create("shop")
            (search,) = await here.executions.create_batch("shop", [{"documents": []}])
            assert (await here.executions.get(search["execution_id"]))["documents"] == []
            assert (await here.erase_user("nobody"))["interactions"] == 0

    asyncio.run(use())


def test_settings_by_name_and_none_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESIREPATH_REQUIRE_EXECUTION_ID", "true")
    url = f"sqlite:///{tmp_path}/log.db"
    with desirepath.open(url) as here:
        assert here.interactions.create(**click(retriever_id="r"))["interaction_id"]
    with (
        desirepath.open(url, require_execution_id=True) as here,
        pytest.raises(InvalidInteraction),
    ):
        here.interactions.create(**click(retriever_id="r"))
    with pytest.raises(InvalidSetting, match="Unknown setting"):
        desirepath.open(url, colour="red")
    with pytest.raises(InvalidSetting, match="dedup_window_seconds"):
        desirepath.open(url, dedup_window_seconds=-1)
