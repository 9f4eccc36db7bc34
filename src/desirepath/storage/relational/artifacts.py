"""Models: versions, their files in pieces, and deployments."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, Select, delete, func, select

from desirepath.domain.artifact import Artifact, ArtifactFile, Deployment, seal
from desirepath.domain.checks import is_storable
from desirepath.domain.ids import format_id, parse_id
from desirepath.domain.plain_json import encode_json
from desirepath.errors import AlreadyExists, NotFound, StorageCorrupt
from desirepath.storage.relational import tables
from desirepath.storage.relational.bulk import Bulk, Row
from desirepath.storage.relational.seen import has_changed, mark_stale

__all__ = ["RelationalArtifacts"]

_A = tables.artifacts
_PIECES = tables.artifact_pieces
_NAMES = tables.model_names
_DEPLOYMENTS = tables.deployments
_PIECE_BYTES = 1 << 20
_decode_manifest = msgspec.json.Decoder(dict[str, Any]).decode
_decode_files = msgspec.json.Decoder(dict[str, ArtifactFile]).decode


class RelationalArtifacts:
    """See :class:`~desirepath.storage.artifacts.Artifacts`."""

    def __init__(self, connection: Connection, bulk: Bulk) -> None:
        self._connection = connection
        self._bulk = bulk

    def create(
        self,
        artifact: Artifact,
        files: Mapping[str, bytes],
        changes: Mapping[int, int] | None = None,
    ) -> Artifact:
        for name, content in files.items():
            for number, piece in enumerate(_pieces(content)):
                self._bulk.insert(_PIECES, [(artifact.namespace, artifact.id, name, number, piece)])
        self._bulk.lock(_A)  # for the number, and see seen.py
        is_stale = has_changed(self._connection, artifact.namespace, changes)
        whole = replace(
            artifact,
            version=self._next_version(artifact),
            files={name: seal(content) for name, content in files.items()},
            stale_at=artifact.created_at if is_stale else artifact.stale_at,
        )
        self._bulk.insert(_A, [_row(whole)])
        return whole

    def _next_version(self, artifact: Artifact) -> int:
        key = (artifact.namespace, artifact.name)
        found = self._bulk.fetch(_NAMES, [key])
        kind, last = found[0][2:] if found else (artifact.kind, 0)
        if kind != artifact.kind:
            raise AlreadyExists("A model of another kind has this name.")
        self._bulk.put(_NAMES, [(*key, kind, last + 1)])
        return int(last) + 1

    def find(
        self,
        namespace: int,
        id_or_name: str,
        version: int | None = None,
        *,
        kind: str | None = None,
    ) -> Artifact | None:
        if not is_storable(id_or_name):
            return None
        id = parse_id("mod", id_or_name)
        if id is None and version is None:
            last = self._last_deployment(namespace, id_or_name)
            if last is None:
                return None
            version = last.version
        conditions = _of(namespace, kind, id_or_name if id is None else None)
        if id is not None:
            conditions.append(_A.c.id == id)
        if version is not None:
            conditions.append(_A.c.version == version)
        row = self._connection.execute(select(_A).where(*conditions)).first()
        return None if row is None else _artifact(row)

    def artifacts(
        self,
        namespace: int,
        limit: int,
        offset: int = 0,
        *,
        kind: str | None = None,
        name: str | None = None,
    ) -> list[Artifact]:
        statement = select(_A).where(*_of(namespace, kind, name)).order_by(_A.c.id.desc())
        rows = self._connection.execute(statement.limit(limit).offset(offset))
        return [_artifact(row) for row in rows]

    def count(self, namespace: int, *, kind: str | None = None, name: str | None = None) -> int:
        counted = select(func.count()).select_from(_A).where(*_of(namespace, kind, name))
        return int(self._connection.scalar(counted) or 0)

    def file(self, namespace: int, id: bytes, name: str) -> bytes:
        row = self._connection.execute(
            select(_A.c.files).where(_A.c.namespace == namespace, _A.c.id == id)
        ).first()
        files = {} if row is None else _decode_files(row.files)
        if name not in files:
            raise NotFound("file of a model", name)
        content = b"".join(self._stored_pieces(namespace, id, name))
        if seal(content) != files[name]:
            raise StorageCorrupt("A file of a model is not what was stored; restore a backup.")
        return content

    def _stored_pieces(self, namespace: int, id: bytes, name: str) -> Iterator[bytes]:
        """One by one: a driver would hold them all twice."""
        number = 0
        while found := self._bulk.fetch(_PIECES, [(namespace, id, name, number)]):
            yield found[0][-1]
            number += 1

    def deploy(self, namespace: int, name: str, version: int, now: int) -> Deployment | None:
        artifact = self.find(namespace, name, version)
        if artifact is None or not self._bulk.fetch(_A, [(namespace, artifact.id)], hold=True):
            return None
        self._bulk.lock(_DEPLOYMENTS)
        last = self._last_deployment(namespace, artifact.name)
        if last is not None and last.version == artifact.version:
            return last
        depth = 1 if last is None else last.depth + 1
        return self._append(namespace, artifact.name, artifact.version, depth, now)

    def roll_back(self, namespace: int, name: str, now: int) -> Deployment | None:
        self._bulk.lock(_DEPLOYMENTS)
        last = self._last_deployment(namespace, name)
        if last is None:
            return None
        before = self._last_deployment(namespace, name, _DEPLOYMENTS.c.depth < last.depth)
        if before is None:
            return None
        return self._append(namespace, name, before.version, before.depth, now)

    def _append(self, namespace: int, name: str, version: int, depth: int, now: int) -> Deployment:
        numbers = select(func.max(_DEPLOYMENTS.c.number)).where(
            _DEPLOYMENTS.c.namespace == namespace, _DEPLOYMENTS.c.name == name
        )
        number = (self._connection.scalar(numbers) or 0) + 1
        self._bulk.insert(_DEPLOYMENTS, [(namespace, name, number, version, depth, now)])
        return Deployment(name=name, version=version, depth=depth, deployed_at=now)

    def _last_deployment(
        self, namespace: int, name: str, *conditions: ColumnElement[bool]
    ) -> Deployment | None:
        statement = _deployments(namespace, name).where(*conditions)
        row = self._connection.execute(
            statement.order_by(_DEPLOYMENTS.c.number.desc()).limit(1)
        ).first()
        return None if row is None else _deployment(row)

    def deployments(self, namespace: int, name: str) -> list[Deployment]:
        statement = _deployments(namespace, name).order_by(_DEPLOYMENTS.c.number)
        return [_deployment(row) for row in self._connection.execute(statement)]

    def serving(self, namespace: int) -> dict[str, int]:
        statement = select(_DEPLOYMENTS.c.name, _DEPLOYMENTS.c.version)
        rows = self._connection.execute(
            statement.where(_DEPLOYMENTS.c.namespace == namespace).order_by(_DEPLOYMENTS.c.number)
        )
        return {row.name: row.version for row in rows}

    def delete(self, namespace: int, id: bytes) -> bool:
        artifact = self.find(namespace, format_id("mod", id))
        if artifact is None:
            return False
        deleted = self._connection.execute(
            delete(_A).where(_A.c.namespace == namespace, _A.c.id == id)
        )
        if deleted.rowcount == 0:
            return False
        self._connection.execute(
            delete(_PIECES).where(_PIECES.c.namespace == namespace, _PIECES.c.artifact == id)
        )
        self._connection.execute(
            delete(_DEPLOYMENTS).where(
                _DEPLOYMENTS.c.namespace == namespace,
                _DEPLOYMENTS.c.name == artifact.name,
                _DEPLOYMENTS.c.version == artifact.version,
            )
        )
        if not self.count(namespace, name=artifact.name):
            self._bulk.remove(_NAMES, [(namespace, artifact.name)])
        return True

    def delete_of_retriever(self, namespace: int, retriever_id: str) -> int:
        statement = select(_A.c.id).where(
            _A.c.namespace == namespace, _A.c.retriever_id == retriever_id
        )
        return self._delete_all(namespace, list(self._connection.scalars(statement)))

    def _delete_all(self, namespace: int, ids: Collection[bytes]) -> int:
        return sum(self.delete(namespace, id) for id in ids)

    def clear(self, namespace: int) -> None:
        for table in (_A, _PIECES, _DEPLOYMENTS, _NAMES):
            self._connection.execute(delete(table).where(table.c.namespace == namespace))

    def mark_stale(
        self, namespace: int, retriever_ids: Collection[str], moment: int, now: int
    ) -> int:
        return mark_stale(self._connection, _A, namespace, retriever_ids, moment, now)

    def delete_mentions(self, namespace: int, text: str) -> int:
        wanted = text.encode()
        rows = self._connection.execute(
            select(_A.c.id, _A.c.manifest, _A.c.files).where(_A.c.namespace == namespace)
        ).all()
        mentioning = [
            row.id
            for row in rows
            if text in row.manifest
            or any(
                name.endswith(".json") and wanted in self.file(namespace, row.id, name)
                for name in _decode_files(row.files)
            )
        ]
        return self._delete_all(namespace, mentioning)


def _pieces(content: bytes) -> Iterator[bytes]:
    view = memoryview(content)
    for start in range(0, len(content), _PIECE_BYTES):
        yield bytes(view[start : start + _PIECE_BYTES])


def _of(namespace: int, kind: str | None, name: str | None) -> list[ColumnElement[bool]]:
    conditions = [_A.c.namespace == namespace]
    if kind is not None:
        conditions.append(_A.c.kind == kind)
    if name is not None:
        conditions.append(_A.c.name == name)
    return conditions


def _deployments(namespace: int, name: str) -> Select[Any]:
    return select(_DEPLOYMENTS).where(
        _DEPLOYMENTS.c.namespace == namespace, _DEPLOYMENTS.c.name == name
    )


def _deployment(row: Any) -> Deployment:
    return Deployment(
        name=row.name, version=row.version, depth=row.depth, deployed_at=row.deployed_at
    )


def _row(value: Artifact) -> Row:
    return (
        value.namespace,
        value.id,
        value.kind,
        value.name,
        value.version,
        value.retriever_id,
        encode_json(value.manifest).decode(),
        encode_json(value.files).decode(),
        value.created_at,
        value.seen_before,
        value.stale_at,
    )


def _artifact(row: Any) -> Artifact:
    return Artifact(
        namespace=row.namespace,
        id=row.id,
        artifact_id=format_id("mod", row.id),
        kind=row.kind,
        name=row.name,
        version=row.version,
        retriever_id=row.retriever_id,
        manifest=_decode_manifest(row.manifest),
        files=_decode_files(row.files),
        created_at=row.created_at,
        seen_before=row.seen_before,
        stale_at=row.stale_at,
    )
