"""A retriever: a named way to search, whose executions and interactions belong together."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Annotated, Any

from msgspec import Meta, Struct

from desirepath.domain.checks import (
    Id,
    check_plain_id,
    convert,
    drop_foreign,
    refuse_unknown,
)
from desirepath.domain.experiment import Experiment, read_experiment
from desirepath.domain.ids import NIL
from desirepath.domain.input_schema import InputField, plain_schema, read_input_schema
from desirepath.domain.learning_config import LearningConfig
from desirepath.domain.plain_json import canonical_json, check_plain, decode_json
from desirepath.domain.reward import Reward, default_reward
from desirepath.domain.stage import MAX_STAGES, Stage, read_stages
from desirepath.domain.stage_kinds.base import inside, read_struct
from desirepath.domain.stage_kinds.feature_search import FeatureSearchParameters
from desirepath.errors import InvalidRetriever, MalformedJSON

__all__ = [
    "ADHOC_ID",
    "OTHER_FIELDS",
    "ROUTE_WORDS",
    "BudgetLimits",
    "Retriever",
    "RetrieverDraft",
    "adhoc_retriever",
    "check_name",
    "plain_fields",
    "read_retriever",
]

ADHOC_ID = "ret_adhoc"
"""What searches without a retriever are logged under: no retriever's id, and nobody's name."""

ROUTE_WORDS = frozenset(
    {
        "batch",
        "benchmarks",
        "debug-inference",
        "evaluations",
        "execute",
        "executions",
        "interactions",
        "list",
        "public",
        "stages",
        "templates",
        "typeahead",
    }
)
"""Path words under /v1/retrievers that a name would hide behind."""


class BudgetLimits(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one search may cost."""

    max_credits: Annotated[float, Meta(ge=0)] | None = None
    max_time_ms: Annotated[int, Meta(ge=0)] | None = None


class RetrieverDraft(Struct, frozen=True, kw_only=True):
    """A retriever as it is sent."""

    retriever_name: Annotated[Id, Meta(description="Unique in its namespace.")]
    stages: Annotated[
        list[dict[str, Any]],
        Meta(
            max_length=MAX_STAGES,
            description="How it searches: {stage_name, config: {stage_id, parameters}}. Empty when "
            "another engine does and only logs here.",
        ),
    ] = []
    description: str | None = None
    collection_identifiers: Annotated[
        list[str], Meta(description="Kept and not looked at: a namespace is one collection.")
    ] = []
    input_schema: Annotated[
        dict[str, Any] | None,
        Meta(description="Inputs by name: {type, required, default, enum, items, properties}."),
    ] = None
    budget_limits: BudgetLimits | None = None
    tags: list[str] = []
    metadata: dict[str, Any] | None = None
    display_config: dict[str, Any] | None = None
    experiment: Annotated[
        Experiment | None, Meta(description="What it is compared with on live traffic.")
    ] = None


FIELDS = tuple(RetrieverDraft.__struct_fields__)
_FOREIGN: Mapping[str, tuple[object, ...]] = {
    "visibility": ("private",),
    "marketplace_listing_id": (),
    "requires_subscription": (False,),
}
"""What the Mixpeek SDK may say and we have no market for."""
OTHER_FIELDS = ("collection_ids", *_FOREIGN)
"""Keys that are read and are no fields."""


class Retriever(Struct, frozen=True, kw_only=True, dict=True):
    """A retriever as it is stored."""

    id: bytes
    namespace: int
    retriever_id: str
    draft: RetrieverDraft
    version: int
    created_at: int
    updated_at: int

    @cached_property
    def _definition(self) -> _Definition:
        return _define(canonical_json([self.draft.stages, self.draft.input_schema or {}]))

    @property
    def stages(self) -> tuple[Stage, ...]:
        """How it searches; none where another engine does, or :attr:`problem` says why."""
        return self._definition.stages

    @property
    def problem(self) -> str | None:
        """Why its definition, stored by another version, cannot be used; None when it can."""
        return self._definition.problem

    @property
    def input_schema(self) -> Mapping[str, InputField]:
        """Its inputs by name; empty when it takes any."""
        return self._definition.input_schema

    @property
    def stages_hash(self) -> str:
        """16 digits that change with the stages: SHA-256 of their canonical JSON."""
        return self._definition.stages_hash

    @property
    def feature_search(self) -> FeatureSearchParameters | None:
        """Its search: the one that learns, else the first."""
        return self._definition.feature_search

    @property
    def fusion(self) -> str | None:
        """How its search fuses."""
        search = self.feature_search
        return None if search is None else search.fusion.value

    @property
    def feature_uris(self) -> tuple[str, ...]:
        """The arms: its search's features, each once. Empty when they come with each search."""
        search = self.feature_search
        return () if search is None else tuple(search.feature_to_uri.values())

    @property
    def learning(self) -> LearningConfig | None:
        """How it learns; None when it does not."""
        search = self.feature_search
        return None if search is None else search.learning

    @property
    def reward(self) -> Reward:
        """What interactions with its results are worth, by its learning_config."""
        search = self.feature_search
        if search is None or search.learning_config is None:
            return default_reward
        return search.learning_config.reward

    @property
    def query_adapters(self) -> frozenset[tuple[str, int | None]]:
        """The names and versions of what turns its queries; a version of None: what is deployed."""
        return self._definition.query_adapters

    @property
    def inputs_read(self) -> frozenset[str]:
        """Inputs that templates, contexts of learning or the log read, declared or not."""
        return self._definition.inputs_read


