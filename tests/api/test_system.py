"""Health and figures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from desirepath.errors import StorageFull, StorageUnavailable
from desirepath.storage.base import Session
from tests.api.client import INTERACTIONS, Api, click, done


class TestHealth:
    def test_alive_and_ready(self, api: Api) -> None:
        for path in ("/livez", "/readyz"):
            assert done(api.get(path, key=None)) == {"status": "ok"}

    @pytest.mark.parametrize("error", [StorageUnavailable(), StorageFull()])
    def test_not_ready_when_it_cannot_write(
        self, api: Api, monkeypatch: pytest.MonkeyPatch, error: Exception
    ) -> None:
        own = api.under(list_seconds=4.0)
        readiness = own.application.readiness

        @contextmanager
        def write() -> Iterator[Session]:
            raise error
            yield

        with monkeypatch.context() as broken:
            broken.setattr(own.engine.storage, "write", write)
            broken.setattr(readiness, "_until", 0.0)
            answer = own.get("/readyz", key=None)
            assert (answer.status_code, answer.json()) == (503, {"status": "storage"})
            assert done(own.get("/livez", key=None)) == {"status": "ok"}
            assert own.get("/v1/retrievers").status_code == 200
        readiness._until = 0.0
        assert own.get("/readyz", key=None).status_code == 200

    def test_not_ready_while_draining(self, api: Api) -> None:
        own = api.under(list_seconds=3.0)
        own.application.readiness.draining = True
        try:
            answer = own.get("/readyz", key=None)
            assert (answer.status_code, answer.json()) == (503, {"status": "draining"})
            assert own.record()["interaction_id"], "requests on their way are still answered"
        finally:
            own.application.readiness.draining = False

    def test_tells_nothing_of_the_machine(self, api: Api) -> None:
        for path in ("/livez", "/readyz"):
            assert api.get(path, key=None).text == '{"status":"ok"}'


def failing(api: Api, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    @contextmanager
    def write() -> Iterator[Session]:
        raise error
        yield

    monkeypatch.setattr(api.engine.storage, "write", write)


class TestStorageFailures:
    @pytest.mark.parametrize(
        ("error", "status", "code"),
        [
            (StorageUnavailable(), 503, "storage_unavailable"),
            (StorageFull(), 507, "storage_full"),
        ],
    )
    def test_writes_say_so_and_reads_go_on(
        self,
        api: Api,
        monkeypatch: pytest.MonkeyPatch,
        error: Exception,
        status: int,
        code: str,
    ) -> None:
        created = api.record()
        own = api.under(list_seconds=2.0)
        with monkeypatch.context() as broken:
            failing(own, broken, error)
            requests: list[tuple[str, Any]] = [
                (INTERACTIONS, click()),
                (f"{INTERACTIONS}/batch", {"interactions": [click()]}),
                ("/v1/retrievers", {"retriever_name": "x"}),
            ]
            for path, body in requests:
                answer = own.post(path, body)
                assert (status, code) == (answer.status_code, answer.json()["error"]["code"])
                assert answer.json()["error"]["details"]["retryable"] is True
                assert ("retry-after" in answer.headers) is (status == 503)
            assert created == own.read(created["interaction_id"])
            assert own.post(INTERACTIONS, click(position=-1)).status_code == 422
        assert own.record()["interaction_id"]
        assert len(own.list()["results"]) == 2


class TestMetrics:
    def test_is_prometheus_text_with_routes_and_never_paths(self, api: Api) -> None:
        row = api.record(user_id="canary-ada", metadata={"q": "canary-query"})
        api.get(f"{INTERACTIONS}/{row['interaction_id']}")
        api.get("/v1/retrievers/canary-name")
        api.get("/v1/retrievers", key="canary-key")
        api.get("/canary-path")
        answer = api.get("/metrics", key=None)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain; version=")
        text = answer.text
        assert "canary" not in text
        assert row["interaction_id"] not in text
        assert not any(token in text for token in api.keys)
        series = (
            'http_server_request_duration_seconds_count{http_request_method="POST",'
            f'http_response_status_code="200",http_route="{INTERACTIONS}"}}'
        )
        assert series in text
        assert 'http_route="/v1/retrievers/{retriever_id}"' in text
        assert "desirepath_auth_failures_total" in text

    def test_counts_requests(self, api: Api) -> None:
        own = api.under(list_seconds=1.5)

        def count() -> float:
            lines = own.get("/metrics", key=None).text.splitlines()
            wanted = 'http_request_method="POST",http_response_status_code="200",http_route="/v1/re'
            found = [line for line in lines if wanted in line and "_count{" in line]
            return sum(float(line.rsplit(" ", 1)[1]) for line in found)

        before = count()
        for _ in range(3):
            own.record()
        assert count() - before == 3
