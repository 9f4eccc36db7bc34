"""An execution: one search that was served, and what it showed where."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from desirepath.domain import clock, ids
from desirepath.domain.checks import Count, Id, check_id, check_time, convert, refuse_unknown
from desirepath.domain.experiment import Trial
from desirepath.domain.plain_json import canonical_json, check_plain
from desirepath.domain.profile import Profile
from desirepath.domain.ranking import Ranking
from desirepath.errors import InvalidExecution, MalformedJSON

__all__ = [
    "MAX_DOCUMENTS",
    "Execution",
    "ExecutionDraft",
    "ExecutionSummary",
    "ShownDocument",
    "ShownList",
    "read_execution",
]

MAX_DOCUMENTS = 10_000


class ShownDocument(Struct, frozen=True, kw_only=True):
    """One document of a result list; its place in the list is its position."""

    document_id: Id
    score: Annotated[float | None, Meta(description="The score it was ranked by.")] = None
    scores: Annotated[
        Annotated[dict[Id, float], Meta(max_length=256)] | None,
        Meta(description="Score by feature URI: what learned fusion learns on."),
    ] = None
    features: Annotated[
        Annotated[dict[Id, float], Meta(max_length=4096)] | None,
        Meta(description="Number by feature name: what rankers train on."),
    ] = None


class ExecutionDraft(Struct, frozen=True, kw_only=True):
    """A search that some engine served, as it is sent."""

    documents: Annotated[
        list[ShownDocument],
        Meta(max_length=MAX_DOCUMENTS, description="What was returned, best first."),
    ]
    execution_id: Annotated[
        Id | None,
        Meta(description="The engine's own id of the search; ours is made when it is left out."),
    ] = None
    inputs: Annotated[dict[str, Any] | None, Meta(description="The query and its parameters.")] = (
        None
    )
    user_id: Id | None = None
    session_id: Id | None = None
    configuration: Annotated[
        Id | None, Meta(description="Free label: engine, ranker, version.")
    ] = None
    metadata: dict[str, Any] | None = None
    offset: Annotated[
        Count, Meta(description="Position of the first document: 10 on page two of tens.")
    ] = 0
    total: Annotated[Count | None, Meta(description="How many documents matched.")] = None
    occurred_at: Annotated[
        str | None, Meta(description="When it was served, ISO 8601; now when left out.")
    ] = None

    @property
    def occurred_at_us(self) -> int | None:
        """``occurred_at`` in microseconds since 1970."""
        return None if self.occurred_at is None else clock.parse_time(self.occurred_at)

    def digest(self) -> bytes:
        """SHA-256 of the content, the same however its JSON was laid out."""
        return hashlib.sha256(canonical_json(self)).digest()


FIELDS = tuple(ExecutionDraft.__struct_fields__)
_DOCUMENT_FIELDS = frozenset(ShownDocument.__struct_fields__)


def read_execution(
    plain: object, *, lenient: bool = False, checked: bool = False
) -> tuple[ExecutionDraft, tuple[str, ...]]:
    """Check one execution; parameters and result as
    :func:`~desirepath.domain.interaction.read_interaction`.

    Raises
    ------
    InvalidExecution
        A rule is broken; the location says where.
    """
    if not isinstance(plain, Mapping):
        raise InvalidExecution("An execution is a JSON object.")
    values = dict(plain)
    if not checked:
        try:
            check_plain(values)
        except MalformedJSON as error:
            raise InvalidExecution(error.message) from error
    ignored = refuse_unknown(values, FIELDS, InvalidExecution, lenient)
    if isinstance(values.get("documents"), list):
        values["documents"] = [_known_keys(item, lenient) for item in values["documents"]]
    draft = convert(values, ExecutionDraft, InvalidExecution)
    _check(draft)
    return draft, ignored


def _known_keys(document: object, lenient: bool) -> object:
    """A document without unknown keys: ignored when lenient, else refused."""
    if not isinstance(document, dict) or document.keys() <= _DOCUMENT_FIELDS:
        return document
    known = dict(document)
    refuse_unknown(known, ShownDocument.__struct_fields__, InvalidExecution, lenient)
    return known


def _check(draft: ExecutionDraft) -> None:
    for name in ("execution_id", "user_id", "session_id", "configuration"):
        check_id(getattr(draft, name), name, InvalidExecution)
    for document in draft.documents:
        check_id(document.document_id, "document_id", InvalidExecution)
        for names in (document.scores, document.features):
            for name in names or ():
                check_id(name, "feature", InvalidExecution)
    if len({document.document_id for document in draft.documents}) != len(draft.documents):
        raise InvalidExecution("A document is listed twice.", ("documents",))
    if draft.occurred_at is not None:
        check_time(draft.occurred_at, "occurred_at", InvalidExecution)


_decode_shown = msgspec.json.Decoder(tuple[list[str], list[float | None]]).decode


def decode_shown(text: str) -> list[str]:
    """The ids of the documents of an execution, from how a list is stored."""
    return _decode_shown(text)[0]


class ShownList(Struct, frozen=True, kw_only=True):
    """What recording needs to know of an execution; its inputs as JSON text.

    ``teaches`` says whether something is learned from what is done with it.
    """

    retriever_id: str
    inputs_json: str | None
    document_to_score: Mapping[str, float | None]
    user_id: str | None
    session_id: str | None
    teaches: bool = False


class Execution(Struct, frozen=True, kw_only=True):
    """A search as it is stored.

    ``parent_id`` is the execution of which this one is a further page. ``ranking`` says how it was
    ranked, where that is known, ``profile`` what its stages did, if it was served here, and
    ``trial`` what it had to do with an experiment, if it was part of one.
    """

    id: bytes
    namespace: int
    execution_id: str
    retriever_id: str
    documents: tuple[ShownDocument, ...]
    inputs: dict[str, Any] | None = None
    user_id: str | None = None
    session_id: str | None = None
    configuration: str | None = None
    metadata: dict[str, Any] | None = None
    offset: int = 0
    total: int | None = None
    occurred_at: int
    live: bool
    parent_id: str | None = None
    ranking: Ranking | None = None
    profile: Profile | None = None
    trial: Trial | None = None

    @property
    def recorded_at(self) -> int:
        """When it was recorded, microseconds since 1970: part of its id."""
        return ids.time_of(self.id)

    @property
    def status(self) -> str:
        """How it went; what another engine served is completed."""
        return "completed" if self.profile is None else self.profile.status


class ExecutionSummary(Struct, frozen=True, kw_only=True):
    """A search as it is stored, without what it showed and how that was ranked."""

    id: bytes
    execution_id: str
    retriever_id: str
    inputs: dict[str, Any] | None = None
    user_id: str | None = None
    session_id: str | None = None
    configuration: str | None = None
    metadata: dict[str, Any] | None = None
    offset: int = 0
    total: int | None = None
    n_documents: int
    occurred_at: int
    live: bool
    parent_id: str | None = None
    profile: Profile | None = None

    @property
    def recorded_at(self) -> int:
        """As of an :class:`Execution`."""
        return ids.time_of(self.id)

    @property
    def status(self) -> str:
        """As of an :class:`Execution`."""
        return "completed" if self.profile is None else self.profile.status
