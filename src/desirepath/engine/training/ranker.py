"""Train a ranker from the log, measure it beside orders that need no learning, and store it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Unpack

import numpy as np
from msgspec import Struct

from desirepath.domain.clock import format_time
from desirepath.domain.scope import Scope
from desirepath.engine.engine import Engine
from desirepath.engine.ranker_files import RANKER
from desirepath.engine.training.list_models import (
    Learned,
    ListModelReport,
    ListModelSettings,
    learn,
)
from desirepath.engine.training.matrix import Grading
from desirepath.engine.training.trained import TrainingOptions
from desirepath.errors import InvalidSetting, NotEnoughData
from desirepath.methods.ranking.baselines import Baseline, baseline_scores, random_scores
from desirepath.methods.ranking.comparing import MeanEstimate, mean_of_lists
from desirepath.methods.ranking.importance import importances
from desirepath.methods.ranking.lambdamart import FittedRanker, LambdaMART
from desirepath.methods.ranking.matrix import FloatArray, Matrix
from desirepath.methods.ranking.metrics import Empty, Gain, ndcg
from desirepath.methods.ranking.splitting import split_by_time
from desirepath.methods.ranking.trees import Grown, Trees
from desirepath.storage.base import Namespace

__all__ = [
    "LEAST_LISTS",
    "Measured",
    "RankerReport",
    "RankerSettings",
    "measure_ranker",
    "train_ranker",
]

_RANDOM_ROUNDS = 10
_DEEPEST = 1_000  # place that a measure looks at
_WORDS = {"shown": "as shown", "item_ctr": "document's CTR"}
LEAST_LISTS = 20
"""With a grade above 0; of fewer, no later ones can be spared to measure on."""


class RankerSettings(ListModelSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a ranker is trained with, beside what all models of lists are.

    Position bias is taken out, or not, while trees grow too; and of the last lists only those with
    a grade above 0 count.

    Parameters
    ----------
    k, gain
        The measure is nDCG@k.
    grading
        How an outcome becomes a grade.
    """

    k: int = 10
    gain: Gain = Gain.EXPONENTIAL
    grading: Grading = Grading.GRADED

    def check(self) -> None:
        """Refuse what cannot be trained with.

        Raises
        ------
        InvalidSetting
            A feature is none, or a number is out of range.
        """
        super().check()
        if not 1 <= self.k <= _DEEPEST:
            raise InvalidSetting(f"k is from 1 to {_DEEPEST:,}.", ("k",))


class Measured(Struct, frozen=True, kw_only=True):
    """How well one order ranks the lists that were not learned from.

    Parameters
    ----------
    ndcg
        With its 95 % interval over lists.
    behind
        How much the ranker is above it, list by list; None: it is the ranker.
    """

    order: str
    ndcg: MeanEstimate
    behind: MeanEstimate | None = None

    @property
    def words(self) -> str:
        """What the order goes by, as people call it."""
        return _WORDS.get(self.order, self.order)


class RankerReport(ListModelReport, frozen=True, kw_only=True):
    """How a ranker was trained, and how good it is beside orders that need no learning.

    Lists without a grade above 0 are left out, of learning and of the measure, and not counted in
    ``n_train_lists`` and ``n_test_lists``.

    Parameters
    ----------
    measured
        The ranker first.
    """

    k: int
    gain: Gain
    grading: Grading
    is_position_debiased: bool
    measured: tuple[Measured, ...]

    @property
    def verdict(self) -> str:
        """What the measure says, in words."""
        if self.lost_to:
            lost = ", ".join(self.lost_to)
            return f"No better than the order by {lost}, as far as these lists tell."
        return "Better than every order that needs no learning."

    @property
    def ahead_of(self) -> Iterator[tuple[str, MeanEstimate | None]]:
        """The other orders."""
        return ((one.order, one.behind) for one in self.measured[1:])


def train_ranker(
    engine: Engine,
    namespace: Namespace,
    name: str,
    settings: RankerSettings,
    scope: Scope,
    **options: Unpack[TrainingOptions],
) -> Learned[RankerReport]:
    """Train a ranker and store it as the next version under a name; it does not serve yet.

    See :func:`~desirepath.engine.training.list_models.learn`.
    """

    def fit(matrix: Matrix, grown: Grown | None) -> tuple[RankerReport, Trees, None]:
        report, fitted = measure_ranker(matrix, settings, grown)
        return report, fitted.ranker.trees, None

    return learn(
        engine,
        namespace,
        RANKER,
        name,
        settings,
        scope,
        settings.grading,
        fit,
        libraries=("lightgbm",),
        **options,
    )


def measure_ranker(
    matrix: Matrix, settings: RankerSettings, grown: Grown | None = None
) -> tuple[RankerReport, FittedRanker]:
    """Train on the earlier lists and measure on the later ones; the ranker is that of the earlier.

    Raises
    ------
    NotEnoughData
        There are too few lists, or too few of them with both a click and none.
    """
    positive = matrix.part(matrix.has_positive) if matrix.n_lists else matrix
    if positive.n_lists < LEAST_LISTS:
        raise NotEnoughData(
            "lists of known executions with a click (send executions, and what was clicked)",
            needed=LEAST_LISTS,
            found=positive.n_lists,
        )
    _, test = split_by_time(positive, settings.test_share)
    train = matrix.part(matrix.times < test.times[0])
    method = LambdaMART(
        k=settings.k,
        gain=settings.gain,
        is_position_debiased=settings.is_position_debiased,
        trees=settings.trees,
    )
    fitted = method.fit(train, grown)
    measured = _measured(fitted, train, test, settings)

    def measure(scores: FloatArray, lists: Matrix) -> FloatArray:
        return _ndcg(scores, lists, settings)

    report = RankerReport(
        k=settings.k,
        gain=settings.gain,
        grading=settings.grading,
        n_lists=matrix.n_lists,
        n_impressions=matrix.n_rows,
        n_train_lists=int(train.has_positive.sum()),
        n_test_lists=test.n_lists,
        test_from=format_time(int(test.times[0])),
        n_trees=fitted.n_trees,
        is_position_debiased=fitted.is_position_debiased,
        seed=settings.trees.seed,
        measured=measured,
        importances=importances(
            fitted.ranker.scores,
            fitted.ranker.trees.gains(),
            test,
            measure,
            seed=settings.trees.seed,
            rounds=2,
        ),
    )
    return report, fitted


def _ndcg(scores: FloatArray, lists: Matrix, settings: RankerSettings) -> FloatArray:
    return ndcg(
        scores, lists.grades, lists.groups, k=settings.k, gain=settings.gain, empty=Empty.SKIP
    )


def _measured(
    fitted: FittedRanker, train: Matrix, test: Matrix, settings: RankerSettings
) -> tuple[Measured, ...]:
    seed = settings.trees.seed
    ours = _ndcg(fitted.ranker.scores(test.values), test, settings)
    found = [Measured(order="the ranker", ndcg=mean_of_lists(ours, seed=seed))]
    for baseline in Baseline:
        if baseline is Baseline.RANDOM:
            rounds = range(_RANDOM_ROUNDS)
            drawn = [random_scores(test, seed=seed, round=one) for one in rounds]
            theirs = np.mean([_ndcg(scores, test, settings) for scores in drawn], axis=0)
        else:
            scores = baseline_scores(baseline, train, test)
            if scores is None:
                continue
            theirs = _ndcg(scores, test, settings)
        found.append(
            Measured(
                order=baseline.value,
                ndcg=mean_of_lists(theirs, seed=seed),
                behind=mean_of_lists(ours - theirs, seed=seed),
            )
        )
    return tuple(found)
