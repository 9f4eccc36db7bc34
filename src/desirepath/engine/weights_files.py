"""How trained fusion weights are stored: in a file of JSON, by the URI of each feature."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from desirepath.errors import InvalidModel

__all__ = ["FUSION_WEIGHTS", "WEIGHTS", "read_weights", "write_weights"]

FUSION_WEIGHTS = "fusion_weights"
"""The kind of model."""
WEIGHTS = "weights.json"

_decode = msgspec.json.Decoder(dict[str, float]).decode


def write_weights(weights: Mapping[str, float]) -> bytes:
    """The bytes of weights by feature URI."""
    return msgspec.json.encode(dict(weights))


def read_weights(data: bytes) -> dict[str, float]:
    """The weights by feature URI that :func:`write_weights` wrote.

    Raises
    ------
    InvalidModel
        These are not the bytes of such weights.

    Examples
    --------
    >>> read_weights(write_weights({"text://title": 1.0}))
    {'text://title': 1.0}
    """
    try:
        found = _decode(data)
    except msgspec.DecodeError as error:
        raise InvalidModel("The file of the fusion weights cannot be read.") from error
    if not found or min(found.values()) < 0 or not sum(found.values()) > 0:
        raise InvalidModel("Fusion weights are numbers from 0 on, some of them above 0.")
    return found
