"""Other spellings of stages, that older clients and documentation use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from desirepath.domain.checks import refuse_unknown
from desirepath.domain.feature_uri import EVERY_TEXT
from desirepath.domain.stage_kinds.base import inside
from desirepath.errors import InvalidRetriever

__all__ = ["current_forms"]

_FLAT = ("stage_id", "parameters", "pre_filters", "post_filters")
_OLD_SEARCH = ("type", "stage_name", "feature_extractor", "query", "collection_ids", "limit")
_OLD_LIMIT = 10
_OLD_TOP_K = 100


def current_forms(stages: Sequence[object], lenient: bool) -> Iterator[tuple[int, object]]:
    """Each stage in the current form, ``{stage_name, config: {stage_id, parameters}}``.

    An old filter stands before the old search that it is for, which would begin anew: it becomes
    the search's ``pre_filters``.

    Yields
    ------
    tuple
        The stage's number in the list, and the stage; what is no object comes as it is.

    Raises
    ------
    InvalidRetriever
        An old search has keys that are not known.

    Examples
    --------
    >>> list(current_forms([{"type": "limit", "limit": 3}], lenient=False))
    [(0, {'stage_name': 'limit', 'config': {'stage_id': 'limit', 'parameters': {'limit': 3}}})]
    """
    filters: object = None
    for number, stage in enumerate(stages):
        if not isinstance(stage, Mapping):
            yield number, stage
        elif "type" not in stage or "config" in stage:
            yield number, _from_flat(stage)
        elif _is_old("attribute_filter", stage) and _is_old(
            "feature_search", *stages[number + 1 :]
        ):
            filters = stage.get("conditions")
        elif _is_old("feature_search", stage):
            with inside("stages", number):
                search = _from_old_search(stage, filters, lenient)
            yield number, search
            filters = None
        else:
            parameters = {k: v for k, v in stage.items() if k not in ("type", "stage_name")}
            yield number, _in_current_form(stage, parameters)


def _is_old(type: str, *stages: object) -> bool:
    """Whether the first of some stages is of a type."""
    first = stages[0] if stages else None
    return isinstance(first, Mapping) and "config" not in first and first.get("type") == type


def _from_flat(stage: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(stage)
    if "config" not in values:
        values.pop("stats", None)  # figures that old answers carry
        config = {name: values.pop(name) for name in _FLAT if name in values}
        config.setdefault("stage_id", values.get("stage_name"))
        values["config"] = config
    return values


def _in_current_form(stage: Mapping[str, Any], parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        "stage_name": stage.get("stage_name", stage["type"]),
        "config": {"stage_id": stage["type"], "parameters": parameters},
    }


def _from_old_search(stage: Mapping[str, Any], filters: object, lenient: bool) -> dict[str, Any]:
    """A search of all texts: which feature is meant, this form does not say."""
    refuse_unknown(dict(stage), _OLD_SEARCH, InvalidRetriever, lenient)
    limit = stage.get("limit", _OLD_LIMIT)
    top_k = max(limit, _OLD_TOP_K) if isinstance(limit, int) else _OLD_TOP_K
    search = {"feature_uri": EVERY_TEXT, "query": stage.get("query"), "top_k": top_k}
    current = _in_current_form(stage, {"searches": [search], "final_top_k": limit})
    if filters:
        current["config"]["pre_filters"] = filters
    return current
