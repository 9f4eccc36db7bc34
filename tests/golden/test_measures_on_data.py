"""All measures of two rankings of ESCI's products, beside two implementations that are not ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, dcg_score, fbeta_score

from desirepath.domain.evaluation import METRICS, EvaluationConfig
from desirepath.domain.judgment import JudgedQuery, Judgment
from desirepath.engine.evaluating.measuring import Found, measure_query, summarize
from desirepath.engine.evaluating.results import EvaluationResult
from tests.esci_runs import Run, bm25_run, labels_of, lsa_run

pytestmark = pytest.mark.needs_data

K_VALUES = (1, 5, 10, 20, 100)
Labels = dict[str, dict[str, int]]

# pytrec_eval-terrier 0.5.11 on the BM25 run, over 150 queries in the order of their texts: the mean
# of P_k, recall_k, map_cut_k, ndcg_cut_k, and the mean that weighs query n by n, which moves with
# each query in its own way.
TREC_EVAL = {
    1: (
        (0.82, 0.022753017587334914, 0.022753017587334914, 0.7511111111111112),
        (0.8125386313465783, 0.022455920843799566, 0.022455920843799566, 0.7498160412067698),
    ),
    5: (
        (0.7786666666666664, 0.10876351220351782, 0.0992750532832536, 0.6949067294668381),
        (0.7742516556291392, 0.10910559405998316, 0.09907486627739956, 0.6944315558196703),
    ),
    10: (
        (0.7533333333333339, 0.20909602350375608, 0.1849497655316656, 0.6778359701556275),
        (0.7549580573951434, 0.21146820488702595, 0.1859134607391472, 0.6798210635733195),
    ),
    20: (
        (0.7046666666666671, 0.3829057770079405, 0.3316082993202793, 0.6591049016755816),
        (0.7112450331125827, 0.39004635221544665, 0.33660682389436364, 0.6645924188821877),
    ),
    100: (
        (0.29480000000000006, 0.7780136662081327, 0.5974702553022123, 0.7255163827533894),
        (0.29178454746136867, 0.7815526618627016, 0.6019740044278068, 0.7297894966469081),
    ),
}


def evaluated(run: Run, labels: Labels) -> EvaluationResult:
    config = EvaluationConfig(k_values=K_VALUES, metrics=METRICS)
    return summarize(
        (
            measure_query(_judged(query, labels[query]), Found(document_ids=run[query]), config)
            for query in sorted(run)
        ),
        config,
    )


def _judged(query: str, grades: dict[str, int]) -> JudgedQuery:
    return JudgedQuery(
        query_id=query,
        query_input={"query": query},
        judgments=tuple(
            Judgment(document_id=id, is_relevant=grade > 0, grade=grade)
            for id, grade in grades.items()
        ),
    )


def test_equal_to_trec_eval(shared_data: Callable[[str], Path]) -> None:
    folder = shared_data("esci_small")
    result = evaluated(bm25_run(folder), labels_of(folder))
    assert result.n_evaluated == result.n_total == 150
    for k, (means, weighed) in TREC_EVAL.items():
        values = np.array(
            [
                [one.by_k[str(k)][name] for name in ("precision", "recall", "map", "ndcg")]
                for one in result.queries
            ]
        )
        assert values.mean(axis=0) == pytest.approx(means, rel=0, abs=1e-9)
        places = np.arange(1, len(values) + 1)
        assert np.average(values, axis=0, weights=places) == pytest.approx(weighed, rel=0, abs=1e-9)
        assert [result.by_k[str(k)][name] for name in ("precision", "ndcg")] == pytest.approx(
            [means[0], means[3]], rel=0, abs=1e-9
        )


@pytest.mark.parametrize("run_of", [bm25_run, lsa_run])
def test_equal_to_scikit_learn(
    shared_data: Callable[[str], Path], run_of: Callable[[Path], Run]
) -> None:
    """Query by query, at each cutoff."""
    folder = shared_data("esci_small")
    labels, run = labels_of(folder), run_of(folder)
    result = evaluated(run, labels)
    assert result.n_evaluated >= 147
    for one in result.queries:
        for k in K_VALUES:
            wanted = _of_scikit_learn(run[one.query_id], labels[one.query_id], k)
            assert one.by_k[str(k)] == pytest.approx(wanted, rel=0, abs=1e-9)


def _of_scikit_learn(found: list[str], grades: dict[str, int], k: int) -> dict[str, float]:
    documents = sorted({*found, *grades})
    ranks = {id: rank for rank, id in enumerate(found, start=1)}
    gains = np.array([grades.get(id, 0) for id in documents])
    scores = np.array([-ranks.get(id, len(found) + 1) for id in documents])
    is_shown = -scores <= min(k, len(found))
    relevant = gains > 0
    n_missing = max(k - len(found), 0)  # what trec_eval counts as found and not relevant
    truth = np.append(relevant, np.zeros(n_missing, bool))
    chosen = np.append(is_shown, np.ones(n_missing, bool))
    hits = int((relevant & is_shown).sum())
    shown = [grades.get(id, 0) > 0 for id in found[:k]]
    precise = average_precision_score(shown, -np.arange(len(shown))) if hits else 0.0
    worth = np.where(is_shown, gains, 0)
    best = dcg_score([gains], [gains], k=k)
    return {
        "precision": float(fbeta_score(truth, chosen, beta=0, zero_division=0)),
        "recall": hits / int(relevant.sum()),
        "f1": float(fbeta_score(truth, chosen, beta=1, zero_division=0)),
        "f2": float(fbeta_score(truth, chosen, beta=2, zero_division=0)),
        "map": float(precise) * hits / int(relevant.sum()),
        "ndcg": float(dcg_score([worth], [scores], k=k)) / float(best),
        "mrr": 1 / (shown.index(True) + 1) if any(shown) else 0.0,
        "judged": sum(id in grades for id in found[:k]) / max(len(shown), 1),
    }
