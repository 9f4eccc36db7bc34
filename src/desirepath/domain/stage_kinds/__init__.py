"""The kinds of stages, a file each; :data:`STAGE_KINDS` has them all by ``stage_id``."""

from collections.abc import Mapping

from desirepath.domain.stage_kinds.attribute_filter import ATTRIBUTE_FILTER
from desirepath.domain.stage_kinds.base import StageKind
from desirepath.domain.stage_kinds.deduplicate import DEDUPLICATE
from desirepath.domain.stage_kinds.feature_search import FEATURE_SEARCH
from desirepath.domain.stage_kinds.limit import LIMIT
from desirepath.domain.stage_kinds.mmr import MMR
from desirepath.domain.stage_kinds.popularity_boost import POPULARITY_BOOST
from desirepath.domain.stage_kinds.rerank import RERANK
from desirepath.domain.stage_kinds.sort_attribute import SORT_ATTRIBUTE
from desirepath.domain.stage_kinds.sort_relevance import SORT_RELEVANCE

__all__ = ["STAGE_KINDS"]

STAGE_KINDS: Mapping[str, StageKind] = {
    kind.stage_id: kind
    for kind in (
        FEATURE_SEARCH,
        ATTRIBUTE_FILTER,
        SORT_RELEVANCE,
        SORT_ATTRIBUTE,
        RERANK,
        MMR,
        POPULARITY_BOOST,
        DEDUPLICATE,
        LIMIT,
    )
}
