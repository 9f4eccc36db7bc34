"""Models: store, find, deploy, roll back and delete them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from msgspec import Struct

from desirepath.domain.artifact import Artifact, ArtifactDraft, Deployment, check_model_name
from desirepath.domain.ids import format_id
from desirepath.engine.engine import Engine
from desirepath.engine.holding import hold_namespace
from desirepath.engine.seen_log import end_of_log
from desirepath.errors import AlreadyExists, Conflict, NotFound
from desirepath.storage.base import Namespace, Session

__all__ = [
    "UNFIT",
    "Model",
    "StoreModel",
    "check_free_name",
    "delete_model",
    "deploy_model",
    "find_model",
    "find_version",
    "roll_back_model",
    "store_model",
]


UNFIT = "unfit"
"""What a manifest says of a model that must not serve, under this name: why."""


class Model(Struct, frozen=True, kw_only=True):
    """A name with all its versions, newest first, and what served, the last of which does."""

    name: str
    kind: str
    versions: tuple[Artifact, ...]
    deployments: tuple[Deployment, ...]

    @property
    def serving(self) -> int | None:
        """The version that serves."""
        return self.deployments[-1].version if self.deployments else None


class StoreModel(Protocol):
    """How a trainer stores what it trained, once, as the last thing it does.

    :func:`store_model`, or within a task what also completes it in the same transaction.
    """

    def __call__(
        self,
        engine: Engine,
        namespace: Namespace,
        draft: ArtifactDraft,
        changes: Mapping[int, int] | None = None,
    ) -> Artifact: ...


def store_model(
    engine: Engine,
    namespace: Namespace,
    draft: ArtifactDraft,
    changes: Mapping[int, int] | None = None,
    *,
    within: Callable[[Session, Artifact], None] | None = None,
) -> Artifact:
    """Store the next version of a model. It does not serve before it is deployed.

    Parameters
    ----------
    changes
        What :func:`~desirepath.engine.seen_log.log_changes` said before the log was read. None: it
        learned from no log.
    within
        Called in the same transaction; if it raises, nothing is stored.

    Raises
    ------
    InvalidModel
        The name cannot be used.
    AlreadyExists
        The name belongs to a model of another kind.
    NotFound
        The namespace was deleted meanwhile.
    """
    check_model_name(draft.name)
    with engine.storage.write() as session:
        hold_namespace(session, namespace)
        now = session.now()
        id = engine.make_id.next(now)
        artifact = Artifact(
            namespace=namespace.number,
            id=id,
            artifact_id=format_id("mod", id),
            kind=draft.kind,
            name=draft.name,
            retriever_id=draft.retriever_id,
            manifest=draft.manifest,
            created_at=now,
            seen_before=None if changes is None else end_of_log(session, namespace.number),
        )
        stored = session.artifacts.create(artifact, draft.files, changes)
        if within is not None:
            within(session, stored)
    return stored


def check_free_name(engine: Engine, namespace: int, kind: str, name: str) -> None:
    """Refuse a name that cannot be used, before a model is trained for long.

    Raises
    ------
    InvalidModel
        It is no name of a model.
    AlreadyExists
        The name belongs to a model of another kind.
    """
    check_model_name(name)
    with engine.storage.read() as session:
        versions = session.artifacts.artifacts(namespace, 1, name=name)
    if versions and versions[0].kind != kind:
        raise AlreadyExists("A model of another kind has this name.")


def find_version(
    engine: Engine,
    namespace: int,
    id_or_name: str,
    version: int | None = None,
    *,
    kind: str | None = None,
) -> Artifact:
    """A version by its id; or by a name and a number, of which None means what serves.

    Raises
    ------
    NotFound
        There is none such; or none of this name serves.
    """
    with engine.storage.read() as session:
        found = session.artifacts.find(namespace, id_or_name, version, kind=kind)
    if found is None:
        raise NotFound("model", id_or_name)
    return found


def find_model(engine: Engine, namespace: int, name: str) -> Model:
    """A name with its versions.

    Raises
    ------
    NotFound
        The namespace has no model of this name.
    """
    with engine.storage.read() as session:
        return _model(session, namespace, name)


def _model(session: Session, namespace: int, name: str) -> Model:
    n_versions = session.artifacts.count(namespace, name=name)
    versions = session.artifacts.artifacts(namespace, n_versions, name=name)
    if not versions:
        raise NotFound("model", name)
    return Model(
        name=name,
        kind=versions[0].kind,
        versions=tuple(versions),
        deployments=tuple(session.artifacts.deployments(namespace, name)),
    )


def deploy_model(engine: Engine, namespace: int, name: str, version: int | None = None) -> Model:
    """Let a version serve; None: the newest.

    Raises
    ------
    NotFound
        There is none such.
    Conflict
        Whatever trained it found that it must not serve; the message says why.
    """
    with engine.storage.write() as session:
        if version is None:
            version = _model(session, namespace, name).versions[0].version
        chosen = session.artifacts.find(namespace, name, version)
        if chosen is not None and chosen.manifest.get(UNFIT):
            raise Conflict(f"This version is not fit to serve. {chosen.manifest[UNFIT]}")
        if session.artifacts.deploy(namespace, name, version, session.now()) is None:
            raise NotFound("model", name)
        model = _model(session, namespace, name)
    engine.directory.forget()
    return model


def roll_back_model(engine: Engine, namespace: int, name: str) -> Model:
    """Let the version serve that did before this one.

    Raises
    ------
    NotFound
        The namespace has no model of this name.
    Conflict
        No other version served before.
    """
    with engine.storage.write() as session:
        if session.artifacts.roll_back(namespace, name, session.now()) is None:
            _model(session, namespace, name)
            raise Conflict("No other version of this model served before.")
        model = _model(session, namespace, name)
    engine.directory.forget()
    return model


def delete_model(engine: Engine, namespace: int, name: str, version: int | None = None) -> int:
    """Delete a version that does not serve; None: all, and the name. How many versions.

    Raises
    ------
    NotFound
        There is none such.
    Conflict
        This version serves.
    """
    with engine.storage.write() as session:
        model = _model(session, namespace, name)
        if version is not None and version == model.serving:
            raise Conflict("This version serves: deploy another one, or roll back, before.")
        ids = [one.id for one in model.versions if version in (None, one.version)]
        n_deleted = sum(session.artifacts.delete(namespace, id) for id in ids)
    engine.directory.forget()
    if not n_deleted:
        raise NotFound("model", name)
    return n_deleted
