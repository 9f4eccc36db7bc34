"""What units of an experiment say together."""

from __future__ import annotations

from typing import Any

import pytest

from desirepath.domain.experiment import Experiment, Mode
from desirepath.engine.comparing.results import About, ExperimentResult, result_of
from desirepath.engine.comparing.units import Earned, Unit
from desirepath.testing.clock import START


def a_unit(number: int = 0, **changes: Any) -> Unit:
    values: dict[str, Any] = {
        "coin": number % 2 == 0,
        "began_at": START + number,
        "ended_at": START + number + 1,
        "is_closed": True,
        "n_searches": 1,
        "n_failed": 0,
        "earned": (Earned(1, 1.0),),
    }
    return Unit(**(values | changes))


def said(*units: Unit, **experiment: Any) -> ExperimentResult:
    about = About(
        experiment_id="exp_1",
        experiment=Experiment(**({"mode": Mode.INTERLEAVE, "challenger": "ret_2"} | experiment)),
        retriever_id="ret_1",
        versions=(3, 4),
        is_on=True,
    )
    return result_of(about, units)


def test_where_units_are_lost_nothing_is_to_be_trusted() -> None:
    """500 sessions begin with the challenger's pick, and 300 with the live one's."""
    found = said(*[a_unit(number, coin=number % 8 < 5) for number in range(800)])
    assert found.sample_ratio.counts == [300, 500]
    assert found.sample_ratio.is_off
    assert found.words.startswith("Sides were seen 300 to 500")
    assert "trust no result" in found.words
    assert (found.outcome, found.may_stop) == (None, False)
    assert found.low > 0


def test_the_path_has_its_last_point_and_at_most_200() -> None:
    found = said(*[a_unit(number) for number in range(1_001)])
    assert len(found.path) == 200
    assert (found.path[0].n, found.path[-1].n) == (1, 1_001)
    assert found.path[-1].difference == pytest.approx(found.difference) == pytest.approx(1.0)
    assert found.path[-1].evidence_challenger > found.evidence_needed > 0
    assert found.path[-1].evidence_live < 0


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_the_path_of_a_split_is_in_rewards_too(share: float) -> None:
    units = [
        a_unit(n, coin=n % 10 < 10 * share, earned=(Earned(0, float(n % 4)),)) for n in range(200)
    ]
    found = said(*units, mode=Mode.SPLIT, share=share)
    assert found.n == found.n_closed == 200
    assert found.path[-1].difference == pytest.approx(found.difference)
    assert found.low < found.difference < found.high
    assert (found.live.version, found.challenger.version) == (3, 4)


def test_nobody_counts_for_more_than_ten_clicks_in_a_split() -> None:
    rich = [
        a_unit(n, earned=(Earned(0, 1e6 if n % 2 == 0 else 0.0),), began_at=START)
        for n in range(400)
    ]
    found = said(*rich, mode=Mode.SPLIT)
    assert found.difference == pytest.approx(10.0, abs=0.5)
    assert -20.0 <= found.low <= found.high <= 20.0


def test_no_units_say_nothing() -> None:
    found = said()
    assert (found.n, found.began_at, found.path) == (0, None, [])
    assert found.words == "Nothing is known yet: none of 0 sessions has an opinion."
