"""What goes from stage to stage, and how its fields are reached."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct, field

from desirepath.domain.template import Variables
from desirepath.storage.base import Session

__all__ = ["Hit", "StageContext", "fetch_payloads", "number_at", "put_number", "value_at"]


class Hit(Struct, kw_only=True):
    """A document on its way to the answer.

    Parameters
    ----------
    payload
        What is stored of it, or was sent with it; None: not fetched yet.
    scores
        By feature URI, as each feature scored it; and what stages add.
    attribution
        By feature URI: score, normalized score, and share of the fused score.
    features
        Numbers that were sent with the search.
    fields
        What stages add to the answer.
    """

    document_id: str
    score: float
    payload: dict[str, Any] | None = None
    scores: dict[str, float] = field(default_factory=dict)
    attribution: dict[str, dict[str, float]] = field(default_factory=dict)
    features: dict[str, float] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)


class StageContext(Struct, frozen=True, kw_only=True):
    """What a stage may look at."""

    inputs: Mapping[str, Any]
    variables: Variables
    namespace: int
    session: Session
    now: int


def fetch_payloads(hits: Iterable[Hit], context: StageContext) -> None:
    """Fetch what is stored of documents that have no payload yet."""
    missing = [hit for hit in hits if hit.payload is None]
    if missing:
        ids = [hit.document_id for hit in missing]
        found = context.session.documents.get(context.namespace, ids)
        for hit in missing:
            document = found.get(hit.document_id)
            hit.payload = {} if document is None else {**document.payload}


def value_at(hit: Hit, path: str) -> Any:
    """score, scores.URI, features.NAME, document_id, or a path in the payload; None if missing."""
    if path in ("score", "document_id"):
        return getattr(hit, path)
    head, _, rest = path.partition(".")
    if head in ("scores", "features") and rest:
        return getattr(hit, head).get(rest)
    value: Any = hit.payload
    for step in (rest if head == "payload" and rest else path).split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def number_at(hit: Hit, path: str) -> float | None:
    """A number; None where there is none."""
    value = value_at(hit, path)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else None


def put_number(hit: Hit, path: str, number: float) -> None:
    """Write a number under score, or beside the scores."""
    if path == "score":
        hit.score = number
    else:
        hit.scores[path.removeprefix("scores.")] = number
        hit.fields.setdefault("scores", {})[path.removeprefix("scores.")] = number
