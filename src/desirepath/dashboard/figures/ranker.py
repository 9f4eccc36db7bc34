"""How well a ranker orders lists, beside orders that need no learning, and by which features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
from desirepath.dashboard.figures.words import percent, shortened
from desirepath.engine.training.ranker import Measured, RankerReport
from desirepath.methods.ranking.comparing import MeanEstimate
from desirepath.methods.ranking.importance import Importance

__all__ = ["draw_ranker"]

_MOST_FEATURES = 20


def draw_ranker(canvas: Canvas, report: RankerReport) -> Chart:
    """Draw nDCG@k of each order with its 95 % interval, and what each feature does for it."""
    features = report.importances[:_MOST_FEATURES]
    orders = draw_columns(canvas, list(_orders(report, canvas.is_narrow)))
    importances = draw_columns(canvas, list(_features(features, report.k, canvas.is_narrow)))
    chart = stacked([orders, importances])
    return canvas.finish(chart, _title(report), *_about(report, len(features)))


def _title(report: RankerReport) -> str:
    ranker, *others = report.measured
    title = f"nDCG@{report.k} is {ranker.ndcg.mean:.3f} by the ranker"
    if not others:
        return title
    best = max(one.ndcg.mean for one in others)
    return f"{title}, and {best:.3f} at best without learning"


def _about(report: RankerReport, n_features: int) -> Iterator[str]:
    yield (
        f"On the last {report.n_test_lists:,} lists with a grade, from {report.test_from[:10]}; "
        f"learned from {report.n_train_lists:,} before them. {report.gain.value.capitalize()} gain "
        f"of {report.grading.value} grades; seed {report.seed}; {report.n_trees:,} trees; position "
        f"bias {'taken out' if report.is_position_debiased else 'left in'}."
    )
    yield report.verdict
    is_level = any(_mark(one) == "bad" for one in report.measured)
    left_out = len(report.importances) - n_features
    yield (
        "Lines are 95% intervals over lists."
        + (" Triangles: the ranker is not clearly ahead of it." if is_level else "")
        + (f" The {n_features} features that matter most; {left_out} more." if left_out else "")
    )


def _orders(report: RankerReport, is_narrow: bool) -> Iterator[Column]:
    rows = report.measured
    yield Names(
        title="order by",
        share=1.6,
        cells=[Cell(text=one.words, told=_told(one, report.k)) for one in rows],
    )
    yield Intervals(
        title=f"nDCG@{report.k}",
        share=2.0,
        form=".1f",
        cells=[_interval(one.ndcg, _told(one, report.k), _mark(one)) for one in rows],
    )
    yield Names(title="", share=0.5, cells=[Cell(text=f"{one.ndcg.mean:.3f}") for one in rows])
    if not is_narrow:
        yield Names(
            title="the ranker is ahead by",
            share=1.5,
            cells=[
                Cell(text="" if one.behind is None else _in_words(one.behind, "+.3f"))
                for one in rows
            ],
        )


def _mark(one: Measured) -> Mark:
    if one.behind is None:
        return "good"
    return "plain" if one.behind.is_above_zero else "bad"


def _told(one: Measured, k: int) -> str:
    told = f"{one.words}: nDCG@{k} {_in_words(one.ndcg, '.4f')}"
    return told if one.behind is None else f"{told}; behind by {_in_words(one.behind, '+.4f')}"


def _features(features: Sequence[Importance], k: int, is_narrow: bool) -> Iterator[Column]:
    tolds = [_told_of_feature(one, k) for one in features]
    yield Names(
        title="feature",
        share=1.6,
        cells=[
            Cell(text=shortened(one.feature, 40), told=told)
            for one, told in zip(features, tolds, strict=True)
        ],
    )
    yield Intervals(
        title=f"nDCG@{k} lost without it\n(values dealt out anew)",
        share=2.0,
        form=".2f",
        line=0,
        cells=[
            Cell() if one.loss is None else _interval(one.loss, told, _does(one.loss))
            for one, told in zip(features, tolds, strict=True)
        ],
    )
    if not is_narrow:
        yield Bars(
            title="share of what\nsplits gained",
            share=2.0,
            cells=[
                Cell(text=percent(one.gain_share), value=one.gain_share, told=told, mark="plain")
                for one, told in zip(features, tolds, strict=True)
            ],
        )


def _does(loss: MeanEstimate) -> Mark:
    return "good" if loss.is_above_zero else "plain"


def _told_of_feature(one: Importance, k: int) -> str:
    told = f"{one.feature}: {percent(one.gain_share)} of what splits gained"
    if one.loss is not None:
        told += f"; without it, nDCG@{k} falls by {_in_words(one.loss, '.4f')}"
    return f"{told}; {percent(one.coverage)} of documents have a value"


def _interval(one: MeanEstimate, told: str, mark: Mark) -> Cell:
    return Cell(value=one.mean, low=one.low, high=one.high, told=told, mark=mark)


def _in_words(one: MeanEstimate, form: str) -> str:
    return f"{one.mean:{form}} ({one.low:{form}} to {one.high:{form}})"
