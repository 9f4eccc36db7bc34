"""Descriptions in their little markup."""

from __future__ import annotations

import pytest

from desirepath.dashboard.prose import Block, Span, read_prose


def plain(blocks: tuple[Block, ...]) -> list[list[str]]:
    return [["".join(span.text for span in line) for line in block.lines] for block in blocks]


def test_lines_of_a_paragraph_run_on() -> None:
    assert plain(read_prose("one\n  two\n\n\nthree")) == [["one two"], ["three"]]


@pytest.mark.parametrize("text", ["", "  \n\n "])
def test_nothing_is_no_block(text: str) -> None:
    assert read_prose(text) == ()


def test_code_is_set_apart() -> None:
    (block,) = read_prose("Send `a` or ``b``.")
    assert block.lines == (
        (Span("Send "), Span("a", code=True), Span(" or "), Span("b", code=True), Span(".")),
    )


def test_a_mark_without_its_partner_stays() -> None:
    assert plain(read_prose("a ` b")) == [["a ` b"]]


def test_lists() -> None:
    (block,) = read_prose("- one\n- two\n  and more\n* three")
    assert block.listed
    assert plain((block,)) == [["one", "two and more", "three"]]
