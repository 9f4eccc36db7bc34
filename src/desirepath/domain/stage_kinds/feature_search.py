"""Stage ``feature_search``: finds documents by several features and fuses the lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any

from msgspec import Meta, Struct

from desirepath.domain.checks import Id, check_id
from desirepath.domain.feature_uri import EVERY_TEXT, Feature, FeatureKind, read_feature
from desirepath.domain.learning_config import LearningConfig, read_learning_config
from desirepath.domain.stage_kinds.base import (
    CostTier,
    Parameters,
    StageKind,
    StageType,
    inside,
    read_struct,
)
from desirepath.domain.stage_kinds.document_filter import check_filter
from desirepath.domain.stage_kinds.query import Asked, Query, QueryMode, read_query
from desirepath.domain.template import Variables
from desirepath.errors import InvalidRetriever, InvalidSearch, MissingInput

__all__ = [
    "FEATURE_SEARCH",
    "Facet",
    "FeatureSearch",
    "FeatureSearchParameters",
    "FusionName",
    "GroupBy",
    "OnEmpty",
    "OutputMode",
]

MAX_SEARCHES = 10
MAX_TOP_K = 5_000

TopK = Annotated[int, Meta(ge=1, le=MAX_TOP_K)]


class FusionName(StrEnum):
    """How the lists of several features become one."""

    RRF = "rrf"
    DBSF = "dbsf"
    WEIGHTED = "weighted"
    MAX = "max"
    LEARNED = "learned"


class OnEmpty(StrEnum):
    """What becomes of a search whose query is empty."""

    ERROR = "error"
    SKIP = "skip"
    RANDOM = "random"


class OutputMode(StrEnum):
    """What is returned of a group."""

    FIRST = "first"
    ALL = "all"
    FLATTEN = "flatten"


class FeatureSearch(Struct, frozen=True, kw_only=True, dict=True):
    """One feature to search by."""

    feature_uri: Annotated[
        Id,
        Meta(
            description="text://FIELD, text://FIELD+FIELD, text://* (all texts), vector://INDEX or "
            "the name of a vector index. Any other is a feature of another engine, whose "
            "candidates come with each search."
        ),
    ]
    query: Annotated[
        Query | None,
        Meta(
            description="What to search with: a text or template alone, or an object. Left out "
            "where the candidates come with each search."
        ),
    ] = None
    top_k: Annotated[TopK, Meta(description="Candidates to fetch.")] = 100
    min_score: Annotated[
        Annotated[float, Meta(ge=0)] | None, Meta(description="Leave out what scores less.")
    ] = None
    weight: Annotated[float, Meta(ge=0, le=1, description="For fusion rrf, dbsf and weighted.")] = (
        1.0
    )
    query_adapter: Annotated[
        Id | None,
        Meta(
            description="A query adapter that was trained here and is deployed: turns the vector "
            "that is searched with."
        ),
    ] = None
    query_adapter_version: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="Which version of it; the one that is deployed when absent."),
    ] = None
    lexical: Annotated[
        bool,
        Meta(description="Search words, not vectors; all texts, unless feature_uri names fields."),
    ] = False
    optional: Annotated[
        bool, Meta(description="Leave the search out when nothing is indexed for it.")
    ] = False
    on_empty: Annotated[
        OnEmpty, Meta(description="When the query is empty: error, skip, or random documents.")
    ] = OnEmpty.ERROR
    filters: Annotated[
        dict[str, Any] | None, Meta(description="A filter for this search alone.")
    ] = None
    query_preprocessing: Annotated[
        dict[str, Any] | None, Meta(description="Accepted; nothing is preprocessed.")
    ] = None
    collection_identifiers: Annotated[
        list[str] | None, Meta(description="Accepted; a namespace is one collection.")
    ] = None

    @cached_property
    def uri(self) -> str:
        """The feature as it is called in answers and in learning: lexical searches are texts."""
        is_text = read_feature(self.feature_uri).kind is FeatureKind.TEXT
        return EVERY_TEXT if self.lexical and not is_text else self.feature_uri

    @cached_property
    def feature(self) -> Feature:
        """What it searches by; without a query that is not ours to search."""
        feature = read_feature(self.uri)
        is_bare = feature.names == (self.uri,)
        return Feature(FeatureKind.SENT, (self.uri,)) if is_bare and not self.query else feature

    def asked(self, variables: Variables) -> Asked | None:
        """What it searches for; None when that is nothing and ``on_empty`` allows it.

        Raises
        ------
        MissingInput
            Its template has no value.
        InvalidSearch
            It is blank, or nothing to search with.
        """
        try:
            asked = None if self.query is None else self.query.asked(variables)
        except MissingInput:
            if self.on_empty is OnEmpty.ERROR:
                raise
            return None
        if asked is None and self.on_empty is OnEmpty.ERROR:
            raise InvalidSearch("A query of the search is empty.", ("inputs",))
        return asked


class Facet(Struct, frozen=True, kw_only=True):
    """A field whose values are counted over what was found."""

    key: Annotated[Id, Meta(description="Path of the field.")]
    limit: Annotated[int, Meta(ge=1, le=1_000)] = 10
    exact: Annotated[bool, Meta(description="Accepted; counts are exact.")] = False


class GroupBy(Struct, frozen=True, kw_only=True):
    """Documents with the same value of a field, together."""

    field: Annotated[Id, Meta(description="Path of the field.")]
    max_per_group: Annotated[int, Meta(ge=1, le=100)] = 1
    limit: Annotated[int, Meta(ge=1, le=500, description="Groups.")] = 25
    output_mode: OutputMode = OutputMode.ALL


class FeatureSearchParameters(Parameters, frozen=True, kw_only=True, dict=True):
    """Find documents by features, and fuse."""

    searches: Annotated[
        tuple[FeatureSearch, ...],
        Meta(
            max_length=MAX_SEARCHES,
            description="What to search by. Left out, candidates come with each search, or "
            "pre_filters alone say what to find.",
        ),
    ] = ()
    final_top_k: Annotated[TopK, Meta(description="Documents that go on after fusion.")] = 25
    fusion: Annotated[FusionName, Meta(description="How several lists become one.")] = (
        FusionName.RRF
    )
    learning_config: Annotated[
        LearningConfig | None, Meta(description="For fusion learned: how weights are learned.")
    ] = None
    facets: Annotated[
        Annotated[list[Facet], Meta(max_length=20)] | None,
        Meta(description="Accepted, not applied yet: fields to count."),
    ] = None
    group_by: Annotated[GroupBy | None, Meta(description="Accepted, not applied yet.")] = None
    hard_timeout_ms: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="Accepted, not applied.")
    ] = None
    interactive: Annotated[bool, Meta(description="Accepted, not applied.")] = False
    degrade_retry: Annotated[bool, Meta(description="Accepted, not applied.")] = False
    cache_behavior: Annotated[
        str, Meta(pattern="^(auto|disabled|aggressive)$", description="Accepted, not applied.")
    ] = "auto"
    cache_ttl_seconds: Annotated[
        Annotated[int, Meta(ge=0)] | None, Meta(description="Accepted, not applied.")
    ] = None
    auto_preprocess: Annotated[bool, Meta(description="Accepted, not applied.")] = True
    query_preprocessing: Annotated[
        dict[str, Any] | None, Meta(description="Accepted, not applied.")
    ] = None
    collection_identifiers: Annotated[
        list[str] | None, Meta(description="Accepted; a namespace is one collection.")
    ] = None

    @cached_property
    def feature_to_uri(self) -> dict[Feature, str]:
        """Every feature once, by the first of its spellings: an arm each."""
        return _arms(self.searches)

    @cached_property
    def uri_to_searches(self) -> dict[str, list[FeatureSearch]]:
        """Under the URI of each feature the searches by it, in whatever spelling."""
        uris = self.feature_to_uri
        grouped: dict[str, list[FeatureSearch]] = {uri: [] for uri in uris.values()}
        for search in self.searches:
            grouped[uris[search.feature]].append(search)
        return grouped

    @property
    def learning(self) -> LearningConfig | None:
        """How it learns; None when its fusion is another."""
        if self.fusion is not FusionName.LEARNED:
            return None
        return self.learning_config or LearningConfig()


def _arms(searches: Iterable[FeatureSearch]) -> dict[Feature, str]:
    uris: dict[Feature, str] = {}
    for search in searches:
        uris.setdefault(search.feature, search.uri)
    return uris


def _read(plain: Mapping[str, Any], lenient: bool) -> FeatureSearchParameters:
    values = dict(plain)
    searches: list[FeatureSearch] = []
    if isinstance(values.get("searches"), list):
        for number, search in enumerate(values["searches"]):
            with inside("searches", number):
                searches.append(_read_search(search, lenient))
        values["searches"] = searches
    if values.get("learning_config") is not None:
        values["learning_config"] = _read_learning(
            values["learning_config"], len(_arms(searches)), lenient
        )
    parameters = read_struct(values, FeatureSearchParameters, lenient)
    if parameters.learning and "searches" in values and not searches:
        raise InvalidRetriever(
            "Nothing can be learned without searches. Leave searches out where the candidates "
            "come with each search.",
            ("searches",),
        )
    return parameters


def _read_learning(plain: object, n_features: int, lenient: bool) -> LearningConfig:
    try:
        return read_learning_config(plain, n_features, lenient=lenient)
    except InvalidRetriever as error:
        location = tuple(step for step in error.location if step != "learning_config")
        raise InvalidRetriever(error.message, ("learning_config", *location)) from error


def _read_search(plain: object, lenient: bool) -> FeatureSearch:
    if not isinstance(plain, Mapping):
        raise InvalidRetriever("A search is an object with feature_uri and query.")
    values = dict(plain)
    if values.get("query") is not None:
        with inside("query"):
            values["query"] = read_query(values["query"], lenient)
    search = read_struct(values, FeatureSearch, lenient)
    check_id(search.feature_uri, "feature_uri", InvalidRetriever)
    with inside("feature_uri"):
        kind = read_feature(search.uri).kind
    _check_query(search, kind)
    _check_adapter(search, kind)
    if search.filters is not None:
        with inside("filters"):
            check_filter(search.filters)
    return search


def _check_query(search: FeatureSearch, kind: FeatureKind) -> None:
    if search.query is None:
        if search.lexical or ("://" in search.feature_uri and kind is not FeatureKind.SENT):
            raise InvalidRetriever("This search needs a query.", ("query",))
    elif kind is FeatureKind.TEXT and search.query.input_mode is not QueryMode.TEXT:
        raise InvalidRetriever("Texts are searched with a text.", ("query", "input_mode"))


def _check_adapter(search: FeatureSearch, kind: FeatureKind) -> None:
    if search.query_adapter is None:
        if search.query_adapter_version is not None:
            raise InvalidRetriever(
                "A version of which adapter? Give query_adapter.", ("query_adapter_version",)
            )
    elif kind is not FeatureKind.VECTOR or search.query is None:
        raise InvalidRetriever(
            "A query adapter turns the vector of a query, and here is none.", ("query_adapter",)
        )
    elif search.query.input_mode is QueryMode.DOCUMENT:
        raise InvalidRetriever(
            "A document's own vector is searched with as it is: leave the query adapter out.",
            ("query_adapter",),
        )


FEATURE_SEARCH = StageKind(
    stage_id="feature_search",
    stage_type=StageType.FILTER,
    parameters=FeatureSearchParameters,
    read=_read,
    description="Finds documents by words, vectors or candidates that are sent, and fuses the "
    "lists into one ranking, by fixed rules or by weights that are learned.",
    icon="search",
    use_cases=(
        "Search by words in several fields",
        "Combine words with vectors",
        "Fuse the results of engines that you have, with weights learned from clicks",
    ),
    example={
        "searches": [
            {"feature_uri": "text://title", "query": "{{INPUT.query}}", "top_k": 100},
            {"feature_uri": "text://description", "query": "{{INPUT.query}}", "top_k": 100},
        ],
        "fusion": "learned",
        "final_top_k": 25,
    },
    cost_tier=CostTier.MODERATE,
)
