"""P24: migrations killed at every step, a newer schema, many processes at the first start."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.torture.durable_postgres import DurablePostgres
from tests.torture.harness import Server, query, run_command
from tests.torture.migrating import (
    kill_at_every_statement,
    kill_at_writes,
    newer_schema,
    refusal,
)
from tests.torture.nursery import Nursery

pytestmark = [pytest.mark.torture, pytest.mark.timeout(600)]


def test_a_killed_migration_of_a_file_is_run_again(
    tmp_path: Path, nursery: Nursery, figure: Callable[[str], None]
) -> None:
    databases = (f"sqlite:///{tmp_path}/{number}.db" for number in itertools.count())
    figure(kill_at_every_statement(nursery, databases))


@pytest.mark.needs_strace
def test_a_migration_of_a_file_that_is_killed_at_a_write_is_run_again(
    tmp_path: Path, nursery: Nursery, figure: Callable[[str], None]
) -> None:
    databases = (f"sqlite:///{tmp_path}/{number}.db" for number in itertools.count())
    figure(kill_at_writes(nursery, databases, tmp_path / "strace.log", step=6))


def test_a_killed_migration_on_postgres_is_run_again(
    durable_postgres: DurablePostgres, nursery: Nursery, figure: Callable[[str], None]
) -> None:
    with ExitStack() as stack:
        databases = (
            stack.enter_context(durable_postgres.database(migrated=False))
            for _ in itertools.count()
        )
        figure(kill_at_every_statement(nursery, databases))


@pytest.mark.parametrize("database", ["sqlite", "postgres"], indirect=True)
def test_a_newer_schema_is_refused(database: str, figure: Callable[[str], None]) -> None:
    with newer_schema(database):
        for command in (("serve", "--port", "0"), ("migrate",), ("doctor",), ("keys", "list")):
            said = refusal(*command, database=database)
            assert "newer" in said
    figure(said)
    run_command("migrate", "--check", database=database)


@pytest.mark.parametrize("database", ["sqlite", "postgres"], indirect=True)
def test_many_processes_may_be_the_first(
    database: str, nursery: Nursery, figure: Callable[[str], None]
) -> None:
    """Eight servers start at once on a database that nobody has used."""
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(Server, database, launch=nursery.launch) for _ in range(8)]
        servers, problems = [], []
        for future in futures:
            try:
                servers.append(future.result())
            except AssertionError as error:
                problems.append(str(error))
    for server in servers:
        server.close()
    assert not problems, f"{len(problems)} of 8 did not start: {problems[0]}"
    assert query(database, "SELECT count(*) FROM namespaces") == [(1,)]
    assert query(database, "SELECT count(*) FROM api_keys") == [(1,)]
    figure("8 servers started at once on a new database")


def test_many_migrations_at_once_are_one(
    durable_postgres: DurablePostgres, figure: Callable[[str], None]
) -> None:
    with durable_postgres.database(migrated=False) as database, ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(run_command, "migrate", database=database) for _ in range(4)]
        assert len({future.result() for future in futures}) == 1
    figure("4 migrations at once: one did it, all succeeded")
