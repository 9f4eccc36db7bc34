"""What the study of learning found, as tables, and held against its bars."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

import numpy as np

from benchmarks.learning_study import (
    CLICKS,
    SESSIONS_A_DAY,
    TRAFFIC,
    Learned,
    References,
)

BOOTSTRAPS = 2_000
STEPS = {
    "float": "as in a textbook: floats, every list enters, nothing forgotten, v² .1",
    "integers": "+ whole numbers and 16-bit levels",
    "on interaction": "+ a list enters on its first interaction",
    "memory of 1,000": "+ a memory of 1,000 lists and .995 a day",
    "memory": "+ exploration from 1 down to .1, by .99 a list, and nobody counts for more than two "
    "clicks a day: as the product runs",
    "beta": "per-feature Beta counts instead, the rest the same",
    "product": "the product with its database",
    "sdk": "the same, clicks as the official SDK makes them of an answer",
}
HEADS = {"memory": "the policy in memory, as the product runs it", "product": STEPS["product"]}


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One combination that is run with many seeds."""

    scenario: str
    traffic: str
    clicks: str
    engine: str


@dataclass(frozen=True, kw_only=True)
class Results:
    """Everything that was measured.

    Parameters
    ----------
    engine
        What the bars are for.
    references
        By scenario and traffic.
    segments
        nDCG by sessions, a dict a seed; by rule and share of wrong labels.
    drift
        nDCG of the mean weights every ``drift_every`` sessions after the swap, a list a seed; by
        engine and number of sessions before the swap.
    first_weights
        By engine, before anybody has clicked.
    """

    engine: str
    n_seeds: int
    n_sessions: int
    n_queries: int
    n_products: int
    references: Mapping[tuple[str, str], References]
    cell_to_learned: Mapping[Cell, Sequence[Learned]]
    segments: Mapping[tuple[str, float], Sequence[Mapping[int, float]]]
    segments_uniform: float
    drift: Mapping[tuple[str, int], Sequence[Sequence[float]]]
    drift_every: int
    first_weights: Mapping[str, Sequence[float]]

    def of(self, cell: Cell) -> "CellResult":
        return CellResult(
            references=self.references[cell.scenario, cell.traffic],
            learned=self.cell_to_learned[cell],
        )

    def served(self, scenario: str, clicks: str, traffic: str = "flat") -> "CellResult":
        """A cell of the engine that the bars are for."""
        return self.of(Cell(scenario=scenario, traffic=traffic, clicks=clicks, engine=self.engine))

    def engines(self) -> list[str]:
        """In the order in which they build on each other."""
        run = {cell.engine for cell in self.cell_to_learned}
        return [engine for engine in STEPS if engine in run]

    def scenarios(self) -> list[str]:
        return list(dict.fromkeys(scenario for scenario, _ in self.references))


