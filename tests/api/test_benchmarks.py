"""Benchmarks over HTTP: sessions that people had, replayed through retrievers."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import pytest

from desirepath.domain.clock import format_time
from desirepath.engine.tasks.running import run_task
from tests.api.client import INTERACTIONS, Api, click, done

PATH = "/v1/retrievers/benchmarks"
EXECUTE = "/v1/retrievers/{}/execute"
TITLES = {
    "red-shoe": ("red shoe", "leather"),
    "blue-shoe": ("blue shoe", "red laces"),
    "red-boot": ("red boot", "for rain"),
    "hat": ("straw hat", "red ribbon"),
}


def searching(*fields: str, name: str = "find", **more: Any) -> dict[str, Any]:
    """A stage that searches words of some fields; those that come first weigh more."""
    searches = [
        {"feature_uri": f"text://{field}", "query": "{{INPUT.query}}", "weight": 1 / (1 + place)}
        for place, field in enumerate(fields)
    ]
    parameters = {"searches": searches, "fusion": "weighted", **more}
    config = {"stage_id": "feature_search", "parameters": parameters}
    return {"stage_name": name, "config": config}


@pytest.fixture
def shop(api: Api) -> Api:
    """Products; a retriever by their titles, which is live, and one by their bodies."""
    documents = [
        {"document_id": id, "text": {"title": title, "body": body}}
        for id, (title, body) in TITLES.items()
    ]
    path = f"/v1/namespaces/{api.namespace.namespace_id}/documents/upsert"
    done(api.post(path, {"documents": documents}))
    make(api, "titles", searching("title"))
    make(api, "bodies", searching("body"))
    return api


def make(api: Api, name: str, *stages: Mapping[str, Any], **more: Any) -> str:
    body = {"retriever_name": name, "stages": list(stages), **more}
    id: str = done(api.post("/v1/retrievers", body))["retriever_id"]
    return id


def visit(
    api: Api,
    clicked: str,
    *types: str,
    session_id: str | None = None,
    retriever: str = "titles",
    query: str = "red",
    **more: Any,
) -> dict[str, Any]:
    """A search, and something done with a document that it found."""
    asked = {"inputs": {"query": query}, "session_id": session_id, **more}
    found = done(api.post(EXECUTE.format(retriever), asked))
    ids = [document["document_id"] for document in found["documents"]]
    sent = click(
        execution_id=found["execution_id"],
        feature_id=clicked,
        position=ids.index(clicked),
        interaction_type=list(types or ("click",)),
    )
    done(api.post(INTERACTIONS, sent))
    api.clock.advance(seconds=60)
    return found


def asked(**changes: Any) -> dict[str, Any]:
    return {
        "benchmark_name": "by bodies",
        "baseline_retriever_id": "titles",
        "candidate_retriever_ids": ["bodies"],
    } | changes


def completed(api: Api, **changes: Any) -> dict[str, Any]:
    """A benchmark that was run to its end."""
    begun = done(api.post(PATH, asked(**changes)))
    assert begun["status"] == "pending"
    assert begun["results"] is None
    while run_task(api.engine):
        pass
    ended: dict[str, Any] = done(api.get(f"{PATH}/{begun['benchmark_id']}"))
    return ended


def by_name(benchmark: Mapping[str, Any]) -> dict[str, Any]:
    assert benchmark["status"] == "completed", benchmark["error_message"]
    return {result["retriever_name"]: result for result in benchmark["results"]}


def first_of(api: Api, retriever: str) -> list[str]:
    found = done(api.post(EXECUTE.format(retriever), {"inputs": {"query": "red"}}))
    return [document["document_id"] for document in found["documents"]]


def test_sessions_are_replayed(shop: Api) -> None:
    titles, bodies = first_of(shop, "titles"), first_of(shop, "bodies")
    for number in range(12):
        visit(shop, titles[0], session_id=f"s{number}")
    visit(shop, titles[1], "click", "purchase")
    found = completed(shop)
    assert (found["session_count"], found["sessions_found"], found["search_count"]) == (13, 13, 13)
    results = by_name(found)
    own = results["titles"]["metrics"]
    assert own["ndcg_at_k"]["10"] == pytest.approx((12 + 1 / math.log2(3)) / 13)
    assert own["ndcg_at_k"]["1"] == pytest.approx(12 / 13)
    assert own["recall_at_k"] == pytest.approx({"1": 12 / 13, "5": 1, "10": 1, "20": 1})
    assert own["mean_rank_clicked"] == pytest.approx((12 + 2) / 13)
    assert own["mean_rank_purchased"] == 2
    assert (own["sessions_neutral"], own["items_promoted"]) == (13, 0)
    assert not set(titles) & set(bodies), "what titles find, bodies do not"
    other = results["bodies"]["metrics"]
    assert other["ndcg_at_k"]["10"] == 0
    assert other["mean_rank_clicked"] == 101
    assert (other["sessions_degraded"], other["items_demoted"]) == (13, 13)
    assert results["bodies"]["reach"] == {
        "n_reacted": 13,
        "n_found": 0,
        "n_top": 13 * len(bodies),
        "n_top_seen": 0,
        "mean_move": pytest.approx(
            sum(101 - rank for rank in range(1, len(titles) + 1)) / len(titles)
        ),
    }
    (comparison,) = found["comparison"]["comparisons"]
    assert comparison["verdict"] == "cannot_tell", "titles made the log"
    assert comparison["ndcg_delta"]["10"] == pytest.approx(-own["ndcg_at_k"]["10"])
    low, high = comparison["confidence_interval"]
    assert low < comparison["ndcg_delta"]["10"] < high < 0
    assert comparison["p_value"] < 0.001
    words = found["comparison"]["recommendation"]
    assert words.startswith("Keep titles for now: no candidate is surely better.")
    assert "titles finds 13 of 13; bodies finds 0 of 13." in words
    assert "nobody saw 100% of those of bodies" in words
    latency = results["titles"]["latency"]
    assert 0 < latency["p50_ms"] <= latency["p90_ms"] <= latency["p99_ms"]
    assert latency["stage_latencies"].keys() == {"find"}
    assert found["started_at"] <= found["completed_at"]


def mirrored(shop: Api, n: int = 20) -> tuple[str, str]:
    """Sessions that click the last of three; a retriever that turns the order round."""
    titles = first_of(shop, "titles")
    sort = {"stage_id": "sort_attribute", "parameters": {"field": "rank", "direction": "asc"}}
    path = f"/v1/namespaces/{shop.namespace.namespace_id}/documents/upsert"
    documents = [
        {
            "document_id": id,
            "text": {"title": TITLES[id][0], "body": TITLES[id][1]},
            "payload": {"rank": -place},
        }
        for place, id in enumerate(titles)
    ]
    done(shop.post(path, {"documents": documents}))
    make(shop, "mirror", searching("title"), {"stage_name": "turn", "config": sort})
    for number in range(n):
        visit(shop, titles[-1], session_id=f"s{number}")
    return titles[0], titles[-1]


def test_a_better_candidate_is_named_first(shop: Api) -> None:
    mirrored(shop)
    visit(shop, first_of(shop, "titles")[0])
    found = completed(shop, candidate_retriever_ids=["mirror", "bodies"])
    (mirror, bodies) = found["comparison"]["comparisons"]
    assert (mirror["verdict"], mirror["n_sessions"]) == ("better", 21)
    assert bodies["verdict"] == "cannot_tell"
    metrics = by_name(found)["mirror"]["metrics"]
    assert (metrics["sessions_improved"], metrics["sessions_degraded"]) == (20, 1)
    assert metrics["avg_position_delta"] == pytest.approx((-20 + 1) / 21)
    words = found["comparison"]["recommendation"]
    assert words.startswith("mirror is better than titles: try it on people.")


def test_a_worse_candidate_is_not_recommended(shop: Api) -> None:
    """People saw the candidate's order, and wanted what the baseline puts first."""
    mirrored(shop, n=1)
    for number in range(20):
        first = first_of(shop, "titles")[0]
        visit(shop, first, session_id=f"t{number}", retriever="mirror")
    wanted = {"session_filter": {"retriever_ids": ["mirror"]}}
    found = completed(shop, candidate_retriever_ids=["mirror"], **wanted)
    assert found["comparison"]["comparisons"][0]["verdict"] == "worse"
    words = found["comparison"]["recommendation"]
    assert words.startswith("Keep titles: no candidate is as good.")


