"""``desirepath worker``."""

from __future__ import annotations

import signal
import threading

import click

from desirepath.cli.common import engine_options, open_engine
from desirepath.engine.tasks.running import work
from desirepath.settings import Settings

__all__ = ["worker_command"]

_PAUSE_SECONDS = 1.0


@click.command("worker")
@click.option("--until-idle", is_flag=True, help="End when there is no more to do.")
@engine_options
def worker_command(settings: Settings, until_idle: bool) -> None:
    """Work on tasks, one after the other, until a signal ends it.

    As many as you like may run beside each other and beside a server; each task ends once in
    effect. What is begun when the signal comes is done first; killed, it is tried again elsewhere.
    """
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with open_engine(settings) as engine:
        print("ready", flush=True)
        work(
            engine,
            lambda: not stopping.wait(_PAUSE_SECONDS),
            until_idle=until_idle,
            is_stopped=stopping.is_set,
        )
