"""Delete interactions, retrievers, users and namespaces, with everything that hangs on them."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from desirepath.domain.ids import first_id_at, format_id
from desirepath.domain.plain_json import encode_json
from desirepath.domain.retriever import Retriever
from desirepath.engine.engine import Engine
from desirepath.engine.recording import user_digest
from desirepath.storage.base import ExecutionLog, InteractionLog, Session

__all__ = [
    "Erased",
    "apply_retention",
    "delete_interaction",
    "delete_namespace",
    "delete_retriever",
    "erase_user",
    "finish_deletions",
]

_CHUNK = 2000  # rows a transaction: writers wait for a few milliseconds, not for all of it
_DAY = 86_400_000_000


class Erased(Struct, frozen=True, kw_only=True):
    """What an erasure removed."""

    interactions: int
    executions: int
    rejections: int


def delete_interaction(engine: Engine, namespace: int, id: bytes) -> bool:
    """Delete one; whether it was there."""
    with engine.storage.write() as session:
        return session.interactions.delete(namespace, [id]) == 1


def delete_retriever(engine: Engine, retriever: Retriever) -> None:
    """Delete a retriever with its executions and interactions.

    It can no longer be found after the first transaction; what hangs on it goes in chunks, and
    :func:`finish_deletions` goes on if this process ends in between.
    """
    with engine.storage.write() as session:
        session.catalog.hide_retriever(retriever.namespace, retriever.id, session.now())
    engine.directory.forget()
    _empty_retriever(engine, retriever.namespace, retriever.id)


def finish_deletions(engine: Engine) -> None:
    """Empty retrievers whose deletion was begun."""
    with engine.storage.read() as session:
        hidden = session.catalog.hidden_retrievers()
    for namespace, id in hidden:
        _empty_retriever(engine, namespace, id)


def _empty_retriever(engine: Engine, namespace: int, id: bytes) -> None:
    name = format_id("ret", id)
    _delete_all(
        engine,
        namespace,
        lambda log: log.ids_of_retriever(namespace, name, _CHUNK),
    )
    with engine.storage.write() as session:
        session.catalog.delete_retriever(namespace, id)


def erase_user(engine: Engine, namespace: int, user_id: str) -> Erased:
    """Remove a user: interactions, executions and their interactions, rejected items.

    Later imports leave the user's rows out; what is sent live is recorded again.
    """
    with engine.storage.write() as session:
        digest = user_digest(namespace, user_id)
        session.receipts.suppress_user(namespace, digest, session.now())
    n_interactions, n_executions = _delete_all(
        engine, namespace, lambda log: log.ids_of_user(namespace, user_id, _CHUNK)
    )
    with engine.storage.write() as session:
        written = encode_json(user_id).decode()  # with its quotes: not a part of another id
        n_rejections = session.rejections.delete_mentions(namespace, written)
    engine.storage.scrub(user_id)
    return Erased(interactions=n_interactions, executions=n_executions, rejections=n_rejections)


def delete_namespace(engine: Engine, number: int) -> None:
    """Delete a namespace with everything in it, its keys first."""
    with engine.storage.write() as session:
        for key in session.catalog.api_keys():
            if key.namespace == number:
                session.catalog.revoke_key(key.key_id, session.now())
    engine.directory.forget()
    end = b"\xff" * 16
    _delete_before(engine, number, end)
    with engine.storage.write() as session:
        session.catalog.delete_namespace(number)  # first: no document is stored from here on
        session.documents.clear(number)
    engine.directory.forget()
    engine.storage.scrub()


def apply_retention(engine: Engine) -> int:
    """Delete what is older than its namespace keeps, by whole days; how many rows."""
    with engine.storage.read() as session:
        now = session.now()
        namespaces = session.catalog.namespaces()
    bounds = {
        namespace: first_id_at((now // _DAY - namespace.retention_days) * _DAY)
        for namespace in namespaces
        if namespace.retention_days is not None
    }
    if namespaces and len(bounds) == len(namespaces):
        engine.storage.drop_before(min(bounds.values()))
    deleted = 0
    for namespace, bound in bounds.items():
        deleted += _delete_before(engine, namespace.number, bound)
    return deleted


def _delete_before(engine: Engine, namespace: int, bound: bytes) -> int:
    return sum(_delete_all(engine, namespace, lambda log: log.ids_before(namespace, bound, _CHUNK)))


def _delete_all(
    engine: Engine,
    namespace: int,
    find: Callable[[InteractionLog | ExecutionLog], list[bytes]],
) -> tuple[int, int]:
    """Delete what is found, interactions before the executions they were found through."""

    def interactions(session: Session) -> InteractionLog:
        return session.interactions

    def executions(session: Session) -> ExecutionLog:
        return session.executions

    counts = []
    for log_of in (interactions, executions):
        count = 0
        while True:
            with engine.storage.write() as session:
                log = log_of(session)
                ids = find(log)
                count += log.delete(namespace, ids) if ids else 0
            if not ids:
                break
        counts.append(count)
    return counts[0], counts[1]
