"""What rankers look at: numbers of a document in a list, each named by what it is.

A name is a definition. Training works it out as expressions over the log, as of the time of each
search; serving works it out from what the process knows then. Both read the constants of one
:class:`FeatureLayout`, which a model keeps.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from enum import StrEnum

import msgspec
from msgspec import Struct

from desirepath.domain.clock import parse_time
from desirepath.errors import InvalidInput, InvalidSetting

__all__ = [
    "DAY",
    "HISTORY",
    "SETTLE",
    "STEP",
    "FeatureKind",
    "FeatureLayout",
    "RankingFeature",
    "boundary",
    "key_of",
    "moment_in",
    "number_in",
    "pair_key_of",
    "read_ranking_feature",
    "values_in",
    "version_in",
]

DAY = 86_400_000_000
"""Microseconds."""
STEP = 60_000_000
"""Shared counters move on once a minute, so that every process counts the same."""
SETTLE = 5_000_000
"""What is younger may not be seen by every process yet."""
HISTORY = 50
"""Clicks of a person, or of a session, that are looked at: the last ones."""

_MOST_VALUES = 64  # of one field of one document
_MILLISECONDS, _MICROSECONDS = 1e11, 1e14  # numbers from here on are no seconds since 1970


class FeatureKind(StrEnum):
    """What the part of a name before the colon says."""

    RANK = "rank"
    """Place in the list before it was reranked, from 0."""
    DOCUMENT_SCORE = "document_score"
    """The score it had before it was reranked."""
    SCORE = "score"
    """Its score by the feature URI after the colon."""
    LOGGED = "feature"
    """The number of that name that was sent, and logged, with the search."""
    NUMBER = "field"
    """The number at that path of the document's payload."""
    AGE = "age"
    """Days from the date at that path of the payload to the search."""
    CTR = "ctr"
    """Clicks over expected clicks of the document, smoothed towards those of all documents."""
    CTR_OF_PAIR = "ctr_of_pair"
    """The same for this query, smoothed towards ``ctr``."""
    POPULARITY = "popularity"
    """ln(1 + clicks on the document), old ones fading."""
    EXPOSURE = "exposure"
    """ln(1 + how often it was examined), old times fading: how much ``ctr`` rests on."""
    DAYS_SINCE_CLICK = "days_since_click"
    DAYS_KNOWN = "days_known"
    """Days since a search first returned the document."""
    USER_AFFINITY = "user_affinity"
    """How much more often than others the user clicks what has this document's values there."""
    SESSION_AFFINITY = "session_affinity"
    """The same for the session."""
    RECOMMENDER = "recommender"
    """How alike the document is to what the user clicked last, to a recommender of neighbours: the
    mean over those clicks that it knows, 0 where the two are no neighbours. Missing where it knows
    none of them, or not the document; and for searches from before all that it learned from, else
    what people did after a search would be known in it. A model keeps the version after an ``@``.
    """


_WITH_ARGUMENT = frozenset(
    {
        FeatureKind.SCORE,
        FeatureKind.LOGGED,
        FeatureKind.NUMBER,
        FeatureKind.AGE,
        FeatureKind.USER_AFFINITY,
        FeatureKind.SESSION_AFFINITY,
        FeatureKind.RECOMMENDER,
    }
)


class RankingFeature(Struct, frozen=True):
    """A feature; ``argument`` is the URI, name or path after the colon, empty where none belongs.

    >>> read_ranking_feature("field:price.eur")
    RankingFeature(kind=<FeatureKind.NUMBER: 'field'>, argument='price.eur')
    >>> read_ranking_feature("field:price.eur").name
    'field:price.eur'
    """

    kind: FeatureKind
    argument: str = ""

    @property
    def name(self) -> str:
        return f"{self.kind}:{self.argument}" if self.argument else str(self.kind)


def read_ranking_feature(name: str) -> RankingFeature:
    """Read the name of a feature.

    Raises
    ------
    InvalidSetting
        No feature is named like this.
    """
    head, colon, argument = name.partition(":")
    try:
        kind = FeatureKind(head)
    except ValueError:
        known = ", ".join(f"{one}:…" if one in _WITH_ARGUMENT else one for one in FeatureKind)
        raise InvalidSetting(
            f"There is no such feature for a ranker; there are {known}.", ("features",)
        ) from None
    if (kind in _WITH_ARGUMENT) != bool(argument) or (colon and not argument):
        wanted = (
            "needs a name after a colon" if kind in _WITH_ARGUMENT else "has nothing after its name"
        )
        raise InvalidSetting(f"The feature {kind} {wanted}.", ("features",))
    return RankingFeature(kind, argument)


