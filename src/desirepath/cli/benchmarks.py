"""``desirepath benchmarks``."""

from __future__ import annotations

import click
from rich.text import Text

from desirepath.api.benchmark_schemas import (
    BenchmarkListQuery,
    BenchmarkResponse,
    BenchmarkStatus,
    present_benchmark,
)
from desirepath.api.benchmarks import list_benchmark_page
from desirepath.cli.answers import print_json
from desirepath.cli.benchmark_tables import render
from desirepath.cli.common import console, engine_options, namespace_of, open_engine
from desirepath.cli.tables import SOFT, clean
from desirepath.domain.assessment import AssessmentKind
from desirepath.engine.assessing import delete_assessment, find_assessment
from desirepath.settings import Settings

__all__ = ["benchmarks"]

_MOST = 1000
_KIND = AssessmentKind.BENCHMARK
_namespace = click.option("--namespace", default="default", metavar="NAME", help="Id or name.")
_json = click.option("--json", "as_json", is_flag=True, help="Machine-readable.")


@click.group()
def benchmarks() -> None:
    """List, show and delete benchmarks; desirepath benchmark runs one."""


@benchmarks.command("list")
@click.option("--retriever", metavar="ID", help="Only with this baseline, by id or name.")
@click.option("--status", type=click.Choice([one.value for one in BenchmarkStatus]))
@_namespace
@_json
@engine_options
def list_benchmarks(
    settings: Settings, retriever: str | None, status: str | None, namespace: str, as_json: bool
) -> None:
    """Show the last 1,000 benchmarks, newest first."""
    wanted = None if status is None else BenchmarkStatus(status)
    query = BenchmarkListQuery(retriever_id=retriever, status=wanted, page_size=_MOST)
    with open_engine(settings) as engine:
        found = list_benchmark_page(engine, namespace_of(engine, namespace).number, query)
    if as_json:
        print_json(found.benchmarks)
        return
    if not found.benchmarks:
        print("No benchmarks. Run one: desirepath benchmark BASELINE CANDIDATE")
        return
    for one in found.benchmarks:
        console.print(_line(one))


def _line(one: BenchmarkResponse) -> Text:
    """When, what and how it ended; its id below, to copy."""
    line = Text(f" {one.created_at[:16].replace('T', ' ')}  ")
    line.append_text(clean(one.benchmark_name, 40)).append(f"  {_said(one)}\n")
    return line.append(f" {one.benchmark_id}", style=SOFT)


def _said(one: BenchmarkResponse) -> str:
    if one.comparison is not None:
        return one.comparison.sentences[0]
    return f"{one.status}: {one.error_message}" if one.error_message else str(one.status)


@benchmarks.command("show")
@click.argument("benchmark_id")
@_namespace
@_json
@engine_options
def show(settings: Settings, benchmark_id: str, namespace: str, as_json: bool) -> None:
    """Show what benchmark BENCHMARK_ID came to, or how far it is."""
    with open_engine(settings) as engine:
        number = namespace_of(engine, namespace).number
        found = present_benchmark(find_assessment(engine, number, _KIND, benchmark_id))
    if as_json:
        print_json(found)
    else:
        console.print(render(found))


@benchmarks.command("delete")
@click.argument("benchmark_id")
@_namespace
@engine_options
def delete(settings: Settings, benchmark_id: str, namespace: str) -> None:
    """Delete benchmark BENCHMARK_ID; one that still runs ends without an effect."""
    with open_engine(settings) as engine:
        number = namespace_of(engine, namespace).number
        delete_assessment(engine, find_assessment(engine, number, _KIND, benchmark_id))
    print("Deleted.")