def test_few_sessions_cannot_tell_however_alike_they_are(shop: Api) -> None:
    """All differ by the same, so that a t-test has no doubt."""
    mirrored(shop, n=9)
    found = completed(shop, candidate_retriever_ids=["mirror"])
    (comparison,) = found["comparison"]["comparisons"]
    assert (comparison["p_value"], comparison["n_sessions"]) == (0.0, 9)
    assert comparison["verdict"] == "cannot_tell"
    words = found["comparison"]["recommendation"]
    assert words.startswith("Keep titles for now: no candidate is surely better.")
    assert "over 9 sessions, and it takes at least 10 to tell; a search" in words
    assert "the log favours" not in words


def test_whoever_the_log_favours_is_not_believed(shop: Api) -> None:
    """People click what stands first, which is what made the log."""
    mirrored(shop, n=1)
    titles = first_of(shop, "titles")
    for number in range(20):
        visit(shop, titles[0], session_id=f"t{number}")
    pairs = (("titles", "mirror", -1), ("mirror", "titles", 1))
    for baseline, candidate, sign in pairs:
        found = completed(shop, baseline_retriever_id=baseline, candidate_retriever_ids=[candidate])
        (comparison,) = found["comparison"]["comparisons"]
        assert comparison["p_value"] < 0.001
        assert comparison["ndcg_delta"]["10"] * sign > 0
        assert comparison["verdict"] == "cannot_tell"
        assert "but the log favours titles" in found["comparison"]["recommendation"]
        reach = {name: one["reach"] for name, one in by_name(found).items()}
        assert reach["titles"]["mean_move"] == 0
        assert reach["mirror"]["mean_move"] == pytest.approx(
            sum(abs(2 * place - len(titles) + 1) for place in range(len(titles))) / len(titles)
        )


