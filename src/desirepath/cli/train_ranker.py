"""``desirepath train ranker``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import click
import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from desirepath.cli.answers import print_json
from desirepath.cli.asking import Question, question_options, scope_in
from desirepath.cli.common import console, engine_options, namespace_of, open_engine
from desirepath.cli.model_figures import (
    chosen_features,
    importance_table,
    interval_of,
    with_interval,
)
from desirepath.cli.progress import counting, rows_progress
from desirepath.cli.tables import heading, nothing, percent, table_of
from desirepath.errors import MissingDependency
from desirepath.settings import Settings

if TYPE_CHECKING:
    from desirepath.engine.training.ranker import RankerReport

__all__ = ["train_ranker_command"]

_ORDERS = {
    "shown": "as shown",
    "random": "random",
    "popularity": "popularity",
    "item_ctr": "document's CTR",
}


@click.command("ranker")
@click.argument("name")
@engine_options
@question_options
@click.option(
    "--feature",
    "features",
    multiple=True,
    metavar="NAME",
    help="A further feature, such as field:price or user_affinity:brand. May be repeated.",
)
@click.option(
    "--without", multiple=True, metavar="NAME", help="Leave out a feature. May be repeated."
)
@click.option(
    "--test-share",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.2,
    show_default=True,
    help="Share of the lists, the last ones, that are measured on and not learned from.",
)
@click.option("-k", type=click.IntRange(1, 1000), default=10, show_default=True, help="Of nDCG@k.")
@click.option(
    "--grades",
    type=click.Choice(["graded", "binary"]),
    default="graded",
    show_default=True,
    help="graded: 1 a click, 2 a reward from 2, 3 from 5. binary: 1 any reward above 0.",
)
@click.option(
    "--gain",
    type=click.Choice(["exponential", "linear"]),
    default="exponential",
    show_default=True,
    help="What a grade is worth: 2^grade - 1, or the grade.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--keep-position-bias", is_flag=True, help="Do not take out that people look at the top more."
)
@click.option("--dry-run", is_flag=True, help="Measure only; store nothing.")
@click.option("--deploy", is_flag=True, help="Let it serve under its name at once.")
@click.option("--matrix", metavar="FILE", help="Write what is learned from too; - is stdout.")
@click.option(
    "--matrix-format",
    type=click.Choice(["libsvm", "parquet"]),
    default="libsvm",
    show_default=True,
    help="libsvm has qid, as SVMrank and RankLib read it.",
)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def train_ranker_command(
    settings: Settings,
    name: str,
    question: Question,
    features: tuple[str, ...],
    without: tuple[str, ...],
    test_share: float,
    k: int,
    grades: str,
    gain: str,
    seed: int,
    keep_position_bias: bool,
    dry_run: bool,
    deploy: bool,
    matrix: str | None,
    matrix_format: str,
    as_json: bool,
) -> None:
    """Train a ranker from the log and store it as the next version of model NAME.

    It is measured on the last lists, from which it does not learn, beside orders that need no
    learning. Features are as of the time of each search: nothing that came later is seen.
    """
    try:
        from desirepath.engine.models import deploy_model
        from desirepath.engine.training.matrix import Grading
        from desirepath.engine.training.matrix_files import MatrixFormat, write_matrix
        from desirepath.engine.training.ranker import RankerSettings, train_ranker
        from desirepath.methods.ranking.metrics import Gain
        from desirepath.methods.ranking.trees import TreeSettings
    except ModuleNotFoundError as error:
        raise MissingDependency(error.name or "lightgbm", "train") from error
    wanted = RankerSettings(
        features=chosen_features(RankerSettings().features, features, without),
        test_share=test_share,
        k=k,
        grading=Grading(grades),
        gain=Gain(gain),
        is_position_debiased=not keep_position_bias,
        trees=TreeSettings(seed=seed),
    )
    with ExitStack() as stack:
        engine = stack.enter_context(open_engine(settings))
        namespace = namespace_of(engine, question.namespace)
        progress, bar = stack.enter_context(rows_progress("copying the log"))

        def grown(done: int, most: int) -> None:
            progress.update(bar, description="growing trees", completed=done, total=most)

        trained = train_ranker(
            engine,
            namespace,
            name,
            wanted,
            scope_in(engine, namespace.number, question.scope),
            on=question.on,
            is_stored=not dry_run,
            progress=counting(progress, bar),
            grown=grown,
        )
        progress.stop()
        if matrix is not None:
            write_matrix(trained.matrix, matrix, MatrixFormat(matrix_format))
        stored = trained.artifact
        if deploy and stored is not None:
            deploy_model(engine, namespace.number, name, stored.version)
    if as_json:
        version = None if stored is None else stored.version
        plain = msgspec.to_builtins(trained.report)
        print_json({"name": name, "version": version, "verdict": trained.report.verdict, **plain})
        return
    console.print(Group(*_render(trained.report)))
    if stored is not None:
        what = "serves" if deploy else f"serves after: desirepath models deploy {name}"
        console.print(Text(f"\n {name} version {stored.version} is stored; it {what}\n"))


def _render(report: RankerReport) -> Iterator[RenderableType]:
    yield heading(
        f"nDCG@{report.k} on the last {report.n_test_lists:,} lists",
        f"from {report.test_from[:16]}; learned from {report.n_train_lists:,} lists with a grade",
    )
    table = table_of("order", "nDCG>", "95 % interval>", "the ranker is ahead by>")
    for one in report.measured:
        ahead = "" if one.behind is None else with_interval(one.behind, "+.3f")
        table.add_row(
            _ORDERS.get(one.order, one.order), f"{one.ndcg.mean:.4f}", interval_of(one.ndcg), ahead
        )
    yield table
    yield nothing(report.verdict)
    yield nothing(
        f"{report.gain.value} gain of {report.grading.value} grades; lists without a grade do not "
        f"count; seed {report.seed}; {report.n_trees} trees; position bias "
        f"{'taken out' if report.is_position_debiased else 'left in'}"
    )
    if report.n_flagged:
        yield nothing(
            f"{report.n_flagged:,} identities that look like robots are left out: "
            f"{percent(report.flagged_share)} of the interactions"
        )
    yield heading("Features", "what nDCG loses when a feature's values are dealt out anew")
    yield importance_table(report.importances)
