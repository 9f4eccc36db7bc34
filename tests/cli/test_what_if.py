"""What-ifs by command."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

import desirepath
from desirepath.cli import main
from desirepath.storage.open import open_storage
from desirepath.testing.clock import TestingClock
from desirepath.testing.drawn_logs import SimulatedSearches, fill_drawn_log

SEARCHES = SimulatedSearches(n_found=10, n_shown=4, spread=0.25)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A shop with a simulated log of a retriever that learns, and one without any."""
    url = f"sqlite:///{tmp_path_factory.mktemp('shop')}/shop.db"
    parameters = {
        "searches": [{"feature_uri": "text://title", "query": "{{INPUT.query}}"}],
        "fusion": "learned",
    }
    stages = [{"stage_name": "find", "stage_id": "feature_search", "parameters": parameters}]
    with desirepath.open(url) as here:
        here.retrievers.create("shop", stages=stages)
        here.retrievers.create("new", stages=stages)
    storage = open_storage(url, TestingClock())
    with storage.read() as session:
        retriever = session.catalog.find_retriever(1, "shop")
    assert retriever is not None
    fill_drawn_log(storage, retriever, 1_000, 5, SEARCHES)
    storage.close()
    return url


def run(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["what-if", *arguments, "--database", url])


WEIGHTS = "text://title=0.5,text://body=0.3,text://noise=0.2"


def test_the_verdict_comes_first_and_what_came_out_is_kept(url: str) -> None:
    result = run(url, "shop", "--weights", WEIGHTS)
    assert result.exit_code == 0, result.output
    printed = " ".join(result.stdout.split())
    assert printed.startswith(("Better", "Worse", "Cannot tell"))
    assert "item-position" in printed
    assert "decides" in printed
    (kept,) = [word for word in printed.split() if word.startswith("whatif_")]
    with desirepath.open(url) as here:
        assert here.what_ifs.get(kept)["result"]["sentence"] in printed


def test_it_is_machine_readable(url: str) -> None:
    result = run(url, "shop", "--weights", WEIGHTS, "--json", "--seed", "4", "--k", "2")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["k"], found["seed"], found["n_lists"]) == (2, 4, 1_000)
    assert len(found["estimates"]) == 5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("shop",), "Say one thing to compare with"),
        (("shop", "--weights", "text://title"), "URI=NUMBER"),
        (("shop", "--weights", "text://title=much"), "URI=NUMBER"),
        (("shop", "--fusion", "none"), "Not one of the allowed values"),
        (("shop", "--weights", "text://price=1"), "has not logged"),
        (("nobody", "--fusion", "rrf"), "no retriever"),
        (("new", "--fusion", "rrf"), "1 needed, 0 found"),
        (("shop", "--fusion", "rrf", "--before", "2001-01-01"), "1 needed, 0 found"),
    ],
)
def test_what_cannot_be_asked_says_why(url: str, arguments: tuple[str, ...], words: str) -> None:
    result = run(url, *arguments)
    assert result.exit_code == 1
    assert words in " ".join(result.output.split())
