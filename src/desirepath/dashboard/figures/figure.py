"""The chart of an answer, whichever answer it is."""

from __future__ import annotations

from desirepath.dashboard.figures.benchmark import draw_benchmark
from desirepath.dashboard.figures.canvas import Canvas, Chart
from desirepath.dashboard.figures.click_through import draw_click_through
from desirepath.dashboard.figures.documents import draw_documents
from desirepath.dashboard.figures.evaluation import draw_evaluation
from desirepath.dashboard.figures.event_health import draw_event_health
from desirepath.dashboard.figures.experiment import draw_experiment
from desirepath.dashboard.figures.funnel import draw_funnels
from desirepath.dashboard.figures.journey import draw_journey
from desirepath.dashboard.figures.propensities import draw_propensities
from desirepath.dashboard.figures.queries import draw_queries
from desirepath.dashboard.figures.ranker import draw_ranker
from desirepath.dashboard.figures.reliability import draw_reliability
from desirepath.dashboard.figures.what_if import draw_what_if
from desirepath.engine.analysing.event_checks import EventHealth
from desirepath.engine.analysing.propensities import PositionBias
from desirepath.engine.analysing.relevance import (
    DocumentRates,
    Funnels,
    PositionRates,
    QueryRates,
)
from desirepath.engine.analysing.session_answers import Journey
from desirepath.engine.proof_reports import (
    BenchmarkReport,
    EvaluationReport,
    ExperimentReport,
    WhatIfReport,
)
from desirepath.engine.training.ctr_report import CtrReport
from desirepath.engine.training.ranker import RankerReport

__all__ = ["Drawable", "figure_of"]

Drawable = (
    PositionRates
    | QueryRates
    | DocumentRates
    | Funnels
    | PositionBias
    | Journey
    | EventHealth
    | RankerReport
    | CtrReport
    | BenchmarkReport
    | EvaluationReport
    | WhatIfReport
    | ExperimentReport
)
"""Answers, and reports of models and of proofs, that have a chart."""


def figure_of(answer: Drawable, canvas: Canvas | None = None) -> Chart:
    """Draw an answer.

    Parameters
    ----------
    canvas
        How wide, and in which colours; None: 760 pixels, light.

    Returns
    -------
    Chart
        An Altair chart: a notebook shows it, ``save`` writes it, and ``to_dict`` is Vega-Lite.
    """
    canvas = canvas or Canvas()
    match answer:
        case PositionRates():
            return draw_click_through(canvas, answer)
        case QueryRates():
            return draw_queries(canvas, answer)
        case DocumentRates():
            return draw_documents(canvas, answer)
        case Funnels():
            return draw_funnels(canvas, answer)
        case PositionBias():
            return draw_propensities(canvas, answer)
        case Journey():
            return draw_journey(canvas, answer)
        case EventHealth():
            return draw_event_health(canvas, answer)
        case RankerReport():
            return draw_ranker(canvas, answer)
        case CtrReport():
            return draw_reliability(canvas, answer)
        case BenchmarkReport():
            return draw_benchmark(canvas, answer)
        case EvaluationReport():
            return draw_evaluation(canvas, answer)
        case WhatIfReport():
            return draw_what_if(canvas, answer)
        case ExperimentReport():
            return draw_experiment(canvas, answer)
