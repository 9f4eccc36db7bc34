"""Whether units came to the sides as they were meant to, asked as often as one likes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec import Struct

__all__ = ["SampleRatio", "sample_ratio"]

_PRIOR_UNITS = 100.0


class SampleRatio(Struct, frozen=True, kw_only=True):
    """How units were shared out.

    Parameters
    ----------
    counts, shares
        Of each side: units that were seen, and the share that was meant.
    log_evidence
        Against the shares that were meant; above 0, shares around them are more likely.
    is_off
        The shares are not those that were meant: something loses or doubles units of one side, and
        no comparison is to be trusted until it is found.
    """

    counts: tuple[int, ...]
    shares: tuple[float, ...]
    log_evidence: float
    is_off: bool

    def in_words(self) -> str:
        seen = " to ".join(f"{count:,}" for count in self.counts)
        meant = " to ".join(f"{100 * share:g}" for share in self.shares)
        if self.is_off:
            return f"Sides were seen {seen}, which {meant} does not explain: trust no result."
        return f"Sides were seen {seen}, as {meant} may."


def sample_ratio(
    counts: Sequence[int], shares: Sequence[float], alpha: float = 0.001
) -> SampleRatio:
    """Weigh the shares that were meant against others around them.

    Parameters
    ----------
    counts : length of sides
        Units of each side so far, each once: users of a split, or interleaved sessions by the coin
        of their first list.
    shares : length of sides
        Meant for each side; above 0, with sum 1.
    alpha
        Chance of an alarm at any time at all where nothing is wrong. Small, since it is watched for
        as long as there is traffic, and because an alarm stops everything.

    References
    ----------
    Lindon & Malek (2022), Anytime-Valid Inference for Multinomial Count Data, section 2: the Bayes
    factor with a Dirichlet prior around the shares, here of the weight of 100 units. For two sides
    it is the beta-binomial mixture of Robbins (1970).

    Examples
    --------
    >>> sample_ratio([5_000, 5_120], [0.5, 0.5]).is_off
    False
    >>> sample_ratio([5_000, 5_500], [0.5, 0.5]).in_words()
    'Sides were seen 5,000 to 5,500, which 50 to 50 does not explain: trust no result.'
    """
    prior = [_PRIOR_UNITS * share for share in shares]
    posterior = [weight + count for weight, count in zip(prior, counts, strict=True)]
    meant = sum(count * math.log(share) for count, share in zip(counts, shares, strict=True))
    log_evidence = _log_beta(posterior) - _log_beta(prior) - meant
    return SampleRatio(
        counts=tuple(counts),
        shares=tuple(shares),
        log_evidence=log_evidence,
        is_off=log_evidence >= -math.log(alpha),
    )


def _log_beta(weights: Sequence[float]) -> float:
    return sum(map(math.lgamma, weights)) - math.lgamma(sum(weights))
