"""The gate by command, and in process: what passes ships, and is rolled back."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import desirepath
from desirepath.cli import main
from desirepath.domain.artifact import ArtifactDraft
from desirepath.engine.bootstrap import ensure_defaults
from desirepath.engine.engine import Engine
from desirepath.engine.models import store_model
from desirepath.engine.recording import RecordingRules
from desirepath.engine.weights_files import FUSION_WEIGHTS, WEIGHTS, write_weights
from desirepath.errors import Conflict, InvalidEvaluation, NotFound
from desirepath.storage.open import open_storage
from desirepath.testing.clock import TestingClock
from tests.gated_shop import (
    BODY,
    N_QUERIES,
    TITLE,
    add_products,
    default,
    gated_retriever,
    judged,
    weight_set,
)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A gated retriever with good weights ``best`` and bad ones ``worst``."""
    url = f"sqlite:///{tmp_path}/shop.db"
    clock = TestingClock()
    with closing(Engine(open_storage(url, clock), clock, RecordingRules())) as engine:
        ensure_defaults(engine)
        add_products(engine)
        retriever = gated_retriever(engine, judged(engine).dataset_id)
        gated_retriever(engine, None, name="free")
        weight_set(engine, retriever, 1.0, 0.0, "best")
        weight_set(engine, retriever, 0.0, 1.0, "worst")
        torn = ArtifactDraft(
            kind=FUSION_WEIGHTS,
            name="torn",
            manifest={},
            files={WEIGHTS: write_weights({TITLE: 0.0})},
            retriever_id=retriever.retriever_id,
        )
        store_model(engine, default(engine), torn)
    return url


def run(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["gate", *arguments, "--database", url])


def test_what_passes_ships_and_is_rolled_back(url: str) -> None:
    result = run(url, "shop", "best")
    assert result.exit_code == 0, result.output
    assert result.stdout.split("\n")[1].startswith(" Ships: ndcg@10 is 1.0000 against ")
    (deciding,) = (line for line in result.stdout.split("\n") if "decides" in line)
    assert deciding.split()[-2:] == ["nothing", "decides"]  # it may lose nothing
    result = run(url, "shop", "--roll-back")
    assert (result.exit_code, result.stdout) == (
        0,
        "No shipped weights serve: what is learned does.\n",
    )
    result = run(url, "shop", "--roll-back")
    assert result.exit_code == 1
    assert "No weights are shipped" in result.stderr


def test_what_does_not_pass_says_why_and_exits_with_1(url: str) -> None:
    result = run(url, "shop", "worst", "--json")
    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    assert answer["passed"] is False
    assert answer["reason"].startswith("Does not ship: ndcg@10 is ")
    assert answer["evaluation_id"].startswith("eval_")
    with desirepath.open(url) as here:
        kept = here.evaluations.get(answer["evaluation_id"])
    assert kept["verdict"]["regressed_metrics"] == answer["regressed_metrics"] != []
    assert kept["baseline_evaluation_id"] != kept["evaluation_id"]


@pytest.mark.parametrize(("model", "verdict"), [("best", "Ships: "), ("worst", "Does not ship: ")])
def test_the_report_says_the_verdict_first(
    url: str, tmp_path: Path, model: str, verdict: str
) -> None:
    answer = json.loads(run(url, "shop", model, "--json").stdout)
    reason, evaluation_id = answer["reason"], answer["evaluation_id"]
    assert reason.startswith(verdict)
    html = tmp_path / "report.html"
    report = ["report", "evaluation", evaluation_id, "--database", url]
    printed = CliRunner().invoke(main, report)
    assert " ".join(printed.stdout.split()).startswith(reason)
    assert "Live and candidate" in printed.stdout
    written = CliRunner().invoke(main, [*report, "--html", str(html)])
    assert written.exit_code == 0, written.output
    page = html.read_text()
    assert f"<title>{reason}</title>" in page
    for words in ("candidate", "ndcg@10 (decides)", "may lose", answer["what_if"]["words"][:20]):
        assert words in page, words
    found = json.loads(CliRunner().invoke(main, [*report, "--json"]).stdout)
    assert found["gate"]["per_metric"] == answer["per_metric"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("shop",), "Give MODEL"),
        (("shop", "best", "--roll-back"), "Give MODEL"),
        (("free", "best"), "has no gate"),
        (("shop", "nobody"), "model"),
        (("shop", "best", "--version", "7"), "model"),
        (("shop", "torn"), "above 0"),
    ],
)
def test_what_cannot_be_judged(url: str, arguments: tuple[str, ...], words: str) -> None:
    result = run(url, *arguments)
    assert result.exit_code != 0
    assert words in result.stderr


def test_in_process(url: str) -> None:
    with desirepath.open(url) as here:
        told: list[int] = []
        found = here.evaluations.gate(
            "shop", "best", 1, progress=lambda done, total, words: told.append(done)
        )
        assert found["verdict"]["passed"] is True
        assert told[-1] == 2 * N_QUERIES
        shipped = here.retrievers.get("shop")["stages"][0]["parameters"]["learning_config"]
        assert shipped["shipped_weight_set"]["weights"] == {TITLE: 1.0, BODY: 0.0}
        assert shipped["shipped_weight_set"]["evaluation_id"] == found["evaluation_id"]
        assert here.evaluations.roll_back("shop") is None
        with pytest.raises(Conflict):
            here.evaluations.roll_back("shop")
        with pytest.raises(InvalidEvaluation):
            here.evaluations.gate("shop", "best", 0)
        with pytest.raises(NotFound):
            here.evaluations.gate("shop", "\x00")
