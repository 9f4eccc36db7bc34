"""The quick way to read a batch of interactions that needs no mending.

Nearly all batches need nothing but to be checked, and most checks can be made on the body's bytes
at once. In any doubt the answer is None and the careful way decides.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from desirepath.domain.interaction import InteractionDraft, check_draft
from desirepath.domain.plain_json import MAX_DEPTH
from desirepath.errors import InvalidInteraction

__all__ = ["KEY_END", "TooDeep", "count_keys", "looks_plain", "quick_read"]

KEY_END = b'":'
_WHITE = (b"\t", b"\n", b"\r", b'" ')
"""Without these no key stands apart from its colon, and no text is blank but for an escape."""
_DIGITS_AS_ZERO = bytes(ord("0") if chr(byte).isdigit() else ord(" ") for byte in range(128)).ljust(
    256
)
_MAY_NOT_FIT = b"0" * 19  # digits of an integer that may not fit into 64 bits
_LEVELS_ABOVE = 4  # the body, its array, the draft and its object
_SCALARS = frozenset({str, int, float, bool, type(None)})


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
    if not looks_plain(body):
        return None
    ids_are_fine = body.isascii() and b"\\" not in body
    try:
        drafts = _decode(body).interactions
        n_keys = 1
        for draft in drafts:
            if not ids_are_fine or draft.occurred_at is not None or draft.result_set_size == 0:
                check_draft(draft)
            n_keys += _n_keys(draft)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, InvalidInteraction, TooDeep):
        return None
    # As many keys as the body has, or one of them is unknown or was given twice.
    return drafts if n_keys == body.count(KEY_END) else None


def looks_plain(body: bytes) -> bool:
    """Whether a body cannot hide a NUL, half of a character, a large integer or a spaced key.

    What remains to be seen is that it is JSON, and that it has as many of ``KEY_END`` as keys.
    """
    if (b"\\" in body and b"\\u" in body) or any(white in body for white in _WHITE):
        return False
    return _MAY_NOT_FIT not in body.translate(_DIGITS_AS_ZERO)


class TooDeep(Exception):
    """It may be nested too deeply."""


def _n_keys(draft: InteractionDraft) -> int:
    """How many keys a draft was made of, in all of it."""
    count = _N_FIELDS - astuple(draft).count(None)
    for values in (draft.metadata, draft.query_snapshot):
        if values:
            count += count_keys(values, _LEVELS_ABOVE)
    return count


_N_FIELDS = len(InteractionDraft.__struct_fields__)


def count_keys(value: dict[str, Any] | list[Any], depth: int) -> int:
    """How many keys there are in a value that lies that deep, inner ones included.

    Raises
    ------
    TooDeep
        It may be nested too deeply.
    """
    count, values = (len(value), value.values()) if isinstance(value, dict) else (0, value)
    if not _SCALARS.issuperset(map(type, values)):
        if depth >= MAX_DEPTH:
            raise TooDeep
        for inner in values:
            if isinstance(inner, dict | list):
                count += count_keys(inner, depth + 1)
    return count
