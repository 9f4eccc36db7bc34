"""How much more often a person clicked on documents with a value than it is shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import log, nan

__all__ = ["Affinity"]


class Affinity:
    """A person's affinity to the values of a field.

    Of a value: ``ln(((c + k p) / (n + k)) / p)``, where c of n clicks were on documents with the
    value, p is the value's share of what is shown, and k the smoothing. Of a document: the mean
    over its values; NaN where there is no click or no value.

    Parameters
    ----------
    clicked
        Values of each document that was clicked, one for each click, each value once.
    shares
        By value; others are not looked at.
    smoothing
        How many clicks the share counts for.

    Examples
    --------
    >>> ada = Affinity([("red",), ("red", "new")], {"red": 0.5, "blue": 0.5}, smoothing=2.0)
    >>> round(ada.to(("red",)), 3), round(ada.to(("blue",)), 3), ada.to(())
    (0.405, -0.693, nan)
    """

    def __init__(
        self, clicked: Sequence[Iterable[str]], shares: Mapping[str, float], smoothing: float
    ) -> None:
        self._n = len(clicked)
        self._counts = Counter(value for values in clicked for value in values)
        self._shares, self._smoothing = shares, smoothing
        self._known: dict[tuple[str, ...], float] = {}  # a list has few different values

    def to(self, values: tuple[str, ...]) -> float:
        """The affinity to a document with these values."""
        known = self._known.get(values)
        if known is None:
            known = self._known[values] = self._to(values)
        return known

    def _to(self, values: tuple[str, ...]) -> float:
        of_values = [self._to_value(value) for value in values if value in self._shares]
        return sum(of_values) / len(of_values) if of_values and self._n else nan

    def _to_value(self, value: str) -> float:
        share, k = self._shares[value], self._smoothing
        return log((self._counts[value] + k * share) / (self._n + k) / share)
