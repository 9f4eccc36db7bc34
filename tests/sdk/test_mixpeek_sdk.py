"""The official SDK, unmodified, against a running server on both databases.

Its high-level client sends an answer of 429 or 503 again by itself, as late as the answer says, and
urllib3 below it does so too for GET and DELETE: where that happens here, sleeping is taken from it.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from mixpeek import (
    ApiClient,
    ApiException,
    BulkInteractionsRequest,
    CloneRetrieverRequest,
    Configuration,
    CreateRetrieverRequest,
    ExplainRetrieverRequest,
    InteractionType,
    ListInteractionsRequest,
    ListRetrieversRequest,
    Mixpeek,
    PatchRetrieverRequest,
    RetrieverInteractionsApi,
    RetrieversApi,
    RetrieverStagesApi,
    SearchInteraction,
    SortDirection,
    SortOption,
    StageDiscovery,
    StageType,
)
from mixpeek._client.client import MixpeekAPIError
from mixpeek.exceptions import (
    BadRequestException,
    ConflictException,
    ForbiddenException,
    NotFoundException,
    UnauthorizedException,
    UnprocessableEntityException,
)

from desirepath.domain.access import KeyKind
from desirepath.domain.interaction import INTERACTION_TYPES
from tests.api.live import LiveServer, start

MISSING = f"int_{'0' * 32}"
URI = "mixpeek://text_extractor@v1/embedding"
STAGE = {
    "stage_name": "search",
    "stage_type": "filter",
    "config": {"stage_id": "feature_search", "parameters": {"final_top_k": 25}},
}

LIMIT = {"stage_name": "few", "config": {"stage_id": "limit", "parameters": {"limit": 3}}}


@pytest.fixture
def key(live: LiveServer) -> str:
    """Give a key of a new namespace."""
    return live.new_key()[2]


@pytest.fixture
def mixpeek(live: LiveServer, key: str) -> Mixpeek:
    """Give the high-level client; its answers are dicts whose keys are attributes too."""
    return Mixpeek(key, base_url=f"{live.url}/v1")


@pytest.fixture
def generated(live: LiveServer, key: str) -> Iterator[RetrieverInteractionsApi]:
    with ApiClient(Configuration(host=live.url, access_token=key)) as client:
        yield RetrieverInteractionsApi(client)


def an_interaction(**changes: Any) -> SearchInteraction:
    """A click on the first document, as the generated client takes it."""
    fields: dict[str, Any] = {"feature_id": "d", "interaction_type": ["click"], "position": 0}
    return SearchInteraction(**(fields | changes))


def log_execution(live: LiveServer, key: str, retriever_id: str) -> dict[str, Any]:
    """A search that was served elsewhere: the SDK has no call to log one."""
    body = {
        "execution_id": "their-search-1",
        "inputs": {"query": "red shoes"},
        "documents": [{"document_id": "doc_1", "score": 0.9}, {"document_id": "doc_2", "score": 1}],
    }
    with live.client(key) as client:
        answer = client.post(f"/v1/retrievers/{retriever_id}/executions", json=body)
    assert answer.status_code == 200, answer.text
    execution: dict[str, Any] = answer.json()
    return execution


class TestHighLevel:
    def test_create_and_get(self, mixpeek: Any) -> None:
        created = mixpeek.retrievers.create_interaction(
            document_id="doc_1",
            interaction_type=["view", "click"],
            position=2,
            retriever_id="ret_1",
            feature_uri=URI,
            user_id="ada",
            session_id="s",
            metadata={"device": "phone"},
        )
        assert created.feature_id == "doc_1"
        assert created["interaction_type"] == ["view", "click"]
        assert created.metadata.device == "phone"
        assert created.deduplicated is False
        assert mixpeek.retrievers.get_interaction(created.interaction_id) == created

    def test_create_with_the_defaults(self, mixpeek: Any) -> None:
        created = mixpeek.retrievers.create_interaction(feature_id="d", interaction_type=["click"])
        assert (created.position, created.retriever_id) == (0, None)
        assert created.warning.startswith("Recorded, but nothing can be learned from it")

    def test_repeats_are_dropped(self, mixpeek: Any) -> None:
        send = {"feature_id": "d", "interaction_type": ["click"], "execution_id": "e"}
        first, again = (mixpeek.retrievers.create_interaction(**send) for _ in range(2))
        assert (first.deduplicated, again.deduplicated) == (False, True)
        assert again.interaction_id is None

    def test_from_the_result_of_an_execution(
        self, live: LiveServer, mixpeek: Any, key: str
    ) -> None:
        retriever = mixpeek.retrievers.create(retriever_name="products", stages=[STAGE])
        execution = log_execution(live, key, retriever["retriever_id"])
        created = mixpeek.retrievers.create_interaction_from_result(
            execution, position=1, user_id="ada"
        )
        assert created.feature_id == "doc_2"
        assert created.execution_id == "their-search-1"
        assert created.retriever_id == retriever.retriever_id
        assert created.query_snapshot == {"query": "red shoes"}
        assert created.document_score == 1
        assert created.warning is None

    def test_from_a_result_with_learned_fusion(self, mixpeek: Any) -> None:
        result = {
            "execution_id": "e",
            "retriever_id": "ret_1",
            "documents": [{"document_id": "doc_1", "score": 0.5}],
            "learned_fusion_context": {"feature_uris": [URI, "other"]},
        }
        created = mixpeek.retrievers.create_interaction_from_result(
            result, position=0, interaction_type=["purchase"]
        )
        assert (created.feature_uri, created.metadata.reward_value) == (URI, 5)

    def test_backfill(self, mixpeek: Any) -> None:
        items: list[dict[str, Any]] = [
            {
                "feature_id": f"d{n}",
                "interaction_type": ["purchase"],
                "position": n,
                "retriever_id": "ret_1",
                "user_id": "u1",
                "feature_uri": URI,
                "occurred_at": f"2026-01-{n + 1:02}T10:30:00Z",
            }
            for n in range(20)
        ]
        items[7] |= {"position": -1}
        answer = mixpeek.retrievers.backfill_interactions(items)
        assert (answer.created, answer.failed) == (19, 1)
        assert answer.errors[0].startswith("[7] ")
        first = mixpeek.retrievers.get_interaction(answer.results[0].interaction_id)
        assert first.occurred_at.startswith("2026-01-01T10:30:00")

    def test_backfill_without_a_retriever_is_the_sdks_own_warning(self, mixpeek: Any) -> None:
        item = {"feature_id": "d", "interaction_type": ["click"], "position": 0}
        with pytest.warns(UserWarning, match="missing 'retriever_id'"):
            assert mixpeek.retrievers.backfill_interactions([item]).created == 1

    def test_list_pages(self, mixpeek: Any) -> None:
        items = [
            {
                "feature_id": f"d{n}",
                "interaction_type": ["click"],
                "position": n,
                "retriever_id": "ret_1" if n % 2 else "ret_2",
            }
            for n in range(30)
        ]
        mixpeek.retrievers.backfill_interactions(items)
        pages = [
            mixpeek.retrievers.list_interactions("ret_1", page=page, page_size=6)
            for page in (1, 2, 3, 4)
        ]
        assert [len(page.results) for page in pages] == [6, 6, 3, 0]
        listed = [row.feature_id for page in pages for row in page.results]
        assert listed == [f"d{n}" for n in range(29, 0, -2)]
        assert pages[1].pagination.page == 2
        assert pages[0]["items"] == pages[0]["results"]

    def test_delete_twice(self, mixpeek: Any) -> None:
        created = mixpeek.retrievers.create_interaction(feature_id="d", interaction_type=["click"])
        for _ in range(2):
            assert mixpeek.retrievers.delete_interaction(created.interaction_id).success is True
        with pytest.raises(MixpeekAPIError) as caught:
            mixpeek.retrievers.get_interaction(created.interaction_id)
        assert caught.value.status == 404

    def test_retrievers(self, mixpeek: Any) -> None:
        created = mixpeek.retrievers.create(
            name="products", stages=[STAGE], collection_identifiers=["c"], tags=["live"]
        )
        read = mixpeek.retrievers.get(created.retriever_id)
        assert {name: read[name] for name in created} == created
        assert (read.is_published, read.fusion) == (False, "rrf")
        assert mixpeek.retrievers.get("products") == read
        assert mixpeek.retrievers.list().results == [read]
        mixpeek.retrievers.delete(created.retriever_id)
        assert mixpeek.retrievers.list()["results"] == []

    def test_retrievers_change_and_are_copied(self, mixpeek: Any) -> None:
        created = mixpeek.retrievers.create(retriever_name="products", stages=[STAGE])
        answer = mixpeek.retrievers.update(
            created.retriever_id, stages=[*created.stages, LIMIT], description="Few."
        )
        assert (answer.retriever.version, answer.retriever.description) == (2, "Few.")
        assert [stage.config.stage_id for stage in answer.retriever.stages] == [
            "feature_search",
            "limit",
        ]
        copy = mixpeek.retrievers.clone("products", name="variant", tags=["b"])
        assert copy.source_retriever_id == created.retriever_id
        assert copy.retriever.stages == answer.retriever.stages
        assert (copy.retriever.retriever_name, copy.retriever.tags) == ("variant", ["b"])
        other = mixpeek.retrievers.clone("products", {"retriever_name": "x", "stages": [LIMIT]})
        assert other.retriever.fusion is None

    def test_a_search_by_vectors_makes_its_retriever(self, mixpeek: Any) -> None:
        """What the client sends for ``search(namespace_id=…, queries=…)``, up to executing it."""
        entry = {
            "feature_uri": "sdk_8",
            "query": {"input_mode": "vector", "value": [0.1] * 8},
            "top_k": 5,
        }
        stage = {
            "stage_name": "feature_search",
            "stage_type": "filter",
            "config": {
                "stage_id": "feature_search",
                "parameters": {"searches": [entry], "final_top_k": 5},
            },
        }
        created = mixpeek.retrievers.create(retriever_name="sdk-byov-search-1", stages=[stage])
        assert created.stages[0].parameters.searches == [entry]

    def test_namespace_by_name_and_id(self, live: LiveServer) -> None:
        namespace, _, key = live.new_key()
        for named in (namespace.name, namespace.namespace_id):
            client: Any = Mixpeek(key, namespace=named, base_url=f"{live.url}/v1/")
            assert client.retrievers.list().total == 0
        foreign = Mixpeek(key, namespace="default", base_url=f"{live.url}/v1")
        with pytest.raises(MixpeekAPIError) as caught:
            foreign.retrievers.list()
        assert caught.value.status == 404

    def test_root_without_v1_is_told(self, live: LiveServer, key: str) -> None:
        with pytest.raises(MixpeekAPIError, match="did you mean /v1/retrievers/interactions"):
            Mixpeek(key, base_url=live.url).retrievers.create_interaction(
                feature_id="d", interaction_type=["click"]
            )

    @pytest.mark.parametrize(
        ("status", "code", "body"),
        [
            (409, "event_conflict", {"event_id": "taken", "position": 5}),
            (422, "invalid_interaction", {"position": -1}),
            (422, "invalid_interaction", {"color": "red"}),
        ],
    )
    def test_errors(self, mixpeek: Any, status: int, code: str, body: dict[str, Any]) -> None:
        common: dict[str, Any] = {"feature_id": "d", "interaction_type": ["click"]}
        mixpeek.retrievers.create_interaction(**common, event_id="taken")
        with pytest.raises(MixpeekAPIError) as caught:
            mixpeek.retrievers.create_interaction(**common, **body)
        assert (caught.value.status, caught.value.retryable) == (status, False)
        assert caught.value.detail["error"]["code"] == code

    def test_401_and_403(self, live: LiveServer) -> None:
        for key, status in (("sk_wrong", 401), (live.new_key(KeyKind.READ)[2], 403)):
            with pytest.raises(MixpeekAPIError) as caught:
                Mixpeek(key, base_url=f"{live.url}/v1").retrievers.create_interaction(
                    feature_id="d", interaction_type=["click"]
                )
            assert caught.value.status == status


class TestGenerated:
    def create(self, api: Any, **changes: Any) -> Any:
        return api.create_interaction_retrievers(an_interaction(**changes))

    def ids(self, answer: Any) -> list[str]:
        return [row.feature_id for row in answer.results]

    @pytest.fixture
    def filled(self, generated: Any) -> Any:
        for n, kind in enumerate(["click", "purchase", "view", "click", "skip"]):
            self.create(
                generated,
                feature_id=f"d{n}",
                position=n,
                interaction_type=[kind],
                user_id="ada" if n < 3 else "bob",
                metadata={"device": "phone" if n % 2 else "desktop"},
            )
        return generated

    def test_create_and_get(self, generated: Any) -> None:
        created = self.create(
            generated,
            metadata={"a": [1, None, {"b": "é"}]},
            query_snapshot={"query": "shoes"},
            document_score=0.5,
            result_set_size=10,
            feature_uri=URI,
            user_id="u",
            session_id="s",
        )
        assert created.interaction_id.startswith("int_")
        assert created.deduplicated is False
        assert created.metadata == {"a": [1, None, {"b": "é"}], "reward_value": 1.0}
        assert isinstance(created.occurred_at, datetime)
        assert isinstance(created.timestamp, str)
        assert created == generated.get_interaction_retrievers(created.interaction_id)

    def test_every_type_of_both_sides(self, generated: Any) -> None:
        theirs = {kind.value for kind in InteractionType}
        assert theirs == set(INTERACTION_TYPES)
        created = self.create(generated, interaction_type=sorted(theirs))
        assert {kind.value for kind in created.interaction_type} == theirs

    def test_times(self, generated: Any) -> None:
        moment = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
        assert self.create(generated, occurred_at=moment).occurred_at == moment
        naive = self.create(generated, occurred_at=moment.replace(tzinfo=None))
        assert naive.occurred_at == moment
        future = self.create(generated, occurred_at=datetime.now(UTC) + timedelta(days=1))
        assert abs(future.occurred_at - datetime.now(UTC)) < timedelta(minutes=1)
        assert "in the future" in future.warning

    def test_zero_results(self, generated: Any) -> None:
        created = self.create(
            generated, feature_id="_query", interaction_type=["zero_results"], result_set_size=0
        )
        assert created.result_set_size == 0

    def test_repeat(self, generated: Any) -> None:
        first, again = (self.create(generated, execution_id="e") for _ in range(2))
        assert (first.deduplicated, again.deduplicated, again.interaction_id) == (False, True, None)

    def test_batch(self, generated: Any) -> None:
        items = [an_interaction(feature_id=f"d{n}", position=n) for n in range(3)]
        items.append(an_interaction(feature_id="bad", result_set_size=0))
        answer = generated.create_interactions_bulk_retrievers_batch(
            BulkInteractionsRequest(interactions=items)
        )
        assert (answer.created, answer.failed) == (3, 1)
        assert [result.index for result in answer.results] == [0, 1, 2]
        assert {result.status for result in answer.results} == {"created"}
        assert answer.errors[0].startswith("[3] ")

    def test_list_without_a_body(self, filled: Any) -> None:
        answer = filled.list_interactions_retrievers()
        assert self.ids(answer) == ["d4", "d3", "d2", "d1", "d0"]
        assert answer.items == answer.results
        assert answer.pagination.total is None

    @pytest.mark.parametrize(
        ("request_", "expected"),
        [
            ({"user_id": "ada"}, ["d2", "d1", "d0"]),
            ({"interaction_type": "click"}, ["d3", "d0"]),
            ({"feature_id": "d4"}, ["d4"]),
            ({"search": "phone"}, ["d3", "d1"]),
            ({"filters": {"position": {"lte": 1}}}, ["d1", "d0"]),
            ({"filters": {"metadata.device": "phone", "position": {"gt": 1}}}, ["d3"]),
            # A condition goes through from_dict as a group with extra keys and an extra flag.
            ({"filters": {"field": "position", "operator": "lte", "value": 1}}, ["d1", "d0"]),
            (
                {
                    "filters": {
                        "AND": [
                            {"field": "position", "operator": "lte", "value": 3},
                            {
                                "field": "interaction_type",
                                "operator": "in",
                                "value": ["click", "purchase"],
                            },
                        ]
                    }
                },
                ["d3", "d1", "d0"],
            ),
            ({"filters": {"NOT": [{"field": "user_id", "value": "ada"}]}}, ["d4", "d3"]),
            (
                {
                    "filters": {
                        "OR": [
                            {"AND": [{"user_id": "ada"}, {"position": 0}]},
                            {"interaction_type": "skip"},
                        ]
                    }
                },
                ["d4", "d0"],
            ),
            ({"filters": {"created_at": {"gte": "2020-01-01"}}, "user_id": "bob"}, ["d4", "d3"]),
            (
                {"sort": {"field": "position", "direction": "asc"}, "user_id": "ada"},
                ["d0", "d1", "d2"],
            ),
        ],
        ids=str,
    )
    def test_list_from_a_dict(
        self, filled: Any, request_: dict[str, Any], expected: list[str]
    ) -> None:
        request = ListInteractionsRequest.from_dict(request_)
        assert self.ids(filled.list_interactions_retrievers(list_interactions_request=request)) == (
            expected
        )

    def test_pages(self, filled: Any) -> None:
        request = ListInteractionsRequest(
            sort=SortOption(field="timestamp", direction=SortDirection.ASC)
        )
        seen: list[str] = []
        cursor = None
        for _ in range(4):
            answer = filled.list_interactions_retrievers(
                limit=2, cursor=cursor, include_total=True, list_interactions_request=request
            )
            seen += self.ids(answer)
            assert (answer.pagination.total, answer.pagination.total_pages) == (5, 3)
            cursor = answer.pagination.next_cursor
            if cursor is None:
                break
        assert seen == ["d0", "d1", "d2", "d3", "d4"]
        second = filled.list_interactions_retrievers(page_size=2, page=2)
        assert (
            self.ids(second)
            == self.ids(filled.list_interactions_retrievers(limit=2, offset=2))
            == ["d2", "d1"]
        )
        after = filled.list_interactions_retrievers(
            limit=2, after=second.pagination.next_cursor, next_cursor=None
        )
        assert self.ids(after) == ["d0"]

    def test_delete(self, generated: Any) -> None:
        created = self.create(generated)
        for _ in range(2):
            assert generated.delete_interaction_retrievers(created.interaction_id)["success"]
        with pytest.raises(NotFoundException):
            generated.get_interaction_retrievers(created.interaction_id)

    def test_namespace_header(self, live: LiveServer) -> None:
        namespace = live.new_key()[0]
        configuration = Configuration(host=live.url, access_token=live.admin_key)
        with ApiClient(configuration, "X-Namespace", namespace.name) as client:
            api = RetrieverInteractionsApi(client)
            created = self.create(api)
            assert self.ids(api.list_interactions_retrievers()) == [created.feature_id]


class TestGeneratedErrors:
    """Each status in the SDK's own class, with the envelope parsed where the SDK parses it."""

    def api(self, live: LiveServer, key: str) -> Any:
        return RetrieverInteractionsApi(ApiClient(Configuration(host=live.url, access_token=key)))

    def check(self, error: Any, status: int, type_name: str) -> None:
        assert error.status == status
        assert error.data.success is False
        assert error.data.status == status
        assert error.data.error.type == type_name
        assert error.data.error.message

    def test_400(self, generated: Any) -> None:
        with pytest.raises(BadRequestException) as caught:
            generated.list_interactions_retrievers(cursor="nonsense")
        self.check(caught.value, 400, "BadRequestError")

    def test_401(self, live: LiveServer) -> None:
        with pytest.raises(UnauthorizedException) as caught:
            self.api(live, "sk_wrong").get_interaction_retrievers(MISSING)
        self.check(caught.value, 401, "UnauthorizedError")

    def test_403(self, live: LiveServer) -> None:
        api = self.api(live, live.new_key(KeyKind.READ)[2])
        with pytest.raises(ForbiddenException) as caught:
            api.delete_interaction_retrievers(MISSING)
        self.check(caught.value, 403, "ForbiddenError")

    def test_404(self, generated: Any) -> None:
        with pytest.raises(NotFoundException) as caught:
            generated.get_interaction_retrievers(MISSING)
        self.check(caught.value, 404, "NotFoundError")
        assert caught.value.data is not None
        assert caught.value.data.error.details["id"] == MISSING

    def test_409(self, live: LiveServer, generated: Any, key: str) -> None:
        body = {"feature_id": "d", "interaction_type": ["click"], "position": 0, "event_id": "e"}
        with live.client(key) as client:
            assert client.post("/v1/retrievers/interactions", json=body).status_code == 200
        # event_id is ours: the generated model has no such field, so the body goes by hand.
        with pytest.raises(ConflictException) as caught:
            generated.api_client.response_deserialize(
                _read(
                    generated.api_client.call_api(
                        "POST",
                        f"{live.url}/v1/retrievers/interactions",
                        {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
                        body | {"position": 9},
                    )
                ),
                {"200": "InteractionResponse"},
            )
        assert caught.value.status == 409

    def test_422(self, generated: Any) -> None:
        interaction = an_interaction(result_set_size=0)
        with pytest.raises(UnprocessableEntityException) as caught:
            generated.create_interaction_retrievers(interaction)
        self.check(caught.value, 422, "ValidationError")


def _read(response: Any) -> Any:
    response.read()
    return response


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """Serve with a limit that two requests reach; it is counted in memory, on any database."""
    url = f"sqlite:///{tmp_path_factory.mktemp('limited')}/desirepath.db"
    with start(url, "--key-requests-per-minute", "2") as server:
        yield server


class TestTooManyRequests:
    def test_generated(self, limited: LiveServer) -> None:
        key = limited.new_key()[2]
        with ApiClient(Configuration(host=limited.url, access_token=key)) as client:
            api = RetrieverInteractionsApi(client)
            interaction = an_interaction()
            for _ in range(2):
                api.create_interaction_retrievers(interaction)
            with pytest.raises(ApiException) as caught:
                api.create_interaction_retrievers(interaction)
        assert type(caught.value) is ApiException
        assert caught.value.status == 429
        assert caught.value.headers is not None
        assert 1 <= int(caught.value.headers["Retry-After"]) <= 60

    def test_high_level_waits_as_long_as_it_is_told(
        self, limited: LiveServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client: Any = Mixpeek(limited.new_key()[2], base_url=f"{limited.url}/v1")
        waits: list[float] = []
        send = {"feature_id": "d", "interaction_type": ["click"]}
        for _ in range(2):
            client.retrievers.create_interaction(**send)
        monkeypatch.setattr(time, "sleep", waits.append)
        with pytest.raises(MixpeekAPIError) as caught:
            client.retrievers.create_interaction(**send)
        monkeypatch.undo()
        error = caught.value
        assert (error.status, error.retryable) == (429, True)
        assert error.retry_after is not None
        assert 0 < error.retry_after <= 60
        assert error.detail["error"]["details"]["retry_after_seconds"] == error.retry_after
        assert waits, "the SDK did not try again"
        assert all(0 < wait <= 30 for wait in waits)
        key_of_body = error.detail["error"]["type"]
        assert key_of_body == "TooManyRequestsError"


def test_no_warning_of_the_sdks_own_on_the_usual_way(live: LiveServer, key: str) -> None:
    client = Mixpeek(key, base_url=f"{live.url}/v1")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        client.retrievers.create_interaction_from_result(
            log_execution(
                live,
                key,
                client.retrievers.create(name="r", stages=[STAGE])["retriever_id"],
            ),
            position=0,
        )


class TestGeneratedRetrievers:
    """The generated client, which checks each answer against its models."""

    @pytest.fixture
    def retrievers(self, live: LiveServer, key: str) -> Iterator[RetrieversApi]:
        with ApiClient(Configuration(host=live.url, access_token=key)) as client:
            yield RetrieversApi(client)

    @pytest.fixture
    def created(self, retrievers: Any) -> Any:
        request = CreateRetrieverRequest.from_dict(
            {
                "retriever_name": "products",
                "description": "Finds products.",
                "stages": [STAGE, LIMIT],
                "collection_identifiers": ["c"],
                "input_schema": {
                    "query": {"type": "text", "required": True, "examples": ["red shoes"]},
                    "page": {"type": "object", "properties": {"size": {"type": "integer"}}},
                },
                "budget_limits": {"max_credits": 1.5, "max_time_ms": 100},
                "tags": ["live"],
                "metadata": {"owner": "ada"},
            }
        )
        return retrievers.create_retriever(request)

    def test_create_and_get(self, retrievers: Any, created: Any) -> None:
        assert created.retriever_id.startswith("ret_")
        assert (created.fusion, created.version) == ("rrf", 1)
        assert created.collection_identifiers == created.collection_ids == ["c"]
        assert created.stages[0].parameters == {"final_top_k": 25}
        assert created.stages[1].stage_type == StageType.FILTER
        assert created.input_schema["query"].required is True
        assert created.budget_limits.max_time_ms == 100
        read = retrievers.get_retriever(created.retriever_id)
        assert read.is_published is False
        assert read.to_dict().items() >= created.to_dict().items()

    def test_an_old_one_without_stages_cannot_be_parsed_by_the_sdk(
        self, live: LiveServer, key: str, retrievers: Any
    ) -> None:
        """Its model wants a stage; ours may have none, and only logs."""
        with live.client(key) as client:
            answer = client.post("/v1/retrievers", json={"retriever_name": "logs"})
        with pytest.raises(ValueError, match="at least 1 item"):
            retrievers.get_retriever(answer.json()["retriever_id"])

    def test_list(self, retrievers: Any, created: Any) -> None:
        request = ListRetrieversRequest(
            search="prod*",
            filters={"collection_ids": {"$in": ["c"]}},
            sorts=[{"field": "created_at", "direction": "desc"}],
        )
        answer = retrievers.list_retrievers(include_total=True, list_retrievers_request=request)
        assert [row.retriever_id for row in answer.results] == [created.retriever_id]
        assert (answer.total, answer.pagination.total, answer.warnings) == (1, 1, [])

    def test_patch(self, retrievers: Any, created: Any) -> None:
        request = PatchRetrieverRequest(tags=["a", "b"])
        answer = retrievers.patch_retriever(created.retriever_id, request)
        assert (answer.retriever.tags, answer.retriever.version) == (["a", "b"], 2)

    def test_clone(self, retrievers: Any, created: Any) -> None:
        request = CloneRetrieverRequest(retriever_name="copy", tags=["new"])
        answer = retrievers.clone_retriever(created.retriever_id, request)
        assert answer.source_retriever_id == created.retriever_id
        assert (answer.retriever.retriever_name, answer.retriever.tags) == ("copy", ["new"])
        assert answer.retriever.stages == created.stages

    def test_stages(self, live: LiveServer, key: str) -> None:
        with ApiClient(Configuration(host=live.url, access_token=key)) as sdk:
            kinds: Any = RetrieverStagesApi(sdk).list_stages_retrievers()
        assert "feature_search" in {kind.stage_id for kind in kinds}
        assert all(kind.parameter_schema["properties"] for kind in kinds)
        with live.client(key) as client:
            plain = client.get("/v1/retrievers/stages?category=sort").json()
        described = [StageDiscovery.from_dict(kind) for kind in plain]
        assert [kind.to_dict() for kind in described if kind is not None] == plain

    def test_explain(self, retrievers: Any, created: Any) -> None:
        plan = retrievers.explain_retriever_execution_id_execute(
            created.retriever_id, ExplainRetrieverRequest(inputs={})
        )
        assert [stage.stage_name for stage in plan.execution_plan] == ["search", "few"]
        assert (plan.total_estimated_stages, plan.optimization_applied) == (2, False)

    @pytest.mark.usefixtures("created")
    def test_typeahead(self, retrievers: Any) -> None:
        answer = retrievers.typeahead_retrievers(q="c", fields="title", limit=5)
        assert answer.suggestions == ["c"]
        assert answer.collections[0].collection_name == "c"
