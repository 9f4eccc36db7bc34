"""How well one query was answered, against judgments: in order down to a cutoff, and as a set."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from math import log2

from desirepath.errors import InvalidDataset

__all__ = ["f_measure", "measures_at", "measures_of_sets"]


def measures_at(
    found: Sequence[str],
    grades: Mapping[str, int],
    k: int,
    *,
    relevant: Collection[str] = (),
) -> dict[str, float]:
    """Precision, recall, F1, F2, MAP, NDCG, MRR and judged of the first ``k`` documents.

    A document is relevant if its grade is above 0; one without a grade counts as 0. Precision
    divides by ``k`` even when fewer were found; judged is the share of those found, 0 if none were.
    MAP is average precision over all relevant documents, NDCG takes the grade itself as gain and
    discounts rank r by 1 / log₂(r + 1). Each is in [0, 1] and finite; a mean over queries is the
    measure of a dataset.

    Parameters
    ----------
    found
        Documents, best first, each once.
    grades
        Judged documents, 0 and above; at least one above 0.
    k
        At least 1.
    relevant
        What is relevant to the measures that know no grades, which are all but NDCG, if that is
        not what has a grade above 0. Empty: it is.

    Raises
    ------
    InvalidDataset
        No document is relevant: nothing could answer the query, so that it has no measure.

    References
    ----------
    trec_eval (P, recall, map_cut, ndcg_cut, recip_rank), whose conventions these are. MRR is cut
    at ``k`` here: 0 when the first relevant one stands below it. Judged is that of ir_measures.

    Examples
    --------
    >>> values = measures_at(["a", "b"], {"b": 2}, 2)
    >>> values["precision"], values["mrr"], values["judged"]
    (0.5, 0.5, 0.5)
    """
    best = sorted((grade for grade in grades.values() if grade > 0), reverse=True)
    if not best:
        raise InvalidDataset("a query needs a relevant document to be measured")
    shown = found[:k]
    gains = [max(grades.get(document, 0), 0) for document in shown]
    wanted = relevant or {document for document, grade in grades.items() if grade > 0}
    hit_ranks = [rank for rank, document in enumerate(shown, start=1) if document in wanted]
    precision = len(hit_ranks) / k
    recall = len(hit_ranks) / len(wanted)
    precisions = [n / rank for n, rank in enumerate(hit_ranks, start=1)]
    return {
        "precision": precision,
        "recall": recall,
        "f1": f_measure(precision, recall, beta=1),
        "f2": f_measure(precision, recall, beta=2),
        "map": sum(precisions) / len(wanted),
        "ndcg": _discounted(gains) / _discounted(best[:k]),
        "mrr": 1 / hit_ranks[0] if hit_ranks else 0.0,
        "judged": sum(document in grades for document in shown) / max(len(shown), 1),
    }


def measures_of_sets(
    predicted: Iterable[str], truth: Iterable[str], k: int | None = None
) -> dict[str, float]:
    """Precision, recall, F1 and F2 of what was predicted, however often and in whatever order.

    Precision divides by what was predicted, so that it need not be ``k``. Where there is nothing to
    divide by, the measure is 0: nothing predicted, or nothing true.

    Parameters
    ----------
    k
        Only the first so many different ones count; None: all do.

    Examples
    --------
    >>> values = measures_of_sets(["a", "b", "b"], ["a", "c", "d"])
    >>> values["precision"], round(values["recall"], 3), round(values["f1"], 3)
    (0.5, 0.333, 0.4)
    """
    chosen, wanted = set(list(dict.fromkeys(predicted))[:k]), set(truth)
    hits = len(chosen & wanted)
    precision, recall = hits / max(len(chosen), 1), hits / max(len(wanted), 1)
    return {
        "precision": precision,
        "recall": recall,
        "f1": f_measure(precision, recall, beta=1),
        "f2": f_measure(precision, recall, beta=2),
    }


def f_measure(precision: float, recall: float, *, beta: float) -> float:
    """Harmonic mean that weighs recall ``beta`` times as much as precision; 0 where both are.

    References
    ----------
    van Rijsbergen (1979), Information Retrieval, chapter 7.
    """
    weighed = beta**2 * precision + recall
    return (1 + beta**2) * precision * recall / weighed if weighed else 0.0


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / log2(rank + 1) for rank, gain in enumerate(gains, start=1))
