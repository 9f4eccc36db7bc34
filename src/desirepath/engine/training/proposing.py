"""Which features a log and its documents have, and what each by itself says of clicks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

import ibis
import numpy as np
from ibis import _
from ibis.expr.types import Table
from msgspec import Struct
from msgspec.structs import replace

from desirepath.domain.ranking_features import moment_in, number_in, values_in
from desirepath.domain.scope import Scope
from desirepath.engine.analysing.asking import OpenLog
from desirepath.engine.analysing.part import Part, part_of
from desirepath.engine.engine import Engine
from desirepath.engine.training.layouts import USUAL_FEATURES, propensities_of, read_layout
from desirepath.engine.training.list_models import ListModelSettings
from desirepath.engine.training.matrix import Grading, matrix_of, rows_with_features
from desirepath.engine.training.training_rows import clicks_by_list, training_rows
from desirepath.errors import NotEnoughData
from desirepath.methods.ranking.baselines import random_scores
from desirepath.methods.ranking.comparing import MeanEstimate, mean_of_lists
from desirepath.methods.ranking.lambdamart import LEAST_LISTS
from desirepath.methods.ranking.list_auc import list_auc
from desirepath.methods.ranking.matrix import FloatArray, Matrix
from desirepath.methods.ranking.metrics import Gain, ndcg
from desirepath.storage.base import Namespace, Session

__all__ = ["FeatureSignal", "ProposedFeatures", "lists_to_measure", "propose_features"]

_MOST_LISTS = 2_000
_SAMPLE = 1_000
_LEAST_SHARE = 0.1
_DEEPEST = 5  # fields within fields
_MOST_FIELDS = 60
_MOST_AFFINITIES = 8  # fields, each of users and of sessions: they cost most
_OF_DATES = ("date", "_at")


class FeatureSignal(Struct, frozen=True, kw_only=True):
    """What one feature by itself says of clicks.

    Parameters
    ----------
    coverage
        Share of the documents of the lists that have a value.
    auc
        Within lists, see :func:`~desirepath.methods.ranking.list_auc.list_auc`: their mean, with
        its 95 % interval over lists. Below 0.5 lower values are clicked more.
    ndcg
        nDCG@10 of the lists in the order of the feature, falling or rising as the AUC says; equal
        values in any order.
    is_usual
        Whether rankers have it without asking.
    same_as
        A feature that has the same value everywhere; None: there is none.
    """

    feature: str
    coverage: float
    auc: MeanEstimate
    ndcg: float
    is_usual: bool
    same_as: str | None = None

    @property
    def is_falling(self) -> bool:
        """Whether higher values come first in the better order."""
        return self.auc.mean >= 0.5

    @property
    def is_worth_it(self) -> bool:
        """Whether a tenth have it, the interval of its AUC is off 0.5, and no other is the same."""
        is_off = self.auc.low > 0.5 or self.auc.high < 0.5
        return self.coverage >= _LEAST_SHARE and is_off and self.same_as is None


class ProposedFeatures(Struct, frozen=True, kw_only=True):
    """Features that may be trained with, the one that says most first.

    Parameters
    ----------
    n_lists
        With both a click and a document left alone, that it was measured on.
    ndcg_by_chance
        nDCG@10 of those lists in random order.
    left_out
        Fields that were not looked at because there are so many.
    """

    n_lists: int
    ndcg_by_chance: float
    features: tuple[FeatureSignal, ...]
    left_out: tuple[str, ...] = ()


def propose_features(
    engine: Engine, namespace: Namespace, opened: OpenLog, scope: Scope
) -> ProposedFeatures:
    """Measure every feature that a ranker could have on 2,000 lists that can tell.

    They are the last ones before the fifth that a ranker is measured on: what is chosen by them has
    not seen those.

    The usual ones; what was logged with lists; and of documents every field, at any path, in which
    a tenth of a sample of 1,000 have a number, a date, or a text that another of them has too. All
    are as of the time of each list, by the definitions that training has.

    Raises
    ------
    NotEnoughData
        There are too few lists with both a click and a document left alone.
    """
    part = part_of(opened, scope)
    lists = training_rows(part)
    with part.engine.kept(lists.semi_join(lists_to_measure(part, lists), "execution_id")) as rows:
        with engine.storage.read() as session:
            names, left_out = _candidates(part, rows, session, namespace.number)
        layout = read_layout(
            names, retriever_id=scope.retriever_id, propensities=propensities_of(part)
        )
        layout, found = rows_with_features(engine, namespace, opened, layout, rows)
    matrix = matrix_of(found, layout, Grading.CLICKED)
    if matrix.n_lists < LEAST_LISTS:
        raise NotEnoughData(
            "lists with both a click and a document left alone, before the last fifth",
            needed=LEAST_LISTS,
            found=matrix.n_lists,
        )
    matrix = _mixed(matrix)
    signals = _signals(matrix)
    return ProposedFeatures(
        n_lists=matrix.n_lists,
        ndcg_by_chance=float(_ndcg(np.zeros(matrix.n_rows), matrix).mean()),
        features=tuple(sorted(signals, key=lambda one: (-abs(one.auc.mean - 0.5), one.feature))),
        left_out=left_out,
    )


def lists_to_measure(part: Part, lists: Table) -> Table:
    """The lists to measure on: ``execution_id``.

    Parameters
    ----------
    lists
        Impressions with ``execution_id``, ``acts`` and ``moment`` of the search.
    """
    moments = lists.select("execution_id", "moment").distinct()
    clicked = clicks_by_list(lists).filter(_.clicks > 0).inner_join(moments, "execution_id")
    with part.engine.kept(clicked.select("execution_id", "moment", "n", "clicks")) as found:
        (count,) = part.rows(found.aggregate(n=_.count()))
        n_earlier = int(count["n"] * (1 - ListModelSettings().test_share))
        in_order = ibis.window(order_by=["moment", "execution_id"])
        numbered = found.mutate(number=ibis.row_number().over(in_order))
        later = numbered.filter(_.number >= n_earlier)
        (first,) = part.rows(later.aggregate(moment=_.moment.min()))
    end = first["moment"] or 0
    telling = clicked.filter(_.moment < end, _.clicks < _.n)
    last = telling.order_by(ibis.desc("moment"), "execution_id").limit(_MOST_LISTS)
    return last.select("execution_id")


def _mixed(matrix: Matrix) -> Matrix:
    """Lists with their documents in any order, so that equal values are not as they were shown."""
    order = np.lexsort((random_scores(matrix, seed=0, round=0), matrix.lists))
    return replace(
        matrix,
        values=matrix.values[order],
        grades=matrix.grades[order],
        positions=matrix.positions[order],
        document_ids=None,
    )


def _signals(matrix: Matrix) -> Iterator[FeatureSignal]:
    clicked = matrix.grades > 0
    values_to_name: dict[bytes, str] = {}
    for place, name in enumerate(matrix.names):
        values = matrix.values[:, place].astype(np.float64)
        coverage = float(matrix.coverage[place])
        if not coverage and name not in USUAL_FEATURES:
            continue  # nobody is known who could have an affinity, say
        same = values_to_name.setdefault(values.tobytes(), name) if coverage else name
        auc = mean_of_lists(list_auc(values, clicked, matrix.groups), seed=0)
        yield FeatureSignal(
            feature=name,
            coverage=coverage,
            auc=auc,
            ndcg=float(_ndcg(values if auc.mean >= 0.5 else -values, matrix).mean()),
            is_usual=name in USUAL_FEATURES,
            same_as=None if same == name else same,
        )


def _ndcg(scores: FloatArray, matrix: Matrix) -> FloatArray:
    return ndcg(scores, matrix.grades, matrix.groups, k=10, gain=Gain.LINEAR)


def _candidates(
    part: Part, rows: Table, session: Session, namespace: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of features, and of those that are left out."""
    first = rows.order_by("execution_id", "position").limit(_SAMPLE)
    logged = _logged(part.rows(first.select("scores", "features")))
    some = rows.select("document_id").distinct().order_by("document_id").limit(_SAMPLE)
    ids = [row["document_id"] for row in part.rows(some)]
    documents = session.documents.get(namespace, ids)
    fields, texts = _fields([document.payload for document in documents.values()])
    fields = (*logged, *fields)
    kept = (*fields[:_MOST_FIELDS], *texts[: 2 * _MOST_AFFINITIES])
    left_out = (*fields[_MOST_FIELDS:], *texts[2 * _MOST_AFFINITIES :])
    return tuple(dict.fromkeys([*USUAL_FEATURES, *kept])), left_out


