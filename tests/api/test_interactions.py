"""Record, read and delete one interaction: every field and every rule of the resource."""

from __future__ import annotations

from typing import Any

import pytest

from desirepath.domain.clock import format_time
from desirepath.domain.interaction import INTERACTION_TYPES
from tests.api.client import INTERACTIONS, Api, click, done

TEACHES_NOTHING = (
    "Recorded, but nothing can be learned from it: send the execution_id of the search "
    "(or at least a feature_uri)."
)
SECOND = 1_000_000
DOCUMENTED_TYPES = [
    "impression",
    "view",
    "click",
    "dwell",
    "positive_feedback",
    "negative_feedback",
    "purchase",
    "add_to_cart",
    "wishlist",
    "long_view",
    "share",
    "bookmark",
    "query_refinement",
    "zero_results",
    "filter_toggle",
    "skip",
    "return_to_results",
]
NEWER_TYPES = ["play", "download", "save", "add_to_project", "rating"]

FULL: dict[str, Any] = {
    "feature_id": "doc_7",
    "interaction_type": ["view", "click"],
    "position": 3,
    "metadata": {"device": "phone", "nested": {"a": [1, 2.5, None, True, "é"]}},
    "user_id": "user_1",
    "session_id": "session_1",
    "execution_id": "their-search-1",
    "retriever_id": "their-retriever",
    "query_snapshot": {"query": "red shoes", "filters": {"size": 42}},
    "document_score": 0.75,
    "result_set_size": 10,
    "feature_uri": "mixpeek://text_extractor@v1/embedding",
    "event_id": "018f3c1e-7d4e-7b11-9a53-111111111111",
}
NULLABLE = (
    "user_id",
    "session_id",
    "execution_id",
    "retriever_id",
    "query_snapshot",
    "document_score",
    "result_set_size",
    "feature_uri",
    "event_id",
)


def now_of(api: Api) -> str:
    return format_time(api.clock.now())


def in_seconds(api: Api, seconds: float) -> str:
    return format_time(api.clock.now() + round(seconds * SECOND))


def refused(api: Api, body: object, location: list[object] | None = None) -> str:
    """The message of the 422 that a body gets; nothing was stored."""
    answer = api.post(INTERACTIONS, body)
    assert answer.status_code == 422, answer.text
    error = answer.json()["error"]
    assert error["type"] == "ValidationError"
    (problem,) = error["details"]["validation_errors"]
    assert set(problem) == {"type", "location", "message"}
    if location is not None:
        assert location == problem["location"]
    assert api.list(query="include_total=true")["pagination"]["total"] == 0
    return str(error["message"])


