"""Train a query adapter from the log, measure it on queries it was not fitted to, and store it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from importlib.metadata import version
from typing import Annotated, Unpack

import msgspec
import numpy as np
from msgspec import Meta, Struct

from desirepath.domain.artifact import ArtifactDraft
from desirepath.domain.document import Metric, VectorIndex
from desirepath.domain.scope import Scope
from desirepath.domain.stage_kinds.feature_search import FeatureSearch
from desirepath.engine.adapter_files import MAP, QUERY_ADAPTER, SPACE, VectorSpace, write_map
from desirepath.engine.analysing.asking import open_log
from desirepath.engine.analysing.part import part_of
from desirepath.engine.engine import Engine
from desirepath.engine.models import check_free_name, store_model
from desirepath.engine.seen_log import log_changes
from desirepath.engine.training.adapter_vectors import (
    DocumentVectors,
    Vector,
    document_vectors,
    embedded_queries,
    search_by,
    sent_queries,
)
from desirepath.engine.training.embedding_pairs import (
    EmbeddingPair,
    PairReport,
    PairSettings,
    read_pairs,
)
from desirepath.engine.training.trained import Trained, TrainingOptions, plain_report
from desirepath.errors import InvalidSetting, NotEnoughData, NotFound
from desirepath.methods.adapters.gain import HeldOutGain, held_out_gain
from desirepath.methods.adapters.linear import ClickedVectors
from desirepath.methods.adapters.maps import MapShape
from desirepath.methods.levels import FloatArray, IntArray
from desirepath.methods.ranking.comparing import MeanEstimate
from desirepath.storage.base import Namespace

__all__ = ["AdapterReport", "AdapterSettings", "TrainedAdapter", "train_adapter"]

MOST_NUMBERS = 2_048
"""In a vector: a map has as many squared, and is fitted some 600 times, a second or more each."""


class AdapterSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a query adapter is trained with.

    Parameters
    ----------
    index
        The vector index that is searched.
    satisfied_ms, refinement_people
        See :class:`~desirepath.engine.training.embedding_pairs.PairSettings`.
    most_documents
        That queries are searched in to measure: all that were clicked, and others drawn by chance.
    """

    index: str = ""
    satisfied_ms: Annotated[float, Meta(gt=0)] | None = None
    refinement_people: Annotated[int, Meta(ge=0)] = 2
    most_documents: Annotated[int, Meta(ge=100)] = 50_000
    seed: Annotated[int, Meta(ge=0)] = 0

    def check(self) -> None:
        """Refuse what cannot be trained with.

        Raises
        ------
        InvalidSetting
            No index is named.
        """
        if not self.index:
            raise InvalidSetting("Name the vector index that is searched.", ("index",))


class AdapterReport(Struct, frozen=True, kw_only=True):
    """How a query adapter was trained, and what it gains on queries that it was not fitted to.

    Parameters
    ----------
    n_pairs, n_queries
        That were learned from.
    n_documents
        That queries were searched in to measure.
    n_indexed
        Documents of the namespace.
    without_text, without_vector
        Clicked pairs that were left out: their document has no text, or it or the query no vector.
    vectors
        Where those of queries are from: ``embedder``, or ``log``.
    before, after
        Mean nDCG@10 of the queries as they are, and with the map of other queries. What a clicked
        document gains is its clicks for each time that it was looked at.
    gain
        The difference, query by query.
    shape, ridge
        What kind of map, and how strongly it is drawn towards changing nothing.
    notes
        Why clicks are not corrected for positions, where they are not.
    """

    index: str
    dimension: int
    vectors: str
    n_pairs: int
    n_queries: int
    n_documents: int
    n_indexed: int
    without_text: int
    without_vector: int
    before: float
    after: float
    gain: MeanEstimate
    shape: MapShape
    ridge: float
    seed: int
    notes: tuple[str, ...] = ()
    n_flagged: int = 0
    flagged_share: float = 0.0

    @property
    def beats_baselines(self) -> bool:
        """Whether the gain is surely above 0."""
        return self.gain.is_above_zero

    @property
    def verdict(self) -> str:
        """What the measure says, in words."""
        if self.beats_baselines:
            return "Queries that it was not fitted to find more of what was clicked."
        return (
            f"On queries that it was not fitted to, nDCG@10 changes by {self.gain.mean:+.4f} "
            f"(95 % interval {self.gain.low:+.4f} to {self.gain.high:+.4f}, {self.gain.of:,} "
            "queries): that is not surely above 0."
        )


