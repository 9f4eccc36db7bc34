"""What one tenant can learn of another through any operation and any kind of id: nothing.

The probes are made from the OpenAPI document: every place of a request that can hold an id (path,
query, header, body, items of a batch) of every operation. A place that no probe knows fails here,
so a new endpoint or a new field cannot escape.

Each probe is sent three times: by a stranger with ids that exist in the owner's namespace, by a
stranger in the same position with ids that exist nowhere, and, so that the probe means something,
by an owner. The first two answers are the same to the byte, but for the ids themselves.
"""

from __future__ import annotations

import json
import re
import statistics
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
import pytest

from tests.api.client import INTERACTIONS, Api, Backend, Request, done, pairs
from tests.api.operations import CALLS, Ids, World, make_world, operations

Place = tuple[str, str, str]
"""(operation, ``"path"``, ``"query"``, ``"header"`` or ``"body"``, name or path in the body)"""

NAMES: Mapping[str, str] = {
    "X-Namespace": "namespace_name",
    "Idempotency-Key": "idempotency_key",
    "next_cursor": "cursor",
    "after": "cursor",
    "parent_execution_id": "execution_id",
    "document_ids": "document_id",
    "ranker": "model_name",
    "retriever": "retriever_id",
    "exclude_document_ids": "document_id",
    "challenger": "rival_id",
    "baseline_evaluation_id": "evaluated_id",
    "baseline_retriever_id": "retriever_id",
    "candidate_retriever_ids": "rival_id",
    "retriever_ids": "retriever_id",
}
"""Where the name of a place is not the name of its kind of id."""

NAMES_OF_NAMESPACES = {"X-Namespace", "namespace_id", "namespace_name"}
READING = {
    id
    for id in CALLS
    if id.startswith(
        ("get_", "list_", "search_", "rejected_", "explain_", "typeahead", "learned_", "weights_")
    )
    or id in ("zero_result_queries", "query_refinements", "query_filters", "troubled_queries")
    or id in ("session_list", "session_journey", "score_predictions", "discover_evaluations")
    or id == "compare_evaluation"
}
"""Operations that change nothing, so that one world can be asked twice."""

HARMLESS_QUERY = {
    *("limit", "page_size", "offset", "page", "include_total", "return_vectors"),
    *("start_date", "end_date", "configuration", "version", "metadata", "exclude_flagged"),
    *("compare_to", "compare_start_date", "compare_end_date", "group_by", "sort", "direction"),
    *("finding", "steps", "outcome", "max_rank", "precision", "min_share"),
    *("min_identities", "min_impressions", "min_searches"),
    *("q", "fields", "category", "days", "include_queries", "kind", "status"),
}
HARMLESS_BODY = re.compile(
    r"interaction_type|position|metadata|query_snapshot|document_score|result_set_size|feature_uri"
    r"|occurred_at|age_ms|filters|sort|search|include_total|case_sensitive|inputs|configuration"
    r"|offset|total|score|scores|features|description|stages|collection_identifiers|input_schema"
    r"|budget_limits|max_credits|max_time_ms|tags|display_config|sorts|field|direction|description"
    r"|vector_configs|text_fields|retention_days|name|dimension|metric|vectors|payload|text"
    r"|write_token|limit|page_size|return_vectors|method|page_number|candidates|settings"
    r"|consistency|queries|stream|expand|skip_cache|return_presigned_urls|explain|concurrency|rollout_pct"
    r"|weights|day|embedder|model|fields|query_prefix|document_prefix|max_characters|task_type|status|start_time"
    r"|end_time|count_only|pre_filters|key|update_data|reason"
    r"|query_id|query_input|relevant_documents|relevance_scores|min_interactions|lookback_days"
    r"|positive_interaction_types|min_impressions|half_life_days|max_rank"
    r"|kind|force|start_date|end_date|exclude_flagged"
    r"|mode|share|days|matters"
    r"|version|exclude_seen|exclude_purchased|return_payload"
    r"|fusion|ranker_version|n_draws|seed"
    r"|evaluation_config|k_values|metrics|predicted|ground_truth|items|k"
    r"|benchmark_name|session_count|taxonomy_node_ids|start|end|interaction_types"
    r"|sample_strategy|time_range|interaction_weights"
)
"""Names that hold no id; what is neither here nor in :class:`Ids` has to be decided on."""

