"""``python -m benchmarks.learning``: does it learn what it should, and as fast?

Simulated shoppers on real products, queries and judgments. Every bar is said reached or missed, of
the policy in memory or, with ``--engine product``, of the product with its database.
"""

import argparse
import importlib.util
import json
import math
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import learning_report as report
from benchmarks.learning_engines import Context, FloatEngine, MemoryEngine, Options, Resolve
from benchmarks.learning_product import SEGMENT, ProductEngine, SdkEngine
from benchmarks.learning_report import Bar, Cell, Results
from benchmarks.learning_study import (
    CHECKPOINTS,
    CLICKS,
    TRAFFIC,
    EngineMaker,
    Learned,
    of_fusion,
    references,
    run,
    run_drift,
    run_segments,
    scenarios,
    two_tastes,
)
from benchmarks.shop import Shop, read_shop
from desirepath.methods.bandits.base import Policy
from desirepath.methods.bandits.beta_thompson import BetaThompson
from desirepath.methods.bandits.linear_thompson import LinearThompson
from desirepath.methods.bandits.sums import LARGEST
from desirepath.methods.bandits.weights import uniform
from desirepath.methods.fusion.learned import learned
from desirepath.testing.shoppers import Shoppers
from desirepath.testing.simulation.judging import Judge

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "esci_small"
SEGMENT_SESSIONS = 3_000
DRIFT_AFTER = (1_000, 3_000)
DRIFT_SESSIONS = 3_500
DRIFT_EVERY = 100
WRONG_LABELS = (0.0, 0.2)

LINEAR = LinearThompson()
PRODUCT = Options(resolve=Resolve.GLOBAL)
STEADY = Options(
    resolve=Resolve.GLOBAL,
    on_first_interaction=False,
    memory_lists=math.inf,
    decay_factor=1.0,
    daily_influence=LARGEST,
    floor=1.0,
)
"""As the study had it: every list counts, and in full, nothing is forgotten, exploration stays."""


def in_memory(options: Options, beta: bool = False) -> EngineMaker:
    """Make engines that have a policy and nothing else."""
    policy: Policy = BetaThompson() if beta else LINEAR
    return lambda features, rng: MemoryEngine(len(features), policy, rng, options)


ENGINES: Mapping[str, EngineMaker] = {
    "memory": in_memory(PRODUCT),
    "float": lambda features, rng: FloatEngine(len(features), LINEAR, rng),
    "integers": in_memory(STEADY),
    "on interaction": in_memory(
        Options(
            resolve=Resolve.GLOBAL,
            memory_lists=math.inf,
            decay_factor=1.0,
            daily_influence=LARGEST,
            floor=1.0,
        )
    ),
    "memory of 1,000": in_memory(
        Options(resolve=Resolve.GLOBAL, daily_influence=LARGEST, floor=1.0)
    ),
    "beta": in_memory(PRODUCT, beta=True),
    "product": ProductEngine,
    "sdk": SdkEngine,
}
"""Contestants by name; ``memory`` is the policy as the product runs it, ``product`` the product.
Another engine is another entry here."""


@dataclass(frozen=True, kw_only=True)
class Contest:
    """What is run beside the engine that the bars are for.

    Parameters
    ----------
    beside
        Engines that get one kind of clicks and traffic.
    drift
        Engines that see the features change their roles.
    rule_to_engine
        How levels may be resolved.
    n_sessions
        Of a run, unless somebody says otherwise.
    """

    beside: Sequence[str]
    drift: Sequence[str]
    rule_to_engine: Mapping[Resolve, EngineMaker]
    n_sessions: int


RULES = {rule: in_memory(Options(resolve=rule)) for rule in Resolve}
CONTESTS: Mapping[str, Contest] = {
    "memory": Contest(
        beside=("float", "integers", "on interaction", "memory of 1,000", "beta"),
        drift=("memory", "on interaction"),
        rule_to_engine=RULES,
        n_sessions=CHECKPOINTS[-1],
    ),
    "product": Contest(
        beside=("sdk",),
        drift=("product",),
        # It pools, and does not switch: what that would give is the policy's in memory.
        rule_to_engine=RULES
        | {
            Resolve.GLOBAL: partial(ProductEngine, learning_config={"context_features": []}),
            Resolve.POOLED: partial(
                ProductEngine, learning_config={"demographic_features": [SEGMENT]}
            ),
        },
        n_sessions=1_000,
    ),
}
"""By the engine that the bars are for."""


