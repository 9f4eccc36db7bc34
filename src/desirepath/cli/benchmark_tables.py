"""What a benchmark came to, as it is printed: the verdict first."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from desirepath.api.benchmark_schemas import BenchmarkResponse
from desirepath.cli.tables import clean, heading, nothing, percent, table_of
from desirepath.domain.benchmark_outcome import (
    DEPTH,
    PRIMARY_CUTOFF,
    BenchmarkComparison,
    BenchmarkResult,
    PipelineComparison,
)

__all__ = ["render"]

_K = str(PRIMARY_CUTOFF)
_WIDTH = 20


def render(found: BenchmarkResponse) -> RenderableType:
    """A benchmark as it is printed."""
    return Group(*_parts(found))


def _parts(found: BenchmarkResponse) -> Iterator[RenderableType]:
    results, comparison = found.results, found.comparison
    if results is None or comparison is None:
        yield nothing(found.error_message or f"It is {found.status}: no results yet.")
        return
    yield Padding(Text(comparison.recommendation), (1, 2, 0, 2))
    yield heading(
        "Agreement with what people did",
        f"{found.session_count:,} of {found.sessions_found:,} sessions, "
        f"{found.search_count:,} searches; seed {found.seed}",
    )
    yield _agreement(results)
    yield heading(f"Against {clean(results[0].retriever_name)}", f"nDCG@{_K}, paired t-test")
    yield _comparisons(results, comparison)
    yield heading("How long a search takes, and sessions that fail", "ms")
    yield _latencies(results)
    if found.flagged_count:
        yield nothing(f"{found.flagged_count:,} identities that look like robots are left out")
    yield nothing(f"kept as {found.benchmark_id}")


def _agreement(results: list[BenchmarkResult]) -> RenderableType:
    table = table_of(
        "retriever",
        f"nDCG@{_K}>",
        f"recall@{_K}>",
        "rank>",
        f"found in {DEPTH}>",
        f"{_K} seen>",
        "moves by>",
    )
    for one in results:
        reach = one.reach
        table.add_row(
            clean(one.retriever_name, _WIDTH),
            f"{one.metrics.ndcg_at_k[_K]:.4f}",
            f"{one.metrics.recall_at_k[_K]:.4f}",
            f"{one.metrics.mean_rank_clicked:.2f}",
            percent(reach.n_found / reach.n_reacted) if reach.n_reacted else "–",
            percent(1 - reach.unseen_share) if reach.n_top else "–",
            f"{reach.mean_move:.1f}" if reach.n_top else "–",
        )
    return table


def _comparisons(results: list[BenchmarkResult], comparison: BenchmarkComparison) -> RenderableType:
    table = table_of("candidate", "verdict", "change>", "95 % interval", "p>", "better/worse>")
    for one, found in zip(results[1:], comparison.comparisons, strict=True):
        table.add_row(
            clean(one.retriever_name, _WIDTH),
            found.verdict.replace("_", " "),
            f"{found.ndcg_delta[_K]:+.4f}",
            _interval(found),
            "–" if found.p_value is None else f"{found.p_value:.3f}",
            f"{one.metrics.sessions_improved:,}/{one.metrics.sessions_degraded:,}",
        )
    return table


def _interval(found: PipelineComparison) -> str:
    if found.confidence_interval is None:
        return "–"
    low, high = found.confidence_interval
    return f"{low:+.4f} {high:+.4f}"


def _latencies(results: list[BenchmarkResult]) -> RenderableType:
    table = table_of("retriever", "p50>", "p90>", "p99>", "mean>", "failed>", "of what")
    for one in results:
        latency = one.latency
        milliseconds = (latency.p50_ms, latency.p90_ms, latency.p99_ms, latency.mean_ms)
        reasons = (one.error_summary or {}).items()
        table.add_row(
            clean(one.retriever_name, _WIDTH),
            *(f"{value:.1f}" for value in milliseconds),
            f"{one.failed_sessions:,}",
            ", ".join(f"{name} {n:,}" for name, n in sorted(reasons)),
        )
    return table
