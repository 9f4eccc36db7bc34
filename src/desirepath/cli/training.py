"""What the commands that train have in common: their options, and how a training goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click
from msgspec import Struct
from rich.console import Group, RenderableType
from rich.text import Text

from desirepath.cli.answers import print_json
from desirepath.cli.asking import Question, question_options, scope_in
from desirepath.cli.common import console, engine_options, namespace_of, open_engine
from desirepath.cli.figures import FigureFiles
from desirepath.cli.progress import counting, rows_progress
from desirepath.domain.artifact import Artifact
from desirepath.engine.engine import Engine
from desirepath.engine.gates import WEIGHTS, dataset_of
from desirepath.engine.models import deploy_model
from desirepath.engine.retrievers import find_retriever
from desirepath.errors import NotBetter, NotGated
from desirepath.settings import Settings
from desirepath.storage.base import Namespace

if TYPE_CHECKING:
    from desirepath.engine.training.trained import Trained

    T = TypeVar("T", bound=Trained[Any])

__all__ = [
    "Training",
    "feature_options",
    "test_share_option",
    "train_and_print",
    "training_options",
]

_OPTIONS = (
    engine_options,
    question_options,
    click.option("--seed", type=click.IntRange(0), default=0, show_default=True),
    click.option("--dry-run", is_flag=True, help="Measure only; store nothing."),
    click.option(
        "--deploy",
        is_flag=True,
        help="Let it serve under its name at once, unless what needs no learning is as good.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Machine-readable."),
)

test_share_option = click.option(
    "--test-share",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.2,
    show_default=True,
    help="Share of the log, its last part, that is measured on and not learned from.",
)

_FEATURES = (
    click.option(
        "--feature",
        "features",
        multiple=True,
        metavar="NAME",
        help="A further feature, such as field:price or user_affinity:brand. May be repeated.",
    ),
    click.option(
        "--without", multiple=True, metavar="NAME", help="Leave out a feature. May be repeated."
    ),
    click.option(
        "--half-life-days",
        type=click.FloatRange(0, min_open=True),
        default=30.0,
        show_default=True,
        help="A click or an exposure so much older counts half in features.",
    ),
)


class Training(Struct, frozen=True, kw_only=True):
    """What is asked of any training."""

    settings: Settings
    name: str
    question: Question
    seed: int
    dry_run: bool
    deploy: bool
    as_json: bool


def training_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of every training; it takes them, and NAME, as ``training``."""

    @wraps(command)
    def with_training(**options: Any) -> Any:
        common = {name: options.pop(name) for name in Training.__struct_fields__}
        return command(training=Training(**common), **options)

    for option in reversed(_OPTIONS):
        with_training = option(with_training)
    return with_training


def feature_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of features.

    It takes ``features``, ``without`` and ``half_life_days``.
    """
    for option in reversed(_FEATURES):
        command = option(command)
    return command


def train_and_print(
    training: Training,
    train: Callable[..., T],
    wanted: Struct,
    render: Callable[[Any], Iterable[RenderableType]],
    files: FigureFiles | None = None,
) -> T:
    """Train with a bar, deploy where that is asked, and print what came of it, or draw it."""
    from desirepath.engine.training.trained import plain_report

    name, question = training.name, training.question
    with ExitStack() as stack:
        engine = stack.enter_context(open_engine(training.settings))
        namespace = namespace_of(engine, question.namespace)
        progress, bar = stack.enter_context(rows_progress("copying the log"))

        def stepped(done: int, most: int) -> None:
            progress.update(bar, description="learning", completed=done, total=most)

        trained = train(
            engine,
            namespace,
            name,
            wanted,
            scope_in(engine, namespace.number, question.scope),
            on=question.on,
            is_stored=not training.dry_run,
            progress=counting(progress, bar),
            stepped=stepped,
        )
        progress.stop()
        stored = trained.artifact
        serves = training.deploy and stored is not None and _serves(engine, namespace, stored)
    is_drawn = files is not None and files.are_wanted
    if files is not None and is_drawn:
        files.write(trained.report)
    if training.as_json:
        version = None if stored is None else stored.version
        report = plain_report(trained.report)
        print_json({"name": name, "version": version, "serves": serves, **report})
        return trained
    if not is_drawn:
        console.print(Group(*render(trained.report)))
    if stored is not None:
        what = "serves" if serves else f"serves after: desirepath {_next_step(stored)}"
        console.print(Text(f"\n {name} version {stored.version} is stored; it {what}\n"))
    return trained


def _serves(engine: Engine, namespace: Namespace, stored: Artifact) -> bool:
    """Let it serve, if nothing that needs no learning is as good and no gate is in the way.

    Weights are judged by the gate of their retriever.
    """
    if stored.kind in WEIGHTS:
        return _passes(engine, namespace, stored)
    try:
        deploy_model(engine, stored.namespace, stored.name, stored.version)
    except (NotBetter, NotGated):
        return False
    return True


def _passes(engine: Engine, namespace: Namespace, stored: Artifact) -> bool:
    from desirepath.engine.gating.asking_log import ask_log
    from desirepath.engine.gating.running import run_gate

    assert stored.retriever_id is not None  # weights are of one
    retriever = find_retriever(engine, stored.namespace, stored.retriever_id)
    if dataset_of(retriever, stored.kind) is None:
        return False
    _, gated = run_gate(engine, namespace, retriever, stored.artifact_id, None, ask_log)
    return gated.verdict.passed


def _next_step(stored: Artifact) -> str:
    if stored.kind in WEIGHTS:
        return f"gate {stored.retriever_id} {stored.name}"
    force = " --force" if stored.beats_baselines is False else ""
    return f"models deploy {stored.name}{force}"
