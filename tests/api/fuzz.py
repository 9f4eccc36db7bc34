"""Requests made by schemathesis from the OpenAPI document, good ones and bad ones.

Each is sent as it was made, and where it names things once more with ids that exist and without a
namespace: random text never hits those.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.client import Request
from tests.api.operations import QUESTIONS, World
from tests.api.twins import Twins

__all__ = ["fuzz"]

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


def fuzz(twins: Twins, document: Mapping[str, Any], n_cases: int) -> int:
    """Make this many cases of each operation, and ask both databases; how many were sent."""
    count = 0

    def check(case: Case[Any]) -> None:
        nonlocal count
        count += 1
        answer = twins.send(lambda world: _request(case, world))
        case.validate_response(answer, checks=CHECKS)
        if case.path_parameters or case.headers:
            count += 1
            answer = twins.send(lambda world: _request(_with_real_ids(case, world), world))
            case.validate_response(answer, checks=CHECKS)

    schema = schemathesis.openapi.from_dict(dict(document))
    for result in schema.get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]
        if operation.path == "/metrics":
            continue  # takes nothing, and differs by nature
        modes = [operation.as_strategy(generation_mode=mode) for mode in GenerationMode]
        # A question to the log takes a hundred times as long as anything else, and most of what it
        # takes is read as it is in all others.
        few = operation.path.startswith(QUESTIONS)
        run = settings(
            max_examples=max(2, n_cases // 8) if few else n_cases,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )(given(case=st.one_of(modes))(check))
        run()
    return count


def _with_real_ids(case: Case[Any], world: World) -> Case[Any]:
    headers = {k: v for k, v in (case.headers or {}).items() if k.lower() != "x-namespace"}
    if case.path.startswith("/v1/users"):
        headers["X-Namespace"] = world.ids.namespace_name
    known = {name: getattr(world.ids, name) for name in case.path_parameters or {}}
    changed: Case[Any] = case.operation.Case(
        path_parameters=known,
        headers=headers,
        query=case.query,
        body=case.body,
        media_type=case.media_type,
        _meta=case.meta,
    )
    return changed


def _request(case: Case[Any], world: World) -> Request:
    options = case.as_transport_kwargs(base_url="http://test")
    allowed = ("method", "url", "headers", "params", "json", "data", "cookies", "files")
    given = {name: options[name] for name in allowed if options.get(name) is not None}
    prepared = requests.Request(**given).prepare()
    url = urlsplit(str(prepared.url))
    content: Any = prepared.body if prepared.body is not None else b""
    headers = [
        (name.encode(), value if isinstance(value, bytes) else value.encode("latin-1", "replace"))
        for name, value in prepared.headers.items()
        if name.lower() not in ("authorization", "content-length", "user-agent")
    ]
    path = quote(url.path, safe="/%:@!$&'()*+,;=~")
    return Request(
        str(prepared.method),
        f"{path}?{url.query}" if url.query else path,
        None,
        world.api.keys.admin if url.path.startswith("/v1/users") else world.api.keys.server,
        headers,
        content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content,
    )
