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
from desirepath.cli.progress import counting, rows_progress
from desirepath.domain.scope import MOST_VERSIONS, Scope
from desirepath.engine.engine import Engine
from desirepath.errors import NotFound
from desirepath.extras import needs_extra
from desirepath.settings import Settings

if TYPE_CHECKING:
    from desirepath.engine.analysing.asking import OpenLog
    from desirepath.engine.analysing.part import Part

__all__ = ["OpenedLog", "Question", "asked", "opened", "question_options", "scope_in"]


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
    click.option(
        "--version",
        type=click.IntRange(1, MOST_VERSIONS),
        help="Searches of this version of the retriever.",
    ),
    click.option(
        "--metadata",
        metavar="PATH:VALUE,…",
        help="Searches whose metadata says this, such as device:phone.",
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

_EXCLUDE_FLAGGED = click.option(
    "--exclude-flagged/--include-flagged",
    default=True,
    show_default=True,
    help="Leave out identities that look like robots.",
)


def question_options(
    command: Callable[..., Any], *, of_everybody: bool = False
) -> Callable[..., Any]:
    """Give a command the options that say what is asked; it takes them as ``question``.

    Parameters
    ----------
    of_everybody
        Nobody is left out of the question, so there is no option for it.
    """

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
        on: str,
        exclude_flagged: bool = False,
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

    options_of_it = (*_OPTIONS, *(() if of_everybody else (_EXCLUDE_FLAGGED,)))
    for option in reversed(options_of_it):
        with_question = option(with_question)
    return with_question


class OpenedLog(Struct, frozen=True, kw_only=True, eq=False):
    """The whole log, and which part of it a question is about."""

    log: OpenLog
    scope: Scope
    engine: Engine


@contextmanager
def asked(settings: Settings, question: Question) -> Iterator[Part]:
    """The part of the log that a question is about; see :func:`opened`."""
    with opened(settings, question) as found:
        from desirepath.engine.analysing.part import part_of

        yield part_of(found.log, found.scope)


@contextmanager
def opened(settings: Settings, question: Question) -> Iterator[OpenedLog]:
    """The log that a question is about, with a bar while it is copied.

    Raises
    ------
    MissingDependency
        The extra ``analysis``, or ``spark``, is not installed.
    NotFound
        There is no such namespace or retriever.
    """
    with needs_extra("analysis"):
        from desirepath.engine.analysing.asking import open_log
    with ExitStack() as stack:
        engine = stack.enter_context(open_engine(settings))
        namespace = namespace_of(engine, question.namespace)
        scope = scope_in(engine, namespace.number, question.scope)
        with rows_progress("copying the log") as bar:
            log = stack.enter_context(
                open_log(engine, namespace, on=question.on, progress=counting(*bar))
            )
        yield OpenedLog(log=log, scope=scope, engine=engine)


def scope_in(engine: Engine, namespace: int, scope: Scope) -> Scope:
    """The scope with its retriever by id, where it was asked for by name.

    Raises
    ------
    NotFound
        There is no such retriever.
    """
    if scope.retriever_id is None:
        return scope
    found = engine.directory.retriever(namespace, scope.retriever_id)
    if found is None:
        raise NotFound("retriever", scope.retriever_id)
    return replace(scope, retriever_id=found.retriever_id)
