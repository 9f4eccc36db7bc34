"""Create, change and copy retrievers."""

from __future__ import annotations

from collections.abc import Sequence, Set

from msgspec.structs import replace

from desirepath.domain.ranking_features import FeatureKind
from desirepath.domain.retriever import Retriever, RetrieverDraft
from desirepath.domain.retriever_changes import (
    RetrieverClone,
    RetrieverPatch,
    changed,
    cloned,
    without_ended,
)
from desirepath.domain.stage import Stage, read_stages
from desirepath.domain.stage_kinds.base import inside
from desirepath.domain.stage_kinds.feature_search import FeatureSearch, FeatureSearchParameters
from desirepath.domain.stage_kinds.rerank import RerankParameters
from desirepath.engine.engine import Engine
from desirepath.errors import (
    Conflict,
    InvalidModel,
    InvalidRetriever,
    NotFound,
    RankerUnavailable,
)
from desirepath.storage.base import Session

__all__ = [
    "challenged_by",
    "change_retriever",
    "clone_retriever",
    "create_retriever",
    "find_retriever",
]

_ATTEMPTS = 10


def find_retriever(engine: Engine, namespace: int, id_or_name: str) -> Retriever:
    """A retriever as it is now, by id or name.

    Raises
    ------
    NotFound
        There is none.
    """
    if "\x00" in id_or_name:  # no database could have it
        raise NotFound("retriever")
    with engine.storage.read() as session:
        found = session.catalog.find_retriever(namespace, id_or_name)
    if found is None:
        raise NotFound("retriever", id_or_name)
    return found


def create_retriever(engine: Engine, namespace: int, draft: RetrieverDraft) -> Retriever:
    """Store a retriever.

    Raises
    ------
    AlreadyExists
        Its name is taken.
    InvalidRetriever
        It names a ranker that cannot order what it finds, a query adapter that does not fit, or a
        challenger that cannot be one.
    """
    _check_models(engine, namespace, draft)
    with engine.storage.write() as session:
        draft = _with_challenger(session, namespace, without_ended(draft), None)
        now = session.now()
        made = session.catalog.create_retriever(namespace, engine.make_id.next(now), draft, now)
    engine.directory.forget()
    return made


def clone_retriever(engine: Engine, source: Retriever, clone: RetrieverClone) -> Retriever:
    """Store a copy, which has learned nothing yet.

    Raises
    ------
    AlreadyExists
        Its name is taken.
    """
    return create_retriever(engine, source.namespace, cloned(source, clone))


def change_retriever(engine: Engine, retriever: Retriever, patch: RetrieverPatch) -> Retriever:
    """Change a retriever; changes that others make at the same moment are kept.

    Raises
    ------
    InvalidRetriever
        See :func:`~desirepath.domain.retriever_changes.changed` and :func:`create_retriever`.
    AlreadyExists
        The new name is taken.
    NotFound
        It was deleted meanwhile.
    """
    draft = changed(retriever, patch)
    if draft.stages != retriever.draft.stages:
        _check_models(engine, retriever.namespace, draft)
    for _ in range(_ATTEMPTS):
        with engine.storage.write() as session:
            catalog = session.catalog
            current = catalog.find_retriever(retriever.namespace, retriever.retriever_id)
            if current is None:
                raise NotFound("retriever", retriever.retriever_id)
            draft = changed(current, patch)
            if patch.experiment is not None:
                draft = _with_challenger(session, current.namespace, draft, current.retriever_id)
            after = catalog.update_retriever(
                current.namespace, current.id, draft, current.version, session.now()
            )
            if after is not None and patch.experiment is not None:
                _check_unchallenged(session, after)
        if after is not None:
            engine.directory.forget()
            return after
    raise Conflict("Others change this retriever all the time; try again.")


