"""What goes through the stages of a search: documents that were found, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from desirepath.domain.document import Document
from desirepath.domain.filters import Filter
from desirepath.domain.plain_json import at_path
from desirepath.domain.template import Variables
from desirepath.engine.embedding.needed import KnownVectors
from desirepath.engine.serving.adapting import LoadedAdapter
from desirepath.engine.serving.filters import Relaxation
from desirepath.engine.serving.judged import Judged
from desirepath.engine.serving.popularity import Popularity
from desirepath.storage.base import Session

__all__ = ["Hit", "StageContext", "number_at", "value_at", "with_documents", "with_field"]


class Hit(Struct, kw_only=True):
    """A document that was found.

    ``payload`` and ``metadata`` are None until they were fetched. ``scores`` are by feature URI,
    ``features`` numbers that rankers may use, ``attribution`` says which feature its score is due
    to, and ``fields`` are what stages added.
    """

    document_id: str
    score: float
    payload: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    scores: dict[str, float] = {}
    features: dict[str, float] = {}
    attribution: dict[str, Any] = {}
    fields: dict[str, Any] = {}


class StageContext(Struct, kw_only=True):
    """What a stage may look at beside its parameters and the hits.

    Parameters
    ----------
    inputs
        Of the search, resolved.
    variables
        What templates stand for; the inputs alone unless it is given.
    left_out, relaxations
        See :func:`~desirepath.engine.serving.filters.filled_filter`.
    popularity
        Shared by searches, so that they need not all count.
    now
        Microseconds since 1970.
    is_first
        Nothing was looked for yet: an attribute_filter fetches what it lets pass.
    request_filter
        Of the search; holds of every document of the built-in index that is found.
    vectors
        Of texts that are searched with, as far as they have been made.
    adapters
        By name and version, those that the retriever names, or why there is none.
    judge
        Asks a trained ranker, by name and version, about hits in their order.
    judged
        What rankers said.
    """

    inputs: Mapping[str, Any]
    namespace: int
    session: Session
    now: int
    is_first: bool = False
    request_filter: Filter | None = None
    variables: Variables | None = None
    left_out: frozenset[str] = frozenset()
    relaxations: list[Relaxation] = field(default_factory=list)
    popularity: Popularity = field(default_factory=Popularity)
    vectors: KnownVectors = field(default_factory=KnownVectors)
    adapters: Mapping[tuple[str, int | None], LoadedAdapter | str] = {}
    judge: Callable[[str, int | None, Sequence[Hit]], Judged] | None = None
    judged: list[Judged] = field(default_factory=list)

    @property
    def filled_by(self) -> Variables:
        """What templates stand for."""
        return self.variables or Variables(inputs=self.inputs)


def with_documents(
    hits: Sequence[Hit], context: StageContext, paths: Iterable[str] | None = None
) -> list[Hit]:
    """The hits with their payload and metadata; empty where the namespace has no such document.

    Parameters
    ----------
    paths
        What will be looked at; the hits stay as they are where that needs no document.
    """
    if paths is not None and all(map(_is_of_hit, paths)):
        return list(hits)
    missing = [hit.document_id for hit in hits if hit.metadata is None]
    found = context.session.documents.get(context.namespace, missing) if missing else {}
    return [hit if hit.metadata is not None else _filled(hit, found) for hit in hits]


def _is_of_hit(path: str) -> bool:
    return path in ("score", "document_id") or path.startswith(("scores.", "features."))


def _filled(hit: Hit, documents: Mapping[str, Document]) -> Hit:
    document = documents.get(hit.document_id)
    payload, metadata = ({}, {}) if document is None else (document.payload, document.metadata)
    return replace(hit, payload=payload if hit.payload is None else hit.payload, metadata=metadata)


def with_field(hit: Hit, path: str, value: object) -> Hit:
    """The hit with a value at a path of ``fields``; ``score`` is its own.

    >>> with_field(Hit(document_id="a", score=1.0), "scores.rerank", 2.0).fields
    {'scores': {'rerank': 2.0}}
    """
    if path == "score" and isinstance(value, int | float):
        return replace(hit, score=float(value))
    return replace(hit, fields=_with(hit.fields, path.split("."), value))


def _with(inner: object, steps: Sequence[str], value: object) -> dict[str, Any]:
    before = inner if isinstance(inner, Mapping) else {}
    head, rest = steps[0], steps[1:]
    return {**before, head: _with(before.get(head), rest, value) if rest else value}


def value_at(hit: Hit, path: str) -> Any:
    """The value at a path: what a stage added, a number of the hit, or a field of the document.

    Examples
    --------
    >>> hit = Hit(document_id="a", score=0.5, payload={"price": {"eur": 9}}, metadata={"x": 1},
    ...           scores={"text://a.b": 2.0}, fields={"scores": {"rerank": 3.0}})
    >>> [value_at(hit, path) for path in ("score", "price.eur", "payload.price.eur", "metadata.x")]
    [0.5, 9, 9, 1]
    >>> value_at(hit, "scores.rerank"), value_at(hit, "scores.text://a.b"), value_at(hit, "none")
    (3.0, 2.0, None)
    """
    added = at_path(hit.fields, path) if hit.fields else None
    if added is not None:
        return added
    if path in ("score", "document_id"):
        return getattr(hit, path)
    head, _, rest = path.partition(".")
    match head:
        case "scores" | "features":
            return getattr(hit, head).get(rest)
        case "metadata" | "payload" if rest:
            return at_path(getattr(hit, head), rest)
        case _:
            return at_path(hit.payload, path)


def number_at(hit: Hit, path: str) -> float | None:
    """The number at a path; None when there is none."""
    value = value_at(hit, path)
    return None if isinstance(value, bool) or not isinstance(value, int | float) else float(value)