class TestFields:
    def test_answer_has_exactly_the_documented_fields(self, api: Api) -> None:
        answer = api.record()
        assert answer == {
            "feature_id": "doc_1",
            "interaction_type": ["click"],
            "position": 0,
            "metadata": {"reward_value": 1.0},
            "user_id": None,
            "session_id": None,
            "execution_id": None,
            "retriever_id": None,
            "query_snapshot": None,
            "document_score": None,
            "result_set_size": None,
            "feature_uri": None,
            "occurred_at": now_of(api),
            "interaction_id": answer["interaction_id"],
            "deduplicated": False,
            "timestamp": answer["timestamp"],
            "warning": TEACHES_NOTHING,
            "event_id": None,
            "live": True,
        }
        assert answer["interaction_id"].startswith("int_")
        assert isinstance(answer["timestamp"], str)

    def test_every_field_comes_back_as_it_was_sent(self, api: Api) -> None:
        answer = api.record(**FULL)
        sent = FULL | {"metadata": FULL["metadata"] | {"reward_value": 1.0}}
        assert sent == {key: answer[key] for key in FULL}
        assert isinstance(answer["document_score"], float)

    def test_get_and_list_answer_what_create_answered(self, api: Api) -> None:
        created = api.record(**FULL)
        assert created == api.read(created["interaction_id"])
        assert [created] == api.list()["results"]
        assert created["warning"] is not None

    @pytest.mark.parametrize("name", [*NULLABLE, "metadata", "occurred_at", "age_ms"])
    def test_null_is_the_same_as_absent(self, api: Api, name: str) -> None:
        absent, null = api.record(), api.record(**{name: None})
        own = ("interaction_id", "timestamp")
        assert {k: v for k, v in absent.items() if k not in own} == {
            k: v for k, v in null.items() if k not in own
        }

    @pytest.mark.parametrize("name", ["feature_id", "interaction_type", "position"])
    def test_the_three_required_fields_are_required(self, api: Api, name: str) -> None:
        assert name in refused(api, click(**{name: ...}))
        refused(api, click(**{name: None}), ["body", name])

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("feature_id", 1),
            ("feature_id", ""),
            ("feature_id", " "),
            ("feature_id", "x" * 257),
            ("feature_id", "é" * 129),
            ("feature_id", ["doc_1"]),
            ("interaction_type", "click"),
            ("interaction_type", []),
            ("interaction_type", [1]),
            ("interaction_type", ["CLICK"]),
            ("interaction_type", ["copy"]),
            ("interaction_type", ["click", None]),
            ("interaction_type", ["click"] * 65),
            ("position", -1),
            ("position", 1.5),
            ("position", 1.0),
            ("position", "0"),
            ("position", True),
            ("position", 2**63),
            ("metadata", []),
            ("metadata", "text"),
            ("user_id", 7),
            ("user_id", ""),
            ("user_id", "\t"),
            ("user_id", "x" * 257),
            ("session_id", {}),
            ("execution_id", ""),
            ("retriever_id", False),
            ("query_snapshot", "red shoes"),
            ("query_snapshot", ["red shoes"]),
            ("document_score", "0.5"),
            ("document_score", True),
            ("result_set_size", -1),
            ("result_set_size", 0),
            ("result_set_size", 2.5),
            ("feature_uri", ""),
            ("feature_uri", "x" * 257),
            ("occurred_at", "yesterday"),
            ("occurred_at", ""),
            ("occurred_at", 1_700_000_000),
            ("occurred_at", "2026-13-01T00:00:00Z"),
            ("occurred_at", "0001-01-01T00:00:00+14:00"),
            ("occurred_at", "9999-12-31T23:59:59-14:00"),
            ("age_ms", -1),
            ("age_ms", 0.5),
            ("event_id", ""),
            ("event_id", 5),
        ],
        ids=lambda value: value if isinstance(value, str) and len(value) < 30 else None,
    )
    def test_a_wrong_value_is_refused_where_it_is(self, api: Api, name: str, value: object) -> None:
        answer = api.post(INTERACTIONS, click(**{name: value}))
        assert answer.status_code == 422, answer.text
        (problem,) = answer.json()["error"]["details"]["validation_errors"]
        # An integer beyond 64 bits is refused while the body is read, before there are fields.
        assert problem["location"][:2] in (["body", name], ["body"])
        assert problem["location"] != ["body"] or value == 2**63

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("feature_id", "x" * 256),
            ("feature_id", "é" * 128),
            ("feature_id", "../../etc/passwd"),
            ("feature_id", "'; DROP TABLE interactions; --"),
            ("feature_id", "_query"),
            ("position", 2**63 - 1),
            ("document_score", -12.5),
            ("document_score", 1e300),
            ("document_score", 3),
            ("result_set_size", 1),
            ("result_set_size", 2**63 - 1),
            ("feature_uri", "a bare index name"),
            ("metadata", {}),
            ("query_snapshot", {}),
            ("query_snapshot", {"deep": {"deeper": [[[1]]]}}),
        ],
        ids=lambda value: value if isinstance(value, str) and len(value) < 30 else None,
    )
    def test_an_unusual_value_is_kept(self, api: Api, name: str, value: Any) -> None:
        created = api.record(**{name: value})
        expected = {"reward_value": 1.0} if name == "metadata" else value
        assert expected == created[name]
        assert created == api.read(created["interaction_id"])

    def test_ids_are_compared_byte_by_byte(self, api: Api) -> None:
        composed, decomposed = (
            "caf\N{LATIN SMALL LETTER E WITH ACUTE}",
            "cafe\N{COMBINING ACUTE ACCENT}",
        )
        for spelling in (composed, decomposed):
            api.record(user_id=spelling)
        for spelling in (composed, decomposed):
            (only,) = api.list(user_id=spelling)["results"]
            assert spelling == only["user_id"]

    def test_negative_zero_is_zero(self, api: Api) -> None:
        """JSON has a negative zero, SQLite's columns have none: the same on both databases."""
        created = api.record(document_score=-0.0)
        assert repr(created["document_score"]) == "0.0"
        assert repr(api.read(created["interaction_id"])["document_score"]) == "0.0"

    def test_body_must_be_an_object(self, api: Api) -> None:
        for body in ([], [click()], "text", 1, True):
            refused(api, body, ["body"])

    def test_empty_body_is_an_empty_object(self, api: Api) -> None:
        answer = api.post(INTERACTIONS)
        assert (
            answer.status_code,
            answer.json()["error"]["code"],
        ) == (422, "invalid_interaction")