def test_searches_of_a_session_belong_together(shop: Api) -> None:
    """A session with two searches is one; a further page belongs to its search."""
    titles = first_of(shop, "titles")
    visit(shop, titles[0], session_id="s1")
    visit(shop, titles[1], session_id="s1", query="red red")
    first = visit(shop, titles[0], session_id="s2", limit=1)
    cursor = {"pagination": {"method": "cursor", "cursor": first["pagination"]["next_cursor"]}}
    page = done(
        shop.post(
            EXECUTE.format("titles"), {"inputs": {"query": "red"}, "session_id": "s2"} | cursor
        )
    )
    sent = click(
        execution_id=page["execution_id"],
        feature_id=page["documents"][0]["document_id"],
        position=1,
    )
    done(shop.post(INTERACTIONS, sent))
    found = completed(shop)
    assert (found["session_count"], found["search_count"]) == (2, 3)
    reach = by_name(found)["titles"]["reach"]
    assert (reach["n_reacted"], reach["n_found"]) == (4, 4)
    assert reach["n_top"] == reach["n_top_seen"] + (len(titles) - 2), "page two ended after one"


def test_only_what_the_filter_says_is_replayed(shop: Api) -> None:
    titles = first_of(shop, "titles")
    before = shop.clock.now()
    visit(shop, titles[0], session_id="s1")
    visit(shop, titles[0], "click", "purchase", session_id="s2")
    visit(shop, titles[0], "view", session_id="seen")
    visit(shop, first_of(shop, "bodies")[0], session_id="s3", retriever="bodies")
    visit(shop, titles[0], "negative_feedback", session_id="disliked")

    def found(**wanted: Any) -> int:
        n: int = completed(shop, session_filter=wanted)["session_count"]
        return n

    assert found() == 3
    assert found(retriever_ids=["titles"]) == 2
    assert found(interaction_types=["purchase"]) == 1
    assert found(interaction_weights={"weights": {"purchase": 1}}) == 1
    assert found(interaction_weights={"weights": {"view": 1}}) == 1
    visit(shop, titles[1], session_id="s2")
    assert found(min_interactions=2) == 1
    assert found(time_range={"start": format_time(before), "end": format_time(before)}) == 1


def test_filters_of_searches_are_asked_again(shop: Api) -> None:
    titles = first_of(shop, "titles")
    wanted = {"field": "document_id", "operator": "in", "value": [titles[1]]}
    for number in range(3):
        visit(shop, titles[1], session_id=f"s{number}", filters=wanted)
    own = by_name(completed(shop))["titles"]["metrics"]
    assert own["mean_rank_clicked"] == 1


def test_nothing_of_a_replay_is_logged(shop: Api) -> None:
    visit(shop, first_of(shop, "titles")[0])
    path = "/v1/retrievers/{}/executions/list?include_total=true"
    before = [done(shop.post(path.format(name), {}))["results"] for name in ("titles", "bodies")]
    completed(shop)
    after = [done(shop.post(path.format(name), {}))["results"] for name in ("titles", "bodies")]
    assert after == before


