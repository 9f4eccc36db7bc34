"""A shop that is searched and clicked in for hours of its own time, with rankers at work.

What rankers saw when they served is kept, to be held against what the log says of the same lists.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from desirepath.analysis.ranking_features import exposures_of
from desirepath.domain.artifact import ArtifactDraft
from desirepath.domain.clock import format_time
from desirepath.domain.ranking_features import FeatureLayout
from desirepath.domain.ranking_features import boundary as boundary_at
from desirepath.domain.retriever import Retriever, read_retriever
from desirepath.domain.scope import Scope
from desirepath.engine.analysing.asking import open_log
from desirepath.engine.analysing.part import part_of
from desirepath.engine.engine import Engine
from desirepath.engine.executing import ExecuteRequest, Served, execute
from desirepath.engine.models import deploy_model, roll_back_model, store_model
from desirepath.engine.ranker_files import RANKER, RankerParts, pack_ranker
from desirepath.engine.recommender_files import RecommenderParts
from desirepath.engine.recording import Submission
from desirepath.engine.serving.searching import SentCandidate
from desirepath.engine.training.document_fields import document_tables
from desirepath.engine.training.layouts import with_shares
from desirepath.engine.training.recommender_features import likeness_of
from desirepath.engine.training.snapshot import snapshot_of
from desirepath.engine.training.training_rows import features_of, opened_tables, training_rows
from desirepath.storage.base import Namespace
from desirepath.testing.clock import START, TestingClock
from desirepath.testing.examples import a_document, sent_execution, sent_interaction
from tests.recommenders import parts_of

__all__ = ["DEFAULT", "NAMES", "Compared", "Replay", "compare", "trees_of"]

DEFAULT = Namespace(number=1, namespace_id="ns_default", name="default", created_at=START)
NAMES = (
    *("rank", "document_score", "score:vector://a", "score:text://b", "feature:margin"),
    *("field:price.eur", "field:stock", "age:made"),
    *("ctr", "ctr_of_pair", "popularity", "exposure", "days_since_click", "days_known"),
    *("user_affinity:colour", "user_affinity:brand", "session_affinity:colour"),
    "recommender:tastes@1",
)
TASTES = "tastes@1"
DOCUMENTS = [f"d{n}" for n in range(60)]
QUERIES = ["shoes", "red shoes", " boots ", "hats", "bags", None]
MINUTE = 60.0


def tastes() -> RecommenderParts:
    """A recommender that knows most documents, and learned until twenty minutes from the start."""
    rng = random.Random(4)
    liked = {f"person{n}": rng.sample(DOCUMENTS[3:], 6) for n in range(40)}
    return parts_of(liked, learned_before=START + 20 * 60_000_000)


def trees_of(n_features: int, seed: int) -> str:
    """Trees that order by chance, but by every feature."""
    import lightgbm

    rng = np.random.default_rng(seed)
    values = rng.normal(size=(600, n_features))
    labels = (values * rng.normal(size=n_features)).sum(axis=1)
    data = lightgbm.Dataset(values, labels, params={"verbosity": -1})
    parameters = {"objective": "regression", "num_leaves": 8, "verbosity": -1, "num_threads": 1}
    return str(lightgbm.train(parameters, data, 10).model_to_string())


class Seen(Struct, frozen=True, eq=False):
    """The features that a document was ranked by."""

    model: str
    features: np.ndarray[Any, np.dtype[np.float32]]


class Replay:
    """Searches and clicks that one seed decides, on a clock that this moves."""

    def __init__(
        self, open_engine: Callable[[], Engine], clock: TestingClock, rng: random.Random
    ) -> None:
        self._open, self._clock, self._rng = open_engine, clock, rng
        self.engine = self._opened()
        self.seen: dict[tuple[str, str], Seen] = {}
        self.n_judged = 0
        self.n_skipped = 0
        self.tastes = tastes()
        self.layouts: dict[str, FeatureLayout] = {}
        self._due: list[tuple[int, dict[str, Any]]] = []
        self._awaited: list[str] = []
        self._n_named = 0
        self._last: Served | None = None
        self._fill()
        self._retrievers = [
            self._retriever("shop", "of_shop"),
            self._retriever("outlet", "of_all"),
            self._retriever("plain", None),
        ]

    @property
    def n_shown(self) -> int:
        """Executions that a ranker ordered, and that showed something."""
        return len({execution_id for execution_id, _ in self.seen})

    def restart(self) -> None:
        """Go on as another process would: with what is in the database, and nothing else."""
        self.engine.close()
        self.engine = self._opened()

    def train(self, seed: int) -> None:
        """Store and deploy the next version of both rankers, from the log as it is."""
        shop = self._retrievers[0].retriever_id
        for name, retriever_id in (("of_shop", shop), ("of_all", None)):
            layout = FeatureLayout(
                names=NAMES,
                retriever_id=retriever_id,
                half_life_days=0.25,
                propensities=(1.0, 0.7, 0.4),
                learned_before={TASTES: self.tastes.constants.learned_before},
            )
            with self.engine.storage.read() as session:
                origin = boundary_at(session.now())
            with (
                open_log(self.engine, DEFAULT) as opened,
                document_tables(self.engine, DEFAULT, opened, layout) as documents,
            ):
                # One version's constants stay those of the next: what was served is held against
                # one extraction.
                layout = self.layouts.get(name) or with_shares(
                    opened, layout, exposures_of(opened.log, layout), documents
                )
                counters = snapshot_of(opened, layout, origin)
            self.layouts[name] = layout
            parts = RankerParts(
                trees=trees_of(len(NAMES), seed),
                layout=layout,
                counters=counters,
                likeness={TASTES: likeness_of(self.tastes)},
            )
            draft = ArtifactDraft(kind=RANKER, name=name, manifest={}, files=pack_ranker(parts))
            store_model(self.engine, DEFAULT, draft)
            deploy_model(self.engine, 1, name)
        self.engine.directory.forget()

    def roll_back(self) -> None:
        """Let the versions serve that did before."""
        for name in self.layouts:
            roll_back_model(self.engine, 1, name)
        self.engine.directory.forget()

    def run(self, n_searches: int) -> None:
        """Search so often, with all that happens in between."""
        n_done = 0
        while n_done < n_searches:
            pause = self._rng.choice([0.01, 0.3, 2.0, 9.0, 9.0, 40.0])
            self._clock.advance(seconds=self._rng.random() * pause)
            if self._rng.random() < 0.002:
                self._clock.advance(seconds=30 * MINUTE)
            self._send_what_is_due()
            self._clock.advance(seconds=0.001)  # on a clock that stands, what is first is luck
            chance = self._rng.random()
            if chance < 0.85:
                self._search()
                n_done += 1
            elif chance < 0.95:
                self._search_elsewhere()
            else:
                self._click_early()

    def close(self) -> None:
        self.engine.close()

    def _opened(self) -> Engine:
        engine = self._open()
        engine.rankers.patience_seconds = 600.0  # this machine may be busy
        return engine

    def _fill(self) -> None:
        rng = self._rng
        colours, brands = ("red", "blue", "green", "grey"), ("x", "y", "z")
        documents = []
        for id in DOCUMENTS[:-5]:  # the last ones are not in the index
            payload: dict[str, Any] = {"price": {"eur": round(rng.random() * 90, 2)}}
            if rng.random() < 0.8:
                payload["colour"] = rng.sample(colours, rng.randrange(3))
                payload["made"] = format_time(START - rng.randrange(10**14))
            if rng.random() < 0.8:
                payload |= {"brand": rng.choice(brands), "stock": rng.randrange(9)}
            documents.append(a_document(document_id=id, payload=payload))
        with self.engine.storage.write() as session:
            session.documents.upsert(1, documents)

    def _retriever(self, name: str, model: str | None) -> Retriever:
        parameters: dict[str, Any] = {"weights": {"score": -1.0}}
        if model is not None:
            parameters = {"inference_name": model, "max_candidates": 25}
        stages = [
            {"stage_name": "search", "stage_id": "feature_search", "parameters": {}},
            {"stage_name": "rerank", "stage_id": "rerank", "parameters": parameters},
        ]
        draft = read_retriever({"retriever_name": name, "stages": stages})
        with self.engine.storage.write() as session:
            id = self.engine.make_id.next(session.now())
            return session.catalog.create_retriever(1, id, draft, session.now())

    def _search(self) -> None:
        rng = self._rng
        if self._last is not None and rng.random() < 0.15:
            request = self._next_page(self._last)
        else:
            lists = {
                uri: [
                    SentCandidate(document_id=id, score=rng.random())
                    for id in rng.sample(DOCUMENTS, rng.randrange(1, 20))
                ]
                for uri in rng.choice([["vector://a"], ["vector://a", "text://b"]])
            }
            query = rng.choice(QUERIES)
            request = ExecuteRequest(
                inputs={} if query is None else {"query": query},
                candidates=lists,
                features={id: {"margin": rng.random()} for id in rng.sample(DOCUMENTS, 20)},
                user_id=rng.choice([None, *(f"u{n}" for n in range(8))]),
                session_id=rng.choice([None, *(f"s{n}" for n in range(12))]),
                page_size=6,
                is_explained=True,
            )
        retriever = rng.choice(self._retrievers)
        served = execute(self.engine, retriever, request)
        self._last = served
        self._request, self._retriever_of_last = request, retriever
        self._keep(served)
        self._react(served)

    def _next_page(self, before: Served) -> ExecuteRequest:
        return replace(
            self._request,
            start=self._request.start + 6,
            parent_id=None,  # its weights are the same anyway, and it may be another retriever's
        )

    def _keep(self, served: Served) -> None:
        self.n_skipped += served.profile.status == "degraded"
        execution = served.execution
        shown = {hit.document_id for hit in served.hits}
        for judged in served.judged:
            self.n_judged += 1
            for id, row in zip(judged.document_ids, judged.features, strict=True):
                if id in shown:
                    self.seen[execution.execution_id, id] = Seen(judged.model, row)

    def _react(self, served: Served) -> None:
        """Clicks that will be sent at once, late, or twice."""
        rng, execution = self._rng, served.execution
        for hit in served.hits:
            if rng.random() < 0.2:
                click = {
                    "feature_id": hit.document_id,
                    "execution_id": execution.execution_id,
                    "user_id": rng.choice([None, execution.user_id, "u0"]),
                    "session_id": execution.session_id,
                    "interaction_type": rng.choice(
                        [["click"], ["add_to_cart", "click"], ["purchase"]]
                    ),
                }
                for _ in range(rng.choice([1, 1, 1, 2])):
                    delay = rng.choice([1.0, 20.0, 400.0, 5_000.0]) * rng.random()
                    self._due.append((self._clock.now() + round(delay * 1e6), click))

    def _send_what_is_due(self) -> None:
        now = self._clock.now()
        due = [click for moment, click in self._due if moment <= now]
        self._due = [(moment, click) for moment, click in self._due if moment > now]
        for click in due:
            sent = sent_interaction(**click)
            self.engine.submit(Submission(namespace=1, interactions=(sent,), deduplicate=True))

    def _search_elsewhere(self) -> None:
        """Another engine searched; its clicks may have come before it."""
        rng = self._rng
        self._n_named += 1
        name = f"e{self._n_named}"
        if self._awaited and rng.random() < 0.7:
            name = self._awaited.pop(rng.randrange(len(self._awaited)))
        shown = [{"document_id": id} for id in rng.sample(DOCUMENTS, 8)]
        query = rng.choice(QUERIES)
        sent = sent_execution(
            rng.choice(self._retrievers).retriever_id,
            execution_id=name,
            documents=shown,
            inputs=None if query is None else {"query": query},
            offset=rng.choice([0, 8]),
        )
        self.engine.submit(Submission(namespace=1, executions=(sent,)))

    def _click_early(self) -> None:
        name = f"early{self._clock.now()}"
        self._awaited.append(name)
        for id in self._rng.sample(DOCUMENTS, 6):
            sent = sent_interaction(
                feature_id=id, execution_id=name, user_id=f"u{self._rng.randrange(8)}"
            )
            self.engine.submit(Submission(namespace=1, interactions=(sent,)))


class Compared(Struct, frozen=True, kw_only=True):
    """Served features beside those of the log.

    Parameters
    ----------
    n_executions, n_values
        That a ranker served, and numbers that it looked at for what was shown.
    n_exact
        Numbers that are the same bit by bit, NaN like NaN.
    different
        Features that differ by more than the last bit, with how often.
    """

    n_executions: int
    n_values: int
    n_exact: int
    different: dict[str, int]


def compare(replay: Replay) -> Compared:
    """Work the features of all that was served out of the log, and hold them against each other."""
    n_exact = n_values = 0
    different: dict[str, int] = {}
    executions = set()
    for model, layout in replay.layouts.items():
        served = {key: seen.features for key, seen in replay.seen.items() if seen.model == model}
        rows = _from_log(replay.engine, layout, replay.tastes)
        assert served.keys() <= rows.keys()
        executions |= {execution_id for execution_id, _ in served}
        online = np.array(list(served.values()))
        offline = np.array([rows[key] for key in served])
        exact = (online == offline) | (np.isnan(online) & np.isnan(offline))
        n_exact, n_values = n_exact + int(exact.sum()), n_values + exact.size
        apart = np.abs(online - offline)
        last_bit = np.maximum(np.spacing(np.abs(offline)), 1e-12)
        wrong = ~exact & ~(apart <= last_bit)
        for place, n in enumerate(wrong.sum(axis=0).tolist()):
            if n:
                different[f"{model} {layout.names[place]}"] = n
    return Compared(
        n_executions=len(executions), n_values=n_values, n_exact=n_exact, different=different
    )


def _from_log(
    engine: Engine, layout: FeatureLayout, tastes: RecommenderParts
) -> dict[tuple[str, str], np.ndarray[Any, np.dtype[np.float32]]]:
    with open_log(engine, DEFAULT) as opened:
        part = part_of(opened, Scope(exclude_flagged=False))
        with (
            document_tables(engine, DEFAULT, opened, layout) as documents,
            opened_tables(
                opened, layout, exposures_of(opened.log, layout), documents, {TASTES: tastes}
            ) as tables,
        ):
            found = features_of(opened, training_rows(part), tables, layout)
    keys = zip(
        found.rows["execution_id"].to_pylist(),
        found.rows["document_id"].to_pylist(),
        strict=True,
    )
    return dict(zip(keys, found.features, strict=True))