def _is_here(engine: str) -> bool:
    """The SDK belongs to the developer set; where it is not, its clicks are left out."""
    return engine != "sdk" or importlib.util.find_spec("mixpeek") is not None


class Study:
    """The shop, its scenarios, and what was found out about them."""

    def __init__(self, shop: Shop, engine: str, n_seeds: int, n_sessions: int) -> None:
        self.shop = shop
        self.engine = engine
        self.contest = CONTESTS[engine]
        self.beside = [name for name in self.contest.beside if _is_here(name)]
        self.n_seeds = n_seeds
        self.n_sessions = n_sessions
        self.scenarios = scenarios(shop)
        self.judges = {name: self._judge(power) for name, power in TRAFFIC.items()}
        self.references = {
            (name, traffic): references(scenario, judge)
            for name, scenario in self.scenarios.items()
            for traffic, judge in self.judges.items()
        }
        self.tastes = two_tastes(self.scenarios["G4"], "text://brand")

    def _judge(self, query_power: float) -> Judge:
        shoppers = Shoppers(
            self.shop.query_to_grades, CLICKS["cascade"], seed=0, query_power=query_power
        )
        return Judge(self.shop.query_to_grades, shoppers.query_to_share)

    def learn(self, cell: Cell, seed: int) -> Learned:
        return run(
            self.scenarios[cell.scenario],
            self.judges[cell.traffic],
            CLICKS[cell.clicks],
            TRAFFIC[cell.traffic],
            ENGINES[cell.engine],
            seed=seed,
            n_sessions=self.n_sessions,
        )

    def drift(self, engine: str, swap_after: int, seed: int) -> list[float]:
        """Let title and noise change their roles."""
        before = self.scenarios["G4+N"]
        return run_drift(
            before,
            before.swapped("text://title", "noise://1"),
            self.judges["flat"],
            ENGINES[engine],
            seed=seed,
            swap_after=swap_after,
            n_sessions=DRIFT_SESSIONS,
            every=DRIFT_EVERY,
        )

    def first_weights(self) -> dict[str, list[float]]:
        """What each engine weighs before anybody has clicked, in the largest scenario."""
        features = self.scenarios["G2+N2P"].features
        found = {}
        for name in (self.engine, *self.beside):
            with closing(ENGINES[name](features, np.random.default_rng(0))) as engine:
                found[name] = engine.mean_weights(Context()).tolist()
        return found

    def segments_uniform(self) -> float:
        """What equal weights are worth to people with tastes, on the average of all users."""
        scenario = self.scenarios["G4"]
        equal = uniform(scenario.n_features)
        worth = {
            name: of_fusion(judge, scenario, learned, equal)
            for name, judge in self._judges_with_tastes().items()
        }
        shoppers = Shoppers(
            self.shop.query_to_grades, CLICKS["cascade"], seed=0, segments=self.tastes
        )
        return sum(
            share * worth[shoppers.segment_of(user_id).name]
            for user_id, share in shoppers.user_to_share.items()
        )

    def segments(self, rule: str, wrong_labels: float, seed: int) -> dict[int, float]:
        return run_segments(
            self.scenarios["G4"],
            self._judges_with_tastes(),
            self.tastes,
            self.contest.rule_to_engine[Resolve(rule)],
            seed=seed,
            n_sessions=SEGMENT_SESSIONS,
            wrong_labels=wrong_labels,
        )

    def _judges_with_tastes(self) -> dict[str, Judge]:
        flat = self.judges["flat"]
        return {
            taste.name: Judge(flat.query_to_grades, flat.query_to_share, taste.liking)
            for taste in self.tastes
        }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study; 0 when every bar was reached, 1 when one was missed."""
    options = parse(arguments)
    started = time.monotonic()
    results, bars = study_of(
        options.engine, options.data, options.seeds, options.sessions, options.processes
    )
    print(report.page(results, bars), flush=True)
    print(f"\n{time.monotonic() - started:.0f} s", flush=True)
    if options.json:
        options.json.write_text(json.dumps(report.as_json(results, bars), indent=1))
    return 0 if all(bar.reached for bar in bars) else 1


def study_of(
    engine: str, data: Path, n_seeds: int, n_sessions: int | None = None, processes: int = 1
) -> tuple[Results, list[Bar]]:
    """Run everything for an engine; its results, and what the bars say of them."""
    study = Study(read_shop(data), engine, n_seeds, n_sessions or CONTESTS[engine].n_sessions)
    with spreading(study, processes) as spread:
        results = measure(study, spread)
    return results, report.bars(results)


Spread = Callable[..., list[Any]]
"""Calls a method of the study by its name, once for each seed."""


def measure(study: Study, spread: Spread) -> Results:
    """Run everything; say on standard error what is going on."""
    cells = [
        Cell(scenario=scenario, traffic=traffic, clicks=clicks, engine=study.engine)
        for traffic in TRAFFIC
        for scenario in study.scenarios
        for clicks in CLICKS
    ]
    cells += [
        Cell(scenario=scenario, traffic="flat", clicks="PBM 1/√r", engine=engine)
        for engine in study.beside
        for scenario in study.scenarios
    ]
    rules = [(rule.value, wrong) for wrong in WRONG_LABELS for rule in Resolve]
    drifts = [(engine, swap) for engine in study.contest.drift for swap in DRIFT_AFTER]
    return Results(
        engine=study.engine,
        n_seeds=study.n_seeds,
        n_sessions=study.n_sessions,
        n_queries=len(study.shop.queries),
        n_products=len(study.shop.products),
        references=study.references,
        cell_to_learned={cell: spread("learn", cell) for cell in cells},
        segments={(rule, wrong): spread("segments", rule, wrong) for rule, wrong in rules},
        segments_uniform=study.segments_uniform(),
        drift={(engine, swap): spread("drift", engine, swap) for engine, swap in drifts},
        drift_every=DRIFT_EVERY,
        first_weights=study.first_weights(),
    )


@contextmanager
def spreading(study: Study, processes: int) -> Iterator[Spread]:
    """Run seeds one after the other, or in processes that share what the study read."""
    seeds = range(study.n_seeds)
    if processes == 1:

        def one_by_one(name: str, *arguments: Any) -> list[Any]:
            say(name, arguments)
            return [getattr(study, name)(*arguments, seed) for seed in seeds]

        yield one_by_one
        return

    _Shared.study = study
    with multiprocessing.get_context("fork").Pool(processes) as pool:

        def at_once(name: str, *arguments: Any) -> list[Any]:
            say(name, arguments)
            return pool.map(_call, [(name, arguments, seed) for seed in seeds], chunksize=1)

        yield at_once


class _Shared:
    study: Study


def _call(task: tuple[str, tuple[Any, ...], int]) -> Any:
    name, arguments, seed = task
    return getattr(_Shared.study, name)(*arguments, seed)


def say(name: str, arguments: tuple[Any, ...]) -> None:
    print(f"{name} {arguments}", file=sys.stderr, flush=True)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learning", description=__doc__)
    parser.add_argument(
        "--engine", choices=CONTESTS, default="memory", help="what the bars are for (memory)"
    )
    parser.add_argument("--seeds", type=int, default=10, help="runs of each cell (10)")
    parser.add_argument(
        "--sessions", type=int, help="sessions of a run, 1,000 or more (10,000; product: 1,000)"
    )
    parser.add_argument("--data", type=Path, default=DATA, help="folder of esci_small")
    parser.add_argument("--processes", type=int, default=1, help="processes at once (1)")
    parser.add_argument("--json", type=Path, help="write everything that was measured")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
