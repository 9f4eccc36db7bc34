"""Queries beside what was clicked and what was passed over, to train a model of vectors on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from desirepath.analysis.attempts import (
    attempts,
    landmarks,
    numbered_searches,
    refinement_events,
    timeline,
)
from desirepath.analysis.embedding_pairs import (
    clicked_after_failing,
    listed_cells,
    skipped_above,
    wordings,
)
from desirepath.analysis.refinements import steps
from desirepath.domain.document import texts_of
from desirepath.domain.query_sides import SIDES, chains_of, side_of
from desirepath.domain.rewording import reword
from desirepath.engine.analysing.part import Part
from desirepath.engine.analysing.position_bias import ESTIMATORS, position_bias
from desirepath.errors import InvalidSetting, NotEnoughData
from desirepath.storage.base import Session

__all__ = ["EmbeddingPair", "PairReport", "PairSettings", "read_pairs"]

_LEAST_PROPENSITY = 0.1
_AT_ONCE = 500
_PRIOR_IMPRESSIONS = 5.0


class PairSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which pairs to take.

    Parameters
    ----------
    text_fields
        Payload fields whose texts, a line each, are a document's text; none: all at the top level.
    negatives
        Of each pair; trainers want the same number of all.
    min_impressions
        How often a document was shown for a query, at least, before its being passed over counts.
    nearly_as_good
        A document is no negative where its click rate for the query, corrected for positions, is
        more than this share of the positive's.
    satisfied_ms
        Only clicks that led to so long a stay, or to a long_view; None: all.
    refinement_people
        How many people, at least, found a document by a next query; 0: no pairs from refinements.
    """

    text_fields: tuple[str, ...] = ()
    negatives: Annotated[int, Meta(ge=0, le=20)] = 1
    min_impressions: Annotated[int, Meta(ge=1)] = 3
    nearly_as_good: Annotated[float, Meta(ge=0, le=1)] = 0.5
    satisfied_ms: Annotated[float, Meta(gt=0)] | None = None
    refinement_people: Annotated[int, Meta(ge=0)] = 2


class EmbeddingPair(Struct, frozen=True, kw_only=True):
    """A query with a document that was clicked for it and some that were passed over.

    Parameters
    ----------
    weight
        Clicks, each over the chance that its position is looked at; the mean of all pairs is 1.
    rate
        Clicks for each time that it was looked at for the query, drawn to the rate of all where
        that was seldom.
    chain
        The same for all wordings of one wish.
    side
        train, dev or test; that of the chain.
    origin
        click or refinement.
    """

    query: str
    anchor: str
    positive_id: str
    positive: str
    negative_ids: tuple[str, ...]
    negatives: tuple[str, ...]
    weight: float
    rate: float
    chain: str
    side: str
    origin: str


class PairReport(Struct, frozen=True, kw_only=True):
    """What was taken and what was left out.

    Parameters
    ----------
    pairs
        By side.
    without_text
        Clicked pairs whose document is not in the index, or has no text in the fields.
    without_negatives
        Pairs with fewer negatives than were asked for.
    largest_chain
        Queries that are on one side because rewordings tie them together.
    notes
        Why weights are not corrected for positions, where they are not.
    """

    pairs: dict[str, int]
    queries: int
    from_refinements: int
    without_text: int
    without_negatives: int
    largest_chain: int
    n_flagged: int
    notes: tuple[str, ...]


class _Cell(Struct):
    """What became of a document for a query; ``weight`` is the sum of those of its clicks."""

    shown: float = 0.0
    clicks: float = 0.0
    looked_at: float = 0.0
    weight: float = 0.0


class _Evidence(Struct, frozen=True, kw_only=True, eq=False):
    """What negatives are chosen by.

    Parameters
    ----------
    cells
        By query and document.
    skipped
        By query, then by clicked document: what was passed over above it, most often first.
    texts
        By document; those without one are left out.
    base
        Clicks for each time that something was looked at.
    """

    cells: Mapping[tuple[str, str], _Cell]
    skipped: Mapping[str, Mapping[str, Sequence[str]]]
    texts: Mapping[str, str]
    base: float


_Weights = dict[tuple[str, str], tuple[float, str]]
"""By query and document to be found for it: weight, and where the pair is from."""


