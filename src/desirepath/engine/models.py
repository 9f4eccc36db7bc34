"""Models: store, find, deploy, roll back and delete them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from msgspec import Struct

from desirepath.domain.artifact import Artifact, ArtifactDraft, Deployment, check_model_name
from desirepath.domain.checks import is_storable
from desirepath.domain.ids import format_id, parse_id
from desirepath.engine.engine import Engine
from desirepath.engine.gates import WEIGHTS, gated_users, has_passed
from desirepath.engine.holding import hold_namespace
from desirepath.engine.seen_log import end_of_log
from desirepath.errors import AlreadyExists, Conflict, NotBetter, NotFound, NotGated
from desirepath.storage.base import Namespace, Session

__all__ = [
    "Model",
    "StoreModel",
    "check_free_name",
    "delete_model",
    "deploy_model",
    "find_model",
    "find_newest",
    "find_version",
    "roll_back_model",
    "store_model",
]


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
    engine: Engine, namespace: int, id_or_name: str, version: int | None = None
) -> Artifact:
    """A version by its id; or by a name and a number, of which None means what serves.

    Where none of the name serves, it means the newest.

    Raises
    ------
    NotFound
        There is none such.
    """
    with engine.storage.read() as session:
        name, version = _named(session, namespace, id_or_name, version)
        model = _model(session, namespace, name)
        if version is None:
            version = model.serving or model.versions[0].version
        return _of_version(model, version)


def find_newest(
    engine: Engine, namespace: int, id_or_name: str, version: int | None = None
) -> Artifact:
    """A version by its id; or by a name and a number, of which None means the newest.

    Raises
    ------
    NotFound
        There is none such.
    """
    with engine.storage.read() as session:
        name, version = _named(session, namespace, id_or_name, version)
        model = _model(session, namespace, name)
    return model.versions[0] if version is None else _of_version(model, version)


def find_model(engine: Engine, namespace: int, id_or_name: str) -> Model:
    """A name with its versions, of one of which an id may be given.

    Raises
    ------
    NotFound
        The namespace has no such model.
    """
    with engine.storage.read() as session:
        return _model(session, namespace, _named(session, namespace, id_or_name)[0])


def _named(
    session: Session, namespace: int, id_or_name: str, version: int | None = None
) -> tuple[str, int | None]:
    """The name, and the version that is meant by an id, or with a name."""
    if not is_storable(id_or_name):
        raise NotFound("model")
    if parse_id("mod", id_or_name) is None:
        return id_or_name, version
    found = session.artifacts.find(namespace, id_or_name, version)
    if found is None:
        raise NotFound("model", id_or_name)
    return found.name, found.version


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


def _of_version(model: Model, version: int) -> Artifact:
    for one in model.versions:
        if one.version == version:
            return one
    raise NotFound("model", model.name)


def deploy_model(
    engine: Engine,
    namespace: int,
    id_or_name: str,
    version: int | None = None,
    *,
    force: bool = False,
) -> Model:
    """Let a version serve: that of an id, or of a name; None: the newest.

    Parameters
    ----------
    force
        Also one that was measured, and was not better than what needs no learning.

    Raises
    ------
    NotFound
        There is none such.
    NotBetter
        It was not better, and is not forced.
    NotGated
        A retriever with a gate uses it that it did not pass, or it is fusion weights; it cannot be
        forced.
    """
    with engine.storage.write() as session:
        name, version = _named(session, namespace, id_or_name, version)
        model = _model(session, namespace, name)
        chosen = model.versions[0] if version is None else _of_version(model, version)
        gated = list(gated_users(session, chosen))
        if chosen.kind in WEIGHTS or not all(has_passed(session, one, chosen) for one in gated):
            raise NotGated
        if chosen.beats_baselines is False and not (force or gated):
            raise NotBetter
        if session.artifacts.deploy(namespace, name, chosen.version, session.now()) is None:
            raise NotFound("model", name)  # it was deleted meanwhile
        model = _model(session, namespace, name)
    engine.directory.forget()
    return model


def roll_back_model(engine: Engine, namespace: int, id_or_name: str) -> Model:
    """Let the version serve that did before this one.

    Raises
    ------
    NotFound
        The namespace has no such model.
    Conflict
        No other version served before.
    """
    with engine.storage.write() as session:
        name, _ = _named(session, namespace, id_or_name)
        if session.artifacts.roll_back(namespace, name, session.now()) is None:
            _model(session, namespace, name)
            raise Conflict("No other version of this model served before.")
        model = _model(session, namespace, name)
    engine.directory.forget()
    return model


def delete_model(
    engine: Engine, namespace: int, id_or_name: str, version: int | None = None
) -> int:
    """Delete a version that does not serve; of a name without a number all. How many versions.

    Raises
    ------
    NotFound
        There is none such.
    Conflict
        This version serves.
    """
    with engine.storage.write() as session:
        name, version = _named(session, namespace, id_or_name, version)
        model = _model(session, namespace, name)
        if version is not None and version == model.serving:
            raise Conflict("This version serves: deploy another one, or roll back, before.")
        ids = [one.id for one in model.versions if version in (None, one.version)]
        n_deleted = sum(session.artifacts.delete(namespace, id) for id in ids)
    engine.directory.forget()
    if not n_deleted:
        raise NotFound("model", name)
    return n_deleted
