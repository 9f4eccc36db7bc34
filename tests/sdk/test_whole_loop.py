"""The official SDK, unmodified, from nothing to what was learned and decided: one story."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from mixpeek import (
    ApiClient,
    Configuration,
    CreateRetrieverRequest,
    ExecuteRetrieverRequest,
    ListRetrieversRequest,
    Mixpeek,
    RetrieversApi,
)

from tests.api.live import LiveServer

_numbers = itertools.count(1)

TITLE, STYLE = "text://title", "vector://style"
DOCUMENTS = [
    {
        "document_id": f"shoe-{number}",
        "vectors": {"style": [1.0, number / 10, 0.5]},
        "payload": {"title": f"red shoe {number}" if number % 2 else f"shoe {number} in blue"},
    }
    for number in range(12)
]
STAGE = {
    "stage_name": "find",
    "config": {
        "stage_id": "feature_search",
        "parameters": {
            "searches": [
                {"feature_uri": TITLE, "query": "{{INPUT.query}}"},
                {
                    "feature_uri": STYLE,
                    "query": {"input_mode": "vector", "value": "{{INPUT.style}}"},
                },
            ],
            "fusion": "learned",
            "learning_config": {"demographic_features": ["INPUT.segment"]},
            "final_top_k": 10,
        },
    },
}
INPUTS: dict[str, Any] = {"query": "red shoe", "style": [1.0, 0.2, 0.5], "segment": "runners"}


@pytest.fixture
def name() -> str:
    """Give a namespace that is not there yet."""
    return f"loop-{next(_numbers)}"


@pytest.fixture
def inside(live: LiveServer, name: str) -> Any:
    """Give a client of a standalone namespace that was made and filled through the SDK."""
    admin: Any = Mixpeek(live.admin_key, base_url=f"{live.url}/v1")
    made = admin.namespaces.create(
        namespace_id=name,
        vector_configs=[{"name": "style", "dimension": 3, "metric": "cosine"}],
    )
    assert (made.namespace_id, made.mode) == (name, "standalone")
    stored = admin.namespaces.documents.upsert(namespace_id=name, documents=DOCUMENTS)
    assert stored.inserted == len(DOCUMENTS)
    return Mixpeek(live.admin_key, base_url=f"{live.url}/v1", namespace=name)


@pytest.fixture
def generated(live: LiveServer, name: str) -> Iterator[RetrieversApi]:
    configuration = Configuration(host=live.url, access_token=live.admin_key)
    with ApiClient(configuration, "X-Namespace", name) as client:
        yield RetrieversApi(client)


def test_index_search_click_learn_decide(inside: Any) -> None:
    retrievers = inside.retrievers
    name = retrievers.create(retriever_name="shop", stages=[STAGE])["retriever_id"]

    def search(user_id: str = "kim") -> Any:
        return retrievers.execute(name, inputs=INPUTS | {"user_id": user_id})

    def level(user_id: str = "kim") -> str | None:
        context = search(user_id)["learned_fusion_context"]
        return None if context is None else context["context_level"]

    # Before anybody has clicked, weights are equal, and nothing is known of anybody.
    before = retrievers.get_weights(name)
    assert before["weights"] == pytest.approx({TITLE: 0.5, STYLE: 0.5})
    assert before["interaction_count"] == 0
    for _ in range(8):
        shown = search()
        assert sorted(shown["learned_fusion_context"]["feature_uris"]) == [TITLE, STYLE]
        places = [
            place
            for place, document in enumerate(shown["documents"])
            if "red" in document["payload"]["title"]
        ]
        click = retrievers.create_interaction_from_result(shown, position=places[-1], user_id="kim")
        assert click["warning"] is None
        assert click["retriever_id"] == name
    # What was learned, of all, of a person and of nobody in particular.
    weights = retrievers.get_weights(name)
    assert weights["interaction_count"] == pytest.approx(2)  # one person's share of a day
    assert weights["weights"][TITLE] > weights["weights"][STYLE]
    assert sum(weights["weights"].values()) == pytest.approx(1.0)
    assert {"alpha", "beta", "mean", "variance", "interactions"} <= weights["arms"][TITLE].keys()
    kim = retrievers.get_user_weights(name, user_id="kim")
    assert (kim["context_level"], kim["opted_out"]) == ("personal", False)
    assert kim["weights"][TITLE] > 0.5
    nobody = retrievers.get_user_weights(name, user_id="nobody")
    assert nobody["context_level"] == "global"
    stats = retrievers.get_stats(name)
    assert (stats["retriever_id"], stats["enabled"]) == (name, True)
    assert (level(), level("ana")) == ("personal", "segment")
    # What people decide about it, and that it is kept to.
    assert retrievers.set_rollout(name, rollout_pct=0)["rollout_pct"] == 0
    assert level() is None
    retrievers.set_rollout(name, rollout_pct=100)
    assert retrievers.opt_out_user(name, user_id="kim")["opted_out"] is True
    assert level() == "segment"
    assert retrievers.get_stats(name)["opted_out_users"] == 1
    assert retrievers.opt_in_user(name, user_id="kim")["opted_out"] is False
    assert level() == "personal"
    retrievers.reset_user(name, user_id="kim")
    assert level() == "segment"
    assert retrievers.disable_learned_fusion(name)["enabled"] is False
    assert level() is None
    assert retrievers.get_weights(name)["enabled"] is False
    assert retrievers.enable_learned_fusion(name)["enabled"] is True
    assert level() == "segment"
    events = retrievers.get_activity(name)["events"]
    assert [event["type"] for event in reversed(events)] == [
        "rollout_set",
        "rollout_set",
        "user_opted_out",
        "user_opted_in",
        "user_reset",
        "disabled",
        "enabled",
    ]
    assert len(retrievers.list_interactions(name)["results"]) == 8


@pytest.mark.usefixtures("inside")
def test_the_generated_classes_read_every_answer(generated: Any) -> None:
    request = CreateRetrieverRequest.from_dict({"retriever_name": "shop", "stages": [STAGE]})
    created = generated.create_retriever(request)
    assert created.fusion == "learned"
    found = generated.get_retriever("shop")
    assert found.retriever_id == created.retriever_id
    assert found.stages[0].parameters == STAGE["config"]["parameters"]  # type: ignore[index]
    listed = generated.list_retrievers(
        include_total=True, list_retrievers_request=ListRetrieversRequest(search="sh*")
    )
    assert [row.retriever_name for row in listed.results] == ["shop"]
    body = {"inputs": INPUTS | {"user_id": "kim"}, "limit": 5}
    shown = generated.execute_retriever("shop", ExecuteRetrieverRequest.from_dict(body))
    assert (shown.status, shown.retriever_id) == ("completed", created.retriever_id)
    assert len(shown.documents) == shown.pagination["returned"] == 5
    assert shown.pagination["total"] == 10
    assert shown.stage_statistics.stages["find"].output_count == 10
    assert set(shown.learned_fusion_context["sampled_weights"]) == {TITLE, STYLE}
    assert shown.results is None
