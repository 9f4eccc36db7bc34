"""Store, change and list documents."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from desirepath.domain.document import (
    Document,
    DocumentDraft,
    VectorIndex,
    as_float32,
    check_size,
    document_record,
    read_document,
    read_document_filter,
)
from desirepath.domain.filters import Filter, compile_filter, needs_narrowing
from desirepath.engine.cursors import list_digest, read_cursor, write_cursor
from desirepath.engine.embedding.documents import embedded
from desirepath.engine.embedding.needed import KnownVectors, with_vectors
from desirepath.engine.engine import Engine
from desirepath.engine.holding import hold_namespace
from desirepath.errors import (
    AlreadyExists,
    InvalidCursor,
    InvalidDocument,
    InvalidFilter,
    NotFound,
    QueryTooSlow,
)
from desirepath.storage.base import Namespace, Session

__all__ = [
    "DocumentPage",
    "DocumentsRequest",
    "change_document",
    "change_documents",
    "create_document",
    "delete_document",
    "find_document",
    "list_documents",
    "merge_documents",
    "store_documents",
]

T = TypeVar("T")

_CHUNK = 1000
_PARTS = ("payload", "metadata", "text", "vectors")
_FIXED = ("document_id", "collection_id", "namespace_id", "created_at", "updated_at", "_internal")


def store_documents(engine: Engine, namespace: Namespace, drafts: Sequence[DocumentDraft]) -> None:
    """Store documents, all or none, each instead of the one of its id.

    A vector of a new name makes its index, with as many numbers and compared by cosine, unless the
    namespace's vectors are fixed. Vectors that a document came without are made of its texts, where
    their index names a model.

    Raises
    ------
    InvalidDocument
        One cannot be stored; the location begins with its number.
    NotFound
        The namespace was deleted meanwhile.
    EmbedderError
        A vector could not be made.
    """
    seen: set[str] = set()
    for number, draft in enumerate(drafts):
        if draft.document_id in seen:
            raise InvalidDocument("A document_id is given twice.", (number, "document_id"))
        seen.add(draft.document_id)
    own = [draft.vectors for draft in drafts]

    def store(known: KnownVectors) -> None:
        with engine.storage.write() as session:
            now = session.now()
            _store(session, namespace, [_stored(draft, now) for draft in drafts], own, known)

    with_vectors(engine.embedder, store)


def create_document(engine: Engine, namespace: Namespace, draft: DocumentDraft) -> Document:
    """Store a document that is not there yet.

    Raises
    ------
    AlreadyExists
        There is one of its id.
    InvalidDocument
        It cannot be stored.
    EmbedderError
        A vector could not be made.
    """

    def create(known: KnownVectors) -> Document:
        with engine.storage.write() as session:
            if session.documents.get(namespace.number, [draft.document_id], hold=True):
                raise AlreadyExists("A document of this id exists.")
            made = _stored(draft, session.now())
            _store(session, namespace, [made], [draft.vectors], known)
        return replace(made, vectors={})

    try:
        return with_vectors(engine.embedder, create)
    except InvalidDocument as error:
        raise InvalidDocument(error.message, error.location[1:]) from error


def _stored(draft: DocumentDraft, now: int) -> Document:
    return Document(
        document_id=draft.document_id,
        payload=draft.payload,
        metadata=draft.metadata,
        text=draft.text,
        vectors={name: as_float32(vector) for name, vector in draft.vectors.items()},
        created_at=now,
        updated_at=now,
    )


def _store(
    session: Session,
    namespace: Namespace,
    documents: Sequence[Document],
    own: Sequence[Collection[str]],
    known_vectors: KnownVectors,
) -> None:
    """Store documents of which each came with its ``own`` vectors."""
    hold_namespace(session, namespace)
    known = {index.name for index in session.documents.vector_indexes(namespace.number)}
    for number, document in enumerate(documents):
        for name, vector in document.vectors.items():
            if name in known:
                continue
            if namespace.fixed_vectors:
                raise InvalidDocument(
                    "The namespace has no such vector; its vectors are "
                    f"{', '.join(sorted(known)) or 'none'}.",
                    (number, "vectors"),
                )
            _define(session, namespace.number, VectorIndex(name=name, dimension=len(vector)))
            known.add(name)
    documents = embedded(session.documents, namespace.number, documents, own, known_vectors)
    session.documents.upsert(namespace.number, documents, text_fields=namespace.text_fields)


def _define(session: Session, namespace: int, index: VectorIndex) -> None:
    try:
        session.documents.define_vector(namespace, index)
    except AlreadyExists:
        return  # by another process, just now


def find_document(
    engine: Engine, namespace: int, document_id: str, *, with_vectors: bool = False
) -> Document:
    """One document.

    Raises
    ------
    NotFound
        There is none of that id.
    """
    with engine.storage.read() as session:
        found = session.documents.get(namespace, [document_id], with_vectors=with_vectors)
    if document_id not in found:
        raise NotFound("document", document_id)
    return found[document_id]


def delete_document(engine: Engine, namespace: int, document_id: str) -> bool:
    """Delete one; whether it was there."""
    with engine.storage.write() as session:
        return session.documents.delete(namespace, [document_id]) == 1


def change_document(
    engine: Engine, namespace: Namespace, document_id: str, changes: Mapping[str, Any]
) -> Document:
    """Change parts of a document.

    Parameters
    ----------
    changes
        In ``payload``, ``metadata``, ``text`` and ``vectors`` each key is set, or removed when it
        is null. Any other key is one of the payload.

    Raises
    ------
    NotFound
        There is no such document.
    InvalidDocument
        What it would become cannot be stored.
    EmbedderError
        A vector of a text that changes could not be made.
    """
    parts = _parts_of(changes)

    def change(known: KnownVectors) -> Document:
        with engine.storage.write() as session:
            index = session.documents
            held = index.get(namespace.number, [document_id], with_vectors=True, hold=True)
            if document_id not in held:
                raise NotFound("document", document_id)
            changed = _changed(held[document_id], parts, session.now())
            _store(session, namespace, [changed], [_own(parts)], known)
            after = index.get(namespace.number, [document_id])
        return after[document_id]

    return with_vectors(engine.embedder, change)


def merge_documents(
    engine: Engine, namespace: Namespace, id_to_changes: Mapping[str, Mapping[str, Any]]
) -> None:
    """:func:`change_document` for many, making those that are not there.

    Raises
    ------
    InvalidDocument
        What one would become cannot be stored; nothing is.
    EmbedderError
        A vector could not be made.
    """
    _change_all(engine, namespace, id_to_changes, make=True)


def change_documents(
    engine: Engine, namespace: Namespace, id_to_changes: Mapping[str, Mapping[str, Any]]
) -> set[str]:
    """:func:`change_document` for many, all or none; which of them are there.

    Raises
    ------
    InvalidDocument
        What one would become cannot be stored; nothing is. The location begins with its number.
    EmbedderError
        A vector could not be made.
    """
    return _change_all(engine, namespace, id_to_changes, make=False)


def _change_all(
    engine: Engine,
    namespace: Namespace,
    id_to_changes: Mapping[str, Mapping[str, Any]],
    *,
    make: bool,
) -> set[str]:
    numbers = {id: number for number, id in enumerate(id_to_changes)}
    id_to_parts = {
        id: _numbered(numbers[id], _parts_of, changes) for id, changes in id_to_changes.items()
    }

    def change(known: KnownVectors) -> set[str]:
        with engine.storage.write() as session:
            now = session.now()
            held = session.documents.get(
                namespace.number, list(id_to_parts), with_vectors=True, hold=True
            )
            ids = [id for id in id_to_parts if make or id in held]
            documents = []
            for id in ids:
                before = held.get(id) or Document(document_id=id, created_at=now, updated_at=now)
                changed = _numbered(numbers[id], _changed, before, id_to_parts[id], now)
                documents.append(changed)
            own = [_own(id_to_parts[id]) for id in ids]
            try:
                _store(session, namespace, documents, own, known)
            except InvalidDocument as error:
                if len(ids) == len(numbers) or not error.location:
                    raise
                number = numbers[ids[int(error.location[0])]]  # of all, not of those that are there
                raise InvalidDocument(error.message, (number, *error.location[1:])) from error
        return set(held)

    return with_vectors(engine.embedder, change)


def _numbered(number: int, function: Callable[..., T], *arguments: object) -> T:
    """The result of a function; what it refuses is located by a number."""
    try:
        return function(*arguments)
    except InvalidDocument as error:
        raise InvalidDocument(error.message, (number, *error.location)) from error


def _own(parts: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """The indexes for which changes bring a vector."""
    return {name for name, vector in parts["vectors"].items() if vector is not None}


def _changed(before: Document, parts: Mapping[str, dict[str, Any]], now: int) -> Document:
    values = {name: _merged(getattr(before, name), parts[name]) for name in _PARTS}
    draft, _ = read_document({"document_id": before.document_id, **values})
    check_size(draft)
    return _stored(draft, now)


def _parts_of(changes: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    parts: dict[str, dict[str, Any]] = {}
    for name in _PARTS:
        part = changes.get(name)
        if not isinstance(part, dict | None):
            raise InvalidDocument(f"{name} is an object.", (name,))
        parts[name] = dict(part or {})
    for name, value in changes.items():
        if name in _FIXED:
            raise InvalidDocument(f"{name} cannot be changed.", (name,))
        if name not in _PARTS:
            parts["payload"][name] = value
    return parts


def _merged(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**before, **changes}
    return {
        name: list(value) if isinstance(value, tuple) else value  # a stored vector
        for name, value in merged.items()
        if changes.get(name, value) is not None
    }


# Lists


class DocumentsRequest(Struct, frozen=True, kw_only=True):
    """A list as it is asked for; ``start`` counts matches to leave out, ``cursor`` replaces it."""

    filters: Mapping[str, Any] | None = None
    case_sensitive: bool = False
    page_size: int = 100
    start: int = 0
    cursor: str | None = None
    include_total: bool = False
    with_vectors: bool = False


class DocumentPage(Struct, frozen=True, kw_only=True):
    """A page of a list."""

    documents: list[Document]
    next_cursor: str | None
    total: int | None


class _Cursor(Struct, frozen=True, array_like=True):
    """The next page starts after a document of the list with this digest."""

    of: str
    after: str


def list_documents(
    engine: Engine, namespace: int, request: DocumentsRequest, seconds: float = 5.0
) -> DocumentPage:
    """One page of the documents that match, by document_id.

    Raises
    ------
    InvalidFilter
        The filter cannot be understood, or would test every document against a regular expression
        or word stems.
    InvalidCursor
        The cursor is not one that this list gave.
    QueryTooSlow
        No answer in time.
    """
    filter = read_document_filter(request.filters, case_sensitive=request.case_sensitive)
    deadline = time.monotonic() + seconds
    try:
        with engine.storage.read(seconds) as session:
            return _Lister(session, namespace, request, filter, deadline).page()
    except QueryTooSlow as error:
        raise QueryTooSlow("document_id", seconds) from error


class _Lister:
    """One list in one session."""

    def __init__(
        self,
        session: Session,
        namespace: int,
        request: DocumentsRequest,
        filter: Filter | None,
        deadline: float,
    ) -> None:
        self._index = session.documents
        self._namespace = namespace
        self._request = request
        self._filter = filter
        self._deadline = deadline
        self._secret = session.catalog.secret("cursor")
        filters = dict(request.filters or {})
        self._digest = list_digest([namespace, "documents", filters, request.case_sensitive])
        if filter is not None and needs_narrowing(filter) and not self._index.is_narrowed(filter):
            raise InvalidFilter(
                "regex and words need another condition that narrows the list, such as an equal "
                "text.",
                ("filters",),
            )

    def page(self) -> DocumentPage:
        request = self._request
        after, skip = self._start()
        rows = []
        for document in self._matches(after):
            if skip:
                skip -= 1
            else:
                rows.append(document)
            if len(rows) > request.page_size:
                break
        page = rows[: request.page_size]
        following = None
        if len(rows) > len(page):
            following = write_cursor(self._secret, _Cursor(self._digest, page[-1].document_id))
        return DocumentPage(
            documents=self._with_vectors(page) if request.with_vectors else page,
            next_cursor=following,
            total=self._total() if request.include_total else None,
        )

    def _start(self) -> tuple[str | None, int]:
        if self._request.cursor is None:
            return None, self._request.start
        cursor = read_cursor(self._secret, self._request.cursor, _Cursor)
        if cursor.of != self._digest:
            raise InvalidCursor()  # of another list, or another namespace: not for us to say
        return cursor.after, 0

    def _matches(self, after: str | None) -> Iterator[Document]:
        holds = None if self._filter is None else compile_filter(self._filter)
        chunk = _CHUNK if holds else min(self._request.page_size + self._request.start + 1, _CHUNK)
        while True:
            found = self._index.find(self._namespace, filter=self._filter, after=after, limit=chunk)
            for document in found:
                if holds is None or holds(document_record(document)):
                    yield document
            if len(found) < chunk:
                return
            if time.monotonic() > self._deadline:
                raise QueryTooSlow("", 0)
            after = found[-1].document_id

    def _total(self) -> int:
        if self._filter is None:
            return self._index.count(self._namespace)
        return sum(1 for _ in self._matches(None))

    def _with_vectors(self, page: Sequence[Document]) -> list[Document]:
        ids = [document.document_id for document in page]
        found = self._index.get(self._namespace, ids, with_vectors=True)
        return [found[id] for id in ids]
