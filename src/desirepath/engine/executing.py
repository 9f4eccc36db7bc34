"""Serve one search: run the stages, cut the page, log what is shown, answer."""

from __future__ import annotations

import time
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from desirepath.domain.document import Document
from desirepath.domain.execution import Execution, ShownDocument
from desirepath.domain.feature_uri import FeatureKind
from desirepath.domain.ids import format_id
from desirepath.domain.input_schema import ResolvedInputs
from desirepath.domain.profile import Profile
from desirepath.domain.retriever import Retriever
from desirepath.domain.stage_kinds.feature_search import FeatureSearchParameters
from desirepath.engine.drafting import Search, place_of, search_of
from desirepath.engine.embedding.needed import KnownVectors, with_vectors
from desirepath.engine.engine import Engine
from desirepath.engine.recording import Submission
from desirepath.engine.running import ExecuteRequest, Run, Weigh
from desirepath.engine.serving.filters import Relaxation
from desirepath.engine.serving.fusing import FeatureWeights, FusionPlan, NewFeatures
from desirepath.engine.serving.hits import Hit, with_field
from desirepath.engine.serving.judged import Judged
from desirepath.storage.base import Session

__all__ = ["ExecuteRequest", "Served", "Weigh", "execute", "is_brief", "log_of", "serve"]

_BRIEF_CANDIDATES = 1_000  # about a millisecond's work


class Served(Struct, frozen=True, kw_only=True, eq=False):
    """A search that was served and logged."""

    execution: Execution
    profile: Profile
    hits: list[Hit]
    total: int
    inputs: ResolvedInputs
    chosen: FeatureWeights | None
    plan: FusionPlan | None
    relaxations: list[Relaxation]
    warnings: list[str]
    judged: list[Judged] = []


def execute(engine: Engine, retriever: Retriever, request: ExecuteRequest) -> Served:
    """Serve a search; it is logged, durably, before this returns.

    Raises
    ------
    InvalidSearch
        The search asks for what the retriever cannot do.
    MissingInput
        An input is missing.
    NotFound
        A feature, or the execution that a page belongs to, is not there.
    SearchTooSlow
        It took longer than the retriever's budget_limits allow.
    EmbedderError
        No vector could be made of the query. Nothing was logged.
    StorageError
        Nothing was logged.
    """
    served = serve(engine, retriever, request)
    engine.submit(log_of(served))
    return served


def serve(
    engine: Engine,
    retriever: Retriever,
    request: ExecuteRequest,
    weigh: Weigh | None = None,
    *,
    patience_seconds: float | None = None,
) -> Served:
    """Serve a search as :func:`execute` does, but for its log: nothing may be shown of it yet.

    Parameters
    ----------
    weigh
        Says what to weight features with; None: the weights of the moment.
    patience_seconds
        How long a ranker may read what came to the log; None: as long as somebody waits.
    """
    started = time.perf_counter()
    place = place_of(engine, retriever, request)
    asked = request if place is None else place.request

    def run(vectors: KnownVectors) -> Served:
        while True:
            try:
                search = search_of(
                    engine,
                    retriever,
                    asked,
                    vectors,
                    started,
                    weigh=weigh,
                    patience_seconds=patience_seconds,
                    place=place,
                )
                return _serve(engine, retriever, asked, started, search)
            except NewFeatures as new:
                with engine.storage.write() as session:
                    session.learned.add_features(retriever.namespace, new.retriever_id, new.uris)

    return with_vectors(engine.embedder, run)


def log_of(*served: Served) -> Submission:
    """What makes searches of one namespace durable; then they may be shown."""
    executions = tuple(one.execution for one in served)
    return Submission(namespace=executions[0].namespace, served=executions)


def is_brief(engine: Engine, retriever: Retriever, request: ExecuteRequest) -> bool:
    """Whether serving a search takes less than handing it to a thread and back.

    It does where other engines found everything, in short lists, and reading the database is no
    round trip. A search that must write first, for features that are new, is not brief.
    """
    if not engine.storage.cheap_reads or len(retriever.stages) != 1 or retriever.draft.experiment:
        return False
    search = retriever.stages[0].parameters
    candidates = request.candidates
    return (
        isinstance(search, FeatureSearchParameters)
        and sum(map(len, candidates.values())) <= _BRIEF_CANDIDATES
        and all(one.feature.kind is FeatureKind.SENT for one in search.searches)
        and engine.fuser.knows(retriever.namespace, retriever.retriever_id, candidates)
    )


def _serve(
    engine: Engine, retriever: Retriever, request: ExecuteRequest, started: float, search: Search
) -> Served:
    search.prepare()
    with engine.storage.read() as session:
        hits = search.run(session)
        shown = _filled(session, retriever.namespace, _page(hits, request), request.with_vectors)
    run = search.answered_by
    profile = Profile(
        stages=tuple(run.runs),
        milliseconds=round((time.perf_counter() - started) * 1000, 3),
        warnings=tuple(run.warnings),
        filters=None if not request.filters else dict(request.filters),
    )
    searched = run.searched
    ids = [hit.document_id for hit in shown]
    return Served(
        execution=replace(
            _execution(engine, retriever, request, run, shown, len(hits)),
            profile=profile,
            ranking=search.ranking(ids),
            trial=search.trial(ids),
        ),
        profile=profile,
        hits=shown,
        total=len(hits),
        inputs=run.inputs,
        chosen=None if searched is None else searched.result.chosen,
        plan=None if searched is None else searched.plan,
        relaxations=run.relaxations,
        warnings=run.warnings,
        judged=run.judged if request.is_explained else [],
    )


def _page(hits: list[Hit], request: ExecuteRequest) -> list[Hit]:
    start, size = request.start, request.page_size
    return hits[start:] if size is None else hits[start : start + size]


def _filled(
    session: Session, namespace: int, shown: Sequence[Hit], with_vectors: bool
) -> list[Hit]:
    """What is shown, with payloads, and vectors where they are asked for."""
    missing = [hit.document_id for hit in shown if with_vectors or hit.payload is None]
    if not missing:
        return list(shown)
    found = session.documents.get(namespace, missing, with_vectors=with_vectors)
    return [_with_document(hit, found.get(hit.document_id), with_vectors) for hit in shown]


def _with_document(hit: Hit, document: Document | None, with_vectors: bool) -> Hit:
    if document is None:
        return hit
    payload = document.payload if hit.payload is None else hit.payload
    if not with_vectors:
        return replace(hit, payload=payload)
    vectors = {name: list(vector) for name, vector in document.vectors.items()}
    return with_field(replace(hit, payload=payload), "vectors", vectors)


def _execution(
    engine: Engine,
    retriever: Retriever,
    request: ExecuteRequest,
    run: Run,
    shown: Sequence[Hit],
    total: int,
) -> Execution:
    id = engine.make_id.next(run.now)
    return Execution(
        id=id,
        namespace=retriever.namespace,
        execution_id=format_id("exec", id),
        retriever_id=retriever.retriever_id,
        documents=tuple(
            ShownDocument(
                document_id=hit.document_id,
                score=hit.score,
                scores=hit.scores or None,
                features=hit.features or None,
            )
            for hit in shown
        ),
        inputs=dict(run.inputs.values),
        user_id=request.user_id,
        session_id=request.session_id,
        configuration=request.configuration,
        metadata=request.metadata,
        offset=request.start,
        total=total,
        occurred_at=run.now,
        live=True,
        parent_id=request.parent_id,
    )
