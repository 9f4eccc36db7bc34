"""Train fusion weights from judgments or the log, hold them against others, and store them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from typing import Annotated, Unpack

import msgspec
import numpy as np
from msgspec import Meta, Struct

from desirepath.domain.artifact import ArtifactDraft
from desirepath.domain.retriever import Retriever
from desirepath.domain.scope import Scope
from desirepath.engine.analysing.asking import open_log
from desirepath.engine.analysing.part import part_of
from desirepath.engine.datasets import find_dataset
from desirepath.engine.engine import Engine
from desirepath.engine.models import check_free_name, store_model
from desirepath.engine.retrievers import find_retriever
from desirepath.engine.seen_log import log_changes
from desirepath.engine.serving.beliefs import with_features
from desirepath.engine.serving.fusing import FusionPlan
from desirepath.engine.training.fusion_pools import FoundPools, judged_pools, logged_pools
from desirepath.engine.training.fusion_report import LIVE, OtherWeights, WeightsReport
from desirepath.engine.training.trained import Stepped, Trained, TrainingOptions, plain_report
from desirepath.engine.weights_files import FUSION_WEIGHTS, WEIGHTS, write_weights
from desirepath.errors import InvalidSetting, NotEnoughData
from desirepath.methods.bandits.weights import uniform
from desirepath.methods.fusion_weights.held_out import HeldOut, held_out, steps_of
from desirepath.methods.fusion_weights.measuring import ListMeasure, WeightMetric
from desirepath.methods.fusion_weights.searching import WeightSearch
from desirepath.methods.levels import FloatArray
from desirepath.methods.ranking.click_measures import mean_of_rows
from desirepath.methods.ranking.metrics import Gain
from desirepath.storage.base import Namespace

__all__ = ["LEAST_QUERIES", "WeightSettings", "train_weights"]

LEAST_QUERIES = 20
"""With a document that is worth something; of fewer, none can be spared to measure on."""


class WeightSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What fusion weights are trained with.

    Parameters
    ----------
    dataset
        Id or name of judgments to learn from; None: the log.
    metric, k
        What is made large; ranks below k do not count.
    gain
        What a grade of a judgment is worth.
    folds
        Parts of the queries, each of which is held out once.
    most_lists
        Of the log, the last searches.
    starts
        Searches for the best weights, from different beginnings.
    """

    dataset: str | None = None
    metric: WeightMetric = WeightMetric.NDCG
    k: Annotated[int, Meta(ge=1, le=1_000)] = 10
    gain: Gain = Gain.EXPONENTIAL
    folds: Annotated[int, Meta(ge=2, le=20)] = 5
    most_lists: Annotated[int, Meta(ge=100, le=100_000)] = 5_000
    starts: Annotated[int, Meta(ge=1, le=20)] = 2
    seed: Annotated[int, Meta(ge=0)] = 0

    def check(self) -> None:
        """Nothing that the types of the fields do not say."""


def train_weights(
    engine: Engine,
    namespace: Namespace,
    name: str,
    settings: WeightSettings,
    scope: Scope,
    **options: Unpack[TrainingOptions],
) -> Trained[WeightsReport]:
    """Train fusion weights and store them as the next version under a name; they do not serve yet.

    Raises
    ------
    NotEnoughData
        There are too few queries with something that is worth anything.
    InvalidSetting
        The scope names no retriever, or one without several features to fuse.
    NotFound
        There is no such dataset.
    InvalidModel, AlreadyExists
        The name cannot be used, or belongs to a model of another kind.
    """
    settings.check()
    retriever = _retriever(engine, namespace.number, scope)
    plan = _plan(engine, retriever)
    is_stored = options.get("is_stored", True)
    if is_stored:
        check_free_name(engine, namespace.number, FUSION_WEIGHTS, name)
    changes = log_changes(engine, namespace.number)
    report = _learned(engine, namespace, retriever, plan, settings, scope, **options)
    artifact = None
    if is_stored:
        draft = ArtifactDraft(
            kind=FUSION_WEIGHTS,
            name=name,
            manifest={
                "settings": msgspec.to_builtins(settings),
                "learned_before": _learned_before(engine, namespace.number, settings, scope),
                "weights": report.weights,
                "report": plain_report(report),
                "libraries": {"scipy": version("scipy")},
            },
            files={WEIGHTS: write_weights(report.weights)},
            retriever_id=retriever.retriever_id,
        )
        artifact = options.get("store", store_model)(engine, namespace, draft, changes)
    return Trained(report=report, artifact=artifact)


def _learned_before(
    engine: Engine, namespace: int, settings: WeightSettings, scope: Scope
) -> int | None:
    """Searches before this moment may be what was learned from; 0: none were, None: all."""
    if settings.dataset is None:
        return scope.before
    source = find_dataset(engine, namespace, settings.dataset).source
    return source.seen_before if source.kind == "interactions" else 0


def _retriever(engine: Engine, namespace: int, scope: Scope) -> Retriever:
    if scope.retriever_id is None:
        raise InvalidSetting("Name the retriever whose weights are trained.", ("retriever",))
    return find_retriever(engine, namespace, scope.retriever_id)


