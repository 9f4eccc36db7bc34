"""Who reacted to which document, how much and how lately: what recommendations are learned from."""

from __future__ import annotations

import math
from typing import Any

import ibis
from ibis import _
from ibis.expr.types import Table
from msgspec import Struct

from desirepath.analysis.building import built_once
from desirepath.analysis.log import Log, identity_of

__all__ = ["Weighting", "reactions", "split_moment", "weighted"]

_LEAST = 1e-3  # what has faded to less is nothing


class Weighting(Struct, frozen=True, kw_only=True):
    """How reactions add up; :mod:`~desirepath.engine.recommending.history` does it to one person.

    Parameters
    ----------
    half_life
        A reaction so many microseconds older counts half.
    most
        That one person's reactions to one document come to.
    most_people, most_documents
        The people who reacted last, and the documents that most people reacted to; others are left
        out.
    most_of_person
        Documents of one person, the last ones.
    """

    half_life: int
    most: float = 5.0
    most_people: int = 1_000_000
    most_documents: int = 100_000
    most_of_person: int = 500


@built_once
def reactions(log: Log) -> Table:
    """What people did with documents that is worth something.

    Returns
    -------
    Table
        ``identity`` (the user, else the session), ``document_id``, ``moment`` and ``reward`` above
        0. All that was done with a document after one search is one reaction: its reward is the
        strongest and its moment the last, when it was recorded, or for what was sent later when it
        occurred.
    """
    rows = log.interactions.filter(_.document_id.notnull())
    rows = rows.mutate(
        identity=identity_of(rows),
        moment=ibis.ifelse(rows.live, rows.recorded_at, rows.occurred_at),
        lone=ibis.ifelse(rows.execution_id.isnull(), rows.id, ibis.null("binary")),
    ).filter(_.identity.notnull())
    found = rows.group_by("identity", "document_id", "execution_id", "lone").agg(
        moment=rows.moment.max(),
        reward=ibis.greatest(rows.reward.max(), 0.0) + ibis.least(rows.reward.min(), 0.0),
    )
    return found.filter(_.reward > 0).select("identity", "document_id", "moment", "reward")


def split_moment(reactions: Table, share: float) -> Table:
    """One row: ``split``, the moment before which that share of the reactions was; ``last``."""
    return reactions.aggregate(split=_.moment.quantile(share), last=_.moment.max(), n=_.count())


def weighted(reactions: Table, as_of: int, weighting: Weighting) -> Table:
    """One row a person and document: ``identity``, ``document_id``, ``weight``, at least 0.001.

    Parameters
    ----------
    as_of
        The moment that ages are counted from, microseconds since 1970.
    """
    age: Any = ibis.greatest(as_of - reactions.moment, 0).cast("float64")
    fading = (-math.log(2.0) / weighting.half_life * age).exp()
    faded = reactions.mutate(faded=reactions.reward * fading)
    rows = faded.group_by("identity", "document_id").agg(
        weight=ibis.least(_.faded.sum(), weighting.most), last=_.moment.max()
    )
    rows = rows.filter(_.weight >= _LEAST)
    newest = ibis.window(group_by="identity", order_by=[ibis.desc("last"), ibis.asc("document_id")])
    rows = rows.mutate(place=ibis.row_number().over(newest))
    rows = rows.filter(_.place < weighting.most_of_person)
    people = rows.group_by("identity").agg(latest=_.last.max())
    people = people.order_by(ibis.desc("latest"), "identity").limit(weighting.most_people)
    documents = rows.group_by("document_id").agg(n=_.count())
    documents = documents.order_by(ibis.desc("n"), "document_id").limit(weighting.most_documents)
    kept = rows.semi_join(people, "identity").semi_join(documents, "document_id")
    return kept.select("identity", "document_id", "weight")
