"""Searches whose query vectors an adapter turns: what is found, said, and refused."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import numpy as np
import pytest

from desirepath.domain.document import VectorIndex
from desirepath.domain.text_embedding import TextEmbedding
from desirepath.engine.adapter_files import VectorSpace
from desirepath.engine.embedding.base import Vector
from desirepath.engine.engine import Engine
from desirepath.engine.models import delete_model, deploy_model, roll_back_model
from desirepath.engine.recording import RecordingRules
from desirepath.errors import InvalidModel, NotBetter
from desirepath.testing.examples import a_document
from tests.adapters import deploy_adapter, store_adapter
from tests.api.client import Api, done
from tests.api.test_execute import IMAGE, PATH, TITLE, create, execute, fill, search, shown
from tests.api.test_rankers import refusal
from tests.embedding_server import DIMENSION, MODEL, vector_of

QUARTER = [[0.0, -1.0], [1.0, 0.0]]
"""Turns to the left: what points at red shoes then points at blue ones."""
PLAIN = ["red-shoe", "red-boot", "blue-shoe", "green-hat"]
TURNED = ["blue-shoe", "red-boot", "green-hat", "red-shoe"]
EAST = {"vector": [2.0, 0.2]}


def adapted(**more: Any) -> dict[str, Any]:
    return search({**IMAGE, "query_adapter": "turn", **more})


@pytest.fixture
def shop(api: Api) -> Api:
    """Documents with vectors, and an adapter by a quarter turn."""
    fill(api)
    deploy_adapter(api.engine, api.namespace, QUARTER)
    return api


def test_the_vector_that_is_sent_is_turned(shop: Api) -> None:
    plain = create(shop, search(IMAGE), retriever_name="plain")
    assert shown(execute(shop, plain, inputs=EAST)) == PLAIN
    answer = execute(shop, create(shop, adapted()), inputs=EAST)
    assert shown(answer) == TURNED
    assert answer["warnings"] == []
    turned = done(shop.post(f"{PATH}/{plain}/execute", {"inputs": {"vector": [-0.2, 2.0]}}))
    scores = [document["attribution"]["image"]["score"] for document in turned["documents"]]
    assert [d["attribution"]["image"]["score"] for d in answer["documents"]] == pytest.approx(
        scores, abs=1e-6
    )


def test_it_is_said_and_logged_which_version_did(shop: Api) -> None:
    id = create(shop, adapted())
    answer = execute(shop, id, inputs=EAST)
    expected = [{"feature_uri": "image", "model": "turn", "model_version": 1}]
    assert answer["stage_statistics"]["stages"]["search"]["query_adapters"] == expected
    profile = done(shop.get(f"{PATH}/{id}/executions/{answer['execution_id']}/profile"))
    assert profile["stages"][0]["query_adapters"] == expected


class _Words:
    """An embedder in this process."""

    def embed(self, model: str, texts: Sequence[str]) -> list[Vector]:
        assert model == MODEL
        return [vector_of(text) for text in texts]


def test_the_vector_that_an_embedder_makes_is_turned(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.engine, "embedder", _Words())
    index = VectorIndex(name="words", dimension=DIMENSION, embedder=TextEmbedding(model=MODEL))
    documents = [
        a_document(document_id=word, vectors={"words": tuple(vector_of(word))})
        for word in ("shoe", "hat")
    ]
    with api.engine.storage.write() as session:
        session.documents.define_vector(api.namespace.number, index)
        session.documents.upsert(api.namespace.number, documents)
    shoe, hat = (vector_of(word).index(1.0) for word in ("shoe", "hat"))
    assert shoe != hat
    swap = np.eye(DIMENSION)
    swap[[shoe, hat]] = swap[[hat, shoe]]
    deploy_adapter(api.engine, api.namespace, swap, space=VectorSpace.of_index(index))
    by_words = {"feature_uri": "vector://words", "query": "{{INPUT.query}}"}
    plain = create(api, search(by_words), retriever_name="plain")
    turned = create(api, search({**by_words, "query_adapter": "turn"}))
    assert shown(execute(api, plain, inputs={"query": "shoe"}))[0] == "shoe"
    assert shown(execute(api, turned, inputs={"query": "shoe"}))[0] == "hat"


class TestVersions:
    def test_deploying_and_rolling_back_are_picked_up(self, shop: Api) -> None:
        id = create(shop, adapted())
        pinned = create(shop, adapted(query_adapter_version=1), retriever_name="pinned")
        deploy_adapter(shop.engine, shop.namespace, [[1.0, 0.0], [0.0, 1.0]])
        answer = execute(shop, id, inputs=EAST)
        assert shown(answer) == PLAIN
        (said,) = answer["stage_statistics"]["stages"]["search"]["query_adapters"]
        assert said["model_version"] == 2
        assert shown(execute(shop, pinned, inputs=EAST)) == TURNED
        roll_back_model(shop.engine, shop.namespace.number, "turn")
        shop.engine.directory.forget()
        assert shown(execute(shop, id, inputs=EAST)) == TURNED

    def test_other_processes_see_it_within_a_second(
        self, shop: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        deploy_adapter(shop.engine, shop.namespace, QUARTER)
        engine, number = shop.engine, shop.namespace.number
        with closing(Engine(engine.storage, engine.clock, RecordingRules())) as other:
            assert other.adapters.get(number, "turn", None).artifact.version == 2
            deploy_model(engine, number, "turn", 1)
            seconds = time.monotonic
            monkeypatch.setattr(time, "monotonic", lambda: seconds() + 1.0)
            assert other.adapters.get(number, "turn", None).artifact.version == 1

    def test_one_that_gains_nothing_is_not_deployed(self, shop: Api) -> None:
        store_adapter(shop.engine, shop.namespace, QUARTER, is_better=False)
        with pytest.raises(NotBetter):
            deploy_model(shop.engine, shop.namespace.number, "turn")
        assert shop.engine.adapters.get(shop.namespace.number, "turn", None).artifact.version == 1


class TestRefusals:
    def test_one_that_is_not_there(self, api: Api) -> None:
        fill(api)
        message, location = refusal(api, adapted())
        assert message == "No query adapter of this name is deployed."
        assert location == [
            *("body", "stages", 0, "config", "parameters", "searches", 0, "query_adapter")
        ]

    def test_one_that_does_not_serve(self, api: Api) -> None:
        fill(api)
        store_adapter(api.engine, api.namespace, QUARTER)
        assert "is deployed" in refusal(api, adapted())[0]
        assert create(api, adapted(query_adapter_version=1))
        assert "of this version" in refusal(api, adapted(query_adapter_version=2))[0]

    @pytest.mark.parametrize(
        ("space", "why"),
        [
            (VectorSpace(index="sound", dimension=2), "another vector index"),
            (VectorSpace(index="image", dimension=3), "vectors of 3 numbers"),
            (VectorSpace(index="image", dimension=2, embedder="m"), "another embedder's model"),
        ],
    )
    def test_one_of_other_vectors(self, api: Api, space: VectorSpace, why: str) -> None:
        fill(api)
        deploy_adapter(api.engine, api.namespace, np.eye(space.dimension), space=space)
        assert why in refusal(api, adapted())[0]

    def test_one_that_cannot_be_read(self, api: Api) -> None:
        fill(api)
        deploy_adapter(api.engine, api.namespace, QUARTER, data=b"nonsense")
        assert "cannot be read" in refusal(api, adapted())[0]

    def test_an_index_that_is_not_there(self, shop: Api) -> None:
        assert "no such vector index" in refusal(shop, adapted(feature_uri="vector://sound"))[0]

    @pytest.mark.parametrize(
        ("search_by", "why"),
        [
            ({**TITLE, "query_adapter": "turn"}, "turns the vector of a query"),
            ({"feature_uri": "mine://words", "query_adapter": "turn"}, "turns the vector"),
            ({**IMAGE, "query_adapter_version": 1}, "A version of which adapter?"),
            (
                {
                    "feature_uri": "image",
                    "query": {"document_ref": "{{INPUT.id}}"},
                    "query_adapter": "turn",
                },
                "A document's own vector",
            ),
        ],
    )
    def test_where_nothing_is_to_be_turned(
        self, shop: Api, search_by: dict[str, Any], why: str
    ) -> None:
        assert why in refusal(shop, search(search_by))[0]

    def test_a_change_is_checked_too(self, shop: Api) -> None:
        id = create(shop, search(IMAGE))
        stages = [search({**IMAGE, "query_adapter": "none"})]
        assert shop.call("PATCH", f"{PATH}/{id}", {"stages": stages}).status_code == 422

    @pytest.mark.parametrize("vector", [[1.0], [1.0, 2.0, 3.0], [0, 0], [1e200, 1.0]])
    def test_vectors_that_do_not_fit(self, shop: Api, vector: list[float]) -> None:
        id = create(shop, adapted())
        assert shop.post(f"{PATH}/{id}/execute", {"inputs": {"vector": vector}}).status_code == 422

    def test_that_of_another_namespace(self, shop: Api) -> None:
        number = shop.namespace.number + 1
        with pytest.raises(InvalidModel, match="No query adapter of this name"):
            shop.engine.adapters.get(number, "turn", None)


def test_a_search_goes_on_without_it(shop: Api) -> None:
    id = create(shop, adapted())
    delete_model(shop.engine, shop.namespace.number, "turn")
    shop.engine.directory.forget()
    answer = execute(shop, id, inputs=EAST)
    assert shown(answer) == PLAIN
    assert answer["warnings"] == [
        "A query was not adapted: No query adapter of this name is deployed."
    ]
    assert "query_adapters" not in answer["stage_statistics"]["stages"]["search"]
