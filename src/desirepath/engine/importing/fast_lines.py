"""The quick way through JSON lines that are interactions exactly as the API takes them.

Almost all rows of a large import need nothing but to be checked. A chunk of lines is decoded in
one step straight into drafts. That skips what the careful way looks for (keys that are unknown or
given twice, integers beyond 64 bits, deep nesting), so keys are *counted* afterwards: if the lines
hold more of them than the drafts have, then one did not make it into a draft. In any doubt the
answer is None and the careful way decides.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import astuple

from desirepath.domain.checks import MAX_ID_BYTES
from desirepath.domain.interaction import InteractionDraft, InteractionType
from desirepath.domain.plain_json import canonical_json
from desirepath.engine.importing.read_lines import (
    count_keys,
    has_loose_colons,
    has_unicode_escapes,
)
from desirepath.engine.importing.times import parse_iso

__all__ = ["ReadLine", "read_lines"]

_decode_lines = msgspec.json.Decoder(InteractionDraft).decode_lines
_N_FIELDS = len(InteractionDraft.__struct_fields__)
_ZERO_RESULTS = InteractionType.ZERO_RESULTS

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
        if draft.result_set_size == 0 and _ZERO_RESULTS not in draft.interaction_type:
            return None
        try:
            moment = parse_iso(draft.occurred_at)
            n_keys += _N_FIELDS - astuple(draft).count(None)
            if draft.metadata is not None:
                n_keys += count_keys(draft.metadata, 1)
            if draft.query_snapshot is not None:
                n_keys += count_keys(draft.query_snapshot, 1)
        except (ValueError, OverflowError):
            return None
        if not _are_ids_sound(draft, is_ascii):
            return None
        read.append((draft, canonical_json(draft), moment))
    return read if n_keys == data.count(b'":') else None


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
    if any(map(str.isspace, filter(None, ids))):
        return False
    return is_ascii or all(len(id.encode()) <= MAX_ID_BYTES for id in ids if id is not None)
