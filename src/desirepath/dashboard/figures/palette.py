"""The colours of the pages, for charts."""

from __future__ import annotations

from msgspec import Struct

__all__ = ["DARK", "LIGHT", "Palette"]


class Palette(Struct, frozen=True, kw_only=True):
    """Colours by what they mean; the names are those of the pages' style sheet."""

    surface: str
    ink: str
    muted: str
    line: str
    good: str
    shown: str
    bad: str
    query: str
    whisker: str


LIGHT = Palette(
    surface="#ffffff",
    ink="#1d1c19",
    muted="#68655c",
    line="#e5e2d9",
    good="#0c7a5e",
    shown="#bcd9cd",
    bad="#b4531b",
    query="#4a62b8",
    whisker="#12352b",
)
DARK = Palette(
    surface="#1b1e1c",
    ink="#eceae4",
    muted="#a09f96",
    line="#2e3330",
    good="#35b48c",
    shown="#2f5145",
    bad="#e08a4c",
    query="#8b9fe8",
    whisker="#d8efe6",
)
