"""The case of click models: fits of simulated sessions, in a process of their own on one core."""

import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from typing import TypeVar

import numpy as np

from benchmarks.bench import Bench
from benchmarks.machine import SERVER_CORE, pinned_to, watch_foreign
from benchmarks.report import Row, at_most, under_times
from desirepath.methods.click_models.cascade import Cascade
from desirepath.methods.click_models.ctr import RankCTR
from desirepath.methods.click_models.evaluating import perplexity
from desirepath.methods.click_models.pbm import PBM, FittedPBM
from desirepath.methods.click_models.rates import Rates
from desirepath.methods.click_models.sdbn import SDBN
from desirepath.methods.click_models.sessions import SearchSessions
from desirepath.methods.levels import FloatArray

SHOWN, DOCUMENTS, QUERIES = 10, 20, 20_000
HELD_OUT = 0.05
CHUNK = 50_000

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Fits:
    """What was measured of simulated sessions that the position-based model describes."""

    pbm_seconds: float
    pbm_steps: int
    is_converged: bool
    other_seconds: dict[str, float]
    textbook_step_seconds: float
    peak_gigabytes: float
    examination_error: float
    attractiveness_error: float
    perplexity: float
    perplexity_of_truth: float
    perplexity_of_ranks: float


def click_models(bench: Bench) -> list[Row]:
    """Fit click models to simulated sessions of 10, beside rates by rank and a textbook's EM."""
    n = bench.sizes.click_sessions
    with (
        watch_foreign([]) as foreign,
        pinned_to(SERVER_CORE),
        ProcessPoolExecutor(1, get_context("spawn")) as process,
    ):
        fits = process.submit(fit_all, n).result()
    what = f"click models, {n:,} simulated sessions of {SHOWN}"
    textbook = fits.textbook_step_seconds * fits.pbm_steps
    faults = [] if fits.is_converged else ["the fit ran out of steps"]
    rows = [
        Row(
            what=f"{what}: position-based model",
            unit="s",
            value=fits.pbm_seconds,
            against=textbook,
            against_name=f"{fits.pbm_steps} steps over impressions",
            target=at_most(60),
            faults=faults,
            detail=asdict(fits),
        ),
        *(
            Row(what=f"{what}: {name}", unit="s", value=seconds)
            for name, seconds in fits.other_seconds.items()
        ),
        Row(what=f"{what}: peak", unit="GB", value=fits.peak_gigabytes, target=at_most(4)),
        Row(
            what=f"{what}: examination, mean absolute error",
            unit="",
            value=fits.examination_error,
            target=at_most(0.03),
        ),
        Row(
            what=f"{what}: attractiveness, mean absolute error by impression",
            unit="",
            value=fits.attractiveness_error,
        ),
        Row(
            what=f"{what}: perplexity of new ones",
            unit="",
            value=fits.perplexity,
            against=fits.perplexity_of_truth,
            against_name="the truth's",
            target=under_times(1.01),
        ),
        Row(
            what=f"{what}: perplexity of new ones",
            unit="",
            value=fits.perplexity,
            against=fits.perplexity_of_ranks,
            against_name="rates by rank",
        ),
    ]
    return [replace(row, foreign_share=foreign.share) for row in rows]


def fit_all(n_sessions: int) -> Fits:
    """Simulate, fit, and compare with the truth; seed 1."""
    rng = np.random.default_rng(1)
    truth = FittedPBM(
        examination=1.0 / np.arange(1, SHOWN + 1),
        attractiveness=Rates.known(rng.beta(1.0, 3.0, QUERIES * DOCUMENTS)),
    )
    held_out = truth.simulate(lists(int(n_sessions * HELD_OUT), rng), rng)
    sessions = truth.simulate(lists(n_sessions, rng), rng)
    by_rank, rank_seconds = timed(lambda: RankCTR().fit(sessions))
    fitted, pbm_seconds = timed(lambda: PBM().fit(sessions))
    _, cascade_seconds = timed(lambda: Cascade().fit(sessions))
    _, sdbn_seconds = timed(lambda: SDBN().fit(sessions))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    _, textbook_seconds = timed(lambda: textbook_step(sessions, fitted))
    shown = np.bincount(sessions.pairs, minlength=sessions.n_pairs)
    errors = np.abs(fitted.attractiveness.mean - truth.attractiveness.mean)
    return Fits(
        pbm_seconds=pbm_seconds,
        pbm_steps=fitted.n_steps,
        is_converged=fitted.is_converged,
        other_seconds={
            "rates by rank": rank_seconds,
            "cascade": cascade_seconds,
            "simplified DBN": sdbn_seconds,
        },
        textbook_step_seconds=textbook_seconds,
        peak_gigabytes=peak * 1024 / 1e9,
        examination_error=float(np.abs(fitted.examination - truth.examination).mean()),
        attractiveness_error=float(np.average(errors, weights=shown)),
        perplexity=perplexity(fitted, held_out).overall,
        perplexity_of_truth=perplexity(truth, held_out).overall,
        perplexity_of_ranks=perplexity(by_rank, held_out).overall,
    )


def lists(n_sessions: int, rng: np.random.Generator) -> SearchSessions:
    """Ten of twenty documents, moved by a few ranks; queries as often as Zipf's law has them."""
    shares = 1.0 / np.arange(1, QUERIES + 1)
    queries = rng.choice(QUERIES, n_sessions, p=shares / shares.sum())
    parts = []
    for start in range(0, n_sessions, CHUNK):
        some = queries[start : start + CHUNK, np.newaxis]
        places = np.arange(DOCUMENTS) + rng.normal(0.0, 3.0, (len(some), DOCUMENTS))
        parts.append((some * DOCUMENTS + np.argsort(places, axis=1)[:, :SHOWN]).ravel())
    return SearchSessions(
        pairs=np.concatenate(parts),
        ranks=np.tile(np.arange(1, SHOWN + 1), n_sessions),
        clicked=np.zeros(n_sessions * SHOWN, bool),
        starts=np.arange(n_sessions + 1) * SHOWN,
        n_pairs=QUERIES * DOCUMENTS,
    )


def textbook_step(sessions: SearchSessions, fitted: FittedPBM) -> tuple[FloatArray, FloatArray]:
    """One step of expectation maximisation as it is written: over every impression."""
    looked = fitted.examination[sessions.ranks - 1]
    liked = fitted.attractiveness.mean[sessions.pairs]
    left_alone = 1.0 - looked * liked
    looks = np.where(sessions.clicked, 1.0, looked * (1.0 - liked) / left_alone)
    likes = np.where(sessions.clicked, 1.0, liked * (1.0 - looked) / left_alone)
    return (
        np.bincount(sessions.ranks, looks) / np.maximum(np.bincount(sessions.ranks), 1),
        np.bincount(sessions.pairs, likes) / np.maximum(np.bincount(sessions.pairs), 1),
    )


def timed(work: Callable[[], T]) -> tuple[T, float]:
    began = time.perf_counter()
    done = work()
    return done, time.perf_counter() - began
