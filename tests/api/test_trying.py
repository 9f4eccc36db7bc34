"""Searches that are tried out: as a stranger is served, leaving no trace."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from desirepath.domain.retriever import Retriever
from desirepath.engine.executing import ExecuteRequest, Served
from desirepath.engine.serving.searching import SentCandidate
from desirepath.engine.trying import try_out
from desirepath.errors import InvalidSearch
from tests.api.client import Api, done
from tests.api.test_learning_controls import BODY, FUSION, STAGE, TITLE, search

REQUEST = ExecuteRequest(
    inputs={"query": "shoe"},
    user_id="kim",
    session_id="visit",
    candidates={
        TITLE: [SentCandidate(document_id="doc_1", score=2.0)],
        BODY: [SentCandidate(document_id="doc_2", score=1.0)],
    },
)


@pytest.fixture
def api(api: Api) -> Api:
    """Give the API with a retriever that learns."""
    done(api.post("/v1/retrievers", {"retriever_name": "shop", "stages": [STAGE]}))
    return api


def retriever(api: Api) -> Retriever:
    found = api.engine.directory.retriever(api.namespace.number, "shop")
    assert found is not None
    return found


def tried(api: Api, **options: Any) -> Served:
    return try_out(api.engine, retriever(api), REQUEST, **options)


def weights(served: Served) -> dict[str, float]:
    assert served.plan is not None
    assert served.chosen is not None
    return dict(zip(served.plan.features, served.chosen.weights.tolist(), strict=True))


def test_before_anything_was_learned_all_features_weigh_the_same(api: Api) -> None:
    served = tried(api)
    assert weights(served) == {TITLE: 0.5, BODY: 0.5}
    assert served.execution.ranking is not None
    assert served.execution.ranking.fusion == "learned"
    with api.engine.storage.read() as session:
        assert not session.learned.features(api.namespace.number, retriever(api).retriever_id)


def test_the_mean_of_what_is_believed_of_everybody_is_served(api: Api) -> None:
    for number in range(20):
        search(api, f"search-{number}", "kim")
    first, again = tried(api), tried(api)
    assert weights(first) == weights(again)
    learned = done(api.get(f"{FUSION}/weights"))["weights"]
    assert weights(first) == pytest.approx(learned)
    assert weights(first)[BODY] > 0.5
    assert [hit.document_id for hit in first.hits] == ["doc_2", "doc_1"]


def test_nothing_is_written_and_nobody_is_named(api: Api) -> None:
    search(api, "before", "kim")
    before = done(api.post("/v1/retrievers/shop/executions/list", {}))
    served = tried(api)
    assert (served.execution.user_id, served.execution.session_id) == (None, None)
    assert done(api.post("/v1/retrievers/shop/executions/list", {})) == before
    assert done(api.get(f"{FUSION}/stats"))["interaction_count"] == 1.0


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/disable", None),
        ("POST", "/rollout", {"rollout_pct": 10}),
    ],
)
def test_where_most_are_served_static_fusion_it_is_tried(
    api: Api, method: str, path: str, body: Any
) -> None:
    done(api.call(method, FUSION + path, body))
    served = tried(api)
    assert served.chosen is not None
    assert served.chosen.fusion == "rrf"


def test_weights_fixed_by_hand_are_served_and_given_ones_before_them(api: Api) -> None:
    done(api.call("PUT", FUSION + "/weights", {"weights": {TITLE: 0.25, BODY: 0.75}}))
    assert weights(tried(api)) == {TITLE: 0.25, BODY: 0.75}
    served = tried(api, weights={TITLE: 3.0, BODY: 1.0})
    assert weights(served) == {TITLE: 0.75, BODY: 0.25}
    assert weights(tried(api, weights={TITLE: 2.0})) == {TITLE: 1.0, BODY: 0.0}


@pytest.mark.parametrize(
    "given", [{"text://price": 1.0}, {TITLE: 0.0}, {TITLE: -1.0, BODY: 2.0}, {TITLE: float("nan")}]
)
def test_weights_that_are_none_are_refused(api: Api, given: dict[str, float]) -> None:
    with pytest.raises(InvalidSearch):
        tried(api, weights=given)


def test_a_changed_copy_is_served_as_it_says(api: Api) -> None:
    stored = retriever(api)
    stage = {
        **STAGE,
        "config": {
            "stage_id": "feature_search",
            "parameters": {**STAGE["config"]["parameters"], "final_top_k": 1, "fusion": "max"},
        },
    }
    changed = replace(stored, draft=replace(stored.draft, stages=[stage]))
    served = try_out(api.engine, changed, REQUEST)
    assert len(served.hits) == 1
    assert served.chosen is not None
    assert served.chosen.fusion == "max"
