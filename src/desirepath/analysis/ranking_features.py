"""Features of rankers as of the time of each search, for :mod:`desirepath.domain.ranking_features`.

Nothing that happened after a search is seen by its features: shared counters stop at the boundary
before it, and a person's history at the search itself.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import ibis
from ibis import _
from ibis.expr.types import Table, Value
from msgspec import Struct

from desirepath.analysis.log import Log
from desirepath.domain.acts import CLICKED
from desirepath.domain.ranking_features import (
    DAY,
    HISTORY,
    SETTLE,
    STEP,
    FeatureKind,
    FeatureLayout,
    RankingFeature,
)

__all__ = [
    "FeatureTables",
    "clicks_of",
    "counts",
    "exposures_of",
    "feature_groups",
    "moment_of",
    "value_shares",
]

_ROW = ["execution_id", "document_id"]
_OWN = (FeatureKind.RANK, FeatureKind.DOCUMENT_SCORE, FeatureKind.SCORE, FeatureKind.LOGGED)
_FIELDS = (FeatureKind.NUMBER, FeatureKind.AGE)
_COUNTERS = (
    FeatureKind.CTR,
    FeatureKind.CTR_OF_PAIR,
    FeatureKind.POPULARITY,
    FeatureKind.EXPOSURE,
    FeatureKind.DAYS_SINCE_CLICK,
    FeatureKind.DAYS_KNOWN,
)
_KIND_TO_WHO = {FeatureKind.USER_AFFINITY: "user", FeatureKind.SESSION_AFFINITY: "session"}


class FeatureTables(Struct, frozen=True, kw_only=True, eq=False):
    """What features are worked out from. Moments are microseconds since 1970.

    Parameters
    ----------
    exposures
        What counted searches returned: ``execution_id``, ``document_id``, ``query``, ``moment`` of
        the search, ``clicked`` (moment of the first click; null: none) and ``propensity``.
    clicks
        All clicks on documents in the order they are looked back on: ``who_user``,
        ``who_session``, ``document_id``, ``moment``, ``id``.
    numbers
        ``document_id``, and by number of the path in the layout ``number_N`` and ``date_N``.
    values
        ``path``, ``document_id``, ``value``.
    shares
        ``path``, ``value``, ``share``.
    likeness
        ``recommender`` (an argument in the layout), ``document_id``, ``other_id``, ``alike``: each
        document that it knows beside its neighbours, and beside itself with 0.
    """

    exposures: Table
    clicks: Table
    numbers: Table | None = None
    values: Table | None = None
    shares: Table | None = None
    likeness: Table | None = None


def exposures_of(log: Log, layout: FeatureLayout) -> Table:
    """What counted searches of a whole log returned; see :class:`FeatureTables`."""
    searches = log.executions.mutate(moment=moment_of(log.executions))
    if layout.retriever_id is not None:
        searches = searches.filter(_.retriever_id == layout.retriever_id)
    searches = searches.select("execution_id", "moment", "query")
    first = _clicked(log).group_by(_ROW).agg(clicked=_.moment.min())
    exposures = log.returned.select(*_ROW, "position").inner_join(searches, "execution_id")
    exposures = exposures.left_join(first, _ROW)
    # A click counts no earlier than the list that it is on.
    clicked = ibis.ifelse(_.clicked.notnull(), ibis.greatest(_.clicked, _.moment), _.clicked)
    return exposures.select(
        *_ROW,
        "query",
        "moment",
        clicked=clicked,
        propensity=_propensity(_.position, layout.propensities),
    )


def clicks_of(log: Log) -> Table:
    """All clicks on documents, as they were sent; see :class:`FeatureTables`."""
    return _clicked(log).select(
        "id", "document_id", "moment", who_user=_.user_id, who_session=_.session_id
    )


def _clicked(log: Log) -> Table:
    sent = log.sent.filter(_.document_id.notnull(), (_.acts & CLICKED) != 0)
    return sent.mutate(moment=moment_of(sent))


def feature_groups(
    rows: Table, tables: FeatureTables, layout: FeatureLayout, origin: int
) -> Iterator[Table]:
    """Tables with the ``row`` of each row and a column ``f_N`` for some of the features.

    All together have every feature once, null where it is missing. They are several, each to be
    run by itself, because one expression for all would be too deep for what compiles it; a table
    may leave out rows for which it has nothing.

    Parameters
    ----------
    rows
        ``row`` (unique), ``execution_id``, ``document_id``, ``position``, ``score``, ``scores``,
        ``features``, ``query``, ``user_id``, ``session_id``, ``moment`` of the search.
    origin
        A moment near those of the rows, to keep fading numbers in a good range.
    """
    places: dict[FeatureKind, list[int]] = defaultdict(list)
    for place, one in enumerate(layout.features):
        places[one.kind].append(place)

    def named(columns: Table, *kinds: FeatureKind) -> Table:
        wanted = [place for kind in kinds for place in places[kind]]
        values = {f"f_{n}": _value(columns, layout.features[n], layout) for n in wanted}
        return columns.select("row", **values)

    if any(places[kind] for kind in _OWN):
        yield named(rows, *_OWN)
    if any(places[kind] for kind in _FIELDS) and tables.numbers is not None:
        yield named(_with(rows, tables.numbers, ["document_id"]), *_FIELDS)
    if any(places[kind] for kind in _COUNTERS):
        counted = _with_counters(rows, tables.exposures, layout, origin)
        if places[FeatureKind.CTR_OF_PAIR]:
            counted = _with_pair_rate(counted, tables.exposures, layout, origin)
        yield named(counted, *_COUNTERS)
    for kind, who in _KIND_TO_WHO.items():
        for place in places[kind]:
            path = layout.features[place].argument
            found = _affinities(rows, tables, layout, who, path)
            yield found.rename(**{f"f_{place}": "affinity"})
    for place in places[FeatureKind.RECOMMENDER]:
        found = _mean_likeness(rows, tables, layout, layout.features[place].argument)
        yield found.rename(**{f"f_{place}": "alike"})


def _value(columns: Table, feature: RankingFeature, layout: FeatureLayout) -> Value:
    match feature.kind:
        case FeatureKind.RANK:
            value = columns.features.get("rerank.rank").coalesce(columns.position.cast("float64"))
        case FeatureKind.DOCUMENT_SCORE:
            value = columns.features.get("rerank.score").coalesce(columns.score)
        case FeatureKind.SCORE:
            value = columns.scores.get(feature.argument)
        case FeatureKind.LOGGED:
            value = columns.features.get(feature.argument)
        case FeatureKind.NUMBER:
            number = layout.arguments(FeatureKind.NUMBER).index(feature.argument)
            value = columns[f"number_{number}"]
        case FeatureKind.AGE:
            number = layout.arguments(FeatureKind.AGE).index(feature.argument)
            value = (columns.moment.cast("float64") - columns[f"date_{number}"]) / DAY
        case _:
            value = columns[feature.kind.value]
    return value.cast("float64")


def moment_of(table: Table) -> Value:
    """When a record counts from: when it came, unless it is known to be older."""
    return ibis.ifelse(table.live, table.recorded_at, table.occurred_at)


def _propensity(position: Value, propensities: Sequence[float]) -> Value:
    at: Value = ibis.literal(float(propensities[-1]))
    if len(propensities) > 1:
        known = enumerate(propensities[:-1])
        at = ibis.cases(*((position == place, float(one)) for place, one in known), else_=at)
    # Spark takes such numbers for decimals, unless they are added to one that is none.
    return position.cast("float64") * 0 + at


# Shared counters: what has happened is summed up bucket by bucket, each sum as of one fixed moment.


def _fading(moment: Value, layout: FeatureLayout, origin: int) -> Value:
    age = (moment - origin).cast("float64") / (layout.half_life_days * DAY)
    return (age * math.log(2)).exp()


def _happenings(exposures: Table, layout: FeatureLayout, origin: int, keys: Sequence[str]) -> Table:
    """By key and bucket from which they count: exposures and clicks, faded to the origin."""
    shown = exposures.select(
        *keys,
        bucket=_.moment // STEP + 1,
        exposed=_.propensity * _fading(_.moment, layout, origin),
        clicks=ibis.literal(0.0),
        first_at=_.moment,
        last_click=ibis.null("int64"),
    )
    clicked = exposures.filter(_.clicked.notnull()).select(
        *keys,
        bucket=_.clicked // STEP + 1,
        exposed=ibis.literal(0.0),
        clicks=_fading(_.clicked, layout, origin),
        first_at=ibis.null("int64"),
        last_click=_.clicked,
    )
    both = shown.union(clicked)
    return both.group_by(*keys, "bucket").agg(**_sums(both))


def counts(exposures: Table, layout: FeatureLayout, origin: int, keys: Sequence[str]) -> Table:
    """All that happened, by key: ``exposed``, ``clicks`` (faded to the origin), and when.

    Parameters
    ----------
    exposures
        See :class:`FeatureTables`.
    origin
        Microseconds since 1970; ``first_at`` and ``last_click`` are too.
    """
    happened = _happenings(exposures, layout, origin, keys)
    return happened.group_by(*keys).agg(**_sums(happened))


def value_shares(exposures: Table, values: Table) -> Table:
    """Which share of exposures had a value: ``path``, ``value``, ``share``."""
    total = exposures.agg(total=_.propensity.sum())
    by_document = exposures.group_by("document_id").agg(exposed=_.propensity.sum())
    found = values.inner_join(by_document, "document_id").group_by("path", "value")
    shares = found.agg(exposed=_.exposed.sum()).cross_join(total)
    return shares.select("path", "value", share=_.exposed / _.total)


def _sums(table: Table) -> dict[str, Any]:
    return {
        "exposed": table.exposed.sum(),
        "clicks": table.clicks.sum(),
        "first_at": table.first_at.min(),
        "last_click": table.last_click.max(),
    }


def _as_of(rows: Table, happenings: Table, keys: Sequence[str]) -> Table:
    """Sums for each (key, bucket) of the rows: of all that counts from that bucket or before."""
    asked = rows.select(*keys, "bucket").distinct()
    asked = asked.mutate(
        exposed=ibis.literal(0.0),
        clicks=ibis.literal(0.0),
        first_at=ibis.null("int64"),
        last_click=ibis.null("int64"),
        asks=ibis.literal(1, "int8"),
    )
    both = happenings.mutate(asks=ibis.literal(0, "int8")).select(*asked.columns).union(asked)
    so_far = ibis.window(
        group_by=list(keys) or None, order_by=["bucket", "asks"], preceding=None, following=0
    )
    sums = {name: value.over(so_far) for name, value in _sums(both).items()}
    return both.mutate(**sums).filter(_.asks == 1).drop("asks")


def _buckets(moment: Value) -> Value:
    """The bucket of the boundary that a search sees."""
    return ((moment - SETTLE) // STEP).cast("int64")


def _with_counters(rows: Table, exposures: Table, layout: FeatureLayout, origin: int) -> Table:
    k = layout.smoothing
    rows = rows.mutate(bucket=_buckets(rows.moment))
    happened = _happenings(exposures, layout, origin, ["document_id"])
    rows = _joined(rows, _as_of(rows, happened, ["document_id"]), ["document_id"], "document")
    overall = happened.group_by("bucket").agg(**_sums(happened))
    rows = _joined(rows, _as_of(rows, overall, []), [], "all")
    now = rows.bucket * STEP
    fade = 1 / _fading(now, layout, origin)
    exposed, clicks = rows.exposed_document * fade, rows.clicks_document * fade
    base = ibis.ifelse(rows.exposed_all > 0, rows.clicks_all / rows.exposed_all, ibis.null(float))
    return rows.mutate(
        ctr=(clicks + k * base) / (exposed + k),
        popularity=(1 + clicks).ln(),
        exposure=(1 + exposed).ln(),
        days_since_click=(now - rows.last_click_document).cast("float64") / DAY,
        days_known=(now - rows.first_at_document).cast("float64") / DAY,
    )


def _with_pair_rate(rows: Table, exposures: Table, layout: FeatureLayout, origin: int) -> Table:
    k, keys = layout.smoothing, ["query", "document_id"]
    happened = _happenings(exposures.filter(_["query"].notnull()), layout, origin, keys)
    asked = rows.filter(_["query"].notnull())
    rows = _joined(rows, _as_of(asked, happened, keys), keys, "pair")
    fade = 1 / _fading(rows.bucket * STEP, layout, origin)
    rate = (rows.clicks_pair * fade + k * rows.ctr) / (rows.exposed_pair * fade + k)
    return rows.mutate(ctr_of_pair=rate)


def _joined(rows: Table, sums: Table, keys: Sequence[str], suffix: str) -> Table:
    """Rows with the sums of their key and bucket, named after what they are of."""
    named = sums.rename(
        **{f"{name}_{suffix}": name for name in ("exposed", "clicks", "first_at", "last_click")}
    )
    return _with(rows, named, [*keys, "bucket"])


def _with(rows: Table, others: Table, keys: Sequence[str]) -> Table:
    """Rows with what another table says of their keys, where it says something."""
    joined = rows.left_join(others, list(keys), rname="{name}_again")
    return joined.drop(*(name for name in joined.columns if name.endswith("_again")))


# What a person clicked before


def _affinities(
    rows: Table, tables: FeatureTables, layout: FeatureLayout, who: str, path: str
) -> Table:
    """``row`` and ``affinity``, where somebody has clicked before."""
    assert tables.values is not None
    assert tables.shares is not None
    shares = tables.shares.filter(_.path == path).drop("path")
    values = tables.values.filter(_.path == path).drop("path").inner_join(shares, "value")
    history = _history(rows, tables.clicks, who)
    liked = history.inner_join(values.drop("share"), "document_id")
    liked = liked.group_by("execution_id", "value").agg(n_liked=_.count())
    sizes = history.group_by("execution_id").agg(n_history=_.count())
    k = layout.smoothing
    named = rows.select("row", *_ROW).inner_join(values, "document_id")
    named = named.select("row", "execution_id", "value", "share").inner_join(sizes, "execution_id")
    named = _with(named, liked, ["execution_id", "value"])
    lift = (named.n_liked.fill_null(0) + k * named.share) / (named.n_history + k) / named.share
    return named.mutate(lift=lift.ln()).group_by("row").agg(affinity=_.lift.mean())


def _mean_likeness(
    rows: Table, tables: FeatureTables, layout: FeatureLayout, recommender: str
) -> Table:
    """``row`` and ``alike``, where the recommender knows the document and what was clicked."""
    assert tables.likeness is not None
    likeness = tables.likeness.filter(_.recommender == recommender).drop("recommender")
    known = likeness.filter(_.document_id == _.other_id).select("document_id")
    rows = rows.filter(rows.moment >= layout.learned_before[recommender])
    history = _history(rows, tables.clicks, "user").inner_join(known, "document_id")
    sizes = history.group_by("execution_id").agg(n_history=_.count())
    named = rows.select("row", *_ROW).inner_join(known, "document_id")
    named = named.select("row", "execution_id", other_id="document_id")
    pairs = named.inner_join(history, "execution_id")
    near = pairs.inner_join(likeness, ["document_id", "other_id"]).group_by("row")
    near = near.agg(total=_.alike.sum())
    named = _with(named.inner_join(sizes, "execution_id"), near, ["row"])
    return named.select("row", alike=named.total.fill_null(0.0) / named.n_history)


def _history(rows: Table, clicks: Table, who: str) -> Table:
    """The last clicks before each search of somebody: ``execution_id``, ``document_id``."""
    theirs = clicks.filter(clicks[f"who_{who}"].notnull()).mutate(who=_[f"who_{who}"])
    in_order = ibis.window(group_by="who", order_by=["moment", "id"])
    numbered = theirs.mutate(number=ibis.row_number().over(in_order))
    searches = rows.filter(rows[f"{who}_id"].notnull())
    searches = searches.select("execution_id", "moment", who=_[f"{who}_id"]).distinct()
    # At the same moment the search comes first: its own time is not before itself.
    both = numbered.select("who", "moment", execution_id=ibis.null(str), is_click=1).union(
        searches.select("who", "moment", "execution_id", is_click=ibis.literal(0, "int8"))
    )
    before = ibis.window(
        group_by="who", order_by=["moment", "is_click"], preceding=None, following=0
    )
    counted = both.mutate(n_before=_.count(where=_.is_click == 1).over(before)).filter(
        _.execution_id.notnull()
    )
    counted = counted.filter(_.n_before > 0)
    numbers = ibis.range(ibis.greatest(counted.n_before - HISTORY, 0), counted.n_before)
    asked = counted.select("who", "execution_id", number=numbers.unnest())
    return asked.inner_join(numbered, ["who", "number"]).select("execution_id", "document_id")
