"""Judge documents by what was clicked, and say which of them a person should look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Meta, Struct

from desirepath.analysis.click_lists import as_one_query, choices, query_inputs
from desirepath.domain.acts import TYPE_TO_BIT
from desirepath.domain.judgment import JudgedQuery, Judgment, query_id_of
from desirepath.engine.analysing.click_sessions import ClickLog, Losses, read_click_log
from desirepath.engine.analysing.part import Part
from desirepath.engine.query_text import first_text
from desirepath.errors import InvalidDataset, NotEnoughData
from desirepath.methods.click_models.base import ClickModel, FittedClickModel
from desirepath.methods.click_models.ctr import DocumentCTR
from desirepath.methods.click_models.em import Progress
from desirepath.methods.click_models.evaluating import log_likelihood, perplexity
from desirepath.methods.click_models.models import JUDGING_MODELS
from desirepath.methods.click_models.sessions import SearchSessions
from desirepath.methods.judgments import (
    THRESHOLDS,
    Evidence,
    Grading,
    evidence_of,
    judge,
    most_worth_labelling,
)
from desirepath.methods.levels import IntArray

__all__ = [
    "COUNTS",
    "DEFAULT_MODEL",
    "MODELS",
    "Fit",
    "JudgingOptions",
    "JudgingResult",
    "Quality",
    "WorthLabelling",
    "judge_part",
    "worth_labelling",
]

COUNTS = "counts"
MODELS = (COUNTS, *sorted(JUDGING_MODELS))
DEFAULT_MODEL = "pbm"
_HELD_OUT = 5  # one list in so many is kept to see how well a model foretells it
_FEWEST_HELD_OUT = 20

_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


class JudgingOptions(Struct, frozen=True, kw_only=True):
    """How clicks become judgments.

    Parameters
    ----------
    model
        One of :data:`MODELS`. ``counts`` needs no lists: it knows only what was chosen, not what
        was shown, so what stands above is chosen more.
    positive_types
        The interaction types that count as a click.
    smoothing
        Impressions that the prior of each document counts for.
    min_impressions
        Documents shown less, by weight, are not judged; not for ``counts``.
    min_interactions
        Queries with fewer clicks, by weight, are left out.
    half_life_days
        A search that is so much older than the newest one counts half; not for ``counts``.
    max_rank
        Lists are cut below it; not for ``counts``.
    one_query
        Take all searches for the same one, for lists that nobody searched for.
    """

    model: str = DEFAULT_MODEL
    positive_types: tuple[str, ...] = ("click",)
    smoothing: Annotated[float, Meta(gt=0)] = 2.0
    min_impressions: Annotated[float, Meta(ge=0)] = 10.0
    min_interactions: Annotated[float, Meta(ge=0)] = 1.0
    half_life_days: Annotated[float, Meta(gt=0)] | None = None
    max_rank: Annotated[int, Meta(ge=1, le=1000)] = 20
    one_query: bool = False


class Quality(Struct, frozen=True, kw_only=True):
    """How well clicks are foretold.

    Parameters
    ----------
    log_likelihood
        Mean per impression given the clicks above it, in nats; at most 0, the larger the better.
    perplexity
        1 is perfect, 2 is a coin.
    """

    log_likelihood: float
    perplexity: float


class Fit(Struct, frozen=True, kw_only=True):
    """How well a model foretold lists that it was not fitted to.

    Parameters
    ----------
    n_lists
        Those lists; every fifth, drawn with a fixed seed. 0: there were too few, and so the lists
        that it was fitted to.
    model, click_through
        Of the model, and of plain click-through rates of (query, document) beside it.
    """

    n_lists: int
    model: Quality
    click_through: Quality


class JudgingResult(Struct, frozen=True, kw_only=True, eq=False):
    """Judgments, query by query.

    Parameters
    ----------
    n_lists, n_clicks
        What was learned from: lists (0 for ``counts``) and clicks, or choices.
    n_unjudged
        Documents that were shown too little, or for queries with too few clicks.
    features
        Names of features whose mean scores the judgments carry.
    losses
        What of the log could not be used; None for ``counts``.
    """

    options: JudgingOptions
    n_queries: int
    n_judgments: int
    n_unjudged: int
    n_lists: int
    n_clicks: int
    features: tuple[str, ...]
    fit: Fit | None
    losses: Losses | None
    rows: pa.Table
    inputs: Mapping[str, dict[str, Any]]

    def queries(self) -> Iterator[JudgedQuery]:
        """The judged queries, by their text; the most relevant document first."""
        return _queries(self)


class WorthLabelling(Struct, frozen=True, kw_only=True):
    """A pair that a person should judge.

    Parameters
    ----------
    worth
        By how much its label is expected to change the DCG of all logged searches together.
    relevance, low, high
        What the model believes, with a 95 % interval.
    """

    query_id: str
    query: str
    query_input: dict[str, Any]
    document_id: str
    worth: float
    relevance: float
    low: float
    high: float
    impressions: float
    clicks: float


def judge_part(
    part: Part, options: JudgingOptions | None = None, progress: Progress | None = None
) -> JudgingResult:
    """Judge the documents of a part of the log.

    Parameters
    ----------
    progress
        Told of each step of a fit.

    Raises
    ------
    NotEnoughData
        No query has what the options ask for.
    InvalidDataset
        The model or a type is none that there is.
    """
    options = options or JudgingOptions()
    acts = _acts(options)
    if options.model == COUNTS:
        return _judge_counts(part, options, acts)
    log = _read(part, options, acts, with_features=True)
    model = _model(options)
    fit = _fit_quality(model, log.sessions, progress)
    fitted = model.fit(log.sessions, progress)
    return _judge_lists(part, options, log, fitted, fit)


def worth_labelling(
    part: Part,
    most: int,
    options: JudgingOptions | None = None,
    progress: Progress | None = None,
) -> list[WorthLabelling]:
    """The pairs most worth a person's label, best first.

    Raises
    ------
    NotEnoughData
        There are no lists, or no clicks.
    InvalidDataset
        The model or a type is none that there is, or it is ``counts``, which is never uncertain.
    """
    options = options or JudgingOptions()
    if options.model == COUNTS:
        raise InvalidDataset("Counts do not say how sure they are: choose a click model.")
    log = _read(part, options, _acts(options), with_features=False)
    relevance = _model(options).fit(log.sessions, progress).relevance
    evidence = evidence_of(log.sessions)
    grading = Grading(minimum_impressions=options.min_impressions)
    chosen, worth = most_worth_labelling(relevance, evidence, log.queries, most, grading)
    judged = judge(relevance, evidence, log.queries, Grading(minimum_impressions=0.0))
    named = log.pairs.take(pa.array(chosen))
    texts = named["query"].to_pylist()
    inputs = _inputs(part, named["query"].unique())
    columns = (
        [query_id_of(text) for text in texts],
        texts,
        [_input_of(inputs, text) for text in texts],
        named["document_id"].to_pylist(),
        worth.tolist(),
        *(
            values[chosen].tolist()
            for values in (
                judged.relevance,
                judged.low,
                judged.high,
                judged.impressions,
                judged.clicks,
            )
        ),
    )
    names = WorthLabelling.__struct_fields__
    return [
        WorthLabelling(**dict(zip(names, row, strict=True))) for row in zip(*columns, strict=True)
    ]


def _acts(options: JudgingOptions) -> int:
    acts = 0
    for type in options.positive_types:
        if type not in TYPE_TO_BIT:
            raise InvalidDataset(
                f"Interaction types are {', '.join(TYPE_TO_BIT)}.", ("positive_interaction_types",)
            )
        acts |= TYPE_TO_BIT[type]
    if not acts:
        raise InvalidDataset("Name at least one interaction type.", ("positive_interaction_types",))
    return acts


def _model(options: JudgingOptions) -> ClickModel:
    if options.model not in JUDGING_MODELS:
        raise InvalidDataset(f"model is one of {', '.join(MODELS)}.", ("model",))
    kind: Any = type(JUDGING_MODELS[options.model])
    model: ClickModel = kind(prior_trials=options.smoothing)
    return model


def _read(part: Part, options: JudgingOptions, acts: int, *, with_features: bool) -> ClickLog:
    return read_click_log(
        part,
        acts=acts,
        max_rank=options.max_rank,
        half_life_days=options.half_life_days,
        one_query=options.one_query,
        with_features=with_features,
    )


def _fit_quality(model: ClickModel, sessions: SearchSessions, progress: Progress | None) -> Fit:
    """Fit to most lists, and foretell the others."""
    order = np.random.default_rng(0).permutation(sessions.n_sessions)
    n_held_out = sessions.n_sessions // _HELD_OUT
    learned_from, asked = sessions, sessions
    if n_held_out >= _FEWEST_HELD_OUT:
        taken = sessions.take(np.sort(order[n_held_out:]))
        held_out = sessions.take(np.sort(order[:n_held_out]))
        if taken.clicked.any() and held_out.n_impressions:
            learned_from, asked = taken, held_out
    qualities = [
        _quality(each.fit(learned_from, progress), asked) for each in (model, DocumentCTR())
    ]
    n_lists = 0 if asked is sessions else asked.n_sessions
    return Fit(n_lists=n_lists, model=qualities[0], click_through=qualities[1])


def _quality(fitted: FittedClickModel, sessions: SearchSessions) -> Quality:
    return Quality(
        log_likelihood=log_likelihood(fitted, sessions).per_impression,
        perplexity=perplexity(fitted, sessions).overall,
    )


def _judge_lists(
    part: Part, options: JudgingOptions, log: ClickLog, fitted: FittedClickModel, fit: Fit
) -> JudgingResult:
    evidence = evidence_of(log.sessions)
    grading = Grading(minimum_impressions=options.min_impressions)
    found = judge(fitted.relevance, evidence, log.queries, grading)
    enough = _clicks_of_query(evidence, log.queries)[found.pairs] >= options.min_interactions
    kept = found.pairs[enough]
    _check_any(len(kept), options)
    table = log.pairs.take(pa.array(kept))
    columns: dict[str, Any] = {
        "query": table["query"],
        "document_id": table["document_id"],
        **{
            name: pa.array(getattr(found, attribute)[enough])
            for name, attribute in (
                ("grade", "grades"),
                ("relevance", "relevance"),
                ("low", "low"),
                ("high", "high"),
                ("impressions", "impressions"),
                ("clicks", "clicks"),
            )
        },
        **{name: table[f"feature_{number}"] for number, name in enumerate(_columns(log.features))},
    }
    return _result(
        part,
        options,
        pa.table(columns),
        n_unjudged=log.sessions.n_pairs - len(kept),
        n_lists=log.sessions.n_sessions,
        n_clicks=int(log.sessions.clicked.sum()),
        features=log.features,
        fit=fit,
        losses=log.losses,
    )


def _clicks_of_query(evidence: Evidence, queries: IntArray) -> Any:
    """Clicks of the query of each pair."""
    return np.bincount(queries, weights=evidence.clicks)[queries]


def _judge_counts(part: Part, options: JudgingOptions, acts: int) -> JudgingResult:
    """Grade documents by how often they were chosen, beside the query's most chosen one."""
    interactions = part.log.interactions
    if options.one_query:
        interactions = as_one_query(interactions)
    table = part.engine.arrow(choices(interactions, acts)).combine_chunks()
    n = table["n"].to_numpy().astype(np.float64)
    _check_any(len(n), options)
    encoded = pa.chunked_array(table["query"]).combine_chunks().dictionary_encode()
    queries = encoded.indices.to_numpy().astype(np.int64)
    best = np.zeros(int(queries.max()) + 1)
    np.maximum.at(best, queries, n)
    share = n / best[queries]
    enough = np.bincount(queries, weights=n)[queries] >= options.min_interactions
    _check_any(int(enough.sum()), options)
    grades = np.maximum(np.searchsorted(THRESHOLDS, share, side="right"), 1)
    kept = table.filter(pa.array(enough))
    rows = pa.table(
        {
            "query": kept["query"],
            "document_id": kept["document_id"],
            "grade": pa.array(grades[enough]),
            "relevance": pa.array(share[enough]),
            **{name: pa.nulls(len(kept), pa.float64()) for name in ("low", "high", "impressions")},
            "clicks": pa.array(n[enough]),
        }
    )
    return _result(
        part,
        options,
        rows,
        n_unjudged=len(table) - len(rows),
        n_lists=0,
        n_clicks=int(n.sum()),
        features=(),
        fit=None,
        losses=None,
    )


