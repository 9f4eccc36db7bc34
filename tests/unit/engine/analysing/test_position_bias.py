"""Position bias of a log: simulated searches with a known truth, and logs that cannot say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from desirepath.analysis.engines import DuckDB
from desirepath.analysis.impressions import impressions
from desirepath.analysis.log import log_of
from desirepath.domain.acts import CLICKED
from desirepath.domain.grouping import Grouping
from desirepath.engine.analysing.comparing import Compared
from desirepath.engine.analysing.part import Part
from desirepath.engine.analysing.position_bias import position_bias, propensity_of
from desirepath.engine.analysing.position_rates import position_rates
from desirepath.testing.clicked_lists import (
    EXAMINATIONS,
    Traffic,
    simulate_clicks,
    simulate_lists,
)
from tests.unit.analysis.logs import Rows, duckdb, write_log

Ask = Callable[..., Part]


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[Ask]:
    """Give the part of the log that holds these rows."""
    with closing(duckdb(tmp_path)) as runner:

        def ask(**rows: Rows) -> Part:
            folder = write_log(
                tmp_path, **({"interactions": [], "executions": [], "returned": []} | rows)
            )
            return Part(log=_open(runner, folder), engine=runner)

        yield ask


def _open(runner: DuckDB, folder: Path) -> Any:
    interactions = runner.read(folder / "interactions")
    executions = runner.read(folder / "executions")
    returned = runner.read(folder / "returned")
    shown = impressions(interactions, executions, returned)
    return log_of(interactions, executions, returned, shown)


def simulated(
    shape: str, n_lists: int, seed: int, name: str = "", sampling: float = 0.5
) -> dict[str, Rows]:
    """A log of one device."""
    rng = np.random.default_rng(seed)
    lists = simulate_lists(n_lists, rng, Traffic(n_queries=200, sampling=sampling))
    clicked = simulate_clicks(lists, EXAMINATIONS[shape], rng)
    executions: Rows = []
    returned: Rows = []
    interactions: Rows = []
    for number, (query, shown, clicks) in enumerate(
        zip(lists.query.tolist(), lists.shown.tolist(), clicked.tolist(), strict=True)
    ):
        id = f"{name}{number}"
        executions.append(
            {
                "id": id.encode(),
                "execution_id": id,
                "occurred_at": number,
                "retriever_id": "ret_1",
                "query": f"q{query}",
                "n_documents": len(shown) + (5 if name == "phone" else 0),
                "metadata": f'{{"device":"{name}"}}' if name else None,
            }
        )
        for position, document in enumerate(shown):
            row = {"execution_id": id, "position": position, "document_id": f"d{document}"}
            returned.append(row)
            if clicks[position]:
                interactions.append(
                    row | {"id": f"{id}:{position}".encode(), "acts": CLICKED, "occurred_at": 0}
                )
    return {"executions": executions, "returned": returned, "interactions": interactions}


def test_the_truth_is_within_what_is_said(ask: Ask) -> None:
    """Simulation, seed 3, 8,000 searches of 10: three standard errors at every rank."""
    found = position_bias(ask(**simulated("1/√rank", 8_000, 3)))
    (group,) = found.groups
    assert (group.retriever_id, group.group, group.impressions) == ("ret_1", None, 80_000)
    truth = EXAMINATIONS["1/√rank"]
    for estimate in group.estimates:
        assert estimate.refusal is None
        for one, expected in zip(estimate.ranks, truth, strict=True):
            slack = (one.high - one.low) / 4
            assert one.low - slack <= expected <= one.high + slack
    naive = [rate.click_through.rate / group.rates[0].click_through.rate for rate in group.rates]
    assert abs(naive[9] - truth[9]) > 0.1  # what is not debiased is far off
    assert len(group.agreement) == 2


def test_click_through_without_what_position_does(ask: Ask) -> None:
    """Simulation, seed 3: within a tenth of the mean relevance of what stands at each rank."""
    part = ask(**simulated("1/√rank", 8_000, 3))
    found = position_rates(Compared(part=part), None, propensity_of(part))
    raw = [row.click_through.rate for row in found.results]
    debiased = [row.debiased.rate for row in found.results if row.debiased]
    assert len(debiased) == 10
    assert all(row.debiased.low < row.debiased.rate < row.debiased.high
               for row in found.results if row.debiased)  # fmt: skip
    rng = np.random.default_rng(3)
    lists = simulate_lists(8_000, rng, Traffic(n_queries=200, sampling=0.5))
    truth = lists.relevance[lists.shown].mean(axis=0)  # the ranker puts what is relevant first
    assert debiased == pytest.approx(truth.tolist(), rel=0.1)
    assert raw[9] < 0.4 * truth[9]
    assert propensity_of(ask()) is None


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"grouping": Grouping(by="metadata", path="device")}, {"phone", "desk"}),
        ({"by_length": True}, {"6 to 10 results", "11 to 20 results"}),
    ],
)
def test_groups_that_differ(ask: Ask, options: dict[str, Any], names: set[str]) -> None:
    """Simulation, seeds 1 and 2: phones forget what is far down."""
    phone, desk = simulated("1/rank", 5_000, 1, "phone"), simulated("flat", 5_000, 2, "desk")
    both = {table: phone[table] + desk[table] for table in phone}
    found = position_bias(ask(**both), **options)
    assert {group.group for group in found.groups} == names
    assert any("differ" in sentence for sentence in found.differences)


def test_documents_that_never_move_say_nothing(ask: Ask) -> None:
    """Simulation, seed 5; the ranker is the same in every search."""
    found = position_bias(ask(**simulated("1/rank", 2_000, 5, sampling=0.0)))
    (group,) = found.groups
    estimate = group.estimates[0]
    assert estimate.ranks == ()
    assert estimate.refusal
    assert estimate.needed is not None
    assert estimate.found is not None
    assert estimate.needed > estimate.found


def test_of_nothing(ask: Ask) -> None:
    found = position_bias(ask())
    assert found.groups == ()
    assert found.note is not None


def test_of_one_search(ask: Ask) -> None:
    found = position_bias(ask(**simulated("1/rank", 1, 1)))
    assert all(estimate.refusal for estimate in found.groups[0].estimates)


def test_without_queries_documents_are_what_is_alike(ask: Ask) -> None:
    log = simulated("1/√rank", 4_000, 7)
    for row in log["executions"]:
        row["query"] = None
    (group,) = position_bias(ask(**log)).groups
    assert group.estimates[0].ranks
