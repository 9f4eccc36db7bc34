"""Cells that a spreadsheet would run as formulas, made harmless and back."""

from __future__ import annotations

import re

__all__ = ["guard", "unguard"]

_DANGEROUS = re.compile(r"'*[=+\-@\t\r\n]")


def guard(text: str) -> str:
    """A text that no spreadsheet takes for a formula: an apostrophe goes before what could be one.

    A text that already looks guarded gets another apostrophe, so that :func:`unguard` gives every
    text back.

    >>> guard("=1+1"), guard("'=1+1"), guard("plain")
    ("'=1+1", "''=1+1", 'plain')
    """
    return f"'{text}" if _DANGEROUS.match(text) else text


def unguard(text: str) -> str:
    """The text that was guarded.

    >>> unguard("'=1+1"), unguard("'tis")
    ('=1+1', "'tis")
    """
    return text[1:] if text.startswith("'") and _DANGEROUS.match(text) else text
