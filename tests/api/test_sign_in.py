"""Signing in at the page: by key or link, and not as often as somebody likes."""

from __future__ import annotations

import httpx

from tests.api.client import Api, click, done


def sign_in(api: Api, key: str, address: str = "10.8.0.1") -> httpx.Response:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    content = f"key={key}".encode()
    return api.post("/sign-in", key=None, content=content, headers=form, address=address)


def test_a_key_that_may_read_signs_in(api: Api) -> None:
    for key in (api.keys.read, api.keys.server, api.keys.admin):
        answer = sign_in(api, key)
        assert answer.status_code == 303
        assert "httponly" in answer.headers["set-cookie"].lower()
    for key in (api.keys.public, "nonsense", ""):
        assert sign_in(api, key).status_code == 401


def test_attempts_spend_the_limit_of_failed_logins(api: Api) -> None:
    limited = api.under(failed_logins_per_minute=4)
    address = "10.8.0.2"
    for _ in range(2):
        assert sign_in(limited, "nonsense", address).status_code == 401
        assert limited.get("/v1/retrievers", key="nonsense", address=address).status_code == 401
    refused = sign_in(limited, "nonsense", address)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1
    assert "Too many requests" in refused.text
    assert limited.get("/v1/retrievers", key="nonsense", address=address).status_code == 429
    link = limited.get("/sign-in?token=guess", key=None, address=address)
    assert link.status_code == 429
    assert sign_in(limited, "nonsense", "10.8.0.3").status_code == 401
    assert sign_in(limited, limited.keys.read, address).status_code == 303


def test_looking_at_the_form_is_free(api: Api) -> None:
    limited = api.under(failed_logins_per_minute=1)
    for _ in range(3):
        assert limited.get("/sign-in", key=None, address="10.8.0.4").status_code == 200
        assert limited.get("/", key=None, address="10.8.0.4").status_code == 200
    assert done(limited.post("/v1/retrievers/interactions", click()))["interaction_id"]


def test_behind_a_proxy_the_client_is_limited_and_not_the_proxy(api: Api) -> None:
    limited = api.under(failed_logins_per_minute=1, trusted_proxy="10.8.1.0/24")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for client in ("192.0.2.1", "192.0.2.2"):
        answer = limited.post(
            "/sign-in",
            key=None,
            content=b"key=nonsense",
            headers={**form, "X-Forwarded-For": client},
            address="10.8.1.1",
        )
        assert answer.status_code == 401


def test_a_cookie_is_for_https_only_where_the_proxy_says_https(api: Api) -> None:
    behind = api.under(trusted_proxy="10.8.2.1")
    for address, proto, secure in (
        ("10.8.2.1", "https", True),
        ("10.8.2.1", "http", False),
        ("10.8.2.2", "https", False),
    ):
        answer = behind.post(
            "/sign-in",
            key=None,
            content=f"key={api.keys.read}".encode(),
            headers={
                "Content-Type": "application/x-www-form-urlencoded",
                "X-Forwarded-Proto": proto,
            },
            address=address,
        )
        assert answer.status_code == 303
        assert ("; secure" in answer.headers["set-cookie"].lower()) == secure
