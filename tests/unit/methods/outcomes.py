"""Lists and what people did with them, for hypothesis and for a seed."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from desirepath.methods.bandits.base import REWARD_UNIT, ListOutcome
from desirepath.methods.levels import SCALE

REWARDS = (0, REWARD_UNIT, 200_000, 5 * REWARD_UNIT, -300_000, -2 * REWARD_UNIT)


def random_outcome(
    rng: np.random.Generator, n_features: int = 3, n_documents: int | None = None
) -> ListOutcome:
    n = int(rng.integers(1, 15)) if n_documents is None else n_documents
    return ListOutcome(
        levels=rng.integers(0, SCALE + 1, (n, n_features)).astype(np.uint16),
        rewards=rng.choice(np.array(REWARDS), n),
        first_position=int(rng.integers(0, 3)) * 10,
        credited=rng.integers(-1, n_features, n),
    )


@st.composite
def outcomes(draw: st.DrawFn, n_features: int | None = None) -> ListOutcome:
    features = draw(st.integers(1, 5)) if n_features is None else n_features
    seed = draw(st.integers(0, 2**32 - 1))
    return random_outcome(np.random.default_rng(seed), features)
