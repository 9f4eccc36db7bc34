"""Namespaces, keys, retrievers and secrets."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError

from desirepath.domain.access import Key, KeyKind
from desirepath.domain.checks import is_storable
from desirepath.domain.ids import format_id, parse_id
from desirepath.domain.plain_json import encode_json
from desirepath.domain.retriever import Retriever, RetrieverDraft
from desirepath.errors import AlreadyExists
from desirepath.storage.base import Namespace
from desirepath.storage.relational import tables
from desirepath.storage.relational.bulk import Bulk

__all__ = ["RelationalCatalog"]

_N = tables.namespaces
_K = tables.api_keys
_R = tables.retrievers
_CHANGES = tables.log_changes
_HIGHEST = "highest namespace"
_decode_draft = msgspec.json.Decoder(RetrieverDraft).decode
_decode_names = msgspec.json.Decoder(tuple[str, ...]).decode


class RelationalCatalog:
    """See :class:`~desirepath.storage.base.Catalog`."""

    def __init__(self, connection: Connection, bulk: Bulk) -> None:
        self._connection = connection
        self._bulk = bulk

    def secret(self, name: str) -> bytes:
        value = self._value(name)
        if value is None:
            self._bulk.insert_new(tables.instance, [(name, secrets.token_bytes(32))])
            value = self._value(name)
        return bytes(value or b"")

    def has_secret(self, name: str) -> bool:
        return self._value(name) is not None

    def _value(self, name: str) -> bytes | None:
        instance = tables.instance
        return self._connection.scalar(select(instance.c.value).where(instance.c.name == name))

    def create_namespace(
        self,
        namespace_id: str,
        name: str,
        now: int,
        *,
        description: str | None = None,
        text_fields: Sequence[str] | None = None,
        fixed_vectors: bool = False,
    ) -> Namespace:
        if any(self.find_namespace(taken) is not None for taken in (name, namespace_id)):
            raise AlreadyExists("A namespace of this name exists.")
        fields = None if text_fields is None else encode_json(list(text_fields)).decode()
        row = (
            self._highest_number() + 1,
            namespace_id,
            name,
            now,
            None,
            description,
            fields,
            int(fixed_vectors),
        )
        if not self._bulk.insert_new(_N, [row])[0]:
            raise AlreadyExists("A namespace was created at the same moment; try again.")
        return _namespace(row)

    def namespaces(self) -> list[Namespace]:
        return [
            _namespace(row) for row in self._connection.execute(select(_N).order_by(_N.c.number))
        ]

    def find_namespace(self, id_or_name: str, *, hold: bool = False) -> Namespace | None:
        if not is_storable(id_or_name):
            return None
        named = or_(_N.c.namespace_id == id_or_name, _N.c.name == id_or_name)
        statement = select(_N).where(named)
        if hold:  # SQLite has one writer at a time, and does not know the words
            statement = statement.with_for_update(read=True)
        row = self._connection.execute(statement).first()
        return None if row is None else _namespace(row)

    def set_retention(self, number: int, days: int | None) -> None:
        self._connection.execute(
            update(_N).where(_N.c.number == number).values(retention_days=days)
        )

    def delete_namespace(self, number: int) -> None:
        self._keep_number(self._highest_number())
        of_namespace = (
            tables.rejections,
            tables.answers,
            tables.suppressed_users,
            _CHANGES,
            _R,
            _K,
        )
        for table in of_namespace:
            self._connection.execute(delete(table).where(table.c.namespace == number))
        self._connection.execute(delete(_N).where(_N.c.number == number))

    def _highest_number(self) -> int:
        """The highest number that a namespace has or had."""
        has = self._connection.scalar(select(func.max(_N.c.number)))
        return max(int(has or 0), int.from_bytes(self._value(_HIGHEST) or b""))

    def _keep_number(self, number: int) -> None:
        instance = tables.instance
        self._connection.execute(delete(instance).where(instance.c.name == _HIGHEST))
        self._bulk.insert_new(instance, [(_HIGHEST, number.to_bytes(8))])

    def add_key(self, key: Key, digest: bytes) -> None:
        row = (digest, key.key_id, key.kind.value, key.namespace, key.name, key.created_at, None)
        self._bulk.insert_new(_K, [row])

    def find_key(self, digest: bytes) -> Key | None:
        row = self._connection.execute(
            select(_K).where(_K.c.digest == digest, _K.c.revoked_at.is_(None))
        ).first()
        return None if row is None else _key(row)

    def api_keys(self) -> list[Key]:
        return [_key(row) for row in self._connection.execute(select(_K).order_by(_K.c.created_at))]

    def revoke_key(self, key_id: str, now: int) -> bool:
        if not is_storable(key_id):
            return False
        statement = update(_K).where(_K.c.key_id == key_id, _K.c.revoked_at.is_(None))
        return self._connection.execute(statement.values(revoked_at=now)).rowcount == 1

    def create_retriever(
        self, namespace: int, id: bytes, draft: RetrieverDraft, now: int
    ) -> Retriever:
        if self.find_retriever(namespace, draft.retriever_name) is not None:
            raise AlreadyExists("A retriever of this name exists.")
        text = encode_json(draft).decode()
        row = (namespace, id, draft.retriever_name, text, 1, now, now, None)
        if not self._bulk.insert_new(_R, [row])[0]:
            raise AlreadyExists("A retriever of this name exists.")
        return _retriever(row)

    def find_retriever(
        self, namespace: int, id_or_name: str, *, hold: bool = False
    ) -> Retriever | None:
        if not is_storable(id_or_name):
            return None
        id = parse_id("ret", id_or_name)
        wanted = _R.c.name == id_or_name if id is None else _R.c.id == id
        statement = select(_R).where(_R.c.namespace == namespace, wanted, _R.c.hidden_at.is_(None))
        if hold:  # SQLite has one writer at a time, and does not know the words
            statement = statement.with_for_update(read=True)
        row = self._connection.execute(statement).first()
        return None if row is None else _retriever(row)

    def retrievers(self, namespace: int) -> list[Retriever]:
        statement = (
            select(_R)
            .where(_R.c.namespace == namespace, _R.c.hidden_at.is_(None))
            .order_by(_R.c.id)
        )
        return [_retriever(row) for row in self._connection.execute(statement)]

    def with_experiment(self, namespace: int | None = None) -> list[Retriever]:
        statement = select(_R).where(
            _R.c.hidden_at.is_(None), _R.c.draft.contains('"experiment":{', autoescape=True)
        )
        if namespace is not None:
            statement = statement.where(_R.c.namespace == namespace)
        found = [_retriever(row) for row in self._connection.execute(statement.order_by(_R.c.id))]
        return [one for one in found if one.draft.experiment is not None]  # not in metadata only

    def update_retriever(
        self, namespace: int, id: bytes, draft: RetrieverDraft, version: int, now: int
    ) -> Retriever | None:
        named = self.find_retriever(namespace, draft.retriever_name)
        if named is not None and named.id != id:
            raise AlreadyExists("A retriever of this name exists.")
        mine = (_R.c.namespace == namespace, _R.c.id == id, _R.c.hidden_at.is_(None))
        statement = update(_R).where(*mine, _R.c.version == version)
        try:
            updated = self._connection.execute(
                statement.values(
                    name=draft.retriever_name,
                    draft=encode_json(draft).decode(),
                    version=version + 1,
                    updated_at=now,
                )
            )
        except IntegrityError as error:  # another one took the name since we looked
            raise AlreadyExists("A retriever of this name exists.") from error
        if updated.rowcount == 0:
            return None
        return _retriever(self._connection.execute(select(_R).where(*mine)).one())

    def hide_retriever(self, namespace: int, id: bytes, now: int) -> None:
        self._connection.execute(
            update(_R).where(_R.c.namespace == namespace, _R.c.id == id).values(hidden_at=now)
        )

    def hidden_retrievers(self) -> list[tuple[int, bytes]]:
        statement = select(_R.c.namespace, _R.c.id).where(_R.c.hidden_at.is_not(None))
        return [(row.namespace, row.id) for row in self._connection.execute(statement)]

    def delete_retriever(self, namespace: int, id: bytes) -> None:
        self._connection.execute(delete(_R).where(_R.c.namespace == namespace, _R.c.id == id))


def _namespace(row: Any) -> Namespace:
    return Namespace(
        number=row[0],
        namespace_id=row[1],
        name=row[2],
        created_at=row[3],
        retention_days=row[4],
        description=row[5],
        text_fields=None if row[6] is None else _decode_names(row[6]),
        fixed_vectors=bool(row[7]),
    )


def _key(row: Any) -> Key:
    return Key(
        key_id=row[1],
        kind=KeyKind(row[2]),
        namespace=row[3],
        name=row[4],
        created_at=row[5],
        revoked_at=row[6],
    )


def _retriever(row: Any) -> Retriever:
    return Retriever(
        namespace=row[0],
        id=row[1],
        retriever_id=format_id("ret", row[1]),
        draft=_decode_draft(row[3]),
        version=row[4],
        created_at=row[5],
        updated_at=row[6],
    )
