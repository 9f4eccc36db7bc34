"""Train a recommender from the log, measure it beside popularity, and store it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, Literal, Unpack

import msgspec
import numpy as np
from msgspec import Struct

from desirepath.analysis.reactions import Weighting
from desirepath.domain.artifact import ArtifactDraft
from desirepath.domain.clock import format_time
from desirepath.domain.scope import Scope
from desirepath.engine.analysing.asking import open_log
from desirepath.engine.analysing.part import part_of
from desirepath.engine.engine import Engine
from desirepath.engine.models import check_free_name, store_model
from desirepath.engine.recommender_files import (
    RECOMMENDER,
    Method,
    People,
    RecommenderConstants,
    RecommenderParts,
    write_recommender,
)
from desirepath.engine.seen_log import log_changes
from desirepath.engine.training.cut_reactions import LEAST_PEOPLE, Cut, Slice, cut_reactions
from desirepath.engine.training.trained import Stepped, Trained, TrainingOptions, plain_report
from desirepath.errors import InvalidSetting
from desirepath.extras import needs_extra
from desirepath.methods.levels import FloatArray
from desirepath.methods.ranking.metrics import ndcg_of_found
from desirepath.methods.recommending.als import AlternatingLeastSquares
from desirepath.methods.recommending.base import RecommendingModel
from desirepath.methods.recommending.evaluating import Compared, compare, ranked
from desirepath.methods.recommending.mixing import SHARES, mixed
from desirepath.methods.recommending.neighbours import NearestNeighbours
from desirepath.storage.base import Namespace

__all__ = [
    "CUTOFF",
    "RecommenderReport",
    "RecommenderSettings",
    "TrainedRecommender",
    "train_recommender",
]

CUTOFF = 10
_UNKNOWN_SHARE = 0.5  # of popularity, where nobody came back to choose it by
_MOST_JUDGED = 5_000
_DAY = 86_400_000_000


class RecommenderSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a recommender is trained with.

    Parameters
    ----------
    method
        ``cosine`` or ``bm25``: documents are neighbours that the same people reacted to. ``als``:
        alternating least squares.
    half_life_days
        A reaction so much older counts half.
    most_weight
        That one person's reactions to one document come to.
    neighbours, shrinkage
        Of ``cosine`` and ``bm25``.
    factors, regularization, confidence, iterations
        Of ``als``.
    popularity_share
        How much of popularity is mixed into what fits a person, from 0 to 1; None: the share that
        was best on people's next documents in the part that is learned from.
    test_share
        The last reactions, by time, that the measure is of.
    similar_users
        Whether to keep who was learned from, so that similar users can be asked for. The model then
        holds ids of people, and goes when one of them is erased.
    """

    method: Literal["cosine", "bm25", "als"] = "cosine"
    half_life_days: float = 30.0
    most_weight: float = 5.0
    neighbours: int = 100
    shrinkage: float = 20.0
    factors: int = 32
    regularization: float = 10.0
    confidence: float = 1.0
    iterations: int = 15
    popularity_share: float | None = None
    test_share: float = 0.2
    similar_users: bool = False
    seed: int = 0

    def check(self) -> None:
        """Refuse what cannot be trained with.

        Raises
        ------
        InvalidSetting
            A number is out of range.
        """
        share = self.popularity_share
        fits = {
            "half_life_days": 0 < self.half_life_days < 100_000,
            "most_weight": 0 < self.most_weight < 1e6,
            "neighbours": 1 <= self.neighbours <= 1_000,
            "shrinkage": 0 <= self.shrinkage < 1e9,
            "factors": 1 <= self.factors <= 512,
            "regularization": 0 < self.regularization < 1e9,
            "confidence": 0 < self.confidence < 1e6,
            "iterations": 1 <= self.iterations <= 500,
            "popularity_share": share is None or 0 <= share <= 1,
            "test_share": 0 < self.test_share < 1,
            "seed": 0 <= self.seed < 1 << 63,
        }
        for name, is_fit in fits.items():
            if not is_fit:
                raise InvalidSetting(f"{name} is out of range.", (name,))

    @property
    def learner(self) -> Method:
        """The method with its priors."""
        if self.method == "als":
            return AlternatingLeastSquares(
                factors=self.factors,
                regularization=self.regularization,
                confidence=self.confidence,
                iterations=self.iterations,
            )
        return NearestNeighbours(
            neighbours=self.neighbours, shrinkage=self.shrinkage, weighting=self.method
        )

    @property
    def weighting(self) -> Weighting:
        """How reactions add up."""
        return Weighting(half_life=round(self.half_life_days * _DAY), most=self.most_weight)


