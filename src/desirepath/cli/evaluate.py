"""``desirepath evaluate``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
import msgspec
from rich.console import Group, RenderableType
from rich.progress import Progress, TaskID
from rich.text import Text

from desirepath.cli.answers import print_json
from desirepath.cli.common import console, engine_options, namespace_of, open_engine
from desirepath.cli.model_figures import interval_of
from desirepath.cli.progress import rows_progress
from desirepath.cli.tables import clean, heading, nothing, table_of
from desirepath.domain.evaluation import (
    DEFAULT_K_VALUES,
    DEFAULT_METRICS,
    METRICS,
    EvaluationConfig,
    read_evaluation_config,
)
from desirepath.domain.judgment import Dataset
from desirepath.domain.retriever import Retriever
from desirepath.engine.datasets import find_dataset
from desirepath.engine.engine import Engine
from desirepath.engine.evaluating.comparing import compare_evaluations
from desirepath.engine.evaluating.measuring import JUDGED
from desirepath.engine.evaluating.results import (
    EvaluationComparison,
    EvaluationResult,
    QueryOutcome,
    QueryStatus,
)
from desirepath.engine.evaluating.running import (
    Tell,
    check_can_search,
    evaluate,
    evaluate_and_store,
    read_queries,
)
from desirepath.engine.retrievers import find_retriever
from desirepath.errors import InvalidEvaluation
from desirepath.settings import Settings
from desirepath.storage.base import Namespace

__all__ = ["evaluate_command", "render"]


def _list_of(numbers: tuple[int, ...] | tuple[str, ...]) -> str:
    return ",".join(map(str, numbers))


@click.command("evaluate")
@click.argument("retriever")
@click.argument("dataset")
@engine_options
@click.option("--namespace", default="default", metavar="NAME", help="Id or name.")
@click.option(
    "--k",
    "k_values",
    default=_list_of(DEFAULT_K_VALUES),
    show_default=True,
    metavar="N,…",
    help="Cutoffs, 1 to 1000.",
)
@click.option(
    "--metrics",
    default=_list_of(DEFAULT_METRICS),
    show_default=True,
    metavar="NAME,…",
    help=f"Of {', '.join(METRICS)}.",
)
@click.option(
    "--against", metavar="RETRIEVER", help="Evaluate this one too, and say who is better."
)
@click.option(
    "--queries",
    "n_queries",
    type=click.IntRange(0),
    default=5,
    show_default=True,
    help="How many queries to print: the worst, or those that changed most.",
)
@click.option("--dry-run", is_flag=True, help="Measure only; store nothing.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def evaluate_command(
    settings: Settings,
    retriever: str,
    dataset: str,
    namespace: str,
    k_values: str,
    metrics: str,
    against: str | None,
    n_queries: int,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Measure how good the answers of RETRIEVER to the judged queries of DATASET are.

    Each query is searched as a stranger would, by the mean of what is learned; nothing of it is
    logged. NDCG takes a grade itself as gain.
    """
    config = _config(k_values, metrics)
    with open_engine(settings) as engine:
        space = namespace_of(engine, namespace)
        judged = find_dataset(engine, space.number, dataset)
        names = [retriever] if against is None else [against, retriever]
        found = [find_retriever(engine, space.number, name) for name in names]
        for one in found:
            check_can_search(one)
        ran = [_ran(engine, space, one, judged, config, is_stored=not dry_run) for one in found]
    (_, result) = ran[-1]
    compared = None if against is None else compare_evaluations(ran[0][1], result)
    if as_json:
        print_json(_plain(ran, compared))
        return
    if compared is not None:
        console.print(Group(*_render_comparison(compared, n_queries)))
    else:
        console.print(Group(*render(result, n_queries)))
    kept = [id for id, _ in ran if id is not None]
    for id in kept:
        console.print(Text(f" Stored as {id}"))


def _config(k_values: str, metrics: str) -> EvaluationConfig:
    try:
        cutoffs = [int(k) for k in k_values.split(",")]
    except ValueError:
        cutoffs = [0]
    if not all(1 <= k <= 1_000 for k in cutoffs):
        raise InvalidEvaluation(
            "--k takes whole numbers from 1 to 1,000, such as 1,5,10.", ("k_values",)
        )
    return read_evaluation_config({"k_values": cutoffs, "metrics": metrics.split(",")})


