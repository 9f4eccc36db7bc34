"""Delete interactions, retrievers, users and namespaces, with everything that hangs on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from desirepath.domain.checks import check_plain_id
from desirepath.domain.ids import first_id_at, format_id, time_of
from desirepath.domain.plain_json import encode_json
from desirepath.domain.retriever import Retriever
from desirepath.engine.analysing.files import CopyFiles
from desirepath.engine.engine import Engine
from desirepath.engine.learning.folding import forget_before
from desirepath.engine.recording import user_digest
from desirepath.engine.retrievers import challenged_by
from desirepath.errors import Conflict, InvalidQuery
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
        _mark_stale(session, namespace, interactions=[id])
        return _delete_interactions(engine, session, namespace, [id]) == 1


def _mark_stale(
    session: Session,
    namespace: int,
    *,
    interactions: Sequence[bytes] = (),
    executions: Sequence[bytes] = (),
) -> None:
    """Mark the datasets and models that may have seen what is deleted in this session."""
    acted = session.interactions.get([(namespace, id) for id in interactions]).values()
    names = session.executions.names(namespace, executions)
    retriever_ids = {one.retriever_id for one in acted if one.retriever_id is not None}
    retriever_ids |= {one.retriever_id for one in session.executions.shown_lists(names).values()}
    ids = [*(one.id for one in acted), *executions]
    if ids:
        for made in (session.evaluations, session.artifacts):
            made.mark_stale(namespace, retriever_ids, time_of(min(ids)), session.now())


def _delete_interactions(
    engine: Engine, session: Session, namespace: int, ids: Sequence[bytes]
) -> int:
    """Delete some, and take away what they taught."""
    found = session.interactions.get([(namespace, id) for id in ids])
    acted_on = {
        (namespace, one.execution_id) for one in found.values() if one.execution_id is not None
    }
    deleted = session.interactions.delete(namespace, ids)
    now = session.now()
    engine.learn(session, acted_on, now)
    if any(one.feature_uri is not None for one in found.values()):
        engine.unlearn_lone(session, namespace, ids, now)
    return deleted


def _delete_executions(
    engine: Engine, session: Session, namespace: int, ids: Sequence[bytes]
) -> int:
    """Delete some, and take away what they taught."""
    engine.forget(session, session.executions.names(namespace, ids), session.now())
    return session.executions.delete(namespace, ids)


def delete_retriever(engine: Engine, retriever: Retriever) -> None:
    """Delete a retriever with its executions and interactions.

    It can no longer be found after the first transaction; what hangs on it goes in chunks, and
    :func:`finish_deletions` goes on if this process ends in between.

    Raises
    ------
    Conflict
        It is a challenger: its experiment would end without a word. Nothing was deleted.
    """
    with engine.storage.write() as session:
        session.catalog.hide_retriever(retriever.namespace, retriever.id, session.now())
        if challenged_by(session, retriever.namespace, retriever.retriever_id):
            raise Conflict("It is the challenger of another retriever; end that experiment first.")
        for made in (
            session.evaluations,
            session.artifacts,
            session.assessments,
            session.experiments,
        ):
            made.delete_of_retriever(retriever.namespace, retriever.retriever_id)
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
    _clear_learned(engine, namespace, name)
    _delete_all(
        engine,
        namespace,
        lambda log: log.ids_of_retriever(namespace, name, _CHUNK),
        marks_stale=True,
    )
    with engine.storage.write() as session:
        session.catalog.delete_retriever(namespace, id)


def _clear_learned(engine: Engine, namespace: int, retriever_id: str) -> None:
    """Forget all that a retriever learned, so that its lists need not be taken away one by one."""
    while True:
        with engine.storage.write() as session:
            if not session.learned.clear(namespace, retriever_id, _CHUNK):
                session.learned.clear_decisions(namespace, retriever_id)
                return


def erase_user(engine: Engine, namespace: int, user_id: str) -> Erased:
    """Remove a user: interactions, executions and their interactions, rejected items.

    Later imports leave the user's rows out; what is sent live is recorded again.

    Raises
    ------
    InvalidQuery
        No record can have such a user_id.
    """
    check_plain_id(user_id, "user_id", InvalidQuery)
    with engine.storage.write() as session:
        digest = user_digest(namespace, user_id)
        session.receipts.suppress_user(namespace, digest, session.now())
    n_interactions, n_executions = _delete_all(
        engine,
        namespace,
        lambda log: log.ids_of_user(namespace, user_id, _CHUNK),
        marks_stale=True,
    )
    with engine.storage.write() as session:
        session.learned.delete_user(namespace, user_id)
        written = encode_json(user_id).decode()  # with its quotes: not a part of another id
        n_rejections = session.rejections.delete_mentions(namespace, written)
        session.evaluations.delete_mentions(namespace, written)
        session.artifacts.delete_mentions(namespace, written)
        session.jobs.delete_mentions(namespace, written)
    engine.directory.forget()  # a model that named them is gone
    engine.storage.scrub(user_id)
    _drop_copies(engine, namespace)
    return Erased(interactions=n_interactions, executions=n_executions, rejections=n_rejections)


def delete_namespace(engine: Engine, number: int) -> None:
    """Delete a namespace with everything in it, its keys first."""
    with engine.storage.write() as session:
        for key in session.catalog.api_keys():
            if key.namespace == number:
                session.catalog.revoke_key(key.key_id, session.now())
    engine.directory.forget()
    copies = _copies(engine, number)
    end = b"\xff" * 16
    _delete_before(engine, number, end)
    with engine.storage.write() as session:
        session.catalog.delete_namespace(number)  # first: no document is stored from here on
        session.documents.clear(number)
        session.evaluations.clear(number)
        session.artifacts.clear(number)
        session.assessments.clear(number)
        session.experiments.clear(number)
        session.jobs.clear(number)
    engine.directory.forget()
    engine.storage.scrub()
    if copies is not None:
        copies.remove()


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
        bound = min(bounds.values())
        for namespace in namespaces:
            _unlearn_before(engine, namespace.number, bound)
        engine.storage.drop_before(bound)
    deleted = 0
    for namespace, bound in bounds.items():
        deleted += _delete_before(engine, namespace.number, bound)
        _drop_copies(engine, namespace.number)
    return deleted


def _drop_copies(engine: Engine, namespace: int) -> None:
    """Remove what was deleted from the copies that this machine has for analysis."""
    copies = _copies(engine, namespace)
    if copies is not None:
        with engine.storage.read() as session:
            copies.drop_stale(session, namespace)


def _copies(engine: Engine, number: int) -> CopyFiles | None:
    if engine.analysis.folder is None:  # a temporary one, which its process looks after
        return None
    with engine.storage.read() as session:
        found = [one for one in session.catalog.namespaces() if one.number == number]
    return CopyFiles(engine.analysis.folder / found[0].namespace_id) if found else None


def _unlearn_before(engine: Engine, namespace: int, bound: bytes) -> None:
    """Take away what rows taught that may go without being looked at, whole months at once.

    An execution that stays may have interactions from before it, which go one by one.
    """
    while True:
        with engine.storage.write() as session:
            now = session.now()
            n_done = forget_before(session, namespace, bound, _CHUNK, engine.shard, now)
            lone = session.learned.lone_before(namespace, bound, _CHUNK)
            engine.unlearn_lone(session, namespace, lone, now)
            ids = session.interactions.ids_before_execution(namespace, bound, _CHUNK)
            if ids:
                _delete_interactions(engine, session, namespace, ids)
        if not (n_done or lone or ids):
            return


def _delete_before(engine: Engine, namespace: int, bound: bytes) -> int:
    return sum(_delete_all(engine, namespace, lambda log: log.ids_before(namespace, bound, _CHUNK)))


def _delete_all(
    engine: Engine,
    namespace: int,
    find: Callable[[InteractionLog | ExecutionLog], list[bytes]],
    *,
    marks_stale: bool = False,
) -> tuple[int, int]:
    """Delete what is found, interactions before the executions they were found through.

    What retention deletes was there long enough: what saw it does not become stale.
    """

    def interactions(session: Session) -> InteractionLog:
        return session.interactions

    def executions(session: Session) -> ExecutionLog:
        return session.executions

    counts = []
    for log_of, name, delete in (
        (interactions, "interactions", _delete_interactions),
        (executions, "executions", _delete_executions),
    ):
        count = 0
        while True:
            with engine.storage.write() as session:
                ids = find(log_of(session))
                if marks_stale:
                    _mark_stale(session, namespace, **{name: ids})
                count += delete(engine, session, namespace, ids) if ids else 0
            if not ids:
                break
        counts.append(count)
    return counts[0], counts[1]
