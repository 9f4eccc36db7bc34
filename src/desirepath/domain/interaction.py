"""An interaction: what a person did with one search result."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from operator import attrgetter
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from desirepath.domain import clock, ids
from desirepath.domain.checks import Count, Id, check_id, check_time, convert, refuse_unknown
from desirepath.domain.plain_json import canonical_json, check_plain
from desirepath.errors import InvalidInteraction, MalformedJSON

__all__ = [
    "FIELDS",
    "INTERACTION_TYPES",
    "QUERY_LEVEL_TYPES",
    "Interaction",
    "InteractionDraft",
    "InteractionType",
    "check_draft",
    "dedup_key",
    "read_interaction",
]


class InteractionType(StrEnum):
    """What a person can do with a search result, or with the query itself."""

    IMPRESSION = "impression"
    VIEW = "view"
    CLICK = "click"
    DWELL = "dwell"
    POSITIVE_FEEDBACK = "positive_feedback"
    NEGATIVE_FEEDBACK = "negative_feedback"
    PURCHASE = "purchase"
    ADD_TO_CART = "add_to_cart"
    WISHLIST = "wishlist"
    LONG_VIEW = "long_view"
    SHARE = "share"
    BOOKMARK = "bookmark"
    QUERY_REFINEMENT = "query_refinement"
    ZERO_RESULTS = "zero_results"
    FILTER_TOGGLE = "filter_toggle"
    SKIP = "skip"
    RETURN_TO_RESULTS = "return_to_results"
    PLAY = "play"
    DOWNLOAD = "download"
    SAVE = "save"
    ADD_TO_PROJECT = "add_to_project"
    RATING = "rating"


INTERACTION_TYPES = tuple(type.value for type in InteractionType)
QUERY_LEVEL_TYPES = frozenset({"query_refinement", "zero_results", "filter_toggle"})
SHOWN_TYPES = frozenset({"impression", "view"})
"""Types that say a document was on screen; every other document-level type implies it."""

_KNOWN_TYPES = frozenset(INTERACTION_TYPES)


class InteractionDraft(Struct, frozen=True, kw_only=True):
    """An interaction as it is sent, checked field by field.

    Every identifier is 1 to 256 bytes of UTF-8 and compared byte by byte: two spellings that look
    alike (NFC and NFD, say) are two ids.
    """

    feature_id: Annotated[
        Id, Meta(description="The document; the document_id of the search result.")
    ]
    interaction_type: Annotated[
        list[InteractionType],
        Meta(min_length=1, max_length=64, description="What happened; repeats collapse."),
    ]
    position: Annotated[
        Count, Meta(description="Where the document stood in the results: 0 is the first.")
    ]
    metadata: Annotated[
        dict[str, Any] | None,
        Meta(description="Anything. reward_value is set by the server: what this teaches."),
    ] = None
    user_id: Id | None = None
    session_id: Id | None = None
    execution_id: Annotated[
        Id | None, Meta(description="The search that showed the document; it may arrive later.")
    ] = None
    retriever_id: Annotated[
        Id | None, Meta(description="Taken from the execution when it is left out.")
    ] = None
    query_snapshot: Annotated[
        dict[str, Any] | None,
        Meta(description="The inputs of the search; taken from the execution when left out."),
    ] = None
    document_score: Annotated[
        float | None, Meta(description="The score the document was shown with.")
    ] = None
    result_set_size: Annotated[
        Count | None, Meta(description="How many results were shown; 0 only with zero_results.")
    ] = None
    feature_uri: Annotated[
        Id | None,
        Meta(description="The feature that found the document, if one is to be credited."),
    ] = None
    occurred_at: Annotated[
        str | None,
        Meta(
            description="When it happened, ISO 8601 (no zone: UTC). Leave it out for what happens "
            "now; sending it marks a backfill."
        ),
    ] = None
    age_ms: Annotated[
        Count | None,
        Meta(description="Milliseconds since it happened by the sender's own monotonic clock."),
    ] = None
    event_id: Annotated[
        Id | None,
        Meta(
            description="The sender's id of this event, best a UUIDv7 made when it happened. The "
            "same id is stored once, however often it is sent."
        ),
    ] = None

    @property
    def types(self) -> tuple[str, ...]:
        """The types without repeats, in the order sent."""
        return _distinct(tuple(self.interaction_type))

    @property
    def occurred_at_us(self) -> int | None:
        """``occurred_at`` in microseconds since 1970."""
        return None if self.occurred_at is None else clock.parse_time(self.occurred_at)

    def digest(self) -> bytes:
        """SHA-256 of the content, the same for the same event however its JSON was laid out.

        ``age_ms`` is left out: it grows with every attempt to send the same event.
        """
        content = self if self.age_ms is None else replace(self, age_ms=None)
        return hashlib.sha256(canonical_json(content)).digest()


@lru_cache(maxsize=4096)
def _distinct(types: tuple[InteractionType, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(type.value for type in types))


FIELDS = tuple(InteractionDraft.__struct_fields__)
_ID_FIELDS = (
    "feature_id",
    "user_id",
    "session_id",
    "execution_id",
    "retriever_id",
    "feature_uri",
    "event_id",
)


_ids_of = attrgetter(*_ID_FIELDS)


def read_interaction(
    plain: object, *, lenient: bool = False, checked: bool = False
) -> tuple[InteractionDraft, tuple[str, ...]]:
    """Check one interaction.

    Parameters
    ----------
    plain
        A decoded JSON object. ``document_id`` is another name for ``feature_id``.
    lenient
        Ignore unknown keys instead of refusing them.
    checked
        The value came from :func:`~desirepath.domain.plain_json.decode_json`, so its texts and
        numbers need no second look.

    Returns
    -------
    tuple
        The draft and the names of the keys that were ignored.

    Raises
    ------
    InvalidInteraction
        A rule is broken; the location says where.
    """
    if not isinstance(plain, Mapping):
        raise InvalidInteraction("An interaction is a JSON object.")
    values = dict(plain)
    if not checked:
        try:
            check_plain(values)
        except MalformedJSON as error:
            raise InvalidInteraction(error.message) from error
    if "document_id" in values:
        _fold_document_id(values)
    ignored = refuse_unknown(values, FIELDS, InvalidInteraction, lenient)
    types = values.get("interaction_type")
    if isinstance(types, list) and any(
        isinstance(type, str) and type not in _KNOWN_TYPES for type in types
    ):
        raise InvalidInteraction(
            f"Unknown interaction type; the types are {', '.join(INTERACTION_TYPES)}.",
            ("interaction_type",),
        )
    draft = convert(values, InteractionDraft, InvalidInteraction)
    check_draft(draft)
    return draft, ignored


def _fold_document_id(values: dict[str, Any]) -> None:
    document_id = values.pop("document_id")
    if values.setdefault("feature_id", document_id) != document_id:
        raise InvalidInteraction(
            "feature_id and document_id name the same thing and differ; send one.", ("document_id",)
        )


def check_draft(draft: InteractionDraft) -> None:
    """The rules that its types do not say.

    Raises
    ------
    InvalidInteraction
        A rule is broken; the location says where.
    """
    for name, value in zip(_ID_FIELDS, _ids_of(draft), strict=True):
        if value is not None and (not value.isascii() or value.isspace()):
            check_id(value, name, InvalidInteraction)
    if draft.result_set_size == 0 and InteractionType.ZERO_RESULTS not in draft.interaction_type:
        raise InvalidInteraction(
            "result_set_size is at least 1; only zero_results has none.", ("result_set_size",)
        )
    if draft.occurred_at is not None:
        if draft.age_ms is not None:
            raise InvalidInteraction("Send occurred_at or age_ms, not both.", ("age_ms",))
        check_time(draft.occurred_at, "occurred_at", InvalidInteraction)


class Interaction(Struct, frozen=True, kw_only=True, gc=False):
    """An interaction as it is stored.

    ``metadata_json`` and ``query_json`` are objects as JSON text: that is how they are stored and
    how they are sent, and most interactions are never looked into.
    """

    id: bytes
    namespace: int
    feature_id: str
    types: tuple[str, ...]
    position: int
    metadata_json: str | None = None
    user_id: str | None = None
    session_id: str | None = None
    execution_id: str | None = None
    retriever_id: str | None = None
    query_json: str | None = None
    document_score: float | None = None
    result_set_size: int | None = None
    feature_uri: str | None = None
    event_id: str | None = None
    occurred_at: int
    live: bool
    reward: float
    warning: str | None = None

    @property
    def metadata(self) -> dict[str, Any] | None:
        """What was sent as metadata, without reward_value."""
        return None if self.metadata_json is None else _decode_object(self.metadata_json)

    @property
    def query_snapshot(self) -> dict[str, Any] | None:
        """The inputs of its search."""
        return None if self.query_json is None else _decode_object(self.query_json)

    @property
    def recorded_at(self) -> int:
        """When it was recorded, microseconds since 1970: part of its id."""
        return ids.time_of(self.id)


_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


def dedup_key(
    namespace: int, execution_id: str | None, feature_id: str, types: tuple[str, ...]
) -> bytes | None:
    """What a repeat within the window is recognised by; None without an execution.

    It begins with the execution's id, so that the marks of one search, which come together, lie
    together: a digest alone would scatter every write over the whole index.
    """
    if execution_id is None:
        return None
    parts = (str(namespace), execution_id, feature_id, *sorted(types))
    digest = hashlib.blake2b("\x00".join(parts).encode(), digest_size=12).digest()
    return execution_id.encode()[:40] + digest
