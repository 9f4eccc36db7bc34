"""Models over HTTP and in process: trained, listed, deployed, rolled back, deleted."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

import desirepath
from desirepath.domain.artifact import ArtifactDraft
from desirepath.engine.models import store_model
from desirepath.engine.tasks.running import run_task
from desirepath.errors import (
    AlreadyExists,
    Conflict,
    InvalidModel,
    InvalidQuery,
    InvalidSetting,
    NotBetter,
    NotEnoughData,
    NotFound,
)
from tests.api.client import Api, done
from tests.storage_fixtures import Database

MODELS = "/v1/models"
SETTINGS = {"features": ["feature:worth"], "trees": {"trees": 20, "rows_in_leaf": 5}}


def a_model(api: Api, name: str = "best", kind: str = "ranker", **report: Any) -> str:
    """Store a version; its id."""
    manifest = {"report": report} if report else {"seed": 7}
    draft = ArtifactDraft(kind=kind, name=name, manifest=manifest, files={"a.txt": b"tree"})
    return store_model(api.engine, api.namespace, draft).artifact_id


def lists(n: int) -> list[dict[str, Any]]:
    """Searches in which what is worth most is clicked: the first, the second, and so on."""
    return [
        {
            "execution_id": f"e{number}",
            "documents": [
                {"document_id": f"d{place}", "features": {"worth": float(place == number % 4)}}
                for place in range(4)
            ],
        }
        for number in range(n)
    ]


def clicks(n: int) -> list[dict[str, Any]]:
    return [
        {
            "feature_id": f"d{number % 4}",
            "interaction_type": ["click"],
            "position": number % 4,
            "execution_id": f"e{number}",
        }
        for number in range(n)
    ]


def fill(api: Api, n: int) -> None:
    done(api.post("/v1/retrievers", {"retriever_name": "shop"}))
    done(api.post("/v1/retrievers/shop/executions/batch", {"executions": lists(n)}))
    done(api.post("/v1/retrievers/interactions/batch", {"interactions": clicks(n)}))


def worked_on(api: Api, task: dict[str, Any]) -> dict[str, Any]:
    """Do what is left to the workers, of whatever namespace, until this task has ended."""
    while run_task(api.engine):
        found: dict[str, Any] = done(api.get(f"/v1/tasks/{task['task_id']}"))
        if found["status"] in ("COMPLETED", "FAILED"):
            return found
    raise AssertionError("there was nothing to do")


class TestTraining:
    @pytest.mark.parametrize("kind", ["ranker", "ctr"])
    def test_a_model_is_trained_as_a_task_and_deployed(self, api: Api, kind: str) -> None:
        fill(api, 500 if kind == "ctr" else 100)
        body = {
            "kind": kind,
            "name": "best",
            "settings": SETTINGS,
            "scope": {"retriever_id": "shop"},
        }
        answer = api.post(MODELS, body)
        assert answer.status_code == 202, answer.text
        task = worked_on(api, answer.json())
        assert (task["status"], task["error"]) == ("COMPLETED", None)
        (made,) = task["outputs"]
        model = done(api.get(f"{MODELS}/{made['model_id']}"))
        assert (model["kind"], model["name"], model["version"]) == (kind, "best", 1)
        assert model["manifest"]["features"] == ["feature:worth"]
        assert model["manifest"]["report"]["verdict"] == model["verdict"]
        assert model["beats_baselines"] is True
        assert model["retriever_id"] == done(api.get("/v1/retrievers/shop"))["retriever_id"]
        assert {file["name"] for file in model["files"]} >= {"trees.txt", "layout.json"}
        assert sum(file["n_bytes"] for file in model["files"]) == model["n_bytes"]
        assert done(api.post(f"{MODELS}/best/deploy"))["serving"] == 1
        listed = done(api.get(f"{MODELS}?kind={kind}"))["results"]
        assert [(one["model_id"], one["serves"]) for one in listed] == [(made["model_id"], True)]

    def test_too_little_fails_the_task_and_says_how_much_is_missing(self, api: Api) -> None:
        answer = api.post(MODELS, {"kind": "ranker", "name": "best"})
        assert answer.status_code == 202
        task = worked_on(api, answer.json())
        assert task["status"] == "FAILED"
        assert "20 needed, 0 found" in task["error"]

    @pytest.mark.parametrize(
        ("changes", "code", "location", "words"),
        [
            ({"kind": "oracle"}, "invalid_model", ["kind"], "ranker, ctr, recommender"),
            ({"name": "a/b"}, "invalid_model", ["name"], "no slash"),
            ({"colour": 1}, "invalid_model", ["colour"], "kind, name, settings, scope"),
            ({"scope": {"colour": 1}}, "invalid_model", ["scope", "colour"], "retriever_id"),
            ({"scope": {"start_date": "x"}}, "invalid_model", ["scope", "start_date"], "ISO 8601"),
            ({"settings": {"k": 0}}, "invalid_setting", ["settings", "k"], "k is from 1"),
            ({"settings": {"k": "ten"}}, "invalid_setting", ["settings", "k"], "int"),
            ({"settings": {"colour": 1}}, "invalid_setting", ["settings"], "there are features,"),
            (
                {"settings": {"trees": {"x": 1}}},
                "invalid_setting",
                ["settings", "trees"],
                "Unknown",
            ),
            ({"settings": {"features": ["x"]}}, "invalid_setting", ["settings", "features"], "ctr"),
            ({"settings": {"test_share": 1.0}}, "invalid_setting", ["settings", "test_share"], "0"),
            (
                {"settings": {"trees": {"leaves": 1}}},
                "invalid_setting",
                ["settings", "trees", "leaves"],
                "leaves is from 2",
            ),
            (
                {"kind": "recommender", "settings": {"factors": 0}},
                "invalid_setting",
                ["settings", "factors"],
                "factors",
            ),
        ],
    )
    def test_what_cannot_be_is_refused_at_once_with_its_place(
        self, api: Api, changes: dict[str, Any], code: str, location: list[str], words: str
    ) -> None:
        answer = api.post(MODELS, {"kind": "ranker", "name": "best"} | changes)
        assert answer.status_code == 422
        error = answer.json()["error"]
        (entry,) = error["details"]["validation_errors"]
        assert (error["code"], entry["location"]) == (code, ["body", *location])
        assert words in error["message"]
        assert done(api.post("/v1/tasks/list"))["results"] == []

    def test_other_refusals(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        wanted = {"kind": "ranker", "name": "best"}
        unknown = api.post(MODELS, wanted | {"scope": {"retriever_id": "nowhere"}})
        assert unknown.status_code == 404
        a_model(api, kind="recommender")
        assert api.post(MODELS, wanted).json()["error"]["code"] == "already_exists"
        assert api.post(MODELS, wanted, key="read").status_code == 403
        monkeypatch.setitem(sys.modules, "lightgbm", None)
        missing = api.post(MODELS, {"kind": "ctr", "name": "chances"})
        assert missing.status_code == 501
        assert "desirepath[train]" in missing.json()["error"]["message"]
        assert done(api.post("/v1/tasks/list"))["results"] == []


class TestKeeping:
    def test_versions_are_deployed_rolled_back_and_deleted(self, api: Api) -> None:
        first, second = a_model(api), a_model(api)
        assert api.post(f"{MODELS}/best/rollback").status_code == 409
        assert done(api.get(f"{MODELS}/best"))["model_id"] == second  # none serves
        assert done(api.post(f"{MODELS}/best/deploy", {"version": 1}))["serving"] == 1
        assert done(api.get(f"{MODELS}/best"))["model_id"] == first
        assert done(api.get(f"{MODELS}/best?version=2"))["model_id"] == second
        deployed = done(api.post(f"{MODELS}/{second}/deploy"))
        assert [one["model_id"] for one in deployed["deployments"]] == [first, second]
        back = done(api.post(f"{MODELS}/best/rollback"))
        assert (back["kind"], back["serving"]) == ("ranker", 1)
        assert done(api.get(f"{MODELS}/{second}/deployments")) == back
        assert api.delete(f"{MODELS}/{first}").json()["error"]["code"] == "conflict"
        assert done(api.delete(f"{MODELS}/{second}")) == {"success": True, "n_deleted": 1}
        assert done(api.delete(f"{MODELS}/best"))["n_deleted"] == 1
        for path in (f"{MODELS}/best", f"{MODELS}/{first}", f"{MODELS}/best/deployments"):
            assert api.get(path).status_code == 404
        for path in (f"{MODELS}/best/deploy", f"{MODELS}/{first}/rollback"):
            assert api.post(path).status_code == 404

    def test_what_is_not_better_serves_only_by_force(self, api: Api) -> None:
        id = a_model(api, beats_baselines=False, verdict="No better.")
        assert done(api.get(f"{MODELS}/{id}"))["verdict"] == "No better."
        refused = api.post(f"{MODELS}/best/deploy")
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "not_better")
        assert done(api.get(f"{MODELS}/best/deployments"))["serving"] is None
        assert done(api.post(f"{MODELS}/best/deploy", {"force": True}))["serving"] == 1

    def test_pages(self, api: Api) -> None:
        ids = [a_model(api, name) for name in ("one", "two", "one")]
        page = done(api.get(f"{MODELS}?page_size=2&include_total=true"))
        assert [one["model_id"] for one in page["results"]] == [ids[2], ids[1]]
        assert page["pagination"]["total"] == 3
        rest = done(api.get(page["pagination"]["next_page"]))
        assert [one["model_id"] for one in rest["results"]] == [ids[0]]
        named = done(api.get(f"{MODELS}?name=one"))["results"]
        assert [one["version"] for one in named] == [2, 1]
        assert done(api.get(f"{MODELS}?kind=ctr"))["results"] == []


class TestInProcess:
    def test_trains_right_here(self, database: Database, tmp_path: Path) -> None:
        told: list[tuple[int, int, str]] = []
        folder = str(tmp_path / "copies")
        with desirepath.open(database.url, analysis_folder=folder) as here:
            with pytest.raises(NotEnoughData):
                here.models.train("ranker", "best")
            here.retrievers.create("shop")
            here.executions.create_batch("shop", lists(100))
            here.interactions.create_batch(clicks(100))
            trained = here.models.train(
                "ranker",
                "best",
                settings=SETTINGS,
                scope={"retriever_id": "shop"},
                progress=lambda *step: told.append(step),
            )
            assert (trained["version"], trained["beats_baselines"]) == (1, True)
            assert here.models.get("best") == trained
            assert told[-1][2] == "learning"
            copied = [done for done, _, words in told if words == "copying the log"]
            assert copied == sorted(copied)
            for refused, error in (
                (("oracle", "best", {}), InvalidModel),
                (("ctr", "best", {}), AlreadyExists),
                (("ranker", "best", {"k": 0}), InvalidSetting),
                (("ranker", "best", {"features": ["\ud800"]}), InvalidModel),
            ):
                kind, name, settings = refused
                with pytest.raises(error):
                    here.models.train(kind, name, settings=settings)

    def test_writes_pairs(self, database: Database, tmp_path: Path) -> None:
        """Sixty searches for one thing, of four documents; of these the last is clicked."""
        folder, target = str(tmp_path / "copies"), tmp_path / "pairs.jsonl"
        with desirepath.open(database.url, analysis_folder=folder) as here:
            with pytest.raises(NotEnoughData):
                here.models.export_pairs(target)
            here.retrievers.create("shop")
            here.documents.upsert(
                [{"document_id": f"d{n}", "payload": {"title": f"Boot {n}"}} for n in range(4)]
            )
            here.executions.create_batch(
                "shop", [{**one, "inputs": {"query": "boots"}} for one in lists(60)]
            )
            here.interactions.create_batch([one for one in clicks(60) if one["feature_id"] == "d3"])
            found = here.models.export_pairs(target, settings={"negatives": 2})
            for refused, error in (
                ({"settings": {"negatives": "few"}}, InvalidSetting),
                ({"settings": {"hardness": 1}}, InvalidSetting),
                ({"scope": {"start_date": "soon"}}, InvalidModel),
                ({"scope": {"retriever_id": "other"}}, NotFound),
            ):
                with pytest.raises(error):
                    here.models.export_pairs(target, **refused)
            with pytest.raises(InvalidSetting, match="end in"):
                here.models.export_pairs(tmp_path / "pairs.csv")
        (side,) = found["files"]
        assert found["pairs"][side] == 1
        (row,) = map(json.loads, Path(found["files"][side]).read_text().splitlines())
        assert (row["anchor"], row["positive"]) == ("boots", "Boot 3")
        assert {row["negative_1"], row["negative_2"]} < {"Boot 0", "Boot 1", "Boot 2"}

    def test_keeps_models_as_over_http(self, database: Database) -> None:
        with desirepath.open(database.url) as here:
            for better in (True, True, False):
                store_model(
                    here._engine,
                    here._space,
                    ArtifactDraft(
                        kind="ctr_model",
                        name="chances",
                        manifest={"report": {"beats_baselines": better}},
                        files={"a": b"tree"},
                    ),
                )
            listed = here.models.list(kind="ctr", page_size=2)
            assert ([one["version"] for one in listed["results"]], listed["total"]) == ([3, 2], 3)
            assert here.models.list(name="other") == {"results": [], "total": 0}
            with pytest.raises(InvalidQuery):
                here.models.list(page_size=0)
            with pytest.raises(NotBetter):
                here.models.deploy("chances")
            assert here.models.deploy("chances", force=True)["serving"] == 3
            assert here.models.deploy("chances", 1)["serving"] == 1
            assert here.models.roll_back("chances")["serving"] == 3
            served = here.models.deployments("chances")["deployments"]
            assert [one["version"] for one in served] == [3, 1, 3]
            with pytest.raises(Conflict):
                here.models.delete(here.models.get("chances")["model_id"])
            assert here.models.delete("chances") == 3
            for name in ("chances", "a\x00b", "\ud800"):
                for look in (here.models.get, here.models.deploy, here.models.roll_back):
                    with pytest.raises(NotFound):
                        look(name)

    def test_leaves_trainings_to_workers(self, database: Database) -> None:
        with desirepath.open(database.url) as here:
            task = here.models.start("recommender", "recommender")
            assert here.tasks.get(task["task_id"]) == task
            assert here.tasks.list(status="PENDING") == {"results": [task], "total": 1}
            assert here.tasks.cancel(task["task_id"])["status"] == "CANCELED"
            assert here.tasks.list(status="PENDING")["total"] == 0
            with pytest.raises(Conflict):
                here.tasks.cancel(task["task_id"])
            with pytest.raises(InvalidQuery):
                here.tasks.list(status="LOST")
            with pytest.raises(NotFound):
                here.tasks.get("task_1")
