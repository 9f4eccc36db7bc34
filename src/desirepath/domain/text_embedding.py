"""How a vector index makes vectors of texts."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from desirepath.domain.checks import Id, convert, refuse_unknown
from desirepath.errors import InvalidDocument

__all__ = ["MAX_EMBEDDED_CHARACTERS", "TextEmbedding", "read_text_embedding"]

MAX_EMBEDDED_CHARACTERS = 100_000
_MAX_FIELDS = 10

Field = Annotated[str, Meta(min_length=1, max_length=200)]


class TextEmbedding(Struct, frozen=True, kw_only=True):
    """A model, and what of a document it is given.

    The model runs behind the endpoint that the operator has set up; a namespace never says where.
    """

    model: Annotated[Id, Meta(description="As the embedder's endpoint calls it.")]
    fields: Annotated[
        tuple[Field, ...],
        Meta(
            max_length=_MAX_FIELDS,
            description="Texts to make the vector of, one below the other: names of texts, or "
            "paths into the payload. Left out, the text that is called like the index.",
        ),
    ] = ()
    query_prefix: Annotated[
        str, Meta(max_length=1000, description="Put before a query, where the model wants that.")
    ] = ""
    document_prefix: Annotated[
        str, Meta(max_length=1000, description="Put before the text of a document.")
    ] = ""
    max_characters: Annotated[
        int,
        Meta(
            ge=1, le=MAX_EMBEDDED_CHARACTERS, description="Of a longer text the rest is left out."
        ),
    ] = 8_000

    def of_query(self, text: str) -> str:
        """What the model is given of a query.

        >>> TextEmbedding(model="m", query_prefix="query: ", max_characters=3).of_query("shoes")
        'query: sho'
        """
        return self.query_prefix + text[: self.max_characters]


FIELDS = tuple(TextEmbedding.__struct_fields__)


def read_text_embedding(plain: object) -> TextEmbedding:
    """Check how an index makes vectors.

    Raises
    ------
    InvalidDocument
        A rule is broken; the location says where.

    Examples
    --------
    >>> read_text_embedding({"model": "all-minilm", "fields": ["title"]}).fields
    ('title',)
    """
    if not isinstance(plain, dict):
        raise InvalidDocument("An embedder is an object: model, and fields.", ("embedder",))
    values: dict[str, Any] = {name: value for name, value in plain.items() if value is not None}
    try:
        refuse_unknown(values, FIELDS, InvalidDocument, lenient=False)
        return convert(values, TextEmbedding, InvalidDocument)
    except InvalidDocument as error:
        raise InvalidDocument(error.message, ("embedder", *error.location)) from error
