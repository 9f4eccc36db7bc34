"""From the log to the sessions that are replayed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from msgspec import Struct

from desirepath.analysis.replayed import SearchScope, outcomes, outcomes_of, sessions_of
from desirepath.domain.acts import TYPE_TO_BIT
from desirepath.domain.benchmark import BenchmarkDraft, SessionFilter
from desirepath.domain.scope import Scope
from desirepath.engine.analysing.asking import open_log
from desirepath.engine.analysing.copying import CopyProgress
from desirepath.engine.analysing.part import Part, part_of
from desirepath.engine.engine import Engine
from desirepath.errors import NotEnoughData
from desirepath.methods.levels import IntArray
from desirepath.methods.replay.reactions import Reactions
from desirepath.methods.replay.sampling import sample
from desirepath.storage.base import Namespace

__all__ = ["ReplayedSessions", "build_sessions"]

_STRATA = (TYPE_TO_BIT["purchase"], TYPE_TO_BIT["add_to_cart"])
_NONE = (
    "No session can be replayed: it takes searches that were logged with their inputs, and "
    "interactions that name them, within what session_filter asks for."
)


class ReplayedSessions(Struct, frozen=True, kw_only=True, eq=False):
    """Sessions to replay: S searches, R documents that something was done with.

    Parameters
    ----------
    reactions
        What was done with the documents.
    document_ids : length R
    search_ids : length S
        Executions, session by session as they were made.
    n_found
        Sessions that the filter left, of which these were drawn.
    n_flagged
        Identities that look like robots and were left out.
    """

    reactions: Reactions
    document_ids: Sequence[str]
    search_ids: Sequence[str]
    n_found: int
    n_flagged: int


def build_sessions(
    engine: Engine,
    namespace: Namespace,
    draft: BenchmarkDraft,
    *,
    progress: CopyProgress | None = None,
) -> ReplayedSessions:
    """Read the sessions that a benchmark replays.

    Parameters
    ----------
    draft
        Its retrievers by their ids.
    progress
        Told now and then how many more rows of the log were copied.

    Raises
    ------
    NotEnoughData
        The filter leaves none.
    """
    with open_log(engine, namespace, progress=progress) as opened:
        return _built(part_of(opened, Scope()), draft)


def _built(part: Part, draft: BenchmarkDraft) -> ReplayedSessions:
    wanted = draft.session_filter
    every = outcomes(part.log, wanted.type_to_weight, _scope(wanted))
    with part.engine.kept(every) as found:
        sessions = part.engine.arrow(
            sessions_of(found, wanted.min_interactions, wanted.interaction_types)
        )
        if not len(sessions):
            raise NotEnoughData(
                "sessions in which something was done", needed=1, found=0, why=_NONE
            )
        chosen = sample(
            wanted.sample_strategy,
            draft.session_count,
            sessions["last_at"].to_numpy(),
            _strata(sessions["acts"].to_numpy()),
            np.random.default_rng(draft.seed),
        )
        rows = part.engine.arrow(outcomes_of(found, sessions["session"].take(chosen).to_pylist()))
    return _as_arrays(rows, n_found=len(sessions), n_flagged=part.n_flagged)


def _scope(wanted: SessionFilter) -> SearchScope:
    times = wanted.time_range
    return SearchScope(
        retriever_ids=wanted.retriever_ids,
        since=None if times is None else times.since,
        before=None if times is None else times.before,
    )


def _strata(acts: IntArray) -> IntArray:
    """0: something was bought; 1: put into the cart; 2: neither."""
    bought, in_cart = ((acts & bit) != 0 for bit in _STRATA)
    return np.where(bought, 0, np.where(in_cart, 1, 2))


def _as_arrays(rows: pa.Table, *, n_found: int, n_flagged: int) -> ReplayedSessions:
    search_ids = rows["search_id"].to_pylist()
    searches, first_rows = _coded(search_ids)
    sessions, _ = _coded(rows["session"].take(first_rows).to_pylist())
    return ReplayedSessions(
        reactions=Reactions(
            gains=rows["gain"].to_numpy(),
            purchased=(rows["acts"].to_numpy() & _STRATA[0]) != 0,
            searches=searches,
            sessions=sessions,
        ),
        document_ids=rows["document_id"].to_pylist(),
        search_ids=[search_ids[row] for row in first_rows],
        n_found=n_found,
        n_flagged=n_flagged,
    )


def _coded(names: Sequence[str]) -> tuple[IntArray, list[int]]:
    """A code from 0 for each run of the same name, and where the runs begin."""
    begins = [row for row, name in enumerate(names) if row == 0 or names[row - 1] != name]
    steps = np.zeros(len(names), np.int64)
    steps[begins[1:]] = 1
    return np.cumsum(steps), begins
