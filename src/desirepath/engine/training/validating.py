"""What a log allows to be trained, before anything is."""

from __future__ import annotations

from ibis import _
from msgspec import Struct

from desirepath.engine.analysing.part import Part
from desirepath.engine.training import ranker
from desirepath.engine.training.cut_reactions import LEAST_PEOPLE, WITH_TWO, people_with_two
from desirepath.engine.training.recommender import RecommenderSettings
from desirepath.engine.training.training_rows import clicks_by_list
from desirepath.methods.adapters.gain import LEAST_QUERIES
from desirepath.methods.ranking import lambdamart
from desirepath.methods.ranking.click_probability import LEAST_CLICKS

__all__ = ["LogForTraining", "Needed", "validate_log"]


class Needed(Struct, frozen=True, kw_only=True):
    """What a kind of model takes at least, and what there is of it."""

    model: str
    what: str
    needed: int
    found: int

    @property
    def missing(self) -> int:
        return max(0, self.needed - self.found)


class LogForTraining(Struct, frozen=True, kw_only=True):
    """Amounts of a part of the log.

    Parameters
    ----------
    lists, documents_shown
        Known searches with a document that counts, and those documents.
    lists_with_click, lists_with_both
        Of those: with a click; with a click and a document left alone.
    linked_share
        Of the interactions, which belong to a known search.
    since, until
        Of the searches, microseconds since 1970; None: there is none.
    """

    executions: int
    queries: int
    users: int
    sessions: int
    since: int | None
    until: int | None
    interactions: int
    linked_share: float
    lists: int
    documents_shown: int
    documents: int
    clicks: int
    lists_with_click: int
    lists_with_both: int
    needs: tuple[Needed, ...]


def validate_log(part: Part) -> LogForTraining:
    """Count what models learn from."""
    (searches,) = part.rows(
        part.log.executions.aggregate(
            executions=_.count(),
            queries=_["query"].nunique(),
            users=_.user_id.nunique(),
            sessions=_.session_id.nunique(),
            since=_.occurred_at.min(),
            until=_.occurred_at.max(),
        )
    )
    (acts,) = part.rows(
        part.log.interactions.aggregate(n=_.count(), linked=_.count(where=_.is_known))
    )
    known = part.log.counted.filter(_.is_known)
    (lists,) = part.rows(
        clicks_by_list(known).aggregate(
            lists=_.count(),
            shown=_.n.sum(),
            clicks=_.clicks.sum(),
            with_click=_.count(where=_.clicks > 0),
            with_both=_.count(where=(_.clicks > 0) & (_.clicks < _.n)),
        )
    )
    queries = part.log.executions.select("execution_id", "query")
    clicked = clicks_by_list(known).filter(_.clicks > 0).inner_join(queries, "execution_id")
    (asked,) = part.rows(clicked.aggregate(n=_["query"].nunique()))
    (documents,) = part.rows(known.aggregate(n=_.document_id.nunique()))
    clicks, shown = lists["clicks"] or 0, lists["shown"] or 0
    n_people = people_with_two(part, RecommenderSettings().weighting)
    needs = (
        ("ranker", "lists with a click", ranker.LEAST_LISTS, lists["with_click"]),
        (
            "ranker",
            "lists with a click and a document left alone, to learn from",
            lambdamart.LEAST_LISTS,
            lists["with_both"],
        ),
        ("ctr", "documents that were clicked", LEAST_CLICKS, clicks),
        ("ctr", "documents that were left alone", LEAST_CLICKS, shown - clicks),
        ("recommender", WITH_TWO, LEAST_PEOPLE, n_people),
        (
            "adapter",
            "different queries with a click, at most: what has a vector is seen when it is trained",
            LEAST_QUERIES,
            asked["n"],
        ),
    )
    return LogForTraining(
        **searches,
        interactions=acts["n"],
        linked_share=acts["linked"] / acts["n"] if acts["n"] else 0.0,
        lists=lists["lists"],
        documents_shown=shown,
        documents=documents["n"],
        clicks=clicks,
        lists_with_click=lists["with_click"],
        lists_with_both=lists["with_both"],
        needs=tuple(
            Needed(model=model, what=what, needed=needed, found=found)
            for model, what, needed, found in needs
        ),
    )
