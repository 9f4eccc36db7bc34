"""``desirepath experiment``."""

from __future__ import annotations

from collections.abc import Mapping

import click
import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from desirepath.cli.answers import print_json
from desirepath.cli.common import console, engine_options, namespace_of, open_engine
from desirepath.cli.tables import clean, table_of
from desirepath.engine.comparing.results import ExperimentResult, Side
from desirepath.engine.engine import Engine
from desirepath.engine.experiments import find_experiment, list_experiments
from desirepath.engine.retrievers import find_retriever
from desirepath.errors import DesirepathError
from desirepath.settings import Settings

__all__ = ["experiment", "names_of", "render"]

_namespace = click.option("--namespace", default="default", metavar="NAME", help="Id or name.")
_json = click.option("--json", "as_json", is_flag=True, help="Machine-readable.")


@click.group()
def experiment() -> None:
    """See what experiments on live traffic have come to."""


@experiment.command("list")
@click.argument("retriever")
@_namespace
@_json
@engine_options
def list_command(settings: Settings, retriever: str, namespace: str, as_json: bool) -> None:
    """List the experiments of a retriever, by id or name; the last begun first."""
    with open_engine(settings) as engine:
        number = namespace_of(engine, namespace).number
        found = list_experiments(engine, find_retriever(engine, number, retriever))
    if as_json:
        print_json(msgspec.to_builtins(found))
        return
    if not found:
        print("It has no experiments.")
        return
    table = table_of("id", "searches>", "began", "state")
    for one in found:
        state = [one.outcome or "open", *(["on"] if one.is_on else [])]
        table.add_row(
            one.experiment_id,
            f"{one.n_searches:,}",
            (one.began_at or "")[:10],
            ", ".join(state),
        )
    console.print(table)


@experiment.command("show")
@click.argument("retriever")
@click.argument("experiment_id", required=False)
@_namespace
@_json
@engine_options
def show(
    settings: Settings,
    retriever: str,
    experiment_id: str | None,
    namespace: str,
    as_json: bool,
) -> None:
    """Say what an experiment has come to; it may be looked at as often as one likes.

    Without EXPERIMENT_ID it is the one that was begun last.
    """
    with open_engine(settings) as engine:
        number = namespace_of(engine, namespace).number
        live = find_retriever(engine, number, retriever)
        if experiment_id is None:
            begun = list_experiments(engine, live)
            if not begun:
                raise DesirepathError("The retriever has no experiments.")
            experiment_id = begun[0].experiment_id
        found = find_experiment(engine, live, experiment_id)
        names = names_of(engine, number, found)
    if as_json:
        print_json(msgspec.to_builtins(found))
        return
    console.print(render(found, names))


def names_of(engine: Engine, number: int, found: ExperimentResult) -> dict[str, str]:
    """What the retrievers of an experiment are called, by id; not those that were deleted."""
    sides = (found.live.retriever_id, found.challenger.retriever_id)
    retrievers = {id: engine.directory.retriever(number, id) for id in sides}
    return {id: one.draft.retriever_name for id, one in retrievers.items() if one is not None}


def render(found: ExperimentResult, names: Mapping[str, str]) -> RenderableType:
    """An experiment as it is printed, with names of retrievers by id."""
    decided = ""
    if found.decided_at is not None and found.decision is not None:
        at = found.decided_at[:16].replace("T", " ")
        decided = f"\nDecided at {at} UTC: {found.decision['outcome']}."
    parts: list[RenderableType] = [Text(found.words + decided), "", _sides(found, names)]
    if not found.sample_ratio.is_off:  # else it is said first of all
        parts += ["", Text(found.sample_ratio.words)]
    return Group(*parts)


def _sides(found: ExperimentResult, names: Mapping[str, str]) -> Table:
    table = table_of("", "retriever", "version>", "units>", "acted on>", "reward>")
    sides: tuple[tuple[str, Side], ...] = (("live", found.live), ("challenger", found.challenger))
    for name, side in sides:
        table.add_row(
            name,
            clean(names.get(side.retriever_id, side.retriever_id), 36),
            str(side.version),
            f"{side.n_units:,}",
            f"{side.n_acted_on:,}",
            f"{side.reward:,.1f}",
        )
    return table
