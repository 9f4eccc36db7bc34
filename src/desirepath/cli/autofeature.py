"""``desirepath autofeature``."""

from __future__ import annotations

import shlex

import click
from rich.text import Text

from desirepath.cli.answers import print_json
from desirepath.cli.asking import Question, opened, question_options
from desirepath.cli.common import console, engine_options, namespace_of
from desirepath.cli.tables import percent, table_of
from desirepath.settings import Settings

__all__ = ["autofeature_command"]


@click.command("autofeature")
@engine_options
@question_options
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def autofeature_command(settings: Settings, question: Question, as_json: bool) -> None:
    """Propose features for a ranker, from the log and its documents, and how to train it."""
    with opened(settings, question) as found:
        from desirepath.engine.analysing.part import part_of
        from desirepath.engine.training.layouts import USUAL_FEATURES
        from desirepath.engine.training.proposing import propose_features

        namespace = namespace_of(found.engine, question.namespace)
        part = part_of(found.log, found.scope)
        with found.engine.storage.read() as session:
            features = propose_features(part, session, namespace.number)
    more = [f"--feature {shlex.quote(name)}" for name in features if name not in USUAL_FEATURES]
    command = " ".join(["desirepath train ranker NAME", *more])
    if as_json:
        print_json({"features": features, "command": command})
        return
    table = table_of("feature", "has a value>")
    for name, share in features.items():
        table.add_row(Text(name), "" if name in USUAL_FEATURES else percent(share))
    console.print(table)
    console.print(Text(f"\n{command}"), soft_wrap=True)
