"""Blocks of a simulation: their means, intervals and gains."""

from __future__ import annotations

import numpy as np
import pytest

from desirepath.testing.simulation.report import blocks_of, mean_of
from desirepath.testing.simulation.running import Served


def served(n: int, learned: float = 0.6) -> list[Served]:
    return [
        Served(shown=0.7, learned=learned, rrf=0.4, uniform=0.5, oracle=0.8, clicks=number % 2)
        for number in range(n)
    ]


@pytest.mark.parametrize(("n", "n_blocks"), [(80, 8), (13, 8), (3, 8), (1, 8)])
def test_blocks_are_whole_and_in_order(n: int, n_blocks: int) -> None:
    blocks = blocks_of(served(n), n_blocks)
    assert len(blocks) == min(n, n_blocks)
    assert [block.first for block in blocks] == [1, *(block.last + 1 for block in blocks[:-1])]
    assert blocks[-1].last == n
    sizes = [block.last - block.first + 1 for block in blocks]
    assert max(sizes) - min(sizes) <= 1


def test_a_block_says_what_was_gained() -> None:
    (block,) = blocks_of(served(10), 1)
    assert (block.rrf, block.uniform, block.oracle) == pytest.approx((0.4, 0.5, 0.8))
    assert block.over_rrf.mean == pytest.approx(0.2)
    assert block.over_uniform.mean == pytest.approx(0.1)
    assert block.gap_closed == pytest.approx(0.5)
    assert block.click_rate == pytest.approx(0.5)


def test_without_a_gap_none_is_closed() -> None:
    same = Served(shown=0.5, learned=0.5, rrf=0.5, uniform=0.5, oracle=0.5, clicks=0)
    assert blocks_of([same], 1)[0].gap_closed is None


def test_an_interval_holds_the_mean_of_most_samples() -> None:
    """Of 200 samples of 60 coins (seed 3), about 95 % of intervals hold the truth."""
    rng = np.random.default_rng(3)
    found = [mean_of((rng.random(60) < 0.3).astype(float)) for _ in range(200)]
    held = np.mean([one.low <= 0.3 <= one.high for one in found])
    assert 0.88 <= held <= 0.99
