"""Serve a search of an experiment: one list of two, or one of two lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from desirepath.domain.execution import Execution
from desirepath.domain.experiment import (
    Experiment,
    Mode,
    Trial,
    experiment_id_of,
    is_unit_of,
    unit_of,
)
from desirepath.domain.ranking import Ranking, day_of
from desirepath.domain.retriever import Retriever
from desirepath.engine.embedding.needed import KnownVectors
from desirepath.engine.engine import Engine
from desirepath.engine.query_text import first_text
from desirepath.engine.running import ExecuteRequest, Run, Weigh, weights_of
from desirepath.engine.serving.fusing import FeatureWeights, FusionPlan
from desirepath.engine.serving.hits import Hit
from desirepath.engine.serving.searching import SentCandidate
from desirepath.errors import DesirepathError, StorageError
from desirepath.methods.interleaving.drawing import coins, gets_challenger
from desirepath.methods.interleaving.team_draft import Team, team_draft
from desirepath.storage.base import Session

__all__ = ["Place", "Running", "Search", "place_of", "running_experiment", "search_of"]

T = TypeVar("T")


class Search(Protocol):
    """What answers a search: a retriever, or two of them."""

    @property
    def answered_by(self) -> Run:
        """Whose inputs and warnings the answer tells."""
        ...

    def prepare(self) -> None:
        """As of a :class:`~desirepath.engine.running.Run`."""
        ...

    def run(self, session: Session) -> list[Hit]: ...

    def ranking(self, shown: Sequence[str]) -> Ranking | None:
        """What the live retriever learns from."""
        ...

    def trial(self, shown: Sequence[str]) -> Trial | None: ...


class Alone:
    """A search that only the live retriever answers."""

    def __init__(self, live: Run) -> None:
        self.answered_by = live

    def prepare(self) -> None:
        self.answered_by.prepare()

    def run(self, session: Session) -> list[Hit]:
        return self.answered_by.run(session)

    def ranking(self, shown: Sequence[str]) -> Ranking | None:
        return self.answered_by.ranking(shown)

    def trial(self, shown: Sequence[str]) -> None:
        """No experiment knows of it."""


class Place(Struct, frozen=True, kw_only=True):
    """Where a search stands in an experiment, before anything was searched.

    Parameters
    ----------
    request
        As it was sent; a further page is asked for by who asked for the first.
    trial
        Without what comes of the search.
    earlier
        How the challenger ranked the page before; None: this is the first.
    query
        The searches of a unit that share their coins.
    """

    request: ExecuteRequest
    trial: Trial
    challenger: Retriever
    earlier: Ranking | None = None
    query: str = ""

    def weigh(self, session: Session, plan: FusionPlan) -> FeatureWeights | None:
        """The challenger's weights of the page before."""
        return weights_of(self.earlier, plan)


class Running(Struct, frozen=True, kw_only=True):
    """The experiment that a retriever is in."""

    experiment_id: str
    experiment: Experiment
    challenger: Retriever


def running_experiment(engine: Engine, retriever: Retriever) -> Running | None:
    """The experiment that a retriever is in; None: in none, or its challenger was deleted."""
    experiment = retriever.draft.experiment
    if experiment is None:
        return None
    challenger = engine.directory.retriever(retriever.namespace, experiment.challenger or "")
    if challenger is None:
        return None
    id = experiment_id_of(
        experiment,
        (retriever.retriever_id, retriever.version),
        (challenger.retriever_id, challenger.version),
    )
    return Running(experiment_id=id, experiment=experiment, challenger=challenger)


def place_of(engine: Engine, retriever: Retriever, request: ExecuteRequest) -> Place | None:
    """Where a search stands in its retriever's experiment; None: in none.

    It stands in none where nobody is known, and as a further page of a list that did not, or was
    another one's. What is decided here is a function of who asks for what: asked again, it is the
    same.
    """
    running = running_experiment(engine, retriever)
    if running is None or not (request.session_id or request.user_id or request.parent_id):
        return None
    namespace, id = retriever.namespace, running.experiment_id
    with engine.storage.read() as session:
        day = day_of(session.now())
        name = request.parent_id
        parent = None if name is None else session.executions.get(namespace, name)
    if name is not None:
        return None if parent is None else _further_page(running, parent, request)
    experiment, challenger = running.experiment, running.challenger
    query = first_text(request.inputs) or ""
    unit = unit_of(experiment.mode, request.session_id, request.user_id, day)
    if unit is None:
        return None
    coin = (
        gets_challenger(id, unit, experiment.share)
        if experiment.mode is Mode.SPLIT
        else next(coins(id, unit, query))
    )
    trial = Trial(
        experiment_id=id,
        experiment=experiment,
        unit=unit,
        coin=coin,
        live_version=retriever.version,
        challenger_version=challenger.version,
    )
    return Place(request=request, trial=trial, challenger=challenger, query=query)


