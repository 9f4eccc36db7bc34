"""The official SDK, unmodified, through the whole loop: index, search, click, learn, decide."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from mixpeek import ApiClient, Configuration, Mixpeek, RetrieversApi
from mixpeek._client.client import MixpeekAPIError
from mixpeek.models.execute_retriever_response import ExecuteRetrieverResponse

from tests.api.live import LiveServer

TITLE, BODY = "text://title", "text://body"
PRODUCTS = [
    {
        "document_id": f"shoe-{number}",
        "vectors": {"style": [1.0, number / 10, 0.0]},
        "payload": {
            "title": f"red running shoe {number}" if number % 2 else f"shoe {number}",
            "body": "light shoe for the road" if number % 3 else "a red shoe with a long text",
            "price": 10 * number,
        },
    }
    for number in range(12)
]
STAGE = {
    "stage_name": "find",
    "config": {
        "stage_id": "feature_search",
        "parameters": {
            "searches": [
                {"feature_uri": TITLE, "query": "{{INPUT.query}}", "top_k": 20},
                {"feature_uri": BODY, "query": "{{INPUT.query}}", "top_k": 20},
            ],
            "fusion": "learned",
            "final_top_k": 10,
        },
    },
}


@pytest.fixture
def key(live: LiveServer) -> str:
    """Give a key of a new namespace."""
    return live.new_key()[2]


@pytest.fixture
def mixpeek(live: LiveServer, key: str) -> Mixpeek:
    return Mixpeek(key, base_url=f"{live.url}/v1")


@pytest.fixture
def namespace(live: LiveServer, key: str) -> str:
    """Give the name of the key's namespace."""
    with live.client(key) as client:
        return str(client.get("/v1/namespaces").json()["results"][0]["namespace_id"])


@pytest.fixture
def retriever(mixpeek: Mixpeek, namespace: str) -> Any:
    stored = mixpeek.namespaces.documents.upsert(namespace_id=namespace, documents=PRODUCTS)
    assert stored["inserted"] == len(PRODUCTS)
    made = mixpeek.retrievers.create(retriever_name="shop", stages=[STAGE])
    assert made["fusion"] == "learned"
    return made


@pytest.fixture
def generated(live: LiveServer, key: str) -> Iterator[RetrieversApi]:
    with ApiClient(Configuration(host=live.url, access_token=key)) as client:
        yield RetrieversApi(client)


def search(mixpeek: Mixpeek, retriever: Any, **inputs: Any) -> Any:
    return mixpeek.retrievers.execute(
        retriever["retriever_id"], inputs={"query": "red shoe", **inputs}
    )


def test_the_whole_loop(mixpeek: Mixpeek, retriever: Any) -> None:
    name = retriever["retriever_id"]
    first = search(mixpeek, retriever, user_id="kim", session_id="s1")
    assert 0 < len(first["documents"]) <= 10
    context = first["learned_fusion_context"]
    assert sorted(context["feature_uris"]) == [BODY, TITLE]
    assert abs(sum(context["sampled_weights"].values()) - 1.0) < 1e-9
    assert context["context_level"] == "global"
    click = mixpeek.retrievers.create_interaction_from_result(
        first, position=1, user_id="kim", session_id="s1"
    )
    assert click["warning"] is None
    assert click["query_snapshot"]["query"] == "red shoe"
    second = search(mixpeek, retriever, user_id="kim", session_id="s1")
    assert second["learned_fusion_context"]["context_level"] == "session"
    assert second["learned_fusion_context"]["levels"] == {"global": 1.0, "session": 1.0}
    weights = mixpeek.retrievers.get_weights(name)
    assert weights["interaction_count"] == 1.0
    assert set(weights["arms"]) == {TITLE, BODY}
    mine = mixpeek.retrievers.get_user_weights(name, user_id="kim")
    assert mine["levels"]["global"] == 1.0
    stats = mixpeek.retrievers.get_stats(name)
    assert (stats["enabled"], stats["opted_out_users"]) == (True, 0)
    for _ in range(6):
        shown = search(mixpeek, retriever, user_id="kim")
        mixpeek.retrievers.create_interaction_from_result(shown, position=0, user_id="kim")
    third = search(mixpeek, retriever, user_id="kim")
    assert third["learned_fusion_context"]["context_level"] == "personal"
    assert mixpeek.retrievers.list_interactions(name)["results"]


