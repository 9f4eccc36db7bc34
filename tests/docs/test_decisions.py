"""Decisions are numbered, short, and say context, decision and consequences."""

import re

import pytest

from tests.docs.pages import DOCS, Page

DECISIONS = [Page(path) for path in sorted((DOCS / "decisions").glob("[0-9]*.md"))]


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [int(page.path.name[:4]) for page in DECISIONS]
    assert numbers == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.path.stem)
def test_a_decision_is_short_and_whole(page: Page) -> None:
    title, *headings = page.headings
    assert title.startswith(f"{int(page.path.name[:4])}. ")
    assert headings == ["Context", "Decision", "Consequences"]
    assert len(page.text.splitlines()) < 40


def test_the_list_names_each_decision_by_its_title() -> None:
    listed = re.findall(
        r"^\d+\. \[(.+)\]\((.+)\)$", (DOCS / "decisions/index.md").read_text(), re.M
    )
    assert listed == [(page.headings[0].partition(". ")[2], page.path.name) for page in DECISIONS]