def _check_any(n: int, options: JudgingOptions) -> None:
    if n:
        return
    what = f"queries with {options.min_interactions:g} or more of the interactions that count"
    if options.model != COUNTS:
        what += f" and a document shown {options.min_impressions:g} times"
    raise NotEnoughData(what, needed=1, found=0)


def _result(part: Part, options: JudgingOptions, rows: pa.Table, **more: Any) -> JudgingResult:
    rows = rows.sort_by(
        [("query", "ascending"), ("relevance", "descending"), ("document_id", "ascending")]
    )
    texts = rows["query"].unique()
    return JudgingResult(
        options=options,
        n_queries=len(texts),
        n_judgments=len(rows),
        rows=rows,
        inputs=_inputs(part, texts),
        **more,
    )


def _inputs(part: Part, texts: pa.Array) -> dict[str, dict[str, Any]]:
    """What a search takes, for each of some queries."""
    snapshots = part.engine.arrow(query_inputs(part.log.interactions, part.log.executions))
    wanted = snapshots.filter(pc.is_in(snapshots["query"], value_set=texts))
    columns = (wanted[name].to_pylist() for name in ("query", "query_snapshot"))
    return {query: _input(query, snapshot) for query, snapshot in zip(*columns, strict=True)}


def _input_of(inputs: Mapping[str, dict[str, Any]], query: str) -> dict[str, Any]:
    """What a search of a text takes; nothing, where all searches are one."""
    return inputs.get(query, {"query": query} if query else {})


