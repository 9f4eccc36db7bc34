"""Keep what was refused, so that nothing is lost on bad input."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from desirepath.domain.clock import format_time
from desirepath.domain.ids import format_id, parse_id, time_of
from desirepath.domain.plain_json import decode_json, encode_json
from desirepath.engine.engine import Engine
from desirepath.errors import DesirepathError, InvalidCursor, MalformedJSON, StorageError
from desirepath.storage.base import Rejection

__all__ = ["keep_rejections", "list_rejections"]

MAX_RAW_BYTES = 8192


async def keep_rejections(
    engine: Engine,
    namespace: int,
    source: str,
    refused: Sequence[tuple[bytes, DesirepathError]],
) -> None:
    """Store what was sent and why it was refused.

    The sender gets its answer whether or not there is room for this, so a failing database is no
    error here.
    """
    if not refused:
        return
    now = engine.clock.now()
    rejections = [
        Rejection(
            id=engine.make_id.next(now),
            source=source,
            reason=error.message,
            raw=_printable(_plainly(raw)[:MAX_RAW_BYTES]),
        )
        for raw, error in refused
    ]
    with suppress(StorageError):
        await engine.akeep(namespace, rejections)


def _plainly(raw: bytes) -> bytes:
    """JSON as we would write it, so that an id in it is found however its sender escaped it."""
    try:
        return encode_json(decode_json(raw))
    except MalformedJSON:
        return raw


def _printable(raw: bytes) -> str:
    """Text that both databases keep: no NUL, no broken UTF-8."""
    return raw.decode("utf-8", errors="replace").replace("\x00", "\ufffd")


def list_rejections(
    engine: Engine, namespace: int, size: int, cursor: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    """A page of what was refused, newest first, and the cursor of the next.

    Raises
    ------
    InvalidCursor
        The cursor is not one of this list.
    """
    before = None
    if cursor is not None:
        before = parse_id("rej", cursor)
        if before is None:
            raise InvalidCursor()
    with engine.storage.read() as session:
        found = session.rejections.find(namespace, size + 1, before)
    page = found[:size]
    rows = [
        {
            "rejected_id": format_id("rej", rejection.id),
            "rejected_at": format_time(time_of(rejection.id)),
            "source": rejection.source,
            "reason": rejection.reason,
            "raw": rejection.raw,
        }
        for rejection in page
    ]
    return rows, format_id("rej", page[-1].id) if len(found) > size else None
