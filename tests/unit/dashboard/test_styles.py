"""The style sheet: readable in the light and in the dark, and nothing from elsewhere."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

SHEET = files("desirepath.dashboard").joinpath("static/desirepath.css").read_text()
THEMES = re.findall(r":root \{(.*?)\n\s*\}", SHEET, flags=re.DOTALL)
LIGHT, DARK = (dict(re.findall(r"--([\w-]+): (#\w{6});", theme)) for theme in THEMES)
PAIRS = [
    ("ink", "ground"),
    ("ink", "surface"),
    ("ink", "raised"),
    ("muted", "ground"),
    ("muted", "surface"),
    ("muted", "raised"),
    ("good-ink", "good-soft"),
    ("good-ink", "surface"),
    ("bad-ink", "bad-soft"),
    ("bad-ink", "surface"),
    ("query-ink", "query-soft"),
]


def luminance(color: str) -> float:
    channels = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """By WCAG 2.2."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "back"), PAIRS)
def test_text_can_be_read(theme: dict[str, str], front: str, back: str) -> None:
    assert contrast(theme[front], theme[back]) >= 4.5


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("bar", ["good", "bad", "query"])
def test_bars_can_be_seen(theme: dict[str, str], bar: str) -> None:
    assert contrast(theme[bar], theme["surface"]) >= 3


def test_both_themes_have_the_same_colours() -> None:
    assert set(LIGHT) == set(DARK)


def test_nothing_comes_from_elsewhere() -> None:
    assert "url(" not in SHEET
    assert "@import" not in SHEET
