"""Intervals, from what each query contributed."""

from __future__ import annotations

import numpy as np
import pytest

from desirepath.methods.position_bias.intervals import (
    Contributions,
    propensities_of,
    student_quantile,
)


@pytest.mark.parametrize(
    ("probability", "freedom", "quantile"),
    [  # from a table of Student's distribution
        (0.975, 0.5, 12.706),  # taken for one
        (0.975, 1.0, 12.706),
        (0.975, 2.0, 4.303),
        (0.975, 3.0, 3.182),
        (0.975, 10.0, 2.228),
        (0.975, 30.0, 2.042),
        (0.95, 5.0, 2.015),
        (0.995, 10.0, 3.169),
        (0.9975, 20.0, 3.153),
        (0.975, 1e9, 1.960),
    ],
)
def test_quantiles_are_those_of_the_table(
    probability: float, freedom: float, quantile: float
) -> None:
    found = student_quantile(probability, np.array([freedom]))
    assert found.tolist() == pytest.approx([quantile], rel=0.01)


def test_the_variance_by_hand() -> None:
    """Two pairs of one query, one of another, each half of the expected variance.

    Contributions 0.3 - 0.1 and 0.4; each squared over 1 - 1/2; 1 / (1/4 + 1/4) - 1 = 1 degree.
    """
    contributions = Contributions(
        cluster=np.array([8, 8, 3]),
        influence=np.array([[0.0, 0.3], [0.0, -0.1], [0.0, 0.4]]),
        variance=np.array([[0.0, 0.01], [0.0, 0.03], [0.0, 0.04]]),
    )
    logs = np.array([0.0, -1.0])
    found = propensities_of(logs, contributions, level=0.95, last_is_shared=False)
    assert found.clusters.tolist() == [3, 8]
    assert found.errors.tolist() == pytest.approx([0.0, ((0.2**2 + 0.4**2) / 0.5) ** 0.5])
    assert found.degrees_of_freedom.tolist() == pytest.approx([1.0, 1.0])
    reach = 12.706 * found.errors[1]
    assert found.lower.tolist() == pytest.approx([1.0, np.exp(-1.0 - reach)], rel=0.001)
    assert found.upper.tolist() == pytest.approx([1.0, np.exp(-1.0 + reach)], rel=0.001)


def test_equal_queries_are_as_many_less_one_degrees() -> None:
    contributions = Contributions(
        cluster=np.arange(25), influence=np.ones((25, 2)), variance=np.ones((25, 2))
    )
    found = propensities_of(np.zeros(2), contributions, level=0.95, last_is_shared=True)
    assert found.degrees_of_freedom.tolist() == pytest.approx([24.0, 24.0])
