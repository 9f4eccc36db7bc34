"""``desirepath keys``."""

from __future__ import annotations

import json
import sys

import click
from rich.table import Column, Table

from desirepath.cli.common import console, engine_options, namespace_of, open_engine
from desirepath.domain.access import KeyKind
from desirepath.domain.clock import format_time
from desirepath.engine.bootstrap import add_key
from desirepath.errors import NotFound
from desirepath.settings import Settings

__all__ = ["keys"]

_PUBLIC = "Public keys may do nothing in this version: a browser cannot record with one yet."


@click.group()
def keys() -> None:
    """Create, list and revoke API keys.

    Kinds: admin (everything, any namespace), server (record, read and delete in one namespace),
    read (read in one namespace), public (meant for browsers; may do nothing yet).
    """


@keys.command("create")
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in KeyKind]),
    default="server",
    show_default=True,
    help="What it may do: see desirepath keys --help.",
)
@click.option(
    "--namespace", default="default", metavar="NAME", help="Where it works (not for admin keys)."
)
@click.option("--name", default="", help="What it is for.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@engine_options
def create(settings: Settings, kind: str, namespace: str, name: str, as_json: bool) -> None:
    """Make a key; it is shown only now."""
    with open_engine(settings, create=True) as engine:
        where = None if kind == "admin" else namespace_of(engine, namespace)
        key, token = add_key(engine, KeyKind(kind), where, name)
    if as_json:
        print(json.dumps({"key_id": key.key_id, "kind": kind, "key": token}))
        return
    print(token)
    print(f"This is key {key.key_id}. It cannot be shown again.", file=sys.stderr)
    if key.kind is KeyKind.PUBLIC:
        print(_PUBLIC, file=sys.stderr)


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@engine_options
def list_keys(settings: Settings, as_json: bool) -> None:
    """Show all keys, never their secrets."""
    with open_engine(settings) as engine, engine.storage.read() as session:
        found = session.catalog.api_keys()
        names = {namespace.number: namespace.name for namespace in session.catalog.namespaces()}
    rows = [
        {
            "key_id": key.key_id,
            "kind": key.kind.value,
            "namespace": names.get(key.namespace, "") if key.namespace else None,
            "name": key.name,
            "created_at": format_time(key.created_at),
            "revoked_at": None if key.revoked_at is None else format_time(key.revoked_at),
        }
        for key in found
    ]
    if as_json:
        print(json.dumps(rows))
        return
    table = Table(Column("key", no_wrap=True), "kind", "namespace", "name", "created", "revoked")
    for row in rows:
        table.add_row(*(str(value) if value is not None else "–" for value in row.values()))
    console.print(table)


@keys.command("revoke")
@click.argument("key_id")
@engine_options
def revoke(settings: Settings, key_id: str) -> None:
    """End a key; every process refuses it within a second."""
    with open_engine(settings) as engine, engine.storage.write() as session:
        if not session.catalog.revoke_key(key_id, session.now()):
            raise NotFound("live key", key_id)
    print(f"{key_id} is revoked.")
