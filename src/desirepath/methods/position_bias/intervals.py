"""How sure an estimate is, from what each cluster contributed to it.

Clicks of one query are alike for reasons that no model here knows of, so the query is what is
counted: the variance is the sum over queries of their squared contributions (a sandwich). Traffic
is uneven, and where a few queries carry an estimate, that sum is too small and too uncertain. Two
corrections, both from the share h of the expected variance that each cluster has: squares are
divided by 1 - h, and the normal quantile becomes Student's with 1 / Σ h² - 1 degrees of freedom.

References
----------
Liang & Zeger (1986), Longitudinal Data Analysis Using Generalized Linear Models (the sandwich).
Bell & McCaffrey (2002), Bias Reduction in Standard Errors for Linear Regression with Multi-Stage
Samples (leverage and degrees of freedom). Differs: leverage is a number for each coefficient, where
theirs is a matrix.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from desirepath.methods.position_bias.base import FloatArray, IntArray, Propensities

__all__ = ["Contributions", "propensities_of", "student_quantile"]


class Contributions(NamedTuple):
    """What each unit (a pair, a leaf of a query) adds to the logarithms.

    Parameters
    ----------
    cluster : shape (n,)
        Of each unit.
    influence, variance : shape (n, K)
        By how much the unit moved each logarithm, and the variance of that by the model.
    """

    cluster: IntArray
    influence: FloatArray
    variance: FloatArray


def propensities_of(
    logs: FloatArray, contributions: Contributions, *, level: float, last_is_shared: bool
) -> Propensities:
    """Put intervals around estimates.

    Parameters
    ----------
    logs : shape (K,)
        Logarithms of the propensities; 0 at rank 1.
    """
    clusters, of_unit = np.unique(contributions.cluster, return_inverse=True)
    influence = _sums(contributions.influence, of_unit, len(clusters))
    variance = _sums(contributions.variance, of_unit, len(clusters))
    total = variance.sum(axis=0)
    shares = np.divide(variance, total, out=np.zeros_like(variance), where=total > 0.0)
    influence = influence / np.sqrt(np.maximum(1.0 - shares, _LEAST_REST))
    freedom = 1.0 / np.square(shares[:, 1:]).sum(axis=0) - 1.0
    freedom = np.concatenate([[freedom.max()], freedom])
    errors = np.sqrt(np.square(influence).sum(axis=0))
    reach = student_quantile((1.0 + level) / 2.0, freedom) * errors
    return Propensities(
        values=np.exp(logs),
        lower=np.exp(logs - reach),
        upper=np.exp(logs + reach),
        level=level,
        errors=errors,
        degrees_of_freedom=freedom,
        influence=influence,
        clusters=clusters,
        last_is_shared=last_is_shared,
    )


def student_quantile(probability: float, degrees_of_freedom: FloatArray) -> FloatArray:
    """The quantile of Student's distribution, from that of the normal one.

    To 1 % from three degrees of freedom on; exact for one and two, and between these by
    interpolating logarithms. Fewer than one are taken for one.

    Parameters
    ----------
    probability
        Above 0.5.
    degrees_of_freedom : shape (n,)

    References
    ----------
    Abramowitz & Stegun (1964), Handbook of Mathematical Functions, 26.7.5, four terms; one and
    two degrees have closed forms.

    Examples
    --------
    >>> student_quantile(0.975, np.array([5.0, 1e9])).round(3).tolist()
    [2.57, 1.96]
    """
    one = math.tan(math.pi * (probability - 0.5))
    two = (2.0 * probability - 1.0) / math.sqrt(2.0 * probability * (1.0 - probability))
    three = float(_expanded(probability, np.array(3.0)))
    few = np.exp(np.interp(degrees_of_freedom, [1.0, 2.0, 3.0], np.log([one, two, three])))
    many = _expanded(probability, np.maximum(degrees_of_freedom, 3.0))
    return np.where(degrees_of_freedom < 3.0, few, many)


_LEAST_REST = 0.05


def _expanded(probability: float, v: FloatArray) -> FloatArray:
    z = NormalDist().inv_cdf(probability)
    g1 = (z**3 + z) / 4
    g2 = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    g3 = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    g4 = (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92_160
    return np.asarray(z + g1 / v + g2 / v**2 + g3 / v**3 + g4 / v**4)


def _sums(values: FloatArray, group: IntArray, n_groups: int) -> FloatArray:
    """Sum the rows of each group, shape (n_groups, K)."""
    columns = [np.bincount(group, column, n_groups) for column in values.T]
    return np.stack(columns, axis=1)