def test_decisions(mixpeek: Mixpeek, retriever: Any) -> None:
    name = retriever["retriever_id"]
    for _ in range(6):
        shown = search(mixpeek, retriever, user_id="kim")
        mixpeek.retrievers.create_interaction_from_result(shown, position=0, user_id="kim")
    assert mixpeek.retrievers.opt_out_user(name, user_id="kim")["opted_out"] is True
    level = search(mixpeek, retriever, user_id="kim")["learned_fusion_context"]["context_level"]
    assert level == "global"
    assert mixpeek.retrievers.opt_in_user(name, user_id="kim")["opted_out"] is False
    level = search(mixpeek, retriever, user_id="kim")["learned_fusion_context"]["context_level"]
    assert level == "personal"
    mixpeek.retrievers.reset_user(name, user_id="kim")
    level = search(mixpeek, retriever, user_id="kim")["learned_fusion_context"]["context_level"]
    assert level == "global"
    assert mixpeek.retrievers.set_rollout(name, rollout_pct=0)["rollout_pct"] == 0
    assert search(mixpeek, retriever, user_id="kim")["learned_fusion_context"] is None
    assert mixpeek.retrievers.set_rollout(name, rollout_pct=100)["rollout_pct"] == 100
    assert mixpeek.retrievers.disable_learned_fusion(name)["enabled"] is False
    assert search(mixpeek, retriever, user_id="kim")["learned_fusion_context"] is None
    assert mixpeek.retrievers.enable_learned_fusion(name)["enabled"] is True
    assert search(mixpeek, retriever, user_id="kim")["learned_fusion_context"] is not None
    kinds = [event["type"] for event in mixpeek.retrievers.get_activity(name)["events"]]
    assert kinds == [
        "enabled",
        "disabled",
        "rollout_set",
        "rollout_set",
        "user_reset",
        "user_opted_in",
        "user_opted_out",
    ]


def test_a_user_id_with_a_slash_and_a_space(mixpeek: Mixpeek, retriever: Any) -> None:
    name = retriever["retriever_id"]
    assert mixpeek.retrievers.opt_out_user(name, user_id="a/b c")["user_id"] == "a/b c"
    assert mixpeek.retrievers.get_user_weights(name, user_id="a/b c")["opted_out"] is True


def test_a_retriever_that_does_not_learn_says_so(mixpeek: Mixpeek) -> None:
    made = mixpeek.retrievers.create(
        retriever_name="plain",
        stages=[
            {
                "stage_name": "find",
                "config": {
                    "stage_id": "feature_search",
                    "parameters": {
                        "searches": [{"feature_uri": TITLE, "query": "{{INPUT.query}}"}]
                    },
                },
            }
        ],
    )
    with pytest.raises(MixpeekAPIError) as refused:
        mixpeek.retrievers.get_weights(made["retriever_id"])
    assert refused.value.status == 409


def test_several_searches_at_once(mixpeek: Mixpeek, retriever: Any) -> None:
    answer = mixpeek.retrievers.execute_batch(
        retriever["retriever_id"], queries=[{"query": "red shoe"}, {"query": "road"}]
    )
    assert (answer["succeeded"], answer["failed"]) == (2, 0)
    assert answer["results"]["0"]["documents"]


def test_the_generated_classes_parse_an_answer(
    generated: RetrieversApi, mixpeek: Mixpeek, retriever: Any, live: LiveServer
) -> None:
    del live
    found = generated.get_retriever(retriever["retriever_id"])
    assert found.retriever_name == "shop"
    shown = search(mixpeek, retriever, user_id="kim")
    parsed = ExecuteRetrieverResponse.from_dict(dict(shown))
    assert parsed is not None
    assert parsed.execution_id == shown["execution_id"]
