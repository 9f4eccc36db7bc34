"""A plain split of users: what each says of how two retrievers differ."""

from __future__ import annotations

import numpy as np

from desirepath.methods.levels import FloatArray

__all__ = ["split_differences"]


def split_differences(rewards: FloatArray, gets_challenger: np.ndarray, share: float) -> FloatArray:
    """One number for each unit, whose mean is the challenger's mean reward minus the live one's.

    A unit's reward, less the mean of all before it, over the chance of where it was: with a minus
    if that was the live side. Whatever the mean of those before is, taking it off changes nothing
    on average, since the side was drawn without regard to it; but it takes most of the noise away.

    Parameters
    ----------
    rewards : shape (…, n)
        Of each unit, in [0, 1], in the order in which they were closed: a reward must not change
        any more when it is first counted.
    gets_challenger : shape (…, n)
    share
        Of units that get the challenger, above 0 and below 1.

    Returns
    -------
    shape (…, n)
        Times ``min(share, 1 − share)``, so that they lie in [-1, 1].

    References
    ----------
    The difference as inverse propensities estimate it, with a mean that is known before as control
    variate: Waudby-Smith et al. (2024), Anytime-valid off-policy inference for contextual bandits.
    """
    before = np.arange(rewards.shape[-1])
    means = (rewards.cumsum(axis=-1) - rewards) / np.maximum(before, 1)
    means[..., :1] = 0.5
    chances = np.where(gets_challenger, share, share - 1.0)
    differences: FloatArray = (rewards - means) / chances * min(share, 1.0 - share)
    return differences
