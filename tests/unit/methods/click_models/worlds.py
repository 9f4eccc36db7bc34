"""Lists, people who click as a model says, and small sessions for hypothesis."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
from hypothesis import strategies as st

from desirepath.methods.click_models.base import FittedClickModel
from desirepath.methods.click_models.cascade import FittedCascade
from desirepath.methods.click_models.ctr import DocumentCTR, FittedCTR, GlobalCTR, RankCTR
from desirepath.methods.click_models.pbm import FittedPBM
from desirepath.methods.click_models.rates import Rates
from desirepath.methods.click_models.sdbn import FittedSDBN
from desirepath.methods.click_models.sessions import SearchSessions
from desirepath.methods.levels import FloatArray

LENGTH, N_QUERIES, N_DOCUMENTS = 10, 100, 15
N_PAIRS = N_QUERIES * N_DOCUMENTS


def sessions_of(
    lists: Sequence[Sequence[int]],
    clicked: Sequence[Sequence[int]] | None = None,
    n_pairs: int | None = None,
    weights: Sequence[float] | None = None,
) -> SearchSessions:
    """Lists of pairs from rank 1, and 0 or 1 for each of them."""
    clicks = [[0] * len(one) for one in lists] if clicked is None else clicked
    pairs = np.array([pair for one in lists for pair in one], np.int64)
    return SearchSessions(
        pairs=pairs,
        ranks=np.array([rank for one in lists for rank in range(1, len(one) + 1)], np.int64),
        clicked=np.array([click for one in clicks for click in one], bool),
        starts=np.cumsum([0] + [len(one) for one in lists]),
        n_pairs=int(pairs.max(initial=-1)) + 1 if n_pairs is None else n_pairs,
        weights=None if weights is None else np.array(weights, float),
    )


def shuffled_lists(
    n_sessions: int,
    rng: np.random.Generator,
    *,
    moves: float = 3.0,
    n_queries: int = N_QUERIES,
    zipf: float = 0.0,
) -> SearchSessions:
    """Ten of fifteen documents of a query, moved by some ranks at random.

    With ``zipf`` 0 all queries come equally often, with 1 the second half as often as the first.
    """
    shares = np.arange(1.0, n_queries + 1) ** -zipf
    queries = rng.choice(n_queries, (n_sessions, 1), p=shares / shares.sum())
    places = np.arange(N_DOCUMENTS) + rng.normal(0.0, moves, (n_sessions, N_DOCUMENTS))
    documents = np.argsort(places, axis=1)[:, :LENGTH]
    return SearchSessions(
        pairs=(queries * N_DOCUMENTS + documents).ravel(),
        ranks=np.tile(np.arange(1, LENGTH + 1), n_sessions),
        clicked=np.zeros(n_sessions * LENGTH, bool),
        starts=np.arange(n_sessions + 1) * LENGTH,
        n_pairs=n_queries * N_DOCUMENTS,
    )


def truths(rng: np.random.Generator, n_pairs: int = N_PAIRS) -> Mapping[str, FittedClickModel]:
    """What people are like, by the name of the model that says so.

    Attractiveness is drawn from Beta(1, 3), satisfaction from Beta(2, 2); examination is 1 / rank.
    """
    attractiveness = Rates.known(rng.beta(1.0, 3.0, n_pairs), prior=0.25)
    satisfaction = Rates.known(rng.beta(2.0, 2.0, n_pairs))
    examination: FloatArray = 1.0 / np.arange(1, LENGTH + 1)
    same = Rates.known(np.full(n_pairs, 0.2), prior=0.2)
    by_rank = Rates.known(0.5 * examination)
    kinds = {
        name: model.fit(sessions_of([[0]], [[1]])).kind
        for name, model in (("gctr", GlobalCTR()), ("rctr", RankCTR()), ("dctr", DocumentCTR()))
    }
    return {
        "gctr": FittedCTR(kind=kinds["gctr"], rates=Rates.known(np.array([0.2])), relevance=same),
        "rctr": FittedCTR(kind=kinds["rctr"], rates=by_rank, relevance=same),
        "dctr": FittedCTR(kind=kinds["dctr"], rates=attractiveness, relevance=attractiveness),
        "pbm": FittedPBM(examination=examination, attractiveness=attractiveness),
        "cascade": FittedCascade(attractiveness=attractiveness),
        "sdbn": FittedSDBN(attractiveness=attractiveness, satisfaction=satisfaction),
    }


def every_outcome(pairs: Sequence[int], n_pairs: int) -> SearchSessions:
    """One session for each way to click on one list."""
    outcomes = list(itertools.product([0, 1], repeat=len(pairs)))
    return sessions_of([pairs] * len(outcomes), outcomes, n_pairs)


@st.composite
def search_sessions(draw: st.DrawFn) -> SearchSessions:
    """A few lists of up to six documents, not all from rank 1, with at least one click."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_pairs, n_sessions = int(rng.integers(1, 9)), int(rng.integers(1, 30))
    lengths = rng.integers(0, min(6, n_pairs) + 1, n_sessions)
    lengths[0] = max(lengths[0], 1)
    pairs = [rng.permutation(n_pairs)[:length] for length in lengths]
    ranks = [np.sort(rng.permutation(8)[:length]) + 1 for length in lengths]
    clicked = rng.random(lengths.sum()) < draw(st.sampled_from([0.05, 0.3, 0.9, 1.0]))
    clicked[0] = True
    return SearchSessions(
        pairs=np.concatenate(pairs).astype(np.int64),
        ranks=np.concatenate(ranks).astype(np.int64),
        clicked=clicked,
        starts=np.concatenate([[0], np.cumsum(lengths)]),
        n_pairs=n_pairs,
        weights=rng.choice([0.25, 1.0, 2.0], n_sessions) if draw(st.booleans()) else None,
    )