class RecommenderReport(Struct, frozen=True, kw_only=True):
    """What a recommender learned from, and how good it is beside popularity.

    Parameters
    ----------
    n_people, n_documents, n_pairs
        That it was learned from; ``n_with_two`` of the people reacted to two documents or more.
    test_from
        When the part begins that was not learned from for the measure.
    compared
        NDCG@10 of what fits a person mixed with popularity, beside popularity alone, over people
        of the earlier part who came back: all documents are ranked but those they had reacted
        to. None: fewer than 20 came back.
    personal
        The same without popularity mixed in.
    n_returned, n_newcomers
        Who reacted to something new in the later part, and whether they were known from the earlier
        one.
    popularity_share
        What is mixed in.
    shares
        Shares that were tried, with the NDCG@10 of each on a part that the measure is not of.
    """

    method: str
    n_people: int
    n_with_two: int
    n_documents: int
    n_pairs: int
    test_from: str
    n_returned: int
    n_newcomers: int
    popularity_share: float
    compared: Compared | None = None
    personal: Compared | None = None
    shares: tuple[tuple[float, float], ...] = ()
    seed: int = 0
    n_flagged: int = 0
    flagged_share: float = 0.0

    @property
    def verdict(self) -> str:
        """What the measure says, in words."""
        if self.compared is None:
            return (
                f"Nobody can tell whether it beats popularity: {LEAST_PEOPLE} people who came back "
                f"are needed, {self.n_returned:,} did."
            )
        if self.popularity_share == 1:
            return "No taste beyond popularity was found: everybody gets what is popular."
        if self.compared.verdict == "better":
            return "It beats popularity."
        if self.compared.verdict == "worse":
            return "It is worse than popularity: do not deploy it."
        return "It does not beat popularity, as far as these people tell."

    @property
    def beats_baselines(self) -> bool | None:
        """Whether it beats popularity; None: nobody can tell, and popularity is mixed in."""
        verdict = "cannot tell" if self.compared is None else self.compared.verdict
        return {"better": True, "worse": False}.get(verdict)


class TrainedRecommender(Trained[RecommenderReport], frozen=True, kw_only=True, eq=False):
    """What came of training, with the recommender itself."""

    parts: RecommenderParts


def train_recommender(
    engine: Engine,
    namespace: Namespace,
    name: str,
    settings: RecommenderSettings,
    scope: Scope,
    **options: Unpack[TrainingOptions],
) -> TrainedRecommender:
    """Train a recommender and store it as the next version under a name; it does not serve yet.

    Parameters
    ----------
    scope
        Which part of the log to learn from.

    Raises
    ------
    NotEnoughData
        Too few people reacted to two documents; it says how many are missing.
    InvalidSetting
        A setting is out of range.
    InvalidModel, AlreadyExists
        The name cannot be used, or belongs to a model of another kind.
    MissingDependency
        The extra ``train`` is not installed.
    """
    with needs_extra("train"):
        import scipy.sparse  # noqa: F401  # before the log is read for long
    settings.check()
    is_stored = options.get("is_stored", True)
    if is_stored:
        check_free_name(engine, namespace.number, RECOMMENDER, name)
    changes = log_changes(engine, namespace.number)
    on, progress = options.get("on", "duckdb"), options.get("progress")
    with open_log(engine, namespace, on=on, progress=progress) as opened:
        part = part_of(opened, scope)
        cut = cut_reactions(part, settings.weighting, settings.test_share)
    report, parts = _learn(cut, settings, options.get("stepped"))
    report = msgspec.structs.replace(
        report, n_flagged=part.n_flagged, flagged_share=part.flagged_share
    )
    artifact = None
    if is_stored:
        draft = _draft(name, settings, scope, report, parts)
        artifact = options.get("store", store_model)(engine, namespace, draft, changes)
    return TrainedRecommender(report=report, artifact=artifact, parts=parts)


