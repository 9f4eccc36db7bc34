"""Learned fusion: what was learned, why, and what people decide about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct

from desirepath.api.endpoint import Call, Endpoint, endpoint, read_query
from desirepath.api.retriever_schemas import present_shipped
from desirepath.api.retrievers import find_retriever
from desirepath.domain.access import Access
from desirepath.domain.checks import Id, check_id, convert, refuse_unknown
from desirepath.domain.clock import format_time, parse_time
from desirepath.domain.ids import first_id_at, time_of
from desirepath.domain.plain_json import decode_json
from desirepath.domain.ranking import Contexts
from desirepath.domain.retriever import Retriever
from desirepath.engine.gating.shipping import roll_back_weights
from desirepath.engine.learning.controlling import change_controls, change_user, note, roll_back
from desirepath.engine.learning.explaining import arms_of, history, moved_most, weights_by_feature
from desirepath.engine.learning.rebuilding import begin_rebuild, rebuild_state
from desirepath.engine.learning.resolving import Belief
from desirepath.engine.serving.beliefs import belief_of, ordinals_of, with_features
from desirepath.engine.serving.fusing import FusionPlan
from desirepath.engine.serving.people import Asker, contexts_of
from desirepath.errors import Conflict, InvalidSearch, MalformedJSON, NotFound, NotLearning
from desirepath.storage.base import Session

__all__ = ["ENDPOINTS"]

TAG = "Learned fusion"
_PATH = "/v1/retrievers/{retriever_id}/learned-fusion"
_ERRORS = (NotFound, NotLearning)
_DAY_SECONDS = 86_400

Declare = Callable[[Callable[[Call], object]], Endpoint]


class FusionState(Struct, frozen=True, kw_only=True):
    """How learned fusion stands."""

    retriever_id: str
    enabled: bool
    rollout_pct: float
    shadow_mode: bool
    frozen: bool
    feature_uris: list[str]
    fixed_weights: dict[str, float] | None = None
    left_out: Annotated[
        list[str] | None, Meta(description="First and last day that a rollback left out.")
    ] = None
    circuit_breaker: str = "closed"
    shipped_weight_set: Annotated[
        dict[str, Any] | None, Meta(description="What the gate let through last.")
    ] = None
    success: bool = True


class Weights(Struct, frozen=True, kw_only=True):
    """Weights, and on what evidence."""

    retriever_id: str
    enabled: bool
    context_level: str
    context_key: str
    weights: dict[str, float]
    arms: dict[str, dict[str, float]]
    feature_uris: list[str]
    interaction_count: Annotated[float, Meta(description="Lists, after forgetting.")]
    effective_exploration: float
    levels: Annotated[dict[str, float], Meta(description="Lists a level spoke with.")]
    window_days: int
    opted_out: bool = False
    min_interactions: int = 5
    shipped_weight_set: dict[str, Any] | None = None
    warnings: list[str] = []


def _plan(call: Call) -> tuple[Retriever, FusionPlan]:
    """The retriever and its fusion.

    Raises
    ------
    NotLearning
        It has no feature_search, or nothing to learn with.
    """
    retriever = find_retriever(call)
    plan = call.engine.plan(call.namespace.number, retriever.retriever_id)
    if plan is None or plan.learning is None:
        raise NotLearning()
    return retriever, plan


def _state(call: Call, plan: FusionPlan) -> FusionState:
    controls = call.engine.directory.controls(plan.namespace, plan.retriever_id)
    config = plan.learning
    assert config is not None
    enabled = plan.fusion == "learned" if controls.enabled is None else controls.enabled
    days = None
    if controls.left_out is not None:
        days = [_day(day) for day in controls.left_out]
    return FusionState(
        retriever_id=plan.retriever_id,
        enabled=enabled,
        rollout_pct=config.rollout_pct if controls.rollout_pct is None else controls.rollout_pct,
        shadow_mode=config.shadow_mode,
        frozen=controls.frozen,
        feature_uris=list(plan.features),
        fixed_weights=None if controls.weights is None else dict(controls.weights),
        left_out=days,
        shipped_weight_set=present_shipped(controls.shipped),
        circuit_breaker=call.engine.fuser.breaker.state((plan.namespace, plan.retriever_id)),
    )


def _day(day: int) -> str:
    return format_time(day * _DAY_SECONDS * 1_000_000)[:10]


def _decide(call: Call, kind: str, **changes: Any) -> FusionState:
    _, plan = _plan(call)
    change_controls(
        call.engine.storage,
        call.engine.make_id,
        plan.namespace,
        plan.retriever_id,
        kind,
        **changes,
    )
    call.engine.directory.forget()
    return _state(call, plan)


def _decision(path: str, method: str = "POST", **options: Any) -> Declare:
    return endpoint(
        method,
        _PATH + path,
        access=Access.WRITE,
        tag=TAG,
        response=FusionState,
        errors=(*_ERRORS, *options.pop("errors", ())),
        **options,
    )


@_decision("/enable")
def enable_learned_fusion(call: Call) -> object:
    """Switch learned fusion on.

    Whatever the retriever's own `fusion` says, and until it is switched off. Effective everywhere
    within a second; kept across restarts and changes of the retriever.
    """
    return _decide(call, "enabled", enabled=True)


@_decision("/disable")
def disable_learned_fusion(call: Call) -> object:
    """Switch learned fusion off.

    The kill switch: static fusion is served everywhere within a second. What was learned is kept.
    """
    return _decide(call, "disabled", enabled=False)


class RolloutRequest(Struct, frozen=True, kw_only=True):
    """How many get learned weights."""

    rollout_pct: Annotated[float, Meta(ge=0, le=100)]


@_decision("/rollout", body=RolloutRequest, errors=(InvalidSearch, MalformedJSON))
def set_rollout(call: Call) -> object:
    """Set the share of users that get learned weights.

    The same user always gets the same answer; the others get static fusion.
    """
    body = _body(call, RolloutRequest)
    return _decide(call, "rollout_set", rollout_pct=body.rollout_pct)


def _body(call: Call, kind: Any) -> Any:
    values = call.json()
    if not isinstance(values, dict):
        raise InvalidSearch("The body is a JSON object.")
    refuse_unknown(values, kind.__struct_fields__, InvalidSearch, call.rules.lenient)
    return convert(values, kind, InvalidSearch)


@_decision("/freeze")
def freeze_learned_fusion(call: Call) -> object:
    """Stop learning, and go on serving what was learned.

    Searches that are served while frozen teach nothing, also later.
    """
    return _decide(call, "frozen", frozen=True)


@_decision("/unfreeze")
def unfreeze_learned_fusion(call: Call) -> object:
    """Learn again."""
    return _decide(call, "unfrozen", frozen=False)


class WeightsRequest(Struct, frozen=True, kw_only=True):
    """Weights to serve."""

    weights: Annotated[
        dict[Id, Annotated[float, Meta(ge=0)]],
        Meta(min_length=1, description="By feature URI; they are scaled to sum to 1."),
    ]


@_decision("/weights", "PUT", body=WeightsRequest, errors=(InvalidSearch, MalformedJSON))
def fix_weights(call: Call) -> object:
    """Fix the weights by hand.

    They are served instead of learned ones until they are released; learning goes on beside them.
    """
    body = _body(call, WeightsRequest)
    _, plan = _plan(call)
    if plan.features and any(uri not in plan.features for uri in body.weights):
        raise InvalidSearch(
            f"Weights are for the retriever's features: {', '.join(plan.features)}.", ("weights",)
        )
    if not sum(body.weights.values()) > 0:
        raise InvalidSearch("Some weight is above 0.", ("weights",))
    return _decide(call, "weights_fixed", weights=body.weights)


@_decision("/weights", "DELETE")
def release_weights(call: Call) -> object:
    """Release fixed weights."""
    return _decide(call, "weights_released", weights=None)


@_decision("/shipped-weights/rollback", errors=(Conflict,))
def roll_back_shipped_weights(call: Call) -> object:
    """Let the weights serve that were shipped before these.

    Where none were, it is what is learned again. Once more, and those before serve.
    """
    retriever, plan = _plan(call)
    roll_back_weights(call.engine, retriever)
    return _state(call, plan)


class RollbackRequest(Struct, frozen=True, kw_only=True):
    """To which day."""

    day: Annotated[str, Meta(description="The last day that counts, such as 2026-01-31 (UTC).")]


@_decision("/rollback", body=RollbackRequest, errors=(InvalidSearch, MalformedJSON))
def roll_back_learning(call: Call) -> object:
    """Serve what was known at the end of a day.

    What was learned on later days, today included, is left out; what is learned from tomorrow on
    counts. Nothing is deleted: roll back to today to take all in again.
    """
    body = _body(call, RollbackRequest)
    match = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", body.day)
    try:
        if match is None:
            raise ValueError
        day = parse_time(body.day) // (_DAY_SECONDS * 1_000_000)
    except ValueError as error:
        raise InvalidSearch("day is a date such as 2026-01-31.", ("day",)) from error
    _, plan = _plan(call)
    engine = call.engine
    roll_back(engine.storage, engine.make_id, plan.namespace, plan.retriever_id, day)
    engine.directory.forget()
    return _state(call, plan)


class RebuildState(Struct, frozen=True, kw_only=True):
    """How far a rebuild is."""

    retriever_id: str
    running: Annotated[bool, Meta(description="What was learned before serves until it ends.")]
    lists_done: int
    lists_total: int
    success: bool = True


def _rebuild_state(call: Call, plan: FusionPlan) -> RebuildState:
    with call.engine.storage.read() as session:
        progress = rebuild_state(session, plan.namespace, plan.retriever_id)
        total = session.learned.count_lists(plan.namespace, plan.retriever_id)
    return RebuildState(
        retriever_id=plan.retriever_id,
        running=progress.is_running,
        lists_done=progress.n_lists,
        lists_total=max(total, progress.n_lists),
    )


@endpoint(
    "POST", _PATH + "/rebuild", access=Access.WRITE, tag=TAG, response=RebuildState, errors=_ERRORS
)
def rebuild_learning(call: Call) -> object:
    """Learn again from the log.

    What was learned serves until all is done, and what happens meanwhile is in the result. It runs
    in the background, and goes on after a restart. As a rule it changes nothing: what is learned
    live and from the log are the same to the bit.
    """
    _, plan = _plan(call)
    engine = call.engine
    begin_rebuild(engine.storage, plan.namespace, plan.retriever_id)
    with engine.storage.write() as session:
        note(session, engine.make_id, plan.namespace, plan.retriever_id, "rebuild_begun", {})
    engine.call_housekeeper()
    return _rebuild_state(call, plan)


@endpoint(
    "GET", _PATH + "/rebuild", access=Access.READ, tag=TAG, response=RebuildState, errors=_ERRORS
)
def get_rebuild(call: Call) -> object:
    """Read how far the last rebuild is."""
    _, plan = _plan(call)
    return _rebuild_state(call, plan)


# Users


class UserState(Struct, frozen=True, kw_only=True):
    """How learned fusion stands for a user."""

    retriever_id: str
    user_id: str
    opted_out: bool
    success: bool = True


def _user_id(call: Call) -> str:
    user_id = call.path["user_id"]
    if "\x00" in user_id:
        raise NotFound("user")
    check_id(user_id, "user_id", InvalidSearch)
    if not 0 < len(user_id) <= 256:
        raise InvalidSearch("user_id is 1 to 256 bytes.", ("user_id",))
    return user_id


def _decide_user(call: Call, **changes: Any) -> UserState:
    _, plan = _plan(call)
    user_id = _user_id(call)
    engine = call.engine
    control = change_user(
        engine.storage, engine.make_id, plan.namespace, plan.retriever_id, user_id, **changes
    )
    return UserState(retriever_id=plan.retriever_id, user_id=user_id, opted_out=control.opted_out)


def _user_decision(method: str, path: str) -> Declare:
    return endpoint(
        method,
        _PATH + path,
        access=Access.WRITE,
        tag=TAG,
        response=UserState,
        errors=(*_ERRORS, InvalidSearch),
    )


@_user_decision("POST", "/opt-out/{user_id:path}")
def opt_out_user(call: Call) -> object:
    """Take a user out of personalisation.

    The user gets the weights of the segment, or of all. Effective at once.
    """
    return _decide_user(call, opted_out=True)


@_user_decision("POST", "/opt-in/{user_id:path}")
def opt_in_user(call: Call) -> object:
    """Personalise for a user again."""
    return _decide_user(call, opted_out=False)


@_user_decision("DELETE", "/user/{user_id:path}")
def reset_user(call: Call) -> object:
    """Let a user start anew.

    What was learned of the user counts no more for the user; interactions stay, and so does what
    they taught of all.
    """
    return _decide_user(call, reset=True)


# Reading


def _believe(
    call: Call, session: Session, plan: FusionPlan, contexts: Contexts
) -> tuple[Belief, Sequence[int]]:
    ordinals = ordinals_of(session, plan)
    return belief_of(session, call.engine.fuser, plan, contexts, ordinals), ordinals


def _weights(
    call: Call, plan: FusionPlan, belief: Belief, level: str, key: str, opted_out: bool = False
) -> Weights:
    config = plan.learning
    assert config is not None
    return Weights(
        retriever_id=plan.retriever_id,
        enabled=_state(call, plan).enabled,
        context_level=level,
        context_key=key,
        weights=weights_by_feature(plan.features, belief),
        arms=arms_of(plan.features, belief),
        feature_uris=list(plan.features),
        interaction_count=belief.lists.get(level, belief.lists.get("global", 0.0)),
        effective_exploration=belief.exploration,
        levels=dict(belief.lists),
        window_days=config.decay_window_days,
        opted_out=opted_out,
        min_interactions=config.min_interactions,
        shipped_weight_set=present_shipped(plan.controls.shipped),
        warnings=_config_warnings(plan),
    )


def _config_warnings(plan: FusionPlan) -> list[str]:
    config = plan.learning
    assert config is not None
    if config.algorithm == "thompson_sampling" and (config.prior_alpha, config.prior_beta) != (
        1,
        1,
    ):
        return [
            "prior_alpha and prior_beta belong to beta_thompson_sampling; thompson_sampling does "
            "not use them."
        ]
    return []


@endpoint("GET", _PATH + "/weights", access=Access.READ, tag=TAG, response=Weights, errors=_ERRORS)
def get_weights(call: Call) -> object:
    """Read the weights that everybody shares, without exploration."""
    _, plan = _plan(call)
    with call.engine.storage.read() as session:
        plan = with_features(session, plan)
        if not plan.features:
            raise NotLearning("Nothing was searched yet, so no features are known.")
        belief, _ = _believe(call, session, plan, Contexts())
    return _weights(call, plan, belief, "global", "global")


@endpoint(
    "GET",
    _PATH + "/weights/{user_id:path}",
    access=Access.READ,
    tag=TAG,
    response=Weights,
    errors=(*_ERRORS, InvalidSearch),
)
def get_user_weights(call: Call) -> object:
    """Read a user's weights, without exploration.

    Levels are pooled: `levels` says which of them spoke, and on how many lists.
    """
    _, plan = _plan(call)
    user_id = _user_id(call)
    config = plan.learning
    assert config is not None
    with call.engine.storage.read() as session:
        plan = with_features(session, plan)
        if not plan.features:
            raise NotLearning("Nothing was searched yet, so no features are known.")
        contexts = contexts_of(
            session, plan.namespace, plan.retriever_id, config, Asker(user_id=user_id)
        )
        control = session.learned.user(plan.namespace, plan.retriever_id, user_id)
        belief, _ = _believe(call, session, plan, contexts)
    level = belief.level if belief.level != "none" else "global"
    key = f"personal:{user_id}" if level == "personal" else level
    return _weights(call, plan, belief, level, key, control.opted_out)


class WeightsExplained(Struct, frozen=True, kw_only=True):
    """Where weights come from."""

    retriever_id: str
    weights: dict[str, float]
    arms: dict[str, dict[str, float]]
    moved_most: Annotated[
        dict[str, list[dict[str, Any]]],
        Meta(
            description="By feature URI, the lists of the last days without which its weight would "
            "differ most: {execution_id, moved}."
        ),
    ]


class WeightsExplainedQuery(Struct, frozen=True, kw_only=True):
    """How much of it."""

    days: Annotated[int, Meta(ge=1, le=365)] = 7
    limit: Annotated[int, Meta(ge=1, le=100)] = 5


@endpoint(
    "GET",
    _PATH + "/weights/explain",
    access=Access.READ,
    tag=TAG,
    response=WeightsExplained,
    query=WeightsExplainedQuery,
    errors=_ERRORS,
)
def explain_weights(call: Call) -> object:
    """Explain the weights, down to the searches that moved them most."""
    _, plan = _plan(call)
    config = plan.learning
    assert config is not None
    query = read_query(call.query_string, WeightsExplainedQuery)
    with call.engine.storage.read() as session:
        plan = with_features(session, plan)
        if not plan.features:
            raise NotLearning("Nothing was searched yet, so no features are known.")
        belief, ordinals = _believe(call, session, plan, Contexts())
        after = first_id_at(session.now() - query.days * _DAY_SECONDS * 1_000_000)
        moved = moved_most(
            session,
            plan.namespace,
            plan.retriever_id,
            config,
            plan.features,
            ordinals,
            query.limit,
            after,
        )
    return WeightsExplained(
        retriever_id=plan.retriever_id,
        weights=weights_by_feature(plan.features, belief),
        arms=arms_of(plan.features, belief),
        moved_most=moved,
    )


class HistoryResponse(Struct, frozen=True, kw_only=True):
    """Weights by day."""

    retriever_id: str
    days: Annotated[list[dict[str, Any]], Meta(description="{day, lists, weights}, oldest first.")]


class HistoryQuery(Struct, frozen=True, kw_only=True):
    """How far back."""

    days: Annotated[int, Meta(ge=1, le=365)] = 30


@endpoint(
    "GET",
    _PATH + "/history",
    access=Access.READ,
    tag=TAG,
    response=HistoryResponse,
    query=HistoryQuery,
    errors=_ERRORS,
)
def weights_history(call: Call) -> object:
    """Read how the shared weights moved from day to day."""
    _, plan = _plan(call)
    config = plan.learning
    assert config is not None
    query = read_query(call.query_string, HistoryQuery)
    with call.engine.storage.read() as session:
        plan = with_features(session, plan)
        ordinals = ordinals_of(session, plan)
        days = (
            history(
                session,
                plan.namespace,
                plan.retriever_id,
                config,
                plan.features,
                ordinals,
                query.days,
                session.now(),
            )
            if plan.features
            else []
        )
    return HistoryResponse(retriever_id=plan.retriever_id, days=days)


class StatsResponse(Struct, frozen=True, kw_only=True):
    """How learning stands."""

    retriever_id: str
    enabled: bool
    rollout_pct: float
    shadow_mode: bool
    frozen: bool
    algorithm: str
    feature_uris: list[str]
    interaction_count: Annotated[float, Meta(description="Lists that count, after forgetting.")]
    effective_exploration: float
    opted_out_users: int
    weights: dict[str, float]
    circuit_breaker: str
    min_interactions: int
    window_days: int


@endpoint(
    "GET", _PATH + "/stats", access=Access.READ, tag=TAG, response=StatsResponse, errors=_ERRORS
)
def learned_fusion_stats(call: Call) -> object:
    """Read how learning stands."""
    _, plan = _plan(call)
    config = plan.learning
    assert config is not None
    state = _state(call, plan)
    with call.engine.storage.read() as session:
        plan = with_features(session, plan)
        weights, exploration, lists = {}, config.exploration_bonus, 0.0
        if plan.features:
            belief, _ = _believe(call, session, plan, Contexts())
            weights = weights_by_feature(plan.features, belief)
            exploration, lists = belief.exploration, belief.lists.get("global", 0.0)
        n_opted_out = session.learned.n_opted_out(plan.namespace, plan.retriever_id)
    return StatsResponse(
        retriever_id=plan.retriever_id,
        enabled=state.enabled,
        rollout_pct=state.rollout_pct,
        shadow_mode=state.shadow_mode,
        frozen=state.frozen,
        algorithm=config.algorithm,
        feature_uris=list(plan.features),
        interaction_count=lists,
        effective_exploration=exploration,
        opted_out_users=n_opted_out,
        weights=weights,
        circuit_breaker=state.circuit_breaker,
        min_interactions=config.min_interactions,
        window_days=config.decay_window_days,
    )


class ActivityResponse(Struct, frozen=True, kw_only=True):
    """What was decided lately."""

    retriever_id: str
    events: Annotated[list[dict[str, Any]], Meta(description="{timestamp, type, …}, newest first.")]


@endpoint(
    "GET",
    _PATH + "/activity",
    access=Access.READ,
    tag=TAG,
    response=ActivityResponse,
    errors=_ERRORS,
)
def learned_fusion_activity(call: Call) -> object:
    """List what was decided about learning, newest first; users are not named."""
    _, plan = _plan(call)
    with call.engine.storage.read() as session:
        found = session.learned.activity(plan.namespace, plan.retriever_id, 100)
    events = [
        {"timestamp": format_time(time_of(one.id)), "type": one.kind}
        | decode_json(one.detail.encode())
        for one in found
    ]
    return ActivityResponse(retriever_id=plan.retriever_id, events=events)


ENDPOINTS = (
    enable_learned_fusion,
    disable_learned_fusion,
    set_rollout,
    freeze_learned_fusion,
    unfreeze_learned_fusion,
    fix_weights,
    release_weights,
    roll_back_learning,
    rebuild_learning,
    get_rebuild,
    roll_back_shipped_weights,
    opt_out_user,
    opt_in_user,
    reset_user,
    get_weights,
    explain_weights,
    get_user_weights,
    weights_history,
    learned_fusion_stats,
    learned_fusion_activity,
)