def read_pairs(
    part: Part, session: Session, namespace: int, settings: PairSettings, session_window: int
) -> tuple[list[EmbeddingPair], PairReport]:
    """Find the pairs of a part of the log.

    Parameters
    ----------
    session
        Where documents are read.
    session_window
        Microseconds after which a visit is over.

    Raises
    ------
    NotEnoughData
        Nothing was clicked, no clicked document has a text, or no pair has the negatives.
    InvalidSetting
        A text field is one that no clicked document has.
    """
    propensity, notes = _propensities(part)
    cells = _cells(part, settings, propensity)
    weights: _Weights = {
        pair: (cell.weight, "click") for pair, cell in cells.items() if cell.weight > 0
    }
    if not weights:
        raise NotEnoughData("clicks in searches with a text", needed=1, found=0)
    links = _follow_refinements(part, settings, session_window, propensity, weights)
    skipped = _skipped(part, settings)
    named = {document for _, document in weights}
    named |= {id for of_query in skipped.values() for ids in of_query.values() for id in ids}
    looked_at = sum(cell.looked_at for cell in cells.values())
    evidence = _Evidence(
        cells=cells,
        skipped=skipped,
        texts=_texts(session, namespace, sorted(named), settings.text_fields),
        base=sum(cell.clicks for cell in cells.values()) / looked_at,
    )
    anchors = {row["query"]: row["anchor"] for row in part.rows(wordings(part.log.counted))}
    chains = chains_of(sorted({query for query, _ in weights}), links)
    pairs, n_textless, n_short = [], 0, 0
    for (query, document), (weight, origin) in sorted(weights.items()):
        if document not in evidence.texts:
            n_textless += 1
            continue
        negatives = _negatives(query, document, origin, evidence, settings)
        if len(negatives) < settings.negatives:
            n_short += 1
            continue
        pairs.append(
            EmbeddingPair(
                query=query,
                anchor=anchors.get(query, query),
                positive_id=document,
                positive=evidence.texts[document],
                negative_ids=negatives,
                negatives=tuple(evidence.texts[id] for id in negatives),
                weight=weight,
                rate=_rate(cells.get((query, document), _Cell()), evidence.base),
                chain=chains[query],
                side=side_of(chains[query]),
                origin=origin,
            )
        )
    if not pairs:
        raise _nothing_left(n_textless, n_short, settings)
    mean = sum(pair.weight for pair in pairs) / len(pairs)
    pairs = [msgspec.structs.replace(pair, weight=pair.weight / mean) for pair in pairs]
    return pairs, PairReport(
        pairs={side: sum(pair.side == side for pair in pairs) for side in SIDES},
        queries=len({pair.query for pair in pairs}),
        from_refinements=sum(pair.origin == "refinement" for pair in pairs),
        without_text=n_textless,
        without_negatives=n_short,
        largest_chain=max(Counter(chains.values()).values()),
        n_flagged=part.n_flagged,
        notes=notes,
    )


def _cells(
    part: Part, settings: PairSettings, propensity: Callable[[str | None, int], float]
) -> dict[tuple[str, str], _Cell]:
    cells: dict[tuple[str, str], _Cell] = defaultdict(_Cell)
    for row in part.rows(listed_cells(part.log.counted, settings.satisfied_ms)):
        chance = propensity(row["retriever_id"], row["position"])
        cell = cells[row["query"], row["document_id"]]
        cell.shown += row["impressions"]
        cell.clicks += row["clicks"]
        cell.looked_at += row["impressions"] * chance
        cell.weight += row["chosen"] / chance
    return dict(cells)


def _skipped(part: Part, settings: PairSettings) -> dict[str, dict[str, list[str]]]:
    """See :class:`_Evidence`."""
    rows = part.rows(skipped_above(part.log.counted, settings.satisfied_ms))
    skipped: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in sorted(rows, key=lambda row: (-row["n"], row["negative"])):
        skipped[row["query"]][row["positive"]].append(row["negative"])
    return skipped


def _negatives(
    query: str, document: str, origin: str, evidence: _Evidence, settings: PairSettings
) -> tuple[str, ...]:
    """The documents that were passed over for a pair, as many as are asked for or there are.

    What was found by a next query was passed over by nobody; it gets what was for the first.
    """
    candidates: Sequence[str]
    if origin == "click":
        candidates = evidence.skipped.get(query, {}).get(document, ())
        good = _rate(evidence.cells.get((query, document), _Cell()), evidence.base)
    else:
        candidates = sorted(set().union(*evidence.skipped.get(query, {}).values()))
        good = evidence.base
    surely = (
        id
        for id in candidates
        if id in evidence.texts
        and _is_negative(evidence.cells.get((query, id), _Cell()), good, evidence.base, settings)
    )
    return tuple(islice(surely, settings.negatives))