def _logged(rows: list[dict[str, Any]]) -> tuple[str, ...]:
    counts: dict[str, int] = defaultdict(int)
    for row in rows:
        for head, column in (("score", "scores"), ("feature", "features")):
            for key in dict(row[column] or {}):
                if not key.startswith("rerank."):  # what `rank` and `document_score` are read from
                    counts[f"{head}:{key}"] += 1
    return _frequent(counts, len(rows))


def _fields(payloads: list[dict[str, Any]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Features of fields with numbers and dates, and of those with texts; most frequent first."""
    counts: dict[str, int] = defaultdict(int)
    path_to_values: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for payload in payloads:
        for path, value in _leaves(payload):
            if isfinite(number_in(value)):
                is_date = path.endswith(_OF_DATES)  # seconds since 1970, say
                counts[f"{'age' if is_date else 'field'}:{path}"] += 1
            elif isinstance(value, str) and isfinite(moment_in(value)):
                counts[f"age:{path}"] += 1
            elif texts := values_in(value):
                path_to_values[path].append(texts)
    shared = {path: _n_sharing(values) for path, values in path_to_values.items()}
    return _frequent(counts, len(payloads)), tuple(
        f"{head}:{path}"
        for path in _frequent(shared, len(payloads))
        for head in ("user_affinity", "session_affinity")
    )


def _n_sharing(values: list[tuple[str, ...]]) -> int:
    """How many documents share a value with another, unless all have one value."""
    counts = Counter(value for of_document in values for value in of_document)
    if len(counts) < 2:
        return 0
    return sum(any(counts[value] > 1 for value in of_document) for of_document in values)


def _leaves(value: Mapping[str, Any], path: str = "", depth: int = 1) -> Iterator[tuple[str, Any]]:
    """Fields that are no objects, each with its dot path; a key with a dot has none."""
    for key, one in value.items():
        if not key or "." in key:
            continue
        if not isinstance(one, Mapping):
            yield path + key, one
        elif depth < _DEEPEST:
            yield from _leaves(one, f"{path}{key}.", depth + 1)


def _frequent(counts: Mapping[str, int], n: int) -> tuple[str, ...]:
    found = [name for name, k in counts.items() if n and k / n >= _LEAST_SHARE]
    return tuple(sorted(found, key=lambda name: (-counts[name], name)))
