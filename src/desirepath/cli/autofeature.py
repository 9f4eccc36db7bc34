"""``desirepath autofeature``."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
import msgspec
from rich.console import Group
from rich.text import Text

from desirepath.cli.answers import answer_table, print_json
from desirepath.cli.asking import Question, opened, question_options
from desirepath.cli.common import console, engine_options, namespace_of
from desirepath.cli.model_figures import with_interval
from desirepath.cli.tables import ACCENT, SOFT, heading, nothing, percent
from desirepath.extras import needs_extra
from desirepath.settings import Settings

if TYPE_CHECKING:
    from desirepath.engine.training.proposing import FeatureSignal, ProposedFeatures

__all__ = ["autofeature_command"]


@click.command("autofeature")
@engine_options
@question_options
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def autofeature_command(settings: Settings, question: Question, as_json: bool) -> None:
    """Measure what each feature of a ranker says of clicks, and say how to train with them.

    Each by itself, on 2,000 lists, as of their times: fields of documents at any depth, what was
    logged with lists, and what users and sessions like.
    """
    with opened(settings, question) as found:
        with needs_extra("analysis"):
            from desirepath.engine.training.proposing import propose_features

        namespace = namespace_of(found.engine, question.namespace)
        proposed = propose_features(found.engine, namespace, found.log, found.scope)
    command = _command(question, proposed)
    if as_json:
        print_json({**msgspec.to_builtins(proposed), "features": _plain(proposed)} | command)
    else:
        _print(proposed, command["command"])


def _command(question: Question, proposed: ProposedFeatures) -> dict[str, str]:
    words = ["desirepath", "train", "ranker", "NAME"]
    if question.namespace != "default":
        words += ["--namespace", question.namespace]
    if question.scope.retriever_id is not None:
        words += ["--retriever", question.scope.retriever_id]
    for one in proposed.features:
        if one.is_worth_it and not one.is_usual:
            words += ["--feature", one.feature]
    return {"command": shlex.join(words)}


def _plain(proposed: ProposedFeatures) -> list[dict[str, object]]:
    return [
        {**msgspec.to_builtins(one), "first": _order(one), "is_worth_it": one.is_worth_it}
        for one in proposed.features
    ]


def _order(one: FeatureSignal) -> str:
    return "higher" if one.is_falling else "lower"


def _print(proposed: ProposedFeatures, command: str) -> None:
    console.print(
        heading(
            "What each feature by itself says of clicks",
            f"on {proposed.n_lists:,} lists",
        )
    )
    table = answer_table(["feature*", "has a value>", "AUC within lists>", "first", "nDCG@10>"])
    for one in proposed.features:
        if one.same_as is None:
            table.add_row(
                Text(one.feature, style=ACCENT if one.is_worth_it else SOFT),
                percent(one.coverage),
                with_interval(one.auc, ".3f") if one.coverage else "",
                _order(one) if one.is_worth_it else "",
                f"{one.ndcg:.3f}" if one.coverage else "",
            )
    console.print(table)
    console.print(Group(*map(nothing, _notes(proposed))))
    console.print(Text(f"\n{command}"), soft_wrap=True)


def _notes(proposed: ProposedFeatures) -> Iterator[str]:
    yield (
        "The last lists with a click and a document left alone, before the fifth that rankers are "
        f"measured on. By chance: AUC 0.5, nDCG@10 {proposed.ndcg_by_chance:.3f}. "
        "95 % intervals over lists."
    )
    yield (
        "Worth training with, where it says which values come first: a tenth of the documents have "
        "it, and the interval is off 0.5. By luck so is that of one feature in 20."
    )
    yield "What lists were ordered by is looked at more, and so looks better than it is."
    if any(one.feature.startswith(("field:", "age:")) for one in proposed.features):
        yield "Fields of documents are as they are now: leave out those that change with clicks."
    same = [f"{one.feature} as {one.same_as}" for one in proposed.features if one.same_as]
    if same:
        yield f"The same here: {', '.join(same)}."
    if proposed.left_out:
        yield f"Not looked at, of so many: {', '.join(proposed.left_out)}."
