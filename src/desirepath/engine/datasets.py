"""Datasets of judgments: store and find them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from desirepath.domain.ids import format_id
from desirepath.domain.judgment import (
    Dataset,
    DatasetDraft,
    DatasetSource,
    JudgedQuery,
    check_dataset_name,
    judged_query_of,
)
from desirepath.engine.engine import Engine
from desirepath.engine.holding import hold_namespace
from desirepath.engine.seen_log import end_of_log
from desirepath.errors import AlreadyExists, NotFound
from desirepath.storage.base import Namespace

__all__ = [
    "check_name",
    "create_dataset",
    "delete_dataset",
    "find_dataset",
    "free_name",
    "store_dataset",
]


def create_dataset(engine: Engine, namespace: Namespace, draft: DatasetDraft) -> Dataset:
    """Store a dataset that was sent.

    Raises
    ------
    AlreadyExists
        The namespace has one of this name.
    NotFound
        The namespace was deleted meanwhile.
    """
    return store_dataset(
        engine,
        namespace,
        draft.dataset_name,
        (judged_query_of(query) for query in draft.queries),
        description=draft.description,
        metadata=draft.metadata,
    )


def store_dataset(
    engine: Engine,
    namespace: Namespace,
    name: str,
    queries: Iterable[JudgedQuery],
    *,
    description: str | None = None,
    metadata: dict[str, Any] | None = None,
    source: DatasetSource | None = None,
    changes: Mapping[int, int] | None = None,
) -> Dataset:
    """Store a dataset.

    Parameters
    ----------
    source
        Where it is from; None: somebody sent it.
    changes
        What :func:`~desirepath.engine.seen_log.log_changes` said before the log was
        read, where the judgments are from there.

    Raises
    ------
    AlreadyExists
        The namespace has one of this name.
    NotFound
        The namespace was deleted meanwhile.
    InvalidDataset
        The name cannot be used.
    """
    check_dataset_name(name)
    source = source or DatasetSource()
    with engine.storage.write() as session:
        hold_namespace(session, namespace)
        now = session.now()
        id = engine.make_id.next(now)
        dataset = Dataset(
            namespace=namespace.number,
            id=id,
            dataset_id=format_id("ds", id),
            name=name,
            description=description,
            metadata=metadata,
            source=source
            if changes is None
            else replace(source, seen_before=end_of_log(session, namespace.number)),
            created_at=now,
            updated_at=now,
        )
        return session.evaluations.create(dataset, queries, changes)


def find_dataset(engine: Engine, namespace: int, id_or_name: str) -> Dataset:
    """A dataset.

    Raises
    ------
    NotFound
        The namespace has none of this id or name.
    """
    with engine.storage.read() as session:
        found = session.evaluations.find(namespace, id_or_name)
    if found is None:
        raise NotFound("dataset", id_or_name)
    return found


def delete_dataset(engine: Engine, namespace: int, id_or_name: str) -> Dataset:
    """Remove a dataset, and say which one it was.

    Raises
    ------
    NotFound
        The namespace has none of this id or name.
    """
    with engine.storage.write() as session:
        found = session.evaluations.find(namespace, id_or_name)
        if found is None or not session.evaluations.delete(namespace, found.id):
            raise NotFound("dataset", id_or_name)
    return found


def check_name(engine: Engine, namespace: int, name: str) -> None:
    """Refuse a name that cannot be used, before a dataset is worked out for long.

    Raises
    ------
    InvalidDataset
        It is no name of a dataset.
    AlreadyExists
        The namespace has a dataset of this name.
    """
    check_dataset_name(name)
    with engine.storage.read() as session:
        if session.evaluations.find(namespace, name) is not None:
            raise AlreadyExists("A dataset of this name exists.")


def free_name(engine: Engine, namespace: int, wanted: str) -> str:
    """A name that no dataset has: the wanted one, or with a number behind it."""
    names = itertools.chain([wanted], (f"{wanted}_{number}" for number in itertools.count(2)))
    with engine.storage.read() as session:
        return next(name for name in names if session.evaluations.find(namespace, name) is None)
