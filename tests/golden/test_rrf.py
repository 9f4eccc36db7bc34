"""Reciprocal rank fusion by arithmetic.

Cormack, Clarke & Büttcher (SIGIR 2009), section 2: RRFscore(d) = Σ 1 / (k + r(d)), k = 60, ranks
from 1, over the rankings that have d.
"""

from __future__ import annotations

import numpy as np
import pytest

from desirepath.methods.fusion.base import fuse
from desirepath.methods.fusion.candidates import FoundList, gather
from desirepath.methods.fusion.rrf import rrf


def test_three_rankings() -> None:
    lists = [
        FoundList(document_ids=["A", "B", "C"], scores=[3.0, 2.0, 1.0]),
        FoundList(document_ids=["B", "D"], scores=[0.9, 0.1]),
        FoundList(document_ids=["C", "A", "B"], scores=[9.0, 8.0, 7.0]),
    ]
    fused = fuse(gather(lists), rrf, np.ones(3))
    assert fused.document_ids == ["B", "A", "C", "D"]
    assert fused.scores.tolist() == pytest.approx(
        [
            1 / (60 + 2) + 1 / (60 + 1) + 1 / (60 + 3),
            1 / (60 + 1) + 1 / (60 + 2),
            1 / (60 + 3) + 1 / (60 + 1),
            1 / (60 + 2),
        ],
        rel=1e-15,
    )


def test_weights_scale_what_a_ranking_gives() -> None:
    lists = [
        FoundList(document_ids=["A", "B"], scores=[2.0, 1.0]),
        FoundList(document_ids=["B", "A"], scores=[2.0, 1.0]),
    ]
    fused = fuse(gather(lists), rrf, np.array([0.25, 1.0]))
    assert fused.document_ids == ["B", "A"]
    assert fused.scores.tolist() == pytest.approx([0.25 / 62 + 1 / 61, 0.25 / 61 + 1 / 62])
