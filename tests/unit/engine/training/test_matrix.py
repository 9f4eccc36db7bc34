"""What rankers are trained on, from a recorded log with documents."""

from __future__ import annotations

import math

import numpy as np
import pytest

from desirepath.domain.ranking_features import DAY, key_of, pair_key_of
from desirepath.domain.scope import Scope
from desirepath.engine.engine import Engine
from desirepath.engine.recording import Submission
from desirepath.engine.training.matrix import Grading, TrainingData, training_data
from desirepath.errors import InvalidSetting
from desirepath.methods.ranking.counters import NEVER, CounterSnapshot
from desirepath.storage.base import Namespace
from desirepath.testing.clock import START, TestingClock
from desirepath.testing.examples import a_document, sent_execution, sent_interaction

DEFAULT = Namespace(number=1, namespace_id="ns_default", name="default", created_at=START)
NAMES = (
    "rank",
    "document_score",
    "score:vector://image",
    "feature:margin",
    "field:price.eur",
    "age:made",
    "ctr",
    "ctr_of_pair",
    "popularity",
    "days_since_click",
    "user_affinity:colour",
)


@pytest.fixture
def recorded(engine: Engine, clock: TestingClock) -> Engine:
    """Two searches of one user; red was clicked, then bought, in the first."""
    with engine.storage.write() as session:
        session.documents.upsert(
            1,
            [
                a_document(
                    document_id="red",
                    payload={"price": {"eur": 3}, "made": "2020-01-01", "colour": ["red", "warm"]},
                ),
                a_document(document_id="blue", payload={"price": {"eur": 4}, "colour": "blue"}),
            ],
        )
    search(engine, "first", "red", "blue")
    clock.advance(seconds=120)
    for type in ("click", "purchase"):
        act(engine, "first", "red", type)
    clock.advance(seconds=120)
    search(engine, "second", "blue", "red", "gone")
    act(engine, "second", "blue", "click")
    clock.advance(seconds=120)
    return engine


def search(engine: Engine, name: str, *documents: str) -> None:
    shown = [
        {
            "document_id": document,
            "score": 0.5,
            "scores": {"vector://image": 0.25},
            "features": {"margin": 7.0} if document == "red" else None,
        }
        for document in documents
    ]
    sent = sent_execution(execution_id=name, user_id="ann", documents=shown)
    engine.submit(Submission(namespace=1, executions=(sent,)))


def act(engine: Engine, name: str, document: str, type: str) -> None:
    sent = sent_interaction(
        execution_id=name, feature_id=document, interaction_type=[type], user_id="ann"
    )
    engine.submit(Submission(namespace=1, interactions=(sent,)))


def read(engine: Engine, grading: Grading = Grading.GRADED) -> TrainingData:
    return training_data(engine, DEFAULT, NAMES, Scope(), grading=grading)


def test_lists_with_features_and_grades(recorded: Engine) -> None:
    data = read(recorded)
    matrix = data.matrix
    assert matrix.list_ids is not None
    assert matrix.document_ids is not None
    assert matrix.list_ids.tolist() == ["first", "second"]
    assert matrix.document_ids.tolist() == ["red", "blue", "blue", "red", "gone"]
    assert matrix.groups.tolist() == [2, 3]
    assert matrix.positions.tolist() == [0, 1, 0, 1, 2]
    assert matrix.grades.tolist() == [3, 0, 1, 0, 0]
    assert read(recorded, Grading.BINARY).matrix.grades.tolist() == [1, 0, 1, 0, 0]
    of = dict(zip(NAMES, matrix.values.T.tolist(), strict=True))
    nan = math.nan
    assert of["rank"] == [0, 1, 0, 1, 2]
    assert of["document_score"] == [0.5] * 5
    assert of["score:vector://image"] == [0.25] * 5
    assert of["feature:margin"] == pytest.approx([7, nan, nan, 7, nan], nan_ok=True)
    assert of["field:price.eur"] == pytest.approx([3, 4, 4, 3, nan], nan_ok=True)
    assert of["age:made"][1] != of["age:made"][1]  # NaN: blue was never made
    assert of["age:made"][3] - of["age:made"][0] == pytest.approx(240 / 86_400, abs=1e-3)
    # Nothing had happened at the first search; one click on two exposures before the second.
    assert of["ctr"][:2] == pytest.approx([nan, nan], nan_ok=True)
    assert of["ctr"][2:] == pytest.approx(
        [(0 + 5 * 0.5) / (1 + 5), (1 + 5 * 0.5) / (1 + 5), 0.5], rel=1e-3
    )
    assert of["popularity"] == pytest.approx([0, 0, 0, math.log(2), 0], abs=1e-3)
    assert of["days_since_click"][3] < 300 / 86_400
    assert of["user_affinity:colour"][:2] == pytest.approx([nan, nan], nan_ok=True)
    blue, red = of["user_affinity:colour"][2:4]
    assert red > 0 > blue


def test_the_snapshot_has_what_was_recorded(recorded: Engine) -> None:
    data = read(recorded)
    snapshot = CounterSnapshot.from_bytes(data.snapshot.to_bytes())
    place = {int(key): number for number, key in enumerate(snapshot.keys)}
    assert (np.diff(snapshot.keys.astype(object)) > 0).all()
    red, gone = place[key_of("red")], place[key_of("gone")]
    assert snapshot.exposed[[red, gone]] == pytest.approx([2, 1], abs=1e-3)
    assert snapshot.clicks[[red, gone]] == pytest.approx([1, 0], abs=1e-3)
    assert snapshot.first_at[red] < snapshot.last_click[red] < snapshot.origin
    assert snapshot.last_click[gone] == NEVER
    assert snapshot.clicks_all == pytest.approx(2, abs=1e-3)
    pairs = {int(key): number for number, key in enumerate(snapshot.pair_keys)}
    assert snapshot.pair_clicks[pairs[pair_key_of("shoes", "red")]] == pytest.approx(1, abs=1e-3)
    assert data.layout.value_shares == {
        "colour": pytest.approx({"blue": 0.4, "red": 0.4, "warm": 0.4})
    }


def test_an_empty_log_has_no_lists(engine: Engine) -> None:
    data = read(engine)
    assert data.matrix.n_lists == 0
    assert len(data.snapshot.keys) == 0


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([], "at least one feature"),
        (["rank", "rank"], "named twice"),
        (["rnak"], "no such feature"),
        (["field"], "after a colon"),
        (["rank:1"], "nothing after its name"),
    ],
)
def test_names_that_cannot_be(engine: Engine, names: list[str], words: str) -> None:
    with pytest.raises(InvalidSetting, match=words):
        training_data(engine, DEFAULT, names, Scope())


def test_searches_of_other_retrievers_count_where_all_are_asked_for(recorded: Engine) -> None:
    of_one = training_data(recorded, DEFAULT, ["ctr"], Scope(retriever_id="ret_2"))
    assert of_one.matrix.n_lists == 0
    assert len(of_one.snapshot.keys) == 0
    assert of_one.layout.retriever_id == "ret_2"
    assert START < recorded.clock.now() < START + DAY
