"""Keep the first of the documents that are alike."""

from __future__ import annotations

from desirepath.domain.plain_json import canonical_json
from desirepath.domain.stage_kinds.deduplicate import DeduplicateParameters
from desirepath.engine.serving.hits import Hit, StageContext, value_at, with_documents

__all__ = ["run"]


def run(parameters: DeduplicateParameters, hits: list[Hit], context: StageContext) -> list[Hit]:
    """The first hit of each combination of values; those that lack one are like no other."""
    seen: set[bytes] = set()
    kept = []
    for hit in with_documents(hits, context, parameters.fields):
        values = [value_at(hit, path) for path in parameters.fields]
        key = None if None in values else canonical_json(values)
        if key is None or key not in seen:
            kept.append(hit)
        if key is not None:
            seen.add(key)
    return kept
