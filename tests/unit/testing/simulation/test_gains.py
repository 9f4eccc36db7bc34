"""What a model adds is the difference, case by case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest

from desirepath.testing.simulation.gains import gain_of_ranker, gain_of_recommender
from desirepath.testing.simulation.running import Served
from desirepath.testing.simulation.shop import Shop


def test_a_ranker_adds_what_it_shows_better_than_fusion() -> None:
    served = [
        Served(shown=0.9, learned=learned, rrf=0.1, uniform=0.1, oracle=0.8, clicks=0)
        for learned in (0.4, 0.6)
    ]
    gain = gain_of_ranker(served)
    assert gain.n == 2
    assert gain.with_model == pytest.approx(0.9)
    assert gain.without == pytest.approx(0.5)
    assert gain.over.mean == pytest.approx(0.4)
    assert gain.over.low <= gain.over.mean <= gain.over.high


class _TwoTastes:
    """A shop that recommends what it was told to; whoever it does not know gets what is popular."""

    def recommended(self, user_id: str) -> Sequence[str]:
        return {"ada": ["tent", "mug"], "bob": ["mug", "tent"]}.get(user_id, ["mug", "tent"])


def test_a_recommender_is_judged_by_what_documents_are_worth_to_each() -> None:
    worth = {"ada": {"tent": 3.0, "mug": 0.0}, "bob": {"tent": 0.0, "mug": 2.0}}
    gain = gain_of_recommender(cast("Shop", _TwoTastes()), worth)
    assert gain.n == 2
    assert gain.with_model == pytest.approx(1.0)
    assert gain.without == pytest.approx((1.0 + 0.6309) / 2, abs=1e-4)