# A cursor there is a moment, and one that nobody was given may lie where the page is the same.
SOMETIMES = {
    ("rejected_interactions", "query", name) for name in ("cursor", "next_cursor", "after")
}
OWNER_SEES_NO_DIFFERENCE = {
    # Nobody in the world made two queries, or turned a filter on.
    ("query_refinements", "query", "retriever_id"),
    ("query_filters", "query", "retriever_id"),
    # Written down and never looked up while writing.
    *(
        (o, "body", f"{p}{n}")
        for o, p in (("create_interaction", ""), ("create_interactions", "interactions[]."))
        for n in ("user_id", "session_id", "feature_id", "document_id")
    ),
    *(
        (o, "body", f"{p}{n}")
        for o, p in (("create_execution", ""), ("create_executions", "executions[]."))
        for n in ("user_id", "session_id", "documents[].document_id")
    ),
    # A batch does not answer with what it stored, and its items are looked at afterwards.
    ("create_interactions", "body", "interactions[].execution_id"),
    ("create_interactions", "body", "interactions[].retriever_id"),
    # The world's ranker has no trees: it can be named as little as one that is not there.
    ("start_counterfactual_evaluation", "body", "policy.ranker"),
    # A document takes the place of the one of its id, if there was one.
    ("upsert_documents", "body", "documents[].document_id"),
    # What the Mixpeek SDK may send and nothing depends on.
    ("upsert_documents", "body", "options.idempotency_key"),
    ("upsert_documents", "body", "collection_id"),
    *(
        (f"{verb}_collection_{what}", "path", "collection_id")
        for verb, what in (
            ("get", "document"),
            ("remove", "document"),
            ("update", "document"),
            ("search", "documents"),
            ("put", "document"),
            ("create", "document"),
            ("list", "documents"),
            ("update", "documents"),
            ("remove", "documents"),
        )
    ),
    ("update_matching_documents", "path", "collection_id"),
    ("get_document_count", "path", "collection_id"),
    ("search_distinct_values", "path", "collection_id"),
    # A retriever may keep its name or have one that is free.
    ("patch_retriever", "body", "retriever_name"),
    # Who searches may be anybody, and a user of whom nothing is known has decisions too.
    ("execute_retriever", "body", "user_id"),
    ("execute_retriever", "body", "session_id"),
    ("execute_adhoc", "body", "user_id"),
    ("execute_adhoc", "body", "session_id"),
    # A user or a session is named, never both.
    ("search_recommended_documents", "body", "session_id"),
    ("search_similar_users", "body", "session_id"),
    ("opt_out_user", "path", "user_id"),
    ("opt_in_user", "path", "user_id"),
    ("reset_user", "path", "user_id"),
    # Nothing was learned of anybody in these worlds, and then the weights of all are one's own.
    ("get_user_weights", "path", "user_id"),
    # Of lists of interactions, which is no search's.
    ("execute_retriever", "body", "pagination.cursor"),
    ("execute_adhoc", "body", "pagination.cursor"),
    # Retrievers, namespaces and tasks are paged by number.
    *(
        (o, "query", n)
        for o in ("list_retrievers", "search_retrievers", "list_namespaces", "list_tasks")
        for n in ("cursor", "next_cursor", "after")
    ),
}


def places(document: Mapping[str, Any]) -> Iterator[Place]:
    """Every place of every operation that can hold an id."""
    for operation in operations(document):
        for place in ("path", "query", "header"):
            for name in operation.parameters(place):
                if name not in HARMLESS_QUERY:
                    yield operation.id, place, name
        if operation.body is not None:
            for pointer in _pointers(operation.body, document):
                yield operation.id, "body", pointer


