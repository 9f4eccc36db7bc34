"""What a database needs before it can serve: secrets, a namespace, a first key."""

from __future__ import annotations

import secrets

from desirepath.domain.access import Key, KeyKind, hash_token, is_mistyped, make_token
from desirepath.domain.checks import check_plain_id
from desirepath.domain.ids import format_id
from desirepath.engine.engine import Engine
from desirepath.errors import InvalidNamespace, InvalidSetting
from desirepath.storage.base import Namespace, Session

__all__ = [
    "DEFAULT_NAMESPACE",
    "add_key",
    "create_namespace",
    "ensure_admin_key",
    "ensure_defaults",
]

DEFAULT_NAMESPACE = "default"
SECRETS = ("cursor", "cookie")
_SHORTEST_KEY = 8


def ensure_defaults(engine: Engine) -> None:
    """Make the instance's secrets, and the namespace ``default`` when there is none."""
    with engine.storage.read() as session:
        catalog = session.catalog
        if catalog.find_namespace(DEFAULT_NAMESPACE) and all(map(catalog.has_secret, SECRETS)):
            return
    with engine.storage.write() as session:
        for name in SECRETS:
            session.catalog.secret(name)
        if not session.catalog.namespaces():
            create_namespace(engine, session, DEFAULT_NAMESPACE)


def create_namespace(engine: Engine, session: Session, name: str) -> Namespace:
    """A new namespace.

    Raises
    ------
    InvalidNamespace
        The name is none that a header can carry, or looks like an id.
    AlreadyExists
        The name is taken.
    """
    check_plain_id(name, "name", InvalidNamespace)
    if (
        name.startswith("ns_")
        or name != name.strip()
        or not (name.isprintable() and name.isascii())
    ):
        raise InvalidNamespace(
            "A name is printable ASCII without space around it, and does not begin with ns_."
        )
    now = session.now()
    id = format_id("ns", engine.make_id.next(now))
    return session.catalog.create_namespace(id, name, now)


def add_key(
    engine: Engine, kind: KeyKind, namespace: Namespace | None, name: str, token: str | None = None
) -> tuple[Key, str]:
    """A new key, and the token that is shown once."""
    token = token or make_token(kind)
    with engine.storage.write() as session:
        key = Key(
            key_id=f"key_{secrets.token_hex(8)}",
            kind=kind,
            namespace=None if namespace is None else namespace.number,
            name=name,
            created_at=session.now(),
        )
        session.catalog.add_key(key, hash_token(token))
    engine.directory.forget()
    return key, token


def ensure_admin_key(engine: Engine, chosen: str | None) -> str | None:
    """The first admin key of a database without any: the chosen one, or a random one.

    Returns
    -------
    str or None
        The key to show, once; None when there was a key already.

    Raises
    ------
    InvalidSetting
        The chosen key is short, not ASCII, or looks like one of ours with a wrong checksum.
    """
    with engine.storage.read() as session:
        if any(
            key.kind is KeyKind.ADMIN and not key.revoked_at for key in session.catalog.api_keys()
        ):
            return None
    if chosen is not None and (
        len(chosen) < _SHORTEST_KEY
        or not chosen.isascii()
        or not chosen.isprintable()
        or " " in chosen
        or is_mistyped(chosen)
    ):
        raise InvalidSetting(
            f"The admin key has at least {_SHORTEST_KEY} printable ASCII characters and no spaces "
            "(and does not begin with dp_ unless Desirepath made it).",
            ("admin_key",),
        )
    _, token = add_key(engine, KeyKind.ADMIN, None, "first", chosen)
    return token