def _with_challenger(
    session: Session, namespace: int, draft: RetrieverDraft, own_id: str | None
) -> RetrieverDraft:
    """A retriever whose challenger is named by its id, and may be one until the session ends.

    Parameters
    ----------
    own_id
        The retriever's own; None: it is new.
    """
    experiment = draft.experiment
    if experiment is None or experiment.challenger is None:
        return draft
    with inside("experiment", "challenger"):
        challenger = session.catalog.find_retriever(namespace, experiment.challenger, hold=True)
        if challenger is None:
            raise InvalidRetriever("There is no such retriever.")
        _check_challenger(challenger, own_id)
        if not draft.stages:
            raise InvalidRetriever(
                "This retriever has no stages: another engine searches for it, which would have to "
                "show what a challenger finds."
            )
    return replace(draft, experiment=replace(experiment, challenger=challenger.retriever_id))


def _check_challenger(challenger: Retriever, own_id: str | None) -> None:
    if challenger.retriever_id == own_id:
        raise InvalidRetriever("A retriever cannot challenge itself.")
    if challenger.draft.experiment is not None:
        raise InvalidRetriever("A challenger has no experiment of its own; end that first.")
    if not challenger.stages:
        raise InvalidRetriever("The challenger has no stages that can be searched with.")


def _check_unchallenged(session: Session, retriever: Retriever) -> None:
    """Refuse an experiment of a challenger: after its row is written, which a rival's start holds.

    Of two that begin at once, one then sees the other.
    """
    if retriever.draft.experiment is None:
        return
    if challenged_by(session, retriever.namespace, retriever.retriever_id):
        raise InvalidRetriever(
            "This retriever is the challenger of another one; end that experiment first.",
            ("experiment",),
        )


def challenged_by(session: Session, namespace: int, retriever_id: str) -> list[Retriever]:
    """Retrievers of which one is the challenger."""
    return [
        one
        for one in session.catalog.with_experiment(namespace)
        if one.draft.experiment and one.draft.experiment.challenger == retriever_id
    ]


def _check_models(engine: Engine, namespace: int, draft: RetrieverDraft) -> None:
    stages = read_stages(draft.stages, lenient=True)
    for number, stage in enumerate(stages):
        if isinstance(stage.parameters, FeatureSearchParameters):
            for place, search in enumerate(stage.parameters.searches):
                with inside("stages", number, "config", "parameters", "searches", place):
                    _check_adapter(engine, namespace, search)
    _check_rankers(engine, namespace, stages)


def _check_adapter(engine: Engine, namespace: int, search: FeatureSearch) -> None:
    if search.query_adapter is None:
        return
    engine.directory.forget()  # it may have been deployed a moment ago
    with engine.storage.read() as session:
        indexes = {one.name: one for one in session.documents.vector_indexes(namespace)}
    try:
        adapter = engine.adapters.get(namespace, search.query_adapter, search.query_adapter_version)
    except InvalidModel as error:
        raise InvalidRetriever(error.message, ("query_adapter",)) from error
    (name,) = search.feature.names
    problem = (
        adapter.space.misfit(indexes[name])
        if name in indexes
        else "There is no such vector index yet that a query adapter could fit."
    )
    if problem is not None:
        raise InvalidRetriever(problem, ("query_adapter",))


def _check_rankers(engine: Engine, namespace: int, stages: Sequence[Stage]) -> None:
    searches = [s.parameters for s in stages if isinstance(s.parameters, FeatureSearchParameters)]
    uris = {uri for search in searches for uri in search.feature_to_uri.values()}
    for number, stage in enumerate(stages):
        parameters = stage.parameters
        if not isinstance(parameters, RerankParameters) or parameters.inference_name is None:
            continue
        with inside("stages", number, "config", "parameters", "inference_name"):
            _check_ranker(
                engine, namespace, parameters.inference_name, parameters.model_version, uris
            )


def _check_ranker(
    engine: Engine, namespace: int, name: str, version: int | None, uris: Set[str]
) -> None:
    engine.directory.forget()  # it may have been deployed a moment ago
    try:
        layout = engine.rankers.get(namespace, name, version).layout
    except RankerUnavailable as error:
        raise InvalidRetriever(error.message) from error
    unknown = set(layout.arguments(FeatureKind.SCORE)) - uris
    if uris and unknown:
        raise InvalidRetriever(
            "The ranker has another layout: it looks at scores by features that this retriever "
            f"does not search by: {', '.join(sorted(unknown))}."
        )
