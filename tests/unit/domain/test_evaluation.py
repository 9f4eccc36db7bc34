"""What an evaluation measures."""

from __future__ import annotations

from typing import Any

import pytest

from desirepath.domain.evaluation import METRICS, EvaluationConfig, read_evaluation_config
from desirepath.errors import InvalidEvaluation
from desirepath.methods.ranking.measures import measures_at


@pytest.mark.parametrize("plain", [None, {}, {"k_values": None, "metrics": None}])
def test_what_is_left_out_has_its_default(plain: dict[str, Any] | None) -> None:
    assert read_evaluation_config(plain) == EvaluationConfig()
    assert EvaluationConfig().k_values == (1, 5, 10, 20)


def test_cutoffs_rise_and_names_are_kept_once() -> None:
    config = read_evaluation_config({"k_values": [10, 3, 10], "metrics": ["mrr", "f2", "mrr"]})
    assert config == EvaluationConfig(k_values=(3, 10), metrics=("mrr", "f2"))


@pytest.mark.parametrize(
    ("plain", "location"),
    [
        ({"k_values": [1, 0]}, ("k_values", 1)),
        ({"k_values": [1001]}, ("k_values", 0)),
        ({"k_values": [1.5]}, ("k_values", 0)),
        ({"k_values": []}, ("k_values",)),
        ({"k_values": list(range(1, 22))}, ("k_values",)),
        ({"metrics": []}, ("metrics",)),
        ({"metrics": ["ndcg", "secret"]}, ("metrics", 1)),
        ({"metrics": ["judged"]}, ("metrics", 0)),
        ({"depth": 3}, ("depth",)),
    ],
)
def test_what_cannot_be_measured_is_refused(
    plain: dict[str, Any], location: tuple[str | int, ...]
) -> None:
    with pytest.raises(InvalidEvaluation) as caught:
        read_evaluation_config(plain)
    assert caught.value.location == location
    assert "secret" not in caught.value.message


def test_every_metric_is_measured() -> None:
    assert set(METRICS) < set(measures_at(["a"], {"a": 1}, 1))
