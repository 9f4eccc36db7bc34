"""What an evaluation came to: each measure with its interval, by cutoff, and the worst queries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from desirepath.dashboard.figures.canvas import Canvas, Chart, stacked
from desirepath.dashboard.figures.columns import (
    Bars,
    Cell,
    Column,
    Intervals,
    Names,
    draw_columns,
)
from desirepath.dashboard.figures.gate import draw_gate
from desirepath.dashboard.figures.words import counted, percent, shortened
from desirepath.engine.evaluating.results import EvaluationResult, QueryOutcome, QueryStatus
from desirepath.engine.proof_reports import EvaluationReport
from desirepath.methods.ranking.comparing import MeanEstimate

__all__ = ["draw_evaluation"]

_MOST_QUERIES = 10
_JUDGED = "judged"


def draw_evaluation(canvas: Canvas, report: EvaluationReport) -> Chart:
    """Draw the measures at the cutoff that decides, one by cutoff, and the worst queries.

    Of a candidate what the gate said comes first, and live beside it.
    """
    found, gate = report.result, report.gate
    panels = [] if gate is None else [draw_gate(canvas, gate)]
    panels += [
        draw_columns(canvas, list(_measures(found))),
        draw_columns(canvas, list(_cutoffs(found))),
    ]
    worst = _worst(found)
    if worst:
        panels.append(draw_columns(canvas, list(_queries(found, worst))))
    verdict = found.verdict if gate is None else gate.reason
    return canvas.finish(stacked(panels), verdict, *_about(report, len(worst)))


def _about(report: EvaluationReport, n_worst: int) -> Iterator[str]:
    found = report.result
    yield (
        f"{shortened(report.retriever_name, 60)} on dataset "
        f"“{shortened(report.dataset_name, 80)}”, {report.ended_at:%d %B %Y}: "
        f"{found.n_evaluated:,} of {counted(found.n_total, 'query')} evaluated."
    )
    if report.gate is not None:
        yield report.gate.what_if.words
        yield (
            "First: the candidate beside what was live, by the queries that both could be "
            "evaluated by. Green: it gains; ▼: it lost more than it may. "
            "Then: the candidate by itself."
        )
    yield (
        "Means over queries; 1 is the best there is. NDCG takes a grade itself as gain. Lines are "
        f"95% intervals of resampled queries (seed {found.seed}). Judged: which share of what was "
        "found somebody has judged; what nobody has counts as bad."
    )
    if n_worst:
        worst = counted(n_worst, "query")
        yield f"Beneath: the {worst} that {found.metric}@{found.k} is lowest of."
    for words, n in sorted(found.warnings.items()):
        yield f"{counted(n, 'query')}: {words}"


def _measures(found: EvaluationResult) -> Iterator[Column]:
    k = str(found.k)
    names = [name for name in (*found.metrics, _JUDGED) if name in found.estimates[k]]
    rows = [(f"{name}@{k}", found.estimates[k][name]) for name in names]
    yield from _estimates("measure", rows, f"at {k}")


def _cutoffs(found: EvaluationResult) -> Iterator[Column]:
    rows = [(f"{found.metric}@{k}", found.estimates[str(k)][found.metric]) for k in found.k_values]
    yield from _estimates(f"{found.metric} by cutoff", rows, "")


def _estimates(
    title: str, rows: Sequence[tuple[str, MeanEstimate]], of_what: str
) -> Iterator[Column]:
    tolds = [f"{name}: {one.mean:.4f} ({one.low:.4f} to {one.high:.4f})" for name, one in rows]
    yield Names(
        title=title,
        share=1.0,
        cells=[Cell(text=name, told=told) for (name, _), told in zip(rows, tolds, strict=True)],
    )
    yield Intervals(
        title=of_what,
        share=2.5,
        form=".1f",
        most=1.0,
        cells=[
            Cell(value=one.mean, low=one.low, high=one.high, told=told)
            for (_, one), told in zip(rows, tolds, strict=True)
        ],
    )
    yield Names(title="mean", share=0.6, cells=[Cell(text=f"{one.mean:.3f}") for _, one in rows])


def _worst(found: EvaluationResult) -> list[QueryOutcome]:
    evaluated = [one for one in found.queries if one.status is QueryStatus.EVALUATED]
    k = str(found.k)
    return sorted(evaluated, key=lambda one: (one.by_k[k][found.metric], one.query_id))[
        :_MOST_QUERIES
    ]


def _queries(found: EvaluationResult, worst: Sequence[QueryOutcome]) -> Iterator[Column]:
    k = str(found.k)
    yield Names(
        title="query",
        share=1.6,
        cells=[Cell(text=shortened(one.query_id, 40), told=one.query_id) for one in worst],
    )
    for name, share in ((found.metric, 1.5), (_JUDGED, 1.5)):
        values = [one.by_k[k].get(name, 0.0) for one in worst]
        is_share = name == _JUDGED
        yield Bars(
            title=f"{name}@{k}",
            share=share,
            most=1.0,
            cells=[
                Cell(
                    text=percent(value) if is_share else f"{value:.3f}",
                    value=value,
                    told=f"{one.query_id}: {name}@{k} {value:.4f}",
                    mark="plain",
                )
                for one, value in zip(worst, values, strict=True)
            ],
        )
