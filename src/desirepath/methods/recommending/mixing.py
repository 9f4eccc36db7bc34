"""What fits one person, mixed with what is popular."""

from __future__ import annotations

from desirepath.methods.levels import FloatArray

__all__ = ["SHARES", "mixed"]

SHARES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
"""Shares of popularity to choose from."""


def mixed(scores: FloatArray, popularity: FloatArray, share: float) -> FloatArray:
    """Scores, and popularity for a share of them; each over its own largest.

    A method that knows little of a person says so by small differences, which chance decides: where
    a log shows few tastes, what everybody likes is the better guess.

    Parameters
    ----------
    scores, popularity : shape (n_documents,)
    share
        0 is the scores alone, 1 popularity alone.

    Examples
    --------
    >>> import numpy as np
    >>> mixed(np.array([0.0, 4.0, 2.0]), np.array([10.0, 0.0, 5.0]), 0.25).tolist()
    [0.25, 0.75, 0.5]
    """
    return (1 - share) * _over_largest(scores) + share * _over_largest(popularity)


def _over_largest(values: FloatArray) -> FloatArray:
    largest = float(values.max(initial=0.0))
    return values / largest if largest > 0 else values
