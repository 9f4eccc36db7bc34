"""Estimators of a policy's value: the mean reward of a list, had that policy shown it.

All weigh a logged list by ratios of probabilities, target over logging policy, and differ in what
they weigh: the whole list, each place, or each beginning of it. Except `snips`, each is unbiased
where the logging policy can show all that the target can and its own assumption holds.
"""

from __future__ import annotations

import numpy as np

from desirepath.methods.offpolicy.base import FloatArray, Terms

__all__ = ["doubly_robust", "ips", "item_position", "reward_interaction", "snips"]


def ips(ratios: FloatArray, rewards: FloatArray) -> Terms:
    """Weigh each list's reward; assumes nothing about clicks.

    Parameters
    ----------
    ratios, rewards : shape (n,)
        Of whole lists.

    References
    ----------
    Horvitz & Thompson (1952), A Generalization of Sampling Without Replacement.
    """
    return _mean_of(ratios * rewards, ratios[:, None])


def snips(ratios: FloatArray, rewards: FloatArray) -> Terms:
    """Divide by the sum of the ratios: a bias that fades with n, for less variance.

    References
    ----------
    Swaminathan & Joachims (2015), The Self-Normalized Estimator for Counterfactual Learning.
    """
    return Terms(numerators=ratios * rewards, denominators=ratios, importance=ratios[:, None])


def doubly_robust(
    ratios: FloatArray, rewards: FloatArray, predicted: FloatArray, predicted_target: FloatArray
) -> Terms:
    """Start from a model's prediction, and weigh only what the model missed.

    Parameters
    ----------
    predicted : shape (n,)
        The model's reward of the list that was shown; the model has not seen that list.
    predicted_target : shape (n,)
        The model's expected reward of the target policy in the same place.

    References
    ----------
    Dudík, Langford & Li (2011), Doubly Robust Policy Evaluation and Learning.
    """
    return _mean_of(predicted_target + ratios * (rewards - predicted), ratios[:, None])


def item_position(place_ratios: FloatArray, rewards: FloatArray) -> Terms:
    """Weigh each place by itself; assumes that its reward depends on no other document.

    Parameters
    ----------
    place_ratios : shape (n, K)
        Of the marginal probabilities that the document stands at that place.
    rewards : shape (n, K)

    References
    ----------
    Li, Abbasi-Yadkori, Kveton, Muthukrishnan, Vinay & Wen (2018), Offline Evaluation of Ranking
    Policies with Click Models; the item-position estimator, without clipping.
    """
    return _mean_of((place_ratios * rewards).sum(axis=1), place_ratios)


def reward_interaction(ratios_down_to: FloatArray, rewards: FloatArray) -> Terms:
    """Weigh each place by the list down to it; assumes that people read from the top.

    Parameters
    ----------
    ratios_down_to : shape (n, K)
        Of the probabilities of the list down to each place.
    rewards : shape (n, K)

    References
    ----------
    McInerney, Brost, Chandar, Mehrotra & Carterette (2020), Counterfactual Evaluation of Slate
    Recommendations with Sequential Reward Interactions. Differs: not normalised, hence unbiased.
    """
    return _mean_of((ratios_down_to * rewards).sum(axis=1), ratios_down_to)


def _mean_of(terms: FloatArray, importance: FloatArray) -> Terms:
    return Terms(numerators=terms, denominators=np.ones_like(terms), importance=importance)
