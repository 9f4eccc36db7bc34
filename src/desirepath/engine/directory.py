"""Keys, namespaces, retrievers and models as they were at most a second ago."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from desirepath.domain.access import Key, hash_token, is_mistyped
from desirepath.domain.artifact import Artifact
from desirepath.domain.fusion_controls import FusionControls, read_controls
from desirepath.domain.retriever import Retriever
from desirepath.storage.base import Namespace, Storage

__all__ = ["FRESH_SECONDS", "Directory"]

FRESH_SECONDS = 0.8
"""Revoking a key or deleting a retriever works everywhere within a second."""
_MAX_ENTRIES = 10_000

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Fresh(Generic[K, V]):
    """Answers that are kept for less than a second, misses included."""

    def __init__(self, load: Callable[[K], V]) -> None:
        self._load = load
        self._entries: dict[K, tuple[float, V]] = {}

    def peek(self, key: K) -> tuple[V] | None:
        entry = self._entries.get(key)
        if entry is None or entry[0] < time.monotonic():
            return None
        return (entry[1],)

    def get(self, key: K) -> V:
        found = self.peek(key)
        if found is not None:
            return found[0]
        asked = time.monotonic()  # the answer is as old as the question
        value = self._load(key)
        if len(self._entries) >= _MAX_ENTRIES:
            self._entries.clear()
        self._entries[key] = (asked + FRESH_SECONDS, value)
        return value

    def forget(self) -> None:
        self._entries.clear()


class Directory:
    """Look-ups that every request makes, cached for less than a second.

    Each ``peek_…`` answers from memory or with None; each other method may ask the database.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._controls: _Fresh[tuple[int, str], FusionControls] = _Fresh(self._load_controls)
        self._secrets: dict[str, bytes] = {}
        self._keys: _Fresh[str, Key | None] = _Fresh(self._load_key)
        self._namespaces: _Fresh[str, Namespace | None] = _Fresh(self._load_namespace)
        self._numbers: _Fresh[int, Namespace | None] = _Fresh(self._load_number)
        self._retrievers: _Fresh[tuple[int, str], Retriever | None] = _Fresh(self._load_retriever)
        self._models: _Fresh[tuple[int, str, int | None], Artifact | None]
        self._models = _Fresh(self._load_model)

    def key(self, token: str) -> Key | None:
        """The key that a token is; None when it is unknown or revoked."""
        return None if is_mistyped(token) else self._keys.get(token)

    def peek_key(self, token: str) -> tuple[Key | None] | None:
        return self._keys.peek(token)

    def namespace(self, id_or_name: str) -> Namespace | None:
        return self._namespaces.get(id_or_name)

    def peek_namespace(self, id_or_name: str) -> tuple[Namespace | None] | None:
        return self._namespaces.peek(id_or_name)

    def namespace_of(self, number: int) -> Namespace | None:
        return self._numbers.get(number)

    def peek_namespace_of(self, number: int) -> tuple[Namespace | None] | None:
        return self._numbers.peek(number)

    def secret(self, name: str) -> bytes:
        """A secret of the instance; it never changes."""
        found = self._secrets.get(name)
        if found is None:
            with self._storage.read() as session:
                found = self._secrets[name] = session.catalog.secret(name)
        return found

    def retriever(self, namespace: int, id_or_name: str) -> Retriever | None:
        """A retriever; None when there is none of that id or name."""
        return self._retrievers.get((namespace, id_or_name))

    def peek_retriever(self, namespace: int, id_or_name: str) -> tuple[Retriever | None] | None:
        return self._retrievers.peek((namespace, id_or_name))

    def retriever_id(self, namespace: int, id_or_name: str) -> str | None:
        """The id of a retriever; None when there is none of that id or name."""
        found = self.retriever(namespace, id_or_name)
        return None if found is None else found.retriever_id

    def controls(self, namespace: int, retriever_id: str) -> FusionControls:
        """What was decided about a retriever's learning."""
        return self._controls.get((namespace, retriever_id))

    def model(self, namespace: int, name: str, version: int | None) -> Artifact | None:
        """A version of a model of any kind; None: the one that is deployed."""
        return self._models.get((namespace, name, version))

    def forget(self) -> None:
        """Ask the database again: something was changed through this process."""
        for cache in (
            self._keys,
            self._namespaces,
            self._numbers,
            self._retrievers,
            self._controls,
            self._models,
        ):
            cache.forget()

    def _load_controls(self, key: tuple[int, str]) -> FusionControls:
        with self._storage.read() as session:
            return read_controls(session.learned.controls(*key))

    def _load_model(self, key: tuple[int, str, int | None]) -> Artifact | None:
        with self._storage.read() as session:
            return session.artifacts.find(*key)

    def _load_key(self, token: str) -> Key | None:
        with self._storage.read() as session:
            return session.catalog.find_key(hash_token(token))

    def _load_namespace(self, id_or_name: str) -> Namespace | None:
        with self._storage.read() as session:
            return session.catalog.find_namespace(id_or_name)

    def _load_number(self, number: int) -> Namespace | None:
        with self._storage.read() as session:
            return next((n for n in session.catalog.namespaces() if n.number == number), None)

    def _load_retriever(self, key: tuple[int, str]) -> Retriever | None:
        namespace, id_or_name = key
        with self._storage.read() as session:
            return session.catalog.find_retriever(namespace, id_or_name)
