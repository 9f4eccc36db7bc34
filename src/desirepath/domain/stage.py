"""A stage: one step of how a retriever finds, filters and orders documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta, Struct, to_builtins
from msgspec.structs import replace

from desirepath.domain.checks import Id
from desirepath.domain.feature_uri import FeatureKind
from desirepath.domain.stage_forms import current_forms
from desirepath.domain.stage_kinds import STAGE_KINDS
from desirepath.domain.stage_kinds.base import Parameters, StageType, inside, read_struct
from desirepath.domain.stage_kinds.document_filter import check_filter
from desirepath.domain.stage_kinds.feature_search import FeatureSearchParameters
from desirepath.domain.stage_kinds.mmr import MmrParameters
from desirepath.domain.template import variables_in
from desirepath.errors import InvalidRetriever

__all__ = ["MAX_STAGES", "OnError", "Stage", "StageConfig", "StageDraft", "read_stages"]

MAX_STAGES = 50


class OnError(StrEnum):
    """What becomes of a search when one of its stages fails."""

    ERROR = "error"
    SKIP = "skip"


class StageConfig(Struct, frozen=True, kw_only=True):
    """Which kind of stage, and what it is told."""

    stage_id: Annotated[Id, Meta(description="The kind of stage.")]
    parameters: Annotated[dict[str, Any], Meta(description="What this kind takes.")] = {}
    pre_filters: Annotated[
        dict[str, Any] | None, Meta(description="A filter on the documents that it looks at.")
    ] = None
    post_filters: Annotated[dict[str, Any] | None, Meta(description="Accepted, not applied.")] = (
        None
    )


class StageDraft(Struct, frozen=True, kw_only=True):
    """A stage as it is sent."""

    stage_name: Annotated[Id, Meta(description="What this stage is called in answers.")]
    config: StageConfig
    stage_type: Annotated[
        StageType | None, Meta(description="Told by stage_id; another is refused.")
    ] = None
    description: str | None = None
    on_error: Annotated[
        OnError | None,
        Meta(
            description="skip goes on with what came in, where the stage fails; error does not. "
            "Left out, only a trained ranker that cannot order is skipped."
        ),
    ] = None
    output_alias: Annotated[
        Id | None, Meta(description="Later stages read its results as {{CONTEXT.alias}}.")
    ] = None
    batch_size: Annotated[str | int | None, Meta(description="Accepted, not applied.")] = None


class Stage(Struct, frozen=True, kw_only=True):
    """A stage, checked.

    ``inputs_read`` are the inputs that its templates name. ``sent`` is the stage as JSON, in the
    current form and with nothing that was not given.
    """

    stage_name: str
    stage_id: str
    stage_type: StageType
    parameters: Parameters
    pre_filters: dict[str, Any] | None = None
    on_error: OnError = OnError.ERROR
    description: str | None = None
    output_alias: str | None = None
    batch_size: str | int | None = None
    inputs_read: frozenset[str]
    sent: dict[str, Any]


def read_stages(plain: object, lenient: bool = False) -> tuple[Stage, ...]:
    """Read the stages of a retriever.

    Parameters
    ----------
    plain
        A list. Each stage is in the current form ``{stage_name, config: {stage_id, parameters}}``,
        in the flat one ``{stage_name, stage_id, parameters}``, or in that of older clients, whose
        ``type`` is the stage and whose other keys are its parameters.
    lenient
        Ignore unknown keys instead of refusing them.

    Raises
    ------
    InvalidRetriever
        A stage is unknown or breaks a rule; the location says which.

    Examples
    --------
    >>> (stage,) = read_stages([{"stage_name": "limit", "parameters": {"limit": 3}}])
    >>> stage.sent
    {'stage_name': 'limit', 'config': {'stage_id': 'limit', 'parameters': {'limit': 3}}}
    """
    if not isinstance(plain, list):
        raise InvalidRetriever("stages is an array.", ("stages",))
    if len(plain) > MAX_STAGES:
        raise InvalidRetriever(f"A retriever has at most {MAX_STAGES} stages.", ("stages",))
    stages: list[Stage] = []
    for number, item in current_forms(plain, lenient):
        with inside("stages", number):
            stages.append(_read_stage(item, stages, lenient))
    if sum(_is_learned(stage) for stage in stages) > 1:
        raise InvalidRetriever("A retriever learns in one stage only.", ("stages",))
    return tuple(stages)


def _is_learned(stage: Stage) -> bool:
    return isinstance(stage.parameters, FeatureSearchParameters) and bool(stage.parameters.learning)


def _read_stage(plain: object, before: Sequence[Stage], lenient: bool) -> Stage:
    draft = _read_draft(plain, lenient)
    config = draft.config
    kind = STAGE_KINDS.get(config.stage_id)
    if kind is None:
        raise InvalidRetriever(
            f"Unknown stage; the stages are {', '.join(STAGE_KINDS)}.", ("config", "stage_id")
        )
    if draft.stage_type not in (None, kind.stage_type):
        raise InvalidRetriever(
            f"A {kind.stage_id} stage is of type {kind.stage_type}.", ("stage_type",)
        )
    with inside("config", "parameters"):
        read = _inputs_in(config.parameters)
        parameters = kind.read(config.parameters, lenient)
        if isinstance(parameters, MmrParameters):
            parameters = _with_source(parameters, before)
    if config.pre_filters is not None:
        with inside("config", "pre_filters"):
            read |= _inputs_in(config.pre_filters)
            check_filter(config.pre_filters)
    return Stage(
        stage_name=draft.stage_name,
        stage_id=kind.stage_id,
        stage_type=kind.stage_type,
        parameters=parameters,
        pre_filters=config.pre_filters,
        on_error=draft.on_error or OnError.ERROR,
        description=draft.description,
        output_alias=draft.output_alias,
        batch_size=draft.batch_size,
        inputs_read=read,
        sent=_given(to_builtins(draft)),
    )


def _read_draft(plain: object, lenient: bool) -> StageDraft:
    if not isinstance(plain, Mapping):
        raise InvalidRetriever("A stage is an object with stage_name and config.")
    values = {name: value for name, value in plain.items() if value is not None}
    values.pop("parameters", None)  # a copy of those in config, as answers have it
    if isinstance(values.get("config"), Mapping):
        with inside("config"):
            values["config"] = read_struct(values["config"], StageConfig, lenient)
    return read_struct(values, StageDraft, lenient)


def _inputs_in(value: object) -> frozenset[str]:
    """Inputs that templates in a JSON value name; each template is read, or refused."""
    return frozenset(v.steps[0] for v in variables_in(value) if v.namespace == "inputs")


def _given(draft: dict[str, Any]) -> dict[str, Any]:
    """A draft as JSON, without what was left out."""
    config = {name: value for name, value in draft["config"].items() if value is not None}
    return {n: v for n, v in draft.items() if v is not None} | {"config": config}


def _with_source(parameters: MmrParameters, before: Sequence[Stage]) -> MmrParameters:
    """Diversify by the vectors that were searched, unless it is said by what."""
    if parameters.diversity_feature_uri or parameters.diversity_fields:
        return parameters
    searched = (
        uri
        for stage in reversed(before)
        if isinstance(stage.parameters, FeatureSearchParameters)
        for feature, uri in stage.parameters.feature_to_uri.items()
        if feature.kind is FeatureKind.VECTOR
    )
    uri = next(searched, None)
    if uri is None:
        raise InvalidRetriever(
            "No vectors are searched before: say what is alike with diversity_feature_uri or "
            "diversity_fields.",
            ("diversity_feature_uri",),
        )
    return replace(parameters, diversity_feature_uri=uri)
