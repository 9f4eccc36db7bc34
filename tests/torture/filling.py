"""Databases with many rows, made in seconds."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing

from desirepath.domain.clock import SystemClock
from desirepath.domain.ids import IdGenerator
from desirepath.domain.interaction import Interaction
from desirepath.server import open_engine
from desirepath.settings import Settings
from desirepath.storage.open import open_storage

_CHUNK = 20_000
_DEFAULT = 1  # the number of the first namespace


def fill(database: str, n_rows: int, *, user_id: str | None = None, one_in: int = 0) -> list[str]:
    """Record interactions of ten thousand users, about one in ``one_in`` of ``user_id``.

    Returns
    -------
    list of str
        The interaction ids of that user.
    """
    open_engine(Settings(database=database)).close()  # makes the defaults
    theirs: list[str] = []
    with closing(open_storage(database, SystemClock())) as storage:
        with storage.read() as session:
            now = session.now()
        rows = interactions(n_rows, now, user_id, one_in)
        while chunk := list(itertools.islice(rows, _CHUNK)):
            theirs += [f"int_{row.id.hex()}" for row in chunk if row.user_id == user_id]
            with storage.write() as session:
                session.interactions.append(chunk)
                session.receipts.claim_events(
                    [(row.namespace, row.event_id or "", b"-" * 32, row.id) for row in chunk]
                )
    return theirs


def interactions(n_rows: int, now: int, user_id: str | None, one_in: int) -> Iterator[Interaction]:
    """Interactions that were recorded one a millisecond, up to now."""
    make_id = IdGenerator()
    for number in range(n_rows):
        moment = now - (n_rows - number) * 1000
        scattered = number * 2_654_435_761 >> 9  # looks random, and is the same every time
        yield Interaction(
            id=make_id.next(moment),
            namespace=_DEFAULT,
            feature_id=f"filled-{number}",
            types=("click",),
            position=number % 10,
            user_id=user_id if one_in and scattered % one_in == 0 else f"shopper-{number % 10_007}",
            session_id=f"visit-{number // 7}",
            event_id=f"filled-event-{number}",
            metadata_json=f'{{"note":"{"x" * (scattered % 211)}","price":{number % 100}}}',
            occurred_at=moment,
            live=True,
            reward=1.0,
        )
