"""Units of an experiment, read from the log: who saw what, what it earned, and what is over.

A test that may be looked at at any time holds for numbers that do not change once they were
counted. So a unit counts when it is closed, and what is recorded of it later never does. All times
are those of recording.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from desirepath.domain.execution import decode_shown
from desirepath.domain.experiment import Mode, Trial, unpack_trial
from desirepath.domain.ids import time_of
from desirepath.domain.interaction import QUERY_LEVEL_TYPES
from desirepath.storage.base import Session
from desirepath.storage.experiments import ActedOn, LoggedTrial

__all__ = ["Earned", "Unit", "read_units"]

_DAY = 86_400_000_000


class Earned(Struct, frozen=True):
    """What a document that was shown earned."""

    team: int
    reward: float


class Unit(Struct, frozen=True, kw_only=True):
    """A session or a user, as far as it counts.

    Parameters
    ----------
    coin
        Of its first search.
    began_at, ended_at
        First and last moment that counts, microseconds since 1970.
    is_closed
        Whether nothing more counts.
    n_searches, n_failed
        Its searches, and those in which the challenger was to be shown and failed.
    earned
        One for each document that something was done with.
    """

    coin: bool
    began_at: int
    ended_at: int
    is_closed: bool
    n_searches: int
    n_failed: int
    earned: tuple[Earned, ...]


class _Search(Struct, frozen=True):
    moment: int
    execution_id: str
    document_ids: list[str]
    trial: Trial


class _Gathered:
    """What the log says of one unit."""

    def __init__(self) -> None:
        self.searches: list[_Search] = []
        self.acts: list[ActedOn] = []


def read_units(
    session: Session, namespace: int, experiment_id: str, session_window: int
) -> list[Unit]:
    """All units of an experiment that the log knows, the first ended first.

    Parameters
    ----------
    session_window
        Microseconds after its last event when a session is closed.
    """
    now = session.now()
    gathered: dict[str, _Gathered] = {}
    for chunk in session.experiments.trials(namespace, experiment_id):
        searches = [_search(logged) for logged in chunk]
        name_to_unit = {one.execution_id: one.trial.unit for one in searches}
        for search in searches:
            gathered.setdefault(search.trial.unit, _Gathered()).searches.append(search)
        for act in session.experiments.acted_on(namespace, list(name_to_unit)):
            gathered[name_to_unit[act.execution_id]].acts.append(act)
    units = [_unit(one, session_window, now) for one in gathered.values()]
    return sorted(units, key=lambda unit: (unit.ended_at, unit.began_at))


def _search(logged: LoggedTrial) -> _Search:
    return _Search(
        time_of(logged.id),
        logged.execution_id,
        decode_shown(logged.shown),
        unpack_trial(logged.trial),
    )


def _unit(gathered: _Gathered, session_window: int, now: int) -> Unit:
    first = gathered.searches[0]
    experiment = first.trial.experiment
    if experiment.mode is Mode.SPLIT:
        last = ends = first.moment + experiment.days * _DAY
    else:
        last = _last_of_session(gathered, session_window)
        ends = last + session_window
    searches = [one for one in gathered.searches if one.moment <= last]
    acts = [one for one in gathered.acts if time_of(one.id) <= last]
    return Unit(
        coin=first.trial.coin,
        began_at=first.moment,
        ended_at=last,
        is_closed=now > ends,
        n_searches=len(searches),
        n_failed=sum(one.trial.problem is not None for one in searches),
        earned=tuple(_earned(searches, acts)),
    )


def _last_of_session(gathered: _Gathered, session_window: int) -> int:
    """The last event that came within the window of the one before it."""
    moments = [one.moment for one in gathered.searches]
    last = moments[0]
    for moment in sorted([*moments, *(time_of(act.id) for act in gathered.acts)]):
        if moment > last + session_window:
            break
        last = max(last, moment)
    return last


def _earned(searches: Iterable[_Search], acts: Sequence[ActedOn]) -> Iterator[Earned]:
    """Of each document its strongest positive reward plus its most negative, as in learning."""
    teams = {one.execution_id: _teams(one) for one in searches}
    best: dict[tuple[str, str], float] = {}
    worst: dict[tuple[str, str], float] = {}
    for act in acts:
        shown = teams.get(act.execution_id, {})
        if act.feature_id not in shown or QUERY_LEVEL_TYPES.issuperset(act.types.split(",")):
            continue
        key = (act.execution_id, act.feature_id)
        best[key] = max(best.get(key, 0.0), act.reward)
        worst[key] = min(worst.get(key, 0.0), act.reward)
    for key, reward in best.items():
        yield Earned(teams[key[0]][key[1]], reward + worst[key])


def _teams(search: _Search) -> Mapping[str, int]:
    trial = search.trial
    if trial.experiment.mode is Mode.SPLIT:
        return dict.fromkeys(search.document_ids, 1 if trial.coin else -1)
    if not trial.teams:
        return dict.fromkeys(search.document_ids, 0)
    return dict(zip(search.document_ids, trial.teams, strict=True))
