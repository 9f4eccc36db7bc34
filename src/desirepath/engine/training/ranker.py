"""Train a ranker from the log, measure it beside orders that need no learning, and store it."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from desirepath.domain.artifact import Artifact, ArtifactDraft
from desirepath.domain.clock import format_time
from desirepath.domain.plain_json import without_nan
from desirepath.domain.scope import Scope
from desirepath.engine.analysing.copying import CopyProgress
from desirepath.engine.engine import Engine
from desirepath.engine.models import StoreModel, check_free_name, store_model
from desirepath.engine.ranker_files import RANKER, RankerParts, pack_ranker
from desirepath.engine.seen_log import log_changes
from desirepath.engine.training.layouts import USUAL_FEATURES
from desirepath.engine.training.matrix import Grading, TrainingData, training_data
from desirepath.errors import InvalidSetting, NotEnoughData
from desirepath.methods.ranking.baselines import Baseline, baseline_scores, random_scores
from desirepath.methods.ranking.comparing import MeanEstimate, mean_of_lists
from desirepath.methods.ranking.importance import Importance, importances
from desirepath.methods.ranking.lambdamart import FittedRanker, LambdaMART
from desirepath.methods.ranking.matrix import FloatArray, Matrix
from desirepath.methods.ranking.metrics import Empty, Gain, ndcg
from desirepath.methods.ranking.splitting import split_by_time
from desirepath.methods.ranking.trees import TreeSettings, load_lightgbm
from desirepath.storage.base import Namespace

__all__ = [
    "Measured",
    "RankerReport",
    "RankerSettings",
    "TrainedRanker",
    "measure_ranker",
    "train_ranker",
]

_RANDOM_ROUNDS = 10
_LEAST_TEST_LISTS = 20

Grown = Callable[[int, int], None]


class RankerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a ranker is trained with.

    Parameters
    ----------
    features
        Names; see :mod:`~desirepath.domain.ranking_features`.
    test_share
        The last lists with a grade above 0, by time, are not learned from: the measure is of them.
    k, gain
        The measure is nDCG@k.
    grading
        How an outcome becomes a grade.
    half_life_days, smoothing
        See :class:`~desirepath.domain.ranking_features.FeatureLayout`.
    is_position_debiased
        Whether position bias is taken out, of click-through rates and while trees grow.
    """

    features: tuple[str, ...] = USUAL_FEATURES
    test_share: float = 0.2
    k: int = 10
    gain: Gain = Gain.EXPONENTIAL
    grading: Grading = Grading.GRADED
    half_life_days: float = 30.0
    smoothing: float = 5.0
    is_position_debiased: bool = True
    trees: TreeSettings = TreeSettings()


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


class RankerReport(Struct, frozen=True, kw_only=True):
    """How a ranker was trained, and how good it is beside orders that need no learning.

    Parameters
    ----------
    n_lists, n_impressions
        In the part of the log that was asked for.
    n_train_lists, n_test_lists
        Those with a grade above 0: others are left out, of learning and of the measure.
    test_from
        When the lists begin that were not learned from.
    measured
        The ranker first.
    importances
        The most important feature first.
    """

    k: int
    gain: Gain
    grading: Grading
    n_lists: int
    n_impressions: int
    n_train_lists: int
    n_test_lists: int
    test_from: str
    n_trees: int
    is_position_debiased: bool
    propensities: tuple[float, ...]
    seed: int
    measured: tuple[Measured, ...]
    importances: tuple[Importance, ...]
    n_flagged: int = 0
    flagged_share: float = 0.0

    @property
    def verdict(self) -> str:
        """What the measure says, in words."""
        behind = [one for one in self.measured[1:] if one.behind is not None]
        lost = [one.order for one in behind if one.behind and not one.behind.is_above_zero]
        if lost:
            return f"No better than the order by {', '.join(lost)}, as far as these lists tell."
        return "Better than every order that needs no learning."


class TrainedRanker(Struct, frozen=True, kw_only=True, eq=False):
    """What came of training; ``artifact`` is None where it was only measured."""

    report: RankerReport
    artifact: Artifact | None
    matrix: Matrix


def train_ranker(
    engine: Engine,
    namespace: Namespace,
    name: str,
    settings: RankerSettings,
    scope: Scope,
    *,
    on: str = "duckdb",
    is_stored: bool = True,
    store: StoreModel = store_model,
    progress: CopyProgress | None = None,
    grown: Grown | None = None,
) -> TrainedRanker:
    """Train a ranker and store it as the next version under a name; it does not serve yet.

    Parameters
    ----------
    scope
        Which part of the log to learn from.
    on, progress
        See :func:`~desirepath.engine.analysing.asking.open_log`.
    is_stored
        False: measure only.
    store
        How it is stored, within a task say.
    grown
        Told how many trees there are, of how many at most.

    Raises
    ------
    NotEnoughData
        There are too few lists, or too few of them with both a click and none; it says how many
        are missing.
    InvalidSetting
        A feature or a setting is out of range.
    InvalidModel, AlreadyExists
        The name cannot be used, or belongs to a model of another kind.
    MissingDependency
        The extra ``train`` is not installed.
    """
    load_lightgbm()
    settings.trees.check()
    if not (0 < settings.test_share < 1 and settings.k > 0):
        raise InvalidSetting("test_share lies between 0 and 1, and k is at least 1.", ("k",))
    if is_stored:
        check_free_name(engine, namespace.number, RANKER, name)
    changes = log_changes(engine, namespace.number)
    data = training_data(
        engine,
        namespace,
        settings.features,
        scope,
        grading=settings.grading,
        half_life_days=settings.half_life_days,
        smoothing=settings.smoothing,
        is_debiased=settings.is_position_debiased,
        on=on,
        progress=progress,
    )
    report, fitted = measure_ranker(data.matrix, settings, grown)
    report = msgspec.structs.replace(
        report,
        propensities=data.layout.propensities,
        n_flagged=data.n_flagged,
        flagged_share=data.flagged_share,
    )
    artifact = None
    if is_stored:
        draft = _draft(name, settings, data, report, fitted)
        artifact = store(engine, namespace, draft, changes)
    return TrainedRanker(report=report, artifact=artifact, matrix=data.matrix)


def measure_ranker(
    matrix: Matrix, settings: RankerSettings, grown: Grown | None = None
) -> tuple[RankerReport, FittedRanker]:
    """Train on the earlier lists and measure on the later ones; the ranker is that of the earlier.

    Raises
    ------
    NotEnoughData
        As :func:`train_ranker`.
    """
    positive = matrix.part(matrix.has_positive) if matrix.n_lists else matrix
    if positive.n_lists < _LEAST_TEST_LISTS:
        raise NotEnoughData(
            "lists of known executions with a click (send executions, and what was clicked)",
            needed=_LEAST_TEST_LISTS,
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
        propensities=(1.0,),
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


def _draft(
    name: str,
    settings: RankerSettings,
    data: TrainingData,
    report: RankerReport,
    fitted: FittedRanker,
) -> ArtifactDraft:
    manifest: dict[str, Any] = {
        "settings": msgspec.to_builtins(settings),
        "features": list(data.layout.names),
        "layout": data.layout.digest(),
        "report": without_nan(msgspec.to_builtins(report)),
        "libraries": {"lightgbm": version("lightgbm")},
    }
    parts = RankerParts(trees=fitted.ranker.text, layout=data.layout, counters=data.snapshot)
    return ArtifactDraft(
        kind=RANKER,
        name=name,
        manifest=manifest,
        files=pack_ranker(parts),
        retriever_id=data.layout.retriever_id,
    )
