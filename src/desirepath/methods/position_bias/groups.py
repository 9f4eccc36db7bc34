"""Do people look differently on a phone than on a desktop? The same estimator, group by group.

Works for any groups that share no impression: devices, layouts, lengths of lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

from msgspec import Struct

from desirepath.methods.position_bias.base import Propensities
from desirepath.methods.position_bias.comparing import Comparison, compare

__all__ = ["GroupDifference", "differences_between"]


class GroupDifference(Struct, frozen=True, kw_only=True, eq=False):
    """Two groups beside each other.

    Parameters
    ----------
    first, second
        Their names.
    comparison
        The first's propensities less the second's, rank by rank.
    """

    first: str
    second: str
    comparison: Comparison

    @property
    def differs(self) -> bool:
        """Whether some rank is looked at differently, by more than chance."""
        return bool(self.comparison.apart.any())

    @property
    def sentence(self) -> str:
        """It in words."""
        if not self.differs:
            return f"No difference found between {self.first} and {self.second}."
        ranks = self.comparison.ranks[self.comparison.apart].tolist()
        return f"{self.first} and {self.second} differ at {_words_of(ranks)}."


def differences_between(
    name_to_propensities: Mapping[str, Propensities], *, level: float = 0.05
) -> list[GroupDifference]:
    """Compare each two groups.

    Parameters
    ----------
    level
        Chance that any two groups are said to differ anywhere if none do. That no difference was
        found does not say that there is none; ``errors`` of the comparison say how large a one
        would have been seen.
    """
    pairs = list(combinations(name_to_propensities, 2))
    return [
        GroupDifference(
            first=first,
            second=second,
            comparison=compare(
                name_to_propensities[first],
                name_to_propensities[second],
                same_clicks=False,
                level=level,
                n_comparisons=len(pairs),
            ),
        )
        for first, second in pairs
    ]


def _words_of(ranks: list[int]) -> str:
    """Ranks in words, neighbours together.

    >>> _words_of([2, 4, 5, 6])
    'ranks 2, 4 to 6'
    """
    runs: list[list[int]] = []
    for rank in ranks:
        if runs and runs[-1][-1] == rank - 1:
            runs[-1].append(rank)
        else:
            runs.append([rank])
    texts = [str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs]
    return ("rank " if ranks[1:] == [] else "ranks ") + ", ".join(texts)
