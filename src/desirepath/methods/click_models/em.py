"""Expectation maximisation, with longer strides where its own steps would take for ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from desirepath.methods.levels import FloatArray

__all__ = ["Converged", "EMStep", "Progress", "Step", "maximize"]


class EMStep(NamedTuple):
    """Where a fit has got to.

    Parameters
    ----------
    number
        Steps of expectation maximisation so far; a stride has three.
    objective
        What is maximised, where the stride began: log-likelihood and log-prior in nats. It never
        falls.
    change
        The largest change of a parameter in this stride.
    """

    number: int
    objective: float
    change: float


Progress = Callable[[EMStep], None]
Step = Callable[[FloatArray], tuple[FloatArray, float]]
"""From parameters in (0, 1) to likelier ones, and the objective of those before."""


class Converged(NamedTuple):
    """Parameters at the end, and whether they stood still (or the steps ran out)."""

    parameters: FloatArray
    n_steps: int
    is_converged: bool


def maximize(
    step: Step,
    parameters: FloatArray,
    tolerance: float,
    most_steps: int,
    progress: Progress | None = None,
) -> Converged:
    """Stride until no parameter changes by more than the tolerance, or for so many steps.

    A stride is two steps, from which it is guessed where they lead to, and a third one from there.
    If the guess is less likely than the first step was, the second step is taken instead, so that
    the objective never falls.

    References
    ----------
    Varadhan & Roland (2008), Simple and Globally Convergent Methods for Accelerating the
    Convergence of Any EM Algorithm: SQUAREM with step length S3. Differs: a parameter that the
    guess would take out of (0, 1) stays with the second step.
    """
    n_steps = 0
    while n_steps < most_steps:
        first, objective = step(parameters)
        second, at_first = step(first)
        third, at_guess = step(_guess(parameters, first, second))
        end = third if at_guess >= at_first else second
        n_steps += 3
        change = float(np.abs(end - parameters).max(initial=0.0))
        parameters = end
        if progress is not None:
            progress(EMStep(n_steps, objective, change))
        if change <= tolerance:
            return Converged(parameters, n_steps, True)
    return Converged(parameters, n_steps, False)


def _guess(before: FloatArray, first: FloatArray, second: FloatArray) -> FloatArray:
    """Where steps that shrink like these two would end."""
    move = first - before
    bend = second - first - move
    length = np.linalg.norm(bend)
    stride = max(1.0, float(np.linalg.norm(move) / length)) if length > 0 else 1.0
    guess = before + 2.0 * stride * move + stride**2 * bend
    inside = (guess > 0.0) & (guess < 1.0)
    return np.where(inside, guess, second)
