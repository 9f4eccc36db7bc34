"""Score predictions that come with the request, and say where evaluations are."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from desirepath.api.endpoint import Call, endpoint
from desirepath.domain.access import Access
from desirepath.domain.checks import convert
from desirepath.domain.evaluation import (
    DEFAULT_K_VALUES,
    DEFAULT_METRICS,
    METRICS,
    MOST_K,
    SET_METRICS,
    check_metrics,
)
from desirepath.errors import InvalidEvaluation, MalformedJSON
from desirepath.methods.ranking.measures import measures_of_sets

__all__ = ["ENDPOINTS", "ScoreResponse", "score"]

TAG = "Evaluations"
_ALL = "/v1/evaluations"
_DATASETS = "/v1/retrievers/evaluations/datasets"
_RUNS = "/v1/retrievers/{retriever_id}/evaluations"

_Terms = list[str]


class ScoreItem(Struct, frozen=True, kw_only=True):
    """One prediction and what is true; both are sets."""

    predicted: _Terms | None = None
    ground_truth: _Terms | None = None


class ScoreRequest(Struct, frozen=True, kw_only=True):
    """One prediction with its ground truth, or many as items; keys not named here are ignored."""

    predicted: Annotated[_Terms | None, Meta(description="Ids or words, best first.")] = None
    ground_truth: Annotated[_Terms | None, Meta(description="What is true of it.")] = None
    items: Annotated[
        Annotated[list[ScoreItem], Meta(min_length=1)] | None,
        Meta(description="Instead of the two: many such pairs."),
    ] = None
    metrics: Annotated[
        Annotated[list[str], Meta(min_length=1)] | None,
        Meta(description=f"Of {', '.join(SET_METRICS)}; all when left out."),
    ] = None
    k: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="Only the first so many different predictions count."),
    ] = None


class ScoreResponse(Struct, frozen=True, kw_only=True):
    """Scores from 0 to 1."""

    metrics: list[str]
    k: int | None
    count: Annotated[int, Meta(description="Items.")]
    per_item: Annotated[list[dict[str, float]], Meta(description="By metric, in their order.")]
    aggregate: Annotated[dict[str, float], Meta(description="The means over items.")]


@endpoint(
    "POST",
    f"{_ALL}/score",
    access=Access.READ,
    tag=TAG,
    body=ScoreRequest,
    response=ScoreResponse,
    batch=True,
    errors=(InvalidEvaluation, MalformedJSON),
)
def score_predictions(call: Call) -> object:
    """Score predictions against what is true. Nothing is stored.

    Send `predicted` and `ground_truth`, or `items`. Both are sets: order and repeats do not count,
    but for which are the first `k`. What has nothing to divide by is 0: the precision of no
    prediction, the recall where nothing is true.
    """
    return score(call.json())


@endpoint("GET", _ALL, access=Access.READ, tag=TAG, response=dict[str, Any])
def discover_evaluations(call: Call) -> object:
    """Say where evaluations are, and what they can measure.

    Datasets belong to a namespace and evaluations to a retriever: both lie under `/v1/retrievers`.
    """
    return {
        "endpoints": {
            "create_dataset": f"POST {_DATASETS}",
            "list_datasets": f"GET {_DATASETS}",
            "get_dataset": f"GET {_DATASETS}/{{dataset_id}}",
            "generate_dataset": f"POST {_RUNS}/generate-from-interactions",
            "start_evaluation": f"POST {_RUNS}",
            "list_evaluations": f"GET {_RUNS}",
            "get_evaluation": f"GET {_RUNS}/{{evaluation_id}}",
            "score": f"POST {_ALL}/score",
        },
        "metrics": list(METRICS),
        "score_metrics": list(SET_METRICS),
        "defaults": {"metrics": list(DEFAULT_METRICS), "k_values": list(DEFAULT_K_VALUES)},
        "limits": {"k": MOST_K},
    }


def score(plain: object) -> ScoreResponse:
    """Score predictions.

    Raises
    ------
    InvalidEvaluation
        A rule is broken.
    """
    body = convert(plain, ScoreRequest, InvalidEvaluation)
    metrics = check_metrics(tuple(body.metrics or SET_METRICS), SET_METRICS)
    scored = []
    for item in _items(body):
        values = measures_of_sets(item.predicted or (), item.ground_truth or (), body.k)
        scored.append({name: values[name] for name in metrics})
    return ScoreResponse(
        metrics=list(metrics),
        k=body.k,
        count=len(scored),
        per_item=scored,
        aggregate={name: sum(one[name] for one in scored) / len(scored) for name in metrics},
    )


def _items(body: ScoreRequest) -> list[ScoreItem]:
    """The pairs, which come in one of two forms."""
    alone = (body.predicted, body.ground_truth)
    if body.items is not None and alone == (None, None):
        return body.items
    if body.items is not None or None in alone:
        raise InvalidEvaluation("Send predicted and ground_truth, or items instead.")
    return [ScoreItem(predicted=body.predicted, ground_truth=body.ground_truth)]


ENDPOINTS = (score_predictions, discover_evaluations)
