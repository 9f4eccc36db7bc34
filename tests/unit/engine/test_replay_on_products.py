"""A replay of simulated shoppers on real products, where it is known who is better."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from desirepath.api.in_process import Desirepath
from desirepath.domain.clock import SystemClock
from desirepath.engine.analysis_rules import AnalysisRules
from desirepath.engine.bootstrap import ensure_defaults
from desirepath.engine.engine import Engine
from desirepath.engine.recording import RecordingRules
from desirepath.methods.levels import FloatArray
from desirepath.storage.open import open_storage

N = 400
SEED = 20261125
CLICKS = (0.03, 0.15, 0.4, 0.8)
"""By label, once it is looked at; rank r is with chance 1/√r."""
WEIGHTS = {
    "live": {"title": 0.2, "body": 1.0, "brand": 0.2},
    "titles-first": {"title": 1.0, "body": 0.4, "brand": 0.2},
}


def grades_in(folder: Path) -> dict[str, dict[str, int]]:
    """Of each query, by product, from 0 to 3."""
    grades: dict[str, dict[str, int]] = defaultdict(dict)
    with gzip.open(folder / "judgments.tsv.gz", "rt") as lines:
        next(lines)
        for line in lines:
            query, product, _, grade = line.rstrip("\n").split("\t")
            grades[query][product] = int(grade)
    return grades


def documents_in(folder: Path) -> list[dict[str, Any]]:
    with gzip.open(folder / "products.jsonl.gz", "rt") as lines:
        products = [json.loads(line) for line in lines]
    return [
        {
            "document_id": one["asin"],
            "text": {
                "title": one["title"] or "-",
                "body": f"{one['description'] or ''} {one['bullet_points'] or ''}".strip() or "-",
                "brand": one["brand"] or "-",
            },
        }
        for one in products
    ]


def fill(here: Desirepath, folder: Path) -> None:
    documents = documents_in(folder)
    for start in range(0, len(documents), 500):
        here.documents.upsert(documents[start : start + 500])
    for name, weights in WEIGHTS.items():
        searches = [
            {"feature_uri": f"text://{field}", "query": "{{INPUT.query}}", "weight": weight}
            for field, weight in weights.items()
        ]
        parameters = {"searches": searches, "fusion": "dbsf", "final_top_k": 100}
        config = {"stage_id": "feature_search", "parameters": parameters}
        here.retrievers.create(name, stages=[{"stage_name": "find", "config": config}])


def found_by(here: Desirepath, retriever: str, query: str, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = here.retrievers.execute(
        retriever, inputs={"query": query}, limit=20, **more
    )
    return found


def shop(here: Desirepath, grades: Mapping[str, Mapping[str, int]]) -> None:
    """Sessions of one search by the live retriever."""
    rng = np.random.default_rng(SEED)
    queries = sorted(grades)
    for number in range(N):
        query = queries[rng.integers(len(queries))]
        found = found_by(here, "live", query, session_id=f"s{number}")
        clicks = []
        for position, document in enumerate(found["documents"]):
            chance = CLICKS[grades[query].get(document["document_id"], 0)] / np.sqrt(position + 1)
            if rng.random() < chance:
                clicks.append(
                    {
                        "feature_id": document["document_id"],
                        "interaction_type": ["click"],
                        "position": position,
                        "execution_id": found["execution_id"],
                    }
                )
        if clicks:
            here.interactions.create_batch(clicks)


def by_labels(
    here: Desirepath, retriever: str, grades: Mapping[str, Mapping[str, int]]
) -> FloatArray:
    """nDCG@10 of each query by its labels, with exponential gain."""
    discounts = 1 / np.log2(np.arange(2, 12))
    values = []
    for query, of in sorted(grades.items()):
        documents = found_by(here, retriever, query)["documents"][:10]
        gains = np.exp2([of.get(one["document_id"], 0) for one in documents]) - 1
        best = np.sort(np.exp2(list(of.values())) - 1)[::-1][:10]
        values.append((gains @ discounts[: len(gains)]) / (best @ discounts[: len(best)]))
    return np.array(values)


@pytest.mark.needs_data
def test_who_keeps_to_the_log_is_not_believed(
    shared_data: Callable[[str], Path], tmp_path: Path, figure: Callable[[str], None]
) -> None:
    """The candidate is better by human labels, and below the live retriever in the replay."""
    folder = shared_data("esci_small")
    clock = SystemClock()
    storage = open_storage(f"sqlite:///{tmp_path}/shop.db", clock)
    rules = AnalysisRules(folder=tmp_path / "copies")
    with closing(Engine(storage, clock, RecordingRules(), analysis=rules)) as engine:
        ensure_defaults(engine)
        here = Desirepath(engine)
        grades = grades_in(folder)
        fill(here, folder)
        shop(here, grades)
        found = here.benchmarks.run("titles", "live", ["titles-first"])
        change = by_labels(here, "titles-first", grades) - by_labels(here, "live", grades)
    (comparison,) = found["comparison"]["comparisons"]
    low, high = comparison["confidence_interval"]
    error = float(np.std(change, ddof=1) / np.sqrt(len(change)))
    figure(
        f"simulation, seed {SEED}, {found['session_count']} sessions of {N}: by labels "
        f"{change.mean():+.3f} (standard error {error:.3f}), replayed "
        f"{comparison['ndcg_delta']['10']:+.3f} ({low:+.3f} to {high:+.3f})"
    )
    assert change.mean() > 3 * error, "it is better"
    assert high < 0, "and looks worse"
    assert comparison["verdict"] == "cannot_tell"
    assert "the log favours live" in found["comparison"]["recommendation"]
