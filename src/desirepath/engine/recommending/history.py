"""What one person reacted to, as it stands now: the fold of :mod:`~desirepath.analysis.reactions`.

Training adds up the reactions of everybody in the database of the analysis, serving those of one
person here; a test holds one against the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from msgspec import Struct

from desirepath.domain.interaction import QUERY_LEVEL_TYPES, Interaction
from desirepath.methods.recommending.base import History
from desirepath.storage.base import InteractionQuery, Session

__all__ = [
    "MOST_READ",
    "NOBODY",
    "Asker",
    "Reaction",
    "bought",
    "history_of",
    "last_done",
    "reactions_of",
]

MOST_READ = 500
"""Interactions of a person that are looked at, the last recorded."""
NOBODY = History(np.empty(0, dtype=np.int64), np.empty(0))
_MOST_PURCHASES = 1_000
_LEAST = 1e-3
_DAY = 86_400_000_000


class Asker(Struct, frozen=True, kw_only=True):
    """Who is asked about: a user, else a session."""

    user_id: str | None = None
    session_id: str | None = None


class Reaction(Struct, frozen=True, kw_only=True):
    """What was done with a document after one search; microseconds since 1970."""

    document_id: str
    moment: int
    reward: float


def last_done(session: Session, namespace: int, asker: Asker) -> list[Interaction]:
    """What somebody did with documents, the last recorded first."""
    if asker.user_id is not None:
        found = session.interactions.latest_of_user(namespace, asker.user_id, MOST_READ)
    elif asker.session_id is not None:
        query = InteractionQuery(namespace=namespace, equals={"session_id": asker.session_id})
        found = session.interactions.find(query, MOST_READ)
    else:
        found = []
    return [one for one in found if not QUERY_LEVEL_TYPES.issuperset(one.types)]


def bought(session: Session, namespace: int, asker: Asker, done: Iterable[Interaction]) -> set[str]:
    """The documents that somebody bought: of what they did last, and of all they sent by name."""
    found = {one.feature_id for one in done if "purchase" in one.types}
    for column in ("user_id", "session_id"):
        value = getattr(asker, column)
        if value is not None:
            query = InteractionQuery(
                namespace=namespace, equals={column: value}, interaction_type="purchase"
            )
            purchases = session.interactions.find(query, _MOST_PURCHASES)
            found.update(one.feature_id for one in purchases if "purchase" in one.types)
            break
    return found


def reactions_of(done: Iterable[Interaction], before: int | None = None) -> list[Reaction]:
    """Reactions that are worth something.

    Parameters
    ----------
    done
        Of one person.
    before
        A moment, microseconds since 1970; what was later is left out.
    """
    groups: dict[tuple[str, str | bytes], list[tuple[int, float]]] = {}
    for one in done:
        moment = one.recorded_at if one.live else one.occurred_at
        if before is None or moment < before:
            key = (one.feature_id, one.id if one.execution_id is None else one.execution_id)
            groups.setdefault(key, []).append((moment, one.reward))
    found = []
    for (document_id, _), events in groups.items():
        rewards = [reward for _, reward in events]
        reward = max(*rewards, 0.0, 0.0) + min(*rewards, 0.0, 0.0)
        if reward > 0:
            moment = max(moment for moment, _ in events)
            found.append(Reaction(document_id=document_id, moment=moment, reward=reward))
    return found


def history_of(
    reactions: Sequence[Reaction],
    number_of_document: Mapping[str, int],
    half_life_days: float,
    most: float,
) -> History:
    """Weights as training has them, but that ages are counted from the person's last reaction.

    So who has not been here for long is served by what they liked then.

    Parameters
    ----------
    number_of_document
        Those that the model knows; others are left out.
    half_life_days, most
        See :class:`~desirepath.engine.recommender_files.RecommenderConstants`.
    """
    as_of = max((one.moment for one in reactions), default=0)
    weights: dict[int, float] = {}
    for one in reactions:
        number = number_of_document.get(one.document_id)
        if number is not None:
            faded = one.reward * 2.0 ** (-(as_of - one.moment) / (half_life_days * _DAY))
            weights[number] = weights.get(number, 0.0) + faded
    kept = sorted((number, min(weight, most)) for number, weight in weights.items())
    kept = [one for one in kept if one[1] >= _LEAST]
    return History(
        np.array([number for number, _ in kept], dtype=np.int64),
        np.array([weight for _, weight in kept], dtype=np.float64),
    )
