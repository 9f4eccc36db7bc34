"""Wire shapes of models, and how domain values become them."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from desirepath.api.schemas import PaginationResponse
from desirepath.domain.artifact import Artifact
from desirepath.domain.checks import Id
from desirepath.domain.clock import format_time
from desirepath.domain.scope import MOST_VERSIONS
from desirepath.engine.model_kinds import MODEL_KINDS, word_of
from desirepath.engine.models import Model

__all__ = [
    "DeployRequest",
    "DeploymentsResponse",
    "ModelDeleted",
    "ModelListQuery",
    "ModelListResponse",
    "ModelQuery",
    "ModelResponse",
    "ModelSummary",
    "TrainRequest",
    "TrainScope",
    "present_deployments",
    "present_model",
    "present_summary",
]

_KINDS = ", ".join(kind.word for kind in MODEL_KINDS)
_Version = Annotated[int, Meta(ge=1, le=MOST_VERSIONS)]


class TrainScope(Struct, frozen=True, kw_only=True):
    """Which part of the log is learned from; all of it where nothing is said."""

    retriever_id: Annotated[
        Id | None, Meta(description="Searches of one retriever, by its id or name.")
    ] = None
    start_date: Annotated[
        str | None, Meta(description="Searches from here on, ISO 8601 (no zone: UTC).")
    ] = None
    end_date: Annotated[str | None, Meta(description="Searches before this.")] = None
    configuration: Annotated[
        str | None, Meta(description="Searches that were logged with this configuration.")
    ] = None
    version: Annotated[
        _Version | None, Meta(description="Searches of this version of the retriever.")
    ] = None
    metadata: Annotated[
        dict[str, str] | None,
        Meta(description="Searches with these texts at these paths of their metadata."),
    ] = None
    exclude_flagged: Annotated[
        bool, Meta(description="Leave out identities that look like robots.")
    ] = True


class TrainRequest(Struct, frozen=True, kw_only=True):
    """What is trained."""

    kind: Annotated[str, Meta(description=f"One of {_KINDS}.", examples=["ranker"])]
    name: Annotated[
        str,
        Meta(
            description="Of the model; the training makes the next version under it.",
            examples=["best"],
        ),
    ]
    settings: Annotated[
        dict[str, Any] | None,
        Meta(description="Of the kind, see the reference; what is left out has its default."),
    ] = None
    scope: TrainScope | None = None


class ModelListQuery(Struct, frozen=True, kw_only=True):
    """Which models, and which page of them."""

    kind: Annotated[str | None, Meta(description=f"Of one kind: {_KINDS}.")] = None
    name: Annotated[str | None, Meta(description="Versions under one name.")] = None
    limit: Annotated[int, Meta(ge=1, le=1000)] | None = None
    page_size: Annotated[int, Meta(ge=1, le=1000)] | None = None
    offset: Annotated[int, Meta(ge=0, le=10_000)] | None = None
    page: Annotated[int, Meta(ge=1, le=1_000_000_000)] | None = None
    include_total: bool | None = None


class ModelQuery(Struct, frozen=True, kw_only=True):
    """Which version under a name."""

    version: Annotated[
        _Version | None,
        Meta(description="Of a name; left out: what serves, or the newest where none does."),
    ] = None


class DeployRequest(Struct, frozen=True, kw_only=True):
    """Which version is to serve."""

    version: Annotated[_Version | None, Meta(description="Of a name; left out: the newest.")] = None
    force: Annotated[
        bool,
        Meta(description="Also one that was not better than what needs no learning."),
    ] = False


class ModelSummary(Struct, frozen=True, kw_only=True):
    """A version of a model."""

    model_id: str
    name: str
    kind: str
    version: int
    serves: bool
    verdict: Annotated[
        str | None, Meta(description="What it was worth on what it did not learn from.")
    ]
    beats_baselines: Annotated[
        bool | None,
        Meta(description="Whether it beats all that needs no learning; null: nobody can tell."),
    ]
    retriever_id: Annotated[
        str | None, Meta(description="Whose searches it learned from; null: everybody's.")
    ]
    created_at: str
    stale_since: Annotated[
        str | None, Meta(description="Since when something is deleted that it may have seen.")
    ]
    n_bytes: Annotated[int, Meta(description="Of all its files.")]


class FileModel(Struct, frozen=True, kw_only=True):
    """A file of a model."""

    name: str
    n_bytes: int
    sha256: str


class ModelResponse(ModelSummary, frozen=True, kw_only=True):
    """A version of a model, with all that is known of it."""

    seen_before: Annotated[
        str | None, Meta(description="What was recorded before this, it may have learned from.")
    ]
    manifest: Annotated[
        dict[str, Any],
        Meta(description="settings, report, libraries, and what else made it."),
    ]
    files: list[FileModel]


class ModelListResponse(Struct, frozen=True, kw_only=True):
    """A page of models."""

    results: list[ModelSummary]
    pagination: PaginationResponse


class DeploymentModel(Struct, frozen=True, kw_only=True):
    """A version that was put to work."""

    version: int
    model_id: str
    deployed_at: str


class DeploymentsResponse(Struct, frozen=True, kw_only=True):
    """What served under a name, in order; the last one does."""

    name: str
    kind: str
    serving: Annotated[int | None, Meta(description="The version that serves; null: none.")]
    deployments: list[DeploymentModel]


class ModelDeleted(Struct, frozen=True, kw_only=True):
    """A deletion."""

    success: bool
    n_deleted: Annotated[int, Meta(description="Versions.")]


def present_summary(one: Artifact, serving: int | None) -> ModelSummary:
    """The wire shape of a version in a list; ``serving`` is the version of its name that does."""
    return ModelSummary(**_summary(one, serving))


def present_model(one: Artifact, serving: int | None) -> ModelResponse:
    """The wire shape of a version; ``serving`` is the version of its name that does."""
    return ModelResponse(
        **_summary(one, serving),
        seen_before=None if one.seen_before is None else format_time(one.seen_before),
        manifest=one.manifest,
        files=[
            FileModel(name=name, n_bytes=file.n_bytes, sha256=file.sha256)
            for name, file in sorted(one.files.items())
        ],
    )


def present_deployments(model: Model) -> DeploymentsResponse:
    """The wire shape of what served under a name."""
    ids = {one.version: one.artifact_id for one in model.versions}
    return DeploymentsResponse(
        name=model.name,
        kind=word_of(model.kind),
        serving=model.serving,
        deployments=[
            DeploymentModel(
                version=one.version,
                model_id=ids[one.version],
                deployed_at=format_time(one.deployed_at),
            )
            for one in model.deployments
        ],
    )


def _summary(one: Artifact, serving: int | None) -> dict[str, Any]:
    return {
        "model_id": one.artifact_id,
        "name": one.name,
        "kind": word_of(one.kind),
        "version": one.version,
        "serves": one.version == serving,
        "verdict": one.verdict,
        "beats_baselines": one.beats_baselines,
        "retriever_id": one.retriever_id,
        "created_at": format_time(one.created_at),
        "stale_since": None if one.stale_at is None else format_time(one.stale_at),
        "n_bytes": one.n_bytes,
    }
