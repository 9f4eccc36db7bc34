"""Feature URIs: which words or vectors of documents a search compares with its query."""

from __future__ import annotations

import re
from enum import StrEnum

from msgspec import Struct

from desirepath.errors import InvalidRetriever

__all__ = ["EVERY_TEXT", "Feature", "FeatureKind", "read_feature"]

EVERY_TEXT = "text://*"
"""The words of all text fields."""

_TEXT = "text://"
_VECTOR = "vector://"
_BARE_INDEX = re.compile(r"[A-Za-z_][\w.\-]*")


class FeatureKind(StrEnum):
    """Where the candidates of a feature come from."""

    TEXT = "text"
    """Words in text fields of the namespace's documents."""
    VECTOR = "vector"
    """A vector index of the namespace."""
    SENT = "sent"
    """Another engine; they come with each search."""


class Feature(Struct, frozen=True):
    """What a feature URI means.

    ``names`` are the text fields in order, none for all of them; or the vector index; or the URI
    itself.
    """

    kind: FeatureKind
    names: tuple[str, ...] = ()


def read_feature(uri: str) -> Feature:
    """Read a feature URI of 1 to 256 bytes.

    Raises
    ------
    InvalidRetriever
        It names no text field, or no vector index.

    Examples
    --------
    >>> read_feature("text://title+brand")
    Feature(kind=<FeatureKind.TEXT: 'text'>, names=('brand', 'title'))
    >>> read_feature("image") == read_feature("vector://image")
    True
    >>> read_feature("mixpeek://text_extractor@v1/embedding").kind.value
    'sent'
    """
    if uri.startswith(_TEXT):
        fields = uri.removeprefix(_TEXT).split("+")
        if uri == EVERY_TEXT:
            return Feature(FeatureKind.TEXT)
        if not all(map(str.strip, fields)):
            raise InvalidRetriever(
                "text:// is followed by the name of a text field, several with + between them, "
                "or * for all."
            )
        return Feature(FeatureKind.TEXT, tuple(sorted(set(fields))))
    if uri.startswith(_VECTOR):
        index = uri.removeprefix(_VECTOR)
        if not index.strip():
            raise InvalidRetriever("vector:// is followed by the name of a vector index.")
        return Feature(FeatureKind.VECTOR, (index,))
    if _BARE_INDEX.fullmatch(uri):
        return Feature(FeatureKind.VECTOR, (uri,))
    return Feature(FeatureKind.SENT, (uri,))
