"""The period that a question is about, and the one that it is compared with."""

from __future__ import annotations

from msgspec.structs import replace

from desirepath.domain.scope import Scope
from desirepath.errors import InvalidQuery

__all__ = ["previous_period"]


def previous_period(scope: Scope, now: int) -> Scope:
    """The same part of the log over the period of equal length just before.

    Parameters
    ----------
    scope
        Names where its period starts; it ends ``now`` if it does not say.

    Raises
    ------
    InvalidQuery
        The period has no start, or ends before it starts.

    Examples
    --------
    >>> week = previous_period(Scope(since=70, before=100), now=500)
    >>> week.since, week.before
    (40, 70)
    """
    if scope.since is None:
        raise InvalidQuery("A comparison with the previous period needs the start of this one.")
    before = now if scope.before is None else scope.before
    if before <= scope.since:
        raise InvalidQuery("The period ends before it starts.")
    return replace(scope, since=scope.since - (before - scope.since), before=scope.since)
