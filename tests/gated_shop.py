"""Products whose titles say what they are and whose texts mislead, with judgments and a gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from desirepath.domain.artifact import Artifact, ArtifactDraft
from desirepath.domain.judgment import Dataset, read_dataset
from desirepath.domain.retriever import Retriever, read_retriever
from desirepath.engine.datasets import create_dataset
from desirepath.engine.engine import Engine
from desirepath.engine.models import store_model
from desirepath.engine.retrievers import create_retriever
from desirepath.engine.weights_files import FUSION_WEIGHTS, WEIGHTS, write_weights
from desirepath.storage.base import Namespace
from desirepath.testing.examples import a_document

__all__ = [
    "BODY",
    "N_QUERIES",
    "TITLE",
    "add_products",
    "default",
    "gated_retriever",
    "judged",
    "weight_set",
]

TITLE, BODY = "text://title", "text://body"
_TOPICS = (
    *("lamp", "chair", "table", "shelf", "mirror", "carpet"),
    *("curtain", "vase", "clock", "desk", "stool", "couch"),
    *("bench", "bowl", "candle", "basket", "frame", "rack", "tray", "jug", "plate", "pot"),
)

N_QUERIES = len(_TOPICS)


def default(engine: Engine) -> Namespace:
    found = engine.directory.namespace("default")
    assert found is not None
    return found


def add_products(engine: Engine, namespace: Namespace | None = None) -> None:
    """Of each topic four that have it in their title, and four that have it in another text."""
    documents = []
    for topic in _TOPICS:
        for number in range(4):
            documents.append(
                a_document(
                    document_id=f"{topic}-a{number}",
                    payload={
                        "title": f"{topic} {'fine ' * number}",
                        "body": "something for the home",
                        "good": 80 - number,
                        "bad": 20,
                    },
                )
            )
            documents.append(
                a_document(
                    document_id=f"{topic}-b{number}",
                    payload={
                        "title": "something else",
                        "body": f"goes with a {topic} {'and more ' * number}",
                        "good": 10,
                        "bad": 60 + number,
                    },
                )
            )
    with engine.storage.write() as session:
        session.documents.upsert((namespace or default(engine)).number, documents)


def judged(engine: Engine, namespace: Namespace | None = None) -> Dataset:
    """What has a topic in its title is relevant to it."""
    queries = [
        {
            "query_id": f"q{number}",
            "query_input": {"query": topic},
            "relevant_documents": [f"{topic}-a{number}" for number in range(4)],
        }
        for number, topic in enumerate(_TOPICS)
    ]
    draft = read_dataset({"dataset_name": "judged", "queries": queries})
    return create_dataset(engine, namespace or default(engine), draft)


def gated_retriever(
    engine: Engine,
    dataset: str | None,
    *more: Mapping[str, Any],
    name: str = "shop",
    namespace: Namespace | None = None,
    **learning: Any,
) -> Retriever:
    """One that learns the weights of two texts, with further stages if there are any."""
    parameters = {
        "searches": [{"feature_uri": uri, "query": "{{INPUT.query}}"} for uri in (TITLE, BODY)],
        "fusion": "learned",
        "learning_config": {"evaluation_dataset_id": dataset, **learning},
    }
    configs = [{"stage_id": "feature_search", "parameters": parameters}, *more]
    stages = [{"stage_name": str(one["stage_id"]), "config": one} for one in configs]
    number = (namespace or default(engine)).number
    return create_retriever(
        engine, number, read_retriever({"retriever_name": name, "stages": stages})
    )


def weight_set(
    engine: Engine,
    retriever: Retriever,
    title: float,
    body: float,
    name: str = "best",
    namespace: Namespace | None = None,
) -> Artifact:
    """Weights as if they had been trained."""
    weights = {TITLE: title, BODY: body}
    draft = ArtifactDraft(
        kind=FUSION_WEIGHTS,
        name=name,
        manifest={"weights": weights},
        files={WEIGHTS: write_weights(weights)},
        retriever_id=retriever.retriever_id,
    )
    return store_model(engine, namespace or default(engine), draft)
