"""One good request for each operation of the API, and one thing of each kind to name in it.

A new endpoint is added to :data:`CALLS`; a new kind of id to :class:`World`. The tests that go
through all operations fail until it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

from desirepath.api.in_process import Desirepath
from desirepath.domain.artifact import ArtifactDraft
from desirepath.domain.fusion_controls import ShippedWeightSet
from desirepath.domain.ids import format_id
from desirepath.domain.job import Job
from desirepath.engine.gating.shipping import ship
from desirepath.engine.models import deploy_model, store_model
from desirepath.engine.retrievers import find_retriever
from desirepath.engine.weights_files import FUSION_WEIGHTS, WEIGHTS, write_weights
from tests.api.client import INTERACTIONS, Api, Request, click, done
from tests.recommenders import parts_of, store_recommender

__all__ = ["CALLS", "QUESTIONS", "Call", "Ids", "Operation", "World", "make_world", "operations"]

QUERY = {"query": "red shoes"}
QUESTIONS = "/v1/analytics/"
_DATASETS = "/v1/retrievers/evaluations/datasets"
_EVALUATIONS = "/v1/retrievers/{retriever_id}/evaluations"
_BENCHMARKS = "/v1/retrievers/benchmarks"
_WHAT_IFS = "/v1/retrievers/{retriever_id}/counterfactual-evaluations"
LEARNED: dict[str, Any] = {
    "stage_name": "find",
    "config": {
        "stage_id": "feature_search",
        "parameters": {
            "searches": [{"feature_uri": "text://title", "query": "{{INPUT.query}}"}],
            "fusion": "learned",
        },
    },
}


@dataclass(frozen=True)
class Ids:
    """An id of each kind, by the names that the API gives them."""

    interaction_id: str
    retriever_id: str
    retriever_name: str
    execution_id: str
    served_execution_id: str
    """Of a search of ours, which has a profile."""
    adhoc_execution_id: str
    user_id: str
    session_id: str
    feature_id: str
    document_id: str
    event_id: str
    cursor: str
    rejected_cursor: str
    document_cursor: str
    execution_cursor: str
    adhoc_cursor: str
    collection_id: str
    idempotency_key: str
    dataset_id: str
    dataset_name: str
    experiment_id: str
    evaluation_id: str
    """Of one that nobody works on."""
    evaluated_id: str
    """Of one with a result."""
    what_if_id: str
    task_id: str
    model_id: str
    """Of a version that does not serve, while two before it did."""
    model_name: str
    weights_id: str
    """Of fusion weights that the retriever's gate may judge; others were shipped."""
    benchmark_id: str
    rival_id: str
    """Of another retriever, to compare with."""
    namespace_id: str
    namespace_name: str
    spare_namespace_id: str
    """Of an empty namespace beside the world's own, to be deleted."""

    def ghosts(self) -> Ids:
        """Ids that look like these, and that nothing has: one character is another one."""
        return replace(
            self, **{field.name: _ghost(getattr(self, field.name)) for field in fields(self)}
        )


def _ghost(id: str) -> str:
    return id[:-6] + ("0" if id[-6] != "0" else "1") + id[-5:]


@dataclass(frozen=True)
class World:
    """A namespace with something of everything in it."""

    api: Api
    ids: Ids


