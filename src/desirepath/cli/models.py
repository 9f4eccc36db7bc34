"""``desirepath models``."""

from __future__ import annotations

import json
from typing import Any

import click
from rich.table import Column, Table

from desirepath.cli.answers import print_json
from desirepath.cli.common import console, engine_options, namespace_of, open_engine
from desirepath.domain.artifact import Artifact
from desirepath.domain.clock import format_time
from desirepath.engine.models import (
    Model,
    delete_model,
    deploy_model,
    find_model,
    roll_back_model,
)
from desirepath.settings import Settings

__all__ = ["models"]

_MOST = 1000
_namespace = click.option("--namespace", default="default", metavar="NAME", help="Id or name.")
_json = click.option("--json", "as_json", is_flag=True, help="Machine-readable.")


@click.group()
def models() -> None:
    """List, deploy, roll back and delete what was learned from the log."""


@models.command("list")
@click.option("--kind", metavar="KIND", help="Only of one kind: ranker, say.")
@_namespace
@_json
@engine_options
def list_models(settings: Settings, kind: str | None, namespace: str, as_json: bool) -> None:
    """Show the last 1,000 versions, newest first."""
    with open_engine(settings) as engine:
        number = namespace_of(engine, namespace).number
        with engine.storage.read() as session:
            found = session.artifacts.artifacts(number, _MOST, kind=kind)
            serving = session.artifacts.serving(number)
    rows = [_row(one, serving.get(one.name)) for one in found]
    if as_json:
        print_json(rows)
    elif rows:
        _print(rows)
    else:
        what = "models" if kind is None else "models of this kind"
        print(f"No {what} yet. Train one, with desirepath train ranker NAME say.")


@models.command("show")
@click.argument("name")
@_namespace
@_json
@engine_options
def show(settings: Settings, name: str, namespace: str, as_json: bool) -> None:
    """Show the versions of model NAME, what served when, and what made the newest."""
    with open_engine(settings) as engine:
        model = find_model(engine, namespace_of(engine, namespace).number, name)
    if as_json:
        print_json(_whole(model))
        return
    _print([_row(one, model.serving) for one in model.versions])
    for one in model.deployments:
        print(f"version {one.version} deployed {format_time(one.deployed_at)}")
    console.print_json(json.dumps(model.versions[0].manifest))


@models.command("deploy")
@click.argument("name")
@click.option("--version", type=click.IntRange(1), help="Default: the newest.")
@_namespace
@engine_options
def deploy(settings: Settings, name: str, version: int | None, namespace: str) -> None:
    """Let a version of model NAME serve."""
    with open_engine(settings) as engine:
        model = deploy_model(engine, namespace_of(engine, namespace).number, name, version)
    print(f"Version {model.serving} of {name} serves.")


@models.command("rollback")
@click.argument("name")
@_namespace
@engine_options
def rollback(settings: Settings, name: str, namespace: str) -> None:
    """Let the version of model NAME serve that did before this one."""
    with open_engine(settings) as engine:
        model = roll_back_model(engine, namespace_of(engine, namespace).number, name)
    print(f"Version {model.serving} of {name} serves again.")


@models.command("delete")
@click.argument("name")
@click.option("--version", type=click.IntRange(1), help="Only this one; it must not serve.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_namespace
@engine_options
def delete(settings: Settings, name: str, version: int | None, yes: bool, namespace: str) -> None:
    """Delete model NAME with all its versions, or one of them."""
    with open_engine(settings) as engine:
        number = namespace_of(engine, namespace).number
        if not yes and version is None:
            n_versions = len(find_model(engine, number, name).versions)
            click.confirm(f"Delete {name} and its versions ({n_versions})?", abort=True)
        n_deleted = delete_model(engine, number, name, version)
    print(f"Deleted: {n_deleted}")


def _row(one: Artifact, serving: int | None) -> dict[str, Any]:
    return {
        "name": one.name,
        "kind": one.kind,
        "version": one.version,
        "model_id": one.artifact_id,
        "retriever_id": one.retriever_id,
        "created_at": format_time(one.created_at),
        "stale_since": None if one.stale_at is None else format_time(one.stale_at),
        "bytes": sum(file.n_bytes for file in one.files.values()),
        "serves": one.version == serving,
    }


def _whole(model: Model) -> dict[str, Any]:
    return {
        "name": model.name,
        "kind": model.kind,
        "serving": model.serving,
        "versions": [
            {**_row(one, model.serving), "manifest": one.manifest} for one in model.versions
        ],
        "deployments": [
            {"version": one.version, "deployed_at": format_time(one.deployed_at)}
            for one in model.deployments
        ],
    }


def _print(rows: list[dict[str, Any]]) -> None:
    table = Table(
        Column("name", no_wrap=True), "kind", "version", "created", "bytes", "serves", "stale since"
    )
    for row in rows:
        table.add_row(
            row["name"],
            row["kind"],
            str(row["version"]),
            row["created_at"],
            f"{row['bytes']:,}",
            "yes" if row["serves"] else "",
            row["stale_since"] or "",
        )
    console.print(table)
