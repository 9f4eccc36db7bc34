"""``desirepath report benchmark``, ``evaluation``, ``what-if`` and ``experiment``."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click
from rich.console import Group, RenderableType

from desirepath.api.benchmark_schemas import present_benchmark
from desirepath.cli.answers import print_json
from desirepath.cli.benchmark_tables import render as render_benchmark
from desirepath.cli.common import console, engine_options, namespace_of, open_engine
from desirepath.cli.evaluate import render as render_evaluation
from desirepath.cli.experiment import names_of
from desirepath.cli.experiment import render as render_experiment
from desirepath.cli.figures import FigureFiles, figure_options
from desirepath.cli.gate import render as render_gate
from desirepath.cli.what_if import render as render_what_if
from desirepath.domain.assessment import AssessmentKind
from desirepath.engine.assessing import find_assessment
from desirepath.engine.engine import Engine
from desirepath.engine.proof_reports import (
    benchmark_report,
    evaluation_report,
    experiment_report,
    what_if_report,
)
from desirepath.settings import Settings

__all__ = ["benchmark_command", "evaluation_command", "experiment_command", "what_if_command"]

_N_QUERIES = 10


def _report_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command what every report of a proof takes; it answers with what to print, as well."""

    @wraps(command)
    def with_report(
        settings: Settings, namespace: str, as_json: bool, files: FigureFiles, **options: Any
    ) -> None:
        with open_engine(settings) as engine:
            report, rendered = command(engine, namespace_of(engine, namespace).number, **options)
        if files.are_wanted:
            files.write(report)
        if as_json:
            print_json(report)
        elif not files.are_wanted:
            console.print(rendered)

    json = click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
    space = click.option("--namespace", default="default", metavar="NAME", help="Id or name.")
    return engine_options(space(json(figure_options(with_report))))


@click.command("benchmark")
@click.argument("benchmark_id")
@_report_options
def benchmark_command(
    engine: Engine, namespace: int, benchmark_id: str
) -> tuple[object, RenderableType]:
    """Report what benchmark BENCHMARK_ID came to, on one page: the verdict first."""
    report = benchmark_report(engine, namespace, benchmark_id)
    found = find_assessment(engine, namespace, AssessmentKind.BENCHMARK, benchmark_id)
    return report, render_benchmark(present_benchmark(found))


@click.command("evaluation")
@click.argument("evaluation_id")
@_report_options
def evaluation_command(
    engine: Engine, namespace: int, evaluation_id: str
) -> tuple[object, RenderableType]:
    """Report what evaluation EVALUATION_ID came to, on one page: the verdict first."""
    report = evaluation_report(engine, namespace, evaluation_id)
    judged = () if report.gate is None else render_gate(report.gate)
    return report, Group(*judged, *render_evaluation(report.result, _N_QUERIES))


@click.command("what-if")
@click.argument("what_if_id")
@_report_options
def what_if_command(
    engine: Engine, namespace: int, what_if_id: str
) -> tuple[object, RenderableType]:
    """Report what came of what-if WHAT_IF_ID, on one page: the verdict first."""
    report = what_if_report(engine, namespace, what_if_id)
    return report, Group(*render_what_if(report.result))


@click.command("experiment")
@click.argument("retriever")
@click.argument("experiment_id")
@_report_options
def experiment_command(
    engine: Engine, namespace: int, retriever: str, experiment_id: str
) -> tuple[object, RenderableType]:
    """Report what EXPERIMENT_ID of RETRIEVER has come to, on one page: the verdict first."""
    report = experiment_report(engine, namespace, retriever, experiment_id)
    names = names_of(engine, namespace, report.result)
    return report, render_experiment(report.result, names)
