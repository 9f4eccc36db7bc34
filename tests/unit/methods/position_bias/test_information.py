"""Ranks and leaves solved together."""

from __future__ import annotations

import numpy as np
import pytest

from desirepath.methods.position_bias.information import Information

RNG = np.random.default_rng(3)
BOTH = RNG.uniform(0.1, 1.0, (5, 4))
LEAVES = BOTH.sum(axis=1) + 1.0
RANKS = np.diag(BOTH.sum(axis=0) + 1.0)
INFORMATION = Information(ranks=RANKS, both=BOTH, leaves=LEAVES)
WHOLE = np.block([[RANKS, BOTH.T], [BOTH, np.diag(LEAVES)]])[1:, 1:]  # rank 1 is held fast


def test_it_is_the_inverse_of_the_whole_matrix() -> None:
    inverse = np.linalg.inv(WHOLE)
    of_rank, of_leaf = INFORMATION.solved()
    assert of_rank[1:, 1:] == pytest.approx(inverse[:3, :3])
    assert pytest.approx(inverse[:3, 3:]) == of_leaf[:, 1:].T
    assert not of_rank[0].any()
    assert not of_rank[:, 0].any()
    assert not of_leaf[:, 0].any()


def test_a_step_solves_the_whole_system() -> None:
    score = RNG.normal(size=9)
    ranks, leaves = INFORMATION.step(score[:4], score[4:])
    assert ranks[0] == 0.0
    assert WHOLE @ np.concatenate([ranks[1:], leaves]) == pytest.approx(score[1:])


def test_a_leaf_that_says_nothing_changes_nothing() -> None:
    more = Information(
        ranks=RANKS, both=np.vstack([BOTH, np.zeros(4)]), leaves=np.append(LEAVES, 0.0)
    )
    assert more.solved().of_rank == pytest.approx(INFORMATION.solved().of_rank)
    assert more.solved().of_leaf[-1].tolist() == [0.0] * 4
