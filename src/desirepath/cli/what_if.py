"""``desirepath what-if``: what another way to rank would have earned on the log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import click
from msgspec import to_builtins
from rich.console import Group, RenderableType
from rich.text import Text

from desirepath.api.what_if_schemas import read_what_if, result_of
from desirepath.cli.answers import print_json
from desirepath.cli.common import console, engine_options, namespace_of, open_engine
from desirepath.cli.progress import rows_progress
from desirepath.cli.tables import bar, heading, nothing, percent, table_of
from desirepath.domain.what_if import Interval, WhatIfEstimate, WhatIfResult
from desirepath.engine.retrievers import find_retriever
from desirepath.engine.what_if.asking import run_what_if
from desirepath.errors import InvalidSetting
from desirepath.settings import Settings

__all__ = ["render", "what_if_command"]

_WIDTH = 24  # of bars


@click.command("what-if")
@click.argument("retriever")
@engine_options
@click.option("--namespace", default="default", metavar="NAME", help="Id or name.")
@click.option(
    "--weights",
    metavar="URI=NUMBER,…",
    help="Weights by feature URI, such as text://title=0.7,text://body=0.3.",
)
@click.option("--fusion", help="rrf, dbsf, weighted, max, or learned (the mean of the weights).")
@click.option("--ranker", metavar="NAME", help="Each pool ordered by a trained ranker.")
@click.option("--ranker-version", type=click.IntRange(1), help="Which version of it.")
@click.option("--retriever", "other", metavar="ID", help="Another retriever's fusion and weights.")
@click.option("--k", default=10, show_default=True, help="A list earns what its first k earn.")
@click.option("--draws", default=50, show_default=True, help="Draws of weights for each search.")
@click.option("--since", metavar="TIME", help="Searches from here on, ISO 8601 (UTC).")
@click.option("--before", metavar="TIME", help="Searches before this.")
@click.option("--seed", default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def what_if_command(
    settings: Settings,
    retriever: str,
    namespace: str,
    weights: str | None,
    fusion: str | None,
    ranker: str | None,
    ranker_version: int | None,
    other: str | None,
    k: int,
    draws: int,
    since: str | None,
    before: str | None,
    seed: int,
    as_json: bool,
) -> None:
    """Estimate what RETRIEVER's searches would have earned by another policy.

    RETRIEVER is an id or a name. The other policy is one of --weights and --fusion (or both),
    --ranker, --retriever. What comes out is kept.
    """
    policy = {
        "weights": None if weights is None else _read_weights(weights),
        "fusion": fusion,
        "ranker": ranker,
        "ranker_version": ranker_version,
        "retriever": other,
    }
    request = read_what_if(
        {
            "policy": policy,
            "k": k,
            "n_draws": draws,
            "seed": seed,
            "start_date": since,
            "end_date": before,
        }
    )
    with ExitStack() as stack:
        engine = stack.enter_context(open_engine(settings))
        space = namespace_of(engine, namespace)
        found = find_retriever(engine, space.number, retriever)
        progress, task = stack.enter_context(rows_progress("reading the log"))

        def tell(done: int, total: int, words: str) -> None:
            progress.update(task, description=words, completed=done, total=total, rows=done)

        stored = run_what_if(engine, space, found, request, tell)
        progress.stop()
    result = result_of(stored)
    assert result is not None  # it was stored with one
    if as_json:
        print_json({"what_if_id": stored.assessment_id, **to_builtins(result)})
        return
    console.print(Group(*render(result)))
    console.print(Text(f"\n {stored.assessment_id} is kept\n"))


def _read_weights(text: str) -> dict[str, float]:
    """Weights as they are given on the command line; a URI may have a ``=``."""
    weights = {}
    for part in text.split(","):
        uri, _, number = part.strip().rpartition("=")
        try:
            weights[uri] = float(number)
        except ValueError:
            uri = ""
        if not uri:
            raise InvalidSetting("Weights are URI=NUMBER, separated by commas.", ("weights",))
    return weights


def render(result: WhatIfResult) -> Iterator[RenderableType]:
    """A what-if as it is printed."""
    yield heading(result.verdict.capitalize(), result.policy)
    yield Text(f"  {result.sentence}")
    table = table_of("estimator", "earned>", "difference>", "told>", "effective>", "")
    table.add_row("as it was", f"{result.live.value:.3f}", "", "", f"{result.n_lists:,}", "")
    for one in result.estimates:
        decides = "decides" if one.estimator == result.decided_by else ""
        table.add_row(
            one.estimator,
            "" if one.value is None else f"{one.value.value:.3f}",
            _interval(one.difference),
            percent(one.told_share),
            f"{one.effective_sample:,.0f}",
            decides if one.refusal is None else "refused",
        )
    yield table
    yield nothing(
        f"95 % intervals of resampled people ({result.n_people:,}); the first {result.k} results; "
        f"{result.n_draws} draws; seed {result.seed}"
    )
    yield nothing(
        f"{percent(result.pool_share)} of the new results are in the logged pools, "
        f"{percent(result.same_share)} are what was shown"
    )
    for one in result.estimates:
        words = f"assumes {one.assumes}" if one.refusal is None else one.refusal
        yield nothing(f"{one.estimator}: {words}")
    decided = next(one for one in result.estimates if one.estimator == result.decided_by)
    yield heading("Weights", f"of {decided.estimator}, at its hardest place")
    yield _histogram(decided)
    for left in result.left_out:
        yield nothing(f"{left.n:,} searches are left out: {left.words}")


def _histogram(estimate: WhatIfEstimate) -> RenderableType:
    table = table_of("weight>", "lists>", "")
    most = max(one.n for one in estimate.weights)
    for one in estimate.weights:
        table.add_row(f"{one.low:g} to {one.high:g}", f"{one.n:,}", bar(one.n / most, _WIDTH))
    return table


def _interval(one: Interval | None) -> str:
    return "" if one is None else f"{one.value:+.3f} [{one.low:+.3f}, {one.high:+.3f}]"