def _ran(
    engine: Engine,
    namespace: Namespace,
    retriever: Retriever,
    dataset: Dataset,
    config: EvaluationConfig,
    *,
    is_stored: bool,
) -> tuple[str | None, EvaluationResult]:
    """The id of the evaluation, if it is stored, and what came out."""
    with rows_progress(f"searching with {retriever.draft.retriever_name}", "queries") as bar:
        tell = _telling(*bar)
        if not is_stored:
            queries = read_queries(engine, dataset)
            return None, evaluate(engine, retriever, queries, config, tell=tell)
        stored, result = evaluate_and_store(engine, namespace, retriever, dataset, config, tell)
        return stored.assessment_id, result


def _telling(progress: Progress, task: TaskID) -> Tell:
    def tell(done: int, total: int, words: str) -> None:
        progress.update(task, completed=done, total=total, rows=done)

    return tell


def _plain(
    ran: list[tuple[str | None, EvaluationResult]], compared: EvaluationComparison | None
) -> dict[str, Any]:
    id, result = ran[-1]
    plain = {"evaluation_id": id, **msgspec.to_builtins(result)}
    if compared is None:
        return plain
    before_id, before = ran[0]
    return {
        "verdict": compared.verdict,
        "comparison": msgspec.to_builtins(compared),
        "baseline": {"evaluation_id": before_id, **msgspec.to_builtins(before)},
        "candidate": plain,
    }


# One evaluation


def render(result: EvaluationResult, n_queries: int) -> Iterator[RenderableType]:
    """An evaluation as it is printed, with so many of its worst queries."""
    yield Text(f"\n {result.verdict}")
    yield heading("Means over queries", f"{result.n_evaluated:,} of {result.n_total:,}")
    names = (*result.metrics, JUDGED)
    table = table_of("k>", *(f"{name}>" for name in names))
    for k, means in result.by_k.items():
        table.add_row(k, *(f"{means[name]:.3f}" for name in names))
    yield table
    most = max(one.retrieved_count or 0 for one in result.queries)
    if most < max(result.k_values):
        yield nothing(f"at most {most:,} documents were found for a query; precision divides by k")
    if n_queries:
        yield from _worst(result, n_queries)
    yield from _skipped(result, n_queries)
    yield nothing(f"95 % intervals of resampled queries; seed {result.seed}")


def _worst(result: EvaluationResult, n: int) -> Iterator[RenderableType]:
    metric, k = result.metric, str(result.k)
    evaluated = [one for one in result.queries if one.status is QueryStatus.EVALUATED]
    yield heading("The worst queries", f"by {metric}@{k}")
    table = table_of("query", f"{metric}>", "judged>", "found>")
    for one in sorted(evaluated, key=lambda one: (one.by_k[k][metric], one.query_id))[:n]:
        values = one.by_k[k]
        table.add_row(
            clean(one.query_id),
            f"{values[metric]:.3f}",
            f"{values[JUDGED]:.0%}",
            f"{one.retrieved_count:,}",
        )
    yield table


def _skipped(result: EvaluationResult, n: int) -> Iterator[RenderableType]:
    skipped: list[QueryOutcome] = [
        one for one in result.queries if one.status is QueryStatus.SKIPPED
    ]
    if not skipped or not n:
        return
    yield heading("Skipped", f"{len(skipped):,} of {result.n_total:,}")
    table = table_of("query", "why")
    for one in skipped[:n]:
        table.add_row(clean(one.query_id), Text(one.error or ""))
    yield table


# Two evaluations


def _render_comparison(compared: EvaluationComparison, n_queries: int) -> Iterator[RenderableType]:
    yield Text(f"\n {compared.verdict}")
    yield heading("Measures", f"over {compared.n_queries:,} queries that both have")
    table = table_of("", "baseline>", "candidate>", "difference>", "95 % interval>")
    for one in compared.measures:
        table.add_row(
            f"{one.metric}@{one.k}",
            f"{one.baseline:.3f}",
            f"{one.candidate:.3f}",
            f"{one.difference.mean:+.3f}",
            interval_of(one.difference),
        )
    yield table
    changed = sorted(compared.queries, key=lambda one: (-abs(one.difference), one.query_id))
    if n_queries and changed:
        yield heading("What changed most", f"by {compared.metric}@{compared.k}")
        rows = table_of("query", "baseline>", "candidate>", "difference>")
        for query in changed[:n_queries]:
            rows.add_row(
                clean(query.query_id),
                f"{query.baseline:.3f}",
                f"{query.candidate:.3f}",
                f"{query.difference:+.3f}",
            )
        yield rows
    if compared.n_unpaired:
        yield nothing(f"left out, as one of them or both skipped them: {compared.n_unpaired:,}")
    yield nothing(f"95 % intervals of the paired bootstrap over queries; seed {compared.seed}")
