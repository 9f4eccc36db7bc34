"""What this process would do with a write, and what to mend before somebody relies on it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from msgspec import Struct

from desirepath.engine.engine import Engine
from desirepath.storage.base import Health, InteractionQuery, Session

__all__ = ["Diagnosis", "diagnose"]

_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
_WARN_DAYS = 30
_WARN_FREE_BYTES = 1 << 30
_WARN_SECONDS = 1.0
_WEAK = ("=NORMAL", "=OFF", "=off", "=local")
_IN_MEMORY = frozenset({"tmpfs", "ramfs"})
_UNSAFE = ("9p", "afs", "ceph", "cifs", "davfs", "fuse.", "gfs", "gluster", "lustre", "nfs", "smb")


class Diagnosis(Struct, frozen=True, kw_only=True):
    """What was found.

    Parameters
    ----------
    health
        What the database says of itself.
    bytes_per_day
        How much the database has grown a day since the first row; None in its first day.
    days_until_full
        Free room at that rate; None where one of the two is not known.
    clock_ahead_seconds
        How far this machine's clock is ahead of the database's.
    newest_ahead_seconds
        How far the newest row lies in the future: the clock was set back since. 0 as a rule.
    problems
        A sentence for each thing to mend.
    """

    health: Health
    bytes_per_day: float | None
    days_until_full: float | None
    clock_ahead_seconds: float
    newest_ahead_seconds: float
    problems: tuple[str, ...]


def diagnose(engine: Engine) -> Diagnosis:
    """Look at the database, its disk and its clock."""
    health = engine.storage.health()
    with engine.storage.read() as session:
        now = session.now()
        ahead = (engine.clock.now() - now) / _SECOND
        moments = list(_moments(session))
    bytes_per_day = days = None
    if moments and health.size_bytes is not None and now - min(moments) >= _DAY:
        bytes_per_day = health.size_bytes * _DAY / (now - min(moments))
        if health.free_bytes is not None:
            days = health.free_bytes / bytes_per_day
    newest = max(0.0, (max(moments, default=now) - now) / _SECOND)
    return Diagnosis(
        health=health,
        bytes_per_day=bytes_per_day,
        days_until_full=days,
        clock_ahead_seconds=ahead,
        newest_ahead_seconds=newest,
        problems=tuple(_problems(health, days, ahead, newest)),
    )


def _moments(session: Session) -> Iterator[int]:
    """When the first and the last interaction of each namespace were recorded."""
    for namespace in session.catalog.namespaces():
        query = InteractionQuery(namespace=namespace.number)
        for found in (
            islice(session.interactions.scan(namespace.number, chunk=1), 1),
            session.interactions.find(query, 1),
        ):
            yield from (interaction.recorded_at for interaction in found)


def _problems(health: Health, days: float | None, ahead: float, newest: float) -> Iterator[str]:
    if any(mark in health.durability for mark in _WEAK):
        yield "Acknowledged writes may be lost in a power cut: turn full syncing on."
    if health.file_system is not None and health.file_system.startswith(_UNSAFE):
        yield (
            f"The file system ({health.file_system}) is over a network or in user space, and its "
            "locks and syncs cannot be relied on: put the file on a local disk, or use PostgreSQL."
        )
    if health.file_system in _IN_MEMORY:
        yield f"The file is in memory ({health.file_system}): it is gone after a restart."
    if health.free_bytes is not None and health.free_bytes < _WARN_FREE_BYTES:
        yield f"Only {health.free_bytes / 1e6:,.0f} MB are free on the disk."
    if days is not None and days < _WARN_DAYS:
        yield f"At this rate the disk is full in {days:,.0f} days."
    if abs(ahead) > _WARN_SECONDS:
        yield "This machine's clock and the database's differ: run NTP on both."
    if newest > _WARN_SECONDS:
        yield (
            f"The newest row was recorded {newest:,.0f} s from now: the clock was set back. Rows "
            "that come now sort before it."
        )
