"""``desirepath simulate`` and ``desirepath demo``: simulated shoppers against a real service."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from rich.cells import cell_len
from rich.console import Console

from desirepath.cli import main
from desirepath.cli.demo_models import render_models, train_models
from desirepath.cli.simulate import N_BLOCKS, Options, open_shop, run
from desirepath.domain.access import Key, KeyKind
from desirepath.server import open_engine
from desirepath.settings import load_settings
from desirepath.storage.base import Namespace
from desirepath.testing.simulation.catalogue import FEATURES
from desirepath.testing.simulation.service import Service
from desirepath.testing.simulation.shop import RETRIEVER
from tests.api.live import LiveServer


def simulate(live: LiveServer, *arguments: str, key: str | None = None, code: int = 0) -> Result:
    command = ["simulate", "--url", live.url, *arguments]
    result = CliRunner().invoke(main, command, env={"DESIREPATH_KEY": key or live.admin_key})
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def name() -> str:
    """Give a namespace that is not there yet."""
    return f"shoppers-{os.urandom(4).hex()}"


def test_they_search_click_and_teach(live: LiveServer) -> None:
    """In the namespace of a server key."""
    namespace, _, key = live.new_key()
    options = ("--namespace", namespace.name, "--searches", "40", "--users", "5", "--json")
    found: dict[str, Any] = json.loads(simulate(live, *options, key=key).stdout)
    assert (found["kind"], found["new"], found["searches"]) == ("simulation", True, 40)
    assert [block["first"] for block in found["blocks"]] == [1, 6, 11, 16, 21, 26, 31, 36]
    for block in found["blocks"]:
        assert 0 < block["learned"]["low"] <= block["learned"]["mean"] <= block["learned"]["high"]
        assert block["oracle"] > max(block["rrf"], block["uniform"])
    assert sorted(found["weights"]) == sorted(FEATURES)
    with live.client(key) as client:
        listed = client.post("/v1/retrievers/interactions/list?include_total=true").json()
        assert listed["pagination"]["total"] == found["clicks"] > 0
        assert {row["interaction_type"][0] for row in listed["results"]} == {"click"}
        assert all(row["execution_id"] for row in listed["results"])
        weights = client.get(f"/v1/retrievers/{RETRIEVER}/learned-fusion/weights").json()
        assert weights["interaction_count"] > 0


def test_they_come_again_and_what_was_learned_is_better_than_what_does_not_learn(
    live_sqlite: LiveServer, name: str
) -> None:
    """One seed, 330 simulated searches: what is gained is far beyond the noise of the draws."""
    options = ("--namespace", name, "--seed", "3")
    text = simulate(live_sqlite, *options, "--searches", "30").stdout
    assert max(cell_len(line) for line in text.splitlines()) <= 80
    assert len(re.findall(r"^ +\d+ – \d+ ", text, re.MULTILINE)) == N_BLOCKS
    again = json.loads(simulate(live_sqlite, *options, "--searches", "300", "--json").stdout)
    assert again["new"] is False
    last = again["blocks"][-1]
    assert last["over_rrf"]["low"] > 0
    assert last["over_uniform"]["low"] > 0
    weights = again["weights"]
    assert weights["text://tags"] < min(weights["text://title"], weights["vector://purpose"])
    error = simulate(live_sqlite, "--namespace", name, "--seed", "2", code=1).stderr
    assert "the shop of another seed" in error


def test_nobody_gets_what_was_learned_before_it_is_rolled_out(
    live_sqlite: LiveServer, name: str
) -> None:
    options = ("--namespace", name, "--searches", "16", "--json")
    first = json.loads(
        simulate(live_sqlite, *options, "--rollout", "0", "--judgments", "worth").stdout
    )
    assert [one["learned"]["mean"] for one in first["blocks"]] == pytest.approx(
        [one["rrf"] for one in first["blocks"]]
    )
    with live_sqlite.client(**{"X-Namespace": name}) as client:
        dataset = client.get("/v1/retrievers/evaluations/datasets/worth").json()
        assert dataset["query_count"] == 120
        assert set(dataset["queries"][0]["relevance_scores"].values()) <= {1, 2, 3}
    then = json.loads(simulate(live_sqlite, *options, "--rollout", "100").stdout)
    assert [one["learned"]["mean"] for one in then["blocks"]] != pytest.approx(
        [one["rrf"] for one in then["blocks"]]
    )
    error = simulate(live_sqlite, *options, "--judgments", "worth", code=1).stderr
    assert "A dataset of this name exists" in error


@pytest.fixture
def stranger(live: LiveServer) -> tuple[Namespace, Key, str]:
    return live.new_key()


class TestErrors:
    def test_a_wrong_key(self, live: LiveServer) -> None:
        assert "does not know the key" in simulate(live, key="sk_wrong", code=1).stderr

    def test_a_key_that_may_not(
        self, live: LiveServer, stranger: tuple[Namespace, Key, str], name: str
    ) -> None:
        assert (
            "needs an admin key"
            in simulate(live, "--namespace", name, key=stranger[2], code=1).stderr
        )
        key = live.new_key(KeyKind.READ)
        assert (
            "may not do that"
            in simulate(live, "--namespace", key[0].name, key=key[2], code=1).stderr
        )

    def test_a_namespace_with_something_else(
        self, live: LiveServer, stranger: tuple[Namespace, Key, str]
    ) -> None:
        namespace = stranger[0].name
        document = {"document_id": "a", "vectors": {}, "payload": {"title": "Mine"}}
        with live.client() as client:
            path = f"/v1/namespaces/{namespace}/documents/upsert"
            assert client.post(path, json={"documents": [document]}).status_code == 200
        error = simulate(live, "--namespace", namespace, code=1).stderr
        assert "holds something else" in error
        assert namespace not in error


@pytest.mark.parametrize(
    ("url", "says"),
    [("http://127.0.0.1:1", "Nothing answers"), ("localhost:8000", "looks like")],
)
def test_a_service_that_is_not_there(url: str, says: str) -> None:
    result = CliRunner().invoke(main, ["simulate", "--url", url, "--key", "x"])
    assert result.exit_code == 1
    assert says in result.stderr


def test_the_demo_shows_what_was_learned_and_takes_away_what_it_made(tmp_path: Path) -> None:
    """As a person runs it, over a database that is there to stay."""
    url = f"sqlite:///{tmp_path / 'mine.db'}"
    command = [sys.executable, "-m", "desirepath", "demo", "--searches", "20", "--stay"]
    done = subprocess.run(
        [*command, "--database", url], capture_output=True, input="\n", text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    text = done.stdout
    assert "A simulation   nDCG@10; 20 searches" in text
    assert re.search(r"http://127\.0\.0\.1:\d+/sign-in\?token=\S+\n", text)
    assert re.search(r"curl -s -H 'Authorization: Bearer dp_admin_\w+' .*/weights/explain\n", text)
    assert "Press Enter" in text
    assert re.search(r"There is no ranker: .* did not end well:.*\d+ needed", text, re.DOTALL)
    with closing(open_engine(load_settings({"database": url}, {}))) as engine:
        with engine.storage.read() as session:
            assert [one.name for one in session.catalog.namespaces()] == ["default"]
            keys = [key for key in session.catalog.api_keys() if key.name == "demo"]
        assert [key.revoked_at is not None for key in keys] == [True]


def test_models_learn_from_shoppers_and_add_something(live_sqlite: LiveServer, name: str) -> None:
    """A simulation of 300 searches, then of 100 more, by what products are really worth.

    A ranker's gain is ten times its interval there; a recommender's is small, so that it is only
    measured.
    """
    options = Options(searches=300, seconds=None, users=60, clicks="both", concurrency=4, seed=5)
    with Service(live_sqlite.url, live_sqlite.admin_key) as service:
        opened = open_shop(service, name, options)
        run(opened, options)
        ranker, recommender = train_models(opened, options)
    assert ranker.gain is not None
    assert (ranker.gain.n, ranker.gain.over.low > 0) == (100, True)
    assert recommender.gain is not None
    assert recommender.gain.n == 60
    assert 0 < recommender.gain.without < 1
    assert recommender.model is not None
    # So few searches may say nothing beyond popularity: then that is served, and gains nothing.
    is_popularity = "No taste beyond popularity" in (recommender.model.verdict or "")
    assert (recommender.gain.with_model == recommender.gain.without) is is_popularity
    text = "".join(
        str(segment.text)
        for segment in Console(width=80).render(render_models([ranker, recommender]))
    )
    assert re.search(
        r"ranker +\d+ s +0\.\d{3} +0\.\d{3} +\+0\.\d{3} \[\+0\.\d{3}, \+0\.\d{3}\] +100 searches",
        text,
    )
    assert max(cell_len(line) for line in text.splitlines()) <= 80
