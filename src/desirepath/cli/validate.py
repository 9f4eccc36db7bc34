"""``desirepath validate``."""

from __future__ import annotations

import click
import msgspec
from rich.text import Text

from desirepath.cli.answers import print_json
from desirepath.cli.asking import Question, asked, question_options
from desirepath.cli.common import console, engine_options
from desirepath.cli.tables import heading, table_of
from desirepath.settings import Settings

__all__ = ["validate_command"]


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
    console.print(heading("What there is to learn from"))
    amounts = table_of("", "amount>")
    for name, value in plain.items():
        if isinstance(value, int | float) and name not in ("since", "until"):
            shown = f"{value:.1%}" if name == "linked_share" else f"{value:,}"
            amounts.add_row(name.replace("_", " "), shown)
    console.print(amounts)
    console.print(heading("What models need at least"))
    for one in found.needs:
        verdict = f"{one.missing:,} missing" if one.missing else "enough"
        console.print(Text(f"  {one.model}: {one.found:,} {one.what}: {verdict}"))