def make_world(api: Api, tag: str) -> World:
    """Fill an empty namespace; ``tag`` makes the senders' own ids unlike other worlds'."""
    own = {
        name: f"{tag}-{name}"
        for name in ("execution_id", "user_id", "session_id", "feature_id", "event_id")
    }
    rival = {"retriever_name": f"{tag}-rival", "stages": [LEARNED]}
    rival_id = done(api.post("/v1/retrievers", rival))["retriever_id"]
    retriever = {
        "retriever_name": f"{tag}-retriever",
        "stages": [_gated_by(f"{tag}-dataset")],
        "experiment": {"challenger": rival_id},
    }
    retriever_id = done(api.post("/v1/retrievers", retriever))["retriever_id"]
    document = {"document_id": own["feature_id"], "score": 0.5}
    execution = {
        "documents": [document],
        "inputs": QUERY,
        **{name: own[name] for name in ("execution_id", "user_id", "session_id")},
    }
    done(api.post(f"/v1/retrievers/{retriever_id}/executions", execution))
    headers = {"Idempotency-Key": f"{tag}-idempotency-key"}
    first = done(api.post(INTERACTIONS, click(**own), headers=headers))
    api.record(feature_id=own["feature_id"], user_id=own["user_id"], retriever_id=retriever_id)
    for _ in range(2):
        api.post(INTERACTIONS, click(position=-1))
    stored = [
        {
            "document_id": id,
            "vectors": {"title": [1.0, 0.5]},
            "payload": {"title": f"{tag} shoes"},
            "metadata": {"source": tag},
        }
        for id in (own["feature_id"], f"{tag}-second-document")
    ]
    documents = f"/v1/namespaces/{api.namespace.namespace_id}/documents"
    done(api.post(f"{documents}/upsert", {"documents": stored}))
    search = {"inputs": QUERY, "stages": [LEARNED]}
    adhoc, _ = (done(api.post("/v1/retrievers/execute", search)) for _ in range(2))
    search = {"inputs": QUERY, "session_id": own["session_id"]}
    served = done(api.post(f"/v1/retrievers/{retriever_id}/execute", search))
    (experiment,) = done(api.get(f"/v1/retrievers/{retriever_id}/experiments"))["results"]
    executions = f"/v1/retrievers/{retriever_id}/executions?limit=1"
    truth = {"query_id": f"{tag}-query", "query_input": QUERY, "relevant_documents": ["doc_1"]}
    own["dataset_name"] = f"{tag}-dataset"
    dataset = {"dataset_name": own["dataset_name"], "queries": [truth]}
    dataset_id = done(api.post(_DATASETS, dataset))["dataset_id"]
    evaluations = _EVALUATIONS.format(retriever_id=retriever_id)
    evaluation = api.post(evaluations, {"dataset_name": own["dataset_name"]}).json()
    here = Desirepath(api.engine, api.namespace.namespace_id)
    evaluated = here.evaluations.run(retriever_id, own["dataset_name"])
    what_ifs = _WHAT_IFS.format(retriever_id=retriever_id)
    what_if = api.post(what_ifs, {"policy": {"fusion": "rrf"}}).json()
    liked = [own["feature_id"], f"{tag}-second-document"]
    parts = parts_of({own["user_id"]: liked, f"{tag}-friend": [*liked, "doc_1"]})
    store_recommender(api.engine, api.namespace, parts)
    adhoc_page = done(api.post("/v1/retrievers/executions/list?limit=1", {}))
    documents_page = done(api.post(f"{documents}/list", {"page_size": 1}))
    spare = api.post(
        "/v1/namespaces",
        {"namespace_name": f"spare of {api.namespace.name}"},
        key="admin",
        headers={"X-Namespace": api.namespace.name},
    )
    return World(
        api,
        Ids(
            interaction_id=first["interaction_id"],
            retriever_id=retriever_id,
            retriever_name=f"{tag}-retriever",
            served_execution_id=served["execution_id"],
            adhoc_execution_id=adhoc["execution_id"],
            document_id=own["feature_id"],
            cursor=api.list("page_size=1")["pagination"]["next_cursor"],
            rejected_cursor=done(api.get(f"{INTERACTIONS}/rejected?limit=1"))["pagination"][
                "next_cursor"
            ],
            document_cursor=documents_page["pagination"]["next_cursor"],
            execution_cursor=done(api.get(executions))["pagination"]["next_cursor"],
            adhoc_cursor=adhoc_page["pagination"]["next_cursor"],
            collection_id=f"{tag}-collection",
            idempotency_key=headers["Idempotency-Key"],
            dataset_id=dataset_id,
            experiment_id=experiment["experiment_id"],
            evaluation_id=evaluation["evaluation_id"],
            evaluated_id=evaluated["evaluation_id"],
            what_if_id=what_if["what_if_id"],
            task_id=_left_task(api),
            model_id=_stored_models(api, f"{tag}-model"),
            model_name=f"{tag}-model",
            weights_id=_shipped_weights(api, retriever_id, f"{tag}-weights"),
            benchmark_id=_asked_benchmark(api, retriever_id, rival_id),
            rival_id=rival_id,
            namespace_id=api.namespace.namespace_id,
            namespace_name=api.namespace.name,
            spare_namespace_id=done(spare)["namespace_id"],
            **own,
        ),
    )


def _gated_by(dataset: str) -> dict[str, Any]:
    """A stage that learns, with a gate."""
    stage = deepcopy(LEARNED)
    stage["config"]["parameters"]["learning_config"] = {"evaluation_dataset_id": dataset}
    return stage


