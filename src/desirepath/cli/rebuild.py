"""``desirepath rebuild``."""

from __future__ import annotations

import json
import time

import click

from desirepath.cli.common import engine_options, namespace_of, open_engine
from desirepath.cli.progress import rows_progress
from desirepath.engine.learning.rebuilding import begin_rebuild, rebuild_some
from desirepath.errors import NotFound
from desirepath.settings import Settings

__all__ = ["rebuild_command"]


@click.command("rebuild")
@click.argument("retriever")
@click.option("--namespace", default="default", metavar="NAME", help="Id or name.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@engine_options
def rebuild_command(settings: Settings, retriever: str, namespace: str, as_json: bool) -> None:
    """Learn RETRIEVER's weights again from the log.

    What was learned before serves until it ends. It may be stopped at any time, also by force; the
    next run goes on, or a server does.
    """
    with open_engine(settings) as engine:
        number = namespace_of(engine, namespace).number
        found = engine.directory.retriever(number, retriever)
        if found is None:
            raise NotFound("retriever", retriever)
        name = found.retriever_id
        started = time.monotonic()
        state = begin_rebuild(engine.storage, number, name)
        with engine.storage.read() as session:
            total = session.learned.count_lists(number, name)
        with rows_progress("learning") as (progress, task):
            while state.is_running:
                state = rebuild_some(engine.storage, number, name, engine.shard)
                progress.update(
                    task, completed=state.n_lists, total=max(total, 1), rows=state.n_lists
                )
        seconds = time.monotonic() - started
    if as_json:
        print(json.dumps({"retriever_id": name, "lists": state.n_lists, "seconds": seconds}))
        return
    print(f"Learned again from {state.n_lists:,} lists in {seconds:.1f} s.")
