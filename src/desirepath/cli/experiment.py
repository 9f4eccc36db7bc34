"""``desirepath experiment``."""

from __future__ import annotations

import click
import msgspec
from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from desirepath.cli.answers import print_json
from desirepath.cli.common import console, engine_options, namespace_of, open_engine
from desirepath.engine.comparing.results import ExperimentResult, Side
from desirepath.engine.experiments import find_experiment, list_experiments
from desirepath.engine.retrievers import find_retriever
from desirepath.settings import Settings

__all__ = ["experiment", "render"]

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
    table = Table(
        Column("id", no_wrap=True), "mode", "challenger", "on", "searches", "began", "decided"
    )
    for one in found:
        table.add_row(
            one.experiment_id,
            one.mode.value,
            one.challenger_id,
            "yes" if one.is_on else "",
            f"{one.n_searches:,}",
            one.began_at or "",
            one.outcome or "",
        )
    console.print(table)


@experiment.command("show")
@click.argument("retriever")
@click.argument("experiment_id")
@_namespace
@_json
@engine_options
def show(
    settings: Settings, retriever: str, experiment_id: str, namespace: str, as_json: bool
) -> None:
    """Say what an experiment has come to; it may be looked at as often as one likes."""
    with open_engine(settings) as engine:
        number = namespace_of(engine, namespace).number
        found = find_experiment(engine, find_retriever(engine, number, retriever), experiment_id)
    if as_json:
        print_json(msgspec.to_builtins(found))
        return
    console.print(render(found))


def render(found: ExperimentResult) -> RenderableType:
    """An experiment as it is printed."""
    decided = ""
    if found.decided_at is not None and found.decision is not None:
        decided = f"\nDecided at {found.decided_at}: {found.decision['outcome']}."
    parts: list[RenderableType] = [Text(found.words + decided), _sides(found)]
    if not found.sample_ratio.is_off:  # else it is said first of all
        parts.append(Text(found.sample_ratio.words))
    return Group(*parts)


def _sides(found: ExperimentResult) -> Table:
    table = Table("", "retriever", "version", "units", "documents acted on", "reward")
    sides: tuple[tuple[str, Side], ...] = (("live", found.live), ("challenger", found.challenger))
    for name, side in sides:
        table.add_row(
            name,
            side.retriever_id,
            str(side.version),
            f"{side.n_units:,}",
            f"{side.n_acted_on:,}",
            f"{side.reward:,.1f}",
        )
    return table
