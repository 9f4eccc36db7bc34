"""Train a click-through model from the log, measure it beside plain rates, and store it."""

from __future__ import annotations

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
from desirepath.engine.ranker_files import CTR_MODEL, RankerParts, pack_ranker
from desirepath.engine.seen_log import log_changes
from desirepath.engine.training.ctr_report import CtrMeasured, CtrReport
from desirepath.engine.training.layouts import USUAL_FEATURES
from desirepath.engine.training.matrix import Grading, TrainingData, training_data
from desirepath.errors import InvalidSetting
from desirepath.methods.ranking.calibration import load_logistic, log_loss, reliability
from desirepath.methods.ranking.click_measures import mean_of_rows, measure_clicks
from desirepath.methods.ranking.click_probability import (
    ClickProbability,
    FittedClickProbability,
    Grown,
    check_both_outcomes,
)
from desirepath.methods.ranking.click_rates import ClickRate, click_rates
from desirepath.methods.ranking.importance import importances
from desirepath.methods.ranking.matrix import FloatArray, Matrix
from desirepath.methods.ranking.splitting import split_by_time
from desirepath.methods.ranking.trees import TreeSettings, load_lightgbm
from desirepath.storage.base import Namespace

__all__ = ["CtrSettings", "TrainedCtr", "measure_ctr", "train_ctr"]

_N_BINS = 10
_UNCALIBRATED = "not calibrated"


class CtrSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a click-through model is trained with.

    Parameters
    ----------
    features
        Names; see :mod:`~desirepath.domain.ranking_features`.
    test_share
        The last lists by time are not learned from: the measure is of them.
    half_life_days, smoothing
        See :class:`~desirepath.domain.ranking_features.FeatureLayout`.
    is_position_debiased
        Whether click-through rates, as features, are of examined documents.
    """

    features: tuple[str, ...] = USUAL_FEATURES
    test_share: float = 0.2
    half_life_days: float = 30.0
    smoothing: float = 5.0
    is_position_debiased: bool = True
    trees: TreeSettings = TreeSettings()


class TrainedCtr(Struct, frozen=True, kw_only=True, eq=False):
    """What came of training; ``artifact`` is None where it was only measured."""

    report: CtrReport
    artifact: Artifact | None


def train_ctr(
    engine: Engine,
    namespace: Namespace,
    name: str,
    settings: CtrSettings,
    scope: Scope,
    *,
    on: str = "duckdb",
    is_stored: bool = True,
    store: StoreModel = store_model,
    progress: CopyProgress | None = None,
    grown: Grown | None = None,
) -> TrainedCtr:
    """Train a click-through model and store it as the next version under a name.

    What it takes and raises is what
    :func:`~desirepath.engine.training.ranker.train_ranker` does; but lists without a click count.
    """
    load_lightgbm()
    load_logistic()
    settings.trees.check()
    if not 0 < settings.test_share < 1:
        raise InvalidSetting("test_share lies between 0 and 1.", ("test_share",))
    if is_stored:
        check_free_name(engine, namespace.number, CTR_MODEL, name)
    changes = log_changes(engine, namespace.number)
    data = training_data(
        engine,
        namespace,
        settings.features,
        scope,
        grading=Grading.CLICKED,
        half_life_days=settings.half_life_days,
        smoothing=settings.smoothing,
        is_debiased=settings.is_position_debiased,
        on=on,
        progress=progress,
    )
    report, fitted = measure_ctr(data.matrix, settings, grown)
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
    return TrainedCtr(report=report, artifact=artifact)


def measure_ctr(
    matrix: Matrix, settings: CtrSettings, grown: Grown | None = None
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

    def measure(chances: FloatArray, lists: Matrix) -> FloatArray:
        losses = np.add.reduceat(log_loss(chances, lists.grades > 0), lists.starts[:-1])
        mean: FloatArray = -losses / lists.groups
        return mean

    clicked = matrix.grades > 0
    report = CtrReport(
        n_lists=matrix.n_lists,
        n_impressions=matrix.n_rows,
        click_rate=float(clicked.mean()),
        n_train_lists=train.n_lists,
        n_test_lists=test.n_lists,
        n_test_impressions=test.n_rows,
        test_click_rate=float((test.grades > 0).mean()),
        test_from=format_time(int(test.times[0])),
        n_trees=fitted.n_trees,
        slope=fitted.calibration.slope,
        shift=fitted.calibration.shift,
        propensities=(1.0,),
        seed=seed,
        measured=_measured(fitted, train, test, seed),
        reliability=reliability(fitted.probabilities(test.values), test.grades > 0, _N_BINS),
        importances=importances(
            fitted.probabilities, fitted.trees.gains(), test, measure, seed=seed, rounds=2
        ),
    )
    return report, fitted


def _measured(
    fitted: FittedClickProbability, train: Matrix, test: Matrix, seed: int
) -> tuple[CtrMeasured, ...]:
    clicked, lists = test.grades > 0, test.lists
    ours = fitted.probabilities(test.values)
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


def _draft(
    name: str,
    settings: CtrSettings,
    data: TrainingData,
    report: CtrReport,
    fitted: FittedClickProbability,
) -> ArtifactDraft:
    manifest: dict[str, Any] = {
        "settings": msgspec.to_builtins(settings),
        "features": list(data.layout.names),
        "layout": data.layout.digest(),
        "report": without_nan(msgspec.to_builtins(report)),
        "libraries": {name: version(name) for name in ("lightgbm", "scikit-learn")},
    }
    parts = RankerParts(
        trees=fitted.trees.text,
        layout=data.layout,
        counters=data.snapshot,
        calibration=fitted.calibration,
    )
    return ArtifactDraft(
        kind=CTR_MODEL,
        name=name,
        manifest=manifest,
        files=pack_ranker(parts),
        retriever_id=data.layout.retriever_id,
    )