class TrainedAdapter(Trained[AdapterReport], frozen=True, kw_only=True, eq=False):
    """What came of training an adapter, with its map of shape (d, d)."""

    matrix: FloatArray


def train_adapter(
    engine: Engine,
    namespace: Namespace,
    name: str,
    settings: AdapterSettings,
    scope: Scope,
    **options: Unpack[TrainingOptions],
) -> TrainedAdapter:
    """Train a query adapter and store it as the next version under a name; it does not serve yet.

    Queries have the vectors that the retriever of the scope searched with, where it sends vectors;
    else those that the embedder of the index makes of their texts. A document that was never shown
    counts as one that was not clicked, which favours what served while the log was made.

    Raises
    ------
    NotEnoughData
        There are too few queries with a click; it says how many are missing.
    NotFound
        There is no such index.
    InvalidSetting
        A setting is out of range, the index cannot have an adapter, or nobody says where vectors
        of queries are from.
    EmbedderError
        Vectors of queries cannot be made.
    InvalidModel, AlreadyExists
        The name cannot be used, or belongs to a model of another kind.
    """
    settings.check()
    index = _index(engine, namespace.number, settings.index)
    is_stored = options.get("is_stored", True)
    if is_stored:
        check_free_name(engine, namespace.number, QUERY_ADAPTER, name)
    changes = log_changes(engine, namespace.number)
    seen = _read(engine, namespace, index, settings, scope, **options)
    held_out = held_out_gain(
        seen.clicked,
        seen.groups,
        seen.rng,
        options.get("stepped"),
    )
    matrix = held_out.choice.fit(seen.clicked)
    report = _report(seen, held_out, index, settings)
    artifact = None
    if is_stored:
        draft = ArtifactDraft(
            kind=QUERY_ADAPTER,
            name=name,
            manifest={
                "settings": msgspec.to_builtins(settings),
                SPACE: msgspec.to_builtins(VectorSpace.of_index(index)),
                "report": plain_report(report),
                "libraries": {"numpy": version("numpy")},
            },
            files={MAP: write_map(matrix)},
            retriever_id=scope.retriever_id,
        )
        artifact = options.get("store", store_model)(engine, namespace, draft, changes)
    return TrainedAdapter(report=report, artifact=artifact, matrix=matrix)


class _Seen(Struct, frozen=True, kw_only=True, eq=False):
    """What is learned from, and where it is from.

    Parameters
    ----------
    groups : shape (n_queries,)
        Wordings of one wish have the same number.
    is_sent
        Whether vectors of queries are those that were searched with.
    rng
        What drew documents, to be drawn on with.
    """

    clicked: ClickedVectors
    groups: IntArray
    n_pairs: int
    n_indexed: int
    found: PairReport
    is_sent: bool
    rng: np.random.Generator
    n_flagged: int
    flagged_share: float