def _propensities(part: Part) -> tuple[Callable[[str | None, int], float], tuple[str, ...]]:
    """How likely positions of each retriever are looked at; 1 where nobody can say, with why."""
    estimator = next(iter(ESTIMATORS))
    bias = position_bias(part, estimators={estimator: ESTIMATORS[estimator]})
    known = {group.retriever_id: group.estimates[0] for group in bias.groups}
    notes = tuple(
        f"Weights of a retriever's clicks are not corrected for positions. {estimate.refusal}"
        for estimate in known.values()
        if estimate.refusal is not None
    )

    def of_position(retriever_id: str | None, position: int) -> float:
        ranks = known[retriever_id].ranks if retriever_id in known else ()
        if not ranks:
            return 1.0
        found = ranks[min(position, len(ranks) - 1)].propensity
        return min(max(found, _LEAST_PROPENSITY), 1.0)

    return of_position, notes


def _follow_refinements(
    part: Part,
    settings: PairSettings,
    session_window: int,
    propensity: Callable[[str | None, int], float],
    weights: _Weights,
) -> list[tuple[str, str]]:
    """Add pairs of queries that failed to ``weights``; and which queries are wordings of one wish.

    Those are queries that some visit went between and that share words or spelling, and those that
    a pair is taken across.
    """
    with part.engine.kept(landmarks(timeline(part.log, session_window))) as moments:
        numbered = numbered_searches(moments)
        made = attempts(numbered)
        gone = part.rows(
            steps(refinement_events(moments), made).select("query", "refined_to").distinct()
        )
        links = [
            (row["query"], row["refined_to"])
            for row in gone
            if reword(row["query"], row["refined_to"]).kind != "rewrite"
        ]
        if not settings.refinement_people:
            return links
        rows = part.rows(
            clicked_after_failing(made, numbered, part.log.counted, settings.satisfied_ms)
        )
    people: dict[tuple[str, str], int] = defaultdict(int)
    found: dict[tuple[str, str], float] = defaultdict(float)
    for row in rows:
        pair = row["query"], row["document_id"]
        people[pair] += row["n_identities"]
        found[pair] += row["n"] / propensity(row["retriever_id"], row["position"])
    taken = {pair for pair, n in people.items() if n >= settings.refinement_people} - set(weights)
    weights |= {pair: (found[pair], "refinement") for pair in taken}
    failed = {query for query, _ in taken}
    return links + [(row["query"], row["refined_to"]) for row in gone if row["query"] in failed]


def _rate(cell: _Cell, base: float) -> float:
    """Clicks for each time that it was looked at, as if it had been looked at a few times more."""
    clicks = cell.clicks + _PRIOR_IMPRESSIONS * base
    return clicks / (cell.looked_at + _PRIOR_IMPRESSIONS)


def _is_negative(cell: _Cell, good: float, base: float, settings: PairSettings) -> bool:
    """Whether a document that was passed over is surely worse; one that was clicked never is."""
    if cell.clicks or cell.shown < settings.min_impressions:
        return False
    return _rate(cell, base) <= settings.nearly_as_good * good


def _texts(
    session: Session, namespace: int, ids: Sequence[str], fields: Sequence[str]
) -> dict[str, str]:
    index = session.documents
    texts: dict[str, str] = {}
    seen: set[str] = set()
    for start in range(0, len(ids), _AT_ONCE):
        for id, document in index.get(namespace, ids[start : start + _AT_ONCE]).items():
            parts = texts_of(document, fields or None)
            seen.update(parts)
            if fields:
                parts = {name: parts[name] for name in fields if name in parts}
            if parts:
                texts[id] = "\n".join(parts.values())
    unknown = sum(field not in seen for field in fields)
    if unknown and seen:
        raise InvalidSetting(
            f"{unknown} of the {len(fields)} text fields: no document of the pairs has a text "
            "there.",
            ("text_fields",),
        )
    return texts


def _nothing_left(n_textless: int, n_short: int, settings: PairSettings) -> NotEnoughData:
    if n_short:
        return NotEnoughData(
            f"clicked documents with {settings.negatives} others above them that were shown "
            f"{settings.min_impressions} times for the query and never clicked",
            needed=1,
            found=0,
            why=f"{n_short:,} have fewer.",
        )
    why = f"{n_textless:,} clicked documents are not in the index, or have no text there."
    return NotEnoughData("clicked documents with a text", needed=1, found=0, why=why)
