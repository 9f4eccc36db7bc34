"""How filters look at text: folding, words, stems and patterns."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

import re2  # type: ignore[import-untyped, unused-ignore]
from snowballstemmer.english_stemmer import (  # type: ignore[import-untyped, unused-ignore]
    EnglishStemmer,
)

__all__ = ["MAX_PATTERN_LENGTH", "compile_pattern", "fold", "split_words", "stem"]

MAX_PATTERN_LENGTH = 1_000
# RE2 needs at most about 1 ns per byte of text and instruction (measured: 3.4 s for 512 KiB and
# 7,244 instructions, with the GIL released), so this bounds a 1 MiB text to some 4 s.
MAX_PATTERN_INSTRUCTIONS = 4_000
_PATTERN_MEMORY_BYTES = 1 << 20  # re2 caches 128 patterns, each may hold this much

_LONGEST_STEMMED = 64  # the stemmer is slow on walls of letters, which have no stem anyway
_CAPITALS = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_CLOSING_QUOTE = "\N{RIGHT SINGLE QUOTATION MARK}"
_ASCII_WORD = re.compile(r"[A-Za-z0-9_]+(?:'[A-Za-z0-9_]+)*")
# Python's \w leaves out combining marks and would cut Hindi words, and a decomposed é, in pieces.
_ANY_WORD = re2.compile(rb"[\p{L}\p{M}\p{N}_]+(?:'[\p{L}\p{M}\p{N}_]+)*")


def fold(text: str) -> str:
    """Lower the ASCII capitals only, which every database does alike.

    >>> fold("Café ÉTÉ")
    'café ÉtÉ'
    """
    return text.lower() if text.isascii() else text.translate(_CAPITALS)


def split_words(text: str) -> list[str]:
    """The words of a text, in order.

    A word is a run of letters, marks, digits and underscores, with apostrophes inside it: the
    core of Unicode's word rules (UAX 29). Scripts that do not divide words give one run.

    >>> split_words("Isn't it? v2.0 (beta)")
    ["Isn't", 'it', 'v2', '0', 'beta']
    """
    text = text.replace(_CLOSING_QUOTE, "'")
    if text.isascii():  # the same words, some twenty times as fast
        return _ASCII_WORD.findall(text)
    return [word.decode() for word in _ANY_WORD.findall(text.encode(errors="replace"))]


@lru_cache(maxsize=8192)
def _stem(word: str) -> str:
    # A stemmer holds the word it works on, so threads cannot share one; a new one costs 0.2 us.
    stemmed: str = EnglishStemmer().stemWord(word)
    return stemmed


def stem(word: str) -> str:
    """The English stem of a folded word; it always begins with the same character.

    References
    ----------
    Snowball's English stemmer ("Porter 2"), https://snowballstem.org/algorithms/english/stemmer.html

    Examples
    --------
    >>> stem("studies"), stem("studying"), stem("dog's")
    ('studi', 'studi', 'dog')
    """
    return word if len(word) > _LONGEST_STEMMED else _stem(word)


def compile_pattern(pattern: str, case_sensitive: bool) -> Callable[[str], bool]:
    """Turn an RE2 pattern into a test for a match anywhere in a text.

    RE2 takes time linear in the text for every pattern, which Python's own engine does not.

    Raises
    ------
    ValueError
        RE2 cannot use the pattern, or it is too large; the message does not contain it.

    Examples
    --------
    >>> compile_pattern("^buy|sale$", False)("Summer SALE")
    True
    """
    if len(pattern) > MAX_PATTERN_LENGTH:
        raise ValueError(f"A pattern has at most {MAX_PATTERN_LENGTH:,} characters.")
    options = re2.Options()
    options.max_mem = _PATTERN_MEMORY_BYTES
    options.log_errors = False  # it would write the pattern to stderr
    options.case_sensitive = case_sensitive
    options.never_capture = True
    try:
        compiled = re2.compile(pattern.encode(), options)
    except re2.error:
        raise ValueError(
            "Not a pattern that RE2 can use; it knows no look-around and no back-references."
        ) from None
    if compiled.programsize > MAX_PATTERN_INSTRUCTIONS:
        raise ValueError("The pattern is too complex; repeat less.")

    def found(text: str) -> bool:
        return compiled.search(text.encode(errors="replace")) is not None

    return found
