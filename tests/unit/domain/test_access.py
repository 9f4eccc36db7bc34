"""API keys: what they look like, and what each kind may do."""

from __future__ import annotations

import re

import pytest

from desirepath.domain.access import (
    Access,
    KeyKind,
    allowed,
    hash_token,
    is_mistyped,
    make_token,
)


@pytest.mark.parametrize(
    ("kind", "granted"),
    [
        (KeyKind.ADMIN, {Access.ADMIN, Access.WRITE, Access.READ, Access.RECORD}),
        (KeyKind.SERVER, {Access.WRITE, Access.READ, Access.RECORD}),
        (KeyKind.READ, {Access.READ}),
        (KeyKind.PUBLIC, set()),
    ],
)
def test_what_each_kind_may_do(kind: KeyKind, granted: set[Access]) -> None:
    assert {access for access in Access if allowed(kind, access)} == granted


@pytest.mark.parametrize("kind", KeyKind)
def test_a_key_says_what_it_is_and_nothing_else(kind: KeyKind) -> None:
    token = make_token(kind)
    assert re.fullmatch(rf"dp_{kind.value}_[0-9A-Za-z]{{36}}", token)
    assert not is_mistyped(token)


def test_keys_are_never_the_same() -> None:
    assert len({make_token(KeyKind.SERVER) for _ in range(1000)}) == 1000


def test_a_mistyped_key_is_seen_without_a_look_up() -> None:
    token = make_token(KeyKind.SERVER)
    secret = len("dp_server_")
    for index in range(secret, len(token)):
        other = "1" if token[index] == "0" else "0"
        assert is_mistyped(token[:index] + other + token[index + 1 :])
    swapped = token[:secret] + token[secret + 1] + token[secret] + token[secret + 2 :]
    assert is_mistyped(swapped) or token[secret] == token[secret + 1]
    for text in (token[:-1], token + "a", token + "\n", "dp_", "dp_nobody_" + token[secret:]):
        assert is_mistyped(text)


@pytest.mark.parametrize("token", ["", "sk_live_1", "my own admin key", "DP_", "é"])
def test_a_key_of_other_making_is_not_judged(token: str) -> None:
    assert not is_mistyped(token)


def test_the_kind_is_not_part_of_the_checksum_but_of_the_hash() -> None:
    token = make_token(KeyKind.READ)
    promoted = token.replace("dp_read_", "dp_admin_")
    assert hash_token(promoted) != hash_token(token)


def test_a_hash_tells_nothing_and_is_always_the_same() -> None:
    token = make_token(KeyKind.ADMIN)
    assert hash_token(token) == hash_token(token)
    assert len(hash_token(token)) == 32
    assert token.encode() not in hash_token(token)
