"""The report: rows of what was measured, printed as a table and written as JSON."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.machine import MOST_FOREIGN_SHARE

HEADINGS = ("what", "Desirepath", "against", "ratio", "target", "reached")


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is to be reached, in words and as a test of (value, value compared with)."""

    words: str
    test: Callable[[float, float | None], bool]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the report; ``against`` is what the value is divided by, if anything.

    A row with faults counts for nothing. ``foreign_share`` is how much of a core others used, at
    worst, while it was measured; too much of it makes the row doubtful.
    """

    what: str
    unit: str
    value: float | None
    against: float | None = None
    against_name: str = "baseline"
    target: Target | None = None
    faults: Sequence[str] = ()
    foreign_share: float = 0.0
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        if self.value is None or not self.against:
            return None
        return self.value / self.against

    @property
    def reached(self) -> bool | None:
        if self.target is None or self.value is None or self.faults:
            return None
        return self.target.test(self.value, self.against)

    def verdict(self) -> str:
        if self.faults:
            return "NOT VALID"
        words = {True: "yes", False: "NO", None: "-"}[self.reached]
        return words + ("?" if self.foreign_share > MOST_FOREIGN_SHARE else "")

    def cells(self) -> tuple[str, ...]:
        against = "-" if self.against is None else f"{figure(self.against)} ({self.against_name})"
        return (
            f"{self.what}, {self.unit}",
            figure(self.value),
            against,
            "-" if self.ratio is None else f"{self.ratio:.2f}x",
            self.target.words if self.target else "-",
            self.verdict(),
        )

    def as_json(self) -> dict[str, Any]:
        values = asdict(self) | {"ratio": self.ratio, "reached": self.reached}
        return values | {"target": self.target.words if self.target else None}


def at_least_times(factor: float) -> Target:
    return Target(
        words=f">= {factor:g}x",
        test=lambda value, against: against is not None and value >= factor * against,
    )


def under_times(factor: float) -> Target:
    return Target(
        words=f"< {factor:g}x",
        test=lambda value, against: against is not None and value < factor * against,
    )


def at_least(bound: float) -> Target:
    return Target(words=f">= {bound:,.0f}", test=lambda value, _: value >= bound)


def at_most(bound: float) -> Target:
    return Target(words=f"<= {figure(bound)}", test=lambda value, _: value <= bound)


def either(first: Target, second: Target) -> Target:
    return Target(
        words=f"{first.words} or {second.words}",
        test=lambda value, against: first.test(value, against) or second.test(value, against),
    )


def figure(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(rows: Sequence[Row]) -> str:
    """Lay the rows out in columns, with what makes a row unbelievable below it."""
    lines = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    texts = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
             for line in lines]  # fmt: skip
    printed = [texts[0], "-" * (sum(widths) + 2 * len(widths) - 2)]
    for row, text in zip(rows, texts[1:], strict=True):
        printed += [text, *(f"    ! {fault}" for fault in row.faults)]
    worst = max((row.foreign_share for row in rows), default=0.0)
    if worst > MOST_FOREIGN_SHARE:
        printed.append(f"?: others used the machine meanwhile, up to {worst:.0%} of a core")
    return "\n".join(printed)


def write_json(path: Path, head: Mapping[str, Any], rows: Sequence[Row]) -> None:
    document = {**head, "rows": [row.as_json() for row in rows]}
    path.write_text(json.dumps(document, indent=2, default=str) + "\n")
