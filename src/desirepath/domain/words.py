"""The words that a text is found by, the same whichever database finds it."""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import cache

__all__ = ["has_words", "search_words"]

_ASCII_WORD = re.compile("[a-z0-9]+")
# The marks that make é of e. Others are vowels and belong to their word.
_DIACRITICS = dict.fromkeys(range(0x0300, 0x0370))


def search_words(text: str) -> list[str]:
    """Folded words of a text, in order: runs of letters, marks and digits.

    Case and diacritics are folded away. Scripts that do not divide words give one run. FTS5's
    ``unicode61`` tokenizer divides likewise, but also at marks that are no diacritics.

    Examples
    --------
    >>> search_words("Café-Crème, don't_stop 4K")
    ['cafe', 'creme', 'don', 't', 'stop', '4k']
    """
    text = _fold(text)
    if text.isascii():
        return _ASCII_WORD.findall(text)
    return _any_word().findall(text.replace("_", " "))


def has_words(text: str) -> bool:
    """Whether there is anything to find a text by."""
    return any(map(str.isalnum, text))


def _fold(text: str) -> str:
    if not text.isascii():
        bare = unicodedata.normalize("NFD", text).translate(_DIACRITICS)
        text = unicodedata.normalize("NFC", bare)
    return text.lower()


@cache
def _any_word() -> re.Pattern[str]:
    """Python's ``\\w`` leaves out marks, and would cut Hindi words in pieces."""
    every = map(chr, range(sys.maxunicode + 1))
    marks = "".join(letter for letter in every if unicodedata.category(letter)[0] == "M")
    return re.compile(f"[\\w{marks}]+")