def test_a_result_holds_no_person_and_no_query(shop: Api) -> None:
    title = first_of(shop, "titles")[0]
    for number in range(3):
        visit(shop, title, session_id="its-session", user_id=f"kim-{number}")
    found = json.dumps(completed(shop))
    assert "kim" not in found
    assert "its-session" not in found
    assert '"red"' not in found


def test_who_is_erased_is_not_replayed(shop: Api) -> None:
    title = first_of(shop, "titles")[0]
    visit(shop, title, session_id="s1", user_id="kim")
    visit(shop, title, session_id="s2", user_id="lee")
    assert completed(shop)["session_count"] == 2
    done(shop.delete("/v1/users/kim", key="admin", headers={"X-Namespace": shop.namespace.name}))
    assert completed(shop)["session_count"] == 1


def test_a_session_that_fails_is_left_out_and_named(shop: Api) -> None:
    title = first_of(shop, "titles")[0]
    for number in range(4):
        visit(shop, title, session_id=f"s{number}")
    needs = searching("title")
    needs["config"]["parameters"]["searches"][0]["query"] = "{{INPUT.other}}"
    schema = {"other": {"type": "text", "required": True}}
    make(shop, "needs", needs, input_schema=schema)
    found = completed(shop, candidate_retriever_ids=["needs", "bodies"])
    result = by_name(found)["needs"]
    assert (result["failed_sessions"], result["error_summary"]) == (4, {"MissingInput": 4})
    assert result["metrics"]["ndcg_at_k"]["10"] == 0
    comparison = found["comparison"]["comparisons"][0]
    assert comparison["verdict"] == "cannot_tell"
    assert comparison["p_value"] is None
    assert comparison["confidence_interval"] is None
    assert "needs could not be replayed at all." in found["comparison"]["recommendation"]
    assert found["comparison"]["comparisons"][1]["n_sessions"] == 4
    broken = completed(shop, baseline_retriever_id="needs", candidate_retriever_ids=["titles"])
    assert broken["status"] == "failed"
    assert "MissingInput" in broken["error_message"]


def test_of_a_session_that_fails_half_way_nothing_counts(shop: Api) -> None:
    """Its first search could be replayed by the candidate, its second one could not."""
    titles = first_of(shop, "titles")
    schema = {"query": {"type": "text"}, "other": {"type": "text"}}
    make(shop, "both", searching("title"), input_schema=schema)
    for inputs in ({"query": "red", "other": "red"}, {"query": "red"}):
        asked_for = {"inputs": inputs, "session_id": "s1"}
        found = done(shop.post(EXECUTE.format("both"), asked_for))
        sent = click(execution_id=found["execution_id"], feature_id=titles[0], position=0)
        done(shop.post(INTERACTIONS, sent))
        shop.clock.advance(seconds=60)
    visit(shop, titles[0], session_id="s2")
    needs = {"other": {"type": "text", "required": True}, "query": {"type": "text"}}
    make(shop, "needs", searching("title"), input_schema=needs)
    result = by_name(completed(shop, candidate_retriever_ids=["needs"]))["needs"]
    assert result["failed_sessions"] == 2
    assert (result["reach"]["n_reacted"], result["reach"]["n_top"]) == (0, 0)
    assert result["latency"]["mean_ms"] == 0


def test_candidates_that_were_sent_are_replayed_from_the_pool(shop: Api) -> None:
    """Two features of other engines; weights decide, and what was logged is fused again."""
    uris = ("lexical@1", "dense@1")

    def fusing(weights: tuple[float, float]) -> dict[str, Any]:
        searches = [
            {"feature_uri": uri, "weight": weight}
            for uri, weight in zip(uris, weights, strict=True)
        ]
        parameters = {"searches": searches, "fusion": "weighted"}
        return {
            "stage_name": "fuse",
            "config": {"stage_id": "feature_search", "parameters": parameters},
        }

    make(shop, "lexical", fusing((1.0, 0.1)))
    make(shop, "dense", fusing((0.1, 1.0)))
    scores = {"a": (9.0, 1.0), "b": (5.0, 5.0), "c": (1.0, 9.0), "d": (3.0, 2.0)}
    candidates = {
        uri: [{"document_id": id, "score": pair[place]} for id, pair in scores.items()]
        for place, uri in enumerate(uris)
    }
    for number in range(10):
        visit(shop, "c", session_id=f"s{number}", retriever="lexical", candidates=candidates)
    visit(shop, first_of(shop, "titles")[0], session_id="own")
    wanted = {"baseline_retriever_id": "lexical", "candidate_retriever_ids": ["dense", "titles"]}
    results = by_name(completed(shop, **wanted))
    assert results["lexical"]["error_summary"] == {"NoCandidatesLogged": 1}
    assert results["lexical"]["metrics"]["mean_rank_clicked"] == 4
    assert results["dense"]["metrics"]["mean_rank_clicked"] == 1
    assert results["dense"]["metrics"]["sessions_improved"] == 10
    mixed = fusing((1.0, 1.0))
    mixed["config"]["parameters"]["searches"] += searching("title")["config"]["parameters"][
        "searches"
    ]
    make(shop, "mixed", mixed)
    results = by_name(completed(shop, **wanted | {"candidate_retriever_ids": ["mixed"]}))
    assert results["mixed"]["error_summary"] == {"MixedFeatures": 11}


