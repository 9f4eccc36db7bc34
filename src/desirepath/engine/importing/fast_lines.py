"""The quick way through JSON lines that are interactions exactly as the API takes them.

Almost all rows of a large import need nothing but to be checked. A chunk of lines is decoded in
one step straight into drafts. That skips what the careful way looks for (keys that are unknown or
given twice, integers beyond 64 bits, deep nesting), so the chunk is then *counted*: written
canonically, which its digest needs anyway, every draft has one key for each field and each nested
key; without the fields that are null, these are as many as the lines had, or there was a key that
did not make it into a draft. In any doubt the answer is None and the careful way decides.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import astuple

from desirepath.domain.checks import MAX_ID_BYTES
from desirepath.domain.interaction import InteractionDraft, InteractionType
from desirepath.domain.plain_json import canonical_json
from desirepath.engine.importing.read_rows import (
    has_loose_colons,
    has_unicode_escapes,
    is_storable,
)
from desirepath.engine.importing.times import parse_iso

__all__ = ["ReadLine", "read_lines"]

_decode_lines = msgspec.json.Decoder(InteractionDraft).decode_lines
_COLON = b'":'

ReadLine = tuple[InteractionDraft, bytes, int]
"""A draft, itself as canonical JSON, and its time in microseconds since 1970."""


def read_lines(data: bytes) -> list[ReadLine] | None:
    """The interactions of these lines, one for each; None when a line needs a closer look.

    What is returned is what :func:`~desirepath.domain.plain_json.decode_json` and
    :func:`~desirepath.domain.interaction.read_interaction` would return, of interactions that name
    their time and their event_id.
    """
    if has_unicode_escapes(data) or has_loose_colons(data):
        return None
    try:
        drafts = _decode_lines(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if len(drafts) != data.count(b"\n"):
        return None
    n_keys = 0
    read = []
    is_ascii = data.isascii()
    for draft in drafts:
        if draft.occurred_at is None or draft.event_id is None or draft.age_ms is not None:
            return None
        try:
            moment = parse_iso(draft.occurred_at)
        except (ValueError, OverflowError):
            return None
        if not (_are_ids_sound(draft, is_ascii) and _are_objects_storable(draft)):
            return None
        canonical = canonical_json(draft)
        n_keys += canonical.count(_COLON) - astuple(draft).count(None)
        read.append((draft, canonical, moment))
    return read if n_keys == data.count(_COLON) else None


def _are_ids_sound(draft: InteractionDraft, is_ascii: bool) -> bool:
    ids = (
        draft.feature_id,
        draft.user_id,
        draft.session_id,
        draft.execution_id,
        draft.retriever_id,
        draft.feature_uri,
        draft.event_id,
    )
    for id in ids:
        if id is not None and (id.isspace() or not (is_ascii or len(id.encode()) <= MAX_ID_BYTES)):
            return False
    return not (
        draft.result_set_size == 0 and InteractionType.ZERO_RESULTS not in draft.interaction_type
    )


def _are_objects_storable(draft: InteractionDraft) -> bool:
    metadata, query = draft.metadata, draft.query_snapshot
    return (metadata is None or (is_storable(metadata, 2) and "reward_value" not in metadata)) and (
        query is None or is_storable(query, 2)
    )