class TestTypes:
    def test_the_17_documented_types_and_5_newer_ones_are_all(self) -> None:
        assert {*DOCUMENTED_TYPES, *NEWER_TYPES} == set(INTERACTION_TYPES)
        assert (len(DOCUMENTED_TYPES), len(NEWER_TYPES)) == (17, 5)

    @pytest.mark.parametrize("kind", DOCUMENTED_TYPES + NEWER_TYPES)
    def test_each_type_is_stored(self, api: Api, kind: str) -> None:
        created = api.record(interaction_type=[kind])
        assert [kind] == api.read(created["interaction_id"])["interaction_type"]
        assert [created] == api.list(interaction_type=kind)["results"]

    def test_all_types_at_once(self, api: Api) -> None:
        everything = DOCUMENTED_TYPES + NEWER_TYPES
        assert everything == api.record(interaction_type=everything)["interaction_type"]

    def test_repeated_types_collapse_in_the_order_sent(self, api: Api) -> None:
        created = api.record(interaction_type=["view", "click", "view", "click", "share"])
        assert created["interaction_type"] == ["view", "click", "share"]

    def test_unknown_type_names_the_known_ones_and_not_itself(self, api: Api) -> None:
        message = refused(api, click(interaction_type=["scroll_depth"]))
        assert all(kind in message for kind in DOCUMENTED_TYPES + NEWER_TYPES)
        assert "scroll_depth" not in message

    @pytest.mark.parametrize("kind", ["zero_results", "query_refinement", "filter_toggle"])
    def test_a_type_about_the_query_needs_no_document_to_teach(self, api: Api, kind: str) -> None:
        created = api.record(feature_id="_query", interaction_type=[kind])
        assert created["warning"] is None


class TestDocumentId:
    def test_is_another_name_for_feature_id(self, api: Api) -> None:
        created = api.record(feature_id=..., document_id="doc_9")
        assert created["feature_id"] == "doc_9"
        assert "document_id" not in created

    def test_both_and_the_same_is_fine(self, api: Api) -> None:
        assert api.record(feature_id="a", document_id="a")["feature_id"] == "a"

    def test_both_and_different_is_refused(self, api: Api) -> None:
        refused(api, click(feature_id="a", document_id="b"), ["body", "document_id"])

    def test_of_a_wrong_type_is_refused(self, api: Api) -> None:
        for wrong in (1, None, "", ["a"]):
            refused(api, click(feature_id=..., document_id=wrong))

    def test_can_be_filtered_by(self, api: Api) -> None:
        created = api.record(document_id="doc_1")
        assert [created] == api.list(filters={"document_id": "doc_1"})["results"]