class FeatureLayout(Struct, frozen=True, kw_only=True):
    """The features of a model in their order, with every constant that they depend on.

    Parameters
    ----------
    names
        See :class:`FeatureKind`; each once.
    retriever_id
        Whose searches the shared counters count; None: all of the namespace.
    half_life_days
        After so long, a click or an exposure counts half.
    smoothing
        Exposures, or clicks, that the prior of a rate stands for.
    propensities
        How likely each position is examined, relative to the first; the last one stands for all
        that follow. One number: no position bias is corrected.
    value_shares
        By path of ``user_affinity`` and ``session_affinity``, and by value, which share of
        exposures had it. Values that are not here are not looked at.
    learned_before
        By argument of ``recommender``, the moment before which all was that it learned from;
        microseconds since 1970.
    """

    names: tuple[str, ...]
    retriever_id: str | None = None
    half_life_days: float = 30.0
    smoothing: float = 5.0
    propensities: tuple[float, ...] = (1.0,)
    value_shares: Mapping[str, Mapping[str, float]] = {}
    learned_before: Mapping[str, int] = {}

    @property
    def features(self) -> tuple[RankingFeature, ...]:
        return tuple(map(read_ranking_feature, self.names))

    def arguments(self, *kinds: FeatureKind) -> tuple[str, ...]:
        """What features of some kinds are about, each once."""
        found = (one.argument for one in self.features if one.kind in kinds)
        return tuple(dict.fromkeys(found))

    def propensity(self, position: int) -> float:
        """Of a position from 0."""
        return self.propensities[min(position, len(self.propensities) - 1)]

    def digest(self) -> str:
        """A text that two layouts share only if a model of the one fits the other."""
        text = msgspec.json.encode(self, order="deterministic")
        return hashlib.sha256(text).hexdigest()[:16]


def boundary(moment: int) -> int:
    """The boundary of shared counters at a moment: what happened before it counts.

    >>> boundary(3 * STEP + SETTLE) == 3 * STEP, boundary(3 * STEP + SETTLE - 1) == 2 * STEP
    (True, True)
    """
    return (moment - SETTLE) // STEP * STEP


def key_of(document_id: str) -> int:
    """The key that a document is counted by, 64 bits.

    Of a million documents two share a key with a chance of 3 in 100 million; then both have the
    sum of their counts.
    """
    return _key(document_id.encode())


def pair_key_of(query: str, document_id: str) -> int:
    """The key that a document is counted by for one query."""
    return _key(f"{query}\0{document_id}".encode())


def _key(text: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def number_in(value: object) -> float:
    """A number of a payload; NaN for what is none.

    >>> number_in(3), number_in(True), number_in("3")
    (3.0, nan, nan)
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    return float(value)


def moment_in(value: object) -> float:
    """A date of a payload, in microseconds since 1970; NaN for what is none.

    Text is ISO 8601; numbers are seconds, milliseconds or microseconds, told by their size.

    >>> moment_in(86_400), moment_in("1970-01-02T00:00:00Z"), moment_in("soon")
    (86400000000.0, 86400000000.0, nan)
    """
    if isinstance(value, str):
        try:
            return float(parse_time(value))
        except (InvalidInput, ValueError):
            return math.nan
    number = number_in(value)
    size = abs(number)
    factor = 1 if size >= _MICROSECONDS else 1e3 if size >= _MILLISECONDS else 1e6
    return number * factor


def values_in(value: object) -> tuple[str, ...]:
    """The texts of a field, each once: the text, or the texts of a list.

    >>> values_in(["drama", "crime", "drama", 3]), values_in("drama"), values_in(3)
    (('drama', 'crime'), ('drama',), ())
    """
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list | tuple):
        return ()
    texts = dict.fromkeys(one for one in value if isinstance(one, str))
    return tuple(texts)[:_MOST_VALUES]


def version_in(argument: str) -> tuple[str, int | None]:
    """The name of a model, and its version if one stands after an ``@``.

    >>> version_in("tastes@3"), version_in("tastes"), version_in("ada@home")
    (('tastes', 3), ('tastes', None), ('ada@home', None))
    """
    name, _, version = argument.rpartition("@")
    if name and version.isascii() and version.isdecimal():
        return name, int(version)
    return argument, None
