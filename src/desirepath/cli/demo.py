"""``desirepath demo``."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click
from rich.text import Text

from desirepath.cli.common import console, errors, open_engine
from desirepath.cli.demo_models import render_models, train_models
from desirepath.cli.simulate import Options, Result, open_shop, render, run
from desirepath.domain.access import KeyKind
from desirepath.engine.bootstrap import add_key
from desirepath.errors import DesirepathError
from desirepath.settings import PREFIX, load_settings
from desirepath.testing.simulation.service import Refused, Service, path_of
from desirepath.testing.simulation.shop import RETRIEVER

__all__ = ["demo_command"]

_STOP_SECONDS = 30.0


@click.command("demo")
@click.option(
    "--database",
    metavar="URL",
    help="Where instead of a temporary file; its namespace goes again at the end.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.0, min_open=True),
    default=60.0,
    show_default=True,
    help="How long shoppers come.",
)
@click.option(
    "--searches",
    type=click.IntRange(1),
    default=20_000,
    show_default=True,
    help="How many searches at most.",
)
@click.option(
    "--seed", type=click.IntRange(0), default=1, show_default=True, help="Of the simulation."
)
@click.option(
    "--stay/--no-stay",
    default=None,
    help="Whether to serve on until Enter; by default in a terminal.",
)
def demo_command(
    database: str | None, seconds: float, searches: int, seed: int, stay: bool | None
) -> None:
    """Start a service, let simulated shoppers use it for a minute, and show what it learned.

    Then a ranker and a recommender are trained from what they did, and serve the shoppers who come
    next: a third as long. This takes the extra `train`; without it the demo ends before.

    The service listens on a free port of this machine, over a database that is thrown away at the
    end. See `desirepath simulate --help` for what the shoppers do.
    """
    options = Options(
        searches=searches, seconds=seconds, users=1_000, clicks="both", concurrency=4, seed=seed
    )
    stays = sys.stdin.isatty() if stay is None else stay
    with tempfile.TemporaryDirectory(prefix="desirepath-demo-") as folder:
        url = database or f"sqlite:///{Path(folder, 'desirepath.db')}"
        with (
            _key_of(url) as key,
            _serving(url) as (address, link),
            Service(address, key) as service,
            _namespace_of(service) as namespace,
        ):
            opened = open_shop(service, namespace, options)
            result = run(opened, options)
            console.print(render(result))
            console.print(render_models(train_models(opened, options)))
            _print_next(address, link, key, result, stays)
            if stays:
                sys.stdin.readline()


@contextmanager
def _key_of(database: str) -> Iterator[str]:
    """An admin key for as long as the demo lasts."""
    settings = load_settings({"database": database}, {})
    with open_engine(settings, create=True) as engine:
        made, token = add_key(engine, KeyKind.ADMIN, None, "demo")
    try:
        yield token
    finally:
        with open_engine(settings) as engine, engine.storage.write() as session:
            session.catalog.revoke_key(made.key_id, session.now())


@contextmanager
def _namespace_of(service: Service) -> Iterator[str]:
    """A name that nobody uses; what is in it goes at the end."""
    name = f"demo-{secrets.token_hex(4)}"
    try:
        yield name
    finally:
        with suppress(Refused):  # it was not even made
            service.call("DELETE", path_of("namespaces", name))


@contextmanager
def _serving(database: str) -> Iterator[tuple[str, str]]:
    """A service of its own; its address, and a link that signs in once."""
    command = [sys.executable, "-m", "desirepath", "serve", "--database", database]
    command += ["--host", "127.0.0.1", "--port", "0", "--local-link"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C ends the demo first, and that ends the service
    )
    try:
        with errors.status("Starting a service"):
            ready = _wait_until_ready(process)
        yield ready
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Read what it says until it has said where it is."""
    assert process.stdout is not None
    address = ""
    for line in process.stdout:
        if line.startswith("ready "):
            address = line.split()[1]
        if address and "/sign-in?token=" in line:
            return address, line.strip()
    raise DesirepathError("The service did not start; it said why above.")


def _print_next(address: str, link: str, key: str, result: Result, stays: bool) -> None:
    """Where to look next."""
    weights = f"{address}{path_of('retrievers', RETRIEVER, 'learned-fusion', 'weights')}"
    curl = f"curl -s -H 'Authorization: Bearer {key}' -H 'X-Namespace: {result.namespace}'"
    lines = [
        " Look at it (the link signs you in once, within ten minutes; choose the namespace",
        f" {result.namespace}):",
        f"   {link}",
        " The weights, and why they are so:",
        f"   {curl} {weights}",
        f"   {curl} {weights}/explain",
        "",
        " Press Enter to stop; then all of it is thrown away."
        if stays
        else " All of it is thrown away now; in a terminal it stays until you have looked.",
    ]
    console.print(Text("\n".join(lines)), soft_wrap=True)