class TestTime:
    def test_absent_is_now_and_live(self, api: Api) -> None:
        created = api.record()
        assert (now_of(api), True) == (created["occurred_at"], created["live"])

    def test_given_is_kept_and_not_live(self, api: Api) -> None:
        created = api.record(occurred_at="2020-02-29T12:30:00.123456Z")
        assert created["occurred_at"] == "2020-02-29T12:30:00.123456Z"
        assert created["live"] is False
        assert created["timestamp"] >= now_of(api)

    def test_naive_is_utc(self, api: Api) -> None:
        created = api.record(occurred_at="2020-01-01T10:00:00")
        assert created["occurred_at"] == "2020-01-01T10:00:00.000000Z"

    @pytest.mark.parametrize(
        ("sent", "kept"),
        [
            ("2020-01-01T10:00:00+02:00", "2020-01-01T08:00:00.000000Z"),
            ("2020-01-01T00:30:00+01:00", "2019-12-31T23:30:00.000000Z"),
            ("2020-01-01", "2020-01-01T00:00:00.000000Z"),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.000000Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
            ("1969-07-20T20:17:40Z", "1969-07-20T20:17:40.000000Z"),
        ],
    )
    def test_zones_dates_and_leap_seconds(self, api: Api, sent: str, kept: str) -> None:
        assert kept == api.record(occurred_at=sent)["occurred_at"]

    @pytest.mark.parametrize("seconds", [0.001, 1, 3600, 86_400 * 365])
    def test_future_is_clamped_to_now_with_a_warning(self, api: Api, seconds: float) -> None:
        created = api.record(occurred_at=in_seconds(api, seconds), feature_uri="text://title")
        assert now_of(api) == created["occurred_at"]
        assert created["warning"] == (
            "occurred_at lies in the future and was set to now: check the sender's clock."
        )
        assert created["live"] is False

    def test_exactly_now_is_not_the_future(self, api: Api) -> None:
        created = api.record(occurred_at=now_of(api), feature_uri="text://title")
        assert created["warning"] is None

    def test_age_is_counted_back_from_now(self, api: Api) -> None:
        created = api.record(age_ms=1500)
        assert in_seconds(api, -1.5) == created["occurred_at"]
        assert created["live"] is True
        assert "age_ms" not in created

    def test_age_beyond_the_session_is_not_live(self, api: Api) -> None:
        assert api.record(age_ms=3_600_000)["live"] is True
        assert api.record(age_ms=3_600_001)["live"] is False

    def test_session_window_is_a_setting(self, api: Api) -> None:
        short = api.under(session_window_minutes=1)
        assert short.record(age_ms=60_001)["live"] is False

    @pytest.mark.parametrize("age_ms", [10**14, 2**63 - 1])
    def test_age_before_time_began(self, api: Api, age_ms: int) -> None:
        created = api.record(age_ms=age_ms)
        assert created["occurred_at"] == "1970-01-01T00:00:00.000000Z"
        assert created == api.read(created["interaction_id"])

    def test_age_and_time_together_are_refused(self, api: Api) -> None:
        refused(api, click(age_ms=1, occurred_at="2020-01-01T00:00:00Z"), ["body", "age_ms"])

    def test_timestamp_is_when_it_was_recorded(self, api: Api) -> None:
        earlier = api.record()
        api.clock.advance(seconds=10)
        assert earlier["timestamp"] < now_of(api) <= api.record()["timestamp"]


class TestReward:
    @pytest.mark.parametrize(
        ("types", "reward"),
        [
            (["impression"], 0.0),
            (["view"], 0.2),
            (["click"], 1.0),
            (["purchase"], 5.0),
            (["skip"], -0.3),
            (["negative_feedback"], -2.0),
            (["view", "click", "purchase"], 5.0),
            (["click", "return_to_results"], 0.0),
            (["purchase", "negative_feedback"], 3.0),
        ],
    )
    def test_is_the_strongest_positive_plus_the_most_negative(
        self, api: Api, types: list[str], reward: float
    ) -> None:
        created = api.record(interaction_type=types)
        assert {"reward_value": reward} == created["metadata"]
        assert created == api.read(created["interaction_id"])

    def test_a_senders_own_is_overwritten(self, api: Api) -> None:
        created = api.record(metadata={"reward_value": 1000, "device": "phone"})
        assert created["metadata"] == {"reward_value": 1.0, "device": "phone"}

    @pytest.mark.parametrize(
        ("types", "reward"),
        [(["share"], 3.0), (["click"], 1.0), (["purchase"], 4.0), (["skip", "share"], 2.7)],
    )
    def test_is_what_its_retriever_says_and_no_more(
        self, api: Api, types: list[str], reward: float
    ) -> None:
        config = {"reward_map": {"share": 3}, "max_reward_per_interaction": 4}
        searches = [{"feature_uri": "text://title", "query": "{{INPUT.query}}"}]
        stage = {
            "stage_id": "feature_search",
            "parameters": {"searches": searches, "fusion": "learned", "learning_config": config},
        }
        definition = {"retriever_name": "r", "stages": [{"stage_name": "s", "config": stage}]}
        made = api.post("/v1/retrievers", json=definition)
        retriever_id = made.json()["retriever_id"]
        created = api.record(interaction_type=types, retriever_id=retriever_id)
        assert created["metadata"] == {"reward_value": pytest.approx(reward)}

    def test_can_be_filtered_by(self, api: Api) -> None:
        api.record(interaction_type=["view"])
        bought = api.record(interaction_type=["purchase"])
        found = api.list(filters={"metadata.reward_value": {"gte": 5}})
        assert [bought] == found["results"]