def _plan(engine: Engine, retriever: Retriever) -> FusionPlan:
    plan = engine.plan(retriever.namespace, retriever.retriever_id)
    if plan is not None:
        with engine.storage.read() as session:
            plan = with_features(session, plan)
    if plan is None or len(plan.features) < 2:
        raise InvalidSetting("The retriever has no two features to weigh.", ("retriever",))
    return plan


def _learned(
    engine: Engine,
    namespace: Namespace,
    retriever: Retriever,
    plan: FusionPlan,
    settings: WeightSettings,
    scope: Scope,
    **options: Unpack[TrainingOptions],
) -> WeightsReport:
    stepped = options.get("stepped") or (lambda done, most: None)
    n_flagged, flagged_share = 0, 0.0
    if settings.dataset is not None:
        dataset = find_dataset(engine, namespace.number, settings.dataset)
        with engine.storage.read() as session:
            queries = list(session.evaluations.queries(dataset.namespace, dataset.id))
        source = dataset.name
        found = judged_pools(engine, retriever, queries, plan.features, settings.gain, stepped)
    else:
        source = "log"
        on, progress = options.get("on", "duckdb"), options.get("progress")
        with open_log(engine, namespace, on=on, progress=progress) as opened:
            part = part_of(opened, scope)
            with engine.storage.read() as session:
                found = logged_pools(
                    part, session, namespace.number, plan.features, settings.most_lists
                )
        n_flagged, flagged_share = part.n_flagged, part.flagged_share
    report = measure_weights(found, plan.features, _live(engine, plan), settings, stepped)
    return msgspec.structs.replace(
        report,
        retriever_id=retriever.retriever_id,
        source=source,
        n_flagged=n_flagged,
        flagged_share=flagged_share,
    )


def _live(engine: Engine, plan: FusionPlan) -> FloatArray | None:
    """The weights that strangers are served with; None where normalised scores are not added."""
    with engine.storage.read() as session:
        chosen = engine.fuser.expect(session, plan, session.now())
    is_sum = chosen.fusion in ("learned", "dbsf") and chosen.weights.sum() > 0
    return chosen.weights / chosen.weights.sum() if is_sum else None


def measure_weights(
    found: FoundPools,
    features: Sequence[str],
    live: FloatArray | None,
    settings: WeightSettings,
    stepped: Stepped,
) -> WeightsReport:
    """Find the best weights, and measure them and others on the lists.

    Parameters
    ----------
    features : length F
    live : shape (F,), or None

    Raises
    ------
    NotEnoughData
        There are too few queries.
    """
    pools = found.pools
    n_queries = len(np.unique(pools.queries))
    least = max(LEAST_QUERIES, settings.folds)
    if n_queries < least:
        raise NotEnoughData(
            "queries with a candidate that is worth something (a reward above 0, or a grade)",
            needed=least,
            found=n_queries,
        )
    search = WeightSearch(starts=settings.starts, seed=settings.seed)
    best = held_out(
        pools,
        settings.metric,
        settings.k,
        search,
        settings.folds,
        _counted(stepped, steps_of(search, settings.folds)),
    )
    others = tuple(_others(ListMeasure(pools, settings.metric, settings.k), best, features, live))
    return WeightsReport(
        retriever_id="",
        source="",
        metric=settings.metric,
        k=settings.k,
        weights=_named(features, best.weights),
        of_folds=tuple(_named(features, weights) for weights in best.of_folds),
        held_out=mean_of_rows(best.values, pools.queries, seed=settings.seed),
        in_sample=best.value,
        others=others,
        n_lists=pools.n_lists,
        n_candidates=len(pools.gains),
        n_queries=n_queries,
        n_skipped=found.n_skipped,
        seed=settings.seed,
        propensities=found.propensities,
        notes=found.notes,
    )


def _counted(stepped: Stepped, most: int) -> Callable[[], None]:
    done = 0

    def one_more() -> None:
        nonlocal done
        done += 1
        stepped(done, most)

    return one_more


def _others(
    measure: ListMeasure, best: HeldOut, features: Sequence[str], live: FloatArray | None
) -> Iterator[OtherWeights]:
    equal = uniform(len(features))
    yield _other("equal weights", measure.of_weights(equal), best, measure, features, equal)
    yield _other("rrf", measure.of_ranks(), best, measure, features, None)
    if live is not None:
        yield _other(LIVE, measure.of_weights(live), best, measure, features, live)
    for place, uri in enumerate(features):
        alone = np.eye(len(features))[place]
        yield _other(f"{uri} alone", measure.of_weights(alone), best, measure, features, None)


def _other(
    name: str,
    values: FloatArray,
    best: HeldOut,
    measure: ListMeasure,
    features: Sequence[str],
    weights: FloatArray | None,
) -> OtherWeights:
    queries = measure.pools.queries
    return OtherWeights(
        name=name,
        value=mean_of_rows(values, queries, seed=0),
        behind=mean_of_rows(best.values - values, queries, seed=0),
        weights=None if weights is None else _named(features, weights),
    )


def _named(features: Sequence[str], weights: FloatArray) -> dict[str, float]:
    return dict(zip(features, weights.tolist(), strict=True))
