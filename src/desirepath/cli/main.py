"""``desirepath``: one command a file."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import Any

import click

from desirepath import __version__
from desirepath.cli.common import fail
from desirepath.cli.lazy import LazyGroup
from desirepath.errors import DesirepathError

__all__ = ["main"]

_COMMANDS = {
    "serve": "serve:serve_command",
    "keys": "keys:keys",
    "namespaces": "namespaces:namespaces",
    "import": "import_:import_command",
    "export": "export:export_command",
    "report": "report:report_command",
    "judgments": "judgments:judgments",
    "position-bias": "position_bias:position_bias_command",
    "queries": "queries:queries",
    "sessions": "sessions:sessions",
    "pairs": "pairs:pairs_command",
    "validate": "validate:validate_command",
    "autofeature": "autofeature:autofeature_command",
    "train": "train:train",
    "evaluate": "evaluate:evaluate_command",
    "gate": "gate:gate",
    "benchmark": "benchmark:benchmark_command",
    "benchmarks": "benchmarks:benchmarks",
    "what-if": "what_if:what_if_command",
    "recommend": "recommend:recommend",
    "models": "models:models",
    "experiment": "experiment:experiment",
    "tasks": "tasks:tasks",
    "worker": "worker:worker_command",
    "migrate": "migrate:migrate_command",
    "backup": "backup:backup_command",
    "erase": "erase:erase_command",
    "rebuild": "rebuild:rebuild_command",
    "doctor": "doctor:doctor_command",
    "simulate": "simulate:simulate_command",
    "demo": "demo:demo_command",
}


class _Commands(LazyGroup):
    """Says in one line what went wrong."""

    targets = _COMMANDS

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except DesirepathError as error:
            fail(error)
        except BrokenPipeError:  # whoever read our output has enough: click ends quietly
            raise
        except OSError as error:
            where = f" {error.filename}" if error.filename else ""
            fail(DesirepathError(f"The system refused{where}: {error.strerror or error}."))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="desirepath")
def main() -> None:
    """Relevance feedback for search: record what people do with results, and learn from it.

    Start with `desirepath serve`, or see `desirepath demo`. Commands that use a database take
    --database, or the variable DESIREPATH_DATABASE; the default is ./desirepath.db.

    Exit codes: 0 done, 1 could not be done (the message says why), 2 wrong usage, 3 done, but some
    rows were rejected, 4 done, and doctor found something to mend.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal may lack the letters of bars and tables
            stream.reconfigure(errors="replace")