class TestWarnings:
    """Each sentence is in the answer, stored, and returned by get and list."""

    def assert_warns(self, api: Api, expected: str | None, **changes: Any) -> None:
        created = api.record(**changes)
        assert expected == created["warning"]
        assert created == api.read(created["interaction_id"])
        assert created in api.list()["results"]

    def test_nothing_it_can_teach(self, api: Api) -> None:
        self.assert_warns(api, TEACHES_NOTHING)

    def test_a_feature_uri_teaches_its_arm(self, api: Api) -> None:
        self.assert_warns(api, None, feature_uri="text://title")

    def test_unknown_execution(self, api: Api) -> None:
        self.assert_warns(
            api,
            "execution_id is not known here (yet): until that execution arrives, nothing is "
            "learned from its list.",
            execution_id="never-seen",
        )

    def test_unknown_retriever(self, api: Api) -> None:
        self.assert_warns(
            api,
            "retriever_id is not known here: create the retriever, or check the id.",
            retriever_id="ret_unknown",
            feature_uri="text://title",
        )

    def test_known_execution_needs_no_warning(self, api: Api) -> None:
        execution = api.execution(api.retriever(), "doc_1", "doc_2")
        self.assert_warns(api, None, execution_id=execution["execution_id"])

    @pytest.mark.parametrize("by_name", [False, True])
    def test_the_executions_own_retriever(self, api: Api, by_name: bool) -> None:
        retriever = api.retriever("products")
        execution = api.execution(retriever, "doc_1")["execution_id"]
        named = "products" if by_name else retriever
        self.assert_warns(api, None, execution_id=execution, retriever_id=named)

    @pytest.mark.parametrize("by_name", [False, True])
    def test_known_retriever(self, api: Api, by_name: bool) -> None:
        retriever = api.retriever("products")
        named = "products" if by_name else retriever
        self.assert_warns(api, None, feature_uri="text://title", retriever_id=named)

    def test_another_retriever_than_the_executions(self, api: Api) -> None:
        execution = api.execution(api.retriever("one"), "doc_1")["execution_id"]
        self.assert_warns(
            api,
            "retriever_id is not the retriever of the execution, which is what learns.",
            execution_id=execution,
            retriever_id=api.retriever("two"),
        )

    def test_position_outside_the_result_set(self, api: Api) -> None:
        sentence = (
            "position is outside result_set_size: positions are counted from 0, so the last one "
            "is result_set_size - 1."
        )
        common = {"feature_uri": "text://title", "result_set_size": 10}
        self.assert_warns(api, None, position=9, **common)
        self.assert_warns(api, sentence, position=10, **common)

    def test_document_that_was_not_shown(self, api: Api) -> None:
        execution = api.execution(api.retriever(), "doc_1")["execution_id"]
        self.assert_warns(
            api,
            "The execution did not show this document, so its position teaches nothing.",
            execution_id=execution,
            feature_id="doc_2",
        )

    def test_score_that_differs_from_the_executions(self, api: Api) -> None:
        retriever = api.retriever()
        body = {"documents": [{"document_id": "doc_1", "score": 0.5}]}
        execution = done(api.post(f"/v1/retrievers/{retriever}/executions", body))["execution_id"]
        sentence = "document_score is not the score that the execution showed the document with."
        self.assert_warns(api, None, execution_id=execution, document_score=0.5, user_id="a")
        api.clock.advance(seconds=301)
        self.assert_warns(api, sentence, execution_id=execution, document_score=0.6)

    def test_several_are_joined(self, api: Api) -> None:
        created = api.record(
            occurred_at=in_seconds(api, 60), result_set_size=1, position=1, retriever_id="ret_x"
        )
        beginnings = ("occurred_at lies", "position is outside", "retriever_id is not known")
        warning = created["warning"]
        assert all(beginning in warning for beginning in (*beginnings, TEACHES_NOTHING))
        assert created == api.read(created["interaction_id"])

    def test_no_warning_repeats_what_was_sent(self, api: Api) -> None:
        created = api.record(execution_id="canary-1", retriever_id="canary-2", user_id="canary-3")
        assert "canary" not in created["warning"]


class TestResultSetSize:
    def test_zero_with_zero_results(self, api: Api) -> None:
        created = api.record(
            feature_id="_query", interaction_type=["zero_results"], result_set_size=0
        )
        assert created["result_set_size"] == 0
        assert created == api.read(created["interaction_id"])

    def test_zero_with_another_type_beside_it(self, api: Api) -> None:
        types = ["query_refinement", "zero_results"]
        assert api.record(interaction_type=types, result_set_size=0)["result_set_size"] == 0

    def test_zero_without_it_is_refused(self, api: Api) -> None:
        refused(api, click(result_set_size=0), ["body", "result_set_size"])


