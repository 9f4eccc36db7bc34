"""The long forms of what is said of interleaving: false alarms, and sessions until a winner.

All of it is a simulation.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from msgspec.structs import replace
from scipy.stats import beta

from desirepath.methods.levels import FloatArray
from tests.interleaved_shop import MEASURES, Traffic, alarms, decided_at, make_rankings

_RUNS = 500
_SESSIONS = 1_000
_AT_MOST = 10_000


@pytest.mark.torture
def test_of_500_experiments_between_equals_few_alarm(figure: Callable[[str], None]) -> None:
    """Shoppers of the shop, looked at after each of 1,000 sessions; seeds 0 to 499.

    The two are alike as each session tosses which of them is called the challenger, or as both
    sides of a split see the same lists.
    """
    rankings = make_rankings(0, better=1.0)
    same = replace(rankings, challenger=rankings.live)
    runs: dict[str, list[FloatArray]] = {
        "interleaved": [],
        **{f"split by {name}": [] for name in MEASURES},
    }
    for seed in range(_RUNS):
        traffic = Traffic(seed)
        runs["interleaved"].append(traffic.credits(rankings, _SESSIONS, exchanged=True))
        for name, values in traffic.differences(same, _SESSIONS).items():
            runs[f"split by {name}"].append(values)
    for name, series in runs.items():
        told, naive = alarms(np.array(series))
        highest = float(beta.ppf(0.99, told + 1, _RUNS - told))
        figure(f"{name}: {told} of {_RUNS} alarmed, {highest:.1%} at most (99 %); z-test {naive}")
        assert highest <= 0.05


@pytest.mark.torture
def test_interleaving_needs_a_tenth_of_the_sessions_of_a_split(
    figure: Callable[[str], None],
) -> None:
    """Fifty pairs of retrievers, the challenger's nDCG@10 5 % better; seeds 0 to 49.

    Users differ in how readily they click and come some four times each; a split counts each once.
    A split is watched for ten times the sessions that interleaving needs in the median: where more
    than half of the splits are undecided by then, their median is above that.
    """
    pairs = [make_rankings(seed) for seed in range(50)]
    traffics = [Traffic(seed) for seed in range(50)]
    found = [
        decided_at(one.credits(pair, _AT_MOST)) for one, pair in zip(traffics, pairs, strict=True)
    ]
    median = float(np.median([n or np.inf for n, _ in found]))
    right = sum(is_challenger for _, is_challenger in found)
    wrong = sum(n is not None and not is_challenger for n, is_challenger in found)
    figure(
        f"interleaved: {median:,.0f} sessions in the median; within {_AT_MOST:,}, {right} of 50 "
        f"found the winner and {wrong} took the loser for it"
    )
    told = dict.fromkeys(MEASURES, 0)
    for one, pair in zip(traffics, pairs, strict=True):
        for name, values in one.differences(pair, int(10 * median)).items():
            told[name] += decided_at(values)[0] is not None
    for name, n in told.items():
        figure(f"split by {name}: {n} of 50 decided by {10 * median:,.0f} sessions")
    assert right >= 40
    assert wrong == 0
    assert max(told.values()) < 25
