"""What is left of documents that were deleted: nothing to find, and on SQLite no byte."""

from __future__ import annotations

import struct
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from desirepath.domain.document import VectorIndex
from desirepath.engine.deleting import delete_namespace
from desirepath.engine.engine import Engine
from desirepath.engine.recording import RecordingRules
from desirepath.errors import NotFound, StorageError
from desirepath.storage.open import open_storage
from desirepath.testing.clock import TestingClock
from desirepath.testing.examples import a_document

SECRET = "zyxomma"
WORDS = tuple(f"{letter}{SECRET}{letter}" for letter in "abcdefghijklmnopqrstuvwxyz")
VECTOR = (0.8046875, 0.912109375, 0.171875)
MARKS = (SECRET.encode(), struct.pack("<3f", *VECTOR), b"secret-id")


def fill(engine: Engine, namespace: int) -> None:
    """Store documents among which one has secrets in all places."""
    with engine.storage.write() as session:
        index = session.documents
        index.define_vector(namespace, VectorIndex(name="v", dimension=3))
        others = [
            a_document(
                document_id=f"{n}",
                payload={"title": f"common word{n} of many {n % 7}"},
                vectors={"v": (float(n), 1.0, 2.0)},
            )
            for n in range(500)
        ]
        secret = a_document(
            document_id="secret-id",
            payload={"title": " ".join(WORDS), "x": {"deep": SECRET}},
            metadata={"m": SECRET},
            text={"body": f"common {' '.join(WORDS)} words"},
            vectors={"v": VECTOR},
        )
        index.upsert(namespace, [*others[:250], secret, *others[250:]])


def marks(path: Path) -> set[bytes]:
    files = path.parent.glob(f"{path.name}*")
    content = b"".join(file.read_bytes() for file in files)
    return {mark for mark in MARKS if mark in content}


@pytest.mark.parametrize("way", ["delete", "replace", "clear", "namespace"])
def test_sqlite_keeps_no_byte(tmp_path: Path, way: str) -> None:
    path = tmp_path / "documents.db"
    storage = open_storage(f"sqlite:///{path}", TestingClock())
    with closing(Engine(storage, TestingClock(), RecordingRules())) as engine:
        with storage.write() as session:
            number = session.catalog.create_namespace("ns_1", "shop", 0).number
        fill(engine, number)
        storage.scrub()
        assert marks(path) == set(MARKS), "the search for bytes finds nothing at all"
        with storage.write() as session:
            if way == "delete":
                session.documents.delete(number, ["secret-id"])
            elif way == "replace":
                session.documents.upsert(number, [a_document(document_id="secret-id")])
            elif way == "clear":
                session.documents.clear(number)
        if way == "namespace":
            delete_namespace(engine, number)
        storage.scrub()
        assert marks(path) == {b"secret-id"} if way == "replace" else not marks(path)


def test_an_older_sqlite_rewrites_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before 3.42 FTS5 could not purge what it deletes."""
    monkeypatch.setattr("desirepath.storage.sqlite.text_tables._PURGES_SINCE", (99,))
    test_sqlite_keeps_no_byte(tmp_path, "delete")


def test_a_deleted_namespace_takes_its_documents_along(engine: Engine) -> None:
    with engine.storage.write() as session:
        number = session.catalog.create_namespace("ns_shop", "shop", 0).number
    fill(engine, number)
    fill(engine, 1)
    delete_namespace(engine, number)
    with engine.storage.read() as session:
        index = session.documents
        assert [index.count(n) for n in (number, 1)] == [0, 501]
        assert (index.text_fields(number), index.vector_indexes(number)) == ([], [])
        with pytest.raises(NotFound):
            index.search_text(number, ["title"], "common", 1)
        assert len(index.search_text(1, ["title"], "common", 1)) == 1


def test_postgresql_is_vacuumed(postgres_url: str) -> None:
    storage = open_storage(postgres_url, TestingClock())
    with closing(Engine(storage, TestingClock(), RecordingRules())) as engine:
        fill(engine, 1)
        storage.scrub()
    with psycopg.connect(postgres_url) as connection:
        rows = connection.execute(
            "SELECT relname, vacuum_count FROM pg_stat_user_tables WHERE relname ~ '^document'"
        ).fetchall()
    assert len(rows) == 4
    assert all(count > 0 for _, count in rows)


def test_a_search_on_postgresql_that_meets_a_deletion_says_so(postgres_url: str) -> None:
    with (
        closing(open_storage(postgres_url, TestingClock())) as storage,
        closing(open_storage(postgres_url, TestingClock())) as other,
    ):
        with storage.write() as session:
            session.documents.upsert(1, [a_document(payload={"title": "red"})])

        def search() -> None:
            with storage.read() as session:
                assert session.documents.count(1) == 1
                with other.write() as writer:
                    writer.documents.clear(1)
                session.documents.search_text(1, ["title"], "red", 1)

        with pytest.raises(StorageError, match="just deleted"):
            search()
        with storage.read() as session, pytest.raises(NotFound):
            session.documents.search_text(1, ["title"], "red", 1)
