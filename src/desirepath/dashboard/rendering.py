"""Templates to pages: everything is escaped, and nothing needs a script."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

__all__ = ["render"]

_STYLES = Path(__file__).with_name("static") / "desirepath.css"


def render(template: str, **values: Any) -> str:
    """A page of HTML; what the values hold is text, whatever it looks like."""
    return _environment().get_template(template).render(styles=_styles_address(), **values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("desirepath.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=_number, percent=_percent, span=_span, moment=_moment, iso=_iso
    )
    return environment


@cache
def _styles_address() -> str:
    """Where the style sheet is; another address whenever it is another sheet."""
    digest = hashlib.sha256(_STYLES.read_bytes()).hexdigest()[:10]
    return f"/static/desirepath.css?v={digest}"


def _number(value: int) -> str:
    """
    >>> _number(1234567)
    '1,234,567'
    """
    return f"{value:,}"


def _percent(share: float) -> str:
    """
    >>> _percent(0.1234), _percent(0.0004), _percent(0.99999), _percent(0.0)
    ('12.3%', 'under 0.1%', '99.9%', '0%')
    """
    if share in (0, 1):
        return f"{share:.0%}"
    if share < 0.001:
        return "under 0.1%"
    return f"{min(share, 0.999):.1%}"


def _moment(moment: datetime, now: datetime) -> str:
    """
    >>> _moment(datetime(2026, 3, 1, 12), datetime(2026, 4, 1))
    '1 Mar 12:00:00'
    >>> _moment(datetime(2026, 3, 1, 12), datetime(2027, 4, 1))
    '1 Mar 2026 12:00'
    """
    if moment.year != now.year:
        return f"{moment.day} {moment:%b %Y %H:%M}"
    return f"{moment.day} {moment:%b %H:%M:%S}"


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _span(moments: Sequence[datetime]) -> str:
    """
    >>> _span([datetime(2026, 1, 2), datetime(2026, 3, 1)])
    '2 Jan – 1 Mar 2026'
    """
    first, last = moments
    end = f"{last.day} {last:%b %Y}"
    if first.date() == last.date():
        return f"{end}, {first:%H:%M} – {last:%H:%M}"
    start = f"{first.day} {first:%b}" + (f" {first.year}" if first.year != last.year else "")
    return f"{start} – {end}"
