"""The quick way to read a batch of interactions that needs no mending.

Nearly all batches need nothing but to be checked. Decoding straight into drafts skips what the
careful way looks for: keys that are unknown or given twice, integers beyond 64 bits, deep nesting.
So the keys are counted: written canonically, the drafts have as many as the body had, or some key
did not make it into a draft. In any doubt the answer is None and the careful way decides.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from desirepath.domain.interaction import InteractionDraft, check_draft
from desirepath.domain.plain_json import MAX_DEPTH, MAX_INTEGER, MIN_INTEGER, canonical_json
from desirepath.errors import InvalidInteraction

__all__ = ["quick_read"]

_KEY_END = b'":'
_LOOSE_COLONS = (b" :", b"\t:", b"\n:", b"\r:")
_LEVELS_ABOVE = 4  # the body, its array, the draft and its object


class _Batch(Struct):
    interactions: list[InteractionDraft]


_decode = msgspec.json.Decoder(_Batch).decode


def quick_read(body: bytes) -> list[InteractionDraft] | None:
    """The interactions of a batch body; None when it needs a closer look.

    What is returned is what :func:`~desirepath.domain.plain_json.decode_json` and
    :func:`~desirepath.domain.interaction.read_interaction` would return.

    Examples
    --------
    >>> body = b'{"interactions":[{"feature_id":"a","interaction_type":["click"],"position":0}]}'
    >>> [draft.feature_id for draft in quick_read(body) or ()]
    ['a']
    >>> quick_read(body.replace(b'"position"', b'"position":1,"position"')) is None
    True
    """
    if b"\\u" in body or any(colon in body for colon in _LOOSE_COLONS):
        return None
    try:
        drafts = _decode(body).interactions
        for draft in drafts:
            check_draft(draft)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, InvalidInteraction):
        return None
    n_keys = 1
    for draft in drafts:
        score = draft.document_score
        if score is not None and abs(score) >= MAX_INTEGER:  # perhaps an integer beyond 64 bits
            return None
        n_keys += canonical_json(draft).count(_KEY_END) - astuple(draft).count(None)
        for values in (draft.metadata, draft.query_snapshot):
            if values is not None and not _is_storable(values, _LEVELS_ABOVE):
                return None
    return drafts if n_keys == body.count(_KEY_END) else None


def _is_storable(values: object, depth: int) -> bool:
    """Whether integers fit into 64 bits, and nothing is nested too deeply."""
    for value in values.values() if isinstance(values, dict) else values:  # type: ignore[attr-defined]
        kind = type(value)
        if kind is dict or kind is list:
            if depth >= MAX_DEPTH or not _is_storable(value, depth + 1):
                return False
        elif kind is int and not MIN_INTEGER <= value <= MAX_INTEGER:
            return False
    return True
