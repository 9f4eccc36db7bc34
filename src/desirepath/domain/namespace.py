"""A namespace as it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct

from desirepath.domain.checks import check_id, convert, drop_foreign, refuse_unknown
from desirepath.domain.document import MAX_INDEXES, Name, VectorIndex, check_name, read_vector_index
from desirepath.domain.plain_json import check_plain
from desirepath.errors import InvalidDocument, InvalidNamespace, MalformedJSON

__all__ = ["NamespaceDraft", "read_namespace"]

MAX_NAME_CHARACTERS = 64


class NamespaceDraft(Struct, frozen=True, kw_only=True):
    """A namespace as it is sent."""

    namespace_id: Annotated[
        Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_\-]{0,127}$")] | None,
        Meta(description="Yours; ours is made when it is left out."),
    ] = None
    namespace_name: Annotated[
        Annotated[str, Meta(min_length=1, max_length=MAX_NAME_CHARACTERS)] | None,
        Meta(description="Unique, as ids are; namespace_id when it is left out."),
    ] = None
    description: Annotated[str, Meta(max_length=10_000)] | None = None
    vector_configs: Annotated[
        Annotated[list[VectorIndex], Meta(max_length=MAX_INDEXES)] | None,
        Meta(
            description="The vectors that documents may have, and no others. Left out, the first "
            "document with a vector of a new name defines it, compared by cosine."
        ),
    ] = None
    text_fields: Annotated[
        Annotated[list[Name], Meta(max_length=MAX_INDEXES)] | None,
        Meta(
            description="Payload fields to search, dot paths allowed. Left out, every text at the "
            "top level of a payload."
        ),
    ] = None
    retention_days: Annotated[
        Annotated[int, Meta(ge=1, le=36_500)] | None,
        Meta(description="Days that executions and interactions are kept; for ever without."),
    ] = None

    @property
    def name(self) -> str:
        """What it will be called."""
        return self.namespace_name or self.namespace_id or ""


FIELDS = tuple(NamespaceDraft.__struct_fields__)
_FOREIGN: Mapping[str, tuple[object, ...]] = {
    "mode": ("managed", "standalone"),
    "namespace_type": ("standard",),
    "scope": ("org",),
    "auto_create_indexes": (True, False),
    "adaptive_indexing": (False,),
    "features": (),
    "feature_extractors": (),
    "payload_indexes": (),
    "ttl_seconds": (),
    "infrastructure": (),
    "trusted_issuers": (),
    "tiering": (),
    "spend_budget": (),
    "cost_cap_override": (),
    "storage": (),
    "config": (),
}
"""What the Mixpeek SDK's requests may carry and ours cannot."""


def read_namespace(plain: object, *, lenient: bool = False) -> NamespaceDraft:
    """Check a namespace.

    Raises
    ------
    InvalidNamespace
        A rule is broken; the location says where.

    Examples
    --------
    >>> read_namespace({"namespace_id": "shop", "mode": "standalone"}).name
    'shop'
    """
    if not isinstance(plain, Mapping):
        raise InvalidNamespace("A namespace is a JSON object.")
    values = dict(plain)
    try:
        check_plain(values)
    except MalformedJSON as error:
        raise InvalidNamespace(error.message) from error
    drop_foreign(values, _FOREIGN, InvalidNamespace)
    refuse_unknown(values, FIELDS, InvalidNamespace, lenient)
    if isinstance(values.get("vector_configs"), list):
        values["vector_configs"] = _vector_indexes(values["vector_configs"])
    draft = convert(values, NamespaceDraft, InvalidNamespace)
    _check(draft)
    return draft


def _vector_indexes(configs: list[Any]) -> list[VectorIndex]:
    indexes = []
    for number, config in enumerate(configs):
        try:
            indexes.append(read_vector_index(config))
        except InvalidDocument as error:
            at = ("vector_configs", number, *error.location)
            raise InvalidNamespace(error.message, at) from error
    return indexes


def _check(draft: NamespaceDraft) -> None:
    name = draft.name
    if not (draft.namespace_id or "x").isprintable():  # a pattern's end is also before a newline
        raise InvalidNamespace("A namespace_id is printable.", ("namespace_id",))
    if not name:
        raise InvalidNamespace("A namespace needs a namespace_name.", ("namespace_name",))
    if len(name) > MAX_NAME_CHARACTERS:
        raise InvalidNamespace(
            f"A namespace_id of more than {MAX_NAME_CHARACTERS} characters needs a "
            "namespace_name beside it.",
            ("namespace_name",),
        )
    check_id(name, "namespace_name", InvalidNamespace)
    looks_like_ours = name.startswith("ns_") and name != draft.namespace_id
    if not (name.isascii() and name.isprintable()) or "/" in name or looks_like_ours:
        raise InvalidNamespace(
            "A namespace_name is printable ASCII, has no slash and does not begin with ns_.",
            ("namespace_name",),
        )
    if len({index.name for index in draft.vector_configs or ()}) < len(draft.vector_configs or ()):
        raise InvalidNamespace("A vector index is named twice.", ("vector_configs",))
    for number, field in enumerate(draft.text_fields or ()):
        try:
            check_name(field)
        except InvalidDocument as error:
            raise InvalidNamespace(error.message, ("text_fields", number)) from error
    if "" in ".".join(draft.text_fields or ("a",)).split("."):
        raise InvalidNamespace("A step of a path is empty.", ("text_fields",))
