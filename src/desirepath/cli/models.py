"""``desirepath models``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click
import msgspec
from rich.text import Text

from desirepath.api.model_schemas import (
    ModelListQuery,
    ModelSummary,
    present_deployments,
    present_model,
    present_summary,
)
from desirepath.api.models import list_page
from desirepath.cli.answers import answer_table, print_json
from desirepath.cli.common import console, engine_options, namespace_of, open_engine
from desirepath.cli.figures import FigureFiles, figure_options
from desirepath.domain.artifact import Artifact
from desirepath.domain.clock import format_time
from desirepath.engine.models import (
    Model,
    delete_model,
    deploy_model,
    find_model,
    find_version,
    roll_back_model,
)
from desirepath.extras import needs_extra
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
        rows, _ = list_page(engine, number, ModelListQuery(kind=kind, limit=_MOST))
    if as_json:
        print_json(msgspec.to_builtins(rows))
    elif rows:
        _print(rows)
    else:
        what = "models" if kind is None else "models of this kind"
        print(f"No {what} yet. Train one, with desirepath train ranker NAME say.")


@models.command("show")
@click.argument("name")
@click.option("--version", type=click.IntRange(1), help="Which one to draw. Default: the newest.")
@_namespace
@_json
@figure_options
@engine_options
def show(
    settings: Settings,
    name: str,
    version: int | None,
    namespace: str,
    as_json: bool,
    files: FigureFiles,
) -> None:
    """Show the versions of model NAME, what served when, and what made the newest.

    Or draw how good one of them is: its report, as it was when the model was trained.
    """
    with open_engine(settings) as engine:
        number = namespace_of(engine, namespace).number
        model = find_model(engine, number, name)
        if files.are_wanted:
            newest = model.versions[0].version
            _draw(find_version(engine, number, name, version or newest), files)
    if files.are_wanted and not as_json:
        return
    if as_json:
        print_json(_whole(model))
        return
    _print([present_summary(one, model.serving) for one in model.versions])
    for one in model.deployments:
        print(f"version {one.version} deployed {format_time(one.deployed_at)}")
    console.print_json(json.dumps(model.versions[0].manifest))


@models.command("deploy")
@click.argument("name")
@click.option("--version", type=click.IntRange(1), help="Default: the newest.")
@click.option(
    "--force", is_flag=True, help="Also one that was not better than what needs no learning."
)
@_namespace
@engine_options
def deploy(settings: Settings, name: str, version: int | None, force: bool, namespace: str) -> None:
    """Let a version of model NAME serve."""
    with open_engine(settings) as engine:
        number = namespace_of(engine, namespace).number
        model = deploy_model(engine, number, name, version, force=force)
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


def _whole(model: Model) -> dict[str, Any]:
    return {
        **msgspec.to_builtins(present_deployments(model)),
        "versions": [
            msgspec.to_builtins(present_model(one, model.serving)) for one in model.versions
        ],
    }


def _draw(version: Artifact, files: FigureFiles) -> None:
    with needs_extra("analysis"):
        from desirepath.engine.training.stored_reports import stored_report
    files.write(stored_report(version))


def _print(rows: Sequence[ModelSummary]) -> None:
    table = answer_table(
        ["name*", "kind", "version>", "created (UTC)", "kB>", "serves", "stale since"]
    )
    for row in rows:
        table.add_row(
            Text(row.name),
            row.kind,
            str(row.version),
            row.created_at[:16].replace("T", " "),
            f"{row.n_bytes / 1000:,.0f}",
            "yes" if row.serves else "",
            (row.stale_since or "")[:10],
        )
    console.print(table)
