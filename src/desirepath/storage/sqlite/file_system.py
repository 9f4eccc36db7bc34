"""What kind of file system a file is on: some keep SQLite's promises and some do not."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["file_system_of"]

_MOUNTS = Path("/proc/self/mountinfo")
_ESCAPE = re.compile(r"\\(\d{3})")


def file_system_of(path: Path, mounts: Path = _MOUNTS) -> str | None:
    """The kind of file system that a path is on; None where nobody says.

    Parameters
    ----------
    path
        A file or folder.
    mounts
        Linux's table of mounts (proc(5)): the fifth field is where, the one after the hyphen what.
    """
    try:
        lines = mounts.read_text(errors="replace").splitlines()
    except OSError:
        return None
    real = str(path.resolve())
    kind, longest = None, -1
    for line in lines:
        before, _, after = line.partition(" - ")
        where = _ESCAPE.sub(lambda code: chr(int(code[1], 8)), before.split(" ")[4]).rstrip("/")
        if len(where) >= longest and f"{real}/".startswith(f"{where}/"):
            kind, longest = after.partition(" ")[0], len(where)
    return kind
