"""Train a click-through model from the log, measure it beside plain rates, and store it."""

from __future__ import annotations

from typing import Unpack

import numpy as np

from desirepath.domain.clock import format_time
from desirepath.domain.scope import Scope
from desirepath.engine.engine import Engine
from desirepath.engine.ranker_files import CTR_MODEL
from desirepath.engine.training.ctr_report import CtrMeasured, CtrReport
from desirepath.engine.training.list_models import (
    Learned,
    ListModelSettings,
    learn,
)
from desirepath.engine.training.matrix import Grading
from desirepath.engine.training.trained import TrainingOptions
from desirepath.methods.ranking.calibration import (
    Calibration,
    load_logistic,
    log_loss,
    reliability,
)
from desirepath.methods.ranking.click_measures import mean_of_rows, measure_clicks
from desirepath.methods.ranking.click_probability import (
    ClickProbability,
    FittedClickProbability,
    check_both_outcomes,
)
from desirepath.methods.ranking.click_rates import ClickRate, click_rates
from desirepath.methods.ranking.importance import importances
from desirepath.methods.ranking.matrix import FloatArray, Matrix
from desirepath.methods.ranking.splitting import split_by_time
from desirepath.methods.ranking.trees import Grown, Trees
from desirepath.storage.base import Namespace

__all__ = ["measure_ctr", "train_ctr"]

_N_BINS = 10
_UNCALIBRATED = "not calibrated"


def train_ctr(
    engine: Engine,
    namespace: Namespace,
    name: str,
    settings: ListModelSettings,
    scope: Scope,
    **options: Unpack[TrainingOptions],
) -> Learned[CtrReport]:
    """Train a click-through model and store it as the next version under a name.

    See :func:`~desirepath.engine.training.list_models.learn`.
    """
    load_logistic()

    def fit(matrix: Matrix, grown: Grown | None) -> tuple[CtrReport, Trees, Calibration]:
        report, fitted = measure_ctr(matrix, settings, grown)
        return report, fitted.trees, fitted.calibration

    return learn(
        engine,
        namespace,
        CTR_MODEL,
        name,
        settings,
        scope,
        Grading.CLICKED,
        fit,
        libraries=("lightgbm", "scikit-learn"),
        **options,
    )


def measure_ctr(
    matrix: Matrix, settings: ListModelSettings, grown: Grown | None = None
) -> tuple[CtrReport, FittedClickProbability]:
    """Train on the earlier lists and measure on the later ones; the model is that of the earlier.

    Raises
    ------
    NotEnoughData
        Too few documents were clicked, or left alone, in one of the parts of the time.
    """
    check_both_outcomes(matrix)
    train, test = split_by_time(matrix, settings.test_share)
    fitted = ClickProbability(trees=settings.trees).fit(train, grown)
    check_both_outcomes(test, is_part=True)
    seed = settings.trees.seed
    chances = fitted.probabilities(test.values)

    def measure(chances: FloatArray, lists: Matrix) -> FloatArray:
        losses = np.add.reduceat(log_loss(chances, lists.grades > 0), lists.starts[:-1])
        mean: FloatArray = -losses / lists.groups
        return mean

    report = CtrReport(
        n_lists=matrix.n_lists,
        n_impressions=matrix.n_rows,
        click_rate=float((matrix.grades > 0).mean()),
        n_train_lists=train.n_lists,
        n_test_lists=test.n_lists,
        n_test_impressions=test.n_rows,
        test_click_rate=float((test.grades > 0).mean()),
        test_from=format_time(int(test.times[0])),
        n_trees=fitted.n_trees,
        slope=fitted.calibration.slope,
        shift=fitted.calibration.shift,
        seed=seed,
        measured=_measured(fitted, chances, train, test, seed),
        reliability=reliability(chances, test.grades > 0, _N_BINS),
        reliability_uncalibrated=reliability(
            fitted.uncalibrated(test.values), test.grades > 0, _N_BINS
        ),
        importances=importances(
            fitted.probabilities, fitted.trees.gains(), test, measure, seed=seed, rounds=2
        ),
    )
    return report, fitted


def _measured(
    fitted: FittedClickProbability, ours: FloatArray, train: Matrix, test: Matrix, seed: int
) -> tuple[CtrMeasured, ...]:
    clicked, lists = test.grades > 0, test.lists
    found = [
        CtrMeasured(model="the model", measures=measure_clicks(ours, clicked, lists, seed=seed))
    ]
    others = {_UNCALIBRATED: fitted.uncalibrated(test.values)}
    for rate in ClickRate:
        chances = click_rates(rate, train, test)
        if chances is not None:
            others[rate.value] = chances
    for name, chances in others.items():
        behind = log_loss(chances, clicked) - log_loss(ours, clicked)
        found.append(
            CtrMeasured(
                model=name,
                measures=measure_clicks(chances, clicked, lists, seed=seed),
                behind=mean_of_rows(behind, lists, seed=seed),
            )
        )
    return tuple(found)
