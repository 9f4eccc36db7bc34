"""Which side of a split a query is on: the same for all wordings of one wish, and for ever."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

__all__ = ["SIDES", "chains_of", "side_of"]

SIDES = ("train", "dev", "test")
_DEV, _TEST = 0.1, 0.1  # shares of the chains


def side_of(chain: str) -> str:
    """The side of a chain of wordings, by a hash of its name: a tenth each is dev and test.

    >>> side_of("red shoes")
    'train'
    """
    digest = hashlib.blake2b(chain.encode(), digest_size=8).digest()
    place = int.from_bytes(digest) / (1 << 64)
    if place < _TEST:
        return "test"
    return "dev" if place < _TEST + _DEV else "train"


def chains_of(queries: Iterable[str], steps: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """The chain of each query: the first, by bytes, of all that steps tie to it.

    Parameters
    ----------
    steps
        From one wording to another one. One of a query that is not given ties the others all the
        same.

    Examples
    --------
    >>> chains_of(["sofa", "couch", "hat"], [("sofa", "settee"), ("settee", "couch")])
    {'sofa': 'couch', 'couch': 'couch', 'hat': 'hat'}
    """
    queries = list(queries)
    above: dict[str, str] = {}

    def top(query: str) -> str:
        while (parent := above.get(query, query)) != query:
            above[query] = above.get(parent, parent)
            query = parent
        return query

    for one, other in steps:
        first, second = sorted((top(one), top(other)))
        above[second] = first
    return {query: top(query) for query in queries}
