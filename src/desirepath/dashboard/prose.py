"""Descriptions in the little markup that docstrings have: paragraphs, lists and `code`."""

from __future__ import annotations

import re

from msgspec import Struct

__all__ = ["Block", "Span", "read_prose"]

_CODE = re.compile(r"``([^`]+)``|`([^`]+)`")
_ITEM = re.compile(r"[-*] +")


class Span(Struct, frozen=True):
    """Some text, which may be code."""

    text: str
    code: bool = False


class Block(Struct, frozen=True):
    """A paragraph (one line of spans), or a list (a line for each item)."""

    lines: tuple[tuple[Span, ...], ...]
    listed: bool = False


def read_prose(text: str) -> tuple[Block, ...]:
    """Read a description.

    >>> [block.listed for block in read_prose("One `thing`.\\n\\n- a\\n- b\\n  and more")]
    [False, True]
    """
    return tuple(_block(part) for part in re.split(r"\n\s*\n", text.strip()) if part.strip())


def _block(part: str) -> Block:
    lines = [line.strip() for line in part.strip().splitlines()]
    if not _ITEM.match(lines[0]):
        return Block((_spans(" ".join(lines)),))
    items: list[str] = []
    for line in lines:
        mark = _ITEM.match(line)
        if mark:
            items.append(line[mark.end() :])
        else:
            items[-1] += f" {line}"
    return Block(tuple(_spans(item) for item in items), listed=True)


def _spans(line: str) -> tuple[Span, ...]:
    spans: list[Span] = []
    end = 0
    for match in _CODE.finditer(line):
        spans.append(Span(line[end : match.start()]))
        spans.append(Span(match.group(1) or match.group(2), code=True))
        end = match.end()
    spans.append(Span(line[end:]))
    return tuple(span for span in spans if span.text)
