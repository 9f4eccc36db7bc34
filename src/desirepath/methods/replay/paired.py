"""Whether two methods differ, case by case: the paired t-test."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from scipy import stats

from desirepath.methods.levels import FloatArray

__all__ = ["PairedTest", "paired_t"]

_LEVEL = 0.95
_POWER = 0.8


class PairedTest(Struct, frozen=True, kw_only=True):
    """A mean difference, and how sure it is.

    Parameters
    ----------
    n
        How many pairs.
    low, high
        The 95 % interval of the mean; None with fewer than two pairs, as the two below.
    p_value
        Of no difference, two-sided.
    detectable
        The difference that as many pairs of the same spread show at 5 % four times out of five.
    """

    n: int
    mean: float
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    detectable: float | None = None


def paired_t(differences: FloatArray) -> PairedTest:
    """Test differences of pairs against none.

    Pairs that do not differ at all have a p-value of 1, and such that all differ by the same of 0.

    Parameters
    ----------
    differences : shape (n,)
        Finite; independent of each other.

    References
    ----------
    Student (1908), The Probable Error of a Mean. For measures of rankings it errs no more often
    than it says, and agrees with randomisation: Smucker, Allan & Carterette (2007), A Comparison of
    Statistical Significance Tests for Information Retrieval Evaluation. ``detectable`` is by the
    normal approximation: ``(z(0.975) + z(0.8)) · s / √n``.

    Examples
    --------
    >>> test = paired_t(np.array([0.1, 0.3, 0.2, 0.2]))  # s² = 0.02/3, t = 0.2 / √(s²/4) = √24
    >>> round(test.p_value, 4), round(test.low, 4), round(test.high, 4)
    (0.0163, 0.0701, 0.3299)
    """
    n = len(differences)
    mean = float(np.mean(differences)) if n else 0.0
    if n < 2:
        return PairedTest(n=n, mean=mean)
    error = float(np.std(differences, ddof=1) / np.sqrt(n))
    if error <= 4 * np.finfo(float).eps * abs(mean):  # a spread of rounding errors
        p_value, reach = float(mean == 0.0), 0.0
    else:
        p_value = float(2 * stats.t.sf(abs(mean) / error, n - 1))
        reach = float(stats.t.ppf((1 + _LEVEL) / 2, n - 1)) * error
    factor = float(stats.norm.ppf((1 + _LEVEL) / 2) + stats.norm.ppf(_POWER))
    return PairedTest(
        n=n,
        mean=mean,
        low=mean - reach,
        high=mean + reach,
        p_value=p_value,
        detectable=factor * error,
    )
