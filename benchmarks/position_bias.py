"""``python -m benchmarks.position_bias``: does position bias come out as it was put in?

Simulated lists, whose documents change places by sampling, and simulated clicks with a known chance
to be looked at. Every shape of that chance is estimated from the same lists, again and again: how
often the truth lies in its interval, and how far off the estimate is, beside what the usual ratio
of click-through rates would say. A simulation, in which the examination hypothesis is true.
"""

import argparse
import multiprocessing
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.bench import Bench
from benchmarks.report import Row, at_least, at_most, table
from desirepath.methods.position_bias.base import Estimator, RankCounts
from desirepath.methods.position_bias.coec import propensities_by_coec
from desirepath.methods.position_bias.harvesting import harvest
from desirepath.methods.position_bias.regression_em import regression_em
from desirepath.testing.clicked_lists import EXAMINATIONS, simulate_clicks, simulate_lists

FloatArray = NDArray[np.float64]

ESTIMATORS: Mapping[str, Estimator] = {
    "harvesting": harvest,
    "regression EM": regression_em,
    "COEC": propensities_by_coec,
}
LEAST_COVERAGE_PERCENT = 90
LARGEST_ERROR = 0.03


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one estimator made of one simulation, at ranks 2 to 10."""

    errors: FloatArray
    covered: NDArray[np.bool_] | None = None
    half_widths: FloatArray | None = None
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Results:
    """Everything of one estimator on one shape, a row for each repetition."""

    errors: FloatArray
    covered: NDArray[np.bool_]
    half_widths: FloatArray
    seconds: float

    @property
    def mean_absolute_error(self) -> float:
        return float(np.abs(self.errors).mean())

    @property
    def coverage_percent(self) -> FloatArray:
        """Of each rank."""
        return np.asarray(100.0 * self.covered.mean(axis=0))


def ratio_of_rates(counts: RankCounts) -> FloatArray:
    """What is often taken for position bias: click-through rates over that of rank 1."""
    rates = np.bincount(counts.rank, counts.c)[1:] / np.bincount(counts.rank, counts.n)[1:]
    return np.asarray(rates / rates[0])


def pivot_one(counts: RankCounts) -> FloatArray:
    """Agarwal et al.'s PivotOne: mean rates of the documents seen at a rank and at the first."""
    rate = np.full((counts.pair.max() + 1, counts.rank.max()), np.nan)
    rate[counts.pair, counts.rank - 1] = counts.c / counts.n
    both = np.isfinite(rate) & np.isfinite(rate[:, :1])
    first = np.where(both, rate[:, :1], 0.0).sum(axis=0)
    return np.asarray(np.where(both, rate, 0.0).sum(axis=0) / first)


BASELINES: Mapping[str, Callable[[RankCounts], FloatArray]] = {
    "ratio of CTR": ratio_of_rates,
    "PivotOne": pivot_one,
}


def repetition(n_lists: int, seed: int) -> dict[tuple[str, str], Outcome]:
    """Simulate once, and estimate each shape by everything."""
    rng = np.random.default_rng(seed)
    lists = simulate_lists(n_lists, rng)
    found = {}
    for shape, examination in EXAMINATIONS.items():
        truth = (examination / examination[0])[1:]
        counts = lists.counts(simulate_clicks(lists, examination, rng))
        for name, estimate in ESTIMATORS.items():
            found[shape, name] = _outcome(estimate, counts, truth)
        for name, baseline in BASELINES.items():
            found[shape, name] = Outcome(errors=baseline(counts)[1:] - truth)
    return found


def _outcome(estimate: Estimator, counts: RankCounts, truth: FloatArray) -> Outcome:
    started = time.perf_counter()
    it = estimate(counts)
    return Outcome(
        errors=it.values[1:] - truth,
        covered=(it.lower[1:] <= truth) & (truth <= it.upper[1:]),
        half_widths=it.half_widths[1:],
        seconds=time.perf_counter() - started,
    )


def study(repetitions: int, n_lists: int, processes: int) -> dict[tuple[str, str], Results]:
    """Repeat with seeds 0 to ``repetitions - 1``."""
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        outcomes = pool.map(partial(repetition, n_lists), range(repetitions), chunksize=1)
    return {key: _gathered([outcome[key] for outcome in outcomes]) for key in outcomes[0]}


def _gathered(outcomes: Sequence[Outcome]) -> Results:
    covered = [one.covered for one in outcomes if one.covered is not None]
    half_widths = [one.half_widths for one in outcomes if one.half_widths is not None]
    return Results(
        errors=np.array([one.errors for one in outcomes]),
        covered=np.array(covered),
        half_widths=np.array(half_widths),
        seconds=float(np.mean([one.seconds for one in outcomes])),
    )


def rows(results: Mapping[tuple[str, str], Results]) -> list[Row]:
    """Coverage at the worst rank and mean absolute error, of each shape and estimator."""
    found = []
    for shape in EXAMINATIONS:
        usual = results[shape, "ratio of CTR"].mean_absolute_error
        for name in ESTIMATORS:
            it = results[shape, name]
            found.append(
                Row(
                    what=f"{name}, {shape}: truth in its 95 % interval, at the worst rank",
                    unit="% of repetitions",
                    value=float(it.coverage_percent.min()),
                    target=at_least(LEAST_COVERAGE_PERCENT),
                    detail={
                        "coverage_percent": it.coverage_percent.tolist(),
                        "mean_half_width": it.half_widths.mean(axis=0).tolist(),
                        "seconds": it.seconds,
                    },
                )
            )
        for name in (*ESTIMATORS, "PivotOne"):
            found.append(
                Row(
                    what=f"{name}, {shape}: mean absolute error",
                    unit="propensity",
                    value=results[shape, name].mean_absolute_error,
                    against=usual,
                    against_name="ratio of CTR",
                    target=at_most(LARGEST_ERROR) if name in ESTIMATORS else None,
                )
            )
    return found


def position_bias(bench: Bench) -> list[Row]:
    """Estimate position bias on simulated sessions whose truth is known, in process."""
    n, n_lists = bench.sizes.bias_repetitions, bench.sizes.bias_sessions
    bench.say(f"  {n} repetitions of {n_lists:,} sessions, seeds 0 to {n - 1}")
    return rows(study(n, n_lists, processes=2))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.position_bias")
    parser.add_argument("--repetitions", type=int, default=200)
    parser.add_argument("--sessions", type=int, default=100_000)
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    results = study(options.repetitions, options.sessions, options.processes)
    print(f"{options.repetitions} repetitions of {options.sessions:,} sessions, seeds from 0")
    print(table(rows(results)))
    for (shape, name), it in results.items():
        if name in ESTIMATORS:
            coverage = " ".join(f"{percent:.0f}" for percent in it.coverage_percent)
            width = it.half_widths.mean()
            print(f"{shape}, {name}: % by rank {coverage}; ±{width:.3f}; {it.seconds:.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
