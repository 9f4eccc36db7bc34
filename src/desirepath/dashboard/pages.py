"""The home page and the page to sign in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from msgspec import Struct

from desirepath.dashboard.charts import bars, hour_chart, rate_bars
from desirepath.dashboard.rendering import render
from desirepath.domain.interaction import QUERY_LEVEL_TYPES, SHOWN_TYPES
from desirepath.domain.reward import DEFAULT_REWARDS
from desirepath.engine.learned_report import LearnedRetriever
from desirepath.engine.reporting import Report
from desirepath.storage.base import Namespace

__all__ = ["render_home", "render_sign_in"]

T = TypeVar("T")

_N_POSITIONS = 15
_N_TYPES = 9
_FEW_FAULTS = 3  # beside the chart of positions there is room for more than these
_BASIS = {
    "shown": "of documents shown",
    "returned": "of documents returned",
    "mixed": "of documents shown, or returned where no impressions are sent",
    "none": "",
}


def render_home(
    report: Report,
    namespaces: Sequence[Namespace],
    current: Namespace,
    *,
    address: str = "http://127.0.0.1:8000",
) -> str:
    """First sight of a namespace, as one page.

    Parameters
    ----------
    report
        What to show.
    namespaces, current
        Those that the visitor may choose from, and the one that is shown.
    address
        Of this service, for the commands that an empty page proposes.
    """
    faults = [fault for fault in report.faults if fault.count]
    return render(
        "home.html",
        report=report,
        namespaces=namespaces,
        current=current,
        address=address,
        namespace_header=_namespace_header(current),
        basis=_BASIS[report.positions.basis],
        hours=hour_chart(report.hours) if report.hours else None,
        rates=rate_bars(report.positions.rates[:_N_POSITIONS]),
        types=_with_bars([(count.type, count.n) for count in report.types[:_N_TYPES]]),
        queries=_with_bars([(rate, rate.executions or rate.clicks) for rate in report.queries]),
        zero_results=_with_bars([(one.query, one.searches) for one in report.zero_result_queries]),
        skipped=_with_bars([(one.document_id, one.skips) for one in report.skipped_documents]),
        learned=[LearnedCard(row=one, said=_said(one)) for one in report.learned],
        faults=faults,
        few_faults=len(faults) <= _FEW_FAULTS,
        passed=[fault for fault in report.faults if not fault.count],
        tone=_tone,
    )


class LearnedCard(Struct, frozen=True, kw_only=True):
    """A retriever that learns, and in words what is done with it."""

    row: LearnedRetriever
    said: str


_SERVING = {
    "learned": "learned, served to everybody",
    "in part": "learned, served in part",
    "shadow": "learned, not served (shadow)",
    "fixed": "fixed by hand",
    "static": "learned before, not served",
}


def _said(one: LearnedRetriever) -> str:
    return _SERVING[one.serving] + (", frozen" if one.frozen else "")


def render_sign_in(message: str) -> str:
    """The page that asks for a key; ``message`` says why it is asked again."""
    return render("sign_in.html", message=message)


def _namespace_header(namespace: Namespace) -> str:
    """What a command adds to speak of another namespace than an admin key's own."""
    if namespace.name == "default":
        return ""
    return f' \\\n  -H "X-Namespace: {namespace.namespace_id}"'


def _with_bars(rows: Sequence[tuple[T, int]]) -> list[tuple[T, int, float]]:
    widths = bars([n for _, n in rows])
    return [(item, n, width) for (item, n), width in zip(rows, widths, strict=True)]


def _tone(type: str) -> str:
    """How a type of interaction is coloured: by what it says."""
    if type in SHOWN_TYPES:
        return "shown"
    if type in QUERY_LEVEL_TYPES:
        return "query"
    return "bad" if DEFAULT_REWARDS.get(type, 0.0) < 0 else "good"
