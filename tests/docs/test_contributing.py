"""The recipes name files that exist."""

import re

from tests.docs.pages import REPOSITORY, Page

PAGE = Page(REPOSITORY / "CONTRIBUTING.md")
RECIPES = {
    "endpoint",
    "setting",
    "command",
    "import format",
    "storage back end",
    "migration",
    "interaction type",
    "error",
    "metric",
    "fusion",
    "learning policy",
    "stage",
    "click model",
    "kind of model",
}
_ROOTS = ("", "src/desirepath/", "src/desirepath/engine/importing/")
_PLACEHOLDER = re.compile(r"NAME|NNNN")


def _paths() -> list[str]:
    named = re.findall(r"`([\w/.]+(?:/|\.py|\.md))`", "\n".join(PAGE.prose))
    named += re.findall(r"`((?:tests|docs|src)/[\w/]+)`", "\n".join(PAGE.prose))
    return [path for path in named if not _PLACEHOLDER.search(path)]


def test_there_is_a_numbered_recipe_for_each_part() -> None:
    titles = [match for h in PAGE.headings if (match := re.match(r"(\d+)\. Add an? (.+)", h))]
    assert [int(title[1]) for title in titles] == list(range(1, len(titles) + 1))
    assert {title[2] for title in titles} == RECIPES


def test_each_recipe_names_its_suite_its_page_and_its_line_in_the_changelog() -> None:
    for heading in PAGE.headings:
        if re.match(r"\d", heading):
            recipe = " ".join(PAGE.section(heading))
            assert "Suite: " in recipe, heading
            assert "Docs: " in recipe, heading
            assert "Changelog: " in recipe, heading


def test_paths_exist() -> None:
    paths = _paths()
    assert len(paths) > 20
    missing = [
        path for path in paths if not any((REPOSITORY / root / path).exists() for root in _ROOTS)
    ]
    assert missing == []
