"""One list out of two, in which each has its team of documents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from itertools import islice
from typing import NamedTuple

__all__ = ["Drafted", "Team", "team_draft"]


class Team(IntEnum):
    """Whose pick a document is; the sign is that of its credit."""

    LIVE = -1
    NEITHER = 0
    CHALLENGER = 1


class Drafted(NamedTuple):
    """What is shown, and whose pick each document is."""

    documents: list[str]
    teams: list[Team]


def team_draft(
    live: Sequence[str], challenger: Sequence[str], coins: Iterable[bool], size: int | None = None
) -> Drafted:
    """Let two lists pick in turns, as captains pick players.

    In each round a coin says who picks first, and each picks its best document that is not there
    yet. Where both would pick the same, nobody does: it is shown and belongs to neither.

    Parameters
    ----------
    live, challenger
        Document ids, the best first, each once.
    coins
        One for each round; true: the challenger picks first.
    size
        How many documents are shown; None: all of both.

    Returns
    -------
    Drafted
        No document twice. Teams of picks differ by one at most, and by none where ``size`` cuts no
        round. Documents left when one list has no more belong to neither: a longer list is no
        merit, as it has more to be clicked however good it is. Only a split of users can tell
        whether more results are better.

    References
    ----------
    Radlinski, Kurup & Joachims (2008), How Does Clickthrough Data Reflect Retrieval Quality?,
    section 3.3 (team draft). Differs: a document that both would pick goes to neither, in one
    place, where team draft gives it to the winner of the coin and the loser the one below. For
    lists that begin alike this leaves out clicks whose credit is a coin's; on average over coins it
    is 0 anyway.

    Examples
    --------
    >>> drafted = team_draft(["a", "b", "c"], ["a", "c", "d"], [True, False])
    >>> drafted.documents
    ['a', 'c', 'b', 'd']
    >>> [team.name for team in drafted.teams]
    ['NEITHER', 'CHALLENGER', 'LIVE', 'NEITHER']
    """
    picks: dict[str, Team] = {}
    flips = iter(coins)
    most = len(live) + len(challenger) if size is None else size
    ours, theirs = _Captain(live), _Captain(challenger)
    while len(picks) < most:
        our, their = ours.next(picks), theirs.next(picks)
        if our is None and their is None:
            break
        if our is None or their is None or our == their:
            picks[our or their or ""] = Team.NEITHER
        elif next(flips):
            picks.update({their: Team.CHALLENGER, our: Team.LIVE})
        else:
            picks.update({our: Team.LIVE, their: Team.CHALLENGER})
    return Drafted(list(islice(picks, most)), list(islice(picks.values(), most)))


class _Captain:
    """Who goes down a list."""

    def __init__(self, documents: Sequence[str]) -> None:
        self._documents = documents
        self._place = 0

    def next(self, picked: dict[str, Team]) -> str | None:
        """The best document that is not picked yet; None when there is none."""
        while self._place < len(self._documents):
            if self._documents[self._place] not in picked:
                return self._documents[self._place]
            self._place += 1
        return None
