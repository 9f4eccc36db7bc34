"""Boosted trees by LightGBM: what rankers and click-through models have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from desirepath.errors import InvalidFile, InvalidInput, InvalidSetting
from desirepath.extras import needs_extra
from desirepath.methods.ranking.matrix import FloatArray

__all__ = ["Grown", "TreeSettings", "Trees", "grow", "load_lightgbm"]

Grown = Callable[[int, int], None]
"""Told after each tree how many there are, of how many at most."""


def load_lightgbm() -> Any:
    """Give the module ``lightgbm``.

    Raises
    ------
    MissingDependency
        The extra ``train`` is not installed.
    """
    with needs_extra("train"):
        import lightgbm
    return lightgbm


class TreeSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How trees are grown.

    The defaults are those of small logs: shallow trees, slowly, with much regularisation, each on
    a part of the features and of the rows. LightGBM can draw whole lists instead of rows; then two
    runs on several cores differ (4.7.0), so it does not here.

    Parameters
    ----------
    trees
        At most so many; where a part of the time can be spared to stop early by, fewer.
    learning_rate
        What each tree adds, in (0, 1].
    leaves
        Of a tree, at least 2.
    rows_in_leaf
        At least so many impressions in each leaf.
    l2
        Regularisation of what leaves add.
    features_share, rows_share
        Which share of the features, and of the rows, each tree is grown on; in (0, 1].
    patience
        Trees without any gain after which growing stops.
    seed
        The same seed, matrix, settings and version of LightGBM give the same trees.
    threads
        Cores to train on; 0: all there are.
    """

    trees: int = 500
    learning_rate: float = 0.05
    leaves: int = 15
    rows_in_leaf: int = 50
    l2: float = 10.0
    features_share: float = 0.6
    rows_share: float = 0.7
    patience: int = 100
    seed: int = 0
    threads: int = 0

    def check(self) -> None:
        """Refuse settings that no tree can be grown by.

        Raises
        ------
        InvalidSetting
            One is out of range; the message says which.
        """
        for name, value, least, most in (
            ("trees", self.trees, 1, 10_000),
            ("learning_rate", self.learning_rate, 1e-4, 1.0),
            ("leaves", self.leaves, 2, 1_024),
            ("rows_in_leaf", self.rows_in_leaf, 1, 1_000_000),
            ("l2", self.l2, 0.0, 1e6),
            ("features_share", self.features_share, 0.01, 1.0),
            ("rows_share", self.rows_share, 0.01, 1.0),
            ("patience", self.patience, 1, 10_000),
            ("seed", self.seed, 0, 2**31 - 1),
            ("threads", self.threads, 0, 1_024),
        ):
            if not least <= value <= most:
                raise InvalidSetting(f"{name} is from {least:g} to {most:,g}.", (name,))


def grow(
    settings: TreeSettings,
    data: Any,
    n_trees: int,
    *,
    stop_by: Any = None,
    grown: Grown | None = None,
    **parameters: Any,
) -> Any:
    """Grow trees, the same on any number of cores.

    Parameters
    ----------
    data, stop_by
        LightGBM's data sets: to learn from, and to stop early by.
    n_trees
        At most, where there is something to stop by.
    parameters
        Of LightGBM: the objective and what it takes.

    Returns
    -------
    lightgbm.Booster
    """
    lightgbm = load_lightgbm()

    def tell(state: Any) -> None:
        if grown is not None:
            grown(state.iteration + 1, n_trees)

    callbacks: list[Any] = [tell]
    if stop_by is not None:
        callbacks.append(lightgbm.early_stopping(settings.patience, verbose=False))
    return lightgbm.train(
        {
            "learning_rate": settings.learning_rate,
            "num_leaves": settings.leaves,
            "min_data_in_leaf": settings.rows_in_leaf,
            "lambda_l2": settings.l2,
            "feature_fraction": settings.features_share,
            "bagging_fraction": settings.rows_share,
            "bagging_freq": 1 if settings.rows_share < 1 else 0,
            "seed": settings.seed,
            "num_threads": settings.threads,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
            **parameters,
        },
        data,
        n_trees,
        valid_sets=[] if stop_by is None else [stop_by],
        callbacks=callbacks,
    )


class Trees:
    """Grown trees: rows of features in, one number a row out.

    Any number of threads may ask at once, and each is answered on the thread that asks: one list
    is too little to share among cores.

    Parameters
    ----------
    text
        The model as LightGBM writes it.

    Raises
    ------
    InvalidFile
        The text is no such model.
    MissingDependency
        The extra ``train`` is not installed.
    """

    def __init__(self, text: str) -> None:
        lightgbm = load_lightgbm()
        self.text = text
        if not text.startswith("tree\n"):  # LightGBM would print, and go on
            raise InvalidFile("The text of a model begins with the line tree.")
        try:
            self._booster = lightgbm.Booster(model_str=text)
        except lightgbm.basic.LightGBMError as error:
            raise InvalidFile("The trees of the model cannot be read.") from error
        self.n_features: int = self._booster.num_feature()

    @property
    def n_trees(self) -> int:
        return int(self._booster.num_trees())

    def predict(self, values: NDArray[np.floating[Any]]) -> FloatArray:
        """What the trees add up to.

        Parameters
        ----------
        values : shape (n, n_features)
            In the order of the features that the trees were grown on; NaN where missing.

        Returns
        -------
        shape (n,)
        """
        if values.ndim != 2 or values.shape[1] != self.n_features:
            raise InvalidInput(f"The model takes {self.n_features:,} features a row.")
        if not len(values):
            return np.zeros(0)
        found: FloatArray = self._booster.predict(values, raw_score=True, num_threads=1)
        return found

    def gains(self) -> FloatArray:
        """How much the splits on each feature gained in all; shape (n_features,)."""
        found: FloatArray = self._booster.feature_importance("gain").astype(np.float64)
        return found
