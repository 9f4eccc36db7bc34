"""Texts that somebody sent, made safe to draw."""

from __future__ import annotations

import unicodedata

__all__ = ["drawable"]

_UNKNOWN = ("Cc", "Cn", "Cs")  # controls, what is no character, halves of surrogate pairs
_TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def drawable(text: str) -> str:
    """A text without what cannot be drawn, or would turn the writing round.

    The writer of files ends the whole process at a control character: it may not stand in XML.

    >>> drawable("red\\x1b[0m shoes\\n")
    'red·[0m shoes\\n'
    """
    return "".join(_letter(letter) for letter in text)


def _letter(letter: str) -> str:
    if letter == "\n":
        return letter
    return "·" if letter in _TURNING or unicodedata.category(letter) in _UNKNOWN else letter
