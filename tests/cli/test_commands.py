"""The commands as a person types them: what they print, and the exit code."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from click.testing import CliRunner, Result

import desirepath
from desirepath.api.in_process import Desirepath
from desirepath.cli import main
from desirepath.engine.engine import Engine
from desirepath.engine.recording import RecordingRules
from desirepath.storage.open import open_storage
from desirepath.testing.clock import TestingClock

Run = Callable[..., Result]


LOOKS = (
    ["doctor"],
    ["report"],
    ["keys", "list"],
    ["keys", "revoke", "key_1"],
    ["namespaces", "list"],
    ["namespaces", "delete", "shop", "--yes"],
    ["namespaces", "retention", "shop", "3"],
    ["export", "x.jsonl"],
    ["backup", "copy.db"],
    ["erase", "--user", "kim"],
    ["rebuild", "shop"],
    ["migrate", "--check"],
)


@pytest.fixture
def database(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'log.db'}"
    desirepath.open(url).close()
    return url


@pytest.fixture
def run(database: str) -> Run:
    def invoke(*arguments: str, code: int = 0, **options: Any) -> Result:
        result = CliRunner().invoke(
            main, [*arguments, "--database", database], env={"DESIREPATH_CONFIG": ""}, **options
        )
        assert result.exit_code == code, result.output
        return result

    return invoke


def test_a_key_is_shown_once_and_listed_without_its_secret(run: Run) -> None:
    made = json.loads(run("keys", "create", "--kind", "read", "--name", "report", "--json").stdout)
    listed = run("keys", "list", "--json").stdout
    assert made["key"].startswith("dp_read_")
    assert made["key"] not in listed
    (row,) = json.loads(listed)
    assert row["key_id"] == made["key_id"]
    assert (row["kind"], row["namespace"], row["name"]) == ("read", "default", "report")


def test_a_revoked_key_cannot_be_revoked_again(run: Run) -> None:
    key_id = json.loads(run("keys", "create", "--json").stdout)["key_id"]
    run("keys", "revoke", key_id)
    assert json.loads(run("keys", "list", "--json").stdout)[0]["revoked_at"] is not None
    assert "There is no live key" in run("keys", "revoke", key_id, code=1).output


def test_a_key_for_an_unknown_namespace_is_refused(run: Run) -> None:
    assert (
        "There is no namespace nowhere"
        in run("keys", "create", "--namespace", "nowhere", code=1).output
    )


def test_namespaces_come_and_go(run: Run) -> None:
    run("namespaces", "create", "shop", "--retention-days", "30")
    rows = {row["name"]: row for row in json.loads(run("namespaces", "list", "--json").stdout)}
    assert rows["shop"]["retention_days"] == 30
    run("namespaces", "retention", "shop", "0")
    run("namespaces", "create", "shop", code=1)
    run("namespaces", "delete", "shop", "--yes")
    assert [row["name"] for row in json.loads(run("namespaces", "list", "--json").stdout)] == [
        "default"
    ]


@pytest.mark.parametrize("name", ["", " ", " shop", "ns_1", "Läden", "a\nb", "n" * 257])
def test_a_name_that_no_header_can_carry_is_refused(run: Run, name: str) -> None:
    assert "name is" in run("namespaces", "create", name, code=1).output.lower()
    assert len(json.loads(run("namespaces", "list", "--json").stdout)) == 1


def test_a_deleted_namespace_leaves_nothing_to_the_next(run: Run, database: str) -> None:
    """Not even a row that another process recorded while it was being deleted."""
    run("namespaces", "create", "shop")
    with desirepath.open(database) as here:
        shop = here.namespace("shop")
        run("namespaces", "delete", "shop", "--yes")
        shop.interactions.create(feature_id="d", interaction_type=["click"], position=0)
    run("namespaces", "create", "other")
    with desirepath.open(database) as here:
        assert here.namespace("other").interactions.list()["results"] == []


def test_the_default_namespace_stays(run: Run) -> None:
    assert "stays" in run("namespaces", "delete", "default", "--yes", code=1).output


def test_deleting_a_namespace_asks_first(run: Run) -> None:
    run("namespaces", "create", "shop")
    run("namespaces", "delete", "shop", code=1, input="n\n")
    assert "shop" in run("namespaces", "list").output


def test_an_erased_user_is_gone_and_stays_out_of_imports(run: Run, database: str) -> None:
    with desirepath.open(database) as here:
        kept = here.interactions.create(
            feature_id="d", interaction_type=["click"], position=0, user_id="kim"
        )
        here.interactions.create(
            feature_id="d", interaction_type=["click"], position=0, user_id="lee"
        )
    erased = json.loads(run("erase", "--user", "lee", "--json").stdout)
    assert erased == {"interactions": 1, "executions": 0, "rejections": 0}
    with desirepath.open(database) as here:
        (left,) = here.interactions.list()["results"]
    assert left["interaction_id"] == kept["interaction_id"]


@pytest.mark.parametrize("user", ["", " ", "u" * 257])
def test_a_user_that_cannot_be_is_not_erased(run: Run, user: str) -> None:
    assert "user_id is" in run("erase", "--user", user, code=1).output


def test_a_backup_holds_what_was_acknowledged(run: Run, database: str, tmp_path: Path) -> None:
    with desirepath.open(database) as here:
        made = here.interactions.create(feature_id="d", interaction_type=["click"], position=0)
    target = tmp_path / "copy.db"
    run("backup", str(target))
    with desirepath.open(f"sqlite:///{target}") as copy:
        assert copy.interactions.get(made["interaction_id"])["feature_id"] == "d"
    assert "new file" in run("backup", str(target), code=1).output
    again = json.loads(run("backup", str(tmp_path / "again.db"), "--json").stdout)
    assert again["size_bytes"] == (tmp_path / "again.db").stat().st_size


def test_a_backup_to_a_folder_that_is_not_there(run: Run, tmp_path: Path) -> None:
    assert "There is no folder" in run("backup", str(tmp_path / "a" / "b.db"), code=1).output


def diagnosis(database: str) -> tuple[int, dict[str, Any], list[str]]:
    """The exit code, the facts and the problems that a doctor finds."""
    result = CliRunner().invoke(main, ["doctor", "--json", "--database", database])
    found = json.loads(result.stdout)
    assert (result.exit_code == 4) == bool(found["problems"])
    assert result.exit_code in (0, 4)
    return result.exit_code, found["facts"], found["problems"]


def test_doctor_says_what_a_write_is_worth(database: str) -> None:
    _, facts, problems = diagnosis(database)
    assert facts["durability"] == "journal_mode=wal synchronous=FULL"
    assert facts["desirepath"] == desirepath.__version__
    assert facts["size_bytes"] > 0
    assert facts["free_bytes"] > 0
    assert facts["bytes_per_day"] is None
    assert facts["clock_ahead_seconds"] < 1
    assert not any("power cut" in problem or "clock" in problem for problem in problems)


def test_doctor_finds_a_database_that_does_not_sync(postgres_url: str) -> None:
    """The one of the tests, whose commits need not reach a disk."""
    code, facts, problems = diagnosis(postgres_url)
    assert code == 4
    assert "fsync=off" in facts["durability"]
    assert "power cut" in problems[0]
    assert "power cut" in run_plainly("doctor", postgres_url, code=4)


def test_doctor_finds_a_clock_that_was_set_back(database: str) -> None:
    record_at(database, time.time() + 3600)
    code, facts, problems = diagnosis(database)
    assert code == 4
    assert 3500 < facts["newest_ahead_seconds"] <= 3600
    assert any("set back" in problem for problem in problems)


def test_doctor_says_for_how_long_there_is_room(database: str) -> None:
    record_at(database, time.time() - 10 * 86_400)
    _, facts, _ = diagnosis(database)
    assert facts["bytes_per_day"] == pytest.approx(facts["size_bytes"] / 10, rel=0.01)
    expected = facts["free_bytes"] / facts["bytes_per_day"]
    assert facts["days_until_full"] == pytest.approx(expected)
    assert "no estimate" not in run_plainly("doctor", database, code=None)


def record_at(database: str, seconds: float) -> None:
    """Record something when a clock showed another time."""
    clock = TestingClock(int(seconds * 1e6))
    with (
        closing(open_storage(database, clock)) as storage,
        closing(Engine(storage, clock, RecordingRules())) as engine,
    ):
        Desirepath(engine).interactions.create(
            feature_id="d", interaction_type=["click"], position=0
        )


def run_plainly(command: str, database: str, code: int | None) -> str:
    result = CliRunner().invoke(main, [command, "--database", database])
    assert code in (None, result.exit_code), result.output
    return result.output


def test_a_public_key_is_said_to_do_nothing_yet(run: Run) -> None:
    assert "nothing" in run("keys", "create", "--kind", "public").stderr
    assert "nothing" not in run("keys", "create", "--kind", "server").stderr
    assert "may do nothing yet" in " ".join(CliRunner().invoke(main, ["keys"]).output.split())


@pytest.mark.parametrize("command", LOOKS, ids=" ".join)
def test_a_database_that_is_not_there_is_not_made_by_a_look(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, [*command, "--database", "sqlite:///typo.db"])
    assert result.exit_code == 1
    assert "There is no database" in result.output
    assert "typo.db" in result.output
    assert list(tmp_path.iterdir()) == []


def test_commands_that_put_something_in_make_the_database(tmp_path: Path) -> None:
    for number, command in enumerate((["keys", "create"], ["namespaces", "create", "s"])):
        path = tmp_path / f"{number}.db"
        result = CliRunner().invoke(main, [*command, "--database", f"sqlite:///{path}"])
        assert result.exit_code == 0, result.output
        assert path.exists()


def test_migrate_says_that_the_schema_is_current(run: Run) -> None:
    assert "up to date" in run("migrate").output
    for check in ([], ["--check"]):
        said = json.loads(run("migrate", "--json", *check).stdout)
        assert (said["needed"], len(said["schema"])) == (False, 4)


def test_migrate_check_says_what_is_needed(empty_postgres_url: str) -> None:
    for options, said in (([], "migrate --database"), (["--json"], '{"needed": true}')):
        command = ["migrate", "--check", *options, "--database", empty_postgres_url]
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 1
        assert said in result.stdout


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        main, ["doctor", "--database", f"sqlite:///{tmp_path}/nowhere/log.db"]
    )
    assert result.exit_code == 1
    assert "There is no folder" in result.output


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["doctor", "--database", f"sqlite:///{tmp_path}"])
    assert result.exit_code == 1
    assert "is a folder" in result.output


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://user:hush@127.0.0.1:1/log", "refused"),
        ("postgresql://user:hush@nowhere.invalid/log", "resolve"),
        ("postgresql://user:hush@localhost:port/log", "postgresql://user:password@host:5432/name"),
        ("postgresql://user:hush@localhost/log?colour=red", "options of libpq"),
    ],
)
def test_a_postgresql_that_cannot_be_used_says_why(url: str, said: str) -> None:
    result = CliRunner().invoke(main, ["doctor", "--database", url])
    assert result.exit_code == 1
    assert said in result.output
    assert "hush" not in result.output


def test_a_database_that_postgresql_does_not_have_is_named(postgres_url: str) -> None:
    url = urlunsplit(urlsplit(postgres_url)._replace(path="/no_such_database"))
    result = CliRunner().invoke(main, ["doctor", "--database", url])
    assert result.exit_code == 1
    assert 'database "no_such_database" does not exist' in result.output


def test_an_unknown_database_names_the_known_ones() -> None:
    result = CliRunner().invoke(main, ["doctor", "--database", "mysql://here"])
    assert result.exit_code == 1
    assert "sqlite:///" in result.output
    assert "postgresql://" in result.output


def test_a_wrong_setting_is_named_with_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESIREPATH_PORT", "ninety")
    result = CliRunner().invoke(main, ["serve"])
    assert result.exit_code == 1
    assert "DESIREPATH_PORT" in result.output


def test_a_wrong_line_of_the_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('port = "ninety"\n')
    result = CliRunner().invoke(main, ["doctor", "--config", str(file)])
    assert result.exit_code == 1
    assert "settings.toml: port: " in result.output.replace("\n", "")


def test_what_looks_like_markup_is_printed_as_it_is(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["doctor", "--database", f"sqlite:///{tmp_path}/[bold]x.db"])
    assert result.exit_code == 1
    assert "[bold]x.db" in result.output


@pytest.mark.parametrize("command", [["report"], ["doctor"], ["export", "-", "--format", "jsonl"]])
def test_output_that_cannot_be_written_is_one_sentence(command: list[str], database: str) -> None:
    with desirepath.open(database) as here:
        here.interactions.create(feature_id="d", interaction_type=["click"], position=0)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "desirepath", *command, "--database", database],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "Error: The system refused: No space left on device.\n"


@pytest.mark.parametrize(
    ("encoding", "command"), [("ascii", ["report"]), ("latin-1", ["report", "--json"])]
)
def test_a_terminal_without_our_letters(encoding: str, command: list[str], database: str) -> None:
    with desirepath.open(database) as here:
        here.interactions.create(feature_id="Schuh–日本", interaction_type=["click"], position=0)
    done = subprocess.run(
        [sys.executable, "-m", "desirepath", *command, "--database", database],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if command[-1] == "--json":
        assert json.loads(done.stdout)["recent"][0]["document_id"] == "Schuh–日本"


def test_an_address_that_is_not_ours_is_not_called_busy(run: Run) -> None:
    output = run("serve", "--host", "192.0.2.1", "--port", "1", code=1).output
    assert "Cannot listen on 192.0.2.1" in output
    assert "PORT=" not in output


def test_a_busy_port_is_named_with_the_way_out(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        output = run("serve", "--port", str(port), code=1).output
    assert f"port {port}" in output
    assert f"make run PORT={port + 1}" in output


def test_a_start_that_fails_makes_no_key_that_nobody_sees(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'new.db'}"
    options = ["--database", database, "--port", "0", "--trusted-proxy", "nonsense"]
    result = CliRunner().invoke(main, ["serve", *options])
    assert result.exit_code == 1
    assert "trusted_proxy" in result.output
    assert list(tmp_path.iterdir()) == []


def test_an_admin_key_that_is_too_short_is_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESIREPATH_ADMIN_KEY", "short")
    assert "at least 8" in run("serve", code=1).output


@pytest.mark.parametrize("command", sorted(main.list_commands(None)))  # type: ignore[arg-type]
def test_every_command_explains_itself(command: str) -> None:
    result = CliRunner().invoke(main, [command, "--help"])
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 3


def test_rebuild_learns_again_from_the_log(run: Run, database: str) -> None:
    assert "no retriever shop" in run("rebuild", "shop", code=1).output
    with closing(desirepath.open(database)) as log:
        log.retrievers.create("shop")
    assert "from 0 lists" in run("rebuild", "shop").output
    assert json.loads(run("rebuild", "shop", "--json").stdout)["lists"] == 0
