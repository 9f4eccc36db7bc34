"""The rule by which a gate lets a trained candidate serve, or does not."""

from __future__ import annotations

import math
from collections.abc import Mapping

from msgspec import Struct

__all__ = ["TOLERATED_LOSS", "WORSE", "GateVerdict", "GatedMetric", "WhatIfSays", "judge_candidate"]

TOLERATED_LOSS = 0.01
"""Share of its baseline that a metric may lose before it counts as regressed. Metrics of a few
hundred queries differ by as much when a handful of documents change places; the primary metric may
lose nothing, and has to win."""

_SAME = 1e-9  # what rounding does to a mean

WORSE = "worse"


class WhatIfSays(Struct, frozen=True, kw_only=True):
    """What the log says of a candidate.

    Parameters
    ----------
    verdict
        ``better``, ``worse`` or ``cannot tell``; None: it could not be asked.
    words
        In a sentence; or why it could not be asked.
    """

    verdict: str | None = None
    words: str = ""


class GatedMetric(Struct, frozen=True, kw_only=True):
    """One metric of the candidate beside the baseline; None where it has none.

    Parameters
    ----------
    delta
        Candidate minus baseline.
    threshold
        The least that ``delta`` must be: a little below 0; of the primary metric it is 0, which
        must be surpassed.
    pct_change
        Percent of the baseline; None where that is 0.
    comparable
        Whether both have it.
    """

    baseline: float | None
    candidate: float | None
    delta: float | None
    threshold: float
    pct_change: float | None
    regressed: bool
    comparable: bool


class GateVerdict(Struct, frozen=True, kw_only=True):
    """Whether a candidate may serve, and the numbers that decided.

    Parameters
    ----------
    reason
        In a sentence.
    skipped_metrics
        Those that only one of the two has.
    what_if
        What the log says of the candidate.
    """

    passed: bool
    reason: str
    primary_metric: str
    compared_metrics: tuple[str, ...]
    regressed_metrics: tuple[str, ...]
    skipped_metrics: tuple[str, ...]
    per_metric: dict[str, GatedMetric]
    what_if: WhatIfSays = WhatIfSays()


def judge_candidate(
    baseline: Mapping[str, float],
    candidate: Mapping[str, float],
    primary: str,
    what_if: WhatIfSays = WhatIfSays(),  # noqa: B008  # frozen
) -> GateVerdict:
    """Let a candidate pass that wins and loses nothing.

    It passes if its primary metric is strictly higher, no metric regressed, and the log does not
    say that it would have earned less. A log that cannot tell, or cannot be asked, holds nobody up.

    Parameters
    ----------
    baseline, candidate
        Metrics by name, of the same queries; larger is better.
    primary
        The metric that must win.

    Examples
    --------
    >>> judge_candidate({"ndcg@10": 0.50}, {"ndcg@10": 0.52}, "ndcg@10").passed
    True
    >>> judge_candidate({"ndcg@10": 0.50}, {"ndcg@10": 0.50}, "ndcg@10").reason
    'Does not ship: ndcg@10 is 0.5000, and not above 0.5000.'
    """
    names = tuple(dict.fromkeys([primary, *baseline, *candidate]))
    per_metric = {
        name: _compared(baseline.get(name), candidate.get(name), is_primary=name == primary)
        for name in names
    }
    regressed = tuple(name for name, one in per_metric.items() if one.regressed)
    failed = list(_failures(per_metric, primary, regressed, what_if))
    return GateVerdict(
        passed=not failed,
        reason=f"Does not ship: {'; '.join(failed)}."
        if failed
        else _why_passed(per_metric[primary], primary, what_if),
        primary_metric=primary,
        compared_metrics=tuple(name for name, one in per_metric.items() if one.comparable),
        regressed_metrics=regressed,
        skipped_metrics=tuple(name for name, one in per_metric.items() if not one.comparable),
        per_metric=per_metric,
        what_if=what_if,
    )


def _compared(baseline: float | None, candidate: float | None, *, is_primary: bool) -> GatedMetric:
    baseline, candidate = _finite(baseline), _finite(candidate)
    threshold = 0.0 if is_primary else 0.0 - TOLERATED_LOSS * abs(baseline or 0.0)  # never -0.0
    if baseline is None or candidate is None:
        return GatedMetric(
            baseline=baseline,
            candidate=candidate,
            delta=None,
            threshold=threshold,
            pct_change=None,
            regressed=False,
            comparable=False,
        )
    delta = candidate - baseline
    return GatedMetric(
        baseline=baseline,
        candidate=candidate,
        delta=delta,
        threshold=threshold,
        pct_change=100 * delta / baseline if baseline else None,
        regressed=delta < threshold - _SAME,
        comparable=True,
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _failures(
    per_metric: Mapping[str, GatedMetric],
    primary: str,
    regressed: tuple[str, ...],
    what_if: WhatIfSays,
) -> list[str]:
    first = per_metric[primary]
    failed = []
    if first.delta is None:
        failed.append(f"{primary} cannot be compared")
    elif first.delta <= _SAME:
        failed.append(f"{primary} is {first.candidate:.4f}, and not above {first.baseline:.4f}")
    others = [name for name in regressed if name != primary]
    if others:
        failed.append(f"it loses more than {TOLERATED_LOSS:.0%} of {', '.join(others)}")
    if what_if.verdict == WORSE:
        failed.append("by the log it would have earned less")
    return failed


def _why_passed(first: GatedMetric, primary: str, what_if: WhatIfSays) -> str:
    log = {
        "better": "by the log it would have earned more",
        "cannot tell": "the log cannot tell",
        None: "the log was not asked, or could not be",
    }
    return (
        f"Ships: {primary} is {first.candidate:.4f} against {first.baseline:.4f}, no metric "
        f"regressed, and {log.get(what_if.verdict, log[None])}."
    )
