"""`make bench`: measure Desirepath and the baseline in one run and print how they compare."""

import argparse
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import load, machine, postgres
from benchmarks.bench import FULL, QUICK, Bench
from benchmarks.cases import CASES, NEEDS_DESIREPATH, NEEDS_POSTGRES
from benchmarks.load import LoadFailed
from benchmarks.report import Row, table, write_json
from benchmarks.servers import Pythons, ServerFailed

NEEDED_BYTES = {True: 2 * 10**9, False: 30 * 10**9}
QUICK_NOTICE = "QUICK: small sizes, short runs; not to be held against the targets."
CONDITIONS = (
    f"server, PostgreSQL included, on core {machine.SERVER_CORE}; wrk on core {machine.LOAD_CORE}",
    "rounds alternate between the contestants; medians; p99 is the median of the rounds' p99",
    "ratios are against the baseline of the same run unless the column names something else",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen cases; 0 when every valid target was reached, 1 when not, 2 on failure."""
    options = parse(arguments)
    machine.check()
    load.check()
    with_desirepath = not options.baseline_only
    if with_desirepath:
        check_desirepath(options.desirepath_python)
    names = [name for name in CASES if name in options.only or not options.only]
    if not with_desirepath:
        names = [name for name in names if name not in NEEDS_DESIREPATH]
    with work_folder(options.directory, quick=options.quick) as folder:
        return run(options, names, folder)


def run(options: argparse.Namespace, names: Sequence[str], folder: Path) -> int:
    needs_postgres = not options.baseline_only and not options.no_postgres
    with postgres_if(needs_postgres and bool(NEEDS_POSTGRES & set(names)), folder) as database:
        bench = Bench(
            sizes=QUICK if options.quick else FULL,
            folder=folder,
            key=f"bench_{secrets.token_hex(16)}",
            pythons=Pythons(desirepath=options.desirepath_python, baseline=options.baseline_python),
            with_desirepath=not options.baseline_only,
            postgres=database,
            say=say,
            patience_seconds=options.patience,
        )
        head = describe(bench, options.quick)
        print_head(head)
        rows, failed = run_cases(bench, names)
    print_report(rows, bench.notes, quick=options.quick)
    if options.json:
        write_json(options.json, head | {"notes": bench.notes, "failed": failed}, rows)
    return exit_code(rows, failed)


def run_cases(bench: Bench, names: Sequence[str]) -> tuple[list[Row], dict[str, str]]:
    """Run the cases one after the other; one that fails does not take the others with it."""
    rows: list[Row] = []
    failed: dict[str, str] = {}
    for name in names:
        started = time.monotonic()
        say(f"{name}: {(CASES[name].__doc__ or '').splitlines()[0]}")
        try:
            rows += CASES[name](bench)
        except (ServerFailed, LoadFailed, subprocess.TimeoutExpired) as error:
            failed[name] = str(error)
            say(f"  {name} FAILED: {error}")
        say(f"  {name} took {time.monotonic() - started:.0f} s")
    return rows, failed


def exit_code(rows: Sequence[Row], failed: dict[str, str]) -> int:
    if failed:
        return 2
    return 1 if any(row.reached is False for row in rows) else 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only", action="append", choices=CASES, default=[], metavar="NAME",
        help=f"run this case only; may be repeated: {', '.join(CASES)}",
    )  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="small sizes, to try the harness")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write everything measured")
    parser.add_argument(
        "--directory", type=Path, default=Path(tempfile.gettempdir()),
        help="where the databases are made; must be on a real disk (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--patience", type=float, default=600, metavar="SECONDS",
        help="how long to wait, in all, while others use the machine (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--no-postgres", action="store_true", help="leave PostgreSQL out")
    parser.add_argument(
        "--baseline-only", action="store_true", help="measure the baseline without the product"
    )
    parser.add_argument(
        "--desirepath-python", default=sys.executable, metavar="PATH",
        help="the interpreter that has the product (default: this one)",
    )  # fmt: skip
    parser.add_argument(
        "--baseline-python", default=sys.executable, metavar="PATH",
        help="the interpreter that has FastAPI and SQLAlchemy (default: this one)",
    )  # fmt: skip
    return parser.parse_args(arguments)


def check_desirepath(python: str) -> None:
    command = [python, "-c", "import desirepath"]
    process = subprocess.run(command, capture_output=True, check=False, timeout=60)
    if process.returncode != 0:
        sys.exit(f"{python} cannot import desirepath; see --desirepath-python, --baseline-only.")


@contextmanager
def work_folder(parent: Path, *, quick: bool) -> Iterator[Path]:
    """Make a folder for the databases and remove it at the end."""
    if machine.is_in_memory(parent):
        sys.exit(f"{parent} is in memory, where nothing is durable: name a disk by --directory.")
    if shutil.disk_usage(parent).free < NEEDED_BYTES[quick]:
        sys.exit(f"{parent} has less than {NEEDED_BYTES[quick] / 1e9:.0f} GB free.")
    with tempfile.TemporaryDirectory(prefix="desirepath-bench-", dir=parent) as folder:
        yield Path(folder)


@contextmanager
def postgres_if(wanted: bool, folder: Path) -> Iterator[postgres.Postgres | None]:
    if not wanted:
        yield None
        return
    with postgres.running(folder) as database:
        yield database


def describe(bench: Bench, quick: bool) -> dict[str, object]:
    head: dict[str, object] = {
        "taken": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": quick,
        "machine": machine.facts(),
        "conditions": CONDITIONS,
        "sizes": asdict(bench.sizes),
    }
    if bench.postgres is not None:
        head["postgresql"] = bench.postgres.describe()
    return head


def print_head(head: dict[str, object]) -> None:
    if head["quick"]:
        say(QUICK_NOTICE)
    for name, value in head.items():
        if isinstance(value, dict):
            say(f"{name}: " + ", ".join(f"{key} {text}" for key, text in value.items()))
        elif isinstance(value, tuple):
            say(f"{name}: " + "; ".join(value))
        else:
            say(f"{name}: {value}")


def print_report(rows: Sequence[Row], notes: Sequence[str], *, quick: bool) -> None:
    print(f"\n{table(rows)}")
    for note in notes:
        print(f"note: {note}")
    if quick:
        print(QUICK_NOTICE)


def say(text: str) -> None:
    print(text, flush=True)
