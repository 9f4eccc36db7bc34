"""Models and tasks from the command line, on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from desirepath.cli import main
from desirepath.domain.artifact import ArtifactDraft
from desirepath.domain.clock import SystemClock, format_time
from desirepath.domain.job import Job
from desirepath.engine.engine import Engine
from desirepath.engine.models import store_model
from desirepath.engine.recording import RecordingRules
from desirepath.engine.tasks import kinds
from desirepath.engine.tasks.running import start_task
from desirepath.engine.tasks.task import Task
from desirepath.storage.base import Namespace
from tests.storage_fixtures import Database

KIND = "train.tiny"
DRAFT = ArtifactDraft(kind="ranker", name="best", manifest={"seed": 7}, files={"a": b"tree"})


def handle(engine: Engine, task: Task) -> None:
    task.progress(1, 2, "training")
    task.store(engine, task.namespace, DRAFT)


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(kinds.KIND_TO_HANDLER, KIND, f"{__name__}:handle")


@contextmanager
def opened(database: Database) -> Iterator[tuple[Engine, Namespace]]:
    clock = SystemClock()
    with closing(Engine(database.open(clock), clock, RecordingRules())) as engine:
        with engine.storage.read() as session:
            namespace = session.catalog.namespaces()[0]
        yield engine, namespace


def started(database: Database) -> Job:
    with opened(database) as (engine, namespace):
        return start_task(engine, namespace, KIND, {"name": "best"})


def run(database: Database, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--database", database.url])


def answer(database: Database, *arguments: str) -> str:
    result = run(database, *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_models_are_deployed_rolled_back_and_deleted(database: Database) -> None:
    with opened(database) as (engine, namespace):
        for _ in range(3):
            store_model(engine, namespace, DRAFT)
    assert answer(database, "models", "deploy", "best", "--version", "1") == (
        "Version 1 of best serves.\n"
    )
    assert answer(database, "models", "deploy", "best") == "Version 3 of best serves.\n"
    assert answer(database, "models", "rollback", "best") == "Version 1 of best serves again.\n"
    listed = json.loads(answer(database, "models", "list", "--json"))
    assert [(one["version"], one["serves"]) for one in listed] == [
        (3, False),
        (2, False),
        (1, True),
    ]
    assert json.loads(answer(database, "models", "list", "--kind", "other", "--json")) == []
    shown = json.loads(answer(database, "models", "show", "best", "--json"))
    assert (shown["serving"], shown["versions"][0]["manifest"]) == (1, {"seed": 7})
    assert [one["version"] for one in shown["deployments"]] == [1, 3, 1]
    assert "ranker" in answer(database, "models", "show", "best")
    assert answer(database, "models", "delete", "best", "--version", "2") == "Deleted: 1\n"
    assert answer(database, "models", "delete", "best", "--yes") == "Deleted: 2\n"


def test_what_is_not_better_is_deployed_by_force_alone(database: Database) -> None:
    report = {"report": {"beats_baselines": False}}
    with opened(database) as (engine, namespace):
        store_model(engine, namespace, replace(DRAFT, kind="ctr_model", manifest=report))
    (listed,) = json.loads(answer(database, "models", "list", "--kind", "ctr", "--json"))
    assert (listed["kind"], listed["serves"]) == ("ctr", False)
    refused = run(database, "models", "deploy", "best")
    assert refused.exit_code == 1
    assert "with force" in refused.stderr
    assert answer(database, "models", "deploy", "best", "--force") == "Version 1 of best serves.\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("models", "show", "none"), "no model none"),
        (("models", "deploy", "best", "--version", "2"), "no model best"),
        (("models", "show", "best", "--png", "no.png"), "stored without a report"),
        (("models", "rollback", "best"), "No other version of this model served before."),
        (("models", "delete", "best", "--version", "1"), "This version serves"),
        (("tasks", "show", "task_1"), "no task task_1"),
        (("tasks", "cancel", "task_1"), "no task task_1"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    database: Database, arguments: tuple[str, ...], sentence: str
) -> None:
    with opened(database) as (engine, namespace):
        store_model(engine, namespace, DRAFT)
    answer(database, "models", "deploy", "best")
    result = run(database, *arguments)
    assert result.exit_code == 1
    assert sentence in result.stderr.replace("\n", " ")


def test_a_worker_does_what_is_to_be_done(database: Database) -> None:
    job = started(database)
    (listed,) = json.loads(answer(database, "tasks", "list", "--status", "PENDING", "--json"))
    assert listed["task_id"] == job.task_id
    answer(database, "worker", "--until-idle")
    assert answer(database, "tasks", "watch", job.task_id) == "COMPLETED\n"
    shown = json.loads(answer(database, "tasks", "show", job.task_id))
    assert (shown["outputs"]["name"], shown["outputs"]["version"]) == ("best", 1)
    assert shown["progress"] == {"done": 1, "total": 2, "words": "training"}
    assert len(json.loads(answer(database, "models", "list", "--json"))) == 1


def test_a_canceled_task_is_not_done(database: Database) -> None:
    job = started(database)
    assert answer(database, "tasks", "cancel", job.task_id) == f"{job.task_id} is canceled.\n"
    answer(database, "worker", "--until-idle")
    assert json.loads(answer(database, "models", "list", "--json")) == []
    watched = run(database, "tasks", "watch", job.task_id)
    assert (watched.exit_code, watched.stdout) == (1, "CANCELED\n")
    assert job.task_id in answer(database, "tasks", "list")


def test_a_model_of_another_kind_is_not_drawn(database: Database) -> None:
    with opened(database) as (engine, namespace):
        store_model(engine, namespace, replace(DRAFT, kind="query_adapter"))
    result = run(database, "models", "show", "best", "--png", "no.png")
    assert result.exit_code == 1
    assert "Only rankers and click-through models have a chart." in result.stderr


def test_dates_are_whole_where_a_terminal_is_narrow(database: Database) -> None:
    with opened(database) as (engine, namespace):
        made = store_model(
            engine, namespace, replace(DRAFT, name="a-name-of-some-length", kind="k" * 12)
        )
    listed = answer(database, "models", "list")
    assert max(map(len, listed.splitlines())) <= 80
    assert format_time(made.created_at)[:16].replace("T", " ") in listed


def test_where_nothing_is_there_a_sentence_says_so(database: Database) -> None:
    with opened(database):
        pass
    assert answer(database, "models", "list").startswith("No models yet. Train one")
    assert answer(database, "models", "list", "--kind", "ranker").startswith("No models of this")
    assert answer(database, "tasks", "list") == "No tasks.\n"
    assert answer(database, "tasks", "list", "--status", "PENDING") == "No tasks are PENDING.\n"
