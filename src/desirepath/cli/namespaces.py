"""``desirepath namespaces``."""

from __future__ import annotations

import json
import time

import click
from rich.table import Column, Table

from desirepath.cli.common import console, engine_options, namespace_of, open_engine
from desirepath.domain.clock import format_time
from desirepath.engine.bootstrap import DEFAULT_NAMESPACE, create_namespace
from desirepath.engine.deleting import delete_namespace
from desirepath.engine.directory import FRESH_SECONDS
from desirepath.errors import InvalidNamespace
from desirepath.settings import Settings

__all__ = ["namespaces"]


@click.group()
def namespaces() -> None:
    """Create, list and delete namespaces; nothing is shared between them."""


@namespaces.command("create")
@click.argument("name")
@click.option(
    "--retention-days", type=click.IntRange(1, 36500), help="Forget rows older than this."
)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@engine_options
def create(settings: Settings, name: str, retention_days: int | None, as_json: bool) -> None:
    """Make a namespace."""
    with open_engine(settings, create=True) as engine, engine.storage.write() as session:
        made = create_namespace(engine, session, name)
        session.catalog.set_retention(made.number, retention_days)
    if as_json:
        print(json.dumps({"namespace_id": made.namespace_id, "name": made.name}))
    else:
        print(f"{made.namespace_id}  {made.name}")


@namespaces.command("retention")
@click.argument("name")
@click.argument("days", type=click.IntRange(0, 36500))
@engine_options
def retention(settings: Settings, name: str, days: int) -> None:
    """Keep rows for DAYS days; 0 keeps them for ever."""
    with open_engine(settings) as engine:
        namespace = namespace_of(engine, name)
        with engine.storage.write() as session:
            session.catalog.set_retention(namespace.number, days or None)
    print(f"{namespace.name} keeps its rows {f'{days} days' if days else 'for ever'}.")


@namespaces.command("list")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@engine_options
def list_namespaces(settings: Settings, as_json: bool) -> None:
    """Show all namespaces."""
    with open_engine(settings) as engine, engine.storage.read() as session:
        found = session.catalog.namespaces()
    rows = [
        {
            "namespace_id": namespace.namespace_id,
            "name": namespace.name,
            "created_at": format_time(namespace.created_at),
            "retention_days": namespace.retention_days,
        }
        for namespace in found
    ]
    if as_json:
        print(json.dumps(rows))
        return
    table = Table(Column("id", no_wrap=True), "name", "created", "retention (days)")
    for row in rows:
        table.add_row(*(str(value) if value is not None else "–" for value in row.values()))
    console.print(table)


@namespaces.command("delete")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@engine_options
def delete(settings: Settings, name: str, yes: bool) -> None:
    """Delete a namespace with everything in it."""
    with open_engine(settings) as engine:
        namespace = namespace_of(engine, name)
        if namespace.name == DEFAULT_NAMESPACE:
            raise InvalidNamespace("The namespace default stays: requests without a name use it.")
        if not yes:
            click.confirm(f"Delete {namespace.name} and all its rows?", abort=True)
        delete_namespace(engine, namespace.number)
        time.sleep(FRESH_SECONDS)  # so long a server may have gone on recording into it
        delete_namespace(engine, namespace.number)
    print(f"{namespace.name} is deleted.")
