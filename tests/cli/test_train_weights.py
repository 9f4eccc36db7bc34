"""Fusion weights trained by command: measured, printed, stored, and left to the gate."""

from __future__ import annotations

import json
from contextlib import closing

import pytest
from click.testing import CliRunner

from desirepath.cli import main
from desirepath.engine.bootstrap import ensure_defaults
from desirepath.engine.engine import Engine
from desirepath.engine.recording import RecordingRules
from desirepath.storage.open import open_storage
from desirepath.testing.clock import ClockedStorage, TestingClock
from tests.weighed_shop import FEATURES, shop, weighing_retriever


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A simulation of 40 queries, two searches each, seed 1."""
    url = f"sqlite:///{tmp_path_factory.mktemp('shop')}/shop.db"
    clock = TestingClock()
    storage = ClockedStorage(open_storage(url, clock), clock)
    with closing(Engine(storage, clock, RecordingRules())) as engine:
        ensure_defaults(engine)
        shop(engine, clock, weighing_retriever(engine), n_queries=40, n_searches=2)
    return url


def train(url: str, *arguments: str) -> str:
    usual = ("--retriever", "shop", "--folds", "2", "--starts", "1", "--database", url)
    result = CliRunner().invoke(main, ["train", "weights", "best", *usual, *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_what_is_printed(url: str) -> None:
    printed = " ".join(train(url, "--deploy").split())
    assert printed.startswith("No better than words alone, as far as these queries tell.")
    assert "nDCG@10 of " in printed
    for words in ("equal weights", "rrf", "live weights", *(f"{uri} alone" for uri in FEATURES)):
        assert words in printed
    # The retriever has no gate, so nothing ships.
    assert "best version 1 is stored; it serves after: desirepath gate ret_" in printed


def test_for_scripts(url: str) -> None:
    answer = json.loads(train(url, "--dry-run", "--json", "--metric", "mrr", "--k", "5"))
    assert (answer["version"], answer["metric"], answer["k"]) == (None, "mrr", 5)
    assert sum(answer["weights"].values()) == pytest.approx(1)
    assert answer["beats_baselines"] is False
    assert answer["verdict"].startswith("No better than ")
