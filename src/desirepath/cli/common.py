"""What commands share: settings from three sources, an open engine, errors in one line."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
from rich.console import Console
from rich.markup import escape

from desirepath.engine.engine import Engine
from desirepath.errors import DesirepathError, InvalidSetting, MissingDependency, NotFound
from desirepath.server import open_engine as open_engine_of
from desirepath.settings import Settings, load_settings
from desirepath.storage.base import Namespace
from desirepath.storage.open import missing_file

__all__ = [
    "console",
    "engine_options",
    "errors",
    "fail",
    "namespace_of",
    "open_engine",
]

F = TypeVar("F", bound=Callable[..., Any])

console = Console()
errors = Console(stderr=True)


def engine_options(command: F) -> F:
    """Add ``--database`` and ``--config``; the command gets ``settings``."""

    @wraps(command)
    def with_settings(database: str | None, config: Path | None, **options: Any) -> Any:
        settings = load_settings({"database": database}, os.environ, config)
        return command(settings=settings, **options)

    with_option = click.option(
        "--database",
        metavar="URL",
        help="sqlite:///path.db or postgresql://user@host/name  [default: sqlite:///desirepath.db]",
    )(with_settings)
    return click.option(  # type: ignore[return-value]
        "--config", type=click.Path(path_type=Path), metavar="FILE", help="Settings file (TOML)."
    )(with_option)


@contextmanager
def open_engine(
    settings: Settings, *, migrate: bool | None = None, create: bool = False
) -> Iterator[Engine]:
    """The engine over the database of the settings, closed at the end.

    Raises
    ------
    InvalidSetting
        The database is a file that is not there, and ``create`` is false: a command that looks for
        something should not answer from an empty database because of a typing error.
    """
    missing = None if create else missing_file(settings.database)
    if missing is not None:
        raise InvalidSetting(
            f"There is no database {missing}. `desirepath serve` makes one; or name another with "
            "--database.",
            ("database",),
        )
    engine = open_engine_of(settings, migrate=migrate)
    try:
        yield engine
    finally:
        engine.close()


def namespace_of(engine: Engine, id_or_name: str) -> Namespace:
    """A namespace.

    Raises
    ------
    NotFound
        There is none of that id or name.
    """
    namespace = engine.directory.namespace(id_or_name)
    if namespace is None:
        raise NotFound("namespace", id_or_name)
    return namespace


def fail(error: DesirepathError) -> NoReturn:
    """End with the error's sentence and exit code 1."""
    message = error.message
    if isinstance(error, NotFound) and error.id:
        message = f"There is no {error.resource} {error.id}."
    if isinstance(error, MissingDependency):  # into the Python that runs this, whichever it is
        python = shlex.quote(sys.executable)
        message = (
            f"This needs {error.package}, which is not installed:\n"
            f"{python} -m pip install 'desirepath[{error.extra}]'"
        )
    errors.print(f"[red]Error:[/red] {escape(message)}", highlight=False, soft_wrap=True)
    sys.exit(1)
