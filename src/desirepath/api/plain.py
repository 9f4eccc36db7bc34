"""Plain values in and out of the API without HTTP."""

from __future__ import annotations

from typing import Any

import msgspec

from desirepath.domain.plain_json import check_plain, encode_json
from desirepath.errors import InvalidInput, MalformedJSON

__all__ = ["check_plain_values", "plain_answer"]


def check_plain_values(values: dict[str, Any], error: type[InvalidInput]) -> None:
    """Refuse what JSON could not hold, or a database would change.

    Raises
    ------
    InvalidInput
        Of the given class.
    """
    try:
        check_plain(values)
    except MalformedJSON as problem:
        raise error(problem.message) from problem


def plain_answer(value: Any) -> dict[str, Any]:
    """What HTTP would answer, as a dictionary."""
    plain: dict[str, Any] = msgspec.json.decode(encode_json(value))
    return plain
