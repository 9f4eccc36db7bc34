"""``desirepath position-bias``."""

from __future__ import annotations

from collections.abc import Iterator

import click
import msgspec
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from desirepath.api.analytics_bias import LENGTH
from desirepath.cli.asking import Question, asked, question_options
from desirepath.cli.common import console, engine_options
from desirepath.cli.figures import FigureFiles, figure_options
from desirepath.cli.tables import ACCENT, ALERT, SOFT, heading, nothing, percent, table_of
from desirepath.domain.grouping import read_grouping
from desirepath.engine.analysing.propensities import BiasEstimate, GroupBias, PositionBias
from desirepath.settings import Settings

__all__ = ["position_bias_command"]

_TITLES = {
    "intervention_harvesting": "harvesting",
    "regression_em": "regression EM",
    "clicks_over_expected_clicks": "COEC",
}


@click.command("position-bias")
@engine_options
@question_options
@click.option(
    "--group-by",
    metavar="FIELD",
    help=f"Tell lists apart by version, configuration, {LENGTH} or metadata.PATH.",
)
@click.option("--max-rank", type=click.IntRange(2, 100), default=10, show_default=True)
@click.option(
    "--precision",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.1,
    show_default=True,
    help="The widest interval to answer with, as ± on a propensity.",
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@figure_options
def position_bias_command(
    settings: Settings,
    question: Question,
    group_by: str | None,
    max_rank: int,
    precision: float,
    as_json: bool,
    files: FigureFiles,
) -> None:
    """Estimate how likely each rank is looked at, relative to the first.

    By three estimators with 95 % intervals, for each retriever. Where the log cannot say, it says
    how much more it takes. Ranks must vary for it: learned weights vary them, and so do changes of
    the ranker.
    """
    by_length = group_by == LENGTH
    without = ("retriever_id", "query", "day", "hour")
    grouping = None if by_length else read_grouping(group_by, without)
    with asked(settings, question) as part:
        from desirepath.engine.analysing.position_bias import position_bias

        found = position_bias(
            part, grouping, by_length=by_length, max_rank=max_rank, precision=precision
        )
    if files.are_wanted:
        files.write(found)
    if as_json:
        print(msgspec.json.encode(found).decode())
    elif not files.are_wanted:
        console.print(Group(*_render(found)))


def _render(found: PositionBias) -> Iterator[RenderableType]:
    if found.note:
        yield nothing(found.note)
    for group in found.groups:
        name = group.retriever_id or "no retriever"
        if group.group:
            name += f", {group.group}"
        note = f"{group.impressions:,} impressions, {group.clicks:,} clicks"
        yield heading(f"Position bias of {name}", note)
        yield _table(group)
        for estimate in group.estimates:
            if estimate.refusal:
                title = _TITLES[estimate.estimator]
                yield _line(f"{title}: {estimate.refusal}", ALERT)
        for sentence in group.agreement:
            yield _line(sentence, SOFT)
    for sentence in found.differences:
        yield _line(sentence, ACCENT)
    if found.n_flagged:
        share = percent(found.flagged_share)
        yield nothing(
            f"Without {found.n_flagged:,} identities that look like robots, with {share} of the "
            "interactions."
        )


def _table(group: GroupBias) -> RenderableType:
    answered = [estimate for estimate in group.estimates if estimate.ranks]
    titles = [f"{_TITLES[estimate.estimator]}>" for estimate in answered]
    table: Table = table_of("rank>", "clicked>", *titles)
    last = max((rate.rank for rate in group.rates), default=0)
    for rate in group.rates:
        is_shared = any(estimate.last_is_shared for estimate in answered) and rate.rank == last
        table.add_row(
            f"{rate.rank}{'+' if is_shared else ''}",
            percent(rate.click_through.rate),
            *(_cell(estimate, rate.rank) for estimate in answered),
        )
    return table


def _cell(estimate: BiasEstimate, rank: int) -> Text:
    for one in estimate.ranks:
        if one.rank == rank:
            text = Text(f"{one.propensity:.2f}", style=ACCENT)
            if rank > 1:
                text.append(f"  {one.low:.2f} to {one.high:.2f}", style=SOFT)
            return text
    return Text("")


def _line(text: str, style: str) -> RenderableType:
    return Padding(Text(text, style=style), (0, 2))