def test_the_same_seed_draws_the_same_sessions(shop: Api) -> None:
    titles = first_of(shop, "titles")
    for number in range(30):
        visit(shop, titles[number % 2], session_id=f"s{number:02}")
    wanted = {"session_count": 10, "candidate_retriever_ids": ["bodies"]}
    first, again, other = (completed(shop, seed=seed, **wanted) for seed in (1, 1, 5))
    assert (first["session_count"], first["sessions_found"]) == (10, 30)

    def metrics(benchmark: Mapping[str, Any]) -> Any:
        return by_name(benchmark)["titles"]["metrics"]

    assert metrics(first) == metrics(again)
    assert metrics(first) != metrics(other)
    recent = completed(shop, session_filter={"sample_strategy": "recent"}, **wanted)
    assert metrics(recent)["ndcg_at_k"]["1"] == 0.5


def refusal(api: Api, **changes: Any) -> tuple[int, str]:
    answer = api.post(PATH, asked(**changes))
    return answer.status_code, answer.json()["error"]["message"]


def test_what_cannot_be_compared_is_refused(shop: Api) -> None:
    make(shop, "foreign")
    assert refusal(shop, candidate_retriever_ids=["titles"])[0] == 422
    assert refusal(shop, candidate_retriever_ids=["bodies", "bodies"])[0] == 422
    status, message = refusal(shop, candidate_retriever_ids=["foreign"])
    assert status == 422
    assert "without stages" in message
    assert refusal(shop, baseline_retriever_id="nobody")[0] == 404
    assert refusal(shop, candidate_retriever_ids=["nobody"])[0] == 404
    assert refusal(shop, session_filter={"retriever_ids": ["nobody"]})[0] == 404
    assert refusal(shop, session_count=5)[0] == 422
    assert "nobody" not in refusal(shop, candidate_retriever_ids=["nobody"])[1]


def test_a_log_without_sessions_fails_and_says_so(shop: Api) -> None:
    found = completed(shop)
    assert found["status"] == "failed"
    assert found["error_message"].startswith("No session can be replayed")
    assert found["results"] is None


def test_benchmarks_are_listed_and_deleted(shop: Api) -> None:
    visit(shop, first_of(shop, "titles")[0])
    ended = completed(shop)
    waiting = done(
        shop.post(PATH, asked(baseline_retriever_id="bodies", candidate_retriever_ids=["titles"]))
    )

    def listed(query: str = "") -> list[str]:
        page = done(shop.get(f"{PATH}?{query}"))
        ids = [one["benchmark_id"] for one in page["benchmarks"]]
        assert page["total"] >= len(ids)
        return ids

    assert listed() == [waiting["benchmark_id"], ended["benchmark_id"]]
    assert listed("page=2&page_size=1") == [ended["benchmark_id"]]
    assert listed("retriever_id=titles") == [ended["benchmark_id"]]
    assert listed(f"retriever_id={waiting['baseline_retriever_id']}") == [waiting["benchmark_id"]]
    assert listed("status=completed") == [ended["benchmark_id"]]
    assert listed("status=pending") == [waiting["benchmark_id"]]
    assert listed("status=replaying") == []
    assert shop.get(f"{PATH}?status=done").status_code == 400
    answer = shop.delete(f"{PATH}/{waiting['benchmark_id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-length" not in answer.headers
    assert shop.get(f"{PATH}/{waiting['benchmark_id']}").status_code == 404
    assert shop.delete(f"{PATH}/{waiting['benchmark_id']}").status_code == 404
    assert not run_task(shop.engine), "its task ended with it"
