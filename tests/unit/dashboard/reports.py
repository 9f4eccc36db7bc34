"""Reports to show: full, hostile and empty."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from desirepath.engine.learned_report import FeatureWeight, LearnedRetriever, RecentSearch
from desirepath.engine.reporting import (
    Fault,
    HourCount,
    PositionRate,
    Positions,
    QueryRate,
    RecentInteraction,
    Report,
    SkippedDocument,
    TypeCount,
    ZeroResultQuery,
    wilson_rate,
)
from desirepath.storage.base import Namespace

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
DEFAULT = Namespace(number=1, namespace_id="ns_1", name="default", created_at=0)
SECOND = Namespace(number=2, namespace_id="ns_2", name="second", created_at=0)


def a_fault(**changes: Any) -> Fault:
    values: dict[str, Any] = {
        "name": "no_execution",
        "title": "No execution",
        "count": 5,
        "of": 100,
        "of_what": "events",
        "share": 0.05,
        "fix": "Send it.",
    }
    return Fault(**(values | changes))


def a_report(text: str = "red shoes", **changes: Any) -> Report:
    """A report with something in each part; ``text`` stands wherever a sender's text can."""
    values: dict[str, Any] = {
        "namespace": "default",
        "namespace_id": "ns_1",
        "generated_at": NOON,
        "executions": 1_200,
        "interactions": 4_800,
        "first_at": NOON - timedelta(days=30),
        "last_at": NOON,
        "click_through": wilson_rate(80, 1_000),
        "zero_results": wilson_rate(12, 1_200),
        "types": (TypeCount(type="impression", n=4_000), TypeCount(type="click", n=800)),
        "hours": tuple(
            HourCount(
                hour=NOON - timedelta(hours=47 - number),
                n=number,
                n_shown=number // 2,
                types={"click": number - number // 2, "impression": number // 2},
            )
            for number in range(48)
        ),
        "positions": Positions(
            basis="shown",
            since=None,
            rates=(
                PositionRate(position=0, click_through=wilson_rate(60, 500)),
                PositionRate(position=1, click_through=wilson_rate(0, 500)),
            ),
        ),
        "queries": (
            QueryRate(query=text, executions=700, clicks=90, click_through=0.5),
            QueryRate(query="", executions=0, clicks=2, click_through=None),
        ),
        "zero_result_queries": (ZeroResultQuery(query=text, searches=12),),
        "skipped_documents": (SkippedDocument(document_id=text, skips=3),),
        "faults": (
            a_fault(subject=text),
            a_fault(name="fine", title="Never seen", count=0, share=0.0),
        ),
        "learned": (
            LearnedRetriever(
                retriever_id="ret_1",
                retriever_name=text,
                serving="learned",
                frozen=True,
                lists=1_234.5,
                weights=(
                    FeatureWeight(feature_uri=text, weight=0.75, low=0.5, high=0.875),
                    FeatureWeight(feature_uri="mine://x", weight=0.25, low=0.125, high=0.5),
                ),
            ),
        ),
        "searches": (
            RecentSearch(
                occurred_at=NOON,
                execution_id="exec_1",
                retriever_name=text,
                query=text,
                n_documents=10,
                first_document_id=text,
                fusion="learned",
                level="personal",
                weights={text: 0.75, "mine://x": 0.25},
            ),
            RecentSearch(
                occurred_at=NOON,
                execution_id="exec_2",
                retriever_name="other",
                query=None,
                n_documents=0,
                first_document_id=None,
                fusion=None,
                level=None,
                weights={},
            ),
        ),
        "recent": (
            RecentInteraction(
                interaction_id="int_1",
                occurred_at=NOON,
                types=("click", "purchase"),
                document_id=text,
                position=3,
                query=text,
                warning=f"A warning about {text}.",
            ),
            RecentInteraction(
                interaction_id="int_2",
                occurred_at=NOON,
                types=("filter_toggle",),
                document_id=None,
                position=None,
                query=None,
                warning=None,
            ),
        ),
    }
    return Report(**(values | changes))


def an_empty_report() -> Report:
    return a_report(
        executions=0,
        interactions=0,
        first_at=None,
        last_at=None,
        click_through=None,
        zero_results=None,
        types=(),
        hours=(),
        positions=Positions(basis="none", since=None, rates=()),
        queries=(),
        zero_result_queries=(),
        skipped_documents=(),
        faults=(),
        recent=(),
        learned=(),
        searches=(),
    )