@dataclass(frozen=True, kw_only=True)
class CellResult:
    """The seeds of one cell beside what does not learn."""

    references: References
    learned: Sequence[Learned]

    def ndcg(self, sessions: int) -> list[float]:
        return [one.ndcg[sessions] for one in self.learned]

    def over_rrf(self, sessions: int) -> list[float]:
        return [value - self.references.rrf for value in self.ndcg(sessions)]

    def over_uniform(self, sessions: int) -> list[float]:
        return [value - self.references.uniform for value in self.ndcg(sessions)]

    def gap_closed(self, sessions: int) -> list[float]:
        """Share of what the oracle has over RRF."""
        whole = self.references.oracle - self.references.rrf
        return [gain / whole for gain in self.over_rrf(sessions)]

    def served_over_rrf(self, sessions: int) -> list[float]:
        return [one.served[sessions] for one in self.learned]

    @property
    def checkpoints(self) -> list[int]:
        return list(self.learned[0].ndcg)


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A demand, and what was measured."""

    name: str
    measured: str
    reached: bool


def interval(values: Sequence[float]) -> tuple[float, float]:
    """95 % of the means of seeds drawn with replacement (percentile bootstrap, seed 0)."""
    rng = np.random.default_rng(0)
    drawn = rng.choice(np.array(values), (BOOTSTRAPS, len(values))).mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


# --- bars


def bars(results: Results) -> list[Bar]:
    """Every demand on the policy as the product runs it."""
    return [
        *_one_poor_feature(results),
        *_three_bad_of_five(results),
        *_four_good_features(results),
        *_safety(results),
        *_skewed_traffic(results),
        *_segments(results),
        *_drift(results),
        *_sdk(results),
    ]


def _one_poor_feature(results: Results) -> Iterator[Bar]:
    for clicks, least in (("PBM 1/√r", 0.60), ("PBM 1/r", 0.55), ("cascade", 0.50)):
        measured = fmean(results.served("G4+N", clicks).gap_closed(1_000))
        yield Bar(
            name=f"1. One poor feature (G4+N, {clicks}): closes ≥ {least:.0%} @1,000",
            measured=f"{measured:.0%}",
            reached=measured >= least,
        )
    gain = fmean(results.served("G4+N", "PBM 1/√r").over_uniform(1_000))
    yield Bar(
        name="1. One poor feature (G4+N, PBM 1/√r): ≥ .008 over uniform @1,000",
        measured=f"{gain:+.4f}",
        reached=gain >= 0.008,
    )


def _three_bad_of_five(results: Results) -> Iterator[Bar]:
    for clicks in CLICKS:
        cell = results.served("G2+N2P", clicks)
        for sessions, least in ((100, 0.60), (1_000, 0.85)):
            measured = fmean(cell.gap_closed(sessions))
            yield Bar(
                name=f"2. Three bad of five ({clicks}): closes ≥ {least:.0%} @{sessions:,}",
                measured=f"{measured:.0%}",
                reached=measured >= least,
            )
        gain = fmean(cell.over_rrf(1_000))
        yield Bar(
            name=f"2. Three bad of five ({clicks}): ≥ .21 over RRF @1,000",
            measured=f"{gain:+.4f}",
            reached=gain >= 0.21,
        )


def _four_good_features(results: Results) -> Iterator[Bar]:
    for clicks in CLICKS:
        gain = fmean(results.served("G4", clicks).over_uniform(1_000))
        yield Bar(
            name=f"3. Four good features ({clicks}): at most .005 below uniform @1,000",
            measured=f"{gain:+.4f}",
            reached=gain >= -0.005,
        )


def _safety(results: Results) -> Iterator[Bar]:
    cells = [results.served(name, clicks) for name in results.scenarios() for clicks in CLICKS]
    for sessions in cells[0].checkpoints:
        least = -0.01 if sessions < 1_000 else 0.0
        worst = min(min(cell.over_rrf(sessions)) for cell in cells)
        demand = "below RRF by more than .01" if least else "below RRF"
        yield Bar(
            name=f"4. Safety: no seed of any cell {demand} @{sessions:,}",
            measured=f"worst {worst:+.4f}",
            reached=worst >= least,
        )
    worst = min(min(cell.served_over_rrf(1_000)) for cell in cells)
    yield Bar(
        name="4. Safety: served over the first 1,000 ≥ RRF - .005 in every seed",
        measured=f"worst {worst:+.4f}",
        reached=worst >= -0.005,
    )


def _skewed_traffic(results: Results) -> Iterator[Bar]:
    for name in results.scenarios():
        for clicks in CLICKS:
            measured = fmean(results.served(name, clicks, "zipf").gap_closed(1_000))
            yield Bar(
                name=f"5. Skewed traffic ({name}, {clicks}): closes ≥ 40% @1,000",
                measured=f"{measured:.0%}",
                reached=measured >= 0.40,
            )


def _segments(results: Results) -> Iterator[Bar]:
    for sessions in (1_000, 3_000):
        everybody, hard, pooled = (
            fmean(one[sessions] for one in results.segments[rule, 0.0])
            for rule in ("global", "hard", "pooled")
        )
        yield Bar(
            name=f"6. Segments: pooled ≥ global + .03 @{sessions:,}",
            measured=f"{pooled - everybody:+.4f}",
            reached=pooled - everybody >= 0.03,
        )
        yield Bar(
            name=f"6. Segments: pooled ≥ hard fallback - .003 @{sessions:,}",
            measured=f"{pooled - hard:+.4f}",
            reached=pooled - hard >= -0.003,
        )


def _drift(results: Results) -> Iterator[Bar]:
    equal = results.references["G4+N", "flat"].uniform
    for (engine, swap), seeds in results.drift.items():
        if engine != results.engine:
            continue
        back = _recovered(np.mean(seeds, axis=0).tolist(), equal, results.drift_every)
        last = _last_recovery(seeds, equal, results.drift_every)
        yield Bar(
            name=f"7. Drift after {swap:,}: mean over seeds above uniform within 3,500",
            measured=f"{_sessions(back)}; slowest seed {_sessions(last)}",
            reached=back is not None and back <= 3_500,
        )
    weights = results.first_weights[results.engine]
    yield Bar(
        name="7. Before the first click the weights are equal",
        measured=", ".join(f"{weight:.3f}" for weight in weights),
        reached=max(weights) - min(weights) < 1e-12,
    )


def _sdk(results: Results) -> Iterator[Bar]:
    """Its helper names the first feature, whatever was clicked."""
    if "sdk" not in results.engines():
        return
    for name in results.scenarios():
        cell = results.of(Cell(scenario=name, traffic="flat", clicks="PBM 1/√r", engine="sdk"))
        gain = fmean(cell.over_uniform(1_000))
        yield Bar(
            name=f"8. Clicks of the SDK ({name}): at most .005 below uniform @1,000",
            measured=f"{gain:+.4f}",
            reached=gain >= -0.005,
        )


def _recovered(ndcg: Sequence[float], equal: float, every: int) -> int | None:
    """After how many sessions it is above, and stays there to the end of what was measured."""
    below = [k for k, value in enumerate(ndcg) if value <= equal]
    first = below[-1] + 1 if below else 0
    return None if first == len(ndcg) else (first + 1) * every


def _last_recovery(seeds: Sequence[Sequence[float]], equal: float, every: int) -> int | None:
    found = [_recovered(ndcg, equal, every) for ndcg in seeds]
    known = [sessions for sessions in found if sessions is not None]
    return max(known) if len(known) == len(found) else None


def _sessions(n: int | None) -> str:
    return "not yet" if n is None else f"after {n:,}"


# --- tables


def page(results: Results, found: Sequence[Bar]) -> str:
    """Everything in Markdown."""
    missed = [bar for bar in found if not bar.reached]
    return "\n\n".join(
        [
            "# Learned fusion weights from simulated clicks",
            f"Simulated shoppers on {results.n_products:,} products and {results.n_queries} judged"
            f" queries; {results.n_seeds} seeds (0 … {results.n_seeds - 1}) of"
            f" {results.n_sessions:,} sessions, {SESSIONS_A_DAY} a day; nDCG@10, gain 2^grade - 1."
            " *Gap closed* is (policy - RRF) / (oracle - RRF), the oracle being the best fixed"
            " weights on these very queries. Brackets: 95 % bootstrap interval of the mean over"
            " seeds.",
            "## What does not learn",
            _references_table(results),
            f"## Learned: {HEADS[results.engine]}",
            *(_learned_table(results, traffic) for traffic in TRAFFIC),
            "## Step by step (flat, PBM 1/√r)",
            _steps_table(results),
            "## Two tastes (G4, flat, PBM 1/√r): nDCG for each user by that user's taste",
            _segments_table(results),
            "## Title and noise change roles (G4+N, flat, PBM 1/√r)",
            _drift_table(results),
            f"## Bars: {len(found) - len(missed)} of {len(found)} reached",
            _table(
                ("bar", "measured", ""),
                [(bar.name, bar.measured, "reached" if bar.reached else "MISSED") for bar in found],
            ),
        ]
    )


def _references_table(results: Results) -> str:
    return _table(
        ("scenario", "traffic", "RRF 60", "uniform min-max", "oracle", "uniform closes"),
        [
            (
                name,
                traffic,
                f"{known.rrf:.4f}",
                f"{known.uniform:.4f}",
                f"{known.oracle:.4f}",
                f"{(known.uniform - known.rrf) / (known.oracle - known.rrf):.0%}",
            )
            for (name, traffic), known in results.references.items()
        ],
    )


def _learned_table(results: Results, traffic: str) -> str:
    checkpoints = next(iter(results.cell_to_learned.values()))[0].ndcg
    header = (
        f"{traffic}",
        "clicks",
        *(f"gap closed @{sessions:,}" for sessions in checkpoints),
        "over uniform @1,000",
        "worst seed - RRF @" + "/".join(f"{sessions:,}" for sessions in checkpoints),
        "served first 1,000 - RRF: mean, worst",
    )
    rows = []
    for name in results.scenarios():
        for clicks in CLICKS:
            cell = results.served(name, clicks, traffic)
            served = cell.served_over_rrf(1_000)
            rows.append(
                (
                    name,
                    clicks,
                    *(_percent(cell.gap_closed(sessions)) for sessions in checkpoints),
                    _mean(cell.over_uniform(1_000)),
                    " / ".join(f"{min(cell.over_rrf(sessions)):+.3f}" for sessions in checkpoints),
                    f"{fmean(served):+.3f}, {min(served):+.3f}",
                )
            )
    return _table(header, rows)


def _steps_table(results: Results) -> str:
    rows = []
    for engine in results.engines():
        cells = [
            results.of(Cell(scenario=name, traffic="flat", clicks="PBM 1/√r", engine=engine))
            for name in results.scenarios()
        ]
        rows.append((STEPS[engine], *(_step(cell) for cell in cells)))
    return _table(("nDCG of the mean weights @100 / @1,000; served", *results.scenarios()), rows)


def _step(cell: CellResult) -> str:
    last = cell.checkpoints[-1]
    return (
        f"{fmean(cell.ndcg(100)):.4f} / {fmean(cell.ndcg(1_000)):.4f};"
        f" {fmean(cell.served_over_rrf(last)):+.4f}"
    )


def _segments_table(results: Results) -> str:
    checkpoints = list(next(iter(results.segments.values()))[0])
    rows = [("uniform", "", *([f"{results.segments_uniform:.4f}"] * len(checkpoints)))]
    for (rule, wrong), seeds in results.segments.items():
        values = [_mean([one[sessions] for one in seeds], sign="") for sessions in checkpoints]
        rows.append((rule, f"{wrong:.0%} wrong", *values))
    return _table(("rule", "labels", *(f"@{sessions:,}" for sessions in checkpoints)), rows)


def _drift_table(results: Results) -> str:
    equal = results.references["G4+N", "flat"].uniform
    shown = (100, 500, 1_000, 2_000, 3_500)
    rows = []
    for (engine, swap), seeds in results.drift.items():
        means = np.mean(seeds, axis=0).tolist()
        back = _recovered(means, equal, results.drift_every)
        gains = [f"{means[n // results.drift_every - 1] - equal:+.4f}" for n in shown]
        rows.append(
            (STEPS[engine].removeprefix("+ "), f"{swap:,}", *gains, _sessions(back),
             _sessions(_last_recovery(seeds, equal, results.drift_every)))
        )  # fmt: skip
    return _table(
        ("engine", "swap after", *(f"over uniform, {n:,} later" for n in shown),
         "mean above uniform", "slowest seed"),
        rows,
    )  # fmt: skip


def _percent(values: Sequence[float]) -> str:
    low, high = interval(values)
    return f"{fmean(values):.0%} [{low:.0%}, {high:.0%}]"


def _mean(values: Sequence[float], sign: str = "+") -> str:
    low, high = interval(values)
    return f"{fmean(values):{sign}.4f} [{low:{sign}.4f}, {high:{sign}.4f}]"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def as_json(results: Results, found: Sequence[Bar]) -> dict[str, Any]:
    """Everything, seed by seed."""
    return {
        "engine": results.engine,
        "seeds": results.n_seeds,
        "sessions": results.n_sessions,
        "references": [
            {"scenario": name, "traffic": traffic} | asdict(known)
            for (name, traffic), known in results.references.items()
        ],
        "learned": [
            asdict(cell) | {"seeds": [asdict(one) for one in learned]}
            for cell, learned in results.cell_to_learned.items()
        ],
        "segments": [
            {"rule": rule, "wrong_labels": wrong, "seeds": list(seeds)}
            for (rule, wrong), seeds in results.segments.items()
        ],
        "segments_uniform": results.segments_uniform,
        "drift": [
            {"engine": engine, "swap_after": swap, "seeds": list(seeds)}
            for (engine, swap), seeds in results.drift.items()
        ],
        "bars": [asdict(bar) for bar in found],
    }
