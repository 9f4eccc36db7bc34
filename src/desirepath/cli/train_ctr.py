"""``desirepath train ctr``."""

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
from desirepath.cli.model_figures import chosen_features, importance_table, with_interval
from desirepath.cli.progress import counting, rows_progress
from desirepath.cli.tables import bar, heading, nothing, percent, table_of
from desirepath.errors import MissingDependency
from desirepath.settings import Settings

if TYPE_CHECKING:
    from desirepath.engine.training.ctr_report import CtrReport

__all__ = ["train_ctr_command"]

_WIDTH = 24  # of bars
_MODELS = {"base_rate": "all alike", "position": "position", "item_ctr": "document's CTR"}


@click.command("ctr")
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
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--keep-position-bias",
    is_flag=True,
    help="Features that are rates count every document as looked at.",
)
@click.option("--dry-run", is_flag=True, help="Measure only; store nothing.")
@click.option("--deploy", is_flag=True, help="Let it serve under its name at once.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def train_ctr_command(
    settings: Settings,
    name: str,
    question: Question,
    features: tuple[str, ...],
    without: tuple[str, ...],
    test_share: float,
    seed: int,
    keep_position_bias: bool,
    dry_run: bool,
    deploy: bool,
    as_json: bool,
) -> None:
    """Train how likely a document of a list is clicked, as the next version of model NAME.

    It has the features of rankers. Its chances are calibrated on lists that the trees do not see,
    and measured on the last lists, beside rates that need no learning.
    """
    try:
        from desirepath.engine.models import deploy_model
        from desirepath.engine.training.ctr import CtrSettings, train_ctr
        from desirepath.methods.ranking.trees import TreeSettings
    except ModuleNotFoundError as error:
        raise MissingDependency(error.name or "lightgbm", "train") from error
    wanted = CtrSettings(
        features=chosen_features(CtrSettings().features, features, without),
        test_share=test_share,
        is_position_debiased=not keep_position_bias,
        trees=TreeSettings(seed=seed),
    )
    with ExitStack() as stack:
        engine = stack.enter_context(open_engine(settings))
        namespace = namespace_of(engine, question.namespace)
        progress, task = stack.enter_context(rows_progress("copying the log"))

        def grown(done: int, most: int) -> None:
            progress.update(task, description="growing trees", completed=done, total=most)

        trained = train_ctr(
            engine,
            namespace,
            name,
            wanted,
            scope_in(engine, namespace.number, question.scope),
            on=question.on,
            is_stored=not dry_run,
            progress=counting(progress, task),
            grown=grown,
        )
        progress.stop()
        stored = trained.artifact
        if deploy and stored is not None:
            deploy_model(engine, namespace.number, name, stored.version)
    report = trained.report
    if as_json:
        version = None if stored is None else stored.version
        plain = msgspec.to_builtins(report)
        print_json({"name": name, "version": version, "verdict": report.verdict, **plain})
        return
    console.print(Group(*_render(report)))
    if stored is not None:
        what = "serves" if deploy else f"serves after: desirepath models deploy {name}"
        console.print(Text(f"\n {name} version {stored.version} is stored; it {what}\n"))


def _render(report: CtrReport) -> Iterator[RenderableType]:
    yield heading(
        f"Chances of a click, on the last {report.n_test_lists:,} lists",
        f"from {report.test_from[:16]}; learned from {report.n_train_lists:,}",
    )
    yield nothing(
        f"{report.n_test_impressions:,} documents, {percent(report.test_click_rate)} clicked"
    )
    losses = table_of("chances by", "log loss>", "Brier>", "the model is ahead by>")
    rest = table_of("", "AUC>", "calibration error>")
    for one in report.measured:
        measures, name = one.measures, _MODELS.get(one.model, one.model)
        losses.add_row(
            name,
            with_interval(measures.log_loss, ".4f"),
            f"{measures.brier.mean:.4f}",
            "" if one.behind is None else with_interval(one.behind, "+.4f"),
        )
        rest.add_row(
            name,
            with_interval(measures.auc, ".3f"),
            with_interval(measures.calibration_error, ".3f"),
        )
    yield losses
    yield rest
    yield nothing(report.verdict)
    yield nothing(
        f"95 % intervals of resampled lists; ahead by log loss; seed {report.seed}; "
        f"{report.n_trees} trees"
    )
    if report.n_flagged:
        yield nothing(
            f"{report.n_flagged:,} identities that look like robots are left out: "
            f"{percent(report.flagged_share)} of the interactions"
        )
    yield heading("Reliability", "of ten parts with about as many documents each")
    bins = table_of("foretold>", "clicked>", "95 % interval>", "documents>", "")
    most = max(one.rate for one in report.reliability) or 1.0
    for one_bin in report.reliability:
        is_right = one_bin.low <= one_bin.predicted <= one_bin.high
        bins.add_row(
            f"{one_bin.predicted:.1%}",
            f"{one_bin.rate:.1%}",
            f"{one_bin.low:.1%} to {one_bin.high:.1%}",
            f"{one_bin.of:,}",
            bar(one_bin.rate / most, _WIDTH).append("" if is_right else "  outside"),
        )
    yield bins
    yield heading("Features", "what the log likelihood loses when a feature is dealt out anew")
    yield importance_table(report.importances)
