"""Markdown pages of the project: their headings, tables, links and code blocks."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
DOCS = REPOSITORY / "docs"

_FENCE = re.compile(r"^(?P<indent> *)```(?P<words>.*)$")
_HEADING = re.compile(r"^(#{1,6}) (.+)$")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CELL_END = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the words after it, and where it begins."""

    line: int
    language: str
    tags: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Page:
    """One page."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(REPOSITORY).as_posix()

    @cached_property
    def text(self) -> str:
        return self.path.read_text()

    @cached_property
    def blocks(self) -> list[Block]:
        return [part for part in self._parts if isinstance(part, Block)]

    @cached_property
    def prose(self) -> list[str]:
        """Lines outside of code blocks."""
        return [part for part in self._parts if isinstance(part, str)]

    @cached_property
    def _parts(self) -> list[str | Block]:
        parts: list[str | Block] = []
        lines = enumerate(self.text.splitlines(), 1)
        for number, line in lines:
            fence = _FENCE.match(line)
            if fence is None:
                parts.append(line)
                continue
            end = f"{fence['indent']}```"
            inside = []
            for _, text in lines:
                if text == end:
                    break
                inside.append(text.removeprefix(fence["indent"]))
            else:
                raise ValueError(f"{self.name}:{number}: the block has no end")
            language, *tags = fence["words"].split() or [""]
            parts.append(Block(number, language, tuple(tags), "\n".join(inside) + "\n"))
        return parts

    @property
    def headings(self) -> list[str]:
        return [match[2] for line in self.prose if (match := _HEADING.match(line))]

    @cached_property
    def anchors(self) -> set[str]:
        """What a link may name after ``#``, as code hosts make it of headings."""
        anchors: set[str] = set()
        for heading in self.headings:
            anchor = base = _slug(heading)
            count = 0
            while anchor in anchors:
                count += 1
                anchor = f"{base}-{count}"
            anchors.add(anchor)
        return anchors

    @property
    def links(self) -> Iterator[str]:
        for line in self.prose:
            yield from _LINK.findall(re.sub(r"`[^`]*`", "", line))

    def section(self, heading: str) -> list[str]:
        """Lines under a heading, up to the next one of its level or above."""
        lines: list[str] = []
        level = 0
        for line in self.prose:
            match = _HEADING.match(line)
            if match and level and len(match[1]) <= level:
                break
            if level:
                lines.append(line)
            elif match and match[2] == heading:
                level = len(match[1])
        if not level:
            raise LookupError(f"{self.name} has no heading {heading!r}")
        return lines


def rows(lines: list[str], title: str | None = None) -> list[list[str]]:
    """Cells of all table rows, or of the tables whose first title is this one."""
    found: list[list[str]] = []
    table: list[list[str]] = []
    for line in [*lines, ""]:
        if line.startswith("|"):
            cells = [cell.strip().replace(r"\|", "|") for cell in _CELL_END.split(line)[1:-1]]
            table.append(cells)
        elif table:
            if title is None or table[0][0] == title:
                found += table[2:]
            table = []
    return found


def code(cell: str) -> str:
    """The text of a cell that is one piece of code.

    >>> code("`a`")
    'a'
    """
    assert cell.startswith("`"), f"{cell} is not set as code"
    assert cell.endswith("`"), f"{cell} is not set as code"
    return cell[1:-1]


def _slug(heading: str) -> str:
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def reference(name: str) -> Page:
    """A page of the reference."""
    return Page(DOCS / "reference" / f"{name}.md")


def project_files() -> list[Path]:
    """Every file that is, or would be, part of the project; it must be a checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    paths = (REPOSITORY / name for name in listed.split("\0") if name)
    return sorted(path for path in paths if path.is_file())


def all_pages() -> list[Page]:
    """Every page, at the root and under docs."""
    paths = [*REPOSITORY.glob("*.md"), *DOCS.rglob("*.md")]
    return [Page(path) for path in sorted(paths)]
