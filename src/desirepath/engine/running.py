"""Run a retriever's stages for one search."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from desirepath.domain.document import read_document_filter
from desirepath.domain.input_schema import ResolvedInputs, resolve_inputs
from desirepath.domain.profile import AdapterRun, StageRun
from desirepath.domain.ranking import Ranking
from desirepath.domain.retriever import Retriever
from desirepath.domain.stage import OnError, Stage
from desirepath.domain.stage_kinds.feature_search import FeatureSearchParameters
from desirepath.domain.stage_kinds.rerank import RerankParameters
from desirepath.domain.template import Variables
from desirepath.engine.embedding.needed import KnownVectors
from desirepath.engine.engine import Engine
from desirepath.engine.query_text import first_text
from desirepath.engine.serving.adapting import LoadedAdapter
from desirepath.engine.serving.filters import Relaxation, all_of, both
from desirepath.engine.serving.fusing import FeatureWeights, FusionPlan, ranking_of
from desirepath.engine.serving.hits import Hit, StageContext
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

__all__ = ["ExecuteRequest", "Run", "Weigh", "weights_of"]

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


class Run:
    """One search on its way through the stages of one retriever.

    Parameters
    ----------
    vectors
        Of texts, as far as they were made.
    started
        When the search began, by ``time.perf_counter``.
    weigh
        Says what to weight features with; None: the weights of the page before, else of the moment.
    limits
        Milliseconds from then on within which its stages end.
    patience_seconds
        How long a ranker may read what came to the log; None: as long as somebody waits.
    """

    inputs: ResolvedInputs
    """Since :meth:`prepare`."""
    now: int
    """The database's, since :meth:`run`; microseconds since 1970."""

    def __init__(
        self,
        engine: Engine,
        retriever: Retriever,
        request: ExecuteRequest,
        vectors: KnownVectors,
        started: float,
        *,
        weigh: Weigh | None = None,
        limits: Sequence[int] = (),
        patience_seconds: float | None = None,
    ) -> None:
        self._engine, self._retriever, self._request = engine, retriever, request
        self._vectors, self._started, self._limits = vectors, started, limits
        patience = engine.rankers.patience_seconds
        self._patience_seconds = patience if patience_seconds is None else patience_seconds
        self._weigh = self._earlier_weights if weigh is None else weigh
        self.searched: Searched | None = None
        self.runs: list[StageRun] = []
        self.relaxations: list[Relaxation] = []
        self.warnings: list[str] = []
        self.judged: list[Judged] = []

    def prepare(self) -> None:
        """Read what was sent, and have the models at hand: before there is a session.

        Raises
        ------
        InvalidSearch, MissingInput
            What was sent does not do.
        """
        retriever, request = self._retriever, self._request
        self._controls = self._engine.directory.controls(
            retriever.namespace, retriever.retriever_id
        )
        self.inputs = resolve_inputs(
            retriever.input_schema, request.inputs, used=retriever.inputs_read
        )
        self._rankers = dict(self._named_rankers())
        self._adapters = dict(self._named_adapters())

    def run(self, session: Session) -> list[Hit]:
        """What the stages leave, the best first."""
        request = self._request
        self.now = session.now()
        context = StageContext(
            inputs=self.inputs.values,
            left_out=self.inputs.left_out,
            relaxations=self.relaxations,
            request_filter=read_document_filter(request.filters) if request.filters else None,
            namespace=self._retriever.namespace,
            session=session,
            popularity=self._engine.popularity,
            vectors=self._vectors,
            now=self.now,
            adapters=self._adapters,
            judged=self.judged,
        )
        context.judge = partial(self._judge, context)
        return self._run_stages(context)

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
        for most in self._limits:
            if (time.perf_counter() - self._started) * 1000 > most:
                raise SearchTooSlow(most)

    def _run_stage(self, stage: Stage, hits: list[Hit], context: StageContext) -> list[Hit]:
        """What goes on from a stage, or what came to it where it fails and may be skipped."""
        started, error, n_judged = time.perf_counter(), None, len(self.judged)
        searched = self.searched
        try:
            left = self._left_by(stage, hits, context)
        except DesirepathError as problem:
            if not _may_be_skipped(stage, problem):
                raise
            left, error = hits, problem.message
            self.warnings.append(f"A stage was skipped: {problem.message}")
        judged = self.judged[-1] if len(self.judged) > n_judged else None
        self.runs.append(
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
        now = self.searched
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
        return ranker.judge(context.session, asked, self._patience_seconds)

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
                self.warnings.append(f"{name} is kept and not applied yet.")
        plan = plan_of(self._retriever, self._controls, parameters)
        assert plan is not None  # it is that of these parameters
        plan = _with_sent(plan, self._request.candidates)
        own = all_of([stage.pre_filters], context.filled_by, context.left_out, self.relaxations)
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
        self.searched = searcher.run()
        self.warnings += self.searched.warnings
        return self.searched.hits

    def _earlier_weights(self, session: Session, plan: FusionPlan) -> FeatureWeights | None:
        """The weights of the page before, so that pages belong to one ranking."""
        name = self._request.parent_id
        if name is None:
            return None
        parent = session.executions.get(self._retriever.namespace, name)
        if parent is None or parent.retriever_id != self._retriever.retriever_id:
            raise NotFound("execution")  # what was sent is not repeated
        return weights_of(parent.ranking, plan)

    def ranking(self, shown: Sequence[str]) -> Ranking | None:
        """How it ranked, those that are shown among others; None where nothing was fused."""
        searched = self.searched
        if searched is None or not searched.plan.features:
            return None
        learning = searched.plan.learning
        depth = 0 if learning is None else learning.log_pool_depth
        return ranking_of(searched.plan, searched.result, shown, depth)


def weights_of(ranking: Ranking | None, plan: FusionPlan) -> FeatureWeights | None:
    """The weights that something was ranked by; None where they are those of other features."""
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


def _may_be_skipped(stage: Stage, problem: DesirepathError) -> bool:
    """Whether a search goes on without a stage; it does without a ranker unless it is told not."""
    if isinstance(problem, RankerUnavailable) and "on_error" not in stage.sent:
        return True
    return stage.on_error is OnError.SKIP


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