def _pointers(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[str]:
    """Paths of the properties in a body that may hold ids: ``interactions[].user_id``."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    for option in schema.get("anyOf", []):
        yield from _pointers(option, document)
    if "items" in schema:
        for pointer in _pointers(schema["items"], document):
            yield f"[]{pointer}" if pointer.startswith("[") else f"[].{pointer}"
    for name, inner in schema.get("properties", {}).items():
        below = list(_pointers(inner, document))
        if below:
            yield from (f"{name}{p}" if p.startswith("[") else f"{name}.{p}" for p in below)
        elif not HARMLESS_BODY.fullmatch(name):
            yield name


def id_for(place: Place, ids: Ids) -> str:
    """The id to put there."""
    operation, _, pointer = place
    name = re.split(r"[.\]]", pointer)[-1]
    if operation == "rejected_interactions" and name in ("cursor", "next_cursor", "after"):
        return ids.rejected_cursor
    if place == ("remove_namespace", "path", "namespace_id"):
        return ids.spare_namespace_id
    if name in ("cursor", "next_cursor", "after"):
        if operation.endswith("_documents"):
            return ids.document_cursor
        if operation in ("search_executions", "list_executions_of"):
            return ids.execution_cursor
        if operation == "search_adhoc_executions":
            return ids.adhoc_cursor
    if operation == "compare_evaluation" and name == "evaluation_id":
        return ids.evaluated_id
    if operation == "list_models" and name == "name":
        return ids.model_name
    if operation == "get_execution_profile" and name == "execution_id":
        return ids.served_execution_id
    if "adhoc" in operation and name in ("execution_id", "parent_execution_id"):
        return ids.adhoc_execution_id
    id = getattr(ids, NAMES.get(name, name))
    assert isinstance(id, str)
    return id


def with_id(request: Request, place: Place, id: str, own: Ids) -> Request:
    """The request with an id in a place."""
    _, where, name = place
    headers = [(k, v) for k, v in pairs(request.headers) if k.decode() != name]
    if where == "path":
        mine = id_for(place, own)
        assert mine in request.path
        path = request.path.replace(mine, quote(id, safe=""))
        return request._replace(path=path, headers=headers)
    if where == "query":
        return request._replace(path=f"{request.path}?limit=1&{name}={id}", headers=headers)
    if where == "header":
        return request._replace(headers=[*headers, (name.encode(), id.encode())])
    return request._replace(json=_put(request.json, name, id), headers=headers)


def _put(body: Any, pointer: str, id: str) -> Any:
    head, _, rest = pointer.partition(".")
    if head == "policy":  # one thing, and not two
        return body | {head: {rest: id}}
    if head.endswith("[]"):
        items = body.get(head[:-2]) or [{}]
        return body | {head[:-2]: [_put(item, rest, id) for item in items]}
    put = [id] if head.endswith(("document_ids", "retriever_ids")) else id
    changed = body | {head: _put(body.get(head) or {}, rest, id) if rest else put}
    if head == "document_id":
        changed.pop("feature_id", None)
    return changed


class Seen(NamedTuple):
    """What an answer shows, with the ids it was asked about and those it made left out."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str


def seen(status: int, headers: Mapping[str, str], body: str, *ids: Ids) -> Seen:
    every = {id for known in ids for id in vars(known).values()}
    for id in sorted(every, key=len, reverse=True):  # one may begin like another
        body = body.replace(id, "ID").replace(quote(id, safe=""), "ID")
    made = "int|exec|exp|ret|rej|ds|eval|bench|whatif|task|mod"
    body = re.sub(rf"\b({made})_[0-9a-f]{{32}}\b", "ID", body)
    body = re.sub(r'"next_cursor":"[\w-]+"', '"next_cursor":"CURSOR"', body)
    body = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", body)
    body = re.sub(r'"(\w+_ms)":[\d.]+', r'"\1":"DURATION"', body)
    left_out = {"x-request-id", "content-length", "x-ratelimit-reset"}
    shown = tuple((name, value) for name, value in headers.items() if name not in left_out)
    return Seen(status, shown, body)


def everything(api: Api) -> str:
    """All that a namespace holds."""
    interactions = api.list("limit=1000&include_total=true")
    retrievers = done(api.get("/v1/retrievers?limit=1000&include_total=true"))
    rejected = done(api.get(f"{INTERACTIONS}/rejected?limit=1000"))
    names = {row["execution_id"] for row in interactions["results"]} - {None}
    executions = [
        api.get(f"/v1/retrievers/{retriever['retriever_id']}/executions/{quote(name)}").text
        for retriever in retrievers["results"]
        for name in sorted(names)
    ]
    documents = f"/v1/namespaces/{api.namespace.namespace_id}"
    kept = [
        *(
            done(api.get(f"/v1/retrievers/{retriever['retriever_id']}/{kind}?page_size=1000"))
            for retriever in retrievers["results"]
            for kind in ("evaluations", "counterfactual-evaluations")
        ),
        done(api.get(documents)),
        done(api.get("/v1/retrievers/evaluations/datasets?page_size=1000")),
        done(api.get("/v1/models?limit=1000")),
        done(api.get("/v1/retrievers/benchmarks?page_size=1000")),
        done(api.post("/v1/tasks/list?limit=1000", {})),
        done(api.post(f"{documents}/documents/list?limit=1000", {"return_vectors": True})),
    ]
    return json.dumps([interactions, retrievers, rejected, executions, kept])


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def owner(request: pytest.FixtureRequest) -> World:
    """Give the tenant whose things the others ask for."""
    backend = request.getfixturevalue(f"{request.param}_backend")
    assert isinstance(backend, Backend)
    return make_world(backend.api(), "owner")


@pytest.fixture(scope="module")
def document(owner: World) -> dict[str, Any]:
    return done(owner.api.get("/openapi.json", key=None))


def stranger(owner: World) -> World:
    """Another tenant, in the same position as any other stranger."""
    return make_world(owner.api.backend.api(), "stranger")


def send(world: World, place: Place, id: str, key: str | None = None) -> httpx.Response:
    request = CALLS[place[0]](world)
    if key is not None:
        request = request._replace(key=key)
    (answer,) = world.api.send(with_id(request, place, id, world.ids))
    return answer


def test_every_place_is_known(document: dict[str, Any], owner: World) -> None:
    """A new operation, parameter or field that may hold an id has to be given one here."""
    known = list(places(document))
    for place in known:
        assert id_for(place, owner.ids) != id_for(place, owner.ids.ghosts())
    assert {operation.id for operation in operations(document)} == set(CALLS)
    keyed = {operation.id for operation in operations(document) if operation.needs_key}
    assert keyed == {operation for operation, _, name in known if name == "X-Namespace"}
    # A few that must be among them, lest the search for places finds none.
    assert {
        ("get_interaction", "path", "interaction_id"),
        ("get_execution", "path", "execution_id"),
        ("create_interactions", "body", "interactions[].execution_id"),
        ("create_executions", "body", "executions[].documents[].document_id"),
        ("search_interactions", "query", "after"),
        ("search_interactions", "body", "retriever_id"),
        ("create_execution", "header", "Idempotency-Key"),
        ("erase", "path", "user_id"),
    } <= set(known)
    assert set(known) >= OWNER_SEES_NO_DIFFERENCE


class Leak(NamedTuple):
    """Two answers, or two namespaces afterwards, that should have been alike."""

    place: Place
    of_existing: object
    of_missing: object


class Pair:
    """Two worlds in the same position, for one probe after the other.

    One in which a probe did anything is made anew: what was refused and left it as it was is no
    trace that the next probe could find.
    """

    def __init__(self, api: Api, tag: str) -> None:
        self._backend, self._tag = api.backend, tag
        self._worlds: list[World | None] = [None, None]
        self._contents = ["", ""]

    def worlds(self) -> list[World]:
        return [self._world(number) for number in range(2)]

    def _world(self, number: int) -> World:
        world = self._worlds[number]
        if world is None:
            world = self._worlds[number] = make_world(self._backend.api(), self._tag)
            self._contents[number] = everything(world.api)
        return world

    def contents(self, answers: Iterable[httpx.Response]) -> list[str]:
        """What they hold after a probe that was answered like this."""
        found = [everything(world.api) for world in self.worlds()]
        for number, answer in enumerate(answers):
            if found[number] != self._contents[number] or answer.status_code < 400:
                self._worlds[number] = None
        return found


def probe(owner: World, reader: World, strangers: Pair, place: Place) -> Leak | None:
    """Ask for what a stranger has, and for what nobody has.

    ``reader`` is a stranger who asks whatever changes nothing.
    """
    ghosts = owner.ids.ghosts()
    reads = place[0] in READING
    worlds = [reader, reader] if reads else strangers.worlds()
    answers, seen_answers = [], []
    for world, ids in zip(worlds, (owner.ids, ghosts), strict=True):
        # An admin's key works in every namespace, and may be asked into a foreign one.
        key = world.api.keys.server if place[2] in NAMES_OF_NAMESPACES else None
        answer = send(world, place, id_for(place, ids), key)
        known = (owner.ids, ghosts, world.ids)
        answers.append(answer)
        seen_answers.append(seen(answer.status_code, answer.headers, answer.text, *known))
    if seen_answers[0] != seen_answers[1]:
        return Leak(place, *seen_answers)
    if reads:
        return None
    one, other = (
        seen(0, {}, found, owner.ids, ghosts, world.ids)
        for world, found in zip(worlds, strangers.contents(answers), strict=True)
    )
    return Leak(place, one, other) if one != other else None


def is_blunt(reader: World, owners: Pair, place: Place) -> bool:
    """Whether even an owner cannot tell what exists from what does not."""
    reads = place[0] in READING
    own, other = (reader, reader) if reads else owners.worlds()
    ghosts = own.ids.ghosts()
    answers, seen_answers = [], set()
    for world, ids in ((own, own.ids), (other, ghosts)):
        answer = send(world, place, id_for(place, ids))
        answers.append(answer)
        seen_answers.add(seen(answer.status_code, {}, answer.text, own.ids, ghosts, world.ids))
    if not reads:
        owners.contents(answers)
    return len(seen_answers) == 1


def test_no_place_tells_a_strangers_ids_from_ids_that_are_not(
    document: dict[str, Any], owner: World
) -> None:
    before, reader = everything(owner.api), stranger(owner)
    strangers = Pair(owner.api, "stranger")
    probed = (probe(owner, reader, strangers, place) for place in places(document))
    assert [leak for leak in probed if leak is not None] == []
    assert before == everything(owner.api)


def test_the_probes_could_fail(sqlite_backend: Backend) -> None:
    reader = make_world(sqlite_backend.api(), "own")
    document = done(reader.api.get("/openapi.json", key=None))
    owners = Pair(reader.api, "own")
    blunt = {place for place in places(document) if is_blunt(reader, owners, place)}
    assert blunt - SOMETIMES == OWNER_SEES_NO_DIFFERENCE - SOMETIMES


def test_filters_find_nothing_of_a_stranger(owner: World) -> None:
    """Conditions, searches and orders look at one namespace only, and so do their totals."""
    row = owner.api.read(owner.ids.interaction_id)
    api = stranger(owner).api
    mine = api.list("include_total=true")
    for name, value in row.items():
        if isinstance(value, str):
            answer = api.list("include_total=true", filters={name: value})
            assert set(map(str, answer["results"])) <= set(map(str, mine["results"]))
            negated = api.list("include_total=true", filters={"NOT": [{name: value}]})
            totals = [part["pagination"]["total"] for part in (answer, negated, mine)]
            assert totals[0] + totals[1] == totals[2]
    assert api.list(search="owner")["results"] == []


def test_a_key_of_one_namespace_is_none_of_another(owner: World) -> None:
    """Whatever a key may do, it does where it belongs."""
    other = stranger(owner).api
    for kind in ("server", "read"):
        rows = done(other.post(f"{INTERACTIONS}/list", {}, key=kind))["results"]
        assert rows
        assert not [row for row in rows if "owner" in json.dumps(row)]


@pytest.mark.torture
def test_time_tells_nothing(owner: World) -> None:
    """The median of 500 reads of a stranger's ids and of missing ids differ by 1 ms at most."""
    api = stranger(owner).api
    ghosts = owner.ids.ghosts()
    paths = [
        (f"{INTERACTIONS}/{ids.interaction_id}", f"/v1/retrievers/{ids.retriever_id}")
        for ids in (owner.ids, ghosts)
    ]
    for real, ghost in zip(*paths, strict=True):
        seconds: dict[str, list[float]] = {real: [], ghost: []}
        for _ in range(500):
            for path, times in seconds.items():
                began = time.perf_counter()
                assert api.get(path).status_code == 404
                times.append(time.perf_counter() - began)
        medians = [statistics.median(times) for times in seconds.values()]
        assert abs(medians[0] - medians[1]) <= 0.001
