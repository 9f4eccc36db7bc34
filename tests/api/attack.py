"""The corpus of ``hostile.py`` sent through the places of the API, to both databases at once."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from typing import Any

import httpx

from tests.api.client import INTERACTIONS, Api, Request, pairs
from tests.api.hostile import (
    LARGE_METADATA,
    LARGE_OBJECTS,
    LEAVES,
    STRUCTURES,
    Slot,
    header_values,
    path_values,
    slots,
)
from tests.api.operations import CALLS, Operation, World, operations
from tests.api.twins import Twins

__all__ = [
    "Problems",
    "attack_batches",
    "attack_headers",
    "attack_leaves",
    "attack_paths",
    "attack_queries",
    "attack_structures",
    "check",
    "check_stored",
    "with_body",
]

HEADERS = (
    "Authorization",
    "X-Namespace",
    "Idempotency-Key",
    "X-Request-Id",
    "Content-Type",
    "Content-Encoding",
    "X-Forwarded-For",
    "Accept",
)

_TAKE_ANY_PAYLOAD = (
    "create_collection_document",
    "update_collection_document",
    "put_collection_document",
    "update_own_document",
    "put_own_document",
)
TAKEN: Mapping[str, Set[str]] = {
    **dict.fromkeys(_TAKE_ANY_PAYLOAD, LARGE_OBJECTS),
    "patch_retriever": LARGE_METADATA,
}
"""Large bodies that are right, by operation: what is in a document or in metadata is its owner's
to say, up to the size of a body."""


class Problems:
    """What was found, all of it before the test fails."""

    def __init__(self) -> None:
        self.found: list[str] = []

    @contextmanager
    def of(self, *what: object) -> Iterator[None]:
        """Go on after a failed assertion, remembering what it was about."""
        try:
            yield
        except AssertionError as error:
            self.found.append(f"{' | '.join(map(str, what))}: {error}"[:600])

    def expect_none(self) -> None:
        shown = "\n".join(self.found[:25])
        assert not self.found, f"{len(self.found)} problems, the first of them:\n{shown}"


def check(answer: httpx.Response) -> httpx.Response:
    """Fail on an answer that blames the server; every error has the one shape."""
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert set(answer.json()) == {"success", "status", "error"}
    return answer


def with_body(id: str, content: bytes) -> Callable[[World], Request]:
    """A call of an operation with another body."""

    def build(world: World) -> Request:
        return CALLS[id](world)._replace(json=None, content=content)

    return build


def attack_leaves(twins: Twins, chosen: Iterable[tuple[Slot, str]]) -> list[httpx.Response]:
    """Put values, by name, into slots; the answers."""
    problems, answers = Problems(), []
    for number, (slot, name) in enumerate(chosen):
        with problems.of(slot.operation, slot.place, name):
            content = slot.content(LEAVES[name], number)
            answers.append(check(twins.send(with_body(slot.operation, content))))
    problems.expect_none()
    return answers


def check_stored(twins: Twins, answers: Iterable[httpx.Response]) -> int:
    """Fail unless both databases hold what the answers said; how many rows were looked at."""
    said = {}
    for answer in answers:
        body = answer.json() if answer.status_code == 200 else {}
        if body.get("interaction_id") and "feature_id" in body and not body["deduplicated"]:
            said[body["interaction_id"]] = body
    n_rows = twins.check_contents()
    problems = Problems()
    for world in twins.worlds:
        for interaction_id, body in said.items():
            stored = world.api.read(interaction_id)
            late = ("retriever_id", "query_snapshot")  # an execution that arrives fills them in
            filled = {name: stored[name] for name in late if body[name] is None}
            with problems.of(world.api.backend.name):
                assert repr(body | filled) == repr(stored)
    problems.expect_none()
    return n_rows


def attack_structures(
    twins: Twins, document: Mapping[str, Any], most_bytes: int | None = None
) -> int:
    """Send each malformed or large body to each operation that takes one; how many requests.

    Those larger than ``most_bytes`` go to the creation of an interaction only.
    """
    problems, count = Problems(), 0
    for operation in operations(document):
        if operation.body is None:
            continue
        required = operation.description["requestBody"]["required"]
        for name, content in STRUCTURES.items():
            is_large = most_bytes is not None and len(content) > most_bytes
            if is_large and operation.id != "create_interaction":
                continue
            count += 1
            with problems.of(operation.id, name):
                answer = check(twins.send(with_body(operation.id, content)))
                # Its retriever has an input; five clicks are needed.
                needs_more = operation.id in ("execute_retriever", "generate_dataset")
                is_wrong = bool(content) or required or needs_more
                expected = 422 if is_wrong and name not in TAKEN.get(operation.id, ()) else 200
                assert expected == answer.status_code, answer.text[:200]
    problems.expect_none()
    return count


def attack_paths(twins: Twins, document: Mapping[str, Any], stride: int) -> int:
    """Put every so many-th value into each path parameter; how many requests."""

    def build(id: str, name: str, value: str) -> Callable[[World], Request]:
        call = CALLS[id]
        return lambda world: call(world)._replace(
            path=call.path.format(**(vars(world.ids) | {name: value, f"spare_{name}": value}))
        )

    problems, count = Problems(), 0
    for start, (operation, name) in enumerate(_parameters(document, "path")):
        for value in itertools.islice(path_values(), start % stride, None, stride):
            count += 1
            with problems.of(operation.id, name, value):
                check(twins.send(build(operation.id, name, value)))
    problems.expect_none()
    return count


def attack_queries(twins: Twins, document: Mapping[str, Any], stride: int) -> int:
    """Put every so many-th value into each query parameter; how many requests."""

    def build(id: str, name: str, value: str) -> Callable[[World], Request]:
        def request(world: World) -> Request:
            usual = CALLS[id](world)
            return usual._replace(path=f"{usual.path}?{name}={value}&x={value}")

        return request

    problems, count = Problems(), 0
    for start, (operation, name) in enumerate(_parameters(document, "query")):
        for value in itertools.islice(path_values(), start % stride, None, stride):
            count += 1
            with problems.of(operation.id, name, value):
                answer = check(twins.send(build(operation.id, name, value)))
                expected = (200, 400, 404) if name.endswith("_id") else (200, 400)
                assert answer.status_code in expected, answer.text
    problems.expect_none()
    return count


def _parameters(document: Mapping[str, Any], place: str) -> Iterator[tuple[Operation, str]]:
    """Each parameter; those that questions to the log read alike, of one of them."""
    shared: set[str] = set()
    for operation in operations(document):
        for name in operation.parameters(place):
            if operation.asks_the_log:
                if name in shared:
                    continue
                shared.add(name)
            yield operation, name


def attack_headers(twins: Twins, stride: int) -> int:
    """Put every so many-th value into each header that is looked at; how many requests."""

    def build(id: str, name: str, value: bytes) -> Callable[[World], Request]:
        def request(world: World) -> Request:
            usual = CALLS[id](world)
            headers = [*pairs(usual.headers), (name.encode(), value)]
            key = None if name == "Authorization" else usual.key
            return usual._replace(headers=headers, key=key)

        return request

    problems, count = Problems(), 0
    ids = ("create_interaction", "search_interactions", "get_interaction")
    for start, (id, name) in enumerate(itertools.product(ids, HEADERS)):
        for value in itertools.islice(header_values(), start % stride, None, stride):
            count += 1
            with problems.of(id, name, value[:60]):
                check(twins.send(build(id, name, value)))
    problems.expect_none()
    return count


def attack_batches(api: Api, document: Mapping[str, Any], stride: int) -> int:
    """Fail unless a batch judges and stores an item as if it came alone; how many items."""
    problems, count = Problems(), 0
    chosen = [slot for slot in slots(document) if slot.operation == "create_interaction"]
    for start, slot in enumerate(chosen):
        for name in itertools.islice(LEAVES, start % stride, None, stride):
            count += 1
            item = slot.content(LEAVES[name], count)
            with problems.of(slot.place, name):
                _judge_alike(api, item)
    problems.expect_none()
    return count


def _judge_alike(api: Api, item: bytes) -> None:
    if not _is_one_item(item):
        return
    single = api.post(INTERACTIONS, content=item)
    batch = api.post(f"{INTERACTIONS}/batch", content=b'{"interactions":[' + item + b"]}")
    answers = single.json(), batch.json()
    if single.status_code == 200:
        assert batch.status_code == 200, batch.text
        assert (answers[1]["created"] + answers[1]["duplicates"], answers[1]["failed"]) == (1, 0)
        if answers[0]["deduplicated"]:
            return
        stored = api.read(answers[1]["results"][0]["interaction_id"])
        own = ("interaction_id", "timestamp")
        assert repr([(k, v) for k, v in answers[0].items() if k not in own]) == repr(
            [(k, v) for k, v in stored.items() if k not in own]
        )
    elif batch.status_code == 200:
        assert answers[1]["failed"] == 1, batch.text
        assert [f"[0] {answers[0]['error']['message']}"] == answers[1]["errors"]
    else:
        assert single.status_code == batch.status_code
        assert answers[0]["error"]["message"] == answers[1]["error"]["message"]


def _is_one_item(item: bytes) -> bool:
    """Whether an array around it has one element: what is ``1,5`` alone is two in a batch."""
    try:
        return len(json.loads(b"[" + item + b"]")) == 1
    except ValueError:
        return True  # what is no JSON alone is none in a batch
