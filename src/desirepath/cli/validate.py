"""``desirepath validate``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec
from rich.text import Text

from desirepath.cli.answers import answer_table, print_json
from desirepath.cli.asking import Question, asked, question_options
from desirepath.cli.common import console, engine_options
from desirepath.cli.tables import ALERT, heading, percent, table_of
from desirepath.domain.clock import format_time
from desirepath.settings import Settings

if TYPE_CHECKING:
    from desirepath.engine.training.validating import LogForTraining

__all__ = ["validate_command"]

_WORDS = {
    "executions": "searches",
    "queries": "different queries",
    "users": "users who searched",
    "sessions": "sessions with a search",
    "interactions": "interactions",
    "linked_share": "of them, those that belong to a known search",
    "lists": "lists: known searches with a document that counts",
    "documents_shown": "documents in these lists",
    "documents": "different ones of them",
    "clicks": "of the documents in lists, those clicked",
    "lists_with_click": "lists with a click",
    "lists_with_both": "lists with a click and a document left alone",
}


@click.command("validate")
@engine_options
@question_options
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def validate_command(settings: Settings, question: Question, as_json: bool) -> None:
    """Count what models would learn from, and say what is missing."""
    with asked(settings, question) as part:
        from desirepath.engine.training.validating import validate_log

        found = validate_log(part)
    plain = msgspec.to_builtins(found)
    if as_json:
        needs = [{**msgspec.to_builtins(one), "missing": one.missing} for one in found.needs]
        print_json({**plain, "needs": needs})
        return
    console.print(heading("What there is to learn from", _period(found)))
    amounts = table_of("", "amount>")
    for name, words in _WORDS.items():
        value = plain[name]
        amounts.add_row(words, percent(value) if name == "linked_share" else f"{value:,}")
    console.print(amounts)
    console.print(heading("What models need at least"))
    table = answer_table(["train", "needs>", "has>", "", "of*"])
    for one in found.needs:
        lacks = Text(f"{one.missing:,} missing", style=ALERT) if one.missing else "enough"
        table.add_row(one.model, f"{one.needed:,}", f"{one.found:,}", lacks, one.what)
    console.print(table)


def _period(found: LogForTraining) -> str:
    if found.since is None or found.until is None:
        return "no searches yet"
    return f"searches from {format_time(found.since)[:10]} to {format_time(found.until)[:10]}"
