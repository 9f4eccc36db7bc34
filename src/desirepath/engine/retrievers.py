"""Create, change and copy retrievers."""

from __future__ import annotations

from desirepath.domain.retriever import Retriever, RetrieverDraft
from desirepath.domain.retriever_changes import RetrieverClone, RetrieverPatch, changed, cloned
from desirepath.engine.engine import Engine
from desirepath.errors import Conflict, NotFound

__all__ = ["change_retriever", "clone_retriever", "create_retriever", "find_retriever"]

_ATTEMPTS = 10


def find_retriever(engine: Engine, namespace: int, id_or_name: str) -> Retriever:
    """A retriever as it is now, by id or name.

    Raises
    ------
    NotFound
        There is none.
    """
    if "\x00" in id_or_name:  # no database could have it
        raise NotFound("retriever")
    with engine.storage.read() as session:
        found = session.catalog.find_retriever(namespace, id_or_name)
    if found is None:
        raise NotFound("retriever", id_or_name)
    return found


def create_retriever(engine: Engine, namespace: int, draft: RetrieverDraft) -> Retriever:
    """Store a retriever.

    Raises
    ------
    AlreadyExists
        Its name is taken.
    """
    with engine.storage.write() as session:
        now = session.now()
        made = session.catalog.create_retriever(namespace, engine.make_id.next(now), draft, now)
    engine.directory.forget()
    return made


def clone_retriever(engine: Engine, source: Retriever, clone: RetrieverClone) -> Retriever:
    """Store a copy, which has learned nothing yet.

    Raises
    ------
    AlreadyExists
        Its name is taken.
    """
    return create_retriever(engine, source.namespace, cloned(source, clone))


def change_retriever(engine: Engine, retriever: Retriever, patch: RetrieverPatch) -> Retriever:
    """Change a retriever; changes that others make at the same moment are kept.

    Raises
    ------
    InvalidRetriever
        See :func:`~desirepath.domain.retriever_changes.changed`.
    AlreadyExists
        The new name is taken.
    NotFound
        It was deleted meanwhile.
    """
    for _ in range(_ATTEMPTS):
        with engine.storage.write() as session:
            catalog = session.catalog
            current = catalog.find_retriever(retriever.namespace, retriever.retriever_id)
            if current is None:
                raise NotFound("retriever", retriever.retriever_id)
            draft = changed(current, patch)
            after = catalog.update_retriever(
                current.namespace, current.id, draft, current.version, session.now()
            )
        if after is not None:
            engine.directory.forget()
            return after
    raise Conflict("Others change this retriever all the time; try again.")
