"""The proxy configuration fits the service that it stands in front of."""

import re

import uvicorn

from desirepath.settings import Settings
from tests.docs.pages import DOCS, REPOSITORY

NGINX = (REPOSITORY / "deploy" / "nginx.conf").read_text()


def _value(directive: str, within: str = NGINX) -> str:
    found = re.search(rf"^\s*{directive} ([^;]+);", within, re.MULTILINE)
    assert found is not None, directive
    return found[1]


def _seconds(directive: str, within: str = NGINX) -> int:
    return int(_value(directive, within).removesuffix("s"))


def test_the_largest_batch_passes() -> None:
    assert _value("client_max_body_size") == f"{Settings().max_batch_body_bytes >> 20}m"


def test_idle_connections_are_closed_before_the_service_closes_them() -> None:
    upstream = NGINX.partition("upstream desirepath")[2].partition("\n    }")[0]
    service = uvicorn.Config("none").timeout_keep_alive
    assert _seconds("keepalive_timeout", upstream) < service


def test_the_proxy_waits_longer_than_a_list_may_take() -> None:
    assert _seconds("proxy_read_timeout") > Settings().list_seconds


def test_no_request_is_sent_twice() -> None:
    assert "non_idempotent" not in _value("proxy_next_upstream")


def test_the_address_is_the_one_that_connected() -> None:
    assert _value("proxy_set_header X-Forwarded-For") == "$remote_addr"


def test_the_guide_names_the_values_of_the_configuration() -> None:
    guide = (DOCS / "how-to" / "reverse-proxy.md").read_text()
    assert f"`client_header_timeout` {_seconds('client_header_timeout')} s" in guide
    assert f"`client_body_timeout` {_seconds('client_body_timeout')} s" in guide
    assert f"`client_max_body_size {_value('client_max_body_size')}`" in guide
    assert f"`proxy_read_timeout {_value('proxy_read_timeout')}`" in guide
