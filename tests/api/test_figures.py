"""The figures of /metrics: each counts what it says, and labels stay few."""

from __future__ import annotations

import math
import re
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from desirepath.api.metrics import Metrics
from desirepath.storage.base import Storage
from tests.api.client import INTERACTIONS, Api, click, done
from tests.api.live import start


def read(text: str) -> dict[str, float]:
    """Samples by name and sorted labels, as in ``name{a=1,b=2}``."""
    samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            samples[f"{sample.name}{{{labels}}}"] = sample.value
    return samples


def figures(api: Api) -> dict[str, float]:
    return read(api.get("/metrics", key=None).text)


class Change:
    """What a test added to the figures of an application that others use too."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._before = figures(api)

    def of(self, name: str) -> dict[str, float]:
        """What grew, by labels."""
        now = figures(self._api)
        grown = {key: value - self._before.get(key, 0.0) for key, value in now.items()}
        return {
            key[len(name) + 1 : -1]: value
            for key, value in grown.items()
            if key.startswith(f"{name}{{") and value
        }


class TestResults:
    def test_interactions_by_what_became_of_them(self, api: Api) -> None:
        change = Change(api)
        shown = api.execution(api.retriever(), "a", "b")
        api.record(event_id="e1", execution_id=shown["execution_id"], feature_id="a")
        api.record(event_id="e1", execution_id=shown["execution_id"], feature_id="a")
        api.post(INTERACTIONS, click(event_id="e1", feature_id="b"))
        api.post(INTERACTIONS, click(position=-1))
        api.post(INTERACTIONS, content=b"{oops")
        items = [click(), click(), click(event_id="e1"), click(position=-1), click(nonsense=1)]
        done(api.post(f"{INTERACTIONS}/batch", {"interactions": items}))
        assert change.of("desirepath_interactions_total") == {
            "namespace=other,result=created": 3,
            "namespace=other,result=duplicate": 1,
            "namespace=other,result=conflict": 2,
            "namespace=other,result=rejected": 4,
        }
        assert change.of("desirepath_rejected_items_total") == {
            "kind=interaction,reason=event_conflict": 2,
            "kind=interaction,reason=invalid_interaction": 3,
            "kind=interaction,reason=malformed_json": 1,
        }
        assert change.of("desirepath_executions_total") == {"namespace=other,result=created": 1}

    def test_executions_too(self, api: Api) -> None:
        change = Change(api)
        path = f"/v1/retrievers/{api.retriever()}/executions"
        first = {"execution_id": "x", "documents": []}
        other = {"execution_id": "x", "documents": [{"document_id": "d"}]}
        done(api.post(path, first))
        done(api.post(f"{path}/batch", {"executions": [first, other, {"documents": 1}]}))
        api.post(path, {"documents": 1})
        assert change.of("desirepath_executions_total") == {
            "namespace=other,result=created": 1,
            "namespace=other,result=duplicate": 1,
            "namespace=other,result=conflict": 1,
            "namespace=other,result=rejected": 2,
        }

    def test_an_answer_that_is_given_again_is_a_duplicate(self, api: Api) -> None:
        change = Change(api)
        for _ in range(2):
            api.post(INTERACTIONS, click(), headers={"Idempotency-Key": "one"})
            body = {"interactions": [click(), click()]}
            api.post(f"{INTERACTIONS}/batch", body, headers={"Idempotency-Key": "many"})
        assert change.of("desirepath_interactions_total") == {
            "namespace=other,result=created": 3,
            "namespace=other,result=duplicate": 3,
        }

    def test_namespaces_are_told_apart_when_asked_for_and_only_so_many(self, api: Api) -> None:
        settings: dict[str, Any] = {"metrics_namespaces": 2}
        names = ["figures-a", "figures-b", "figures-c", "figures-d"]
        apis = [api.backend.api(name, **settings) for name in names]
        for number, one in enumerate(apis, start=1):
            for _ in range(number):
                one.record()
        found = figures(apis[0])
        total = "desirepath_interactions_total"
        assert found[f"{total}{{namespace=figures-a,result=created}}"] == 1
        assert found[f"{total}{{namespace=figures-b,result=created}}"] == 2
        assert found[f"{total}{{namespace=other,result=created}}"] == 7

    def test_refusals_before_anything_is_sent(self, api: Api) -> None:
        limited = api.under(address_requests_per_minute=2, failed_logins_per_minute=3)
        change = Change(limited)
        address = "10.77.0.1"
        for headers in ({}, {"Authorization": "Basic x"}, {"Authorization": "Bearer nonsense"}):
            limited.get("/v1/retrievers", key=None, headers=headers, address=address)
        limited.get("/v1/retrievers", key="nonsense", address=address)
        for _ in range(3):
            limited.get("/v1/retrievers", address=address)
        reasons = {"reason=missing": 1, "reason=malformed": 1, "reason=unknown": 2}
        assert change.of("desirepath_auth_failures_total") == reasons
        policies = {"policy=failed_logins": 1, "policy=address": 1}
        assert change.of("desirepath_ratelimited_total") == policies


class TestRequests:
    def test_pages_and_paths_that_are_not_there(self, api: Api) -> None:
        change = Change(api)
        api.get("/", key=None)
        api.get("/canary")
        api.post("/v1/canary/canary")
        api.delete("/v1/retrievers")
        api.call("CANARY", "/canary")
        counted = change.of("http_server_request_duration_seconds_count")
        name = "http_request_method={},http_response_status_code={},http_route={}".format
        assert counted[name("GET", 200, "/")] == 1
        assert counted[name("GET", 404, "unknown")] == 1
        assert counted[name("POST", 404, "unknown")] == 1
        assert counted[name("DELETE", 405, "/v1/retrievers")] == 1
        assert counted[name("_OTHER", 404, "unknown")] == 1
        assert not re.search("canary", "".join(figures(api)), re.IGNORECASE)

    def test_every_answer_names_its_request(self, api: Api) -> None:
        for path in ("/", "/docs", "/sign-in", "/static/desirepath.css", "/nothing", "/livez"):
            answer = api.get(path, key=None, headers={"X-Request-Id": "mine"})
            assert answer.headers.get_list("x-request-id") == ["mine"], path
        assert len(api.get("/", key=None).headers["x-request-id"]) > 8


class TestGauges:
    def test_commits_are_timed_and_their_groups_counted(self, api: Api) -> None:
        change = Change(api)
        for _ in range(3):
            api.record()
        assert change.of("desirepath_commit_seconds_count") == {"": 3}
        assert change.of("desirepath_commit_requests_sum") == {"": 3}

    def test_what_waits_to_be_recorded(self, api: Api) -> None:
        own = api.under(list_seconds=1.25)
        assert own.engine.queue() == (0, 0.0)
        held = own.engine.storage
        with held.write():
            asked = own.backend.portal.start_task_soon(_record, own)
            while own.engine.queue()[0] == 0 and not asked.done():
                sleep(0.001)
            sleep(0.02)
            waiting = read(own.application.metrics.text().decode())
        assert asked.result() == 200
        if own.backend.name == "sqlite":  # one at a time there; on PostgreSQL nobody waits
            assert waiting["desirepath_queue_depth{}"] == 1
            assert waiting["desirepath_oldest_pending_seconds{}"] >= 0.02
            assert waiting["http_server_active_requests{}"] == 1
        assert figures(own)["desirepath_queue_depth{}"] == 0

    def test_the_database_and_its_disk(self, api: Api) -> None:
        api.record()
        found = figures(api)
        is_sqlite = api.backend.name == "sqlite"
        assert (found["desirepath_wal_bytes{}"] > 0) == is_sqlite
        assert (found["desirepath_disk_free_bytes{}"] > 0) == is_sqlite
        assert math.isnan(found["desirepath_db_pool_in_use{}"]) == is_sqlite
        (build,) = [name for name in found if name.startswith("desirepath_build_info")]
        assert "version=0" in build

    def test_connections_in_use(self, storage: Storage) -> None:
        idle = storage.figures().connections_in_use
        with storage.read():
            busy = storage.figures().connections_in_use
        assert (idle, busy) in ((None, None), (0, 1))


async def _record(api: Api) -> int:
    from tests.api.client import Request, send_to

    request = Request("POST", INTERACTIONS, click(), api.keys.server)
    return (await send_to(api.application, request)).status_code


def test_labels_of_namespaces_stay_few() -> None:
    metrics = Metrics("0", "sqlite", 100)
    for number in range(1_000):
        metrics.count("interaction", f"n{number}", "created")
    counted = [key for key in read(metrics.text().decode()) if "interactions_total{" in key]
    assert len(counted) == 101


def test_any_worker_tells_the_figures_of_all(tmp_path: Path) -> None:
    with start(f"sqlite:///{tmp_path}/desirepath.db", "--workers", "2") as server:
        for _ in range(20):  # a new connection each: either worker takes it
            with server.client() as client:
                assert client.post(INTERACTIONS, json=click()).status_code == 200
        with server.client() as client:
            deadline = monotonic() + 60
            total = "desirepath_interactions_total{namespace=other,result=created}"
            while (found := read(client.get("/metrics").text)).get(total) != 20:
                assert monotonic() < deadline, found
                sleep(0.1)
            assert found["desirepath_wal_bytes{}"] > 0
            assert found["desirepath_commit_requests_sum{}"] == 20
    assert not list(Path("/tmp").glob(f"desirepath-metrics-*/*_{server.pid}.db"))
