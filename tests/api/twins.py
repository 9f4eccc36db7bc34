"""Two databases that are asked the same at the same moment, and have to answer the same bytes."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator

import httpx

from desirepath.testing.examples import CountingIds
from tests.api.client import INTERACTIONS, Api, Backend, Request, done
from tests.api.operations import World, make_world

__all__ = ["Twins"]

_numbers = itertools.count(1)
_LEFT_OUT = {"x-request-id", "content-length"}


class Twins:
    """A namespace on each database, filled alike, with the same clock and the same ids.

    Ids are made from the clock, which is moved before every request, and a count, which begins
    again: so both sides make the same ones as long as they make as many. Only cursors differ, which
    are signed with each database's own secret, and how long a search took.
    """

    def __init__(self, sqlite: Backend, postgres: Backend) -> None:
        self._backends = (sqlite, postgres)
        self._align()
        name = f"twin-{next(_numbers)}"
        self.worlds = [make_world(backend.api(name), "own") for backend in self._backends]

    @property
    def sqlite(self) -> Api:
        return self.worlds[0].api

    @property
    def postgres(self) -> Api:
        return self.worlds[1].api

    def _align(self) -> None:
        latest = max(backend.clock.now() for backend in self._backends) + 1_000_000
        for backend in self._backends:
            backend.clock.advance(microseconds=latest - backend.clock.now())
            backend.application().engine.make_id = CountingIds()

    def send(self, build: Callable[[World], Request]) -> httpx.Response:
        """Send a request to both; fail unless the answers are the same."""
        self._align()
        answers = [world.api.send(build(world))[0] for world in self.worlds]
        shown = [_shown(answer) for answer in answers]
        assert shown[0] == shown[1], "the databases differ"
        return answers[0]

    def check_contents(self) -> int:
        """Fail unless both hold the same; how many interactions that is."""
        contents = [list(_contents(world.api)) for world in self.worlds]
        assert len(contents[0]) == len(contents[1])
        for one, other in zip(*contents, strict=True):
            assert one == other
        return len(contents[0])


def _shown(answer: httpx.Response) -> tuple[int, dict[str, str], bytes]:
    headers = {name: value for name, value in answer.headers.items() if name not in _LEFT_OUT}
    body = re.sub(rb'"next_cursor":"[\w-]+"', b'"next_cursor":"CURSOR"', answer.content)
    body = re.sub(rb'"(\w+_ms)":[\d.e-]+', rb'"\1":"DURATION"', body)
    return answer.status_code, headers, body


def _contents(api: Api) -> Iterator[object]:
    """Everything in a namespace, but for executions that no list shows."""
    query = "limit=1000"
    while True:
        page = api.list(query, sort={"field": "timestamp", "direction": "asc"})
        yield from page["results"]
        cursor = page["pagination"]["next_cursor"]
        if cursor is None:
            break
        query = f"limit=1000&cursor={cursor}"
    yield done(api.get("/v1/retrievers?limit=1000"))["results"]
    documents = f"/v1/namespaces/{api.namespace.namespace_id}/documents/list?limit=1000"
    yield done(api.post(documents, {"return_vectors": True}))["results"]
    yield done(api.get(f"{INTERACTIONS}/rejected?limit=1000"))["results"]
