"""Which features a log and its documents have, for whoever trains a ranker."""

from __future__ import annotations

from collections import defaultdict
from math import isfinite

from desirepath.domain.ranking_features import moment_in, number_in, values_in
from desirepath.engine.analysing.part import Part
from desirepath.engine.training.layouts import USUAL_FEATURES
from desirepath.storage.base import Session

__all__ = ["propose_features"]

_SAMPLE = 1_000
_LEAST_SHARE = 0.1
_OF_DATES = ("date", "_at")


def propose_features(part: Part, session: Session, namespace: int) -> dict[str, float]:
    """Names of features, each with the share of a sample that has a value.

    The usual ones first, without a share of their own (1); then what was logged with lists, and
    fields of documents at the top level of their payload. The sample is up to 1,000 documents.
    """
    found = dict.fromkeys(USUAL_FEATURES, 1.0)
    rows = part.rows(part.log.returned.select("document_id", "scores", "features").limit(_SAMPLE))
    counts: dict[str, int] = defaultdict(int)
    for row in rows:
        for head, column in (("score", "scores"), ("feature", "features")):
            for key in dict(row[column] or {}):
                counts[f"{head}:{key}"] += 1
    found |= _frequent(counts, len(rows))
    ids = sorted({row["document_id"] for row in rows})
    documents = session.documents.get(namespace, ids)
    counts = defaultdict(int)
    values: dict[str, set[str]] = defaultdict(set)
    for document in documents.values():
        for key, value in document.payload.items():
            if isfinite(number_in(value)):
                head = "age" if key.endswith(_OF_DATES) else "field"  # seconds since 1970, say
                counts[f"{head}:{key}"] += 1
            elif isinstance(value, str) and isfinite(moment_in(value)):
                counts[f"age:{key}"] += 1
            elif values_in(value):
                counts[f"user_affinity:{key}"] += 1
                values[f"user_affinity:{key}"].update(values_in(value))
    for name, texts in values.items():
        if not 1 < len(texts) <= counts[name] / 2:  # one value, or nearly one a document
            del counts[name]
    return found | _frequent(counts, len(documents))


def _frequent(counts: dict[str, int], n: int) -> dict[str, float]:
    return {name: k / n for name, k in sorted(counts.items()) if n and k / n >= _LEAST_SHARE}
