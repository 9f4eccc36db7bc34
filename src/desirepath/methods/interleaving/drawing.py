"""Chance that is the same whenever it is asked: coins and shares from a hash of names.

A reload or a second page must show the same list, on every worker, after every restart. So nothing
is drawn: what would be is read from a hash keyed by the experiment, which makes one experiment say
nothing of the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from itertools import count

__all__ = ["coins", "gets_challenger"]


def coins(experiment_id: str, unit_id: str, query: str = "") -> Iterator[bool]:
    """Fair coins without end, the same for the same names.

    Parameters
    ----------
    unit_id
        Whose lists they are: the session, or the user. It is also what the test counts, since what
        happens under the same coins is not independent.
    query
        The searches of a unit that share their coins; with one query for all, a unit's first coin
        decides who stands on top all along.

    Examples
    --------
    >>> from itertools import islice
    >>> [int(coin) for coin in islice(coins("exp_1", "session_1"), 8)]
    [1, 1, 0, 1, 1, 1, 1, 1]
    """
    for block in count():
        digest = _digest(b"coins", experiment_id, f"{unit_id}\x00{query}\x00{block}")
        bits = int.from_bytes(digest)
        for place in range(8 * len(digest)):
            yield bool(bits >> place & 1)


def gets_challenger(experiment_id: str, unit_id: str, share: float = 0.5) -> bool:
    """Whether a unit of a plain split is served by the challenger, the same whenever asked.

    Parameters
    ----------
    unit_id
        The user, else the session.
    share
        Of units that are, in [0, 1].
    """
    digest = _digest(b"split", experiment_id, unit_id)
    return int.from_bytes(digest[:8]) / 2**64 < share


def _digest(purpose: bytes, experiment_id: str, name: str) -> bytes:
    key = blake2b(experiment_id.encode()).digest()  # of any length, as keys must not be
    return blake2b(name.encode(), key=key, person=purpose).digest()
