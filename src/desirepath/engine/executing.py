"""Serve one search: run the stages, cut the page, log what is shown, answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from desirepath.domain.document import Document, read_document_filter
from desirepath.domain.execution import Execution, ShownDocument
from desirepath.domain.feature_uri import FeatureKind
from desirepath.domain.fusion_controls import FusionControls
from desirepath.domain.ids import format_id
from desirepath.domain.input_schema import ResolvedInputs, resolve_inputs
from desirepath.domain.profile import AdapterRun, Profile, StageRun
from desirepath.domain.ranking import Ranking
from desirepath.domain.retriever import Retriever
from desirepath.domain.stage import OnError, Stage
from desirepath.domain.stage_kinds.feature_search import FeatureSearchParameters
from desirepath.domain.stage_kinds.rerank import RerankParameters
from desirepath.domain.template import Variables
from desirepath.engine.embedding.needed import KnownVectors, with_vectors
from desirepath.engine.engine import Engine
from desirepath.engine.query_text import first_text
from desirepath.engine.recording import Submission
from desirepath.engine.serving.adapting import LoadedAdapter
from desirepath.engine.serving.filters import Relaxation, all_of, both
from desirepath.engine.serving.fusing import FeatureWeights, FusionPlan, NewFeatures, ranking_of
from desirepath.engine.serving.hits import Hit, StageContext, with_field
from desirepath.engine.serving.judged import Judged
from desirepath.engine.serving.people import Asker
from desirepath.engine.serving.plans import plan_of
from desirepath.engine.serving.ranking.features import AskedList
from desirepath.engine.serving.ranking.rankers import LoadedRanker
from desirepath.engine.serving.searching import FeatureSearcher, Searched, SentCandidate
from desirepath.engine.serving.stages import run_stage
from desirepath.errors import (
    DesirepathError,
    InvalidModel,
    InvalidSearch,
    NotFound,
    RankerUnavailable,
    SearchTooSlow,
)
from desirepath.storage.base import Session

__all__ = ["ExecuteRequest", "Served", "Weigh", "execute", "is_brief", "log_of", "serve"]

_BRIEF_CANDIDATES = 1_000  # about a millisecond's work

Weigh = Callable[[Session, FusionPlan], FeatureWeights | None]
"""Says what to weight features with; None: the weights of the moment."""


class ExecuteRequest(Struct, frozen=True, kw_only=True):
    """One search as it is asked for.

    Parameters
    ----------
    filters
        Holds of every document of the built-in index that is found; checked, and as it was sent.
    candidates
        By feature URI, what other engines found.
    features
        By document id, numbers that rankers may train on.
    start, page_size
        Which part of what the stages leave is shown.
    parent_id
        The execution of which this is a further page: its weights are served again.
    is_explained
        The answer says what rankers saw.
    """

    inputs: Mapping[str, Any] = {}
    filters: Mapping[str, Any] | None = None
    user_id: str | None = None
    session_id: str | None = None
    candidates: Mapping[str, Sequence[SentCandidate]] = {}
    features: Mapping[str, Mapping[str, float]] = {}
    configuration: str | None = None
    metadata: dict[str, Any] | None = None
    start: int = 0
    page_size: int | None = None
    parent_id: str | None = None
    with_vectors: bool = False
    is_explained: bool = False


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
    engine: Engine, retriever: Retriever, request: ExecuteRequest, weigh: Weigh | None = None
) -> Served:
    """Serve a search as :func:`execute` does, but for its log: nothing may be shown of it yet.

    Parameters
    ----------
    weigh
        Says what to weight features with; None: the weights of the moment.
    """
    controls = engine.directory.controls(retriever.namespace, retriever.retriever_id)
    started = time.perf_counter()

    def run(vectors: KnownVectors) -> Served:
        try:
            return _Run(engine, retriever, controls, request, vectors, started, weigh).serve()
        except NewFeatures as new:
            with engine.storage.write() as session:
                session.learned.add_features(retriever.namespace, retriever.retriever_id, new.uris)
            return _Run(engine, retriever, controls, request, vectors, started, weigh).serve()

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
    if not engine.storage.cheap_reads or len(retriever.stages) != 1:
        return False
    search = retriever.stages[0].parameters
    candidates = request.candidates
    return (
        isinstance(search, FeatureSearchParameters)
        and sum(map(len, candidates.values())) <= _BRIEF_CANDIDATES
        and all(one.feature.kind is FeatureKind.SENT for one in search.searches)
        and engine.fuser.knows(retriever.namespace, retriever.retriever_id, candidates)
    )


class _Run:
    """One search on its way."""

    def __init__(
        self,
        engine: Engine,
        retriever: Retriever,
        controls: FusionControls,
        request: ExecuteRequest,
        vectors: KnownVectors,
        started: float,
        weigh: Weigh | None,
    ) -> None:
        self._engine, self._retriever, self._request = engine, retriever, request
        self._controls = controls
        self._weigh = self._earlier_weights if weigh is None else weigh
        self._searched: Searched | None = None
        self._runs: list[StageRun] = []
        self._relaxations: list[Relaxation] = []
        self._warnings: list[str] = []
        self._judged: list[Judged] = []
        self._vectors, self._started = vectors, started

    def serve(self) -> Served:
        retriever, request = self._retriever, self._request
        inputs = resolve_inputs(retriever.input_schema, request.inputs, used=retriever.inputs_read)
        self._rankers = dict(self._named_rankers())
        adapters = dict(self._named_adapters())
        with self._engine.storage.read() as session:
            context = StageContext(
                inputs=inputs.values,
                left_out=inputs.left_out,
                relaxations=self._relaxations,
                request_filter=read_document_filter(request.filters) if request.filters else None,
                namespace=retriever.namespace,
                session=session,
                popularity=self._engine.popularity,
                vectors=self._vectors,
                now=session.now(),
                adapters=adapters,
                judged=self._judged,
            )
            context.judge = partial(self._judge, context)
            hits = self._run_stages(context)
            shown = self._filled(session, self._page(hits))
        profile = Profile(
            stages=tuple(self._runs),
            milliseconds=round(self._milliseconds(), 3),
            warnings=tuple(self._warnings),
        )
        execution = self._execution(inputs, shown, len(hits), context.now, profile)
        searched = self._searched
        return Served(
            execution=execution,
            profile=profile,
            hits=shown,
            total=len(hits),
            inputs=inputs,
            chosen=None if searched is None else searched.result.chosen,
            plan=None if searched is None else searched.plan,
            relaxations=self._relaxations,
            warnings=self._warnings,
            judged=self._judged if request.is_explained else [],
        )

    def _milliseconds(self) -> float:
        return (time.perf_counter() - self._started) * 1000

    def _page(self, hits: list[Hit]) -> list[Hit]:
        size = self._request.page_size
        start = self._request.start
        return hits[start:] if size is None else hits[start : start + size]

    # Stages

    def _run_stages(self, context: StageContext) -> list[Hit]:
        hits: list[Hit] = []
        aliases: dict[str, Any] = {}
        for number, stage in enumerate(self._retriever.stages):
            self._check_time()
            context = replace(
                context,
                is_first=number == 0,
                variables=Variables(inputs=context.inputs, context=aliases),
            )
            hits = self._run_stage(stage, hits, context)
            if stage.output_alias is not None:
                aliases[stage.output_alias] = [hit.document_id for hit in hits]
        self._check_time()
        return hits

    def _check_time(self) -> None:
        limits = self._retriever.draft.budget_limits
        most = None if limits is None else limits.max_time_ms
        if most is not None and self._milliseconds() > most:
            raise SearchTooSlow(most)

    def _run_stage(self, stage: Stage, hits: list[Hit], context: StageContext) -> list[Hit]:
        """What goes on from a stage, or what came to it where it fails and may be skipped."""
        started, error, n_judged = time.perf_counter(), None, len(self._judged)
        searched = self._searched
        try:
            left = self._left_by(stage, hits, context)
        except DesirepathError as problem:
            if not _may_be_skipped(stage, problem):
                raise
            left, error = hits, problem.message
            self._warnings.append(f"A stage was skipped: {problem.message}")
        judged = self._judged[-1] if len(self._judged) > n_judged else None
        self._runs.append(
            StageRun(
                name=stage.stage_name,
                stage_id=stage.stage_id,
                n_in=len(hits),
                n_out=len(left),
                milliseconds=round((time.perf_counter() - started) * 1000, 3),
                error=error,
                model=None if judged is None else judged.model,
                model_version=None if judged is None else judged.version,
                query_adapters=self._adapted_since(searched),
            )
        )
        return left

    def _adapted_since(self, before: Searched | None) -> tuple[AdapterRun, ...]:
        now = self._searched
        return () if now is None or now is before else tuple(now.adapted)

    def _left_by(self, stage: Stage, hits: list[Hit], context: StageContext) -> list[Hit]:
        if isinstance(stage.parameters, FeatureSearchParameters):
            return self._with_features(self._feature_search(stage, stage.parameters, context))
        left = run_stage(stage, hits, context)
        return self._with_features(left) if context.is_first else left

    def _with_features(self, found: list[Hit]) -> list[Hit]:
        """What was found, with the numbers that the search sent of it."""
        features = self._request.features
        return [
            replace(hit, features=dict(features[hit.document_id]))
            if hit.document_id in features
            else hit
            for hit in found
        ]

    def _judge(
        self, context: StageContext, name: str, version: int | None, hits: Sequence[Hit]
    ) -> Judged:
        asked = AskedList(
            hits=hits,
            query=first_text(context.inputs),
            user_id=self._request.user_id,
            session_id=self._request.session_id,
            now=context.now,
        )
        ranker = self._rankers[name, version]
        if isinstance(ranker, RankerUnavailable):
            raise ranker
        return ranker.judge(context.session, asked, self._engine.rankers.patience_seconds)

    def _named_rankers(
        self,
    ) -> Iterator[tuple[tuple[str, int | None], LoadedRanker | RankerUnavailable]]:
        """The rankers that stages name, or why there is none; before there is a session."""
        for stage in self._retriever.stages:
            parameters = stage.parameters
            if isinstance(parameters, RerankParameters) and parameters.inference_name is not None:
                named = parameters.inference_name, parameters.model_version
                try:
                    yield named, self._engine.rankers.get(self._retriever.namespace, *named)
                except RankerUnavailable as problem:
                    yield named, problem

    def _named_adapters(self) -> Iterator[tuple[tuple[str, int | None], LoadedAdapter | str]]:
        """The query adapters that searches name, or why there is none; before a session too."""
        for name, version in self._retriever.query_adapters:
            try:
                found = self._engine.adapters.get(self._retriever.namespace, name, version)
            except InvalidModel as problem:
                yield (name, version), problem.message
            else:
                yield (name, version), found

    def _feature_search(
        self, stage: Stage, parameters: FeatureSearchParameters, context: StageContext
    ) -> list[Hit]:
        for name, is_asked in (("facets", parameters.facets), ("group_by", parameters.group_by)):
            if is_asked:
                self._warnings.append(f"{name} is kept and not applied yet.")
        plan = plan_of(self._retriever, self._controls, parameters)
        assert plan is not None  # it is that of these parameters
        plan = _with_sent(plan, self._request.candidates)
        own = all_of([stage.pre_filters], context.filled_by, context.left_out, self._relaxations)
        searcher = FeatureSearcher(
            context,
            self._engine.fuser,
            plan,
            parameters,
            asker=Asker(
                user_id=self._request.user_id,
                session_id=self._request.session_id,
                inputs=context.inputs,
            ),
            filter=both(context.request_filter, own),
            candidates=self._request.candidates,
            chosen=self._weigh(context.session, plan),
        )
        self._searched = searcher.run()
        self._warnings += self._searched.warnings
        return self._searched.hits

    def _earlier_weights(self, session: Session, plan: FusionPlan) -> FeatureWeights | None:
        """The weights of the page before, so that pages belong to one ranking."""
        name = self._request.parent_id
        if name is None:
            return None
        parent = session.executions.get(self._retriever.namespace, name)
        if parent is None or parent.retriever_id != self._retriever.retriever_id:
            raise NotFound("execution")  # what was sent is not repeated
        ranking = parent.ranking
        if ranking is None or ranking.features != plan.features:
            return None
        return FeatureWeights(
            fusion=ranking.fusion,
            weights=np.array(ranking.weights),
            ordinals=ranking.ordinals,
            algorithm=ranking.algorithm,
            contexts=ranking.contexts,
            draw=ranking.draw,
        )

    def _filled(self, session: Session, shown: Sequence[Hit]) -> list[Hit]:
        """What is shown, with payloads, and vectors where they are asked for."""
        with_vectors = self._request.with_vectors
        missing = [hit.document_id for hit in shown if with_vectors or hit.payload is None]
        if not missing:
            return list(shown)
        namespace = self._retriever.namespace
        found = session.documents.get(namespace, missing, with_vectors=with_vectors)
        return [_with_document(hit, found.get(hit.document_id), with_vectors) for hit in shown]

    # The log

    def _execution(
        self,
        inputs: ResolvedInputs,
        shown: Sequence[Hit],
        total: int,
        now: int,
        profile: Profile,
    ) -> Execution:
        request, retriever = self._request, self._retriever
        id = self._engine.make_id.next(now)
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
            inputs=dict(inputs.values),
            user_id=request.user_id,
            session_id=request.session_id,
            configuration=request.configuration,
            metadata=request.metadata,
            offset=request.start,
            total=total,
            occurred_at=now,
            live=True,
            parent_id=request.parent_id,
            profile=profile,
            ranking=self._ranking(shown),
        )

    def _ranking(self, shown: Sequence[Hit]) -> Ranking | None:
        searched = self._searched
        if searched is None or not searched.plan.features:
            return None
        learning = searched.plan.learning
        depth = 0 if learning is None else learning.log_pool_depth
        ids = [hit.document_id for hit in shown]
        return ranking_of(searched.plan, searched.result, ids, depth)


def _may_be_skipped(stage: Stage, problem: DesirepathError) -> bool:
    """Whether a search goes on without a stage; it does without a ranker unless it is told not."""
    if isinstance(problem, RankerUnavailable) and "on_error" not in stage.sent:
        return True
    return stage.on_error is OnError.SKIP


def _with_document(hit: Hit, document: Document | None, with_vectors: bool) -> Hit:
    if document is None:
        return hit
    payload = document.payload if hit.payload is None else hit.payload
    if not with_vectors:
        return replace(hit, payload=payload)
    vectors = {name: list(vector) for name, vector in document.vectors.items()}
    return with_field(replace(hit, payload=payload), "vectors", vectors)


def _with_sent(plan: FusionPlan, candidates: Mapping[str, Sequence[SentCandidate]]) -> FusionPlan:
    """A plan with the features whose candidates were sent.

    A retriever that names features takes candidates for those only.
    """
    if not candidates:
        return plan
    unknown = [uri for uri in candidates if uri not in plan.features]
    if unknown and plan.features:
        raise InvalidSearch(
            f"Candidates were sent for a feature that the retriever does not have; it has "
            f"{', '.join(plan.features)}.",
            ("candidates",),
        )
    if plan.features:
        return plan
    return replace(plan, features=tuple(candidates), weights=(1.0,) * len(candidates))
