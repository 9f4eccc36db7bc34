"""What a document at a place is expected to earn, learned from other people's lists."""

from __future__ import annotations

import numpy as np

from desirepath.methods.offpolicy.base import FloatArray, IntArray

__all__ = ["N_FOLDS", "cross_fitted"]

N_FOLDS = 5
_RIDGE = 1.0  # lists


def cross_fitted(
    shown: FloatArray, target: FloatArray, rewards: FloatArray, folds: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Regress the reward of each place on the features of the document that stands there.

    A list is predicted by a model that saw no list of its fold: then the doubly robust estimate is
    unbiased whatever the model is worth.

    Parameters
    ----------
    shown, target : shape (n, K, D)
        Features of the documents of both lists, 0 throughout where there is none.
    rewards : shape (n, K)
    folds : shape (n,)
        From 0 to ``N_FOLDS - 1``; the lists of one person are in one.

    Returns
    -------
    tuple
        Predictions of both lists, shape (n, K).

    References
    ----------
    Chernozhukov, Chetverikov, Demirer, Duflo, Hansen, Newey & Robins (2018), Double/Debiased
    Machine Learning: cross-fitting. The model is ridge regression, a place at a time.
    """
    n, n_places, n_features = shown.shape
    by_fold = np.zeros((N_FOLDS, n_places, n_features, n_features))
    response = np.zeros((N_FOLDS, n_places, n_features))
    for fold in range(N_FOLDS):
        here = shown[folds == fold].transpose(1, 0, 2)
        by_fold[fold] = here.transpose(0, 2, 1) @ here
        response[fold] = (here.transpose(0, 2, 1) @ rewards[folds == fold].T[:, :, None])[:, :, 0]
    ridge = _RIDGE * np.eye(n_features)
    effects = np.linalg.solve(
        by_fold.sum(axis=0) - by_fold + ridge, (response.sum(axis=0) - response)[..., None]
    )[..., 0]
    predicted, predicted_target = np.zeros((n, n_places)), np.zeros((n, n_places))
    for fold in range(N_FOLDS):
        is_here = folds == fold
        for of_list, into in ((shown, predicted), (target, predicted_target)):
            into[is_here] = np.einsum("nkd,kd->nk", of_list[is_here], effects[fold])
    return predicted, predicted_target
