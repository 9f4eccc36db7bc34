"""Forget, after a while, what a search could have shown and did not."""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace

from desirepath.domain.execution import decode_shown
from desirepath.domain.ids import first_id_at
from desirepath.domain.ranking import Ranking, pack_ranking, unpack_ranking
from desirepath.engine.engine import Engine

__all__ = ["trim_pools"]

_PART = 500


def trim_pools(engine: Engine) -> int:
    """Cut pools of candidates that are old enough to what was shown; how many were cut.

    What was shown can be served again and learned from as before: only what else could have been
    shown is no longer known.
    """
    window = engine.rules.pool_window
    if not window:
        return 0
    with engine.storage.read() as session:
        bound = first_id_at(max(session.now() - window, 0))
        namespaces = session.catalog.namespaces()
    return sum(_trim(engine, namespace.number, bound) for namespace in namespaces)


def _trim(engine: Engine, namespace: int, bound: bytes) -> int:
    n_cut = 0
    while True:
        with engine.storage.write() as session:
            rows = session.executions.untrimmed(namespace, bound, _PART)
            if not rows:
                return n_cut
            cut = {}
            for id, shown, packed in rows:
                ranking = _cut(shown, packed)
                if ranking is not None:
                    cut[id] = ranking
            session.executions.trim(namespace, cut, rows[-1][0])
        n_cut += len(cut)


def _cut(shown: str, packed: bytes) -> bytes | None:
    """A ranking without what was not shown; None where it has nothing else."""
    ranking = unpack_ranking(packed)
    wanted = set(decode_shown(shown))
    kept = [place for place, id in enumerate(ranking.pool) if id in wanted]
    return None if len(kept) == len(ranking.pool) else pack_ranking(_of_places(ranking, kept))


def _of_places(ranking: Ranking, places: list[int]) -> Ranking:
    levels = np.frombuffer(ranking.levels, "<u2").reshape(len(ranking.pool), -1)
    return replace(
        ranking,
        pool=tuple(ranking.pool[place] for place in places),
        levels=levels[places].tobytes(),
    )
