"""Stage ``deduplicate``: keep the first of those with the same values."""

from __future__ import annotations

from desirepath.domain.plain_json import canonical_json
from desirepath.domain.stage_kinds.deduplicate import DeduplicateParameters
from desirepath.engine.serving.hits import Hit, StageContext, fetch_payloads, value_at

__all__ = ["run"]


def run(parameters: DeduplicateParameters, hits: list[Hit], context: StageContext) -> list[Hit]:
    """The first hit with each set of values; one that lacks a value is like no other."""
    fetch_payloads(hits, context)
    seen: set[bytes] = set()
    kept = []
    for hit in hits:
        values = [value_at(hit, path) for path in parameters.fields]
        key = canonical_json(values)
        if None in values or key not in seen:
            seen.add(key)
            kept.append(hit)
    return kept
