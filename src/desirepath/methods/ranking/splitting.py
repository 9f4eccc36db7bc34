"""Lists to learn from and later ones to be measured on."""

from __future__ import annotations

import numpy as np

from desirepath.errors import InvalidSetting
from desirepath.methods.ranking.matrix import Matrix

__all__ = ["split_by_time"]


def split_by_time(matrix: Matrix, later_share: float) -> tuple[Matrix, Matrix]:
    """The lists of the earlier time, and those of the later.

    A list is in one of the two, and lists of the same moment are together, in the later one: so
    that has at least the share that was asked for.

    Parameters
    ----------
    later_share
        Which share of the lists is later; between 0 and 1.

    Raises
    ------
    InvalidSetting
        The share is none.
    """
    if not 0 < later_share < 1:
        raise InvalidSetting("A share of lists lies between 0 and 1.", ("test_share",))
    n = matrix.n_lists
    n_earlier = int(np.floor(n * (1 - later_share)))
    cut = matrix.times[n_earlier] if n_earlier < n else 0
    is_earlier = matrix.times < cut
    return matrix.part(is_earlier), matrix.part(~is_earlier)
