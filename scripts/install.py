#!/usr/bin/env python3
"""Bring .venv up to date with a lock file: ``install.py runtime | analysis | train | bench | dev``.

Does nothing, quickly, when the lock is installed already. An install that was cut short
is thrown away and made anew. Runs on any Python 3.6 or later, so that an interpreter
that is too old for the product can still say so.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

OLDEST = (3, 11)
NEWEST = (3, 14)  # the newest for which every locked package has wheels
ROOT = Path(__file__).resolve().parent.parent
PROJECT = ROOT / "pyproject.toml"
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
INSTALLED = VENV / "installed"  # copies of the files that were installed, as they were then
LOCATION = INSTALLED / "location"  # where .venv was made: it cannot be moved
UNFINISHED = INSTALLED / "unfinished"  # there while an install runs
# A set, and the sets within it; `make lock` gives them the same versions.
SET_TO_SETS = {
    "runtime": ["runtime"],
    "analysis": ["analysis", "runtime"],
    "train": ["train", "analysis", "runtime"],
    "bench": ["bench", "runtime"],
    "dev": ["dev", "bench", "train", "analysis", "runtime"],
}


def lock_file(name: str) -> Path:
    return ROOT / "requirements" / f"{name}.txt"


def find_python() -> str:
    """Give the interpreter to build on: this one if it will do, else one that is on the PATH."""
    this = sys.version_info[:2]
    # In an activated .venv the one beneath it: what is replaced cannot do the replacing.
    own = getattr(sys, "_base_executable", None) or sys.executable
    if OLDEST <= this <= NEWEST:
        return own
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        python = shutil.which(f"python3.{minor}")
        if python and subprocess.call([python, "-c", "import ensurepip, venv"]) == 0:
            return python
    if this > NEWEST:
        print(f"Not every package comes ready-built for Python {this[0]}.{this[1]}; trying.")
        return own
    sys.exit(
        f"Desirepath needs Python {OLDEST[0]}.{OLDEST[1]} or newer. {own} is"
        f" {this[0]}.{this[1]}, and no newer one is on the PATH.\n"
        "Install one, or name it: make PYTHON=/path/to/python3 ..."
    )


def create_venv(python: str) -> None:
    """Make an empty .venv in place of whatever is there."""
    if VENV.exists():
        shutil.rmtree(str(VENV))
    if subprocess.call([python, "-m", "venv", str(VENV)]):
        shutil.rmtree(str(VENV), ignore_errors=True)
        sys.exit(
            f"{python} cannot make a virtual environment.\n"
            "On Debian or Ubuntu this helps, as root: apt-get install python3-venv"
        )
    INSTALLED.mkdir()
    LOCATION.write_text(str(ROOT))


def is_sound() -> bool:
    """Tell whether .venv is whole, made here, and its Python still there."""
    return (
        VENV_PYTHON.exists()
        and not UNFINISHED.exists()
        and LOCATION.exists()
        and LOCATION.read_text() == str(ROOT)
    )


def is_installed(path: Path) -> bool:
    """Tell whether a lock file, or pyproject.toml, is installed as it is now."""
    copy = INSTALLED / path.name
    return copy.exists() and copy.read_bytes() == path.read_bytes()


def pip_install(*arguments: object) -> None:
    """Run pip in .venv, or stop if it fails."""
    command = [str(VENV_PYTHON), "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
    command += map(str, arguments)
    environment = dict(os.environ, PIP_USER="0", PIP_DISABLE_PIP_VERSION_CHECK="1")
    if subprocess.call(command, env=environment, cwd=str(ROOT)):
        sys.exit("The install failed; the next one starts afresh.")


def compile_all() -> None:
    """Compile what was installed, on every core: where Python may not write what it compiles, or
    another user starts it, each start would compile it anew.
    """
    command = [str(VENV_PYTHON), "-m", "compileall", "-q", "-j", "0", str(VENV), str(ROOT / "src")]
    subprocess.call(command, stdout=subprocess.DEVNULL)  # some files of packages are no Python


def size_in_mb(folder: Path) -> float:
    return sum(path.lstat().st_size for path in folder.rglob("*")) / 1e6


def install(name: str) -> None:
    """Install a set and the package itself, whatever of them is not there yet."""
    sound = is_sound()
    if sound and is_installed(lock_file(name)) and is_installed(PROJECT):
        return
    started = time.monotonic()
    print(f"Installing the {name} set into .venv ...", flush=True)
    if not sound:
        create_venv(find_python())
    UNFINISHED.touch()
    if not is_installed(lock_file(name)):
        pip_install("--require-hashes", "--requirement", lock_file(name))
    pip_install("--no-build-isolation", "--editable", ROOT)
    for path in [PROJECT, *map(lock_file, SET_TO_SETS[name])]:
        shutil.copyfile(str(path), str(INSTALLED / path.name))
    compile_all()
    UNFINISHED.unlink()
    seconds = time.monotonic() - started
    print(
        f"Installed the {name} set in {seconds:.0f} s; .venv takes {size_in_mb(VENV):.0f} MB.",
        flush=True,
    )


def main() -> None:
    """Install the set named on the command line, one process at a time."""
    if len(sys.argv) != 2 or sys.argv[1] not in SET_TO_SETS:
        sys.exit(f"usage: install.py {' | '.join(SET_TO_SETS)}")
    try:
        import fcntl

        fcntl.flock(os.open(str(ROOT), os.O_RDONLY), fcntl.LOCK_EX)
    except (ImportError, OSError):
        pass  # no such locks here: two installs at once are the user's to avoid
    try:
        install(sys.argv[1])
    except KeyboardInterrupt:
        sys.exit("Interrupted; the next install starts afresh.")


if __name__ == "__main__":
    main()
