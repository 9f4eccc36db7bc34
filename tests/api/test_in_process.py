"""The database open in this process: what HTTP says, without HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import desirepath
from desirepath.errors import (
    DesirepathError,
    EventConflict,
    InvalidDocument,
    InvalidFilter,
    InvalidInteraction,
    InvalidSearch,
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


FIND: dict[str, Any] = {
    "stage_name": "find",
    "stage_id": "feature_search",
    "parameters": {"searches": [{"feature_uri": "text://title", "query": "{{INPUT.query}}"}]},
}


def test_documents_are_stored_searched_and_listed(database: Database) -> None:
    with desirepath.open(database.url) as here:
        shoes = [
            {"document_id": f"d{n}", "payload": {"title": f"Red shoe {n}", "price": n}}
            for n in range(3)
        ]
        assert here.documents.upsert(shoes) == {"inserted": 3, "document_ids": ["d0", "d1", "d2"]}
        page = here.documents.list(filters={"price": {"gte": 1}}, page_size=1, include_total=True)
        assert ([row["document_id"] for row in page["results"]], page["total"]) == (["d1"], 2)
        rest = here.documents.list(filters={"price": {"gte": 1}}, cursor=page["next_cursor"])
        assert [row["document_id"] for row in rest["results"]] == ["d2"]
        assert here.documents.update("d1", price=None, colour="red")["payload"] == {
            "title": "Red shoe 1",
            "colour": "red",
        }
        assert here.documents.get("d1")["payload"]["colour"] == "red"
        assert (here.documents.delete("d2"), here.documents.delete("d2")) == (True, False)
        with pytest.raises(InvalidDocument) as caught:
            here.documents.upsert([shoes[0], {"document_id": "x", "payload": 1}])
        assert caught.value.location == (1, "payload")
        for id in ("nobody", "a\x00b", LOST_HALF):
            with pytest.raises(NotFound):
                here.documents.get(id)
            with pytest.raises(NotFound):
                here.documents.update(id, a=1)
            assert not here.documents.delete(id)
        with pytest.raises(InvalidFilter):
            here.documents.list(filters={"price": {"regex": "("}})


def test_searches_as_over_http(database: Database) -> None:
    with desirepath.open(database.url) as here:
        here.documents.upsert([{"document_id": "d", "payload": {"title": "Red shoe"}}])
        shop = here.retrievers.create("shop", stages=[FIND])
        found = here.retrievers.execute("shop", inputs={"query": "shoes"}, user_id="ada")
        assert [one["document_id"] for one in found["documents"]] == ["d"]
        made = here.interactions.create(**click(feature_id="d", execution_id=found["execution_id"]))
        assert made["retriever_id"] == shop["retriever_id"]
        adhoc = here.retrievers.execute_adhoc([FIND], inputs={"query": "red"})
        assert adhoc["retriever_id"] == "ret_adhoc"
        assert adhoc["documents"] == found["documents"]
        for retriever, search in (("shop", found), (None, adhoc)):
            page = here.executions.list(retriever, sorts=[("timestamp", "asc")])
            assert [one["execution_id"] for one in page["results"]] == [search["execution_id"]]
            assert (page["total"], page["next_cursor"]) == (1, None)
        assert here.executions.list("shop", filters={"user_id": "bo"})["total"] == 0
        with pytest.raises(InvalidSearch):
            here.retrievers.execute("shop", colour="red")
        with pytest.raises(InvalidSearch):
            here.retrievers.execute("shop", inputs={"query": LOST_HALF})
        with pytest.raises(NotFound):
            here.retrievers.execute("nobody")
        with pytest.raises(NotFound):
            here.executions.list("nobody")


class Lengths:
    """An embedder: how long a text is."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def embed(self, model: str, texts: Sequence[str]) -> list[Sequence[float]]:
        self.texts += texts
        return [[float(len(text)), 1.0] for text in texts]


def test_an_embedder_of_ones_own(database: Database) -> None:
    embedder = Lengths()
    with desirepath.open(database.url, embedder=embedder) as here:
        index = {"name": "title", "dimension": 2, "embedder": {"model": "lengths"}}
        shop = here.create_namespace("own embedder", vector_configs=[index])
        shop.documents.upsert([{"document_id": "d", "payload": {"title": "Red"}}])
        assert shop.documents.get("d", return_vectors=True)["vectors"] == {"title": [3.0, 1.0]}
        search = {"feature_uri": "vector://title", "query": "{{INPUT.query}}"}
        stage = {**FIND, "parameters": {"searches": [search]}}
        for _ in range(2):
            found = shop.retrievers.execute_adhoc([stage], inputs={"query": "Hat"})
            assert found["documents"][0]["score"] == pytest.approx(1 / 61)
        assert embedder.texts[1:] == ["Red", "Hat"]


def test_documents_and_searches_to_await(database: Database) -> None:
    async def use() -> None:
        async with desirepath.open_async(database.url) as here:
            other = await here.create_namespace("awaited")
            await other.documents.upsert([{"document_id": "d", "payload": {"title": "Red"}}])
            await other.retrievers.create("shop", stages=[FIND])
            found = await other.retrievers.execute("shop", inputs={"query": "red"})
            assert found["documents"][0]["document_id"] == "d"
            assert (await other.executions.list("shop"))["total"] == 1

    asyncio.run(use())
