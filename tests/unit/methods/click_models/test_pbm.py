"""The scale of examination, and when it can be told from attractiveness."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from msgspec.structs import replace

from desirepath.methods.click_models.pbm import PBM, FittedPBM
from desirepath.methods.click_models.rates import Rates
from desirepath.methods.levels import FloatArray
from tests.unit.methods.click_models.worlds import (
    LENGTH,
    N_PAIRS,
    sessions_of,
    shuffled_lists,
    truths,
)


@pytest.mark.parametrize(
    "examination",
    [
        1.0 / np.arange(1, LENGTH + 1),
        1.0 / np.sqrt(np.arange(1, LENGTH + 1)),
        np.array([1.0, 0.9, 0.85, 0.8, 0.3, 0.28, 0.25, 0.2, 0.6, 0.5]),  # a page end, and a jump
    ],
    ids=["1/rank", "1/√rank", "not falling"],
)
@pytest.mark.parametrize(("n_sessions", "tolerance"), [(20_000, 0.03), (100_000, 0.015)])
def test_examination_of_simulated_people_is_recovered(
    examination: FloatArray, n_sessions: int, tolerance: float
) -> None:
    """Seed 5, each rank; the first one is examined by definition."""
    rng = np.random.default_rng(5)
    truth = FittedPBM(
        examination=examination, attractiveness=Rates.known(rng.beta(1.0, 3.0, N_PAIRS))
    )
    fitted = PBM().fit(truth.simulate(shuffled_lists(n_sessions, rng), rng))
    assert fitted.examination[0] == 1.0
    assert np.abs(fitted.examination - examination).max() < tolerance
    assert fitted.linked is not None
    assert fitted.linked.all()


def test_queries_that_come_a_few_times_do_not_lead_examination_astray(
    figure: Callable[[str], None],
) -> None:
    """20,000 sessions of 20,000 queries by Zipf's law, seed 10: most pairs come once."""
    rng = np.random.default_rng(10)
    lists = shuffled_lists(20_000, rng, n_queries=20_000, zipf=1.0)
    truth = truths(rng, lists.n_pairs)["pbm"]
    sessions = truth.simulate(lists, rng)
    examination = 1.0 / np.arange(1, LENGTH + 1)
    off = {
        often: float(np.abs(PBM(often=often).fit(sessions).examination - examination).mean())
        for often in (PBM().often, 0.0)
    }
    figure(f"examination off by, taught by pairs shown so often, 20,000 simulated sessions: {off}")
    assert off[PBM().often] < 0.02
    assert off[0.0] > 0.1


def test_where_nothing_is_shown_often_it_is_learned_from_less_and_that_is_said() -> None:
    """Pairs 0 and 1 change places seven times each; 2 and 3 below them once each, or not at all."""
    swap, swapped = [[0, 1]] * 7 + [[1, 0]] * 7, [[1, 0]] * 14
    assert PBM().fit(sessions_of(swap, swapped)).often == 10.0
    deeper = [[0, 1, 2, 3], [0, 2, 1, 3], [1, 0, 3, 2]]
    fitted = PBM().fit(sessions_of(swap + deeper, swapped + [[1, 0, 0, 0]] * 3))
    assert fitted.often == 2.5
    assert PBM(often=0.0).fit(sessions_of(swap, swapped)).often == 0.0


def test_deeper_ranks_are_looked_at_like_the_deepest() -> None:
    truth = FittedPBM(
        examination=np.array([1.0, 0.4]), attractiveness=Rates.known(np.array([0.5, 0.5, 0.5]))
    )
    assert truth.click_probabilities(sessions_of([[0, 1, 2]])).tolist() == [0.5, 0.2, 0.2]


def test_ranks_between_which_nothing_moves_are_not_linked() -> None:
    """Pairs 0 and 1 change places; pair 2 is always third, 3 and 4 change places below."""
    lists = [[0, 1, 2, 3, 4], [1, 0, 2, 4, 3]] * 50
    clicked = [[1, 0, 0, 1, 0], [0, 1, 1, 0, 0]] * 50
    fitted = PBM().fit(sessions_of(lists, clicked))
    assert fitted.linked is not None
    assert fitted.linked.tolist() == [True, True, False, False, False]


def test_links_may_go_by_way_of_others() -> None:
    """Pair 0 at ranks 1 and 3, pair 1 at 3 and 2, pair 2 at 2 and 4."""
    lists = [[0, 2, 1, 3], [4, 1, 0, 2]]
    linked = PBM().fit(sessions_of(lists, [[1, 0, 0, 0]] * 2)).linked
    assert linked is not None
    assert linked.tolist() == [True, True, True, True]


def test_without_a_first_rank_the_smallest_is_the_scale() -> None:
    rng = np.random.default_rng(6)
    sessions = truths(rng)["pbm"].simulate(shuffled_lists(2_000, rng), rng)
    page_two = replace(sessions, ranks=sessions.ranks + 10)
    first, second = PBM().fit(sessions), PBM().fit(page_two)
    assert second.examination[10:] == pytest.approx(first.examination)
    assert second.attractiveness.mean == pytest.approx(first.attractiveness.mean)
    assert second.linked is not None
    assert second.linked.tolist() == [False] * 10 + [True] * 10


def test_what_counts_nothing_does_not_deepen_the_list() -> None:
    deeper = sessions_of([[0, 1], [1, 0, 2]], [[1, 0], [0, 0, 1]], weights=[1.0, 0.0])
    assert len(PBM().fit(deeper).examination) == 2
