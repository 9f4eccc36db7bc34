"""``desirepath benchmark``."""

from __future__ import annotations

from typing import Any

import click

from desirepath.api.benchmark_schemas import present_benchmark
from desirepath.cli.answers import print_json
from desirepath.cli.benchmark_tables import render
from desirepath.cli.common import console, engine_options, namespace_of, open_engine
from desirepath.cli.progress import rows_progress
from desirepath.domain.benchmark import (
    LEAST_SESSIONS,
    MOST_SESSIONS,
    SampleStrategy,
    read_benchmark,
)
from desirepath.domain.interaction import INTERACTION_TYPES
from desirepath.engine.benchmarking.running import benchmark_here
from desirepath.settings import Settings

__all__ = ["benchmark_command"]


def _weights(
    context: click.Context, parameter: click.Parameter, sent: tuple[str, ...]
) -> dict[str, float] | None:
    weights = {}
    for one in sent:
        type, _, number = one.partition("=")
        try:
            weights[type] = float(number)
        except ValueError:
            raise click.BadParameter("write it as purchase=5.", context, parameter) from None
        if type not in INTERACTION_TYPES:
            raise click.BadParameter("there is no such interaction type.", context, parameter)
    return weights or None


@click.command("benchmark")
@click.argument("baseline")
@click.argument("candidates", nargs=-1, required=True, metavar="CANDIDATE...")
@click.option("--name", default="benchmark", show_default=True, help="What it is called.")
@click.option(
    "--sessions",
    type=click.IntRange(LEAST_SESSIONS, MOST_SESSIONS),
    default=1_000,
    show_default=True,
    help="Replay so many at most.",
)
@click.option(
    "--retriever",
    "retrievers",
    multiple=True,
    metavar="ID",
    help="Replay searches of this retriever, by id or name. May be repeated. Default: of all.",
)
@click.option("--since", metavar="TIME", help="Searches from here on, ISO 8601 (UTC).")
@click.option("--until", metavar="TIME", help="Searches up to here, this moment included.")
@click.option(
    "--min-interactions",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Sessions with so many interactions that are worth something.",
)
@click.option(
    "--type",
    "types",
    multiple=True,
    type=click.Choice(INTERACTION_TYPES),
    metavar="TYPE",
    help="Sessions with an interaction of this type. May be repeated: of one of them.",
)
@click.option(
    "--weight",
    "weights",
    multiple=True,
    metavar="TYPE=N",
    callback=_weights,
    help="What an interaction is worth. May be repeated; others are then worth nothing.",
)
@click.option(
    "--sample",
    type=click.Choice([one.value for one in SampleStrategy]),
    default=SampleStrategy.RANDOM.value,
    show_default=True,
    help="Which sessions, where there are more.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--namespace", default="default", metavar="NAME", help="Id or name.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@engine_options
def benchmark_command(
    settings: Settings,
    baseline: str,
    candidates: tuple[str, ...],
    name: str,
    sessions: int,
    seed: int,
    namespace: str,
    as_json: bool,
    **wanted: Any,
) -> None:
    """Replay real sessions through retriever BASELINE and each CANDIDATE, and say who is better.

    The searches of sessions in which people did something are asked again, and the orders are
    measured by what they did. Nothing of it is logged, and nothing learns from it.
    """
    draft = read_benchmark(
        {
            "benchmark_name": name,
            "baseline_retriever_id": baseline,
            "candidate_retriever_ids": list(candidates),
            "session_filter": _filter(**wanted),
            "session_count": sessions,
            "seed": seed,
        }
    )
    with (
        open_engine(settings) as engine,
        rows_progress("building sessions") as (progress, bar),
    ):

        def tell(done: int, total: int, words: str) -> None:
            progress.update(bar, description=words, completed=done, total=total or None)

        done = benchmark_here(engine, namespace_of(engine, namespace), draft, tell)
    found = present_benchmark(done)
    if as_json:
        print_json(found)
    else:
        console.print(render(found))


def _filter(
    retrievers: tuple[str, ...],
    since: str | None,
    until: str | None,
    min_interactions: int,
    types: tuple[str, ...],
    weights: dict[str, float] | None,
    sample: str,
) -> dict[str, Any]:
    return {
        "retriever_ids": list(retrievers) or None,
        "time_range": {"start": since, "end": until},
        "min_interactions": min_interactions,
        "interaction_types": list(types) or None,
        "interaction_weights": weights and {"weights": weights},
        "sample_strategy": sample,
    }
