"""What all commands that ask the log have in common: which part of it, and who works it out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct
from msgspec.structs import replace

from desirepath.api.analytics import ScopeQuery, read_scope
from desirepath.cli.common import namespace_of, open_engine
from desirepath.cli.progress import rows_progress
from desirepath.domain.scope import Scope
from desirepath.engine.engine import Engine
from desirepath.errors import MissingDependency, NotFound
from desirepath.settings import Settings

if TYPE_CHECKING:
    from desirepath.engine.analysing.part import Part

__all__ = ["Question", "asked", "asked_of", "question_options", "scope_of"]


class Question(Struct, frozen=True, kw_only=True):
    """What is asked of which namespace, and what works it out."""

    namespace: str
    scope: Scope
    on: str


_OPTIONS = (
    click.option("--namespace", default="default", metavar="NAME", help="Id or name."),
    click.option("--retriever", metavar="ID", help="Searches of one retriever, by id or name."),
    click.option("--since", metavar="TIME", help="Searches from here on, ISO 8601 (UTC)."),
    click.option("--before", metavar="TIME", help="Searches before this."),
    click.option("--configuration", metavar="LABEL", help="Searches logged with this label."),
    click.option("--version", type=int, help="Searches of this version of the retriever."),
    click.option(
        "--metadata",
        metavar="PATH:VALUE,…",
        help="Searches whose metadata says this, such as device:phone.",
    ),
    click.option(
        "--exclude-flagged/--include-flagged",
        default=True,
        show_default=True,
        help="Leave out identities that look like robots.",
    ),
    click.option(
        "--engine",
        "on",
        default="duckdb",
        metavar="NAME",
        show_default=True,
        help="duckdb, spark (on this machine), or the URL of a Spark master.",
    ),
)


def question_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say what is asked; it takes them as ``question``."""

    @wraps(command)
    def with_question(
        *arguments: Any,
        namespace: str,
        retriever: str | None,
        since: str | None,
        before: str | None,
        configuration: str | None,
        version: int | None,
        metadata: str | None,
        exclude_flagged: bool,
        on: str,
        **options: Any,
    ) -> Any:
        query = ScopeQuery(
            retriever_id=retriever,
            start_date=since,
            end_date=before,
            configuration=configuration,
            version=version,
            metadata=metadata,
            exclude_flagged=exclude_flagged,
        )
        question = Question(namespace=namespace, scope=read_scope(query), on=on)
        return command(*arguments, question=question, **options)

    for option in reversed(_OPTIONS):
        with_question = option(with_question)
    return with_question


@contextmanager
def asked(settings: Settings, question: Question) -> Iterator[Part]:
    """The part of the log that a question is about, with a bar while it is copied.

    Raises
    ------
    MissingDependency
        The extra ``analysis``, or ``spark``, is not installed.
    NotFound
        There is no such namespace or retriever.
    """
    with open_engine(settings) as engine, asked_of(engine, question) as part:
        yield part


@contextmanager
def asked_of(engine: Engine, question: Question) -> Iterator[Part]:
    """:func:`asked`, of an engine that is open."""
    try:
        from desirepath.engine.analysing.asking import open_log
        from desirepath.engine.analysing.part import part_of
    except ModuleNotFoundError as error:
        raise MissingDependency(error.name or "ibis-framework", "analysis") from error
    namespace = namespace_of(engine, question.namespace)
    scope = scope_of(engine, question)
    with ExitStack() as stack:
        n_rows = 0
        with rows_progress("copying the log") as (progress, task):

            def copied(n_more: int) -> None:
                nonlocal n_rows
                n_rows += n_more
                progress.update(task, completed=n_rows, rows=n_rows)

            log = open_log(engine, namespace, on=question.on, progress=copied)
            opened = stack.enter_context(log)
        yield part_of(opened, scope)


def scope_of(engine: Engine, question: Question) -> Scope:
    """What a question is about, with the id of its retriever.

    Raises
    ------
    NotFound
        There is no such namespace or retriever.
    """
    scope = question.scope
    if scope.retriever_id is None:
        return scope
    found = engine.directory.retriever(
        namespace_of(engine, question.namespace).number, scope.retriever_id
    )
    if found is None:
        raise NotFound("retriever", scope.retriever_id)
    return replace(scope, retriever_id=found.retriever_id)
