"""Power cuts, failing disks, locks, backups, erasure and migrations of a file (quick)."""

from __future__ import annotations

import asyncio
import functools
import itertools
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.torture.backing_up import back_up_under_load
from tests.torture.disk_faults import SYNC, survive_failing_calls
from tests.torture.erasing import erase_under_load, files_of, places
from tests.torture.harness import launch_process
from tests.torture.locks import outlast_a_lock
from tests.torture.migrating import kill_at_every_statement, newer_schema, refusal
from tests.torture.nursery import Nursery
from tests.torture.power_cut_runs import cut_power


@pytest.mark.needs_strace
def test_a_power_cut_at_any_acknowledgement_loses_nothing(
    tmp_path: Path, rng: random.Random, figure: Callable[[str], None]
) -> None:
    findings = cut_power(tmp_path, rng, 30, harder=True)
    figure(str(findings))
    assert findings.n_cuts >= 30
    assert findings.n_cuts_with_loss == 0
    assert not findings.faults


@pytest.mark.needs_strace
def test_the_replay_notices_commits_that_do_not_wait_for_the_disk(
    tmp_path: Path, rng: random.Random, figure: Callable[[str], None]
) -> None:
    findings = cut_power(tmp_path, rng, 30, TORTURE_SYNCHRONOUS="NORMAL")
    figure(f"with synchronous=NORMAL, as it must: {findings}")
    assert findings.n_cuts_with_loss > findings.n_cuts // 2


@pytest.mark.needs_strace
@pytest.mark.parametrize(
    ("fault", "error_status"),
    [(f"{SYNC}:error=EIO:when=5..9", 503), ("pwrite64:error=ENOSPC:when=60..64", 507)],
    ids=["sync EIO", "write ENOSPC"],
)
def test_a_failing_disk_never_gets_a_promise(
    fault: str,
    error_status: int,
    sqlite: str,
    tmp_path: Path,
    rng: random.Random,
    figure: Callable[[str], None],
) -> None:
    log = tmp_path / "strace.log"
    run = survive_failing_calls(sqlite, rng, log, fault, n_faults=5, error_status=error_status)
    figure(asyncio.run(run))


def test_a_lock_that_somebody_holds_is_answered_with_503(
    sqlite: str, rng: random.Random, figure: Callable[[str], None]
) -> None:
    launch = functools.partial(launch_process, module="tests.torture.altered_server")
    run = outlast_a_lock(sqlite, rng, launch, seconds=1.5, TORTURE_BUSY_SECONDS="0.5")
    figure(asyncio.run(run))


def test_a_backup_under_load_has_everything_acknowledged_before(
    sqlite: str,
    tmp_path: Path,
    rng: random.Random,
    nursery: Nursery,
    figure: Callable[[str], None],
) -> None:
    figure(asyncio.run(back_up_under_load(sqlite, tmp_path / "copy", rng, nursery.launch)))


def test_no_byte_of_an_erased_user_is_left_in_a_file(
    sqlite: str, rng: random.Random, nursery: Nursery, figure: Callable[[str], None]
) -> None:
    run = erase_under_load(sqlite, rng, nursery.launch, n_rows=8_000, one_in=4)
    _, line = asyncio.run(run)
    figure(line)
    assert places(files_of(sqlite)) == {}


def test_a_killed_migration_is_run_again(
    tmp_path: Path, nursery: Nursery, figure: Callable[[str], None]
) -> None:
    databases = (f"sqlite:///{tmp_path}/{number}.db" for number in itertools.count())
    figure(kill_at_every_statement(nursery, databases, step=9))


def test_a_newer_schema_is_refused(sqlite: str, figure: Callable[[str], None]) -> None:
    with newer_schema(sqlite):
        said = refusal("serve", "--port", "0", database=sqlite)
    assert "newer" in said
    figure(said)
