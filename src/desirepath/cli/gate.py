"""``desirepath gate``."""

from __future__ import annotations

from collections.abc import Iterator

import click
import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from desirepath.cli.answers import print_json
from desirepath.cli.common import console, engine_options, namespace_of, open_engine
from desirepath.cli.progress import rows_progress
from desirepath.cli.tables import heading, nothing, table_of
from desirepath.domain.fusion_controls import ShippedWeightSet
from desirepath.domain.gate import GatedMetric, GateVerdict
from desirepath.engine.gating.asking_log import ask_log
from desirepath.engine.gating.running import run_gate
from desirepath.engine.gating.shipping import roll_back_weights
from desirepath.engine.retrievers import find_retriever
from desirepath.settings import Settings

__all__ = ["gate", "render"]


@click.command()
@click.argument("retriever")
@click.argument("model", required=False)
@engine_options
@click.option("--namespace", default="default", metavar="NAME", help="Id or name.")
@click.option(
    "--version", type=click.IntRange(1), metavar="N", help="Of the model.  [default: the newest]"
)
@click.option(
    "--roll-back",
    "is_rolled_back",
    is_flag=True,
    help="Let the weights serve that were shipped before; without MODEL.",
)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def gate(
    settings: Settings,
    retriever: str,
    model: str | None,
    namespace: str,
    version: int | None,
    is_rolled_back: bool,
    as_json: bool,
) -> None:
    """Hold MODEL against what is live in RETRIEVER, and let it serve if it wins.

    MODEL is fusion weights of the retriever, or a ranker or query adapter that it uses. The
    retriever names the judgments in evaluation_dataset_id of its learning_config. Exit code 1: it
    did not pass.
    """
    if is_rolled_back == (model is not None):
        raise click.UsageError("Give MODEL, or --roll-back.")
    with open_engine(settings) as engine:
        space = namespace_of(engine, namespace)
        found = find_retriever(engine, space.number, retriever)
        if model is None:
            _print_rolled_back(roll_back_weights(engine, found).shipped, as_json=as_json)
            return
        with rows_progress("evaluating") as (progress, bar):

            def tell(done: int, total: int, words: str) -> None:
                progress.update(bar, description=words, completed=done, total=total)

            stored, gated = run_gate(engine, space, found, model, version, ask_log, tell)
    verdict = gated.verdict
    if as_json:
        print_json({"evaluation_id": stored.assessment_id, **msgspec.to_builtins(verdict)})
    else:
        console.print(Group(*render(verdict)))
        console.print(nothing(f"evaluation {stored.assessment_id}"))
    if not verdict.passed:
        raise SystemExit(1)


def _print_rolled_back(shipped: ShippedWeightSet | None, *, as_json: bool) -> None:
    if as_json:
        print_json({"shipped_weight_set": msgspec.to_builtins(shipped)})
    elif shipped is None:
        console.print("No shipped weights serve: what is learned does.")
    else:
        console.print(f"The weights {shipped.weight_set_id} serve again.")


def render(verdict: GateVerdict) -> Iterator[RenderableType]:
    """A verdict as it is printed."""
    yield Text(f"\n {verdict.reason}", style="bold")
    if verdict.what_if.words:
        yield nothing(verdict.what_if.words)
    yield heading("Live and candidate", "the same queries")
    table = table_of("metric", "live>", "candidate>", "change>", "may lose>", "")
    for name, one in verdict.per_metric.items():
        table.add_row(name, *_figures(one), _word(name, one, verdict))
    yield table


def _figures(one: GatedMetric) -> tuple[str, str, str, str]:
    def told(value: float | None, form: str) -> str:
        return "–" if value is None else f"{value:{form}}"

    return (
        told(one.baseline, ".4f"),
        told(one.candidate, ".4f"),
        told(one.delta, "+.4f"),
        f"{-one.threshold:.4f}" if one.threshold else "nothing",
    )


def _word(name: str, one: GatedMetric, verdict: GateVerdict) -> str:
    if not one.comparable:
        return "not compared"
    if one.regressed:
        return "regressed"
    return "decides" if name == verdict.primary_metric else ""
