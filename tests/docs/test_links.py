"""Links lead somewhere, and every page can be reached."""

from urllib.parse import unquote

import pytest

from tests.docs.pages import DOCS, REPOSITORY, Page, all_pages

PAGES = all_pages()


def _target(page: Page, link: str) -> tuple[Page, str]:
    """The page that an internal link leads to, and the place on it."""
    path, _, anchor = unquote(link).partition("#")
    return Page((page.path.parent / path).resolve() if path else page.path), anchor


def _internal(page: Page) -> list[str]:
    return [link for link in page.links if "://" not in link and not link.startswith("mailto:")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_internal_links_lead_somewhere(page: Page) -> None:
    broken = []
    for link in _internal(page):
        target, anchor = _target(page, link)
        inside = target.path.is_relative_to(REPOSITORY)
        if not inside or not target.path.exists() or (anchor and anchor not in target.anchors):
            broken.append(link)
    assert broken == []


def test_every_page_can_be_reached_from_the_index() -> None:
    unread, reached = [Page(DOCS / "index.md")], {DOCS / "index.md"}
    while unread:
        page = unread.pop()
        for link in _internal(page):
            target, _ = _target(page, link)
            if target.path.suffix == ".md" and target.path not in reached:
                reached.add(target.path)
                unread.append(target)
    assert {page.path for page in PAGES} - reached == set()


def test_the_readme_leads_to_the_index() -> None:
    assert any(link.startswith("docs/index.md") for link in Page(REPOSITORY / "README.md").links)