def _input(query: str, snapshot: str) -> dict[str, Any]:
    """What a search of a text takes: the text, under the name that it had."""
    whole = _decode_object(snapshot)
    for name, value in whole.items():
        if first_text({name: value}) == query:
            return {name: value}
    return {"query": query}


def _columns(features: Sequence[str]) -> list[str]:
    return [f"feature {name}" for name in features]


def _queries(result: JudgingResult) -> Iterator[JudgedQuery]:
    names = [name for name in result.rows.column_names if not name.startswith("feature ")]
    features = _columns(result.features)
    query: str | None = None
    judgments: list[Judgment] = []
    for batch in result.rows.to_batches(max_chunksize=10_000):
        for row in batch.to_pylist():
            if row["query"] != query and query is not None:
                yield _judged(result, query, judgments)
                judgments = []
            query = row["query"]
            scores = {
                feature: row[column]
                for feature, column in zip(result.features, features, strict=True)
                if row[column] is not None
            }
            judgments.append(
                Judgment(
                    **{name: row[name] for name in names if name != "query"},
                    is_relevant=row["grade"] > 0,
                    features=scores or None,
                )
            )
    if query is not None:
        yield _judged(result, query, judgments)


def _judged(result: JudgingResult, query: str, judgments: Sequence[Judgment]) -> JudgedQuery:
    return JudgedQuery(
        query_id=query_id_of(query),
        query_input=_input_of(result.inputs, query),
        judgments=tuple(judgments),
    )
