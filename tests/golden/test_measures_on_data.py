"""All measures of two rankings of ESCI's products, beside two implementations that are not ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, dcg_score, fbeta_score

from desirepath.domain.evaluation import METRICS, EvaluationConfig
from desirepath.domain.judgment import JudgedQuery, Judgment
from desirepath.engine.evaluating.measuring import JUDGED, Found, measure_query, summarize
from desirepath.engine.evaluating.results import EvaluationResult
from tests.esci_runs import Run, bm25_run, labels_of, lsa_run

pytestmark = pytest.mark.needs_data

K_VALUES = (1, 5, 10, 20, 100)
Labels = dict[str, dict[str, int]]


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


@pytest.mark.parametrize("run_of", [bm25_run, lsa_run])
def test_equal_to_trec_eval(
    shared_data: Callable[[str], Path], run_of: Callable[[Path], Run]
) -> None:
    """Every measure, query by query, at each cutoff, and the means over queries."""
    folder = shared_data("esci_small")
    labels, run = labels_of(folder), run_of(folder)
    result = evaluated(run, labels)
    assert result.n_evaluated == len(run) >= 147
    for k in K_VALUES:
        wanted = _of_trec_eval(run, labels, k)
        for one in result.queries:
            assert one.by_k[str(k)] == pytest.approx(wanted[one.query_id], rel=0, abs=1e-9)
        means = {
            name: fmean(of_query[name] for of_query in wanted.values())
            for name in (*METRICS, JUDGED)
        }
        assert result.by_k[str(k)] == pytest.approx(means, rel=0, abs=1e-9)


def _of_trec_eval(run: Run, labels: Labels, k: int) -> dict[str, dict[str, float]]:
    """The measures of the first ``k``, by query.

    Of its measures, recip_rank, set_F (whose parameter is the square of beta) and the counts know
    no cutoff: they are given the first ``k``. What is not found is filled up with documents that
    nobody judged, which is what P does: it divides by ``k``.
    """
    scores = {
        query: {id: float(-rank) for rank, id in enumerate(_filled(ids, k), start=1)}
        for query, ids in run.items()
    }
    names = {f"{name}.{k}" for name in ("P", "recall", "map_cut", "ndcg_cut")}
    names |= {"recip_rank", "num_rel_ret", "num_nonrel_judged_ret"}
    trec_eval = pytest.importorskip("pytrec_eval", reason="no trec_eval: no wheel here")
    first, second = (
        trec_eval.RelevanceEvaluator(labels, more).evaluate(scores)
        for more in ({*names, "set_F.1"}, {"set_F.4"})
    )
    return {
        query: {
            "precision": of[f"P_{k}"],
            "recall": of[f"recall_{k}"],
            "f1": of["set_F"],
            "f2": second[query]["set_F"],
            "map": of[f"map_cut_{k}"],
            "ndcg": of[f"ndcg_cut_{k}"],
            "mrr": of["recip_rank"],
            "judged": (of["num_rel_ret"] + of["num_nonrel_judged_ret"])
            / max(min(k, len(run[query])), 1),
        }
        for query, of in first.items()
    }


def _filled(ids: list[str], k: int) -> list[str]:
    return [*ids, *(f"none {number}" for number in range(k))][:k]


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