def _shipped_weights(api: Api, retriever_id: str, name: str) -> str:
    """Store fusion weights twice, and ship the first; the id of the second."""
    weights = {"text://title": 1.0}
    draft = ArtifactDraft(
        kind=FUSION_WEIGHTS,
        name=name,
        manifest={},
        files={WEIGHTS: write_weights(weights)},
        retriever_id=retriever_id,
    )
    first, second = (store_model(api.engine, api.namespace, draft) for _ in range(2))
    retriever = find_retriever(api.engine, api.namespace.number, retriever_id)
    with api.engine.storage.write() as session:
        shipped = ShippedWeightSet(
            weight_set_id=first.artifact_id,
            weights=weights,
            evaluation_id=f"{name}-evaluation",
            baseline_evaluation_id=f"{name}-baseline",
            shipped_at=session.now(),
        )
        ship(session, api.engine.make_id, retriever, shipped)
    return second.artifact_id


def _asked_benchmark(api: Api, baseline: str, candidate: str) -> str:
    """Ask for a benchmark that nobody works on; its id."""
    asked = {
        "benchmark_name": "asked",
        "baseline_retriever_id": baseline,
        "candidate_retriever_ids": [candidate],
    }
    id: str = done(api.post(_BENCHMARKS, asked))["benchmark_id"]
    return id


def _left_task(api: Api) -> str:
    """Leave a task that nobody works on; its id."""
    with api.engine.storage.write() as session:
        now = session.now()
        id = api.engine.make_id.next(now)
        job = Job(
            namespace=api.namespace.number,
            id=id,
            task_id=format_id("task", id),
            kind="train.none",
            inputs={},
            created_at=now,
        )
        session.jobs.add(job)
    return job.task_id


def _stored_models(api: Api, name: str) -> str:
    """Store three versions of a model, and let the first two serve; the id of the third."""
    draft = ArtifactDraft(kind="ranker", name=name, manifest={}, files={"trees.txt": b"tree"})
    stored = [store_model(api.engine, api.namespace, draft) for _ in range(3)]
    for one in stored[:2]:
        deploy_model(api.engine, api.namespace.number, name, one.version)
    return stored[2].artifact_id


class Call(NamedTuple):
    """How to call an operation with what is in a world."""

    method: str
    path: str
    body: Any = None
    kind: str = "server"
    """Of the key; empty for none."""

    def __call__(self, world: World) -> Request:
        key = getattr(world.api.keys, self.kind) if self.kind else None
        headers = {"X-Namespace": world.ids.namespace_name} if self.kind == "admin" else {}
        path = self.path.format(**vars(world.ids))
        body = self.body
        if self.path.startswith("/v1/namespaces") and self.kind == "admin" and body:
            # Namespaces are made beside the world's own, and their names are unique.
            body = {"namespace_name": f"{body['namespace_name']} of {world.ids.namespace_name}"}
        return Request(self.method, path, _filled(body, vars(world.ids)), key, headers)


def _filled(body: Any, ids: Mapping[str, str]) -> Any:
    """A body in which a text that is nothing but ``{name}`` is the id of that name."""
    if isinstance(body, dict):
        return {key: _filled(value, ids) for key, value in body.items()}
    if isinstance(body, list):
        return [_filled(value, ids) for value in body]
    is_name = isinstance(body, str) and body[:1] == "{" and body[1:-1] in ids
    return ids[body[1:-1]] if is_name else body


_CLICK = click(position=3)
_SEARCH = {"documents": [{"document_id": "doc_1", "score": 1.0}], "inputs": QUERY}

_DOCUMENT = {
    "document_id": "doc_1",
    "vectors": {"title": [1.0, 0.5]},
    "payload": {"title": "Red shoe"},
    "metadata": {"source": "feed"},
    "text": {"body": "Comfortable."},
}
_FUSION = "/v1/retrievers/{retriever_id}/learned-fusion"
_DOCUMENTS = "/v1/namespaces/{namespace_id}/documents"
_COLLECTION = "/v1/collections/{collection_id}/documents"

