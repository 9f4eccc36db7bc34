"""Every example runs and prints what the page says."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

import desirepath
from tests.docs.pages import REPOSITORY, Page, all_pages
from tests.docs.running import (
    ADDRESS,
    Commands,
    Runner,
    agrees,
    environment,
    fits,
    live_server,
    make_shim,
)


def _examples(page: Page) -> list[str]:
    return [
        block.text
        for block in page.blocks
        if "run" in block.tags or (block.language == "python" and "skip" not in block.tags)
    ]


PAGES = [page for page in all_pages() if _examples(page)]


@pytest.fixture(scope="module")
def commands() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="dp-") as folder:  # short: so is the path of a socket
        path = Path(folder) / "commands"
        commands = Commands(path)
        yield path
        commands.close()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_run(
    page: Page, commands: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in environment(make_shim(tmp_path), commands).items():
        monkeypatch.setenv(name, value)
    desirepath.open().close()
    online = any(ADDRESS in text for text in _examples(page))
    with live_server() if online else nullcontext("") as address:
        assert Runner(page, tmp_path, address).run() > 0


def test_the_readme_has_examples() -> None:
    languages = {block.language for block in Page(REPOSITORY / "README.md").blocks}
    assert {"sh", "python"} <= languages
    assert "README.md" in [page.name for page in PAGES]


def test_outputs_are_compared() -> None:
    assert fits("a … c", "a b\nb c")
    assert not fits("a", "a b")
    assert agrees({"id": "int_…", "n": 1, "…": "…"}, {"id": "int_1", "n": 1, "more": None})
    assert not agrees({"n": 1}, {"n": 1, "more": None})
    assert not agrees({"n": 1}, {"n": True})
    assert not agrees({"id": "int_…"}, {"id": None})
