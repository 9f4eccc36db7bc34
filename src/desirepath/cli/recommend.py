"""``desirepath recommend``: ask a recommender that is deployed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from desirepath.api.recommendations import documents_for, documents_like, users_like
from desirepath.cli.answers import print_json
from desirepath.cli.common import console, engine_options, namespace_of, open_engine
from desirepath.cli.tables import clean, nothing, table_of
from desirepath.domain.plain_json import decode_json
from desirepath.engine.recommendations import DEFAULT_MODEL
from desirepath.engine.recommending.answers import (
    Because,
    RecommendedDocument,
    RecommendedDocuments,
    SimilarDocuments,
    SimilarUsers,
)
from desirepath.settings import Settings

__all__ = ["recommend"]

_COMMON = (
    click.option("--limit", type=click.IntRange(1, 1000), default=10, show_default=True),
    click.option("--model", default=DEFAULT_MODEL, show_default=True, metavar="NAME"),
    click.option(
        "--version", type=click.IntRange(1), help="Of the model.  [default: what is deployed]"
    ),
    click.option("--namespace", default="default", metavar="NAME", help="Id or name."),
    click.option("--json", "as_json", is_flag=True, help="Machine-readable."),
)
_CHOOSING = (
    click.option("--filters", metavar="JSON", help="Which documents, by their payload."),
    click.option(
        "--exclude",
        "exclude_document_ids",
        multiple=True,
        metavar="ID",
        help="A document to leave out. May be repeated.",
    ),
)
_WHO = (
    click.argument("user", required=False),
    click.option("--session", metavar="ID", help="Instead of USER."),
)


def _with(*groups: Sequence[Callable[..., Any]]) -> Callable[..., Any]:
    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed([option for group in groups for option in group]):
            command = option(command)
        return command

    return decorate


@click.group()
def recommend() -> None:
    """Recommend documents, by what the same people like. Train one with `train recommender`."""


@recommend.command("documents")
@_with(_WHO, _CHOOSING, _COMMON)
@click.option("--exclude-seen", is_flag=True, help="Leave out what they saw.")
@click.option("--include-purchased", is_flag=True, help="Do not leave out what they bought.")
@engine_options
def documents(settings: Settings, include_purchased: bool, **options: Any) -> None:
    """Show documents for USER."""
    asked = {**_who(options), "exclude_purchased": not include_purchased}
    answer = _answer(settings, documents_for, asked, options)
    if answer is not None:
        _print_documents(answer)


@recommend.command("similar")
@click.argument("document")
@_with(_CHOOSING, _COMMON)
@engine_options
def similar(settings: Settings, document: str, **options: Any) -> None:
    """Show documents like DOCUMENT."""
    answer = _answer(settings, documents_like, {"document_id": document}, options)
    if answer is not None:
        _print_documents(answer)


@recommend.command("users")
@_with(_WHO, _COMMON)
@engine_options
def users(settings: Settings, **options: Any) -> None:
    """Show people like USER, where the model was trained with --similar-users."""
    answer: SimilarUsers | None = _answer(settings, users_like, _who(options), options)
    if answer is None:
        return
    table = table_of("user", "likeness>", "both reacted to")
    for one in answer.users:
        table.add_row(clean(one.user_id), f"{one.score:.3f}", _because(one.because))
    _print(table, answer.notes)


def _who(options: dict[str, Any]) -> dict[str, Any]:
    user, session = options.pop("user"), options.pop("session")
    found = {"user_id": user, "session_id": session}
    if (user is None) == (session is None):
        raise click.UsageError("Name a user, or a session with --session.")
    return {name: value for name, value in found.items() if value is not None}


def _answer(
    settings: Settings,
    answer: Callable[..., Any],
    asked: Mapping[str, Any],
    options: dict[str, Any],
) -> Any:
    """The answer; None where it was printed as JSON."""
    namespace, as_json = options.pop("namespace"), options.pop("as_json")
    if options.get("filters") is not None:
        options["filters"] = decode_json(options["filters"].encode())
    if "exclude_document_ids" in options:
        options["exclude_document_ids"] = list(options["exclude_document_ids"])
    plain = {**asked, **options}
    with open_engine(settings) as engine:
        found = answer(engine, namespace_of(engine, namespace).number, plain)
    if not as_json:
        return found
    print_json(found)
    return None


def _print_documents(answer: RecommendedDocuments | SimilarDocuments) -> None:
    rows: list[RecommendedDocument] = answer.documents
    table = table_of("document", "score>", "because of")
    for one in rows:
        table.add_row(clean(one.document_id), f"{one.score:.3f}", _because(one.because))
    _print(table, answer.notes)


def _print(table: Table, notes: Sequence[str]) -> None:
    if table.row_count:
        console.print(table)
    for note in notes:
        console.print(nothing(note))


def _because(reasons: Sequence[Because]) -> Text:
    found = Text()
    for number, one in enumerate(reasons):
        found.append(", " if number else "")
        found.append_text(clean(one.document_id)).append(f" {one.share:.0%}")
    return found
