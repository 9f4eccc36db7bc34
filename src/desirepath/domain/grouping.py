"""What rows of an answer are told apart by."""

from __future__ import annotations

from msgspec import Struct

from desirepath.domain.clock import MICROSECONDS, format_time
from desirepath.errors import InvalidQuery

__all__ = ["DAY", "GROUPINGS", "HOUR", "Grouping", "group_name", "read_grouping"]

HOUR = 3600 * MICROSECONDS
DAY = 24 * HOUR
GROUPINGS = ("retriever_id", "version", "configuration", "query", "day", "hour")
_METADATA = "metadata."


class Grouping(Struct, frozen=True, kw_only=True):
    """A column of searches, a length of time, or a dot path into their metadata."""

    by: str
    path: str | None = None


def read_grouping(text: str | None, without: tuple[str, ...] = ()) -> Grouping | None:
    """What a caller names.

    Parameters
    ----------
    without
        Those of :data:`GROUPINGS` that make no sense of this question.

    Raises
    ------
    InvalidQuery
        It is none of them, and no ``metadata.PATH``.

    Examples
    --------
    >>> read_grouping("metadata.device.kind")
    Grouping(by='metadata', path='device.kind')
    """
    if text is None:
        return None
    path = text.removeprefix(_METADATA)
    if path != text and all(path.split(".")):
        return Grouping(by="metadata", path=path)
    known = [name for name in GROUPINGS if name not in without]
    if text not in known:
        raise InvalidQuery(f"group_by is one of {', '.join(known)}, or metadata.PATH.")
    return Grouping(by=text)


def group_name(group: str, grouping: Grouping | None) -> str | None:
    """How a group is shown: None where searches lack it, times in ISO 8601.

    >>> group_name("1", Grouping(by="day"))
    '1970-01-02'
    """
    if grouping is None or not group:
        return None
    if grouping.by == "day":
        return format_time(int(group) * DAY)[:10]
    if grouping.by == "hour":
        return format_time(int(group) * HOUR)
    return group
