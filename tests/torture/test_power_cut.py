"""P2, P3: cut the power at each of 300 acknowledgements."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.torture.power_cut_runs import cut_power

pytestmark = [pytest.mark.torture, pytest.mark.needs_strace, pytest.mark.timeout(900)]

OFTEN = {"TORTURE_WAL_PAGES": "20"}
"""Checkpoints, which rewrite the file and start the log afresh, between most acknowledgements."""


@pytest.mark.parametrize("variables", [{}, OFTEN], ids=["as shipped", "checkpoints often"])
@pytest.mark.parametrize("harder", [False, True], ids=["unsynced dropped", "unsynced at random"])
def test_a_power_cut_at_any_acknowledgement_loses_nothing(
    variables: dict[str, str],
    harder: bool,
    tmp_path: Path,
    rng: random.Random,
    figure: Callable[[str], None],
) -> None:
    findings = cut_power(tmp_path, rng, 300, harder=harder, **variables)
    figure(str(findings))
    assert findings.n_cuts >= 300
    assert not findings.faults
    assert findings.n_cuts_with_loss == 0


def test_the_replay_notices_commits_that_do_not_wait_for_the_disk(
    tmp_path: Path, rng: random.Random, figure: Callable[[str], None]
) -> None:
    findings = cut_power(tmp_path, rng, 300, TORTURE_SYNCHRONOUS="NORMAL")
    figure(f"with synchronous=NORMAL, as it must: {findings}")
    assert findings.n_cuts_with_loss > findings.n_cuts // 2
    assert not findings.faults
