"""What a benchmark came to: who agrees better with what people did, and what it cannot tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from desirepath.dashboard.figures.canvas import Canvas, Chart, stacked
from desirepath.dashboard.figures.columns import (
    Bars,
    Cell,
    Column,
    Intervals,
    Mark,
    Names,
    draw_columns,
)
from desirepath.dashboard.figures.words import counted, percent, shortened
from desirepath.domain.benchmark_outcome import (
    DEPTH,
    PRIMARY_CUTOFF,
    BenchmarkOutcome,
    BenchmarkResult,
    PipelineComparison,
    Verdict,
)
from desirepath.engine.proof_reports import BenchmarkReport

__all__ = ["draw_benchmark"]

_K = str(PRIMARY_CUTOFF)
_LONGEST_NAME = 26
_VERDICT_TO_MARK: dict[Verdict, Mark] = {
    Verdict.BETTER: "good",
    Verdict.WORSE: "bad",
    Verdict.CANNOT_TELL: "plain",
}


def draw_benchmark(canvas: Canvas, report: BenchmarkReport) -> Chart:
    """Draw nDCG@10 and its change, how sessions fared, what the log can tell, and latency."""
    found, is_narrow = report.outcome, canvas.is_narrow
    panels = [
        draw_columns(canvas, list(_agreement(found, is_narrow))),
        draw_columns(canvas, list(_ranks(found.results, is_narrow))),
        draw_columns(canvas, list(_reach(found.results, is_narrow))),
    ]
    verdict, *why = found.comparison.sentences
    return canvas.finish(stacked(panels), verdict, *_about(report, why))


def _about(report: BenchmarkReport, why: Sequence[str]) -> Iterator[str]:
    found = report.outcome
    baseline, *candidates = (shortened(one.retriever_name, 60) for one in found.results)
    yield (
        f"Benchmark “{shortened(report.name, 80)}”, {report.ended_at:%d %B %Y}: "
        f"{', '.join(candidates)} against {baseline}, by {_sessions(found)} of the log"
        f"{_of(report.retrievers)}, replayed."
    )
    yield from why
    yield (
        f"nDCG@{_K}: how high an order puts what people acted on in the search, more where that is "
        "worth more; 1 is the best there is. Lines are 95% intervals over sessions (paired t-test)."
        " Green: better. Triangles: worse. Grey: this cannot tell."
    )
    if found.n_flagged:
        yield f"Without {found.n_flagged:,} identities that look like robots."


def _sessions(found: BenchmarkOutcome) -> str:
    words = counted(found.session_count, "session")
    if found.session_count < found.sessions_found:
        words += f" (of {found.sessions_found:,}, drawn by seed {found.seed})"
    return f"{words} with {counted(found.search_count, 'search')}"


def _of(retrievers: Sequence[str]) -> str:
    return f" of {', '.join(shortened(name, 60) for name in retrievers)}" if retrievers else ""


def _agreement(found: BenchmarkOutcome, is_narrow: bool) -> Iterator[Column]:
    results = found.results
    comparisons: list[PipelineComparison | None] = [None, *found.comparison.comparisons]
    pairs = list(zip(results, comparisons, strict=True))
    told = [_told(*pair) for pair in pairs]
    yield _names(results, told)
    yield _bars(f"nDCG@{_K}", results, lambda one: one.metrics.ndcg_at_k[_K], ".3f")
    yield Intervals(
        title=f"change against\n{shortened(results[0].retriever_name, 20)}",
        share=2.0,
        form="+.2f",
        line=0,
        cells=[_change(each, words) for (_, each), words in zip(pairs, told, strict=True)],
    )
    if not is_narrow:
        yield Names(
            title="sessions better,\nworse, alike",
            share=1.3,
            cells=[Cell(text=_fared(one, each), told=_told(one, each)) for one, each in pairs],
        )


def _change(found: PipelineComparison | None, told: str) -> Cell:
    if found is None or found.confidence_interval is None:
        return Cell()
    low, high = found.confidence_interval
    return Cell(
        value=found.ndcg_delta[_K],
        low=low,
        high=high,
        told=told,
        mark=_VERDICT_TO_MARK[found.verdict],
    )


def _fared(one: BenchmarkResult, found: PipelineComparison | None) -> str:
    if found is None:
        return "baseline"
    metrics = one.metrics
    each = metrics.sessions_improved, metrics.sessions_degraded, metrics.sessions_neutral
    return ", ".join(f"{n:,}" for n in each)


def _told(one: BenchmarkResult, found: PipelineComparison | None) -> str:
    told = f"{one.retriever_name}: nDCG@{_K} {one.metrics.ndcg_at_k[_K]:.4f}"
    if found is None:
        return f"{told}, the baseline"
    told += f", a change of {found.ndcg_delta[_K]:+.4f}"
    if found.confidence_interval is not None:
        low, high = found.confidence_interval
        told += f" ({low:+.4f} to {high:+.4f})"
    return f"{told}; {found.verdict.replace('_', ' ')}"


def _ranks(results: Sequence[BenchmarkResult], is_narrow: bool) -> Iterator[Column]:
    yield _names(results)
    yield _bars(
        f"acted on, in\nits first {_K}",
        results,
        lambda one: one.metrics.recall_at_k[_K],
        "%",
    )
    yield _bars("mean rank of\nthe acted on", results, lambda one: one.metrics.mean_rank_clicked)
    if not is_narrow:
        yield _bars("a search takes,\nmean ms", results, lambda one: one.latency.mean_ms)


def _reach(results: Sequence[BenchmarkResult], is_narrow: bool) -> Iterator[Column]:
    """What the log can tell of each."""
    yield _names(results)
    yield _bars("moves the log's\nfirst, in ranks", results, lambda one: one.reach.mean_move)
    yield _bars(f"of its first {_K},\nnobody saw", results, lambda one: one.reach.unseen_share, "%")
    if not is_narrow:
        yield _bars(f"acted on, not in\nits first {DEPTH}", results, _missed, "%")


def _missed(one: BenchmarkResult) -> float:
    reach = one.reach
    return 1 - reach.n_found / reach.n_reacted if reach.n_reacted else 0.0


def _names(results: Sequence[BenchmarkResult], told: Sequence[str] | None = None) -> Names:
    told = told or [one.retriever_name for one in results]
    return Names(
        title="retriever",
        share=1.5,
        cells=[
            Cell(text=shortened(one.retriever_name, _LONGEST_NAME), told=words)
            for one, words in zip(results, told, strict=True)
        ],
    )


def _bars(
    title: str,
    results: Sequence[BenchmarkResult],
    value: Callable[[BenchmarkResult], float],
    form: str = ".1f",
) -> Bars:
    """A bar for each retriever; what could not be replayed has none."""
    cells = []
    for one in results:
        if not one.reach.n_reacted:
            cells.append(Cell(text="–"))
            continue
        number = value(one)
        text = percent(number) if form == "%" else f"{number:{form}}"
        told = f"{one.retriever_name}: {text}"
        cells.append(Cell(text=text, value=number, told=told, mark="plain"))
    return Bars(title=title, share=1.5, cells=cells)