CALLS: Mapping[str, Call] = {
    "create_interaction": Call("POST", INTERACTIONS, _CLICK),
    "create_interactions": Call("POST", f"{INTERACTIONS}/batch", {"interactions": [_CLICK]}),
    "get_interaction": Call("GET", f"{INTERACTIONS}/{{interaction_id}}"),
    "remove_interaction": Call("DELETE", f"{INTERACTIONS}/{{interaction_id}}"),
    "search_interactions": Call("POST", f"{INTERACTIONS}/list", {}),
    "rejected_interactions": Call("GET", f"{INTERACTIONS}/rejected"),
    "create_execution": Call("POST", "/v1/retrievers/{retriever_id}/executions", _SEARCH),
    "create_executions": Call(
        "POST", "/v1/retrievers/{retriever_id}/executions/batch", {"executions": [_SEARCH]}
    ),
    "get_execution": Call("GET", "/v1/retrievers/{retriever_id}/executions/{execution_id}"),
    "search_executions": Call("POST", "/v1/retrievers/{retriever_id}/executions/list", {}),
    "list_executions_of": Call("GET", "/v1/retrievers/{retriever_id}/executions"),
    "get_execution_status": Call(
        "GET", "/v1/retrievers/{retriever_id}/executions/{execution_id}/status"
    ),
    "get_execution_profile": Call(
        "GET", "/v1/retrievers/{retriever_id}/executions/{served_execution_id}/profile"
    ),
    "execute_adhoc": Call("POST", "/v1/retrievers/execute", {"inputs": QUERY, "stages": [LEARNED]}),
    "search_adhoc_executions": Call("POST", "/v1/retrievers/executions/list", {}),
    "get_adhoc_execution": Call("GET", "/v1/retrievers/executions/{adhoc_execution_id}"),
    "list_stages": Call("GET", "/v1/retrievers/stages", kind=""),
    "typeahead": Call("GET", "/v1/retrievers/typeahead?q=red&fields=title"),
    "patch_retriever": Call("PATCH", "/v1/retrievers/{retriever_id}", {"tags": ["live"]}),
    "clone_retriever": Call(
        "POST", "/v1/retrievers/{retriever_id}/clone", {"retriever_name": "a copy"}
    ),
    "explain_execution": Call("POST", "/v1/retrievers/{retriever_id}/execute/explain", {}),
    "explain_retriever": Call("POST", "/v1/retrievers/{retriever_id}/explain", {}),
    "execute_retriever": Call("POST", "/v1/retrievers/{retriever_id}/execute", {"inputs": QUERY}),
    "list_retriever_experiments": Call("GET", "/v1/retrievers/{retriever_id}/experiments"),
    "get_retriever_experiment": Call(
        "GET", "/v1/retrievers/{retriever_id}/experiments/{experiment_id}"
    ),
    "execute_batch": Call(
        "POST", "/v1/retrievers/{retriever_id}/execute/batch", {"queries": [{"inputs": QUERY}]}
    ),
    "enable_learned_fusion": Call("POST", f"{_FUSION}/enable"),
    "disable_learned_fusion": Call("POST", f"{_FUSION}/disable"),
    "set_rollout": Call("POST", f"{_FUSION}/rollout", {"rollout_pct": 50}),
    "freeze_learned_fusion": Call("POST", f"{_FUSION}/freeze"),
    "unfreeze_learned_fusion": Call("POST", f"{_FUSION}/unfreeze"),
    "fix_weights": Call("PUT", f"{_FUSION}/weights", {"weights": {"text://title": 1.0}}),
    "roll_back_shipped_weights": Call("POST", f"{_FUSION}/shipped-weights/rollback"),
    "release_weights": Call("DELETE", f"{_FUSION}/weights"),
    "roll_back_learning": Call("POST", f"{_FUSION}/rollback", {"day": "2026-01-31"}),
    "rebuild_learning": Call("POST", f"{_FUSION}/rebuild"),
    "get_rebuild": Call("GET", f"{_FUSION}/rebuild"),
    "opt_out_user": Call("POST", f"{_FUSION}/opt-out/{{user_id}}"),
    "opt_in_user": Call("POST", f"{_FUSION}/opt-in/{{user_id}}"),
    "reset_user": Call("DELETE", f"{_FUSION}/user/{{user_id}}"),
    "get_weights": Call("GET", f"{_FUSION}/weights"),
    "explain_weights": Call("GET", f"{_FUSION}/weights/explain"),
    "get_user_weights": Call("GET", f"{_FUSION}/weights/{{user_id}}"),
    "weights_history": Call("GET", f"{_FUSION}/history"),
    "learned_fusion_stats": Call("GET", f"{_FUSION}/stats"),
    "learned_fusion_activity": Call("GET", f"{_FUSION}/activity"),
    "create_retriever": Call("POST", "/v1/retrievers", {"retriever_name": "another"}),
    "get_retriever": Call("GET", "/v1/retrievers/{retriever_id}"),
    "search_retrievers": Call("POST", "/v1/retrievers/list", {}),
    "list_retrievers": Call("GET", "/v1/retrievers"),
    "remove_retriever": Call("DELETE", "/v1/retrievers/{retriever_id}"),
    "create_dataset": Call(
        "POST",
        _DATASETS,
        {
            "dataset_name": "another",
            "queries": [{"query_id": "q1", "query_input": QUERY, "relevant_documents": ["doc_1"]}],
        },
    ),
    "create_benchmark": Call(
        "POST",
        _BENCHMARKS,
        {
            "benchmark_name": "another",
            "baseline_retriever_id": "{retriever_id}",
            "candidate_retriever_ids": ["{rival_id}"],
        },
    ),
    "list_benchmarks": Call("GET", _BENCHMARKS),
    "get_benchmark": Call("GET", f"{_BENCHMARKS}/{{benchmark_id}}"),
    "remove_benchmark": Call("DELETE", f"{_BENCHMARKS}/{{benchmark_id}}"),
    "get_task": Call("GET", "/v1/tasks/{task_id}"),
    "list_tasks": Call("POST", "/v1/tasks/list", {}),
    "cancel_task": Call("DELETE", "/v1/tasks/{task_id}"),
    "train_model": Call("POST", "/v1/models", {"kind": "ranker", "name": "another"}),
    "list_models": Call("GET", "/v1/models"),
    "get_model": Call("GET", "/v1/models/{model_id}"),
    "remove_model": Call("DELETE", "/v1/models/{model_id}"),
    "deploy_model": Call("POST", "/v1/models/{model_id}/deploy", {}),
    "roll_back_model": Call("POST", "/v1/models/{model_id}/rollback"),
    "list_deployments": Call("GET", "/v1/models/{model_id}/deployments"),
    "list_datasets": Call("GET", _DATASETS),
    "get_dataset": Call("GET", f"{_DATASETS}/{{dataset_id}}"),
    "generate_dataset": Call(
        "POST",
        "/v1/retrievers/{retriever_id}/evaluations/generate-from-interactions",
        {"min_interactions": 1},
    ),
    "start_evaluation": Call("POST", _EVALUATIONS, {"dataset_name": "{dataset_name}"}),
    "start_gate": Call("POST", "/v1/retrievers/{retriever_id}/gate", {"model_id": "{weights_id}"}),
    "list_evaluations": Call("GET", _EVALUATIONS),
    "get_evaluation": Call("GET", f"{_EVALUATIONS}/{{evaluation_id}}"),
    "compare_evaluation": Call(
        "GET",
        f"{_EVALUATIONS}/{{evaluated_id}}/comparison?baseline_evaluation_id={{evaluated_id}}",
    ),
    "score_predictions": Call(
        "POST", "/v1/evaluations/score", {"predicted": ["doc_1"], "ground_truth": ["doc_1"]}
    ),
    "discover_evaluations": Call("GET", "/v1/evaluations"),
    "start_counterfactual_evaluation": Call("POST", _WHAT_IFS, {"policy": {"fusion": "rrf"}}),
    "list_counterfactual_evaluations": Call("GET", _WHAT_IFS),
    "get_counterfactual_evaluation": Call("GET", f"{_WHAT_IFS}/{{what_if_id}}"),
    "create_namespace": Call("POST", "/v1/namespaces", {"namespace_name": "another"}, "admin"),
    "create_standalone_namespace": Call(
        "POST", "/v1/namespaces/standalone", {"namespace_name": "another standalone"}, "admin"
    ),
    "list_namespaces": Call("GET", "/v1/namespaces"),
    "get_namespace": Call("GET", "/v1/namespaces/{namespace_id}"),
    "remove_namespace": Call("DELETE", "/v1/namespaces/{spare_namespace_id}", kind="admin"),
    "upsert_documents": Call("POST", f"{_DOCUMENTS}/upsert", {"documents": [_DOCUMENT]}),
    "get_document": Call("GET", f"{_DOCUMENTS}/{{document_id}}"),
    "remove_document": Call("DELETE", f"{_DOCUMENTS}/{{document_id}}"),
    "search_documents": Call("POST", f"{_DOCUMENTS}/list", {}),
    "get_collection_document": Call("GET", f"{_COLLECTION}/{{document_id}}"),
    "remove_collection_document": Call("DELETE", f"{_COLLECTION}/{{document_id}}"),
    "update_collection_document": Call(
        "PATCH", f"{_COLLECTION}/{{document_id}}", {"payload": {"title": "Blue shoe"}}
    ),
    "search_collection_documents": Call("POST", f"{_COLLECTION}/list", {}),
    "put_collection_document": Call(
        "PUT", f"{_COLLECTION}/{{document_id}}", {"payload": {"title": "Blue shoe"}}
    ),
    "create_collection_document": Call("POST", _COLLECTION, {**_DOCUMENT, "document_id": "new"}),
    "list_collection_documents": Call("GET", _COLLECTION),
    "update_collection_documents": Call(
        "POST",
        f"{_COLLECTION}/batch",
        {"updates": [{"document_id": "doc_1", "update_data": {"price": 9}}]},
    ),
    "update_matching_documents": Call(
        "PATCH", f"{_COLLECTION}/bulk", {"update_data": {"price": 10}}
    ),
    "remove_collection_documents": Call(
        "DELETE", f"{_COLLECTION}/batch", {"document_ids": ["doc_1"]}
    ),
    "get_document_count": Call("GET", f"{_COLLECTION}/count"),
    "search_distinct_values": Call("POST", f"{_COLLECTION}/distinct", {"field": "title"}),
    "search_documents_by_id": Call("POST", "/v1/documents/batch-get", {"document_ids": ["doc_1"]}),
    "search_own_documents": Call("POST", "/v1/documents/list", {}),
    "search_lists_of_documents": Call(
        "POST", "/v1/documents/list/batch", {"queries": [{"key": "all", "request": {}}]}
    ),
    "get_own_document": Call("GET", "/v1/documents/{document_id}"),
    "update_own_document": Call(
        "PATCH", "/v1/documents/{document_id}", {"payload": {"title": "Blue shoe"}}
    ),
    "put_own_document": Call(
        "PUT", "/v1/documents/{document_id}", {"payload": {"title": "Blue shoe"}}
    ),
    "get_event_health": Call("GET", "/v1/analytics/event-health"),
    "get_position_rates": Call("GET", "/v1/analytics/positions"),
    "get_position_bias": Call("GET", "/v1/analytics/position-bias"),
    "list_query_rates": Call("GET", "/v1/analytics/queries"),
    "list_document_rates": Call("GET", "/v1/analytics/documents"),
    "get_funnel": Call("GET", "/v1/analytics/funnel"),
    "zero_result_queries": Call("GET", "/v1/analytics/queries/zero-results"),
    "query_refinements": Call("GET", "/v1/analytics/queries/refinements"),
    "query_filters": Call("GET", "/v1/analytics/queries/filters"),
    "troubled_queries": Call("GET", "/v1/analytics/queries/troubled"),
    "session_list": Call("GET", "/v1/analytics/sessions"),
    "session_journey": Call("GET", "/v1/analytics/sessions/{session_id}"),
    "search_recommended_documents": Call(
        "POST", "/v1/recommendations/documents", {"user_id": "user_1"}
    ),
    "search_similar_documents": Call(
        "POST", "/v1/recommendations/similar-documents", {"document_id": "doc_1"}
    ),
    "search_similar_users": Call(
        "POST", "/v1/recommendations/similar-users", {"user_id": "user_1"}
    ),
    "erase": Call("DELETE", "/v1/users/{user_id}", kind="admin"),
    "livez": Call("GET", "/livez", kind=""),
    "readyz": Call("GET", "/readyz", kind=""),
    "read_metrics": Call("GET", "/metrics", kind=""),
}


@dataclass(frozen=True)
class Operation:
    """A method on a path, as the OpenAPI document describes it."""

    id: str
    method: str
    path: str
    description: Mapping[str, Any]

    @property
    def needs_key(self) -> bool:
        return bool(self.description["security"])

    @property
    def asks_the_log(self) -> bool:
        """Whether it is one of the questions that read what they are about alike, and take long."""
        return self.path.startswith(QUESTIONS)

    @property
    def body(self) -> Mapping[str, Any] | None:
        """The schema of the body."""
        content = self.description.get("requestBody", {}).get("content", {})
        schema: Mapping[str, Any] | None = content.get("application/json", {}).get("schema")
        return schema

    def parameters(self, place: str) -> list[str]:
        """Names of the parameters in ``"path"``, ``"query"`` or ``"header"``."""
        return [p["name"] for p in self.description["parameters"] if p["in"] == place]


def operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    """Every operation of an OpenAPI document."""
    for path, methods in document["paths"].items():
        for method, description in methods.items():
            yield Operation(description["operationId"], method.upper(), path, description)