def _read(
    engine: Engine,
    namespace: Namespace,
    index: VectorIndex,
    settings: AdapterSettings,
    scope: Scope,
    **options: Unpack[TrainingOptions],
) -> _Seen:
    search = _sending_search(engine, namespace.number, index, scope)
    wanted = PairSettings(
        negatives=0,
        satisfied_ms=settings.satisfied_ms,
        refinement_people=settings.refinement_people,
    )
    with ExitStack() as stack:
        on, progress = options.get("on", "duckdb"), options.get("progress")
        opened = stack.enter_context(open_log(engine, namespace, on=on, progress=progress))
        part = part_of(opened, scope)
        session = stack.enter_context(engine.storage.read())
        pairs, found = read_pairs(
            part, session, namespace.number, wanted, engine.rules.session_window
        )
        queries = None if search is None else sent_queries(part, search, index)
    if queries is None:
        texts = {pair.query: pair.anchor for pair in pairs}
        queries = embedded_queries(engine.embedder, index, texts, options.get("stepped"))
    rng = np.random.default_rng(settings.seed)
    named = [pair.positive_id for pair in pairs]
    with engine.storage.read() as session:
        documents = document_vectors(
            session, namespace.number, index, named, settings.most_documents, rng
        )
    clicked, groups = _clicked(pairs, queries, documents)
    return _Seen(
        clicked=clicked,
        groups=groups,
        n_pairs=len(pairs),
        n_indexed=documents.n_indexed,
        found=found,
        is_sent=search is not None,
        rng=rng,
        n_flagged=part.n_flagged,
        flagged_share=part.flagged_share,
    )


def _sending_search(
    engine: Engine, namespace: int, index: VectorIndex, scope: Scope
) -> FeatureSearch | None:
    """The search whose vectors are in the log; None: the embedder of the index makes them."""
    name = scope.retriever_id
    retriever = None if name is None else engine.directory.retriever(namespace, name)
    search = None if retriever is None else search_by(retriever, index.name)
    if search is None and index.embedder is None:
        raise InvalidSetting(
            "The index names no embedder that makes vectors of queries: name the retriever whose "
            "searches send them.",
            ("retriever",),
        )
    return search


def _report(
    seen: _Seen, held_out: HeldOutGain, index: VectorIndex, settings: AdapterSettings
) -> AdapterReport:
    clicked = seen.clicked
    return AdapterReport(
        index=index.name,
        dimension=index.dimension,
        vectors="log" if seen.is_sent else "embedder",
        n_pairs=len(clicked.query),
        n_queries=len(clicked.queries),
        n_documents=len(clicked.documents),
        n_indexed=seen.n_indexed,
        without_text=seen.found.without_text,
        without_vector=seen.n_pairs - len(clicked.query),
        before=float(held_out.before.mean()),
        after=float(held_out.after.mean()),
        gain=held_out.gain,
        shape=held_out.choice.shape,
        ridge=held_out.choice.ridge,
        seed=settings.seed,
        notes=seen.found.notes,
        n_flagged=seen.n_flagged,
        flagged_share=seen.flagged_share,
    )


def _index(engine: Engine, namespace: int, name: str) -> VectorIndex:
    with engine.storage.read() as session:
        indexes = {index.name: index for index in session.documents.vector_indexes(namespace)}
    if name not in indexes:
        raise NotFound("vector index", name)
    index = indexes[name]
    if index.metric is not Metric.COSINE:
        raise InvalidSetting(
            "A query adapter turns directions: the index must compare by cosine.", ("index",)
        )
    if index.dimension > MOST_NUMBERS:
        raise InvalidSetting(
            f"A query adapter turns vectors of at most {MOST_NUMBERS:,} numbers.", ("index",)
        )
    return index


def _clicked(
    pairs: Sequence[EmbeddingPair], queries: dict[str, Vector], documents: DocumentVectors
) -> tuple[ClickedVectors, IntArray]:
    """The pairs that have both vectors, as rows; and of each query the number of its chain."""
    rows = documents.rows
    kept = [pair for pair in pairs if pair.query in queries and pair.positive_id in rows]
    if not kept:
        raise NotEnoughData(
            "clicks on documents with a vector, for queries with one", needed=1, found=0
        )
    chains = {pair.query: pair.chain for pair in kept}
    places = {query: place for place, query in enumerate(chains)}
    clicked = ClickedVectors(
        queries=np.array([queries[query] for query in places], np.float64),
        documents=documents.vectors,
        query=np.array([places[pair.query] for pair in kept]),
        document=np.array([rows[pair.positive_id] for pair in kept]),
        weights=np.array([pair.rate for pair in kept]),
    )
    groups: IntArray = np.unique(list(chains.values()), return_inverse=True)[1].astype(np.int64)
    return clicked, groups
