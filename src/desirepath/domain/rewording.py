"""What changed from one query to another one."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

__all__ = ["Rewording", "RewordingKind", "reword"]

RewordingKind = Literal["spelling", "completion", "synonym", "rewrite", "narrower", "broader"]

_LONGEST_TYPED = 64  # characters: the distance of longer words is not worth its time


class Rewording(Struct, frozen=True):
    """What kind of change it is, and the words that differ."""

    kind: RewordingKind
    replaced: str
    by: str


def reword(query: str, refined_to: str) -> Rewording:
    """Tell what changed.

    A completion goes on where the first query broke off. A spelling differs by one letter in each
    four at most (put in, left out, changed, or two swapped), spaces apart; a synonym leaves some
    words as they are, and a rewrite none.

    Examples
    --------
    >>> reword("red couch", "red sofa")
    Rewording(kind='synonym', replaced='couch', by='sofa')
    >>> reword("iphnoe case", "iphone case")
    Rewording(kind='spelling', replaced='iphnoe', by='iphone')
    >>> reword("shoes", "red shoes").kind, reword("red shoes", "shoes").kind
    ('narrower', 'broader')
    >>> reword("settee", "couch").kind, reword("wirel", "wireless").kind
    ('rewrite', 'completion')
    """
    before, after = query.split(), refined_to.split()
    replaced = " ".join(word for word in before if word not in after)
    by = " ".join(word for word in after if word not in before)
    if not replaced and by:
        return Rewording("narrower", replaced, by)
    if replaced and not by:
        return Rewording("broader", replaced, by)
    if not replaced:  # other order, or a word twice
        return Rewording("rewrite", query, refined_to)
    if by.startswith(replaced):
        return Rewording("completion", replaced, by)
    one, other = replaced.replace(" ", ""), by.replace(" ", "")
    longest = max(len(one), len(other))
    if longest <= _LONGEST_TYPED and 4 * _typing_distance(one, other) <= longest:
        return Rewording("spelling", replaced, by)
    n_kept = len(before) - len(replaced.split())
    return Rewording("synonym" if n_kept else "rewrite", replaced, by)


def _typing_distance(one: str, other: str) -> int:
    """Letters put in, left out, changed or swapped with their neighbour.

    References
    ----------
    Damerau (1964), A technique for computer detection and correction of spelling errors; the
    restricted form, in which nothing is edited twice.
    """
    earlier: list[int] = []
    above = list(range(len(other) + 1))
    for row, letter in enumerate(one, start=1):
        line = [row]
        for column, its in enumerate(other, start=1):
            best = min(above[column] + 1, line[column - 1] + 1, above[column - 1] + (letter != its))
            is_swap = row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == its
            if is_swap:
                best = min(best, earlier[column - 2] + 1)
            line.append(best)
        earlier, above = above, line
    return above[-1]
