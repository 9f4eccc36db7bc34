"""``desirepath simulate``."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import click
import msgspec
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table
from rich.text import Text

from desirepath.cli.common import console, errors
from desirepath.testing.simulation.catalogue import make_catalogue
from desirepath.testing.simulation.report import Block, Estimate, blocks_of
from desirepath.testing.simulation.running import CLICKS, Served, Simulation
from desirepath.testing.simulation.service import Service
from desirepath.testing.simulation.shop import RETRIEVER, Shop

__all__ = [
    "OpenShop",
    "Options",
    "Result",
    "open_shop",
    "render",
    "run",
    "serve_shoppers",
    "signed",
    "simulate_command",
]

NAMESPACE = "simulation"
N_BLOCKS = 8
_SOFT, _ACCENT = "bright_black", "cyan"


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Who shops, and how long."""

    searches: int
    seconds: float | None
    users: int
    clicks: str
    concurrency: int
    seed: int
    rollout: float | None = None
    judgments: str | None = None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a simulation came to; nDCG@10 throughout."""

    options: Options
    namespace: str
    retriever: str
    new: bool
    searches: int
    clicks: int
    seconds: float
    blocks: list[Block]
    weights: Mapping[str, float]
    kind: str = "simulation"


class OpenShop(NamedTuple):
    """A shop with its shoppers; ``new`` where it was filled for them."""

    shop: Shop
    simulation: Simulation
    new: bool


@click.command("simulate")
@click.option(
    "--url", default="http://127.0.0.1:8000", show_default=True, metavar="URL", help="The service."
)
@click.option(
    "--key",
    envvar="DESIREPATH_KEY",
    required=True,
    metavar="KEY",
    help="An API key, or the variable DESIREPATH_KEY. An admin key can make the "
    "namespace; a server key works in its own.",
)
@click.option(
    "--namespace",
    default=NAMESPACE,
    show_default=True,
    metavar="NAME",
    help="Where; made if it is not there. Run again to go on learning.",
)
@click.option(
    "--searches",
    type=click.IntRange(1),
    default=2_000,
    show_default=True,
    help="How many are made.",
)
@click.option(
    "--seconds", type=click.FloatRange(min=0.0, min_open=True), help="Nobody comes after that long."
)
@click.option(
    "--users",
    type=click.IntRange(1, 100_000),
    default=1_000,
    show_default=True,
    help="How many people they are; some come often.",
)
@click.option(
    "--clicks",
    type=click.Choice(list(CLICKS)),
    default="both",
    show_default=True,
    help="How people look at lists: at rank r with chance 1/√r, or from the top down "
    "until they stop.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 64),
    default=4,
    show_default=True,
    help="Searches at once.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Of the products, and of who asks and clicks what.",
)
@click.option(
    "--rollout",
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="How many of the people get learned weights, from now on; the others get reciprocal "
    "rank fusion. All do unless something was said before.",
)
@click.option(
    "--judgments",
    metavar="NAME",
    help="Store what products are really worth as a dataset to evaluate on, as if people had "
    "judged them all.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def simulate_command(url: str, key: str, namespace: str, as_json: bool, **options: Any) -> None:
    """Let simulated shoppers use a running service, and see it learn.

    A simulation: 400 products are made up, with texts, fields and vectors, and shoppers are
    programs that know what each product is worth to them. Half of them ask for products by name,
    half say what they need; two thirds are known to the shop as one or the other.

    They search and click over the HTTP API, as a site would. What they were shown is compared,
    search by search, with three lists that they could have been shown: by reciprocal rank fusion,
    by equal weights, and by the oracle, the best fixed weights for their kind, which only somebody
    who knows what products are worth can find. Brackets are 95 % intervals.

    \b
    Start a service, and in another terminal:
      export DESIREPATH_KEY=dp_admin_…
      desirepath simulate --searches 500
    """
    chosen = Options(**options)
    with Service(url, key) as service:
        result = run(open_shop(service, namespace, chosen), chosen)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(result), indent=2))
    else:
        console.print(render(result))


def open_shop(service: Service, namespace: str, options: Options) -> OpenShop:
    """Fill a namespace, unless it is filled, and call the shoppers.

    Raises
    ------
    DesirepathError
        See :meth:`~desirepath.testing.simulation.shop.Shop.open`.
    """
    catalogue = make_catalogue(options.seed)
    shop = Shop(service, namespace, catalogue)
    new = shop.open()
    if options.rollout is not None:
        shop.roll_out(options.rollout)
    if options.judgments is not None:
        shop.judge(options.judgments)
    simulation = Simulation(
        shop, catalogue, clicks=options.clicks, n_users=options.users, seed=options.seed
    )
    return OpenShop(shop, simulation, new)


def run(opened: OpenShop, options: Options) -> Result:
    """Let shoppers in.

    Raises
    ------
    DesirepathError
        The service refuses something.
    """
    shop, simulation, new = opened
    with _progress() as progress:
        asking = progress.add_task("Asking without learning", total=simulation.n_queries, rate="")
        simulation.look_round(options.concurrency, lambda: progress.advance(asking))
    started = time.monotonic()
    served = serve_shoppers(simulation, options)
    return Result(
        options=options,
        namespace=shop.namespace,
        retriever=RETRIEVER,
        new=new,
        searches=len(served),
        clicks=sum(one.clicks for one in served),
        seconds=round(time.monotonic() - started, 3),
        blocks=blocks_of(served, N_BLOCKS),
        weights=shop.weights(),
    )


def _progress() -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
    )
    is_shown = errors.is_terminal
    return Progress(*columns, console=errors, disable=not is_shown, transient=True)


def serve_shoppers(simulation: Simulation, options: Options) -> list[Served]:
    """Let them in, with a bar that follows whichever ends it first: searches or seconds."""
    started = time.monotonic()
    most = math.inf if options.seconds is None else options.seconds
    served = []
    with _progress() as progress:
        task = progress.add_task("Simulated shoppers", total=1.0, rate="")
        for one in simulation.run(options.searches, options.concurrency, started + most):
            served.append(one)
            elapsed = time.monotonic() - started
            progress.update(
                task,
                completed=min(1.0, max(len(served) / options.searches, elapsed / most)),
                rate=f"{len(served):,} searches, {len(served) / max(elapsed, 1e-9):,.0f}/s",
            )
    return served


def render(result: Result) -> RenderableType:
    """The result as it is printed."""
    return Group(
        _title(result),
        Padding(_blocks(result.blocks), (1, 0, 0, 1)),
        Padding(_gains(result.blocks), (1, 0, 0, 2)),
        Padding(_weights(result.weights), (1, 0, 1, 2)),
    )


def _title(result: Result) -> Text:
    title = Text("\n A simulation", style=f"bold {_ACCENT}")
    rate = result.searches / result.seconds if result.seconds else 0.0
    counts = f"{result.searches:,} searches, {result.clicks:,} clicks, {rate:,.0f} searches/s"
    title.append(f"   nDCG@10; {counts}", style=f"not bold {_SOFT}")
    return title


def _blocks(blocks: list[Block]) -> Table:
    table = Table(box=None, padding=(0, 1), header_style=_SOFT, pad_edge=True)
    table.add_column("searches", no_wrap=True)
    for name in ("RRF", "equal", "learned"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("95% interval", no_wrap=True, style=_SOFT)
    table.add_column("oracle", justify="right", no_wrap=True)
    table.add_column("gap closed", no_wrap=True)
    for block in blocks:
        table.add_row(
            f"{block.first:,} – {block.last:,}",
            f"{block.rrf:.3f}",
            f"{block.uniform:.3f}",
            Text(f"{block.learned.mean:.3f}", style="bold"),
            f"{block.learned.low:.3f} – {block.learned.high:.3f}",
            f"{block.oracle:.3f}",
            _gap(block.gap_closed),
        )
    return table


def _gap(share: float | None) -> Text:
    """What learning closed of the distance from RRF to the oracle."""
    if share is None:
        return Text("–", style=_SOFT)
    bar = Text("█" * round(12 * min(max(share, 0.0), 1.0)), style=_ACCENT)
    return Text(f"{share:4.0%} ").append_text(bar)


def _gains(blocks: list[Block]) -> Text:
    last = blocks[-1]
    return Text(
        "Learned weights, in the last block, search by search:\n"
        f"{signed(last.over_rrf)} over RRF, {signed(last.over_uniform)} over equal weights"
    )


def signed(gain: Estimate) -> str:
    """A gain with its interval."""
    return f"{gain.mean:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]"


def _weights(weights: Mapping[str, float]) -> Text:
    line = Text("What counts now, for all: ")
    line.append(
        ", ".join(
            f"{uri} {weight:.2f}"
            for uri, weight in sorted(weights.items(), key=lambda pair: -pair[1])
        ),
        style=_SOFT,
    )
    return line