def _learn(
    cut: Cut, settings: RecommenderSettings, stepped: Stepped | None
) -> tuple[RecommenderReport, RecommenderParts]:
    rng = np.random.default_rng(settings.seed)
    shares = _try_shares(cut.choosing, settings, rng)
    share = settings.popularity_share
    if share is None:
        share = max(shares, key=lambda one: one[1])[0] if shares else _UNKNOWN_SHARE
    compared, personal = _measure(cut.measuring, settings, share, rng)
    model = settings.learner.fit(cut.every.preferences, rng, stepped)
    known = cut.every.preferences
    report = RecommenderReport(
        method=settings.method,
        n_people=known.n_people,
        n_with_two=cut.every.n_with_two,
        n_documents=known.n_documents,
        n_pairs=len(known.documents),
        test_from=format_time(cut.test_from),
        n_returned=len(cut.measuring.later),
        n_newcomers=cut.measuring.n_newcomers,
        popularity_share=share,
        compared=compared,
        personal=personal,
        shares=shares,
        seed=settings.seed,
    )
    parts = RecommenderParts(
        constants=RecommenderConstants(
            method=settings.method,
            half_life_days=settings.half_life_days,
            most=settings.most_weight,
            popularity_share=share,
            learned_before=cut.learned_before,
            regularization=settings.regularization,
            confidence=settings.confidence,
        ),
        document_ids=cut.every.documents,
        popularity=known.popularity(),
        model=model,
        people=People(ids=cut.every.people, preferences=known) if settings.similar_users else None,
    )
    return report, parts


def _try_shares(
    part: Slice, settings: RecommenderSettings, rng: np.random.Generator
) -> tuple[tuple[float, float], ...]:
    """Each share with its NDCG@10; none where too few came back."""
    if settings.popularity_share is not None or len(part.later) < LEAST_PEOPLE:
        return ()
    values = _values(part, settings, SHARES, rng)
    return tuple((share, float(values[share].mean())) for share in SHARES)


def _measure(
    part: Slice, settings: RecommenderSettings, share: float, rng: np.random.Generator
) -> tuple[Compared | None, Compared | None]:
    if len(part.later) < LEAST_PEOPLE:
        return None, None
    values = _values(part, settings, (share, 0.0, 1.0), rng)
    return compare(values[share], values[1.0], rng), compare(values[0.0], values[1.0], rng)


def _values(
    part: Slice, settings: RecommenderSettings, shares: Sequence[float], rng: np.random.Generator
) -> dict[float, FloatArray]:
    """NDCG@10 of each person who came back, by share of popularity."""
    known = part.known.preferences
    model: RecommendingModel = settings.learner.fit(known, rng)
    popularity = known.popularity()
    people = np.array(sorted(part.later))
    if len(people) > _MOST_JUDGED:
        people = np.sort(rng.choice(people, _MOST_JUDGED, replace=False))
    values = {share: np.zeros(len(people)) for share in shares}
    for place, person in enumerate(people):
        history = known.of(person)
        scores, relevant = model.scores(history), part.later[int(person)]
        for share in shares:
            order = ranked(mixed(scores, popularity, share), history.documents, CUTOFF)
            values[share][place] = ndcg_of_found(order, relevant, CUTOFF)
    return values


def _draft(
    name: str,
    settings: RecommenderSettings,
    scope: Scope,
    report: RecommenderReport,
    parts: RecommenderParts,
) -> ArtifactDraft:
    libraries = [name for name in ("implicit", "scipy") if find_spec(name) is not None]
    manifest: dict[str, Any] = {
        "settings": msgspec.to_builtins(settings),
        "scope": msgspec.to_builtins(scope),
        "report": plain_report(report),
        "holds_people": parts.people is not None,
        "libraries": {name: version(name) for name in libraries},
    }
    return ArtifactDraft(
        kind=RECOMMENDER,
        name=name,
        manifest=manifest,
        files=write_recommender(parts),
        retriever_id=scope.retriever_id,
    )
