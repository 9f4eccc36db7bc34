"""What models add, by what products are really worth, which only the simulation knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from msgspec import Struct

from desirepath.methods.levels import FloatArray
from desirepath.testing.simulation.judging import Judge
from desirepath.testing.simulation.report import Estimate, mean_of
from desirepath.testing.simulation.running import Served
from desirepath.testing.simulation.shop import Shop

__all__ = ["Gain", "gain_of_ranker", "gain_of_recommender"]

_STRANGER = "nobody-who-came"


class Gain(Struct, frozen=True, kw_only=True):
    """nDCG@10 with a model and without, over the same searches or people.

    Parameters
    ----------
    over
        The one less the other, case by case.
    """

    n: int
    with_model: float
    without: float
    over: Estimate


def gain_of_ranker(served: Sequence[Served]) -> Gain:
    """Lists as a ranker ordered them, beside the same as fusion did."""
    return _gain(np.array([one.shown for one in served]), np.array([one.learned for one in served]))


def gain_of_recommender(shop: Shop, user_to_worth: Mapping[str, Mapping[str, float]]) -> Gain:
    """What is recommended to each, beside what is to somebody who was never there.

    Parameters
    ----------
    user_to_worth
        What each document is worth to somebody.
    """
    judge = Judge(
        {user_id: dict.fromkeys(worth, 1) for user_id, worth in user_to_worth.items()},
        {},
        lambda user_id, document_id: user_to_worth[user_id][document_id],
    )
    popular = shop.recommended(_STRANGER)
    return _gain(
        _values(judge.ndcg(user_id, shop.recommended(user_id)) for user_id in user_to_worth),
        _values(judge.ndcg(user_id, popular) for user_id in user_to_worth),
    )


def _values(values: Iterable[float]) -> FloatArray:
    return np.fromiter(values, dtype=np.float64)


def _gain(with_model: FloatArray, without: FloatArray) -> Gain:
    return Gain(
        n=len(with_model),
        with_model=float(with_model.mean()),
        without=float(without.mean()),
        over=mean_of(with_model - without),
    )