class TestUnknownKeys:
    def test_strict_refuses_and_names_the_accepted_ones(self, api: Api) -> None:
        message = refused(api, click(weight=2))
        for name in ("feature_id", "interaction_type", "age_ms", "event_id", "occurred_at"):
            assert name in message

    @pytest.mark.parametrize(
        "name", ["namespace", "tenant_id", "is_admin", "timestamp", "interaction_id", "reward"]
    )
    def test_what_the_server_sets_cannot_be_sent(self, api: Api, name: str) -> None:
        refused(api, click(**{name: "x"}))

    def test_lenient_ignores_and_names_them(self, api: Api) -> None:
        lenient = api.under(unknown_keys="lenient")
        created = lenient.record(weight=2, color="red", feature_uri="text://title")
        assert created["warning"] == "Unknown keys were ignored: weight, color."
        assert not {"weight", "color"} & set(created)
        assert created == lenient.read(created["interaction_id"])

    def test_lenient_shows_no_unprintable_name(self, api: Api) -> None:
        lenient = api.under(unknown_keys="lenient")
        created = lenient.record(**{"<script>": 1, "feature_uri": "text://title"})
        assert created["warning"] == "Unknown keys were ignored: (unprintable)."

    def test_alias_is_not_unknown(self, api: Api) -> None:
        lenient = api.under(unknown_keys="lenient")
        created = lenient.record(document_id="doc_1", feature_uri="text://title")
        assert created["warning"] is None


class TestRequireExecutionId:
    def test_is_off_by_default(self, api: Api) -> None:
        assert api.record(retriever_id="ret_1")["retriever_id"] == "ret_1"

    def test_refuses_a_retriever_without_its_execution(self, api: Api) -> None:
        strict = api.under(require_execution_id=True)
        refused(strict, click(retriever_id="ret_1"), ["body", "execution_id"])

    def test_takes_both_or_neither(self, api: Api) -> None:
        strict = api.under(require_execution_id=True)
        assert strict.record()["interaction_id"] is not None
        assert strict.record(retriever_id="r", execution_id="e")["interaction_id"] is not None

    def test_counts_per_item_in_a_batch(self, api: Api) -> None:
        strict = api.under(require_execution_id=True)
        body = {"interactions": [click(), click(retriever_id="ret_1"), click()]}
        answer = done(strict.post(f"{INTERACTIONS}/batch", body))
        assert (answer["created"], answer["failed"]) == (2, 1)


class TestGetAndDelete:
    @pytest.mark.parametrize(
        "name",
        [
            "int_" + "0" * 32,
            "int_00",
            "INT_" + "0" * 32,
            "exec_" + "0" * 32,
            "nonsense",
            "int_",
            "%00",
        ],
    )
    def test_what_does_not_exist_is_404(self, api: Api, name: str) -> None:
        answer = api.get(f"{INTERACTIONS}/{name}")
        assert answer.status_code == 404
        assert answer.json()["error"]["details"]["resource"] == "interaction"

    def test_an_id_has_one_spelling(self, api: Api) -> None:
        interaction_id = api.record()["interaction_id"]
        assert api.get(f"{INTERACTIONS}/{interaction_id.upper()}").status_code == 404

    def test_delete_then_get_is_404_and_the_list_is_empty(self, api: Api) -> None:
        created, kept = api.record(), api.record(feature_id="doc_2")
        path = f"{INTERACTIONS}/{created['interaction_id']}"
        assert done(api.delete(path)) == {
            "success": True,
            "interaction_id": created["interaction_id"],
            "deleted": True,
        }
        assert api.get(path).status_code == 404
        assert [kept] == api.list()["results"]

    def test_delete_is_idempotent(self, api: Api) -> None:
        path = f"{INTERACTIONS}/{api.record()['interaction_id']}"
        assert [done(api.delete(path))["deleted"] for _ in range(3)] == [True, False, False]

    def test_delete_of_what_never_was(self, api: Api) -> None:
        for name in ("int_" + "0" * 32, "nonsense", "%3Cscript%3E"):
            answer = done(api.delete(f"{INTERACTIONS}/{name}"))
            assert (answer["success"], answer["deleted"]) == (True, False)
            assert "script" not in str(answer)
