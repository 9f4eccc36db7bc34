"""What training models of lists has in common: the log in, a stored model out."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from typing import TypeVar, Unpack

import msgspec
from msgspec import Struct, StructMeta

from desirepath.domain.artifact import ArtifactDraft
from desirepath.domain.checks import below
from desirepath.domain.scope import Scope
from desirepath.engine.engine import Engine
from desirepath.engine.models import check_free_name, store_model
from desirepath.engine.ranker_files import RankerParts, pack_ranker
from desirepath.engine.seen_log import log_changes
from desirepath.engine.training.layouts import USUAL_FEATURES, read_layout
from desirepath.engine.training.matrix import Grading, TrainingData, training_data
from desirepath.engine.training.recommender_features import check_amount, likeness_of
from desirepath.engine.training.trained import Trained, TrainingOptions, plain_report
from desirepath.errors import InvalidSetting
from desirepath.methods.ranking.calibration import Calibration
from desirepath.methods.ranking.comparing import MeanEstimate
from desirepath.methods.ranking.importance import Importance
from desirepath.methods.ranking.matrix import Matrix
from desirepath.methods.ranking.trees import Grown, Trees, TreeSettings, load_lightgbm
from desirepath.storage.base import Namespace

__all__ = ["Learned", "ListModelReport", "ListModelSettings", "learn"]


class ListModelSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every model of lists is trained with.

    Parameters
    ----------
    features
        Names; see :mod:`~desirepath.domain.ranking_features`.
    test_share
        The last lists, by time, are not learned from: the measure is of them.
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

    def check(self) -> None:
        """Refuse what cannot be trained with.

        Raises
        ------
        InvalidSetting
            A feature is none, or a number is out of range.
        """
        if not 0 < self.test_share < 1:
            raise InvalidSetting("test_share lies between 0 and 1.", ("test_share",))
        read_layout(
            self.features,
            retriever_id=None,
            half_life_days=self.half_life_days,
            smoothing=self.smoothing,
        )
        with below("trees"):
            self.trees.check()


class _AbstractStructs(StructMeta, ABCMeta):
    """Of structs that leave something to those derived from them."""


class ListModelReport(Struct, frozen=True, kw_only=True, metaclass=_AbstractStructs):
    """How a model of lists was trained.

    Parameters
    ----------
    n_lists, n_impressions
        In the part of the log that was asked for.
    n_train_lists, n_test_lists
        That were learned from, and measured on.
    test_from
        When the lists begin that were not learned from.
    propensities
        By position, of the features.
    importances
        The most important feature first.
    n_flagged, flagged_share
        Identities that look like robots and were left out, and their share of the interactions.
    """

    n_lists: int
    n_impressions: int
    n_train_lists: int
    n_test_lists: int
    test_from: str
    n_trees: int
    seed: int
    importances: tuple[Importance, ...]
    propensities: tuple[float, ...] = (1.0,)
    n_flagged: int = 0
    flagged_share: float = 0.0

    @property
    @abstractmethod
    def verdict(self) -> str:
        """What the measure says, in words."""

    @property
    @abstractmethod
    def ahead_of(self) -> Iterable[tuple[str, MeanEstimate | None]]:
        """What needs no learning, by name, and how much the model is above it; None: unknown."""

    @property
    def lost_to(self) -> list[str]:
        """What the model is not surely above."""
        return [name for name, by in self.ahead_of if by is not None and not by.is_above_zero]

    @property
    def beats_baselines(self) -> bool:
        """Whether it is better than everything that needs no learning."""
        return not self.lost_to


R = TypeVar("R", bound=ListModelReport)
Fit = Callable[[Matrix, Grown | None], tuple[R, Trees, Calibration | None]]


class Learned(Trained[R], frozen=True, kw_only=True, eq=False):
    """What came of training, with what was learned from."""

    matrix: Matrix


def learn(
    engine: Engine,
    namespace: Namespace,
    kind: str,
    name: str,
    settings: ListModelSettings,
    scope: Scope,
    grading: Grading,
    fit: Fit[R],
    *,
    libraries: Sequence[str],
    **options: Unpack[TrainingOptions],
) -> Learned[R]:
    """Train a model of lists and store it as the next version under a name; it does not serve yet.

    Parameters
    ----------
    kind
        Of the model that is stored.
    scope
        Which part of the log to learn from.
    fit
        Learns from lists and measures: the report, the trees, and their calibration, if any.
    libraries
        Whose versions are noted.

    Raises
    ------
    NotEnoughData
        There are too few lists, or they say too little; it says how many are missing of what.
    InvalidSetting
        A feature or a setting is out of range.
    InvalidModel, AlreadyExists
        The name cannot be used, or belongs to a model of another kind.
    MissingDependency
        The extra ``train`` is not installed.
    """
    load_lightgbm()
    settings.check()
    is_stored = options.get("is_stored", True)
    if is_stored:
        check_free_name(engine, namespace.number, kind, name)
    changes = log_changes(engine, namespace.number)
    data = training_data(
        engine,
        namespace,
        settings.features,
        scope,
        grading=grading,
        half_life_days=settings.half_life_days,
        smoothing=settings.smoothing,
        is_debiased=settings.is_position_debiased,
        on=options.get("on", "duckdb"),
        progress=options.get("progress"),
    )
    if data.matrix.n_lists:
        check_amount(data.matrix, settings.test_share)
    report, trees, calibration = fit(data.matrix, options.get("stepped"))
    report = msgspec.structs.replace(
        report,
        propensities=data.layout.propensities,
        n_flagged=data.n_flagged,
        flagged_share=data.flagged_share,
    )
    artifact = None
    if is_stored:
        draft = ArtifactDraft(
            kind=kind,
            name=name,
            manifest={
                "settings": msgspec.to_builtins(settings),
                "features": list(data.layout.names),
                "layout": data.layout.digest(),
                "report": plain_report(report),
                "libraries": {library: version(library) for library in libraries},
            },
            files=pack_ranker(
                RankerParts(
                    trees=trees.text,
                    layout=data.layout,
                    counters=data.snapshot,
                    calibration=calibration,
                    likeness={
                        argument: likeness_of(one.parts)
                        for argument, one in data.recommenders.items()
                    },
                )
            ),
            retriever_id=_seen_of(data),
        )
        artifact = options.get("store", store_model)(engine, namespace, draft, changes)
    return Learned(report=report, artifact=artifact, matrix=data.matrix)


def _seen_of(data: TrainingData) -> str | None:
    """Whose log was learned from, be it by a recommender; None: everybody's."""
    seen = {one.artifact.retriever_id for one in data.recommenders.values()}
    seen.add(data.layout.retriever_id)
    return seen.pop() if len(seen) == 1 else None