def _further_page(running: Running, parent: Execution, request: ExecuteRequest) -> Place | None:
    """The place of the first page, for who asked for that; nobody else's log names its unit."""
    before = parent.trial
    if before is None or before.problem is not None:
        return None
    if before.experiment_id != running.experiment_id:
        return None
    request = replace(
        request,
        user_id=request.user_id or parent.user_id,
        session_id=request.session_id or parent.session_id,
    )
    if not is_unit_of(before.unit, request.session_id, request.user_id):
        return None
    return Place(
        request=request,
        trial=replace(before, teams=(), ranking=None),
        challenger=running.challenger,
        earlier=before.ranking,
        query=first_text(request.inputs) or "",
    )


class Contest:
    """A search that the challenger of an experiment answers as well, or instead.

    Where the challenger fails, the live list is shown, and the log says so.
    """

    def __init__(self, place: Place, live: Run, challenger: Run) -> None:
        self._place, self._live, self._challenger = place, live, challenger
        self.answered_by = live
        self._problem: str | None = None
        self._own: frozenset[str] | None = None
        self._their_own: frozenset[str] = frozenset()
        self._teams: dict[str, Team] = {}

    def prepare(self) -> None:
        self._live.prepare()
        if self._wants_challenger:
            self._tried(self._challenger.prepare)

    def run(self, session: Session) -> list[Hit]:
        if self._place.trial.experiment.mode is Mode.SPLIT:
            return self._one_of_both(session)
        live = self._live.run(session)
        theirs = self._theirs(session)
        return live if theirs is None else self._drafted(live, theirs)

    def ranking(self, shown: Sequence[str]) -> Ranking | None:
        """The live retriever's: of those that are shown, what it found itself."""
        if self._own is not None:
            shown = [id for id in shown if id in self._own]
        return self._live.ranking(shown)

    def trial(self, shown: Sequence[str]) -> Trial:
        teams = tuple(int(self._teams.get(id, Team.NEITHER)) for id in shown)
        return replace(
            self._place.trial,
            teams=teams if self._teams else (),
            ranking=None
            if self._problem is not None
            else self._challenger.ranking([id for id in shown if id in self._their_own]),
            problem=self._problem,
        )

    @property
    def _wants_challenger(self) -> bool:
        trial = self._place.trial
        return trial.coin or trial.experiment.mode is not Mode.SPLIT

    def _one_of_both(self, session: Session) -> list[Hit]:
        theirs = self._theirs(session) if self._wants_challenger else None
        if theirs is None:
            return self._live.run(session)
        self.answered_by = self._challenger
        return theirs

    def _theirs(self, session: Session) -> list[Hit] | None:
        if self._problem is not None:
            return None
        found = self._tried(lambda: self._challenger.run(session))
        self._their_own = frozenset(_ids(found or ()))
        return found

    def _tried(self, work: Callable[[], T]) -> T | None:
        """What the challenger comes to; None where it fails."""
        try:
            return work()
        except StorageError:  # it is the database, and the live retriever has the same
            raise
        except DesirepathError as problem:
            self._problem = problem.message
            return None

    def _drafted(self, live: list[Hit], theirs: list[Hit]) -> list[Hit]:
        """The whole draft; a document that both found is told of as the live one found it."""
        place = self._place
        flips = coins(place.trial.experiment_id, place.trial.unit, place.query)
        drafted = team_draft(_ids(live), _ids(theirs), flips)
        self._own = frozenset(_ids(live))
        self._teams = dict(zip(drafted.documents, drafted.teams, strict=True))
        hits = {hit.document_id: hit for hit in (*theirs, *live)}
        return [hits[id] for id in drafted.documents]


def _ids(hits: Sequence[Hit]) -> list[str]:
    return [hit.document_id for hit in hits]


def search_of(
    engine: Engine,
    retriever: Retriever,
    request: ExecuteRequest,
    vectors: KnownVectors,
    started: float,
    *,
    weigh: Weigh | None,
    patience_seconds: float | None,
    place: Place | None,
) -> Search:
    """A search that is ready to be prepared; parameters as of :class:`.running.Run`.

    Both retrievers of an experiment keep within the time that either of them is allowed.
    """
    limits = _limits(retriever)

    def run(
        one: Retriever, sent: ExecuteRequest, weigh: Weigh | None, limits: Sequence[int]
    ) -> Run:
        return Run(
            engine,
            one,
            sent,
            vectors,
            started,
            weigh=weigh,
            limits=limits,
            patience_seconds=patience_seconds,
        )

    if place is None:
        return Alone(run(retriever, request, weigh, limits))
    challenger = place.challenger
    sent, also_sent = (
        _sent_to(one, other, request)
        for one, other in ((retriever, challenger), (challenger, retriever))
    )
    return Contest(
        place,
        run(retriever, sent, weigh, limits),
        run(challenger, also_sent, place.weigh, [*limits, *_limits(challenger)]),
    )


def _limits(retriever: Retriever) -> list[int]:
    limits = retriever.draft.budget_limits
    return [] if limits is None or limits.max_time_ms is None else [limits.max_time_ms]


def _sent_to(one: Retriever, other: Retriever, request: ExecuteRequest) -> ExecuteRequest:
    """A search without the candidates that only the other retriever knows the features of."""
    own, others = one.feature_uris, other.feature_uris
    if not own:
        return request
    candidates: Mapping[str, Sequence[SentCandidate]] = {
        uri: found for uri, found in request.candidates.items() if uri in own or uri not in others
    }
    return replace(request, candidates=candidates)