class _Definition(Struct, frozen=True, kw_only=True):
    """What the stages and the schema of a retriever mean."""

    stages_hash: str
    stages: tuple[Stage, ...] = ()
    input_schema: Mapping[str, InputField] = {}
    feature_search: FeatureSearchParameters | None = None
    inputs_read: frozenset[str] = frozenset()
    query_adapters: frozenset[tuple[str, int | None]] = frozenset()
    problem: str | None = None


_LOGGED_INPUTS = frozenset({"user_id", "session_id"})


@lru_cache(maxsize=1024)
def _define(definition: bytes) -> _Definition:
    """Read stages and schema, canonical JSON; cached, for retrievers are looked up all the time."""
    sent_stages, sent_schema = decode_json(definition)
    stages_hash = hashlib.sha256(canonical_json(sent_stages)).hexdigest()[:16]
    try:
        # Leniently: what is stored was accepted once, under whichever setting.
        stages, schema = read_stages(sent_stages, lenient=True), read_input_schema(sent_schema)
    except InvalidRetriever as error:
        return _Definition(stages_hash=stages_hash, problem=error.message)
    searches = [s.parameters for s in stages if isinstance(s.parameters, FeatureSearchParameters)]
    search = next((s for s in searches if s.learning), searches[0] if searches else None)
    return _Definition(
        stages_hash=stages_hash,
        stages=stages,
        input_schema=schema,
        feature_search=search,
        query_adapters=frozenset(
            (one.query_adapter, one.query_adapter_version)
            for each in searches
            for one in each.searches
            if one.query_adapter is not None
        ),
        inputs_read=_LOGGED_INPUTS.union(
            *(stage.inputs_read for stage in stages),
            _context_inputs(search.learning if search else None),
        ),
    )


def _context_inputs(learning: LearningConfig | None) -> list[str]:
    if learning is None:
        return []
    features = [*learning.context_features, *(learning.demographic_features or ())]
    return [name.split(".")[1] for name in features]


def read_retriever(plain: object, *, lenient: bool = False) -> RetrieverDraft:
    """Check a retriever.

    Raises
    ------
    InvalidRetriever
        A rule is broken; the location says where.
    """
    draft = convert(plain_fields(plain, FIELDS, lenient), RetrieverDraft, InvalidRetriever)
    check_name(draft.retriever_name)
    return draft


def plain_fields(plain: object, known: tuple[str, ...], lenient: bool) -> dict[str, Any]:
    """Fields of a retriever, stages and schema checked and in their current form.

    Parameters
    ----------
    plain
        A decoded JSON object; ``collection_ids`` is another name of ``collection_identifiers``, and
        null is as good as left out.
    known
        The fields there may be.
    lenient
        Ignore unknown keys instead of refusing them.

    Raises
    ------
    InvalidRetriever
        A rule is broken; the location says where.
    """
    if not isinstance(plain, Mapping):
        raise InvalidRetriever("A retriever is a JSON object.")
    values = {name: value for name, value in plain.items() if value is not None}
    try:
        check_plain(values)
    except MalformedJSON as error:
        raise InvalidRetriever(error.message) from error
    if "collection_ids" in values:
        values.setdefault("collection_identifiers", values.pop("collection_ids"))
    drop_foreign(values, _FOREIGN, InvalidRetriever)
    refuse_unknown(values, known, InvalidRetriever, lenient)
    if "stages" in values:
        values["stages"] = [stage.sent for stage in read_stages(values["stages"], lenient)]
    if "input_schema" in values:
        values["input_schema"] = plain_schema(values["input_schema"])
        read_input_schema(values["input_schema"])
    if isinstance(values.get("budget_limits"), dict):
        with inside("budget_limits"):
            values["budget_limits"] = read_struct(values["budget_limits"], BudgetLimits, lenient)
    if "experiment" in values:
        values["experiment"] = read_experiment(values["experiment"], lenient=lenient)
    return values


def adhoc_retriever(
    namespace: int, plain: Mapping[str, Any], *, lenient: bool = False
) -> tuple[Retriever, bool]:
    """A retriever that nobody stores, for one search.

    Learned fusion becomes rrf: weights are learned of what is asked again and again.

    Returns
    -------
    tuple
        The retriever, and whether its fusion was to be learned.

    Raises
    ------
    InvalidRetriever
        A rule is broken; the location says where.
    """
    draft = read_retriever({**plain, "retriever_name": "ad hoc"}, lenient=lenient)
    was_learned = False
    for stage in draft.stages:
        parameters = stage["config"].get("parameters") or {}
        if parameters.get("fusion") == "learned":
            parameters["fusion"], was_learned = "rrf", True
    retriever = Retriever(
        id=NIL,
        namespace=namespace,
        retriever_id=ADHOC_ID,
        draft=draft,
        version=1,
        created_at=0,
        updated_at=0,
    )
    return retriever, was_learned


def check_name(name: str) -> None:
    """Refuse a name that a path could not tell from a route or an id.

    Raises
    ------
    InvalidRetriever
        A route word, one of our ids, blank, or with a slash.
    """
    check_plain_id(name, "retriever_name", InvalidRetriever)
    if name in ROUTE_WORDS or name.startswith("ret_") or "/" in name:
        raise InvalidRetriever(
            "retriever_name may not start with ret_, contain a slash, or be one of "
            f"{', '.join(sorted(ROUTE_WORDS))}.",
            ("retriever_name",),
        )
