"""The second half of ``desirepath demo``: models are trained from what shoppers did, and serve."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct
from msgspec.structs import replace
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from desirepath.cli.common import errors
from desirepath.cli.simulate import OpenShop, Options, serve_shoppers, signed
from desirepath.cli.tables import SOFT, table_of
from desirepath.engine.recommendations import DEFAULT_MODEL
from desirepath.errors import DesirepathError
from desirepath.testing.simulation.catalogue import FEATURES
from desirepath.testing.simulation.gains import Gain, gain_of_ranker, gain_of_recommender
from desirepath.testing.simulation.models import Model
from desirepath.testing.simulation.shop import RETRIEVER

__all__ = ["render_models", "train_models"]

_RANKER = "demo-ranker"
_SHARE = 1 / 3  # of the time that shoppers had before
_N_PEOPLE = 300  # for whom recommendations are judged
_RANKER_SETTINGS = {
    # Click-through and popularity count from the last full minute: too late for a demo.
    "features": ["rank", "document_score", *(f"score:{uri}" for uri in FEATURES)],
}
_SCOPE = {"retriever_id": RETRIEVER}


class Trained(Struct, frozen=True, kw_only=True):
    """A model with what it added once it served; what failed has its reason instead.

    Parameters
    ----------
    of
        What the gain is a mean over.
    """

    what: str
    of: str = ""
    model: Model | None = None
    gain: Gain | None = None
    reason: str = ""


def train_models(opened: OpenShop, options: Options) -> list[Trained]:
    """Train both models, let them serve, and see what they add."""
    return [
        _tried("ranker", lambda: _train_ranker(opened, options)),
        _tried("recommender", lambda: _train_recommender(opened, options)),
    ]


def _tried(what: str, train: Callable[[], Trained]) -> Trained:
    try:
        return train()
    except DesirepathError as error:
        return Trained(what=what, reason=error.message)


def _train_ranker(opened: OpenShop, options: Options) -> Trained:
    shop, simulation, _ = opened
    with errors.status("Training a ranker from what they clicked"):
        model = shop.models.train("ranker", _RANKER, _RANKER_SETTINGS, _SCOPE)
        shop.models.deploy(model)
        shop.rerank_by(model.name)
    seconds = None if options.seconds is None else options.seconds * _SHARE
    searches = max(1, round(options.searches * _SHARE))
    served = serve_shoppers(simulation, replace(options, seconds=seconds, searches=searches))
    return Trained(what="ranker", of="searches", model=model, gain=gain_of_ranker(served))


def _train_recommender(opened: OpenShop, options: Options) -> Trained:
    shop, simulation, _ = opened
    with errors.status("Training a recommender"):
        model = shop.models.train("recommender", DEFAULT_MODEL, {})
        shop.models.deploy(model)
    with errors.status("Recommending"):
        people = [f"user_{number}" for number in range(min(_N_PEOPLE, options.users))]
        worth = {user_id: simulation.worth_to(user_id) for user_id in people}
        gain = gain_of_recommender(shop, worth)
    return Trained(what="recommender", of="people", model=model, gain=gain)


def render_models(trained: list[Trained]) -> RenderableType:
    """What was trained, as it is printed."""
    return Group(*_rendered(trained))


def _rendered(trained: list[Trained]) -> Iterator[RenderableType]:
    title = Text(" What models add", style="bold cyan")
    title.append("   nDCG@10 by what products are really worth", style="not bold bright_black")
    yield title
    table = table_of("model", "trained>", "without>", "with>", "gain, 95% interval", "of")
    for one in trained:
        if one.model is not None and one.gain is not None:
            table.add_row(
                one.what,
                f"{one.model.seconds:.0f} s",
                f"{one.gain.without:.3f}",
                f"{one.gain.with_model:.3f}",
                signed(one.gain.over),
                f"{one.gain.n:,} {one.of}",
            )
    if table.row_count:
        yield Padding(table, (1, 0, 0, 1))
    for one in trained:
        line = (
            f"There is no {one.what}: {one.reason}"
            if one.model is None
            else f"What the log says of the {one.what}: {one.model.verdict}"
        )
        yield Padding(Text(line, style=SOFT), (0, 0, 0, 2))
    yield Text("")
